//! Reads tool outputs: as they went to the model, as they were shown, and in full from a file if they were too long for
//! either.

use std::path::{Component, Path, PathBuf};

use super::paths;
use crate::disk;
use crate::domain::own_output;

/// Folder of a project that holds long outputs.
const OUTPUTS: &str = "tool-outputs";
/// Maximum bytes read from a long output.
const MAX_OUTPUT: u64 = 8 << 20;
/// Maximum bytes of one part. Keyword search indexes only the beginning of a longer text.
const MAX_PART: usize = 192 << 10;
/// Bytes at the start of a result in which the file with the rest is named.
const NAMED_WITHIN: usize = 4_000;

/// Returns true for our own output, which the client wraps into an element.
pub(super) fn is_own_output(text: &str) -> bool {
    own_output::is_own_output(text) || own_output::is_own_output(&unwrap_output(text))
}

/// Returns the text of an output in pieces that are indexed completely.
pub(super) fn output_texts(transcript: &Path, result: &str, shown: Option<&str>) -> Vec<String> {
    let result_text = unwrap_output(result);
    let shown = shown.map_or("", str::trim);
    let full = find_named_file(transcript, result).and_then(|file| read_output(&file));
    let text = match full {
        Some(full) if full.len() >= shown.len() => full,
        Some(_) => shown.to_owned(),
        None => merge_outputs(&result_text, shown, result),
    };
    split_at_lines(&text)
}

/// Merges the output for the model with the one for the screen. Each may hold what the other lacks.
fn merge_outputs(result: &str, shown: &str, whole_result: &str) -> String {
    let is_cut = shown.len() > result.len() && whole_result.contains("Output too large");
    if result.is_empty() || is_cut {
        return shown.to_owned();
    }
    if shown.is_empty() || result.contains(shown) {
        return result.to_owned();
    }
    if shown.contains(result) { shown.to_owned() } else { format!("{result}\n\n{shown}") }
}

/// Strips the element and the lines that the client puts around a result.
fn unwrap_output(result: &str) -> String {
    let Some((before, inside)) = result.split_once("<untrusted_context>") else { return result.trim().to_owned() };
    let (inside, after) = inside.split_once("</untrusted_context>").unwrap_or((inside, ""));
    let inside = inside.trim();
    let inside = inside.strip_prefix("Output: ").unwrap_or(inside);
    let lines: Vec<&str> = inside.lines().filter(|line| !line.starts_with("Process Group PGID: ")).collect();
    let texts = [before.trim(), &lines.join("\n"), after.trim()];
    texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Finds the file with the full output that a result names. It must be in the outputs folder of the same project.
fn find_named_file(transcript: &Path, result: &str) -> Option<PathBuf> {
    let head = crate::domain::text::byte_prefix(result, NAMED_WITHIN);
    let marks = [format!("/{OUTPUTS}/"), format!("\\{OUTPUTS}\\")];
    let (at, mark) = marks.iter().find_map(|mark| Some((head.find(mark.as_str())?, mark)))?;
    let named = head.get(at + mark.len()..)?.lines().next()?.trim().trim_end_matches(['.', '"', '\'', ')', ']']);
    let relative: PathBuf = named.split(['/', '\\']).collect();
    let is_plain = relative.components().all(|component| matches!(component, Component::Normal(_)));
    let folder = paths::project_directory(transcript)?.join(OUTPUTS);
    let file = folder.join(relative).canonicalize().ok()?;
    (is_plain && file.starts_with(folder.canonicalize().ok()?)).then_some(file)
}

fn read_output(file: &Path) -> Option<String> {
    let bytes = disk::read_foreign_head(file, MAX_OUTPUT).ok()?;
    Some(unwrap_output(&String::from_utf8_lossy(&bytes)))
}

/// Splits a text into parts at line ends, or inside a line that is too long.
fn split_at_lines(text: &str) -> Vec<String> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while rest.len() > MAX_PART {
        let head = crate::domain::text::byte_prefix(rest, MAX_PART);
        let end = head.rfind('\n').map_or(head.len(), |at| at + 1);
        let Some((part, after)) = rest.split_at_checked(end.max(1)) else { break };
        parts.push(part.to_owned());
        rest = after;
    }
    parts.push(rest.to_owned());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_outputs_are_recognised_inside_what_the_client_adds() {
        assert!(is_own_output(&format!("<untrusted_context>\n{}\n1. x\n</untrusted_context>", own_output::PREAMBLE)));
        assert!(!is_own_output("<untrusted_context>\nOutput: x\n</untrusted_context>"));
    }

    #[test]
    fn an_output_is_kept_whole_and_once() {
        let wrapped = "<untrusted_context>\nOutput: three beds\nProcess Group PGID: 7\n</untrusted_context>";
        let texts = |result: &str, shown| output_texts(Path::new("/nowhere"), result, shown);
        assert_eq!(texts(wrapped, Some("three beds")), ["three beds"]);
        assert_eq!(texts("the whole page", Some("1 result returned.")), ["the whole page\n\n1 result returned."]);
        assert_eq!(texts("", Some("shown")), ["shown"]);
        assert_eq!(
            texts("Output too large. Showing the first\n1", Some("1\n2\n3 and all the lines up to the end of it"))
                .len(),
            1
        );
        let long = "a line of words\n".repeat(20_000);
        let parts = texts(&long, None);
        assert!(parts.len() == 2 && parts.iter().all(|part| part.len() <= MAX_PART) && parts.concat() == long.trim());
        assert_eq!(split_at_lines(&"ü".repeat(200_000)).concat().chars().count(), 200_000);
    }
}

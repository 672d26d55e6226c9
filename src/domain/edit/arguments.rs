//! Arguments of a tool call in the form in which a call is stored: `name: value` lines, values verbatim and over several
//! lines.

/// Names of the argument with the path of a file.
pub(super) const PATH_FIELDS: [&str; 8] =
    ["file_path", "filePath", "notebook_path", "path", "absolute_path", "target_file", "filename", "file"];
/// Arguments of one short value that may come after the text of an edit.
const TAIL_FIELDS: [&str; 10] = [
    "replace_all",
    "replaceAll",
    "expected_replacements",
    "allow_multiple",
    "modified_by_user",
    "cell_id",
    "cell_type",
    "edit_mode",
    "dry_run",
    "dryRun",
];
/// Longest line that may be an argument of [`TAIL_FIELDS`].
const MAX_TAIL_BYTES: usize = 120;

/// Finds the first line that gives one of these arguments; returns the offset of the line and of the value.
pub(super) fn find_field(text: &str, names: &[&str]) -> Option<(usize, usize)> {
    find_fields(text, names).next()
}

/// Finds the path that a call names, with the offset of its line: the first one, or the last one if the call begins with
/// the text of the file, which may hold lines of that form.
pub(super) fn find_path(text: &str) -> Option<(usize, &str)> {
    let starts_with_body = find_field(text, &BODY_FIELDS).is_some_and(|(line, _)| line == 0);
    let found = if starts_with_body { find_fields(text, &PATH_FIELDS).last() } else { find_field(text, &PATH_FIELDS) };
    let (line, value) = found?;
    let path = text.get(value..)?.lines().next()?.trim();
    (!path.is_empty()).then_some((line, path))
}

/// Returns the value of an argument up to the next of `ends`, or to the arguments of one short value at the end.
pub(super) fn read_body<'t>(text: &'t str, names: &[&str], ends: &[&str]) -> Option<&'t str> {
    let (_, start) = find_field(text, names)?;
    let rest = text.get(start..)?;
    let end = find_field(rest, ends).map(|(line, _)| line).filter(|line| *line > 0);
    let body = match end {
        Some(end) => rest.get(..end)?.strip_suffix('\n').unwrap_or(rest.get(..end)?),
        None => without_tail(rest),
    };
    Some(body)
}

/// Arguments with the text of a file or of a place in it.
pub(super) const BODY_FIELDS: [&str; 14] = [
    "content",
    "contents",
    "file_text",
    "new_source",
    "old_string",
    "oldString",
    "old_str",
    "oldText",
    "new_string",
    "newString",
    "new_str",
    "newText",
    "edits",
    "insert_text",
];

fn find_fields<'a>(text: &'a str, names: &'a [&'a str]) -> impl Iterator<Item = (usize, usize)> + 'a {
    let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1));
    starts.filter_map(move |line| {
        let rest = text.get(line..)?;
        let name = names.iter().find(|name| {
            rest.strip_prefix(**name).is_some_and(|rest| rest.starts_with(": ") || rest.starts_with(":\n"))
        })?;
        let value = line + name.len() + 1;
        Some((line, value + usize::from(text.as_bytes().get(value) == Some(&b' '))))
    })
}

/// Returns the text without short arguments at its end.
fn without_tail(text: &str) -> &str {
    let mut rest = text;
    while let Some((before, last)) = rest.rsplit_once('\n') {
        let is_tail =
            last.len() <= MAX_TAIL_BYTES && last.split_once(": ").is_some_and(|(name, _)| TAIL_FIELDS.contains(&name));
        if !is_tail {
            break;
        }
        rest = before;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_in_the_order_of_any_client() {
        let call = "replace_all: false\nfile_path: /w/a.rs\nold_string: one\ntwo\nnew_string: one\n\nthree";
        assert_eq!(find_path(call), Some((19, "/w/a.rs")));
        assert_eq!(read_body(call, &["old_string"], &["new_string"]), Some("one\ntwo"));
        assert_eq!(read_body(call, &["new_string"], &["old_string"]), Some("one\n\nthree"));
        let reversed = "new_string: b\nfile_path: c\nold_string: a\nfile_path: /w/a.rs\nreplace_all: true";
        assert_eq!(find_path(reversed).map(|(_, path)| path), Some("/w/a.rs"));
        let tail = "file_path: a\nold_string: x\nnew_string: y\nz\nreplace_all: true";
        assert_eq!(read_body(tail, &["new_string"], &["old_string"]), Some("y\nz"));
        let removed = "file_path: a\nold_string: x\nnew_string: ";
        assert_eq!(read_body(removed, &["new_string"], &["old_string"]), Some(""));
        assert_eq!(find_path("command: ls"), None);
    }
}

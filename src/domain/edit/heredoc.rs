//! Files that a shell command writes from a here-document: `cat > file <<'EOF'`, `tee file <<EOF`, and patches that it hands
//! to `apply_patch`. What other programs do with their input is not known.

use super::file_edit::FileEdit;
use super::patch::read_patch;

/// Here-documents read of one command.
const MAX_DOCUMENTS: usize = 64;

/// Reads the files that the here-documents of a command write.
pub(super) fn read_heredocs(command: &str) -> Vec<FileEdit> {
    let mut found = Vec::new();
    let mut lines = command.lines();
    while let Some(line) = lines.next() {
        let Some((before, tag, after)) = split_at_tag(line) else { continue };
        let is_indented = before.ends_with("<<-");
        let body: Vec<&str> = lines
            .by_ref()
            .take_while(|line| if is_indented { line.trim_start_matches('\t') != tag } else { *line != tag })
            .collect();
        let start = take_last_command(before.trim_end_matches('-').trim_end_matches('<'));
        if start.split_whitespace().any(|word| word == "apply_patch" || word == "applypatch") {
            found.extend(read_patch(&body.join("\n")));
        } else if let Some(path) = find_target(start, after) {
            let inserted = body.into_iter().map(str::to_owned).collect();
            found.push(FileEdit { path: Some(path), inserted, removed: Vec::new() });
        }
        if found.len() >= MAX_DOCUMENTS {
            break;
        }
    }
    found
}

/// Splits a line at its here-document: the text up to `<<` or `<<-`, the word that ends the document, the text after it.
fn split_at_tag(line: &str) -> Option<(&str, &str, &str)> {
    let at = line.find("<<")?;
    let rest = line.get(at + 2..)?;
    // `<<<` is a string, `1 << 2` a shift.
    let (marks, rest) = rest.strip_prefix('-').map_or((2, rest), |rest| (3, rest));
    let rest = rest.trim_start_matches(' ');
    let (tag, after) = match rest.chars().next()? {
        quote @ ('\'' | '"') => rest.get(1..)?.split_once(quote)?,
        '\\' => split_word(rest.get(1..)?),
        _ => split_word(rest),
    };
    let is_word = tag.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && tag.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
    is_word.then_some((line.get(..at + marks)?, tag, after))
}

fn split_word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_alphanumeric() || "_-.".contains(c))).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Returns the command that a here-document belongs to: what comes after the last separator.
fn take_last_command(before: &str) -> &str {
    let separators = ["&&", "||", ";", "|", "$(", "{", "("];
    let start = separators.iter().filter_map(|mark| before.rfind(mark).map(|at| at + mark.len())).max();
    before.get(start.unwrap_or(0)..).unwrap_or(before).trim()
}

/// Returns the file that `cat` or `tee` writes; the redirection may come after the here-document.
fn find_target(command: &str, after: &str) -> Option<String> {
    let mut words = command.split_whitespace().skip_while(|word| matches!(*word, "sudo" | "then" | "do" | "else"));
    match words.next()? {
        "cat" => find_redirection(command).or_else(|| find_redirection(after)),
        "tee" => words.find(|word| !word.starts_with('-') && !word.starts_with('>')).map(strip_quotes),
        _ => None,
    }
}

fn find_redirection(text: &str) -> Option<String> {
    let at = text.find('>')?;
    if text.get(..at)?.ends_with(|c: char| c.is_ascii_digit() || c == '&') {
        return None;
    }
    let rest = text.get(at..)?.trim_start_matches(['>', '|']).trim_start();
    let word = match rest.chars().next()? {
        quote @ ('\'' | '"') => rest.get(1..)?.split(quote).next()?,
        '&' => return None,
        _ => rest.split([' ', '\t', ';', '&', '|', '<', ')']).next()?,
    };
    (!word.is_empty() && word != "/dev/null").then(|| word.to_owned())
}

fn strip_quotes(word: &str) -> String {
    word.trim_matches(['\'', '"']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(command: &str) -> Vec<(String, Vec<String>)> {
        read_heredocs(command).into_iter().map(|edit| (edit.path.unwrap_or_default(), edit.inserted)).collect()
    }

    #[test]
    fn files_written_by_a_command_are_found_with_their_lines() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        for (command, path, body) in [
            ("cat > a.txt <<'EOF'\none\n  two\nEOF\nls", "a.txt", lines(&["one", "  two"])),
            ("mkdir -p d && cat >> \"d/a b.md\" << EOF\none\nEOF", "d/a b.md", lines(&["one"])),
            ("cat <<-END > x.sh\n\techo\n\tEND\necho after", "x.sh", lines(&["\techo"])),
            ("cat <<\\EOF >x\nFALSE\nEOF", "x", lines(&["FALSE"])),
            ("sudo tee -a /etc/hosts <<EOF >/dev/null\n127.0.0.1 a\nEOF", "/etc/hosts", lines(&["127.0.0.1 a"])),
            ("cat > 说明.md <<'结束'\n第一行\n结束", "说明.md", lines(&["第一行"])),
            ("cat > open.txt <<EOF\nnever closed", "open.txt", lines(&["never closed"])),
        ] {
            assert_eq!(written(command), [(path.to_owned(), body)], "{command}");
        }
        assert_eq!(written("cat >a <<X\n1\nX\ncat >b <<Y\n2\nY").len(), 2);
        let patched =
            written("apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: p.rs\n+new line\n*** End Patch\nEOF");
        assert_eq!(patched, [("p.rs".to_owned(), lines(&["new line"]))]);
    }

    #[test]
    fn input_of_other_programs_is_no_file() {
        for command in [
            "git commit -m \"$(cat <<'EOF'\nSubject\n\nBody\nEOF\n)\"",
            "python3 - <<EOF > out.txt\nprint(1)\nEOF",
            "cat <<EOF\nshown\nEOF",
            "cat <<< word > file",
            "echo $((1 << 2)) > x",
            "cat 2> err <<EOF\nx\nEOF",
            "ls",
        ] {
            assert_eq!(written(command), [], "{command}");
        }
    }
}

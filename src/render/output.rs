//! Outputs of tools: exit code, number of lines, and the text up to a limit.

use super::document::ToolOutput;
use crate::domain::text::byte_prefix;

/// Most bytes of an output that are shown at once.
const MAX_SHOWN_BYTES: usize = 48 << 10;

/// Reads what a tool printed.
pub(super) fn parse_output(text: &str) -> ToolOutput {
    let (exit_code, body) = read_exit_code(text);
    let body = body.trim_end();
    let lines = body.lines().count();
    let shown = byte_prefix(body, MAX_SHOWN_BYTES);
    // Whole lines, if there are any.
    let shown = if shown.len() < body.len() {
        shown.rfind('\n').and_then(|end| shown.get(..end)).unwrap_or(shown)
    } else {
        shown
    };
    ToolOutput { exit_code, lines, hidden: lines.saturating_sub(shown.lines().count()), text: shown.to_owned() }
}

/// Returns the exit code that the first lines name, and what is left without that line.
fn read_exit_code(text: &str) -> (Option<i64>, &str) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let number = |line: &str| {
        let lower = line.trim().to_ascii_lowercase();
        let told = ["exit code:", "exit code", "process exited with code", "exited with code"];
        let number = told.iter().find_map(|prefix| lower.strip_prefix(prefix))?;
        number.trim().parse::<i64>().ok()
    };
    if let Some(code) = number(first) {
        return (Some(code), rest);
    }
    // Codex writes a few lines of its own before what was printed.
    let head = text.lines().take(6).find_map(number);
    match (head, text.split_once("\nOutput:\n")) {
        (Some(code), Some((_, body))) => (Some(code), body),
        (code, _) => (code, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_and_lines() {
        let read = |text: &str| {
            let ToolOutput { exit_code, lines, text, hidden } = parse_output(text);
            (exit_code, lines, text, hidden)
        };
        assert_eq!(read("Exit code 1\nFAIL\nx\n"), (Some(1), 2, "FAIL\nx".to_owned(), 0));
        assert_eq!(
            read("Exit code: 0\nWall time: 1 s\nOutput:\nok"),
            (Some(0), 3, "Wall time: 1 s\nOutput:\nok".to_owned(), 0)
        );
        assert_eq!(read("Chunk ID: x\nProcess exited with code 2\nOutput:\nbad"), (Some(2), 1, "bad".to_owned(), 0));
        assert_eq!(read("plain"), (None, 1, "plain".to_owned(), 0));
        assert_eq!(read(""), (None, 0, String::new(), 0));
        let (_, lines, text, hidden) = read(&"0123456789\n".repeat(10_000));
        assert_eq!((lines, hidden), (10_000, 10_000 - text.lines().count()));
        assert!(text.len() <= MAX_SHOWN_BYTES && text.ends_with('9'));
    }
}

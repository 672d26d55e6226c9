//! Lines as they are in the file, without what a program put before them: numbers, diff and quotation marks, times.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::compile;
use super::view::{View, ViewBuilder};

/// A line number, or a mark of a diff, a quotation, a comment, a list or a table.
static MARK: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"^(?:[ \t]*[0-9]{1,6}[ \t]*(?:\t|→|│|\||:) ?|[+\-] ?|[ \t]*(?:>|#|//|\*|;|--|- |\||│|┃) ?)")
});
/// Time, level and process of a log line.
static STAMP: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"^[ \t]*\[?[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]{5,15}(?:Z|[+-][0-9]{2}:?[0-9]{2})?\]?[ \t]*",
        r"(?:\[?(?:INFO|DEBUG|WARN|WARNING|ERROR|TRACE)\]?)?[ \t]*(?:[A-Za-z0-9_.\[\]-]{1,40}:)?[ \t]?",
    ))
});
/// File and line number, as grep prints them.
static PLACE: LazyLock<Regex> =
    LazyLock::new(|| compile(r"^[A-Za-z0-9_./-]{1,120}[./][A-Za-z0-9_-]{1,20}[:-][0-9]{1,6}[:-]"));

/// Bytes of a line in which marks are looked for.
const WINDOW: usize = 200;

/// Returns the view without the marks at the start of lines, or nothing if fewer than half of the lines have one.
pub(super) fn strip<'t>(base: &'t View<'t>) -> Option<View<'t>> {
    let text = base.text();
    let (mut lines, mut marked) = (0usize, 0usize);
    let lengths: Vec<usize> = text
        .split_inclusive('\n')
        .map(|line| {
            let length = mark_length(line);
            lines += usize::from(!line.as_bytes().trim_ascii().is_empty());
            marked += usize::from(length > 0);
            length
        })
        .collect();
    if marked == 0 || marked * 2 < lines || lines < 2 {
        return None;
    }
    let mut view = ViewBuilder::with_capacity(text.len());
    let mut at = 0;
    for (line, length) in text.split_inclusive('\n').zip(lengths) {
        view.push_same(text, at + length..at + line.len());
        at += line.len();
    }
    Some(view.finish(Some(base)))
}

fn mark_length(line: &str) -> usize {
    let may_be_marked = line.bytes().find(|byte| !matches!(byte, b' ' | b'\t')).is_some_and(|byte| {
        byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'>' | b'#' | b'/' | b'*' | b';' | b'|' | b'[' | 0xe2)
    });
    let mut length = 0;
    for round in 0..2 {
        let rest = line.as_bytes().get(length..).unwrap_or(&[]);
        let rest = rest.get(..WINDOW.min(rest.len())).unwrap_or(rest);
        if rest.trim_ascii_start().starts_with(b"-----") || rest.starts_with(b"---- ") {
            break;
        }
        let mark = if may_be_marked || round > 0 { MARK.find(rest) } else { None };
        let stamp = || if round == 0 && may_be_marked { STAMP.find(rest) } else { None };
        let place = || {
            let is_place = round == 0 && memchr::memchr_iter(b':', rest).count() < 4 && rest.contains(&b'.');
            if is_place { PLACE.find(rest) } else { None }
        };
        let Some(found) = mark.or_else(stamp).or_else(place) else { break };
        if found.is_empty() {
            break;
        }
        length += found.end();
    }
    length
}

#[cfg(test)]
mod tests {
    use super::super::view;
    use super::*;

    #[test]
    fn marks_of_numbered_quoted_and_logged_lines_are_cut() {
        for (text, want) in [
            ("     1\tone\n     2\ttwo\n", "one\ntwo\n"),
            ("     1→one\n     2→two", "one\ntwo"),
            ("> one\n> two", "one\ntwo"),
            ("+one\n+two", "one\ntwo"),
            ("src/a.txt:1:one\nsrc/a.txt:2:two", "one\ntwo"),
            ("2026-01-02T10:11:12.123Z INFO app[12]: one\n2026-01-02T10:11:12.123Z INFO app[12]: two", "one\ntwo"),
        ] {
            let base = view::strip_invisible(text);
            assert_eq!(strip(&base).map(|view| view.text().to_owned()).as_deref(), Some(want), "{text}");
        }
        assert!(strip(&view::strip_invisible("one\ntwo\n- three\nfour")).is_none());
    }
}

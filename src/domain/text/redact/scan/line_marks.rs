//! Lines as they are in the file, without what a program put before them: numbers, diff and quotation marks, times.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::byte_set::{BLANK, ByteSet};
use super::view::{View, ViewBuilder};
use super::{compile, lines_of, program_marks};

/// Time, level and process of a log line.
static STAMP: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"^[ \t]*\[?[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]{5,20}(?:Z|[+-][0-9]{2}:?[0-9]{2})?\]?[ \t]*",
        r"(?:\[?(?:INFO|DEBUG|WARN|WARNING|ERROR|TRACE)\]?)?[ \t]*(?:[A-Za-z0-9_.\[\]-]{1,40}:)?[ \t]?",
    ))
});
/// File and line number, as grep prints them.
static PLACE: LazyLock<Regex> =
    LazyLock::new(|| compile(r"^[A-Za-z0-9_./-]{1,120}[./][A-Za-z0-9_-]{1,20}[:-][0-9]{1,6}[:-]"));

/// Most marks at the start of one line: a program's name, a time, a level, a number.
const MAX_MARKS: usize = 4;
/// Bytes of a line in which marks are looked for.
const WINDOW: usize = 200;

/// Returns the view without the marks at the start of lines, or nothing if fewer than half of the lines have one.
pub(super) fn strip<'t>(base: &'t View<'t>) -> Option<View<'t>> {
    let text = base.text();
    let most = memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1;
    let (mut plain, mut marked) = (0, 0);
    let mut lengths = Vec::new();
    for (_, line) in lines_of(text) {
        let length = mark_length(line);
        marked += usize::from(length > 0);
        plain += usize::from(length == 0 && !line.as_bytes().trim_ascii().is_empty());
        if plain * 2 > most {
            return None;
        }
        lengths.push(length);
    }
    if marked == 0 || marked < plain || marked + plain < 2 {
        return None;
    }
    let mut view = ViewBuilder::with_capacity(text.len());
    for ((at, line), length) in lines_of(text).zip(lengths) {
        view.push_same(text, at + length..at + line.len());
    }
    Some(view.finish(Some(base)))
}

fn mark_length(line: &str) -> usize {
    let may_be_marked = line.bytes().find(|byte| !matches!(byte, b' ' | b'\t')).is_some_and(|byte| {
        byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'>' | b'#' | b'/' | b'*' | b';' | b'|' | b'[' | 0xe2)
    });
    let mut length = 0;
    for round in 0..MAX_MARKS {
        let rest = line.as_bytes().get(length..).unwrap_or(&[]);
        let rest = rest.get(..WINDOW.min(rest.len())).unwrap_or(rest);
        if rest.trim_ascii_start().starts_with(b"-----") || rest.starts_with(b"---- ") {
            break;
        }
        let mark = || if may_be_marked || round > 0 { mark_end(rest) } else { None };
        let end_of = |pattern: &Regex| pattern.find(rest).map(|found| found.end());
        let stamp = || if (may_be_marked || round > 0) && may_be_stamp(rest) { end_of(&STAMP) } else { None };
        let place = || {
            let is_place =
                round == 0 && may_be_place(rest) && memchr::memchr_iter(b':', rest).count() < 4 && rest.contains(&b'.');
            if is_place { end_of(&PLACE) } else { None }
        };
        let Some(end) = program_marks::mark_end(rest).or_else(mark).or_else(stamp).or_else(place) else { break };
        length += end;
    }
    length
}

/// Returns the end of a line number, or of a mark of a diff, a quotation, a comment, a list or a table, with one blank
/// behind it.
fn mark_end(line: &[u8]) -> Option<usize> {
    const MARKS: [&[u8]; 10] = [b">", b"#", b"//", b"*", b";", b"--", b"- ", b"|", "│".as_bytes(), "┃".as_bytes()];
    let start = BLANK.run_end(line, 0, line.len());
    let end = number_end(line, start).or_else(|| {
        if matches!(line.first(), Some(b'+' | b'-')) {
            return Some(1);
        }
        let rest = line.get(start..)?;
        MARKS.iter().find(|mark| rest.starts_with(mark)).map(|mark| start + mark.len())
    })?;
    Some(end + usize::from(line.get(end) == Some(&b' ')))
}

/// Returns the end of a number of up to six digits and of the mark behind it.
fn number_end(line: &[u8], start: usize) -> Option<usize> {
    const MARKS: [&[u8]; 4] = ["→".as_bytes(), "│".as_bytes(), b"|", b":"];
    let digits = line.get(start..)?.iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=6).contains(&digits) {
        return None;
    }
    let end = start + digits;
    let mark = BLANK.run_end(line, end, line.len());
    let rest = line.get(mark..)?;
    if let Some(found) = MARKS.iter().find(|mark| rest.starts_with(mark)) {
        return Some(mark + found.len());
    }
    line.get(end..mark)?.iter().rposition(|byte| *byte == b'\t').map(|tab| end + tab + 1)
}

/// Returns false for a line that begins with no time: `2026-`, `[2026-`.
fn may_be_stamp(line: &[u8]) -> bool {
    let start = BLANK.run_end(line, 0, line.len());
    let start = start + usize::from(line.get(start) == Some(&b'['));
    matches!(line.get(start..start + 5), Some([year @ .., b'-']) if year.iter().all(u8::is_ascii_digit))
}

/// Returns false for a line that begins with no name of a file and a number behind `:` or `-`.
fn may_be_place(line: &[u8]) -> bool {
    static FILE: ByteSet = ByteSet::parse("A-Za-z0-9_./-");
    let end = FILE.run_end(line, 0, line.len());
    let is_digit = |at: usize| line.get(at).is_some_and(u8::is_ascii_digit);
    let name = line.get(..end).unwrap_or(&[]);
    line.get(end) == Some(&b':') && is_digit(end + 1)
        || name.iter().enumerate().any(|(at, byte)| *byte == b'-' && is_digit(at + 1))
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
            ("web-1  | one\ndb-1   | two", "one\ntwo"),
            ("[pod/web-7f c] one\n[pod/web-7f c] two", "one\ntwo"),
            ("remote: one\nremote: two", "one\ntwo"),
            ("web-1  | 2026-01-02T10:11:12.123456789Z one\nweb-1  | 2026-01-02T10:11:12.123456789Z two", "one\ntwo"),
            ("10:11:12.123 [INFO] one\n10:11:12.124 [INFO] two", "one\ntwo"),
            ("Jan  2 10:11:12 host app[7]: one\nJan  2 10:11:12 host app[7]: two", "one\ntwo"),
            ("远程: one\n远程: two", "one\ntwo"),
            ("2026-01-02T10:11:12.123Z INFO app[12]: one\n2026-01-02T10:11:12.123Z INFO app[12]: two", "one\ntwo"),
        ] {
            let base = view::strip_invisible(text);
            assert_eq!(strip(&base).map(|view| view.text().to_owned()).as_deref(), Some(want), "{text}");
        }
        assert!(strip(&view::strip_invisible("one\ntwo\n- three\nfour")).is_none());
    }

    #[test]
    fn a_mark_ends_behind_one_blank() {
        for (line, end) in [
            ("12: x", Some(4)),
            ("12\t x", Some(4)),
            ("  7 \t|x", Some(6)),
            (" 7\t  x", Some(4)),
            ("+ x", Some(2)),
            ("-- x", Some(1)),
            (" -- x", Some(4)),
            ("// x", Some(3)),
            ("│x", Some(3)),
            ("1234567: x", None),
            ("12 x", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(mark_end(line.as_bytes()), end, "{line}");
        }
    }
}

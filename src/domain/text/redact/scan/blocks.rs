//! Private keys in blocks: whole, cut off at either end, numbered or quoted line by line, or joined to one line.

use std::sync::LazyLock;

use super::byte_set::ByteSet;
use super::literals::Literal;
use super::view::View;
use super::{Findings, blank_run};

static BODY: ByteSet = ByteSet::parse("A-Za-z0-9+/=_-");
/// What may stand around a line of a key: quotation, diff and string marks.
static MARGIN: ByteSet = ByteSet::parse("> |+#*\"'/\t,\\;})]");
static LABEL: ByteSet = ByteSet::parse(" A-Z0-9");
/// Bytes of a label between `BEGIN` and `PRIVATE KEY`.
const MAX_LABEL: usize = 48;
/// Names of headers inside a block.
const HEADERS: &[&str] = &[
    "Proc-Type",
    "DEK-Info",
    "Version",
    "Comment",
    "Hash",
    "Encryption",
    "Public-Lines",
    "Private-Lines",
    "Private-MAC",
    "Key-Derivation",
    "Argon2-",
    "Subject",
];

/// Finds the lines of private keys. No line is looked at twice, so that many heads cost no more than one.
pub(super) fn find(view: &View<'_>, findings: &mut Findings<'_>) {
    static BEGIN: LazyLock<Literal> = LazyLock::new(|| Literal::new("-----BEGIN"));
    static PUTTY: LazyLock<Literal> = LazyLock::new(|| Literal::new("PuTTY-User-Key-File-"));
    static END: LazyLock<Literal> = LazyLock::new(|| Literal::new("-----END"));
    let text = view.text();
    let mut done = 0;
    for dashes in BEGIN.find_in(view) {
        if dashes < done {
            continue;
        }
        let Some(head) = label_end(text, dashes + "-----BEGIN".len()) else { continue };
        done = find_forwards(view, head, findings);
    }
    for head in PUTTY.find_in(view) {
        if head >= done {
            done = find_forwards(view, head, findings);
        }
    }
    let mut low = 0;
    for dashes in END.find_in(view) {
        let Some(end) = label_end(text, dashes + "-----END".len()) else { continue };
        find_backwards(view, dashes, low, findings);
        low = end;
    }
}

/// Returns the end of ` … PRIVATE KEY-----`, or nothing if the block is no private key.
fn label_end(text: &str, from: usize) -> Option<usize> {
    let end = LABEL.run_end(text.as_bytes(), from, from + MAX_LABEL);
    let label = text.get(from..end)?;
    (label.contains("PRIVATE KEY") && text.get(end..)?.starts_with("-----")).then_some(end + "-----".len())
}

/// Marks the lines of a key behind its head; returns the end of what was looked at.
fn find_forwards(view: &View<'_>, head: usize, findings: &mut Findings<'_>) -> usize {
    let text = view.text();
    let bytes = text.as_bytes();
    let mut at = mark_joined(view, head, findings);
    while let Some(newline) = memchr::memchr(b'\n', bytes.get(at..).unwrap_or(&[])) {
        let start = at + newline + 1;
        let end = memchr::memchr(b'\n', bytes.get(start..).unwrap_or(&[])).map_or(bytes.len(), |length| start + length);
        let line = text.get(start..end).unwrap_or("");
        let dashes = line.find("-----");
        let body = body_of(line.get(..dashes.unwrap_or(line.len())).unwrap_or(line));
        if let Some(body) = body.clone().filter(|body| body.len() >= 4) {
            findings.add("private-key", view, start + body.start..start + body.end);
        }
        if dashes.is_some() {
            return start;
        }
        if body.is_none() && !is_header(line) {
            return end;
        }
        at = end;
    }
    bytes.len().max(at)
}

/// Marks a key whose lines a shell or a log has joined; returns its end.
fn mark_joined(view: &View<'_>, head: usize, findings: &mut Findings<'_>) -> usize {
    let bytes = view.text().as_bytes();
    let start = blank_run(bytes, head, 8);
    let mut end = start;
    loop {
        let piece = BODY.run_end(bytes, end, bytes.len());
        if piece - end < 16 || bytes.get(end..).is_some_and(|rest| rest.starts_with(b"-----")) {
            break;
        }
        end = piece;
        let next = blank_run(bytes, end, 2);
        if next == end || BODY.run_end(bytes, next, next + 16) - next < 16 {
            break;
        }
        end = next;
    }
    // Dashes of the end mark are bytes of a body too.
    let joined = view.text().get(start..end).unwrap_or("");
    let end = start + joined.find("-----").unwrap_or(joined.len());
    if end - start > 40 {
        findings.add("private-key", view, start..end);
    }
    end.max(head)
}

/// Marks the lines before an end mark whose beginning is not there.
fn find_backwards(view: &View<'_>, dashes: usize, low: usize, findings: &mut Findings<'_>) {
    let text = view.text();
    let bytes = text.as_bytes();
    let line_start = |end: usize| {
        bytes.get(low..end).and_then(|before| memchr::memrchr(b'\n', before)).map_or(low, |newline| low + newline + 1)
    };
    let mut end = line_start(dashes);
    // What stands before the mark on its own line.
    if let Some(body) = text.get(end..dashes).and_then(body_of).filter(|body| body.len() >= 40) {
        findings.add("private-key", view, end + body.start..end + body.end);
    }
    // The last line may be short; a short line alone is something else.
    let mut lines = Vec::new();
    while end > low {
        let stop = end - 1;
        let start = line_start(stop);
        let line = text.get(start..stop).unwrap_or("");
        let is_line = |body: &std::ops::Range<usize>| !line.contains("-----") && (body.len() >= 40 || lines.is_empty());
        let Some(body) = body_of(line).filter(is_line) else { break };
        lines.push(start + body.start..start + body.end);
        end = start;
    }
    if lines.iter().any(|line| line.len() >= 40 || text.get(line.clone()).is_some_and(|line| line.ends_with('='))) {
        lines.into_iter().for_each(|line| findings.add("private-key", view, line));
    }
}

/// Returns the part of a line that is a line of a key, or nothing if the line is something else.
fn body_of(line: &str) -> Option<std::ops::Range<usize>> {
    let bytes = line.as_bytes();
    let number = MARGIN.run_end(bytes, 0, bytes.len());
    let digits =
        bytes.get(number..).map_or(0, |rest| rest.iter().take(7).take_while(|byte| byte.is_ascii_digit()).count());
    let marks: [&[u8]; 5] = [b"\t", "→".as_bytes(), b"|", b":", "│".as_bytes()];
    let behind = bytes.get(number + digits..).unwrap_or(&[]);
    let mark = marks.iter().find(|mark| digits > 0 && behind.starts_with(mark)).map_or(0, |mark| digits + mark.len());
    let start = MARGIN.run_end(bytes, number + mark, bytes.len());
    let end = BODY.run_end(bytes, start, bytes.len());
    let rest = MARGIN.run_end(bytes, end, bytes.len());
    let is_all = bytes
        .get(rest..)
        .is_none_or(|rest| rest.iter().all(|byte| matches!(byte, b'\r' | b' ' | 0xe2 | 0x94 | 0x82 | 0x83)));
    (is_all && end - start >= 4).then_some(start..end)
}

fn is_header(line: &str) -> bool {
    let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || " \t→|:│>+*\"'".contains(c));
    line.trim().is_empty() || HEADERS.iter().any(|header| line.starts_with(header))
}

//! Marks that programs put before the lines of others: the service of a container, the pod, the stream, the time, the
//! level. Owns their forms; numbers, diffs and quotations are in `line_marks`.

use super::byte_set::{BLANK, ByteSet, NAME};

/// Most bytes of the name of a service, and of what stands in brackets.
const MAX_NAME: usize = 64;
const MAX_BRACKETS: usize = 120;

/// Most bytes of a word of [`STREAMS`].
const MAX_STREAM: usize = 12;
/// Words before `: ` and the like, in lower case.
const STREAMS: &[&str] = &[
    "remote",
    "stdout",
    "stderr",
    "stdin",
    "err",
    "out",
    "error",
    "info",
    "debug",
    "warn",
    "warning",
    "notice",
    "trace",
    "fatal",
    "output",
    "log",
    "hint",
    "note",
    "npm",
    "cargo",
    "make",
    "ci",
    "step",
    "exec",
    "kernel",
    "远程",
    "错误",
    "警告",
    "信息",
    "提示",
    "输出",
    "日志",
    "调试",
    "标准输出",
    "标准错误",
    "服务器",
    "容器",
];
const MONTHS: &[&[u8]] =
    &[b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Returns the end of the mark of a program at the start of a line, with the blank behind it.
pub(super) fn mark_end(line: &[u8]) -> Option<usize> {
    let start = BLANK.run_end(line, 0, line.len());
    let rest = line.get(start..)?;
    let end = match rest.first()? {
        b'[' => bracket_end(rest),
        b'I' | b'W' | b'E' | b'F' if rest.get(1..5).is_some_and(|day| day.iter().all(u8::is_ascii_digit)) => {
            rest.get(..MAX_BRACKETS.min(rest.len()))?.windows(2).position(|pair| pair == b"] ").map(|at| at + 1)
        }
        b'0'..=b'9' => time_end(rest),
        b'#' => build_step_end(rest),
        byte if byte.is_ascii_alphabetic() || *byte >= 0xe4 => {
            syslog_end(rest).or_else(|| service_end(rest)).or_else(|| stream_end(rest))
        }
        _ => None,
    }?;
    // Nothing but the mark is a line of its own: the head of a section, a label.
    let content = BLANK.run_end(rest, end, rest.len());
    let has_content = rest.get(content).is_some_and(|byte| !matches!(byte, b'\n' | b'\r'));
    has_content.then(|| start + end + usize::from(matches!(rest.get(end), Some(b' ' | b'\t'))))
}

/// `web-1  | `, as Docker Compose prints it.
fn service_end(line: &[u8]) -> Option<usize> {
    static SERVICE: ByteSet = ByteSet::parse("A-Za-z0-9_.@/-");
    let name = SERVICE.run_end(line, 0, MAX_NAME);
    let bar = BLANK.run_end(line, name, name + MAX_NAME);
    let is_bar = line.get(bar) == Some(&b'|') || line.get(bar..).is_some_and(|rest| rest.starts_with("│".as_bytes()));
    let end = bar + if line.get(bar) == Some(&b'|') { 1 } else { "│".len() };
    (is_bar && matches!(line.get(end), Some(b' ' | b'\t'))).then_some(end)
}

/// `remote: `, `stderr | `, `INFO `, `npm ERR! `.
fn stream_end(line: &[u8]) -> Option<usize> {
    let length = line.iter().take(MAX_NAME).position(|byte| !byte.is_ascii_alphabetic() && *byte < 0x80)?;
    let word = line.get(..length)?;
    // Few first words are followed by one of these.
    let is_upper = word.iter().all(u8::is_ascii_uppercase);
    let is_short = length <= MAX_STREAM;
    if !is_short || !matches!(line.get(length), Some(b':' | b'>' | b' ')) {
        return None;
    }
    let is_known = |word: &[u8]| STREAMS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word));
    if !is_known(word) {
        return None;
    }
    if word.eq_ignore_ascii_case(b"npm") {
        return ["npm ERR! ", "npm error ", "npm WARN "]
            .iter()
            .find(|mark| line.starts_with(mark.as_bytes()))
            .map(|mark| mark.len() - 1);
    }
    match line.get(length) {
        Some(b':' | b'>') => Some(length + 1),
        // CRI: `stdout F text`.
        Some(b' ') if matches!(line.get(length + 1..length + 3), Some(b"F " | b"P ")) => Some(length + 2),
        Some(b' ') if is_upper => Some(length),
        _ => None,
    }
}

/// `[pod/web container] `, `[INFO] `, `[12:30:01] `, `[29/Nov/2026:12:30:01 +0000] `.
fn bracket_end(line: &[u8]) -> Option<usize> {
    static INSIDE: ByteSet = ByteSet::parse("A-Za-z0-9_.:/@#+ -");
    let close = INSIDE.run_end(line, 1, MAX_BRACKETS);
    if close < 4 || line.get(close) != Some(&b']') {
        return None;
    }
    let end = close + 1 + usize::from(line.get(close + 1) == Some(&b':'));
    matches!(line.get(end), Some(b' ' | b'\t')).then_some(end)
}

/// `#12 0.345 `, as a builder of images prints it.
fn build_step_end(line: &[u8]) -> Option<usize> {
    static STEP: ByteSet = ByteSet::parse("0-9");
    static SECONDS: ByteSet = ByteSet::parse("0-9.");
    let step = STEP.run_end(line, 1, 6);
    if step == 1 || line.get(step) != Some(&b' ') {
        return None;
    }
    let seconds = SECONDS.run_end(line, step + 1, step + 12);
    let has_seconds = seconds > step + 1 && line.get(seconds) == Some(&b' ');
    Some(if has_seconds { seconds } else { step })
}

/// `12:30:01`, `12:30:01.123`, `1732900000.123`.
fn time_end(line: &[u8]) -> Option<usize> {
    static TIME: ByteSet = ByteSet::parse("0-9:.,");
    let end = TIME.run_end(line, 0, 24);
    let time = line.get(..end)?;
    let digit = |at: usize| time.get(at).is_some_and(u8::is_ascii_digit);
    let is_clock = digit(1) && time.get(2) == Some(&b':') && digit(4) && matches!(time.get(5), None | Some(b':'));
    let is_epoch = end >= 10 && (0..10).all(digit) && matches!(time.get(10), None | Some(b'.'));
    let end = end + usize::from(line.get(end) == Some(&b'Z'));
    ((is_clock || is_epoch) && matches!(line.get(end), Some(b' ' | b'\t'))).then_some(end)
}

/// `Nov 29 12:30:01 host app[12]: `.
fn syslog_end(line: &[u8]) -> Option<usize> {
    if !MONTHS.iter().any(|month| line.starts_with(month)) {
        return None;
    }
    let day = BLANK.run_end(line, 3, 6);
    let time = BLANK.run_end(
        line,
        day + line.get(day..)?.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count(),
        day + 4,
    );
    let clock = time + time_end(line.get(time..)?)?;
    let host = BLANK.run_end(line, clock, clock + 2);
    let process = NAME.run_end(line, host, host + MAX_NAME);
    let name = BLANK.run_end(line, process, process + 2);
    let rest = line.get(name..)?;
    let colon = rest.iter().take(MAX_NAME).position(|byte| *byte == b':')?;
    let is_process = rest.get(..colon)?.iter().all(|byte| NAME.contains(*byte) || matches!(byte, b'[' | b']' | b'/'));
    is_process.then_some(name + colon + 1)
}

//! Finds secrets in a text, in one pass over several views of it.
//!
//! The stages, in this order; each adds ranges of the original text, and overlapping ones are merged at the end:
//! tokens by prefix, shapes, private keys, values behind names (with sentences and headers), addresses, command lines,
//! files, recovery phrases, encoded runs. They look at the text without escapes and invisible characters ([`view`]);
//! tokens, keys and tables also without marks at the start of lines ([`line_marks`]), tokens and addresses also without
//! percent encoding. One pass over a view tells which literals it cannot have and where names and tokens may begin
//! ([`grams`]); the stages look there only. What a text costs grows with its length only: runs are measured once,
//! windows are bounded.
//! docs/decisions/0049-redaction-pipeline.md has the reasons and the figures.

mod assignments;
mod beginnings;
mod blocks;
mod byte_set;
mod calls;
mod commands;
mod encoded;
mod files;
mod grams;
mod headers;
mod judge;
mod key_names;
mod line_marks;
mod literals;
mod makeup;
mod markup;
mod non_secrets;
mod personal;
mod program_marks;
mod seeds;
mod sentences;
mod shapes;
mod tokens;
mod urls;
mod values;
mod view;
mod word_lists;
mod wordiness;

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};

use byte_set::{BLANK, ByteSet};
use view::View;

/// A secret in a text: the rule that found it, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Secret {
    pub(super) rule: &'static str,
    pub(super) range: Range<usize>,
}

/// Bytes from which on a secret is taken to reach to the end of its run.
const LONG_SECRET: usize = 100;
static SECRET_RUN: ByteSet = ByteSet::parse("A-Za-z0-9+/=_-");

/// Collects secrets as ranges of the original text.
#[derive(Debug)]
struct Findings<'t> {
    text: &'t str,
    secrets: Vec<Secret>,
    /// True if a string ends inside of what begins as a token.
    has_cut_token: bool,
    /// True if a name that promises a secret occurs.
    has_names: bool,
}

impl Findings<'_> {
    /// Adds a range of a view, without blanks around it. Ranges of fewer than three bytes are left out.
    fn add(&mut self, rule: &'static str, view: &View<'_>, range: Range<usize>) {
        let bytes = view.text().as_bytes();
        let (mut start, mut end) = (range.start, range.end.min(bytes.len()));
        while start < end && bytes.get(start).is_some_and(u8::is_ascii_whitespace) {
            start += 1;
        }
        while end > start && bytes.get(end - 1).is_some_and(u8::is_ascii_whitespace) {
            end -= 1;
        }
        if end.saturating_sub(start) < 3 {
            return;
        }
        // What was looked at may end inside a long secret.
        if end - start >= LONG_SECRET && bytes.get(end - 1).is_some_and(|byte| SECRET_RUN.contains(*byte)) {
            end = SECRET_RUN.run_end(bytes, end, bytes.len());
        }
        let mut range = view.source_range(start..end);
        while !self.text.is_char_boundary(range.start) {
            range.start -= 1;
        }
        while !self.text.is_char_boundary(range.end) {
            range.end += 1;
        }
        self.secrets.push(Secret { rule, range });
    }
}

/// Finds the secrets of a text, in order and disjoint. Two that overlap are covered together, under the rule of the
/// first.
///
/// With `personal_data`, numbers of cards, accounts, phones and identity cards and mail addresses are found too.
pub(super) fn find_secrets(text: &str, personal_data: bool) -> Vec<Secret> {
    let mut secrets = find_in(text, true);
    if personal_data {
        let mut findings = Findings { text, secrets, has_cut_token: false, has_names: false };
        personal::find(&view::strip_invisible(text), &mut findings);
        secrets = findings.secrets;
    }
    secrets.sort_by_key(|secret| (secret.range.start, std::cmp::Reverse(secret.range.end)));
    let mut apart: Vec<Secret> = Vec::with_capacity(secrets.len());
    for secret in secrets {
        match apart.last_mut() {
            Some(last) if secret.range.start < last.range.end => last.range.end = last.range.end.max(secret.range.end),
            _ => apart.push(secret),
        }
    }
    apart
}

/// Finds the secrets of a text, in any order. With `outer`, text that is encoded in it is looked at too.
fn find_in(text: &str, outer: bool) -> Vec<Secret> {
    let mut findings = Findings { text, secrets: Vec::new(), has_cut_token: false, has_names: false };
    let plain = view::strip_invisible(text);
    let view = view::decode(&plain);
    let holds_secret = |decoded: &str| {
        let certain =
            |secret: &Secret| !matches!(secret.rule, "password-in-prose" | "recovery-phrase" | "recovery-code");
        find_in(decoded, false).iter().any(certain)
    };
    tokens::find(&view, &mut findings);
    shapes::find(&view, &mut findings);
    blocks::find(&view, &mut findings);
    assignments::find(&view, &mut findings);
    sentences::find_pairs(&view, &mut findings);
    urls::find(&view, &mut findings);
    commands::find(&view, &mut findings);
    calls::find(&view, &mut findings);
    files::find(&view, &mut findings);
    seeds::find(&view, &mut findings);
    if outer {
        encoded::find(&view, &mut findings, &holds_secret);
    }
    if findings.has_cut_token
        && let Some(joined) = view::join_strings(&view)
    {
        tokens::find(&joined, &mut findings);
    }
    if view.text().contains("\\\n")
        && let Some(joined) = view::join_lines(&view)
    {
        tokens::find(&joined, &mut findings);
        assignments::find(&joined, &mut findings);
        commands::find(&joined, &mut findings);
    }
    // The arguments of a call: ['sshpass', '-p', '…'].
    if (text.contains("', '-") || text.contains("\", \"-") || text.contains("','-") || text.contains("\",\"-"))
        && let Some(line) = view::join_arguments(&view)
    {
        commands::find(&line, &mut findings);
    }
    if findings.has_names
        && let Some(plain) = markup::strip_tags(&view)
    {
        assignments::find(&plain, &mut findings);
        files::find_in_tables(&plain, &mut findings);
    }
    if let Some(lines) = line_marks::strip(&view) {
        tokens::find(&lines, &mut findings);
        shapes::find(&lines, &mut findings);
        blocks::find(&lines, &mut findings);
        assignments::find(&lines, &mut findings);
        files::find(&lines, &mut findings);
        seeds::find(&lines, &mut findings);
        if outer {
            encoded::find(&lines, &mut findings, &holds_secret);
        }
    }
    if let Some(decoded) = view::decode_percent(&view) {
        tokens::find(&decoded, &mut findings);
        urls::find(&decoded, &mut findings);
        // Encoded twice, as an address inside an address is.
        if let Some(twice) = view::decode_percent(&decoded) {
            tokens::find(&twice, &mut findings);
            urls::find(&twice, &mut findings);
        }
    }
    findings.secrets
}

/// Returns the words whose beginnings are noted when a text is read, the bytes that may follow one of two bytes (all, if
/// there is none), and what the word begins.
fn noted_words() -> impl Iterator<Item = (&'static str, Option<&'static ByteSet>, u8)> {
    let names = assignments::stems().map(|stem| (stem, None, grams::NAME));
    let tokens = tokens::prefixes().map(|(prefix, body)| {
        let is_inner = prefix.starts_with('_') || tokens::is_distinctive(prefix);
        (prefix, Some(body), if is_inner { grams::INNER_TOKEN } else { grams::TOKEN })
    });
    let programs = commands::programs().map(|(name, after)| (name, Some(after), grams::PROGRAM));
    let pairs = sentences::pair_words().map(|word| (word, None, grams::PAIR));
    names.chain(tokens).chain(programs).chain(pairs)
}

/// Most memory of one compiled pattern, in bytes.
const PATTERN_BYTES: usize = 16 << 20;

/// Compiles a pattern of this module. Classes are those of ASCII: a secret may stand right behind a Chinese character,
/// and Unicode's classes take many times as long to compile.
fn compile(pattern: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "the patterns are part of the program; tests compile all of them")]
    RegexBuilder::new(pattern).unicode(false).size_limit(PATTERN_BYTES).build().expect("the pattern is well-formed")
}

/// Columns from which on a line may have been wrapped by a terminal.
const WRAPPED_COLUMNS: usize = 60;
/// Most lines that one secret is wrapped to.
const MAX_WRAPPED_LINES: usize = 40;

/// Returns the lines behind `end` that consist of bytes of the set and blanks before them, if a terminal may have wrapped
/// the line that ends there. Each has eight bytes or more and a digit; the last one may be shorter than the one before.
fn wrapped_lines(bytes: &[u8], end: usize, set: &ByteSet) -> Vec<Range<usize>> {
    let line_start =
        bytes.get(..end).and_then(|before| memchr::memrchr(b'\n', before)).map_or(0, |newline| newline + 1);
    let (mut lines, mut at) = (Vec::new(), end);
    if end - line_start < WRAPPED_COLUMNS {
        return lines;
    }
    while bytes.get(at) == Some(&b'\n') && lines.len() < MAX_WRAPPED_LINES {
        let start = blank_run(bytes, at + 1, 8);
        let stop = set.run_end(bytes, start, bytes.len());
        let is_whole = bytes.get(stop).is_none_or(|byte| matches!(byte, b'\n' | b'\r' | b'"' | b'\'' | b' '));
        let has_digit = bytes.get(start..stop).is_some_and(|line| line.iter().any(u8::is_ascii_digit));
        let has_upper = bytes.get(start..stop).is_some_and(|line| line.iter().any(u8::is_ascii_uppercase));
        if stop - start < 8 || !is_whole || !has_digit || !has_upper {
            break;
        }
        lines.push(start..stop);
        at = stop;
    }
    lines
}

/// Returns the text up to the end of its first line.
fn first_line(text: &str) -> &str {
    memchr::memchr(b'\n', text.as_bytes()).and_then(|newline| text.get(..newline)).unwrap_or(text)
}

/// Returns the text from the start of its last line on.
fn last_line(text: &str) -> &str {
    memchr::memrchr(b'\n', text.as_bytes()).and_then(|newline| text.get(newline + 1..)).unwrap_or(text)
}

/// Returns the lines of a text with their ends, and where they begin.
fn lines_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).map(|newline| newline + 1).chain([text.len()]);
    ends.filter_map(move |end| {
        let line = text.get(start..end).filter(|line| !line.is_empty()).map(|line| (start, line));
        start = end;
        line
    })
}

/// Returns the end of at most `most` blanks at `at`.
fn blank_run(bytes: &[u8], at: usize, most: usize) -> usize {
    BLANK.run_end(bytes, at, at + most).max(at)
}

/// Returns the last boundary between characters at or before `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

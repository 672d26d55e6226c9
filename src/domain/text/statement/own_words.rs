//! Own words of a turn: removes what a person pasted, such as review comments, diffs, output, plans and code. Owns how a
//! paste is recognised.

use std::sync::LazyLock;

use regex_lite::Regex;

use crate::domain::text::{byte_prefix, compile_rule, is_cjk};

/// Bytes of a turn that are examined: what comes after is pasted.
const EXAMINED_BYTES: usize = 6_000;
/// A line of this many characters that neither speaks of "I" or "we" nor addresses anybody is pasted prose.
const LONG_LINE_CHARACTERS: usize = 100;
/// Characters from which the rest of a line counts as pasted after a colon, and a quotation as that of others.
const LONG_REST_CHARACTERS: usize = 160;
const LONG_QUOTE_CHARACTERS: usize = 40;
/// Characters that programs print and people do not type.
const PRINTED: [char; 24] = [
    '│', '╭', '╰', '├', '└', '┌', '┐', '┘', '┤', '─', '═', '⏺', '⎿', '❯', '⨯', '✓', '✗', '●', '☐', '☑', '•', '▶', '→',
    '↳',
];

/// Beginnings of turns that hand over a finished plan.
static PLAN: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"(?i)^\s*(?:(?:implement|execute|here is|here's) the (?:following )?plan\b|请?(?:执行|实现|按照)?以下的?计划)",
    )
});

/// Beginnings of lines of code, diffs, logs, stack traces, tables, headings and quotations.
static PASTED_START: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"(?xi)^(?:\t|\ {4}|\s*(?:>|[+]\s|\$\s|@@|diff\ --git|at\ \S+\ ?\(|\d{4}[-/]\d\d[-/]\d\d|\S+\.[a-z]{1,4}:\d
        |(?:error|warning|fatal|panic|traceback|info|debug)(?:[:\[]|\s)|\||\d+\s*[+-]|\#{1,6}\ |<[a-z]))",
    )
});

/// Words of a person who speaks of themselves or addresses somebody.
static PERSONAL: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(r"\b(?:i|i'm|i'd|i've|we|we're|we'd|let's|lets|my|our|me|us|you|you've|your|please|ok|okay|yes|no)\b")
});

/// Words that make a line with a colon announce the person's own list, not a paste.
static ANNOUNCES_OWN: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"\b(?:want|should|logic|like this|would|prefer|let's|instead|rules?)\b|\bchanges? (?:to|are)\b|\bdecid|改成|规则|要求|决定|这样",
    )
});

/// Returns the lines of a turn that the person wrote, without quotations and code.
pub fn own_words(turn: &str) -> String {
    let text = byte_prefix(turn, EXAMINED_BYTES).replace(['\u{2018}', '\u{2019}'], "'");
    if PLAN.is_match(&text) {
        return String::new();
    }
    let mut own = String::new();
    let (mut in_code, mut in_paste, mut after_blank, mut after_pasted) = (false, false, false, false);
    for line in text.lines() {
        let start = line.trim_start();
        // What is indented below a pasted line belongs to it.
        if after_pasted && line.starts_with("  ") && !start.is_empty() {
            continue;
        }
        after_pasted = PASTED_START.is_match(line);
        if start.starts_with("```") || start.starts_with("~~~") {
            in_code = !in_code;
        } else if start.is_empty() {
            after_blank = true;
        } else if !in_code && (!in_paste || resumes(line, after_blank)) {
            in_paste = add_line(line, &mut own);
            after_blank = false;
        } else {
            after_blank = false;
        }
    }
    remove_quotations(&own)
}

/// Returns whether the person's words go on after a paste: a new paragraph that speaks as a person.
fn resumes(line: &str, after_blank: bool) -> bool {
    after_blank && !line.starts_with(' ') && !is_printed(line) && is_personal(line)
}

/// Adds what is own of a line; returns true if a paste begins with it.
fn add_line(line: &str, own: &mut String) -> bool {
    if PASTED_START.is_match(line) || is_impersonal_prose(line) {
        return false;
    }
    let (line, is_cut) = cut_at_colon(line);
    if is_printed(line) {
        return false;
    }
    own.push_str(line.trim());
    own.push('\n');
    is_cut || (line.trim_end().ends_with([':', '：']) && !announces_own(line))
}

fn is_printed(line: &str) -> bool {
    line.contains(PRINTED)
}

fn is_personal(line: &str) -> bool {
    PERSONAL.is_match(&line.to_lowercase()) || line.chars().any(is_cjk)
}

fn announces_own(line: &str) -> bool {
    ANNOUNCES_OWN.is_match(&line.to_lowercase())
}

/// Returns true for a long line in which nobody speaks: a review comment, a specification.
fn is_impersonal_prose(line: &str) -> bool {
    line.chars().count() >= LONG_LINE_CHARACTERS && !is_personal(line)
}

/// Cuts a line after a colon that is followed by a paste: by two blanks, by what a program printed, or by a long text.
fn cut_at_colon(line: &str) -> (&str, bool) {
    for (at, colon) in line.match_indices([':', '：']) {
        let end = at + colon.len();
        let rest = line.get(end..).unwrap_or("");
        let is_blank = rest.starts_with(char::is_whitespace);
        let follows_paste = rest.starts_with("  ") || (is_blank && is_printed(rest));
        let is_long = (is_blank || colon == "：") && rest.chars().count() > LONG_REST_CHARACTERS;
        let before = line.get(..end).unwrap_or("");
        if !rest.trim().is_empty() && (follows_paste || is_long) && !announces_own(before) {
            return (before, true);
        }
    }
    (line, false)
}

/// Replaces code between backticks and long quotations, which are the words of others.
fn remove_quotations(text: &str) -> String {
    static QUOTED: LazyLock<Regex> = LazyLock::new(|| compile_rule("`[^`\n]*`|\"[^\"\n]*\"|“[^”\n]*”|「[^」\n]*」"));
    let mut own = String::with_capacity(text.len());
    let mut from = 0;
    for quoted in QUOTED.find_iter(text) {
        own.push_str(text.get(from..quoted.start()).unwrap_or(""));
        if quoted.as_str().starts_with('`') {
            own.push_str("`x`");
        } else if quoted.as_str().chars().count() <= LONG_QUOTE_CHARACTERS {
            own.push_str(quoted.as_str());
        }
        from = quoted.end();
    }
    own.push_str(text.get(from..).unwrap_or(""));
    own
}

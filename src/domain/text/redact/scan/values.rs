//! Reads what stands between a name and its value, and the value itself.

use super::byte_set::{ByteSet, WORD};
use super::judge::MAX_VALUE;
use super::{blank_run, floor_boundary};

/// Most blanks between a mark and its value: files are aligned.
const MAX_BLANKS: usize = 24;
/// Most bytes of a value in quotation marks, and of a bare one.
const MAX_QUOTED: usize = 600;
const MAX_BARE: usize = 640;

/// Marks between a name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// `=`, `:=`, `=>` after a name in code or a file.
    Assign,
    /// `:`.
    Colon,
    /// `|` with blanks on both sides, as in a table.
    Bar,
    /// `==`, `!=` and their longer forms.
    Compare,
    /// `,` or `(`: arguments of a call.
    Argument,
    /// Only blanks.
    Blank,
    /// The end of an opening tag.
    Tag,
}

/// A separator, and where the value begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Separated {
    pub(super) separator: Separator,
    /// True if blanks stand before the mark.
    pub(super) spaced: bool,
    /// True if the value stands on the next line.
    pub(super) wrapped: bool,
    pub(super) value: usize,
}

/// A value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) quoted: bool,
}

/// Types between a name and its value, as in `token: str = "…"`.
const TYPES: &[&str] = &[
    "&'static str",
    "&str",
    "str",
    "string",
    "String",
    "any",
    "bytes",
    "char*",
    "char *",
    "*string",
    "SecretStr",
    "Secret<String>",
    "Option<String>",
    "std::string",
];

/// Reads the marks behind a name that ends at `at`.
pub(super) fn read_separator(text: &str, at: usize) -> Option<Separated> {
    let bytes = text.as_bytes();
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let is_quote = |byte: u8| matches!(byte, b'"' | b'\'' | b'`');
    let mut at = at;
    at += usize::from(is_quote(byte(at)));
    at += usize::from(matches!(byte(at), b']' | b')'));
    at += usize::from(is_quote(byte(at)));
    let tag = byte(at) == b'>';
    at += usize::from(tag);
    let mark = blank_run(bytes, at, 8);
    let (separator, mut end) = match (byte(mark), byte(mark + 1), byte(mark + 2)) {
        (b'=', b'=', third) => (Separator::Compare, mark + 2 + usize::from(third == b'=')),
        (b'!', b'=', third) => (Separator::Compare, mark + 2 + usize::from(third == b'=')),
        (b'=', b'>', _) | (b':', b'=', _) => (Separator::Assign, mark + 2),
        (b'=', ..) => (Separator::Assign, mark + 1),
        (b'?', b':', _) => (Separator::Colon, mark + 2),
        (b':', b':', _) => return None,
        (b':', ..) => (Separator::Colon, mark + 1),
        (b'-', b'>', _) => return None,
        (b'|', next, _) if mark > at && matches!(next, b' ' | b'\t') => (Separator::Bar, mark + 1),
        (b',' | b'(', ..) => (Separator::Argument, mark + 1),
        _ if tag => (Separator::Tag, at),
        _ if mark > at => (Separator::Blank, mark),
        _ => return None,
    };
    if separator == Separator::Colon {
        let kind = blank_run(bytes, end, 1);
        let rest = text.get(kind..).unwrap_or("");
        if let Some(name) = TYPES.iter().find(|name| rest.starts_with(**name)) {
            let equals = blank_run(bytes, kind + name.len(), 3);
            if byte(equals) == b'=' && byte(equals + 1) != b'=' {
                end = equals + 1;
                return Some(continue_at(bytes, Separator::Assign, false, end));
            }
        }
    }
    Some(continue_at(bytes, separator, mark > at, end))
}

fn continue_at(bytes: &[u8], separator: Separator, spaced: bool, end: usize) -> Separated {
    let mut value = blank_run(bytes, end, MAX_BLANKS);
    // Marks of emphasis: **Password:** `…`
    if separator == Separator::Colon && bytes.get(value..value + 2).is_some_and(|mark| mark == b"**" || mark == b"__") {
        value = blank_run(bytes, value + 2, 3);
    }
    // A folded or literal block of YAML.
    if separator == Separator::Colon && matches!(bytes.get(value), Some(b'>' | b'|')) {
        let mark = value + 1 + usize::from(bytes.get(value + 1) == Some(&b'-'));
        value = if bytes.get(mark) == Some(&b'\n') { mark } else { value };
    }
    let newline = bytes.get(value) == Some(&b'\n') && separator != Separator::Blank && separator != Separator::Tag;
    let indented = if newline { blank_run(bytes, value + 1, 12) } else { value };
    let wrapped = newline && indented > value + 1;
    if wrapped {
        value = indented;
    }
    Separated { separator, spaced, wrapped, value }
}

/// Opening and closing quotation marks.
const QUOTES: &[(&str, &str)] =
    &[("\"", "\""), ("'", "'"), ("`", "`"), ("“", "”"), ("‘", "’"), ("「", "」"), ("『", "』"), ("《", "》")];

/// Reads the value at `at`: what stands in quotation marks, else up to a blank or a mark that ends it.
pub(super) fn read_value(text: &str, at: usize) -> Option<Value> {
    let bytes = text.as_bytes();
    let mut at = at;
    // Prefixes of strings: b"…", r"…", f"…", $"…".
    let prefix = bytes.get(at..at + 3).map_or(0, |start| match start {
        [b'b' | b'r' | b'f' | b'u' | b'B' | b'R' | b'F' | b'U' | b'N' | b'$', b'"' | b'\'', _] => 1,
        [b'b' | b'r' | b'f', b'b' | b'r' | b'f', b'"' | b'\''] => 2,
        _ => 0,
    });
    at += prefix;
    let rest = text.get(at..)?;
    // A picture before the value belongs to neither.
    let pictures = rest.len() - rest.trim_start_matches(is_pictograph).len();
    if pictures > 0 {
        return read_value(text, blank_run(bytes, at + pictures, 1)).filter(|value| value.start > at);
    }
    if let Some((open, close)) = QUOTES.iter().find(|(open, _)| rest.starts_with(open)) {
        let triple = open.len() == 1 && rest.get(..3).is_some_and(|start| start == open.repeat(3));
        let start = at + if triple { 3 } else { open.len() };
        let limit = floor_boundary(text, start + MAX_QUOTED);
        let body = text.get(start..limit)?;
        let line = body.split('\n').next().unwrap_or(body);
        return match line.find(close) {
            Some(0) => None,
            Some(length) => Some(Value { start, end: start + length, quoted: true }),
            // A quotation that is cut off, by the end of the text or of what is looked at.
            None if !line.is_empty() && line.len() == body.len() || *open == "\"" && !line.is_empty() => {
                let length = line.len();
                Some(Value { start, end: start + length, quoted: true })
            }
            None => None,
        };
    }
    let limit = floor_boundary(text, at + MAX_BARE);
    let body = text.get(at..limit)?;
    // The braces of a connection string.
    if let Some(length) = body.strip_prefix('{').and_then(|inner| inner.find("};")).filter(|length| *length > 0) {
        let has_blank = body.get(..length).is_some_and(|inner| inner.contains([' ', '\n']));
        if !has_blank {
            return Some(Value { start: at + 1, end: at + 1 + length, quoted: true });
        }
    }
    let end = body.find(ends_bare).unwrap_or(body.len());
    // `p1;User Id=sa`: the next field of a connection string may have a blank in its name.
    let end = body
        .get(..end)
        .and_then(|value| value.rfind(';'))
        .filter(|mark| {
            let rest = body.get(mark + 1..).unwrap_or("").trim_start();
            let name = rest.bytes().take(24).take_while(|byte| byte.is_ascii_alphabetic() || *byte == b' ').count();
            *mark > 0 && name > 1 && rest.as_bytes().get(name) == Some(&b'=')
        })
        .unwrap_or(end);
    let value = trim_bare(body.get(..end)?);
    (!value.is_empty()).then_some(Value { start: at, end: at + value.len(), quoted: false })
}

/// Returns true for a character that no bare value has.
pub(super) fn ends_bare(character: char) -> bool {
    character.is_ascii_whitespace()
        || matches!(character, '"' | '\'' | '`' | '<' | '>' | '“' | '”' | '‘' | '’')
        || matches!(character, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{ff00}'..='\u{ff5e}')
        || is_pictograph(character)
}

/// Returns true for arrows, lines and pictures, which stand beside a value and never in one.
pub(super) const fn is_pictograph(character: char) -> bool {
    // Blocks and circles stand for letters that are hidden.
    matches!(character, '\u{2190}'..='\u{257f}' | '\u{2600}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
        || matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{200d}' | '†' | '‡' | '«' | '»' | '©' | '®' | '™')
}

/// Cuts off what belongs to the sentence or the syntax around a bare value.
fn trim_bare(value: &str) -> &str {
    let mut value = cut_at_next_pair(value);
    loop {
        let is_open = |open: char, close: char| value.matches(open).count() < value.matches(close).count();
        value = match value.as_bytes() {
            [.., b',' | b';' | b'.' | b':' | b'|' | b'\\'] => value.get(..value.len() - 1).unwrap_or(""),
            [.., b'*', b'*'] | [.., b'_', b'_'] => value.get(..value.len() - 2).unwrap_or(""),
            [.., b')'] if is_open('(', ')') => value.get(..value.len() - 1).unwrap_or(""),
            [.., b']'] if is_open('[', ']') => value.get(..value.len() - 1).unwrap_or(""),
            [.., b'}'] if is_open('{', '}') => value.get(..value.len() - 1).unwrap_or(""),
            _ => break,
        };
    }
    if value.starts_with('(') && value.ends_with(')') { "" } else { value }
}

/// Cuts at `&name=` of a form and at `;Name=` of a connection string.
fn cut_at_next_pair(value: &str) -> &str {
    static FIELD: ByteSet = ByteSet::parse("A-Za-z0-9_.[] -");
    let bytes = value.as_bytes();
    for mark in memchr::memchr2_iter(b'&', b';', bytes) {
        let name = blank_run(bytes, mark + 1, 2);
        let end = FIELD.run_end(bytes, name, name + 40);
        let begins = bytes.get(name).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        if mark > 0 && begins && bytes.get(end) == Some(&b'=') {
            return value.get(..mark).unwrap_or(value);
        }
    }
    value
}

/// Returns the end of the run of bytes without a blank at `at`, at most [`MAX_VALUE`] bytes on.
pub(super) fn run_without_blank(bytes: &[u8], at: usize) -> usize {
    let limit = bytes.len().min(at + MAX_VALUE);
    let rest = bytes.get(at..limit).unwrap_or(&[]);
    at + rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len())
}

/// Returns the word that ends before `at`, with one blank between them.
pub(super) fn word_before(text: &str, at: usize) -> &str {
    let bytes = text.as_bytes();
    let Some(end) = at.checked_sub(1).filter(|end| matches!(bytes.get(*end), Some(b' ' | b'\t'))) else { return "" };
    text.get(WORD.run_start(bytes, end, end.saturating_sub(16))..end).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_values_are_read() {
        let table: &[(&str, Separator, &str)] = &[
            ("=abc,", Separator::Assign, "abc"),
            ("\": \"a b\"", Separator::Colon, "a b"),
            (": str = 'x1'", Separator::Assign, "x1"),
            (":\n    value", Separator::Colon, "value"),
            (" => 'v'", Separator::Assign, "v"),
            ("=a&user=b", Separator::Assign, "a"),
            ("=p1;User Id=sa", Separator::Assign, "p1"),
            (" value more", Separator::Blank, "value"),
            (">value</a>", Separator::Tag, "value"),
            ("', '密x'", Separator::Argument, "密x"),
            (": `tick`.", Separator::Colon, "tick"),
            ("=f(x)", Separator::Assign, "f(x)"),
        ];
        for (text, separator, value) in table {
            let read = read_separator(text, 0).unwrap();
            assert_eq!(read.separator, *separator, "{text}");
            let got = read_value(text, read.value).unwrap();
            assert_eq!(text.get(got.start..got.end), Some(*value), "{text}");
        }
    }
}

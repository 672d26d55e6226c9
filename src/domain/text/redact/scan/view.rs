//! A text as it is looked at: without escapes, colours and invisible characters, with a map back to the original bytes.
//!
//! A tool's output says `\"password\": \"…\"`, a terminal colours half of a token, a page hides a zero-width space in it.
//! The rules look at what a reader sees; what is replaced are the original bytes, and all others stay as they are.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;

use super::byte_set::ByteSet;
use super::grams::Grams;

/// A part of a view: the same bytes as the source, or what some bytes of the source stand for.
#[derive(Debug, Clone, Copy)]
struct Segment {
    /// First byte in the view.
    view: usize,
    /// Bytes of the source.
    source: (usize, usize),
    /// True if view and source have the same bytes.
    same: bool,
}

/// Bytes of runs.
static RUN: ByteSet = ByteSet::parse("A-Za-z0-9+/_-");
/// Fewest bytes of a run that is looked at.
pub(super) const LONG_RUN: usize = 16;

/// A text to look at, and where its bytes come from.
#[derive(Debug)]
pub(super) struct View<'t> {
    text: Cow<'t, str>,
    /// Empty if the view is the source.
    segments: Vec<Segment>,
    base: Option<&'t View<'t>>,
    grams: OnceCell<Grams>,
    runs: OnceCell<Vec<Range<usize>>>,
}

impl<'t> View<'t> {
    /// Creates a view that shows the text as it is.
    pub(super) const fn of(text: &'t str) -> Self {
        Self {
            text: Cow::Borrowed(text),
            segments: Vec::new(),
            base: None,
            grams: OnceCell::new(),
            runs: OnceCell::new(),
        }
    }

    /// Returns the text to look at.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the pieces of the text; they are read once.
    pub(super) fn grams(&self) -> &Grams {
        self.grams.get_or_init(|| Grams::of(self.text()))
    }

    /// Returns the runs of [`LONG_RUN`] bytes or more that may be encoded text or one secret; they are looked for once.
    pub(super) fn long_runs(&self) -> &[Range<usize>] {
        self.runs.get_or_init(|| {
            let bytes = self.text().as_bytes();
            let after = |from| RUN.next_run(bytes, from, LONG_RUN);
            std::iter::successors(after(0), |run| after(run.end)).collect()
        })
    }

    /// Maps a range of the view to the original text. Invisible characters inside the range belong to it.
    pub(super) fn source_range(&self, range: Range<usize>) -> Range<usize> {
        let mapped = if self.segments.is_empty() {
            range
        } else {
            self.source_of(range.start, false)..self.source_of(range.end.saturating_sub(1), true)
        };
        self.base.map_or_else(|| mapped.clone(), |base| base.source_range(mapped.clone()))
    }

    fn source_of(&self, at: usize, end: bool) -> usize {
        let index = self.segments.partition_point(|segment| segment.view <= at);
        let Some(segment) = index.checked_sub(1).and_then(|index| self.segments.get(index)) else { return at };
        match (segment.same, end) {
            (true, _) => segment.source.0 + (at - segment.view) + usize::from(end),
            (false, true) => segment.source.1,
            (false, false) => segment.source.0,
        }
    }
}

/// Builds a view piece by piece.
#[derive(Debug, Default)]
pub(super) struct ViewBuilder {
    text: String,
    segments: Vec<Segment>,
}

impl ViewBuilder {
    /// Creates a builder of a view of about this many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), segments: Vec::new() }
    }

    /// Appends bytes of the source as they are.
    pub(super) fn push_same(&mut self, source: &str, range: Range<usize>) {
        let Some(piece) = source.get(range.clone()).filter(|piece| !piece.is_empty()) else { return };
        match self.segments.last_mut() {
            Some(last) if last.same && last.source.1 == range.start => last.source.1 = range.end,
            _ => self.segments.push(Segment { view: self.text.len(), source: (range.start, range.end), same: true }),
        }
        self.text.push_str(piece);
    }

    /// Appends what some bytes of the source stand for.
    pub(super) fn push_decoded(&mut self, decoded: char, source: Range<usize>) {
        self.segments.push(Segment { view: self.text.len(), source: (source.start, source.end), same: false });
        self.text.push(decoded);
    }

    /// Finishes the view of a text, or of another view.
    pub(super) fn finish<'t>(self, base: Option<&'t View<'t>>) -> View<'t> {
        View {
            text: Cow::Owned(self.text),
            segments: self.segments,
            base,
            grams: OnceCell::new(),
            runs: OnceCell::new(),
        }
    }
}

/// What a piece of markup stands for, found at the start of a rest of the text.
enum Decoded {
    /// A character in place of some bytes.
    Character(char, usize),
    /// Nothing in place of some bytes.
    Nothing(usize),
    /// The bytes are what they are.
    Same(usize),
}

/// Most bytes of an operating system command of a terminal.
const MAX_TERMINAL_COMMAND: usize = 2100;
/// Most bytes of a control sequence of a terminal.
const MAX_CONTROL_SEQUENCE: usize = 40;

/// Returns the view of a text without colours and invisible characters, with plain spaces.
pub(super) fn strip_invisible(text: &str) -> View<'_> {
    if text.is_ascii() && memchr::memchr3(0x1b, 0x08, b'\r', text.as_bytes()).is_none() {
        return View::of(text);
    }
    build(text, None, |rest| rest.iter().position(|byte| HIDDEN_MARK.contains(*byte)), decode_hidden)
        .unwrap_or(View::of(text))
}

/// Returns the view without escapes, entities and full-width letters.
pub(super) fn decode<'t>(base: &'t View<'t>) -> View<'t> {
    let text = base.text();
    let same = || View { base: Some(base), ..View::of(text) };
    build(text, Some(base), |rest| memchr::memchr3(b'\\', b'&', 0xef, rest), decode_mark).unwrap_or_else(same)
}

/// Builds a view of what `decode` makes of each mark; nothing if there is nothing to decode.
fn build<'t>(
    text: &str,
    base: Option<&'t View<'t>>,
    next_mark: impl Fn(&[u8]) -> Option<usize>,
    decode: impl Fn(&str) -> Decoded,
) -> Option<View<'t>> {
    let bytes = text.as_bytes();
    let mut view: Option<ViewBuilder> = None;
    let (mut at, mut copied) = (0, 0);
    while let Some(mark) = bytes.get(at..).and_then(&next_mark) {
        let mark = at + mark;
        let (decoded, length) = match decode(text.get(mark..).unwrap_or("")) {
            Decoded::Same(length) => {
                at = mark + length.max(1);
                continue;
            }
            Decoded::Character(decoded, length) => (Some(decoded), length),
            Decoded::Nothing(length) => (None, length),
        };
        let view = view.get_or_insert_with(|| ViewBuilder::with_capacity(text.len()));
        view.push_same(text, copied..mark);
        if let Some(decoded) = decoded {
            view.push_decoded(decoded, mark..mark + length);
        }
        at = mark + length;
        copied = at;
    }
    let mut view = view?;
    view.push_same(text, copied..text.len());
    Some(view.finish(base))
}

/// Bytes that may begin a control sequence or an invisible character.
static HIDDEN_MARK: ByteSet = ByteSet::of(&[0x1b, 0x08, b'\r', 0xc2, 0xcd, 0xd8, 0xe1, 0xe2, 0xe3, 0xef, 0xf3]);

fn decode_hidden(rest: &str) -> Decoded {
    let Some(first) = rest.chars().next() else { return Decoded::Same(1) };
    match first {
        '\u{1b}' => Decoded::Nothing(control_sequence_length(rest.as_bytes(), 1)),
        '\u{9b}' => Decoded::Nothing(2 + parameters_length(rest.as_bytes().get(2..).unwrap_or(&[]))),
        '\u{8}' => Decoded::Nothing(1),
        '\r' if rest.as_bytes().get(1) == Some(&b'\n') => Decoded::Nothing(1),
        _ if is_invisible(first) => Decoded::Nothing(first.len_utf8()),
        // Text from web pages and word processors has other spaces than that of a keyboard.
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            Decoded::Character(' ', first.len_utf8())
        }
        _ => Decoded::Same(first.len_utf8()),
    }
}

fn decode_mark(rest: &str) -> Decoded {
    let Some(first) = rest.chars().next() else { return Decoded::Same(1) };
    match first {
        '\\' => decode_escape(rest),
        '&' => decode_entity(rest),
        _ => match narrow_form(first) {
            Some(narrow) => Decoded::Character(narrow, first.len_utf8()),
            None => Decoded::Same(first.len_utf8()),
        },
    }
}

/// Returns the ASCII form of a full-width character. Marks that end a Chinese sentence or clause stay.
fn narrow_form(wide: char) -> Option<char> {
    if matches!(wide, '，' | '；' | '！' | '？' | '（' | '）') || !('\u{ff01}'..='\u{ff5e}').contains(&wide) {
        return None;
    }
    char::from_u32(u32::from(wide) - 0xfee0)
}

/// Returns true for a character that shows nothing.
pub(super) fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Returns the length of a terminal's control sequence; `introducer` bytes of it are read.
fn control_sequence_length(bytes: &[u8], introducer: usize) -> usize {
    match bytes.get(introducer) {
        Some(b'[') => introducer + 1 + parameters_length(bytes.get(introducer + 1..).unwrap_or(&[])),
        Some(b']') => {
            let body = bytes.get(introducer + 1..).unwrap_or(&[]);
            let body = body.get(..MAX_TERMINAL_COMMAND.min(body.len())).unwrap_or(body);
            let end = body.iter().position(|byte| matches!(byte, 0x07 | 0x1b | b'\n'));
            let length = introducer + 1 + end.unwrap_or(0);
            match end.and_then(|end| body.get(end)) {
                Some(0x07) => length + 1,
                Some(0x1b) if bytes.get(length + 1) == Some(&b'\\') => length + 2,
                _ => length,
            }
        }
        Some(byte) if byte.is_ascii() => introducer + 1,
        _ => introducer,
    }
}

/// Returns the length of the parameters and the final letter of a control sequence.
fn parameters_length(bytes: &[u8]) -> usize {
    let bytes = bytes.get(..MAX_CONTROL_SEQUENCE.min(bytes.len())).unwrap_or(bytes);
    let end = bytes.iter().position(|byte| !matches!(byte, b' '..=b'?')).unwrap_or(bytes.len());
    end + usize::from(bytes.get(end).is_some_and(|byte| matches!(byte, b'@'..=b'~')))
}

/// Decodes a run of any number of backslashes and what they escape, so that JSON at any depth is decoded at once.
fn decode_escape(rest: &str) -> Decoded {
    let bytes = rest.as_bytes();
    let slashes = bytes.iter().position(|byte| *byte != b'\\').unwrap_or(bytes.len());
    let end = slashes + 1;
    match bytes.get(slashes) {
        Some(b'n') => Decoded::Character('\n', end),
        Some(b't') => Decoded::Character('\t', end),
        Some(b'r' | b'b' | b'f') => Decoded::Nothing(end),
        Some(escaped @ (b'"' | b'\'' | b'/')) => Decoded::Character(char::from(*escaped), end),
        Some(b'u') => decode_code(rest, end, 4, slashes),
        Some(b'x') => decode_code(rest, end, 2, slashes),
        Some(b'0') if rest.get(slashes..).is_some_and(|code| code.starts_with("033[")) => {
            Decoded::Nothing(control_sequence_length(bytes, slashes + 3))
        }
        Some(b'e') if bytes.get(end) == Some(&b'[') => Decoded::Nothing(control_sequence_length(bytes, end)),
        _ => Decoded::Same(slashes),
    }
}

fn decode_code(rest: &str, from: usize, digits: usize, slashes: usize) -> Decoded {
    let code = rest.get(from..from + digits).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let decoded = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
    match decoded {
        Some('\u{1b}') => Decoded::Nothing(control_sequence_length(rest.as_bytes(), from + digits)),
        Some(decoded) if is_invisible(decoded) => Decoded::Nothing(from + digits),
        Some(decoded) => Decoded::Character(narrow_form(decoded).unwrap_or(decoded), from + digits),
        None => Decoded::Same(slashes),
    }
}

/// Entities of HTML that hide a sign the rules look for.
const ENTITIES: &[(&str, char)] = &[
    ("&quot;", '"'),
    ("&apos;", '\''),
    ("&amp;", '&'),
    ("&lt;", '<'),
    ("&gt;", '>'),
    ("&nbsp;", ' '),
    ("&#160;", ' '),
    ("&#34;", '"'),
    ("&#39;", '\''),
    ("&#61;", '='),
    ("&#58;", ':'),
    ("&#x22;", '"'),
    ("&#x27;", '\''),
    ("&#x3d;", '='),
];

fn decode_entity(rest: &str) -> Decoded {
    let found = ENTITIES
        .iter()
        .find(|(entity, _)| rest.get(..entity.len()).is_some_and(|start| start.eq_ignore_ascii_case(entity)));
    found.map_or(Decoded::Same(1), |(entity, decoded)| Decoded::Character(*decoded, entity.len()))
}

/// Returns the view without percent encoding, or nothing if there is none.
pub(super) fn decode_percent<'t>(base: &'t View<'t>) -> Option<View<'t>> {
    let text = base.text();
    let decoded_at = |at: usize| {
        let code = text.get(at + 1..at + 3)?;
        let byte = u8::from_str_radix(code, 16).ok().filter(|byte| (0x20..0x7f).contains(byte))?;
        code.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(char::from(byte))
    };
    let mut view: Option<ViewBuilder> = None;
    let mut copied = 0;
    for at in memchr::memchr_iter(b'%', text.as_bytes()) {
        if at < copied {
            continue;
        }
        let Some(decoded) = decoded_at(at) else { continue };
        let view = view.get_or_insert_with(|| ViewBuilder::with_capacity(text.len()));
        view.push_same(text, copied..at);
        view.push_decoded(decoded, at..at + 3);
        copied = at + 3;
    }
    let mut view = view?;
    view.push_same(text, copied..text.len());
    Some(view.finish(Some(base)))
}

/// Returns the view in which strings that are put together are one: `"a" + "b"`, `"a" "b"`, `'a', 'b'`, and lines that a
/// backslash continues; nothing if there are none.
pub(super) fn join_strings<'t>(base: &'t View<'t>) -> Option<View<'t>> {
    build(
        base.text(),
        Some(base),
        |rest| rest.iter().position(|byte| JOINT_MARK.contains(*byte)),
        |rest| decode_joint(rest, None),
    )
}

/// Returns the view in which the strings of a list are words of a line: `['a', 'b']`; nothing if there are none.
pub(super) fn join_arguments<'t>(base: &'t View<'t>) -> Option<View<'t>> {
    build(
        base.text(),
        Some(base),
        |rest| rest.iter().position(|byte| JOINT_MARK.contains(*byte)),
        |rest| decode_joint(rest, Some(' ')),
    )
}

/// Returns the view in which lines that a backslash continues are one; nothing if there are none.
pub(super) fn join_lines<'t>(base: &'t View<'t>) -> Option<View<'t>> {
    build(base.text(), Some(base), |rest| memchr::memchr(b'\\', rest), |rest| decode_joint(rest, None))
}

/// Bytes that may begin what stands between two strings.
static JOINT_MARK: ByteSet = ByteSet::of(b"\"'`\\");

/// Most bytes between two strings that are put together.
const MAX_JOINT: usize = 40;

fn decode_joint(rest: &str, between: Option<char>) -> Decoded {
    let bytes = rest.as_bytes();
    let limit = bytes.len().min(MAX_JOINT);
    let skip = |from: usize, set: &[u8]| {
        from + bytes.get(from..limit).map_or(0, |gap| gap.iter().take_while(|byte| set.contains(byte)).count())
    };
    let first = bytes.first().copied().unwrap_or(0);
    if first == b'\\' {
        let end = skip(2, b" \t");
        return if bytes.get(1) == Some(&b'\n') { Decoded::Nothing(end) } else { Decoded::Same(1) };
    }
    let mark = skip(1, b" \t\n");
    let end = skip(mark, b"+,.&");
    let end = skip(end, b" \t\n");
    let is_joint = end > 1 && end - mark < MAX_JOINT && bytes.get(end) == Some(&first);
    match between {
        _ if !is_joint => Decoded::Same(1),
        Some(between) => Decoded::Character(between, end + 1),
        None => Decoded::Nothing(end + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_colours_and_invisible_characters_are_taken_out_and_mapped_back() {
        let text = "a\\\\\\\"b\u{200b}c\u{1b}[32md\u{1b}[0m\\u0065&quot;ｆ：";
        let plain = strip_invisible(text);
        let view = decode(&plain);
        assert_eq!(view.text(), "a\"bcde\"f:");
        let range = view.source_range(2..4);
        assert_eq!(text.get(range), Some("b\u{200b}c"));
        let range = view.source_range(0..view.text().len());
        assert_eq!(range, 0..text.len());
        let base = strip_invisible("nothing to decode: 密码，好");
        assert_eq!(decode(&base).text(), "nothing to decode: 密码，好");
    }

    #[test]
    fn percent_encoding_is_mapped_through_both_views() {
        let text = "x=a\u{200b}%3Ab%zz";
        let base = strip_invisible(text);
        let view = decode_percent(&base).unwrap();
        assert_eq!(view.text(), "x=a:b%zz");
        assert_eq!(text.get(view.source_range(2..5)), Some("a\u{200b}%3Ab"));
        assert!(decode_percent(&View::of("100 % sure")).is_none());
    }
}

//! Cutting a text into passages of a size that an encoder reads well. Does not own the encoder.

use std::ops::Range;

use super::keys::{self, Key};
use super::{is_cjk, prefix};
use crate::domain::{Kind, Role, limits};

/// Changes whenever the same text may be cut otherwise; part of the model id.
pub const VERSION: u32 = 2;

/// Passage size in weight units; a Latin character weighs 1. 700 characters of English are about 170 tokens.
const TARGET_WEIGHT: usize = 700;
/// A CJK character carries about as many tokens as two and a half Latin ones.
const CJK_WEIGHT: usize = 5;
const LATIN_WEIGHT: usize = 2;
/// So many passages of a text get vectors (about 8,400 characters); the rest is found by word.
pub const MOST_EMBEDDED: usize = 12;

/// What a passage is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A piece of the text. All pieces together are the text.
    Text,
    /// A sentence that is a key of its own, on top of the pieces.
    Key(Key),
}

impl Purpose {
    /// The number stored in the database; never reused.
    pub const fn number(self) -> i64 {
        match self {
            Self::Text => 0,
            Self::Key(Key::Instruction) => 1,
            Self::Key(Key::Preference) => 2,
        }
    }

    /// From the stored number.
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Text),
            1 => Some(Self::Key(Key::Instruction)),
            2 => Some(Self::Key(Key::Preference)),
            _ => None,
        }
    }
}

/// All passages of a part: the pieces of its text, then the keys in it if a person wrote it.
pub fn of_part(role: Role, kind: Kind, text: &str) -> Vec<(Purpose, Range<usize>)> {
    let mut passages: Vec<_> = of(kind, text).into_iter().map(|range| (Purpose::Text, range)).collect();
    if role == Role::User && matches!(kind, Kind::Text | Kind::Note) {
        passages.extend(keys::of(text).into_iter().map(|(key, range)| (Purpose::Key(key), range)));
    }
    passages
}

/// Byte ranges of the pieces of a text of this kind, in order, without gaps. Blank text has none.
///
/// Prose is cut after a blank line, a line, a sentence or a word, by preference, in the last third of a passage. What
/// tools print has one passage: its parts mean little alone.
pub fn of(kind: Kind, whole: &str) -> Vec<Range<usize>> {
    if kind == Kind::Earlier {
        return Vec::new();
    }
    let text = prefix(whole, limits::INDEXED_BYTES);
    if !kind.is_embedded() {
        return if text.is_empty() { Vec::new() } else { std::iter::once(0..text.len()).collect() };
    }
    let mut passages = Vec::new();
    let mut start = 0;
    while let Some(rest) = text.get(start..).filter(|rest| !rest.trim().is_empty()) {
        let end = start + cut(rest);
        passages.push(start..end);
        start = end;
    }
    if passages.is_empty() && !text.is_empty() && whole.len() > text.len() {
        // Blank for a quarter of a megabyte: what follows is found literally, and needs a place to be found at.
        passages.push(0..text.len());
    }
    passages
}

/// Where to cut the first passage off `text`, in bytes.
fn cut(text: &str) -> usize {
    let mut weight = 0;
    let mut best = (0, text.len());
    let mut previous = '\0';
    for (at, character) in text.char_indices() {
        let end = at + character.len_utf8();
        weight += if is_cjk(character) { CJK_WEIGHT } else { LATIN_WEIGHT };
        if weight > TARGET_WEIGHT * LATIN_WEIGHT {
            return if best.0 == 0 { at.max(1) } else { best.1 };
        }
        let preference = match character {
            '\n' if previous == '\n' => 4,
            '\n' => 3,
            '。' | '！' | '？' | '；' => 2,
            ' ' if matches!(previous, '.' | '!' | '?' | ';') => 2,
            ' ' | '，' | '、' => 1,
            _ => 0,
        };
        if weight > TARGET_WEIGHT * LATIN_WEIGHT * 2 / 3 && preference >= best.0 && preference > 0 {
            best = (preference, end);
        }
        previous = character;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_one_passage_and_blank_text_none() {
        assert_eq!(of(Kind::Text, "hello"), vec![0..5_usize; 1]);
        assert!(of(Kind::Text, " \n ").is_empty());
        assert_eq!(of(Kind::Text, &format!("{}late", " ".repeat(limits::INDEXED_BYTES))).len(), 1);
        assert_eq!(of(Kind::ToolResult, &"line\n".repeat(900)), vec![0..4500_usize; 1]);
    }

    #[test]
    fn cuts_at_paragraphs() {
        let text = format!("{}\n\n{}", "a ".repeat(300), "b ".repeat(300));
        let passages = of(Kind::Text, &text);
        assert_eq!(passages.len(), 2);
        assert!(text.get(passages[1].clone()).is_some_and(|second| second.starts_with('b')));
    }

    proptest::proptest! {
        #[test]
        fn passages_cover_without_gaps(text in "(\\PC|\n){0,3000}") {
            let passages = of(Kind::Text, &text);
            let mut at = 0;
            for passage in &passages {
                assert_eq!(passage.start, at);
                assert!(text.get(passage.clone()).is_some(), "cut inside a character");
                assert!(passage.end > passage.start);
                at = passage.end;
            }
            assert!(text.get(at..).is_some_and(|rest| rest.trim().is_empty()));
        }
    }
}

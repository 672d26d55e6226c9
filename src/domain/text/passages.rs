//! Splits a text into passages of a size that an embedding model reads well. Does not own the model.

use std::ops::Range;

use super::keys::{self, KeyKind};
use super::{byte_prefix, is_cjk};
use crate::domain::{PartKind, Role, limits};

/// Version of the rules: changes whenever the same text may be split differently; part of the model id.
pub const VERSION: u32 = 2;

/// Passage size in weight units; a Latin character weighs 1. 700 characters of English are about 170 tokens.
const TARGET_WEIGHT: usize = 700;
/// A CJK character carries about as many tokens as two and a half Latin ones.
const CJK_WEIGHT: usize = 5;
const LATIN_WEIGHT: usize = 2;
/// Most passages of a text that get an embedding (about 8,400 characters); keyword search finds the rest.
pub const MAX_EMBEDDED: usize = 12;

/// Purpose of a passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A piece of the text. All pieces together are the text.
    Text,
    /// A sentence that is a key of its own, on top of the pieces.
    Key(KeyKind),
}

impl Purpose {
    /// Returns the number stored in the database; numbers are never reused.
    pub const fn number(self) -> i64 {
        match self {
            Self::Text => 0,
            Self::Key(KeyKind::Instruction) => 1,
            Self::Key(KeyKind::Preference) => 2,
        }
    }

    /// Returns the purpose of a stored number, or `None` if it is unknown.
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Text),
            1 => Some(Self::Key(KeyKind::Instruction)),
            2 => Some(Self::Key(KeyKind::Preference)),
            _ => None,
        }
    }
}

/// Returns all passages of a part: the pieces of its text, then the keys in it if a person wrote it.
pub fn split_part(role: Role, kind: PartKind, text: &str) -> Vec<(Purpose, Range<usize>)> {
    let mut passages: Vec<_> = split_text(kind, text).into_iter().map(|range| (Purpose::Text, range)).collect();
    if role == Role::User && matches!(kind, PartKind::Text | PartKind::Note) {
        passages.extend(keys::find_keys(text).into_iter().map(|(key, range)| (Purpose::Key(key), range)));
    }
    passages
}

/// Splits a text of this kind into byte ranges, in order, without gaps. Blank text has none.
///
/// Prose is cut after a blank line, a line, a sentence or a word, by preference, in the last third of a passage. Tool
/// output is one passage: its parts mean little alone. [`PartKind::Earlier`] has none.
pub fn split_text(kind: PartKind, whole: &str) -> Vec<Range<usize>> {
    if kind == PartKind::Earlier {
        return Vec::new();
    }
    let text = byte_prefix(whole, limits::INDEXED_BYTES);
    if !kind.is_embedded() {
        return if text.is_empty() { Vec::new() } else { std::iter::once(0..text.len()).collect() };
    }
    let mut passages = Vec::new();
    let mut start = 0;
    while let Some(rest) = text.get(start..).filter(|rest| !rest.trim().is_empty()) {
        let end = start + first_passage_len(rest);
        passages.push(start..end);
        start = end;
    }
    if passages.is_empty() && !text.is_empty() && whole.len() > text.len() {
        // Blank for a quarter of a mebibyte: exact search finds what follows, and needs a passage to return.
        passages.push(0..text.len());
    }
    passages
}

/// Returns the length in bytes of the first passage of `text`.
fn first_passage_len(text: &str) -> usize {
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
        assert_eq!(split_text(PartKind::Text, "hello"), vec![0..5_usize; 1]);
        assert!(split_text(PartKind::Text, " \n ").is_empty());
        assert_eq!(split_text(PartKind::Text, &format!("{}late", " ".repeat(limits::INDEXED_BYTES))).len(), 1);
        assert_eq!(split_text(PartKind::ToolResult, &"line\n".repeat(900)), vec![0..4500_usize; 1]);
    }

    #[test]
    fn cuts_at_paragraphs() {
        let text = format!("{}\n\n{}", "a ".repeat(300), "b ".repeat(300));
        let passages = split_text(PartKind::Text, &text);
        assert_eq!(passages.len(), 2);
        assert!(text.get(passages[1].clone()).is_some_and(|second| second.starts_with('b')));
    }

    proptest::proptest! {
        #[test]
        fn passages_cover_without_gaps(text in "(\\PC|\n){0,3000}") {
            let passages = split_text(PartKind::Text, &text);
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

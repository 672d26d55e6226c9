//! Terms by which keyword search finds a text. Owns normalisation, splitting, stemming and the form of a term.
//! Does not own the index that holds them.
//!
//! A term never contains white space, so a text's terms joined by single spaces can be given to an index that
//! splits at spaces only. Rules, in order:
//! - compatibility forms and letter case are folded (Unicode NFKC, lower case), traditional Chinese characters become
//!   simplified ones;
//! - CJK runs give every character and every pair of neighbours (unigrams and bigrams, interleaved), so that one
//!   character finds something and no dictionary is needed;
//! - a run of word characters joined by `_ - . / : @ + #` is an identifier: it is kept whole, and also split at the
//!   joiners, at the end of a path and at changes of letter case;
//! - plain English words are stemmed (Porter's second algorithm, snowballstem.org) unless they are stop words.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfkc_quick};

use super::is_cjk;

/// Version of the rules: changes whenever the same text may give other terms, which makes an index outdated.
pub const VERSION: u32 = 2;

/// Most bytes of a word. Longer ones are left out: they are hashes and encoded data that are never typed.
const MAX_WORD_BYTES: usize = 64;
/// Most bytes of an identifier that is kept whole. Longer ones are kept only in their parts.
const MAX_IDENTIFIER_BYTES: usize = 120;

/// Function words that carry no meaning for search.
const STOP_WORDS: &[&str] = &[
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "because", "been",
    "being", "but", "by", "can", "could", "did", "do", "does", "for", "from", "had", "has", "have", "he", "her",
    "here", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "just", "let", "like", "me", "my", "no",
    "not", "now", "of", "on", "or", "our", "out", "she", "should", "so", "some", "such", "than", "that", "the",
    "their", "them", "then", "there", "these", "they", "this", "to", "up", "us", "was", "we", "were", "what", "when",
    "where", "which", "who", "why", "will", "with", "would", "you", "your",
];

/// Extractor of terms. Holds the stemmer; create one and keep it.
pub struct TermExtractor {
    stemmer: Stemmer,
    /// Cache of stems, empty for stop words: a language repeats itself, and stemming is the slowest step.
    known: RefCell<HashMap<Box<str>, Box<str>>>,
}

/// Most stems in the cache before it is cleared: about 2 MB.
const MAX_CACHED_STEMS: usize = 1 << 14;

impl std::fmt::Debug for TermExtractor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Terms")
    }
}

impl Default for TermExtractor {
    fn default() -> Self {
        Self { stemmer: Stemmer::create(Algorithm::English), known: RefCell::default() }
    }
}

impl TermExtractor {
    /// Returns all terms of a text joined by spaces. Their order is the only position that is kept.
    pub fn join_terms(&self, text: &str) -> String {
        let mut joined = String::with_capacity(text.len() + text.len() / 4);
        self.for_each_term(text, &mut |term| {
            joined.push_str(term);
            joined.push(' ');
        });
        joined
    }

    /// Returns the distinct terms of a query, in order of first appearance, at most `limit`.
    pub fn query_terms(&self, text: &str, limit: usize) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        self.for_each_term(text, &mut |term| {
            if found.len() < limit && !found.iter().any(|known| known == term) {
                found.push(term.to_owned());
            }
        });
        found
    }

    /// Calls `emit` with every term of the text.
    pub fn for_each_term(&self, text: &str, emit: &mut impl FnMut(&str)) {
        let folded = normalise_compatibility(text);
        let mut rest = folded.as_ref();
        while let Some(start) = rest.find(is_word_char) {
            rest = rest.get(start..).unwrap_or("");
            let run = if let Some(word) = take_plain_word(rest) {
                self.word_terms(word, emit);
                word
            } else if rest.starts_with(is_cjk) {
                let run = take_run(rest, is_cjk);
                cjk_terms(&simplify_chinese(run), emit);
                run
            } else {
                let run = take_identifier(rest);
                self.identifier_terms(run, emit);
                run
            };
            rest = rest.get(run.len().max(1)..).unwrap_or("");
        }
    }

    fn identifier_terms(&self, run: &str, emit: &mut impl FnMut(&str)) {
        let joined = run.contains(is_joiner_char);
        if joined {
            let lower = lowercase_word(run);
            if lower.len() <= MAX_IDENTIFIER_BYTES {
                emit(&lower);
            }
        }
        for segment in run.split('/').filter(|segment| !segment.is_empty()) {
            if segment.len() < run.len() && segment.contains(is_joiner_char) && segment.len() <= MAX_IDENTIFIER_BYTES {
                emit(&lowercase_word(segment));
            }
            for word in segment.split(is_joiner_char).filter(|word| !word.is_empty()) {
                self.word_terms(word, emit);
            }
        }
    }

    fn word_terms(&self, word: &str, emit: &mut impl FnMut(&str)) {
        if word.len() > MAX_WORD_BYTES {
            return;
        }
        let lower = lowercase_word(word);
        self.emit_stem(&lower, emit);
        if matches!(lower, Cow::Borrowed(_)) {
            return;
        }
        for hump in split_case(word).filter(|hump| hump.len() > 1 && hump.len() < word.len()) {
            self.emit_stem(&lowercase_word(hump), emit);
        }
    }

    /// Returns the term of a whole word; empty for a stop word and for a word that is too long.
    pub(super) fn word_term(&self, word: &str) -> String {
        let mut term = String::new();
        if word.len() <= MAX_WORD_BYTES {
            self.emit_stem(&lowercase_word(word), &mut |stem: &str| stem.clone_into(&mut term));
        }
        term
    }

    fn emit_stem(&self, word: &str, emit: &mut impl FnMut(&str)) {
        if !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return emit(word);
        }
        let mut known = self.known.borrow_mut();
        if known.len() >= MAX_CACHED_STEMS {
            known.clear();
        }
        let stem = match known.get(word) {
            Some(stem) => stem,
            None => known.entry(word.into()).or_insert_with(|| self.stem_word(word).into()),
        };
        if !stem.is_empty() {
            emit(stem);
        }
    }

    /// Returns the stem of a plain word; empty for a stop word.
    fn stem_word<'w>(&self, word: &'w str) -> Cow<'w, str> {
        if STOP_WORDS.binary_search(&word).is_ok() {
            Cow::Borrowed("")
        } else if word.len() > 3 {
            self.stemmer.stem(word)
        } else {
            Cow::Borrowed(word)
        }
    }
}

/// Replaces compatibility forms (NFKC); borrows when nothing changes, which is the case for all ASCII text.
pub(super) fn normalise_compatibility(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfkc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfkc().collect())
    }
}

/// Simplified character for each traditional one (models/simplified.py names the source).
static SIMPLIFIED: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let pair = |line: &str| {
        let mut characters = line.chars();
        Some((characters.next()?, characters.next()?))
    };
    include_str!("simplified.txt").lines().filter_map(pair).collect()
});

/// Replaces traditional characters by simplified ones; borrows if there are none.
pub(super) fn simplify_chinese(run: &str) -> Cow<'_, str> {
    let pairs = &*SIMPLIFIED;
    if run.chars().any(|character| pairs.contains_key(&character)) {
        Cow::Owned(run.chars().map(|character| pairs.get(&character).copied().unwrap_or(character)).collect())
    } else {
        Cow::Borrowed(run)
    }
}

pub(super) fn is_word_char(character: char) -> bool {
    character.is_alphanumeric()
}

pub(super) const fn is_joiner_char(character: char) -> bool {
    matches!(character, '_' | '-' | '.' | '/' | ':' | '@' | '+' | '#')
}

/// Converts to lower case; borrows ASCII text without capitals, which most words are. A borrowed word has no humps.
pub(super) fn lowercase_word(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

/// Returns the ASCII word at the start of a text if it is a whole identifier: the fast path for most words.
pub(super) fn take_plain_word(text: &str) -> Option<&str> {
    let end = text.bytes().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(text.len());
    let ends = text.as_bytes().get(end).is_none_or(|next| next.is_ascii() && !is_joiner_char(char::from(*next)));
    text.get(..end).filter(|word| ends && !word.is_empty())
}

pub(super) fn take_run(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|character| !belongs(character)).unwrap_or(text.len());
    text.get(..end).unwrap_or("")
}

/// Returns the longest run of word characters and single joiners between them.
///
/// It stops at CJK, so `修复parser的bug` gives `parser`. Trailing `+` and `#` stay, for `c++` and `c#`.
pub(super) fn take_identifier(text: &str) -> &str {
    let mut end = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if is_word_char(character) && !is_cjk(character) {
            end = at + character.len_utf8();
        } else if is_joiner_char(character) {
            let next = characters.peek().map(|(_, next)| *next);
            let joins = next.is_some_and(|next| is_word_char(next) && !is_cjk(next));
            let doubled = character == ':' && next == Some(':');
            if matches!(character, '+' | '#') && !joins {
                end = at + 1;
            } else if !joins && !doubled {
                break;
            }
        } else {
            break;
        }
    }
    text.get(..end).unwrap_or("")
}

/// Returns the terms that all occur where a CJK word does: every pair of its characters, or its only character.
pub(super) fn cjk_word_terms(word: &str) -> Vec<String> {
    let mut found = Vec::new();
    cjk_terms(word, &mut |term| found.push(term.to_owned()));
    let is_pair = |term: &String| term.chars().nth(1).is_some();
    if found.iter().any(is_pair) {
        found.retain(is_pair);
    }
    found
}

fn cjk_terms(run: &str, emit: &mut impl FnMut(&str)) {
    let mut characters = run.char_indices().peekable();
    while let Some((start, character)) = characters.next() {
        let middle = start + character.len_utf8();
        emit(run.get(start..middle).unwrap_or(""));
        if let Some((_, next)) = characters.peek() {
            emit(run.get(start..middle + next.len_utf8()).unwrap_or(""));
        }
    }
}

/// Splits `getUserName`, `HTTPServer` and `utf8Parser` at changes of letter case and after digits.
fn split_case(word: &str) -> impl Iterator<Item = &str> {
    let mut characters = word.char_indices().peekable();
    let (mut before, mut start) = (None::<char>, 0);
    std::iter::from_fn(move || {
        while let Some((at, character)) = characters.next() {
            let then_lower = characters.peek().is_some_and(|(_, next)| next.is_lowercase());
            let begins =
                |before: char| before.is_lowercase() || before.is_numeric() || (before.is_uppercase() && then_lower);
            let boundary = character.is_uppercase() && before.is_some_and(begins);
            before = Some(character);
            if boundary {
                return word.get(std::mem::replace(&mut start, at)..at);
            }
        }
        let rest = word.get(start..).filter(|rest| !rest.is_empty());
        start = word.len();
        rest
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_of_typical_texts() {
        let terms = TermExtractor::default();
        let check = |text: &str, expect: &str| assert_eq!(terms.join_terms(text).trim_end(), expect, "{text}");
        check("The parsers were failing", "parser fail");
        check("数据库备份", "数 数据 据 据库 库 库备 备 备份 份");
        check("修复parser的bug", "修 修复 复 parser 的 bug");
        check("getUserName()", "getusernam get user name");
        check("snake_case_name", "snake_case_name snake case name");
        check("see src/store/mod.rs:12", "see src/store/mod.rs:12 src store mod.rs:12 mod rs 12");
        check("HTTPServer", "httpserver http server");
        check("Ｆｕｌｌ　ｗｉｄｔｈ", "full width");
        check("E0382, v1.2.3 and c++", "e0382 v1.2.3 v1 2 3 c++ c");
        check("std::io::Error", "std::io::error std io error");
        check("end. Next", "end next");
        check("库", "库");
        check("數據庫", "数 数据 据 据库 库");
        check("", "");
        check("!!! --- ...", "");
        check("Straße ΣΊΣΥΦΟΣ", "straße σίσυφος");
    }

    #[test]
    fn stop_words_are_sorted_for_the_binary_search() {
        assert!(STOP_WORDS.is_sorted());
    }

    proptest::proptest! {
        #[test]
        fn any_text_gives_terms_without_spaces(text in "\\PC{0,60}") {
            let terms = TermExtractor::default();
            terms.for_each_term(&text, &mut |term| {
                assert!(!term.is_empty() && !term.contains(char::is_whitespace), "{term:?} of {text:?}");
            });
        }

        #[test]
        fn a_part_of_chinese_text_is_found_in_it(text in "[一-龥]{2,20}", start in 0usize..10, length in 1usize..6) {
            let terms = TermExtractor::default();
            let characters: Vec<char> = text.chars().collect();
            let part: String = characters.iter().skip(start % characters.len()).take(length).collect();
            let whole = format!(" {}", terms.join_terms(&text));
            for term in terms.query_terms(&part, 64) {
                assert!(whole.contains(&format!(" {term} ")));
            }
        }
    }
}

//! Detects text that reads like an instruction to a model: it may have been planted in a file, a page or a tool's
//! answer to be remembered and followed later (memory poisoning, OWASP ASI06). Best effort: the protection is that
//! recalled text is fenced and carries its source; this only marks text that deserves a second look.

mod rules;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use regex::Regex;

use super::disguise;

/// A pattern, and the literals that must occur for it to match: one of each list.
///
/// It is compiled when its literals were found: compiling all patterns takes as long as a search.
///
/// Patterns are for texts as [`disguise`] writes them: lower case, no accents, simplified characters, half-width
/// punctuation. A space in a pattern stands for a gap between two words: up to eight characters that are no Latin
/// letters or digits.
struct SuspicionRule {
    needs: &'static [&'static [&'static str]],
    pattern: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

/// Expression for a space in a pattern: also a line end with a quotation mark, or nothing.
const GAP_PATTERN: &str = "[^a-z0-9]{0,8}";

impl SuspicionRule {
    const fn new(needs: &'static [&'static [&'static str]], pattern: &'static str) -> Self {
        Self { needs, pattern, compiled: OnceLock::new() }
    }

    fn matches_text(&self, text: &str) -> bool {
        self.needs.iter().all(|any| any.iter().any(|literal| text.contains(literal)))
            && self
                .compiled
                .get_or_init(|| self.compile_pattern().ok())
                .as_ref()
                .is_some_and(|rule| rule.is_match(text))
    }

    fn compile_pattern(&self) -> Result<Regex, regex::Error> {
        // Boundaries are those of ASCII: a word may stand right behind a Chinese character.
        Regex::new(&self.pattern.replace(' ', GAP_PATTERN).replace(r"\b", r"(?-u:\b)").replace(r"\s", r"[ \n]"))
    }
}

/// Returns whether a text reads like an instruction to a model, however its words are disguised.
pub fn reads_like_an_instruction(text: &str) -> bool {
    let plain = disguise::normalise_text(text);
    let reads = |text: &str| rules::SUSPICION_RULES.iter().any(|rule| rule.matches_text(text));
    reads(&plain) || {
        let joined = disguise::join_split_words(&plain);
        joined != plain && reads(&joined)
    }
}

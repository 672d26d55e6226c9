//! Ranking weights, all in one place, and what a kind of text and a term weigh. The weights are tuned on five
//! development sets together, where they lie in a flat optimum; docs/benchmarks.md measures what each one contributes.

use crate::domain::PartKind;

macro_rules! weights {
    ($($(#[doc = $doc:literal])+ $name:ident = $value:literal,)+) => {
        /// Weights of ranking. A message that contains every word of the question and paraphrases it scores about 1
        /// before its context is considered.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct RankWeights { $($(#[doc = $doc])+ pub $name: f32,)+ }

        impl Default for RankWeights {
            fn default() -> Self {
                Self { $($name: $value,)+ }
            }
        }

        impl RankWeights {
            /// Names of all weights.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// Returns a weight by name.
            pub fn get(&self, name: &str) -> Option<f32> {
                match name {
                    $(stringify!($name) => Some(self.$name),)+
                    _ => None,
                }
            }

            /// Sets a weight; returns `false` if the name is unknown.
            pub fn set(&mut self, name: &str, value: f32) -> bool {
                match name {
                    $(stringify!($name) => self.$name = value,)+
                    _ => return false,
                }
                true
            }
        }
    };
}

weights! {
    /// BM25: term frequency saturation (Robertson and Zaragoza, 2009).
    k1 = 0.9,
    /// BM25: length normalisation, 0 to 1.
    b = 0.6,
    /// Weight of the keyword score with neighbours relative to that of the passage alone.
    window = 1.0,
    /// Share of the total weight of all words that counts as a full match.
    full_match = 0.8,
    /// Exponent for partial matches: 1 is proportional, more penalises them.
    match_power = 1.0,
    /// Share of the keyword score in hybrid search; the rest is semantic.
    word_share = 0.5,
    /// Semantic score per standard deviation of cosine above the mean of all texts.
    deviation = 0.2,
    /// Share of the semantic score that replaces the keyword score if a text is in another script than the question.
    foreign = 0.5,
    /// Factor on the keyword score of the translated question, if hardly any text is in the question's script.
    translated_alone = 1.0,
    /// Weight of the semantic score beside it, for texts in another script.
    meaning_alone = 0.5,
    /// Factor on the keyword score of the translated question in a history with texts in both scripts.
    translated_mixed = 0.5,
    /// Weight of the semantic score beside it, for a Chinese question and texts in another script.
    meaning_mixed = 0.55,
    /// The same for an English question, which the embedding model places further from Chinese texts.
    meaning_mixed_english = 0.65,
    /// Share of the previous message's score added to a person's message.
    before = 0.1,
    /// Share of the next message's score added to a person's message.
    after = 0.1,
    /// Share of a question's score added to the person's answer to it.
    answer = 0.3,
    /// Subtracted from a question put to a person: the answer is what is wanted.
    asks = 0.1,
    /// Added to a person's messages if the question is about the user.
    own_words = 0.3,
    /// Added to messages of the days that the question names.
    day = 0.4,
    /// Weight of the cosine to a standing instruction if the question asks for advice.
    instruction = 2.8,
    /// Weight of the cosine to a preference if the question asks for advice.
    preference = 0.6,
    /// Minimum cosine of a key.
    key_floor = 0.1,
    /// Added to messages of the best session; other sessions get a proportional share.
    session = 0.3,
    /// Decay in a session's score: each further message counts this share of the one before.
    session_decay = 0.85,
    /// Number of messages in a session's score.
    session_messages = 3.0,
    /// Subtracted from a session's score per e-fold of its length: long sessions contain good messages by chance.
    session_length = 0.15,
    /// Added to messages of the project in which the search runs.
    here = 0.1,
    /// Added to a message written just now.
    recency = 0.35,
    /// Factor on recency if the question asks for the latest state.
    latest = 2.0,
    /// Half-life of recency in days.
    recency_days = 14.0,
    /// Log-odds that a message answers the query by its own evidence, from which its session, its project and its age add
    /// to its score.
    support = -7.0,
    /// Added to a text that contains the question's quoted phrases.
    phrase = 0.5,
    /// Added to a text per standard deviation by which the reranker scores it above the mean of those that it reads.
    reranker = 0.15,
}

impl RankWeights {
    /// Parses `NAME=NUMBER`.
    ///
    /// # Errors
    /// A sentence that says what is wrong, with the names that there are.
    pub fn parse_change(text: &str) -> Result<(String, f32), String> {
        let names = || format!("the names are {}", Self::NAMES.join(", "));
        let (name, number) = text.split_once('=').ok_or_else(|| format!("expected NAME=NUMBER; {}", names()))?;
        let number: f32 = number.trim().parse().map_err(|_| format!("{number:?} is not a number"))?;
        if !number.is_finite() {
            return Err(format!("{number} is not a number that a score can be made of"));
        }
        if !Self::default().set(name.trim(), number) {
            return Err(format!("unknown weight {name:?}; {}", names()));
        }
        Ok((name.trim().to_owned(), number))
    }

    /// Returns the default weights with the items of the setting `search.weights` applied.
    ///
    /// # Errors
    /// As [`RankWeights::parse_change`].
    pub fn from_setting(changes: &[String]) -> Result<Self, String> {
        let mut weights = Self::default();
        for change in changes {
            let (name, number) = Self::parse_change(change)?;
            weights.set(&name, number);
        }
        Ok(weights)
    }
}

/// Returns the weight of a kind of text: speech counts more than tool output.
pub(super) const fn kind_weight(kind: PartKind) -> f32 {
    match kind {
        PartKind::Note => 1.1,
        PartKind::Text => 1.0,
        PartKind::Summary => 0.9,
        PartKind::Thinking => 0.75,
        PartKind::ToolUse => 0.6,
        PartKind::ToolResult => 0.5,
        PartKind::Meta | PartKind::Earlier => 0.3,
    }
}

/// Returns `ln(1 + (N - n + 0.5) / (n + 0.5))`: the BM25 inverse document frequency (Robertson and Sparck Jones) of a
/// term that `n` of `N` passages contain.
#[expect(clippy::cast_precision_loss, reason = "a count of passages; its logarithm does not need the last digit")]
pub(super) fn inverse_document_frequency(all: f32, holding: usize) -> f32 {
    let holding = holding as f32;
    (1.0 + (all - holding + 0.5).max(0.0) / (holding + 0.5)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_words_weigh_more() {
        assert!(
            inverse_document_frequency(1000.0, 1) > inverse_document_frequency(1000.0, 500)
                && inverse_document_frequency(1000.0, 1000) > 0.0
        );
    }

    #[test]
    fn numbers_are_set_by_name() {
        let mut weights = RankWeights::default();
        assert!(weights.set("recency", 0.0) && !weights.set("nothing", 1.0));
        assert!(weights.recency.abs() < 1e-9 && RankWeights::NAMES.contains(&"recency"));
    }

    #[test]
    fn items_of_the_setting() {
        let set = |items: &[&str]| {
            RankWeights::from_setting(&items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(set(&[]), Ok(RankWeights::default()));
        assert_eq!(set(&["session=0.45", "word_share = 0.6"]).unwrap().get("session"), Some(0.45));
        for (item, message) in
            [("session", "NAME=NUMBER"), ("session=many", "\"many\""), ("sesion=1", "unknown"), ("b=inf", "inf")]
        {
            assert!(set(&[item]).unwrap_err().contains(message), "{item}");
        }
    }
}

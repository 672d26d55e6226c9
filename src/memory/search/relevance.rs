//! Drops results that are too unlikely to answer a query, if the query asks for that.

use super::confidence::ConfidenceModel;
use super::evidence::Evidence;
use super::rank::ScoredMessage;
use crate::domain::query::MinOverlap;

impl Evidence {
    /// Keeps results that are likely enough to answer the query; where no odds are required or known, those that
    /// contain enough of its words.
    pub(super) fn retain_relevant(&self, ranking: &mut Vec<ScoredMessage>, worth: MinOverlap, model: &ConfidenceModel) {
        let mut passages: Vec<u32> = ranking.iter().map(|ranked| ranked.passage).collect();
        passages.sort_unstable();
        let by_word = self.words.filter_by_overlap(&passages, worth);
        let translated = self.translated.filter_by_overlap(&passages, worth);
        let least = worth.log_odds.filter(|_| model.uses_cosines());
        ranking.retain(|ranked| {
            let signals = self.messages.get(&ranked.message);
            let is_foreign = signals.is_some_and(|signals| signals.translated.own > 0.0);
            let holds_words = by_word.binary_search(&ranked.passage).is_ok()
                || (is_foreign && translated.binary_search(&ranked.passage).is_ok());
            least.map_or(holds_words, |least| {
                let signals = signals.filter(|signals| signals.cosine.is_some());
                signals.map_or(holds_words, |signals| model.message_log_odds(self, signals) >= least)
            })
        });
    }
}

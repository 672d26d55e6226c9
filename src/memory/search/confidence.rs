//! Estimates how confidently the history answers a query, and drops results that are too unlikely to if the query asks
//! for that. The confidence is added to the results and changes neither hits nor their order.
//!
//! Logistic model of three signals, fitted on questions that four kinds of histories can and cannot answer, and tested
//! on histories that it was not fitted on: 92 % of the answerable ones are kept, 92 % of the unanswerable ones are
//! recognised, 2 % of those are called strong (docs/decisions/0032-confidence.md). Rank is no signal: some text is
//! always nearest.

use super::evidence::{Evidence, MessageSignals};
use super::rank::ScoredMessage;
use crate::domain::Confidence;
use crate::domain::query::MinOverlap;
use crate::domain::text::Script;

const BIAS: f32 = -8.28;
const COSINE_WEIGHT: f32 = 12.94;
const SHARE_WEIGHT: f32 = 4.60;
const NEAREST_WEIGHT: f32 = 0.151;
/// A text in another script contains none of the query's words, and its cosine is lower.
const FOREIGN_WEIGHT: f32 = 2.0;
const STRONG_ODDS: f32 = 1.05;
const WEAK_ODDS: f32 = -1.0;
/// Without embeddings: share of the query's words, by weight, that one text must contain.
const WORDS_STRONG: f32 = 0.999;
const WORDS_WEAK: f32 = 0.5;
/// Nearest messages by cosine whose words are counted.
const NEAREST_MESSAGES: usize = 5;

/// Returns the confidence of the evidence. `calibrated` is true if the cosines come from the model that the
/// coefficients were fitted for. Ties, as between messages of equal cosine, do not matter: only largest values are
/// used.
pub(super) fn estimate_confidence(evidence: &Evidence, script: Script, calibrated: bool) -> Confidence {
    let permitted: Vec<&MessageSignals> = evidence.messages.values().filter(|signals| signals.permitted).collect();
    let share_of = |signals: &&MessageSignals| evidence.held_words(signals).share;
    let share = permitted.iter().map(share_of).fold(0.0, f32::max);
    let mut nearest: Vec<(f32, &MessageSignals)> =
        permitted.iter().filter_map(|signals| Some((signals.cosine?, *signals))).collect();
    nearest.sort_by(|left, right| right.0.total_cmp(&left.0));
    nearest.truncate(NEAREST_MESSAGES);
    let Some((cosine, best)) = nearest.first().filter(|_| calibrated) else { return keyword_confidence(share) };
    // Messages that are not embedded yet can only match by their words.
    let pending = permitted.iter().filter(|signals| signals.cosine.is_none()).map(share_of).fold(0.0, f32::max);
    let by_words = keyword_confidence(pending);
    let near = nearest.iter().map(|(_, signals)| evidence.held_words(signals).weight).fold(0.0, f32::max);
    let by_odds = match model_log_odds(*cosine, share, near, script.is_foreign_to(best.script)) {
        odds if odds >= STRONG_ODDS => Confidence::Strong,
        odds if odds >= WEAK_ODDS => Confidence::Weak,
        _ => Confidence::None,
    };
    by_odds.max(by_words)
}

fn keyword_confidence(share: f32) -> Confidence {
    match share {
        _ if share >= WORDS_STRONG => Confidence::Strong,
        _ if share >= WORDS_WEAK => Confidence::Weak,
        _ => Confidence::None,
    }
}

impl Evidence {
    /// Keeps results that are likely enough to answer the query; where no odds are required or known, those that
    /// contain enough of its words. `script` is the query's; `calibrated` as for [`estimate_confidence`].
    pub(super) fn retain_relevant(
        &self,
        ranking: &mut Vec<ScoredMessage>,
        worth: MinOverlap,
        script: Script,
        calibrated: bool,
    ) {
        let mut passages: Vec<u32> = ranking.iter().map(|ranked| ranked.passage).collect();
        passages.sort_unstable();
        let by_word = self.words.filter_by_overlap(&passages, worth);
        let translated = self.translated.filter_by_overlap(&passages, worth);
        let least = worth.log_odds.filter(|_| calibrated);
        ranking.retain(|ranked| {
            let signals = self.messages.get(&ranked.message);
            let is_foreign = signals.is_some_and(|signals| signals.translated.own > 0.0);
            let holds_words = by_word.binary_search(&ranked.passage).is_ok()
                || (is_foreign && translated.binary_search(&ranked.passage).is_ok());
            least.map_or(holds_words, |least| {
                let odds = signals.and_then(|signals| log_odds(self, signals, script));
                odds.map_or(holds_words, |odds| odds >= least)
            })
        });
    }
}

/// Returns the log-odds that one message answers the query; `None` if it is not embedded.
fn log_odds(evidence: &Evidence, signals: &MessageSignals, script: Script) -> Option<f32> {
    let held = evidence.held_words(signals);
    Some(model_log_odds(signals.cosine?, held.share, held.weight, script.is_foreign_to(signals.script)))
}

fn model_log_odds(cosine: f32, share: f32, near: f32, is_foreign: bool) -> f32 {
    BIAS + COSINE_WEIGHT * cosine
        + SHARE_WEIGHT * share
        + NEAREST_WEIGHT * near
        + if is_foreign { FOREIGN_WEIGHT } else { 0.0 }
}

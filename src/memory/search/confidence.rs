//! Estimates how confidently the history answers a query. Changes no order by itself; ranking uses it to keep bonuses
//! from texts without evidence.
//!
//! Logistic models of the nearest cosine and of the query's words, fitted on questions that several kinds of histories
//! can and cannot answer (docs/decisions/0051-confidence.md). Rank is no signal: some text is always nearest.

use super::evidence::{Evidence, HeldWords, MessageSignals};
use crate::domain::text::Script;
use crate::domain::{Confidence, ConfidenceSignals};
use crate::embed::CosineScale;

/// Coefficients with embeddings.
const BIAS: f32 = -10.47;
const COSINE_WEIGHT: f32 = 17.0;
const SHARE_WEIGHT: f32 = 5.35;
const NEAREST_WEIGHT: f32 = 0.10;
/// A text in another script contains hardly any of the query's words, and its cosine is lower.
const FOREIGN_WEIGHT: f32 = 2.0;
const STRONG_ODDS: f32 = 1.9;
const WEAK_ODDS: f32 = -0.9;
/// The best of more texts is nearer by chance: by this much for each e-fold of their number above the reference.
const COSINE_GROWTH: f32 = 0.023;
/// Number of texts up to which the coefficients hold without a correction: a small store gets none, or a text that is
/// near by chance would count as evidence there.
const REFERENCE_TEXTS: f32 = 1_000.0;

/// Coefficients without embeddings, and for models whose cosines are not on a known scale.
const KEYWORD_BIAS: f32 = -4.17;
const KEYWORD_SHARE_WEIGHT: f32 = 7.06;
const KEYWORD_HELD_WEIGHT: f32 = 0.051;
const KEYWORD_STRONG_ODDS: f32 = 3.05;
const KEYWORD_WEAK_ODDS: f32 = -1.0;

/// Nearest messages by cosine whose words are counted.
const NEAREST_MESSAGES: usize = 5;

/// Confidence model of one search: the coefficients that apply to its embedding model and its number of texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConfidenceModel {
    script: Script,
    /// Scale of the cosines; `None` if only words count.
    scale: Option<CosineScale>,
    texts: f32,
}

impl ConfidenceModel {
    /// Creates the model for a query of this script over `texts` texts. `scale` is `None` without embeddings, and for
    /// an embedding model that was not calibrated.
    pub(super) const fn new(script: Script, scale: Option<CosineScale>, texts: f32) -> Self {
        Self { script, scale, texts }
    }

    /// Returns true if cosines count.
    pub(super) const fn uses_cosines(&self) -> bool {
        self.scale.is_some()
    }

    /// Returns the signals of the evidence and the confidence. Ties, as between messages of equal cosine, do not
    /// matter: only largest values are used.
    pub(super) fn estimate_confidence(&self, evidence: &Evidence) -> (Confidence, ConfidenceSignals) {
        let permitted: Vec<&MessageSignals> = evidence.messages.values().filter(|signals| signals.permitted).collect();
        let by_words =
            self.keyword_signals(HeldWords::most_of(permitted.iter().map(|signals| evidence.held_words(signals))));
        let mut nearest: Vec<(f32, &MessageSignals)> =
            permitted.iter().filter_map(|signals| Some((signals.cosine?, *signals))).collect();
        nearest.sort_by(|left, right| right.0.total_cmp(&left.0));
        nearest.truncate(NEAREST_MESSAGES);
        let (Some(scale), Some((cosine, best))) = (self.scale, nearest.first()) else {
            return (keyword_confidence(by_words.log_odds), by_words);
        };
        let mut signals = ConfidenceSignals {
            cosine: Some(scale.to_builtin(*cosine)),
            nearest_weight: nearest.iter().map(|(_, signals)| evidence.held_words(signals).weight).fold(0.0, f32::max),
            foreign: self.script.is_foreign_to(best.script),
            ..by_words
        };
        signals.log_odds = combine_signals(&signals);
        let by_odds = match signals.log_odds {
            odds if odds >= STRONG_ODDS => Confidence::Strong,
            odds if odds >= WEAK_ODDS => Confidence::Weak,
            _ => Confidence::None,
        };
        // Messages that are not embedded yet can only match by their words.
        let pending = permitted.iter().filter(|signals| signals.cosine.is_none());
        let pending = HeldWords::most_of(pending.map(|signals| evidence.held_words(signals)));
        let pending = self.keyword_signals(pending);
        let by_pending = keyword_confidence(pending.log_odds);
        if by_pending > by_odds { (by_pending, pending) } else { (by_odds, signals) }
    }

    /// Returns the log-odds that one message answers the query; by its words alone if it is not embedded.
    pub(super) fn message_log_odds(&self, evidence: &Evidence, signals: &MessageSignals) -> f32 {
        let held = evidence.held_words(signals);
        let by_words = self.keyword_signals(held);
        let Some((scale, cosine)) = self.scale.zip(signals.cosine) else { return by_words.log_odds };
        combine_signals(&ConfidenceSignals {
            cosine: Some(scale.to_builtin(cosine)),
            nearest_weight: held.weight,
            foreign: self.script.is_foreign_to(signals.script),
            ..by_words
        })
    }

    /// Returns the log-odds by which ranking decides whether a message has evidence of its own. Another script counts for
    /// nothing here: every text of it would be raised alike.
    pub(super) fn support_log_odds(&self, evidence: &Evidence, signals: &MessageSignals) -> f32 {
        let is_foreign = signals.cosine.is_some() && self.script.is_foreign_to(signals.script);
        self.message_log_odds(evidence, signals) - if is_foreign { FOREIGN_WEIGHT } else { 0.0 }
    }

    /// Returns the signals of words alone, from the largest part of them that one message holds.
    fn keyword_signals(&self, held: HeldWords) -> ConfidenceSignals {
        let HeldWords { share, weight } = held;
        let log_odds = KEYWORD_BIAS + KEYWORD_SHARE_WEIGHT * share + KEYWORD_HELD_WEIGHT * weight;
        ConfidenceSignals { share, texts: self.texts, nearest_weight: weight, log_odds, ..ConfidenceSignals::default() }
    }
}

fn combine_signals(signals: &ConfidenceSignals) -> f32 {
    let growth = COSINE_GROWTH * (signals.texts / REFERENCE_TEXTS).max(1.0).ln();
    BIAS + COSINE_WEIGHT * (signals.cosine.unwrap_or(0.0) - growth)
        + SHARE_WEIGHT * signals.share
        + NEAREST_WEIGHT * signals.nearest_weight
        + if signals.foreign { FOREIGN_WEIGHT } else { 0.0 }
}

fn keyword_confidence(log_odds: f32) -> Confidence {
    match log_odds {
        odds if odds >= KEYWORD_STRONG_ODDS => Confidence::Strong,
        odds if odds >= KEYWORD_WEAK_ODDS => Confidence::Weak,
        _ => Confidence::None,
    }
}

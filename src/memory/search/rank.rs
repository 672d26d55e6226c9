//! Ranks messages by their evidence: arithmetic over signals, nothing else.
//!
//! Fuses scores, not ranks: reciprocal rank fusion loses to plain BM25 when one list is noise, because the best of a
//! bad list counts as much as the best of a good one (docs/decisions/0008). A keyword score is relative to the best one
//! and to a full match; a cosine is relative to how near the question is to any text. Then the context is added:
//! neighbours, the question that a message answers, its session, its day, its age.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::confidence::ConfidenceModel;
use super::evidence::{Evidence, MessageSignals};
use super::weights::RankWeights;
use crate::domain::text::Script;
use crate::domain::text::keys::KeyKind;
use crate::domain::text::question::ParsedQuestion;
use crate::domain::{Role, SearchMode, Timestamp};
use crate::memory::index::doc_values::DocValues;

/// Top messages from which session scores are computed.
const SESSION_CANDIDATES: usize = 200;
/// Share of texts in the question's script from which a history counts as mixed.
const OWN_SCRIPT_TEXTS: f32 = 0.1;

/// Message with its score.
#[derive(Debug, Clone)]
pub(super) struct ScoredMessage {
    /// Passage to show.
    pub(super) passage: u32,
    pub(super) score: f32,
    /// Components of the score.
    pub(super) parts: Vec<(ScorePart, f32)>,
    pub(super) message: u32,
    conversation: i64,
    at: Timestamp,
    /// True if it has evidence of its own. Otherwise neither its session nor its project nor its age raises its score.
    is_supported: bool,
}

/// Component of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScorePart {
    Words,
    Meaning,
    Before,
    After,
    Answers,
    Asks,
    OwnWords,
    Day,
    Instruction,
    Preference,
    Here,
    Session,
    Recency,
    Phrase,
    Reranker,
}

/// Ranking inputs other than the evidence.
#[derive(Debug, Clone, Copy)]
pub(super) struct RankContext<'a> {
    pub(super) columns: &'a DocValues,
    pub(super) question: &'a ParsedQuestion,
    pub(super) mode: SearchMode,
    /// Rows of the project in which the search runs.
    pub(super) here: &'a [i64],
    pub(super) now: Timestamp,
    /// Time zone; only resolved if the question names a day.
    pub(super) zone: &'a LazyLock<jiff::tz::TimeZone>,
    pub(super) weights: &'a RankWeights,
    /// Total terms of conversations that are only partly in the doc values.
    pub(super) conversation_words: Option<&'a HashMap<i64, f32>>,
    /// Decides which messages have evidence of their own.
    pub(super) confidence: &'a ConfidenceModel,
}

impl RankContext<'_> {
    fn words_of_conversation(&self, conversation: i64) -> f32 {
        let known = self.conversation_words.and_then(|words| words.get(&conversation).copied());
        known.unwrap_or_else(|| self.columns.words_of_conversation(conversation)).max(1.0)
    }
}

/// Ranks the permitted messages, best first; among equals, newer first.
pub(super) fn rank_messages(evidence: &Evidence, context: &RankContext<'_>) -> Vec<ScoredMessage> {
    let scale = ScoreScale::for_evidence(evidence, context);
    let bases: HashMap<u32, [f32; 2]> =
        evidence.messages.iter().map(|(message, signals)| (*message, scale.base_scores(signals))).collect();
    let mut ranking: Vec<ScoredMessage> = evidence
        .messages
        .iter()
        .filter(|(_, signals)| signals.permitted)
        .filter_map(|(message, signals)| score_message(*message, signals, &bases, evidence, context))
        .collect();
    sort_ranking(&mut ranking);
    add_session_scores(&mut ranking, context);
    for ranked in ranking.iter_mut().filter(|ranked| ranked.is_supported) {
        ranked.add_part(ScorePart::Recency, recency_score(ranked.at, context));
    }
    ranking.retain(|ranked| ranked.score > 0.0);
    sort_ranking(&mut ranking);
    ranking
}

fn sort_ranking(ranking: &mut [ScoredMessage]) {
    ranking.sort_by(|left, right| {
        right.score.total_cmp(&left.score).then_with(|| (right.at, right.message).cmp(&(left.at, left.message)))
    });
}

impl ScoredMessage {
    /// Creates the entry of a literal match, which has nothing to weigh.
    pub(super) fn for_literal(candidate: &crate::store::PassageCandidate) -> Self {
        Self {
            passage: u32::try_from(candidate.passage).unwrap_or(u32::MAX),
            score: 1.0,
            parts: Vec::new(),
            message: 0,
            conversation: candidate.conversation,
            at: candidate.at,
            is_supported: true,
        }
    }

    /// Returns the score without what its session, its age and the reranker add.
    pub(super) fn bare_score(&self) -> f32 {
        let is_bonus = |part: ScorePart| matches!(part, ScorePart::Session | ScorePart::Recency | ScorePart::Reranker);
        self.score - self.parts.iter().filter(|(part, _)| is_bonus(*part)).map(|(_, value)| value).sum::<f32>()
    }

    pub(super) fn add_part(&mut self, part: ScorePart, value: f32) {
        if value != 0.0 {
            self.parts.push((part, value));
            self.score += value;
        }
    }
}

/// Scales raw keyword scores and cosines to a common range.
struct ScoreScale<'a> {
    full: f32,
    /// Same for the translated query.
    translated_full: f32,
    /// Factor on the keyword score of the translated query.
    translated_factor: f32,
    /// Weight of the semantic score for texts in another script.
    foreign_meaning: f32,
    evidence: &'a Evidence,
    mode: SearchMode,
    script: Script,
    weights: &'a RankWeights,
}

impl<'a> ScoreScale<'a> {
    fn for_evidence(evidence: &'a Evidence, context: &RankContext<'a>) -> Self {
        let weights = context.weights;
        let by_word = |own: f32, window: f32| own + weights.window * window;
        let full_scale =
            |best: f32, full_weight: f32| best.max(full_weight * (1.0 + weights.window) * weights.full_match).max(1e-6);
        let messages = || evidence.messages.values();
        let best = messages().map(|signals| by_word(signals.own, signals.window)).fold(0.0, f32::max);
        let translated = messages().map(|signals| signals.translated);
        let translated = translated.map(|score| by_word(score.own, score.window)).fold(0.0, f32::max);
        let [translated_factor, foreign_meaning] = translation_weights(context);
        Self {
            full: full_scale(best, evidence.words.full_weight()),
            translated_full: full_scale(translated, evidence.translated.words.full_weight()),
            translated_factor,
            foreign_meaning,
            evidence,
            mode: context.mode,
            script: context.question.script,
            weights,
        }
    }

    /// Returns the weighted keyword and semantic scores.
    fn base_scores(&self, signals: &MessageSignals) -> [f32; 2] {
        let scale = |own: f32, window: f32, full: f32| {
            ((own + self.weights.window * window) / full).powf(self.weights.match_power)
        };
        let words = scale(signals.own, signals.window, self.full);
        let translated = scale(signals.translated.own, signals.translated.window, self.translated_full);
        let is_foreign = self.script.is_foreign_to(signals.script);
        let is_translated = is_foreign && !self.evidence.translated.is_empty();
        let [by_word, by_meaning] = match self.mode {
            _ if !self.evidence.has_meaning => [1.0, 0.0],
            SearchMode::Keyword | SearchMode::Exact => [1.0, 0.0],
            SearchMode::Semantic => [0.0, 1.0],
            SearchMode::Hybrid if is_translated => [self.weights.word_share, self.foreign_meaning],
            SearchMode::Hybrid => [self.weights.word_share, 1.0 - self.weights.word_share],
        };
        let meaning = self.semantic_score(signals);
        let words = words.max(self.translated_factor * translated);
        // A text in another script cannot contain the words of the question; without their translation its keyword
        // score is replaced by a share of its semantic score.
        if words == 0.0 && is_foreign && !is_translated {
            return [0.0, by_meaning * meaning + by_word * self.weights.foreign * meaning.max(0.0)];
        }
        [by_word * words, by_meaning * meaning]
    }

    fn semantic_score(&self, signals: &MessageSignals) -> f32 {
        let spread = self.evidence.spread;
        let above = |cosine: f32| (cosine - spread.mean) / spread.deviation.max(1e-3);
        signals.cosine.map_or(0.0, |cosine| self.weights.deviation * above(cosine))
    }
}

/// Returns the factor on the translated keyword score, and the weight of the semantic score for texts in another script:
/// a history that has texts in the question's own script needs the translation less.
fn translation_weights(context: &RankContext<'_>) -> [f32; 2] {
    let weights = context.weights;
    let own = (context.columns.sample_script_share(context.question.script) / OWN_SCRIPT_TEXTS).min(1.0);
    let meaning = match context.question.script {
        Script::Spaced => weights.meaning_mixed_english,
        Script::Cjk | Script::Mixed => weights.meaning_mixed,
    };
    let between = |alone: f32, mixed: f32| alone + own * (mixed - alone);
    [between(weights.translated_alone, weights.translated_mixed), between(weights.meaning_alone, meaning)]
}

fn score_message(
    message: u32,
    signals: &MessageSignals,
    bases: &HashMap<u32, [f32; 2]>,
    evidence: &Evidence,
    context: &RankContext<'_>,
) -> Option<ScoredMessage> {
    let (columns, weights, question) = (context.columns, context.weights, context.question);
    let row = columns.message_at(message)?;
    let [words, meaning] = bases.get(&message).copied()?;
    let mut ranked = ScoredMessage {
        passage: signals.shown,
        score: 0.0,
        parts: Vec::new(),
        message,
        conversation: row.conversation,
        at: row.at,
        is_supported: context.confidence.support_log_odds(evidence, signals) >= weights.support,
    };
    ranked.add_part(ScorePart::Words, words);
    ranked.add_part(ScorePart::Meaning, meaning);
    let person = row.role == Role::User;
    let near = signals.prose.map_or([None, None], |prose| columns.adjacent_messages(prose));
    let place = |passage: Option<u32>| columns.passage_at(passage?).map(|passage| passage.message);
    let [before, after] = near.map(place);
    let base =
        |message: Option<u32>| message.and_then(|message| bases.get(&message)).map_or(0.0, |base| base.iter().sum());
    // Neighbours count for prose, not for tool output beside it; and only for a person's messages: an assistant repeats
    // what it answers, a person does not.
    if person && signals.prose.is_some() {
        ranked.add_part(ScorePart::Before, weights.before * base(before));
        ranked.add_part(ScorePart::After, weights.after * base(after));
        if before.and_then(|before| evidence.messages.get(&before)).is_some_and(|before| before.asks) {
            ranked.add_part(ScorePart::Answers, weights.answer * base(before).max(0.0));
        }
    }
    let to_person = after.and_then(|after| columns.message_at(after)).map_or(!person, |next| next.role == Role::User);
    if question.about_self && person {
        ranked.add_part(ScorePart::OwnWords, weights.own_words * signals.kind_weight.min(1.0));
    } else if signals.asks && to_person {
        ranked.add_part(ScorePart::Asks, -weights.asks);
    }
    let is_here = ranked.is_supported && context.here.contains(&row.project);
    ranked.add_part(ScorePart::Here, if is_here { weights.here } else { 0.0 });
    let fit = question.days.iter().map(|day| day.rate_time(row.at, context.zone)).fold(0.0, f32::max);
    ranked.add_part(ScorePart::Day, weights.day * fit * signals.kind_weight.min(1.0));
    if let Some((key, cosine)) = signals.key.filter(|_| question.wants_advice) {
        let above = (cosine - weights.key_floor).clamp(0.0, 1.0);
        match key {
            KeyKind::Instruction => ranked.add_part(ScorePart::Instruction, weights.instruction * above),
            KeyKind::Preference => ranked.add_part(ScorePart::Preference, weights.preference * above),
        }
    }
    Some(ranked)
}

/// Adds to every message a share of the combined score of its session's best messages. Expects a sorted ranking.
fn add_session_scores(ranking: &mut [ScoredMessage], context: &RankContext<'_>) {
    let weights = context.weights;
    let mut sums: HashMap<i64, (f32, f32)> = HashMap::new();
    for ranked in ranking.iter().take(SESSION_CANDIDATES).filter(|ranked| ranked.score > 0.0) {
        let (sum, count) = sums.entry(ranked.conversation).or_default();
        if *count < weights.session_messages {
            *sum += ranked.score * weights.session_decay.powf(*count);
            *count += 1.0;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of conversations")]
    let mean =
        sums.keys().map(|session| context.words_of_conversation(*session).ln()).sum::<f32>() / sums.len().max(1) as f32;
    for (session, (sum, _)) in &mut sums {
        *sum -= weights.session_length * (context.words_of_conversation(*session).ln() - mean);
    }
    let highest = sums.values().map(|(sum, _)| *sum).fold(0.0, f32::max).max(1e-6);
    for ranked in ranking.iter_mut().filter(|ranked| ranked.is_supported) {
        if let Some((sum, _)) = sums.get(&ranked.conversation) {
            ranked.add_part(ScorePart::Session, weights.session * sum / highest);
        }
    }
}

/// Returns the recency score, which never exceeds its weight, so that a better old result stays ahead of a worse new
/// one.
fn recency_score(at: Timestamp, context: &RankContext<'_>) -> f32 {
    const DAY: f32 = 86_400_000.0;
    #[expect(clippy::cast_precision_loss, reason = "an age in days needs few digits")]
    let days = (context.now.to_milliseconds() - at.to_milliseconds()) as f32 / DAY;
    if days < -1.0 {
        // A message from the future means that a clock is wrong, not that it is news.
        return 0.0;
    }
    let times = if context.question.wants_latest { context.weights.latest } else { 1.0 };
    context.weights.recency * times * (-days.max(0.0) / context.weights.recency_days.max(0.01)).exp2()
}

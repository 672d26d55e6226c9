//! From evidence to one ranking of messages: arithmetic over signals, nothing else.
//!
//! Scores are fused, not ranks: reciprocal rank fusion loses to plain BM25 when one list is noise, because the best of a
//! bad list weighs as much as the best of a good one (docs/decisions/0008). By word, a score is measured against the best
//! one and against what a full match would score; by meaning, against how near the question is to anything at all. Then
//! the surroundings speak: neighbours, the question that a message answers, its session, its day, its age.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::gather::{Evidence, Signals};
use super::weights::Weights;
use crate::domain::text::Script;
use crate::domain::text::keys::Key;
use crate::domain::text::question::Question;
use crate::domain::{Kind, Mode, Role, Timestamp};
use crate::memory::columns::Columns;

/// Messages whose session speaks for them.
const SESSION_CANDIDATES: usize = 200;

/// One message in the ranking.
#[derive(Debug, Clone)]
pub(super) struct Ranked {
    /// The passage to show.
    pub(super) passage: u32,
    pub(super) score: f32,
    /// What the score is made of.
    pub(super) parts: Vec<(Part, f32)>,
    pub(super) message: u32,
    conversation: i64,
    at: Timestamp,
}

/// What a score is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
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
}

/// How much a kind of text counts: what was said outweighs what tools printed.
pub(super) const fn kind_weight(kind: Kind) -> f32 {
    match kind {
        Kind::Note => 1.1,
        Kind::Text => 1.0,
        Kind::Summary => 0.9,
        Kind::Thinking => 0.75,
        Kind::ToolUse => 0.6,
        Kind::ToolResult => 0.5,
        Kind::Meta | Kind::Earlier => 0.3,
    }
}

/// What the arithmetic needs beside the evidence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) columns: &'a Columns,
    pub(super) question: &'a Question,
    pub(super) mode: Mode,
    /// The project in which the question is asked.
    pub(super) here: &'a [i64],
    pub(super) now: Timestamp,
    /// Where days begin; only asked when the question names one.
    pub(super) zone: &'a LazyLock<jiff::tz::TimeZone>,
    pub(super) weights: &'a Weights,
    /// Terms of all prose of conversations of which the columns hold a part.
    pub(super) conversation_words: Option<&'a HashMap<i64, f32>>,
}

impl Context<'_> {
    fn words_of_conversation(&self, conversation: i64) -> f32 {
        let known = self.conversation_words.and_then(|words| words.get(&conversation).copied());
        known.unwrap_or_else(|| self.columns.words_of_conversation(conversation)).max(1.0)
    }
}

/// Ranks the permitted messages, best first; among equals the newer comes first.
pub(super) fn rank(evidence: &Evidence, context: &Context<'_>) -> Vec<Ranked> {
    let scale = Scale::of(evidence, context);
    let bases: HashMap<u32, [f32; 2]> =
        evidence.messages.iter().map(|(message, signals)| (*message, scale.base(signals))).collect();
    let mut ranking: Vec<Ranked> = evidence
        .messages
        .iter()
        .filter(|(_, signals)| signals.permitted)
        .filter_map(|(message, signals)| one(*message, signals, &bases, evidence, context))
        .collect();
    order(&mut ranking);
    add_sessions(&mut ranking, context);
    for ranked in &mut ranking {
        ranked.add(Part::Recency, recency(ranked.at, context));
    }
    ranking.retain(|ranked| ranked.score > 0.0);
    order(&mut ranking);
    ranking
}

fn order(ranking: &mut [Ranked]) {
    ranking.sort_by(|left, right| {
        right.score.total_cmp(&left.score).then_with(|| (right.at, right.message).cmp(&(left.at, left.message)))
    });
}

impl Ranked {
    /// A text that was found literally: there is nothing to weigh.
    pub(super) fn literal(candidate: &crate::store::Candidate) -> Self {
        Self {
            passage: u32::try_from(candidate.passage).unwrap_or(u32::MAX),
            score: 1.0,
            parts: Vec::new(),
            message: 0,
            conversation: candidate.conversation,
            at: candidate.at,
        }
    }

    pub(super) fn add(&mut self, part: Part, value: f32) {
        if value != 0.0 {
            self.parts.push((part, value));
            self.score += value;
        }
    }
}

/// How raw scores become comparable ones.
struct Scale<'a> {
    full: f32,
    evidence: &'a Evidence,
    mode: Mode,
    script: Script,
    weights: &'a Weights,
}

impl<'a> Scale<'a> {
    fn of(evidence: &'a Evidence, context: &Context<'a>) -> Self {
        let weights = context.weights;
        let best =
            evidence.messages.values().map(|signals| signals.own + weights.window * signals.window).fold(0.0, f32::max);
        let full = evidence.words.full_weight() * (1.0 + weights.window) * weights.full_match;
        Self { full: best.max(full).max(1e-6), evidence, mode: context.mode, script: context.question.script, weights }
    }

    /// What words and meaning say, weighed.
    fn base(&self, signals: &Signals) -> [f32; 2] {
        let words = ((signals.own + self.weights.window * signals.window) / self.full).powf(self.weights.match_power);
        let share = match self.mode {
            _ if !self.evidence.has_meaning => 1.0,
            Mode::Keyword | Mode::Exact => 1.0,
            Mode::Semantic => 0.0,
            Mode::Hybrid => self.weights.word_share,
        };
        let meaning = self.meaning(signals);
        // A text in another script cannot hold the words of the question; what it would have scored by word is judged by
        // how near it is.
        if words == 0.0 && self.script.is_foreign_to(signals.script) {
            return [0.0, (1.0 - share) * meaning + share * self.weights.foreign * meaning.max(0.0)];
        }
        [share * words, (1.0 - share) * meaning]
    }

    fn meaning(&self, signals: &Signals) -> f32 {
        let spread = self.evidence.spread;
        let above = |cosine: f32| (cosine - spread.mean) / spread.deviation.max(1e-3);
        signals.cosine.map_or(0.0, |cosine| self.weights.deviation * above(cosine))
    }
}

fn one(
    message: u32,
    signals: &Signals,
    bases: &HashMap<u32, [f32; 2]>,
    evidence: &Evidence,
    context: &Context<'_>,
) -> Option<Ranked> {
    let (columns, weights, question) = (context.columns, context.weights, context.question);
    let row = columns.message(message)?;
    let [words, meaning] = bases.get(&message).copied()?;
    let mut ranked = Ranked {
        passage: signals.shown,
        score: 0.0,
        parts: Vec::new(),
        message,
        conversation: row.conversation,
        at: row.at,
    };
    ranked.add(Part::Words, words);
    ranked.add(Part::Meaning, meaning);
    let person = row.role == Role::User;
    let near = signals.prose.map_or([None, None], |prose| columns.messages_around(prose));
    let place = |passage: Option<u32>| columns.passage(passage?).map(|passage| passage.message);
    let [before, after] = near.map(place);
    let base =
        |message: Option<u32>| message.and_then(|message| bases.get(&message)).map_or(0.0, |base| base.iter().sum());
    // Surroundings speak for what was said, not for what a tool printed beside it; and an assistant repeats what it answers,
    // a person does not.
    if person && signals.prose.is_some() {
        ranked.add(Part::Before, weights.before * base(before));
        ranked.add(Part::After, weights.after * base(after));
        if before.and_then(|before| evidence.messages.get(&before)).is_some_and(|before| before.asks) {
            ranked.add(Part::Answers, weights.answer * base(before).max(0.0));
        }
    }
    let to_person = after.and_then(|after| columns.message(after)).map_or(!person, |next| next.role == Role::User);
    if question.about_self && person {
        ranked.add(Part::OwnWords, weights.own_words * signals.kind_weight.min(1.0));
    } else if signals.asks && to_person {
        ranked.add(Part::Asks, -weights.asks);
    }
    ranked.add(Part::Here, if context.here.contains(&row.project) { weights.here } else { 0.0 });
    let fit = question.days.iter().map(|day| day.fits(row.at, context.zone)).fold(0.0, f32::max);
    ranked.add(Part::Day, weights.day * fit * signals.kind_weight.min(1.0));
    if let Some((key, cosine)) = signals.key.filter(|_| question.wants_advice) {
        let above = (cosine - weights.key_floor).clamp(0.0, 1.0);
        match key {
            Key::Instruction => ranked.add(Part::Instruction, weights.instruction * above),
            Key::Preference => ranked.add(Part::Preference, weights.preference * above),
        }
    }
    Some(ranked)
}

/// Adds to every message what the best messages of its session score together. The ranking is sorted.
fn add_sessions(ranking: &mut [Ranked], context: &Context<'_>) {
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
    for ranked in ranking {
        if let Some((sum, _)) = sums.get(&ranked.conversation) {
            ranked.add(Part::Session, weights.session * sum / highest);
        }
    }
}

/// Never more than its weight, so that a better old answer stays before a worse new one.
fn recency(at: Timestamp, context: &Context<'_>) -> f32 {
    const DAY: f32 = 86_400_000.0;
    #[expect(clippy::cast_precision_loss, reason = "an age in days needs few digits")]
    let days = (context.now.milliseconds() - at.milliseconds()) as f32 / DAY;
    if days < -1.0 {
        // A message from the future says that a clock is wrong, not that it is news.
        return 0.0;
    }
    let times = if context.question.wants_latest { context.weights.latest } else { 1.0 };
    context.weights.recency * times * (-days.max(0.0) / context.weights.recency_days.max(0.01)).exp2()
}

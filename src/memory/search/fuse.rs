//! From lists of evidence to one ranking of messages. Gathers signals, then does arithmetic.
//!
//! Scores are fused, not ranks: reciprocal rank fusion loses to plain BM25 when one list is noise, because the best of a
//! bad list weighs as much as the best of a good one (docs/decisions/0008). Both scores are brought to 0..1 by what a
//! full match would score, so that a weak best stays weak:
//! - by word: BM25 over the sum of the query's word weights;
//! - by meaning: cosine above the level of unrelated texts, over what a close paraphrase reaches.
//!
//! What is said around a message speaks for it too (see [`context`](super::context)). The numbers here and there were set
//! on five development sets together and lie in a flat optimum (docs/benchmarks.md).

use std::collections::{HashMap, HashSet};

use super::Evidence;
use super::context::Context;
use crate::domain::{Kind, Mode, Query, Timestamp};
use crate::memory::{Memory, Result};
use crate::store::Candidate;

/// Cosine of unrelated texts after centring, and of close paraphrases.
const UNRELATED: f32 = 0.0;
const PARAPHRASE: f32 = 0.5;
/// BM25 of a text of average length that holds every query word once is about the sum of their weights; few hold all.
const FULL_MATCH: f32 = 0.8;
/// Share of the evidence by word; the rest is by meaning.
const WORD_SHARE: f32 = 0.6;

/// A score with its place in its list, from 1.
pub(super) type Placed = (usize, f32);

/// One message in the ranking, by its best part.
#[derive(Debug, Clone)]
pub(super) struct Ranked {
    /// The passage that is shown.
    pub(super) candidate: Candidate,
    pub(super) score: f32,
    /// BM25 of the best passage of the part.
    pub(super) keyword: Option<Placed>,
    /// Cosine of the best passage of the part.
    pub(super) semantic: Option<Placed>,
    pub(super) weight: f32,
    /// What its surroundings added to the score.
    pub(super) context: Context,
}

/// How much a kind of text counts: what was said outweighs what tools printed.
pub(super) const fn weight(kind: Kind) -> f32 {
    match kind {
        Kind::Note => 1.1,
        Kind::Text => 1.0,
        Kind::Summary => 0.9,
        Kind::Thinking => 0.75,
        Kind::ToolUse => 0.6,
        Kind::ToolResult => 0.5,
        Kind::Meta => 0.3,
    }
}

impl Memory {
    /// Ranks messages; equal texts and parts of the same message are folded into the best one.
    pub(super) fn rank(&self, query: &Query, evidence: &Evidence, now: Timestamp) -> Result<Vec<Ranked>> {
        let mut messages: HashMap<i64, Ranked> = HashMap::new();
        for part in self.parts(query, evidence, now)? {
            let best = messages.entry(part.candidate.message).or_insert_with(|| part.clone());
            if part.score > best.score {
                *best = part;
            }
        }
        let mut ranking: Vec<Ranked> = messages.into_values().filter(|ranked| ranked.score > 0.0).collect();
        if query.mode != Mode::Exact {
            self.add_context(&query.texts, &mut ranking)?;
        }
        // Newer first among equals: with literal search that is the whole order.
        let age = |ranked: &Ranked| (ranked.candidate.at, ranked.candidate.part);
        ranking.sort_by(|left, right| right.score.total_cmp(&left.score).then_with(|| age(right).cmp(&age(left))));
        let mut texts = HashSet::new();
        ranking.retain(|ranked| texts.insert(ranked.candidate.hash));
        Ok(ranking)
    }

    /// Every part that has a passage in the evidence, with the best of its passages.
    fn parts(&self, query: &Query, evidence: &Evidence, now: Timestamp) -> Result<Vec<Ranked>> {
        let words: HashMap<i64, Placed> = placed(evidence.words.iter().copied());
        let near: HashMap<i64, Placed> = placed(evidence.near.iter().map(|near| (near.passage, near.cosine)));
        let mut known = HashSet::new();
        let all = evidence.words.iter().map(|(passage, _)| *passage);
        let all = all.chain(evidence.near.iter().map(|near| near.passage)).chain(evidence.literal.iter().copied());
        let passages: Vec<i64> = all.filter(|passage| known.insert(*passage)).collect();
        let mut parts: HashMap<i64, Ranked> = HashMap::new();
        for candidate in self.store.candidates(&passages, &query.filter, now)? {
            let (keyword, semantic) = (words.get(&candidate.passage).copied(), near.get(&candidate.passage).copied());
            // Until all passages are seen, the score is that of the shown passage alone.
            let ranked = Ranked {
                score: fused(query.mode, evidence, keyword, semantic),
                keyword,
                semantic,
                weight: weight(candidate.kind),
                context: Context::default(),
                candidate,
            };
            let best = parts.entry(ranked.candidate.part).or_insert_with(|| ranked.clone());
            // The best of each evidence counts, wherever in the part it stands; shown is the best passage as a whole.
            if ranked.score > best.score {
                best.score = ranked.score;
                best.candidate = ranked.candidate;
            }
            best.keyword = better(best.keyword, keyword);
            best.semantic = better(best.semantic, semantic);
        }
        for part in parts.values_mut() {
            part.score = match query.mode {
                Mode::Exact => 1.0,
                Mode::Keyword | Mode::Semantic | Mode::Hybrid => {
                    part.weight * fused(query.mode, evidence, part.keyword, part.semantic)
                }
            };
        }
        Ok(parts.into_values().collect())
    }
}

fn placed(scores: impl Iterator<Item = (i64, f32)>) -> HashMap<i64, Placed> {
    (1..).zip(scores).map(|(rank, (passage, score))| (passage, (rank, score))).collect()
}

fn better(left: Option<Placed>, right: Option<Placed>) -> Option<Placed> {
    match (left, right) {
        (Some(left), Some(right)) => Some(if right.1 > left.1 { right } else { left }),
        (left, right) => left.or(right),
    }
}

fn fused(mode: Mode, evidence: &Evidence, words: Option<Placed>, meaning: Option<Placed>) -> f32 {
    let word = words.map_or(0.0, |(_, score)| word_score(score, evidence));
    let near = meaning.map_or(0.0, |(_, cosine)| meaning_score(cosine));
    if mode == Mode::Keyword || evidence.near.is_empty() {
        word
    } else if mode == Mode::Semantic {
        near
    } else {
        WORD_SHARE * word + (1.0 - WORD_SHARE) * near
    }
}

/// 0..1: the share of a full match.
pub(super) fn word_score(score: f32, evidence: &Evidence) -> f32 {
    let best = evidence.words.first().map_or(0.0, |(_, best)| *best);
    (score / best.max(evidence.full_weight * FULL_MATCH).max(1e-6)).clamp(0.0, 1.0)
}

/// 0..1: how far from unrelated to a paraphrase; a little more for closer ones.
pub(super) fn meaning_score(cosine: f32) -> f32 {
    ((cosine - UNRELATED) / (PARAPHRASE - UNRELATED)).clamp(0.0, 1.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_bounded_and_monotone() {
        let evidence = Evidence { full_weight: 10.0, words: vec![(1, 6.0), (2, 3.0)], ..Evidence::default() };
        let (best, second) = (word_score(6.0, &evidence), word_score(3.0, &evidence));
        assert!(best > second && best <= 1.0 && second > 0.0);
        assert!((meaning_score(-0.05)).abs() < 1e-6);
        assert!(meaning_score(0.5) > meaning_score(0.3));
    }

    #[test]
    fn a_poor_best_by_word_does_not_beat_a_good_one_by_meaning() {
        // One common word of six matched, against a close paraphrase.
        let evidence = Evidence { full_weight: 30.0, words: vec![(1, 2.0)], near: Vec::new(), ..Evidence::default() };
        assert!(WORD_SHARE * word_score(2.0, &evidence) < (1.0 - WORD_SHARE) * meaning_score(0.45));
    }
}

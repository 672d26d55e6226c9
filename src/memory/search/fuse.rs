//! From two lists of evidence to one ranking of messages. Reads what the candidates are; the rest is arithmetic.
//!
//! Scores are fused, not ranks: reciprocal rank fusion loses to plain BM25 when one list is noise, because the best of a
//! bad list weighs as much as the best of a good one (docs/decisions/0008). Both scores are brought to 0..1 by what a
//! full match would score, so that a weak best stays weak:
//! - by word: BM25 over the sum of the query's word weights;
//! - by meaning: cosine above the level of unrelated texts, over what a close paraphrase reaches.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::Evidence;
use crate::domain::{Kind, Mode, Query, Timestamp};
use crate::memory::{Memory, Result};
use crate::store::Candidate;

/// Cosine of unrelated texts after centring, and of close paraphrases.
const UNRELATED: f32 = 0.10;
const PARAPHRASE: f32 = 0.45;
/// BM25 of a text of average length that holds every query word once is about the sum of their weights; short texts
/// that hold them reach a little more.
const FULL_MATCH: f32 = 1.2;
/// Share of the evidence by word; the rest is by meaning.
const WORD_SHARE: f32 = 0.5;

/// One message in the ranking, by its best part.
#[derive(Debug, Clone)]
pub(super) struct Ranked {
    pub(super) candidate: Candidate,
    pub(super) score: f32,
    pub(super) keyword: Option<(usize, f32)>,
    pub(super) semantic: Option<(usize, f32)>,
    pub(super) weight: f32,
    /// The best passage by meaning, if that is how it was found.
    pub(super) passage: Option<Range<usize>>,
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
        let mut places: HashMap<i64, Ranked> = HashMap::new();
        let mut parts: Vec<i64> = Vec::new();
        let keyword: HashMap<i64, (usize, f32)> =
            (1..).zip(&evidence.words).map(|(rank, (part, score))| (*part, (rank, *score))).collect();
        let mut semantic: HashMap<i64, (usize, f32, Range<usize>)> = HashMap::new();
        for near in &evidence.near {
            let rank = semantic.len() + 1;
            semantic.entry(near.place.part).or_insert_with(|| (rank, near.cosine, near.place.range.clone()));
        }
        parts.extend(evidence.words.iter().map(|(part, _)| *part));
        parts.extend(evidence.near.iter().map(|near| near.place.part));
        parts.extend(&evidence.literal);
        let mut known = HashSet::new();
        parts.retain(|part| known.insert(*part));
        for candidate in self.store.candidates(&parts, &query.filter, now)? {
            let words = keyword.get(&candidate.part).copied();
            let meaning = semantic.get(&candidate.part).map(|(rank, cosine, _)| (*rank, *cosine));
            let passage = semantic.get(&candidate.part).map(|(_, _, range)| range.clone());
            let weight = weight(candidate.kind);
            let score = match query.mode {
                Mode::Exact => 1.0,
                Mode::Keyword | Mode::Semantic | Mode::Hybrid => weight * fused(query.mode, evidence, words, meaning),
            };
            let ranked = Ranked { score, keyword: words, semantic: meaning, weight, passage, candidate };
            let best = places.entry(ranked.candidate.message).or_insert_with(|| ranked.clone());
            if ranked.score > best.score {
                *best = ranked;
            }
        }
        let mut ranking: Vec<Ranked> = places.into_values().filter(|ranked| ranked.score > 0.0).collect();
        // Newer first among equals: with literal search that is the whole order.
        ranking.sort_by(|left, right| {
            right
                .score
                .total_cmp(&left.score)
                .then_with(|| (right.candidate.at, right.candidate.part).cmp(&(left.candidate.at, left.candidate.part)))
        });
        let mut texts = HashSet::new();
        ranking.retain(|ranked| texts.insert(ranked.candidate.hash));
        Ok(ranking)
    }
}

fn fused(mode: Mode, evidence: &Evidence, words: Option<(usize, f32)>, meaning: Option<(usize, f32)>) -> f32 {
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
        assert!((meaning_score(0.05)).abs() < 1e-6);
        assert!(meaning_score(0.5) > meaning_score(0.3));
    }

    #[test]
    fn a_poor_best_by_word_does_not_beat_a_good_one_by_meaning() {
        // One common word of six matched, against a close paraphrase.
        let evidence = Evidence { full_weight: 30.0, words: vec![(1, 2.0)], near: Vec::new(), ..Evidence::default() };
        assert!(WORD_SHARE * word_score(2.0, &evidence) < (1.0 - WORD_SHARE) * meaning_score(0.45));
    }
}

//! Keyword evidence: BM25 over passages, and over each passage with its neighbours.
//!
//! Uses its own postings, because the length normalisation fixed in SQLite's FTS5 (b = 0.75) loses to a weaker one on
//! conversations, and because a short turn is often only found together with the one before it.

use std::collections::HashMap;

use super::corpus_stats::CorpusStats;
use super::weights::{RankWeights, inverse_document_frequency};
use crate::domain::query::MinOverlap;
use crate::memory::Result;
use crate::memory::index::doc_values::{DocValues, PassageFilter, WINDOW_WORDS};
use crate::store::{Posting, Snapshot, term_number};
use crate::vector::compare_neighbours;

/// A term is frequent if more passages than this contain it, and more than one passage in this many.
const FREQUENT_PASSAGES: usize = 20_000;
const FREQUENT_RATIO: usize = 100;

/// Least number of texts for the weights that confidence uses: in a small store every word is rare, and its weights say
/// little. Ranking uses the store's own weights.
const MIN_EVIDENCE_TEXTS: f32 = 1_000.0;

/// Terms of a query with their postings and weights.
#[derive(Debug, Default)]
pub(super) struct QueryTerms {
    /// Distinct terms, in order of first appearance.
    pub(super) terms: Vec<String>,
    postings: Vec<Vec<Posting>>,
    /// Inverse document frequency of each term.
    weights: Vec<f32>,
    /// For each term, one bit per query text that contains it.
    groups: Vec<u32>,
    all_groups: u32,
    /// The same in a store of at least [`MIN_EVIDENCE_TEXTS`] texts, for confidence.
    evidence_weights: Vec<f32>,
    /// Weight of a term that occurs in one passage.
    unique: f32,
    /// Mean number of terms of a passage, alone and with its neighbours.
    means: (f32, f32),
    /// Weight of words of the question that are not among the terms, as a share of the weight of the terms.
    unknown: f32,
}

/// Postings of one term.
#[derive(Debug, Clone, Default)]
pub(super) struct TermPostings {
    /// Empty for a very frequent term that was not read.
    pub(super) list: Vec<Posting>,
    /// Number of passages with the term.
    pub(super) count: usize,
}

/// Keyword scores of one passage.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct KeywordScore {
    /// BM25 of the passage.
    pub(super) own: f32,
    /// BM25 of the passage with its neighbours.
    pub(super) window: f32,
    /// Total weight for confidence of the terms that the passage or a neighbour contains.
    pub(super) held: f32,
}

impl QueryTerms {
    /// Creates terms for highlighting only, without postings.
    pub(super) fn for_display(terms: Vec<String>) -> Self {
        Self { terms, ..Self::default() }
    }

    /// Looks up the terms. Each of `groups` has the terms of one text. With `rare`, postings of very frequent terms are
    /// not read: such terms count in the query weight but not in the texts.
    pub(super) fn load_postings(
        snapshot: &Snapshot<'_>,
        columns: &DocValues,
        groups: &[Vec<String>],
        rare: bool,
    ) -> Result<Self> {
        let (mut terms, mut bits): (Vec<String>, Vec<u32>) = (Vec::new(), Vec::new());
        let mut all_groups = 0;
        for (bit, group) in number_groups(groups) {
            all_groups |= bit;
            for term in group {
                let known = terms.iter().position(|known| known == term);
                if let Some(groups) = known.and_then(|at| bits.get_mut(at)) {
                    *groups |= bit;
                } else {
                    terms.push(term.clone());
                    bits.push(bit);
                }
            }
        }
        let postings = read_term_postings(snapshot, columns, &terms, rare)?;
        Ok(Self::from_postings(columns, terms, postings, bits, all_groups))
    }

    /// Creates the terms from their postings. `groups` and `all_groups` are bits, one for each query text.
    pub(super) fn from_postings(
        columns: &DocValues,
        terms: Vec<String>,
        postings: Vec<TermPostings>,
        groups: Vec<u32>,
        all_groups: u32,
    ) -> Self {
        let texts = columns.text_count();
        let weights_among =
            |texts| postings.iter().map(|term| inverse_document_frequency(texts, term.count)).collect::<Vec<f32>>();
        Self {
            terms,
            weights: weights_among(texts),
            evidence_weights: weights_among(texts.max(MIN_EVIDENCE_TEXTS)),
            postings: postings.into_iter().map(|term| term.list).collect(),
            groups,
            all_groups,
            unique: inverse_document_frequency(texts, 1),
            means: (columns.mean_words(), columns.mean_window()),
            unknown: 0.0,
        }
    }

    /// Leaves terms that are not among these out of the weights for confidence. Ranking keeps them.
    pub(super) fn retain_evidence(&mut self, terms: &[String]) {
        for (term, weight) in self.terms.iter().zip(&mut self.evidence_weights) {
            if !terms.contains(term) {
                *weight = 0.0;
            }
        }
    }

    /// Counts words of the question that are not among the terms: their weight is this share of that of the terms.
    pub(super) fn add_unknown_words(&mut self, share: f32) {
        self.unknown = share;
    }

    /// Returns the postings of a term that was looked up.
    pub(super) fn term_postings(&self, term: &str) -> Option<&[Posting]> {
        let at = self.terms.iter().position(|known| known == term)?;
        self.postings.get(at).map(Vec::as_slice)
    }

    /// Replaces the weights by those of a corpus larger than the doc values.
    pub(super) fn with_corpus(self, wide: &CorpusStats) -> Self {
        let weights = self.terms.iter().map(|term| wide.term_weight(term)).collect();
        self.with_corpus_weights(wide, weights)
    }

    /// Replaces the weights by these of a larger corpus.
    pub(super) fn with_corpus_weights(mut self, wide: &CorpusStats, weights: Vec<f32>) -> Self {
        self.evidence_weights.clone_from(&weights);
        self.weights = weights;
        self.unique = inverse_document_frequency(wide.texts, 1);
        self.means = (wide.mean_words.max(1.0), wide.mean_window.max(1.0));
        self
    }

    /// Returns the sum of the weights of all words of the question.
    pub(super) fn full_weight(&self) -> f32 {
        self.weights.iter().sum::<f32>() * (1.0 + self.unknown)
    }

    /// Returns the same sum for confidence.
    pub(super) fn evidence_weight(&self) -> f32 {
        self.evidence_weights.iter().sum::<f32>() * (1.0 + self.unknown)
    }

    /// Returns those of these ascending passages that contain enough of the query's words.
    pub(super) fn filter_by_overlap(&self, passages: &[u32], worth: MinOverlap) -> Vec<u32> {
        let times = self.term_frequencies(passages);
        let least = (worth.weight * self.unique).max(worth.share * self.full_weight());
        let enough = |counts: &[u8]| {
            let held = counts.iter().zip(&self.weights).filter(|(count, _)| **count > 0);
            held.map(|(_, weight)| weight).sum::<f32>() >= least
        };
        let width = self.terms.len().max(1);
        passages.iter().zip(times.chunks(width)).filter(|(_, counts)| enough(counts)).map(|(id, _)| *id).collect()
    }

    /// Returns the best `count` permitted and eligible passages that contain a term of every query text, best first.
    pub(super) fn best_passages(
        &self,
        permit: &PassageFilter<'_>,
        weights: &RankWeights,
        count: usize,
        is_eligible: impl Fn(u32) -> bool,
    ) -> Vec<(u32, f32)> {
        let columns = permit.columns;
        let mean = self.means.0;
        let mut scores = vec![0.0_f32; columns.len()];
        let mut seen = if self.all_groups.count_ones() > 1 { vec![0_u32; columns.len()] } else { Vec::new() };
        let mut touched = Vec::new();
        let lengths = columns.passage_lengths();
        for ((postings, weight), groups) in self.postings.iter().zip(&self.weights).zip(&self.groups) {
            for (passage, times) in postings {
                let index = usize::try_from(*passage).unwrap_or(usize::MAX);
                let (Some(length), Some(score)) = (lengths.get(index), scores.get_mut(index)) else {
                    continue;
                };
                if length < 0.0 {
                    continue;
                }
                if *score == 0.0 {
                    touched.push(*passage);
                }
                *score += weight * saturate_frequency(f32::from(*times), length / mean, weights);
                if let Some(seen) = seen.get_mut(index) {
                    *seen |= groups;
                }
            }
        }
        let index = |passage: u32| usize::try_from(passage).unwrap_or(0);
        let complete = |passage: u32| seen.get(index(passage)).is_none_or(|seen| *seen == self.all_groups);
        let mut found: Vec<(u32, f32)> = touched
            .into_iter()
            .filter(|passage| complete(*passage) && permit.allows_passage(*passage) && is_eligible(*passage))
            .filter_map(|passage| Some((passage, *scores.get(index(passage))?)))
            .collect();
        if found.len() > count {
            found.select_nth_unstable_by(count, compare_neighbours);
            found.truncate(count);
        }
        found.sort_unstable_by(compare_neighbours);
        found
    }

    /// Returns the scores of these passages, alone and with their neighbours.
    pub(super) fn score_passages(
        &self,
        columns: &DocValues,
        weights: &RankWeights,
        wanted: &[u32],
    ) -> HashMap<u32, KeywordScore> {
        let mut needed: Vec<u32> = wanted.to_vec();
        needed.extend(wanted.iter().flat_map(|passage| columns.adjacent_passages(*passage)).flatten());
        needed.sort_unstable();
        needed.dedup();
        let times = self.term_frequencies(&needed);
        let (mean, mean_window) = self.means;
        let size = |passage: u32| columns.passage_at(passage).map_or(1.0, |passage| passage.words);
        let of = |passage: u32| {
            let at = needed.binary_search(&passage).unwrap_or(usize::MAX / 256);
            times.get(at * self.terms.len()..(at + 1) * self.terms.len()).unwrap_or(&[])
        };
        let score = |passage: u32| {
            // Neighbours of the passage: their counts, sizes, and the share of each that counts.
            let near = columns.adjacent_passages(passage).map(|near| {
                near.map(|near| (of(near), size(near)))
                    .map(|(counts, size)| (counts, size, (WINDOW_WORDS / size.max(1.0)).min(1.0)))
            });
            let (own_counts, own_size) = (of(passage), size(passage));
            let together = own_size + near.iter().flatten().map(|(_, size, share)| size * share).sum::<f32>();
            let mut found = KeywordScore::default();
            for (index, weight) in self.weights.iter().enumerate() {
                let count = |counts: &[u8]| f32::from(counts.get(index).copied().unwrap_or(0));
                let own = count(own_counts);
                let all = own + near.iter().flatten().map(|(counts, _, share)| count(counts) * share).sum::<f32>();
                if all > 0.0 {
                    found.held += self.evidence_weights.get(index).copied().unwrap_or(*weight);
                }
                found.own += weight * saturate_frequency(own, own_size / mean, weights);
                found.window += weight * saturate_frequency(all, together / mean_window, weights);
            }
            found
        };
        wanted.iter().map(|passage| (*passage, score(*passage))).collect()
    }

    /// Returns the term frequency of each term in each ascending passage, row by row.
    fn term_frequencies(&self, needed: &[u32]) -> Vec<u8> {
        let width = self.terms.len();
        let mut times = vec![0_u8; width * needed.len()];
        for (index, postings) in self.postings.iter().enumerate() {
            let mut rest = postings.as_slice();
            for (passage, counts) in needed.iter().zip(times.chunks_mut(width.max(1))) {
                let skip = rest.partition_point(|(found, _)| found < passage);
                rest = rest.get(skip..).unwrap_or(&[]);
                if let (Some((found, count)), Some(slot)) = (rest.first(), counts.get_mut(index))
                    && found == passage
                {
                    *slot = *count;
                }
            }
        }
        times
    }
}

/// Returns each text's terms with the bit of the text. Texts without terms, and those after the 32nd, are left out.
pub(super) fn number_groups<T>(groups: &[Vec<T>]) -> impl Iterator<Item = (u32, &Vec<T>)> {
    (0..32).map(|group| 1 << group).zip(groups.iter().filter(|group| !group.is_empty()))
}

/// Reads the postings of these terms. With `rare`, those of very frequent terms are only counted.
pub(super) fn read_term_postings(
    snapshot: &Snapshot<'_>,
    columns: &DocValues,
    terms: &[String],
    rare: bool,
) -> Result<Vec<TermPostings>> {
    let numbers: Vec<i64> = terms.iter().map(|term| term_number(term)).collect();
    let counts = if rare { snapshot.count_postings(&numbers)? } else { vec![0; numbers.len()] };
    let most = FREQUENT_PASSAGES.max(columns.len() / FREQUENT_RATIO);
    let read: Vec<i64> = numbers.iter().zip(&counts).filter(|(_, count)| **count <= most).map(|(n, _)| *n).collect();
    let mut postings = snapshot.read_postings(&read)?.into_iter();
    let of_term = |count: usize| {
        let list = if count <= most { postings.next().unwrap_or_default() } else { Vec::new() };
        TermPostings { count: count.max(list.len()), list }
    };
    Ok(counts.into_iter().map(of_term).collect())
}

/// Returns the BM25 term frequency factor; `length` is relative to the mean.
fn saturate_frequency(times: f32, length: f32, weights: &RankWeights) -> f32 {
    if times == 0.0 {
        return 0.0;
    }
    times * (weights.k1 + 1.0) / (times + weights.k1 * (1.0 - weights.b + weights.b * length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_saturates() {
        let weights = RankWeights::default();
        let once = saturate_frequency(1.0, 1.0, &weights);
        assert!(
            (once - 1.0).abs() < 1e-6
                && saturate_frequency(2.0, 1.0, &weights) < 2.0
                && saturate_frequency(0.0, 1.0, &weights) == 0.0
        );
        assert!(saturate_frequency(1.0, 4.0, &weights) < once && saturate_frequency(1.0, 0.2, &weights) > once);
    }
}

//! Evidence by word: BM25 over passages, and over each passage with its neighbours.
//!
//! Own arithmetic over own postings, because the length normalisation that SQLite's FTS5 fixes (b = 0.75) loses to a
//! weaker one on conversations, and because a short turn is often only found together with the one before it.

use std::collections::HashMap;

use super::weights::Weights;
use super::wide::Wide;
use crate::domain::query::Worth;
use crate::memory::Result;
use crate::memory::columns::{Columns, Permit, WINDOW_WORDS};
use crate::store::{Posting, Store, number};
use crate::vector::better;

/// A term that more passages than this hold, and more than one passage of so many, is frequent.
const FREQUENT: usize = 20_000;
const FREQUENT_OF: usize = 100;

/// The words of a query with everything the store knows about them.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// Distinct terms, in order of first appearance.
    pub(super) terms: Vec<String>,
    postings: Vec<Vec<Posting>>,
    /// Inverse document frequency of each term.
    weights: Vec<f32>,
    /// Bit per text of the query that has the term.
    groups: Vec<u32>,
    all_groups: u32,
    /// Weight of a term that one passage has.
    unique: f32,
    /// Mean number of terms of a passage, alone and with its neighbours.
    means: (f32, f32),
}

/// What the words say about one passage.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WordScore {
    /// BM25 of the passage.
    pub(super) own: f32,
    /// BM25 of the passage with its neighbours.
    pub(super) window: f32,
}

impl Words {
    /// Terms that are only shown, not searched.
    pub(super) fn shown(terms: Vec<String>) -> Self {
        Self { terms, ..Self::default() }
    }

    /// Looks the terms up. Each of `groups` holds the terms of one text. With `rare` the passages of very frequent terms are
    /// not read: such terms then weigh in the query and not in the texts.
    pub(super) fn look_up(store: &Store, columns: &Columns, groups: &[Vec<String>], rare: bool) -> Result<Self> {
        let mut words = Self::default();
        for (group, terms) in groups.iter().filter(|group| !group.is_empty()).take(32).enumerate() {
            let bit = 1 << group;
            words.all_groups |= bit;
            for term in terms {
                let known = words.terms.iter().position(|known| known == term);
                if let Some(groups) = known.and_then(|at| words.groups.get_mut(at)) {
                    *groups |= bit;
                } else {
                    words.terms.push(term.clone());
                    words.groups.push(bit);
                }
            }
        }
        let numbers: Vec<i64> = words.terms.iter().map(|term| number(term)).collect();
        let mut counts = if rare { store.posting_counts(&numbers)? } else { vec![0; numbers.len()] };
        let most = FREQUENT.max(columns.len() / FREQUENT_OF);
        let read: Vec<i64> =
            numbers.iter().zip(&counts).filter(|(_, count)| **count <= most).map(|(n, _)| *n).collect();
        let mut postings = store.postings(&read)?.into_iter();
        for count in &mut counts {
            let list = if *count <= most { postings.next().unwrap_or_default() } else { Vec::new() };
            *count = (*count).max(list.len());
            words.postings.push(list);
        }
        words.weights = counts.iter().map(|count| weight(columns.texts(), *count)).collect();
        words.unique = weight(columns.texts(), 1);
        words.means = (columns.mean_words(), columns.mean_window());
        Ok(words)
    }

    /// The same words weighed by what is counted over more texts than the columns hold.
    pub(super) fn among(mut self, wide: &Wide) -> Self {
        self.weights = self.terms.iter().map(|term| wide.weight(term)).collect();
        self.unique = weight(wide.texts, 1);
        self.means = (wide.mean_words.max(1.0), wide.mean_window.max(1.0));
        self
    }

    /// Sum of the weights of all terms.
    pub(super) fn full_weight(&self) -> f32 {
        self.weights.iter().sum()
    }

    /// Which of these ascending passages hold enough of the query's words.
    pub(super) fn worth(&self, passages: &[u32], worth: Worth) -> Vec<u32> {
        let times = self.times(passages);
        let least = (worth.weight * self.unique).max(worth.share * self.full_weight());
        let enough = |counts: &[u8]| {
            let held = counts.iter().zip(&self.weights).filter(|(count, _)| **count > 0);
            held.map(|(_, weight)| weight).sum::<f32>() >= least
        };
        let width = self.terms.len().max(1);
        passages.iter().zip(times.chunks(width)).filter(|(_, counts)| enough(counts)).map(|(id, _)| *id).collect()
    }

    /// The best `count` passages that are permitted and hold a term of every text of the query, best first.
    pub(super) fn best(&self, permit: &Permit<'_>, weights: &Weights, count: usize) -> Vec<(u32, f32)> {
        let columns = permit.columns;
        let mean = self.means.0;
        let mut scores = vec![0.0_f32; columns.len()];
        let mut seen = if self.all_groups.count_ones() > 1 { vec![0_u32; columns.len()] } else { Vec::new() };
        let mut touched = Vec::new();
        let lengths = columns.lengths();
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
                *score += weight * saturated(f32::from(*times), length / mean, weights);
                if let Some(seen) = seen.get_mut(index) {
                    *seen |= groups;
                }
            }
        }
        let index = |passage: u32| usize::try_from(passage).unwrap_or(0);
        let complete = |passage: u32| seen.get(index(passage)).is_none_or(|seen| *seen == self.all_groups);
        let mut found: Vec<(u32, f32)> = touched
            .into_iter()
            .filter(|passage| complete(*passage) && permit.allows(*passage))
            .filter_map(|passage| Some((passage, *scores.get(index(passage))?)))
            .collect();
        if found.len() > count {
            found.select_nth_unstable_by(count, better);
            found.truncate(count);
        }
        found.sort_unstable_by(better);
        found
    }

    /// Scores of these passages, alone and with their neighbours.
    pub(super) fn scores(&self, columns: &Columns, weights: &Weights, wanted: &[u32]) -> HashMap<u32, WordScore> {
        let mut needed: Vec<u32> = wanted.to_vec();
        needed.extend(wanted.iter().flat_map(|passage| columns.around(*passage)).flatten());
        needed.sort_unstable();
        needed.dedup();
        let times = self.times(&needed);
        let (mean, mean_window) = self.means;
        let size = |passage: u32| columns.passage(passage).map_or(1.0, |passage| passage.words);
        let of = |passage: u32| {
            let at = needed.binary_search(&passage).unwrap_or(usize::MAX / 256);
            times.get(at * self.terms.len()..(at + 1) * self.terms.len()).unwrap_or(&[])
        };
        let score = |passage: u32| {
            // The passage and its neighbours: their counts, sizes, and the share of each that counts.
            let near = columns.around(passage).map(|near| {
                near.map(|near| (of(near), size(near)))
                    .map(|(counts, size)| (counts, size, (WINDOW_WORDS / size.max(1.0)).min(1.0)))
            });
            let (own_counts, own_size) = (of(passage), size(passage));
            let together = own_size + near.iter().flatten().map(|(_, size, share)| size * share).sum::<f32>();
            let mut found = WordScore::default();
            for (index, weight) in self.weights.iter().enumerate() {
                let count = |counts: &[u8]| f32::from(counts.get(index).copied().unwrap_or(0));
                let own = count(own_counts);
                let all = own + near.iter().flatten().map(|(counts, _, share)| count(counts) * share).sum::<f32>();
                found.own += weight * saturated(own, own_size / mean, weights);
                found.window += weight * saturated(all, together / mean_window, weights);
            }
            found
        };
        wanted.iter().map(|passage| (*passage, score(*passage))).collect()
    }

    /// How often each ascending passage holds each term, row by row.
    fn times(&self, needed: &[u32]) -> Vec<u8> {
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

/// `ln(1 + (N - n + 0.5) / (n + 0.5))`: Robertson and Sparck Jones, as BM25 uses it, where `n` of `N` passages have the term.
#[expect(clippy::cast_precision_loss, reason = "a count of passages; its logarithm does not need the last digit")]
pub(super) fn weight(all: f32, holding: usize) -> f32 {
    let holding = holding as f32;
    (1.0 + (all - holding + 0.5).max(0.0) / (holding + 0.5)).ln()
}

/// The part of BM25 that depends on the passage; `length` is relative to the mean.
fn saturated(times: f32, length: f32, weights: &Weights) -> f32 {
    if times == 0.0 {
        return 0.0;
    }
    times * (weights.k1 + 1.0) / (times + weights.k1 * (1.0 - weights.b + weights.b * length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_words_weigh_more_and_repetition_saturates() {
        assert!(weight(1000.0, 1) > weight(1000.0, 500) && weight(1000.0, 1000) > 0.0);
        let weights = Weights::default();
        let once = saturated(1.0, 1.0, &weights);
        assert!(
            (once - 1.0).abs() < 1e-6 && saturated(2.0, 1.0, &weights) < 2.0 && saturated(0.0, 1.0, &weights) == 0.0
        );
        assert!(saturated(1.0, 4.0, &weights) < once && saturated(1.0, 0.2, &weights) > once);
    }
}

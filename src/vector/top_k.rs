//! Bounded top-k selection, and the mean and deviation of all scores.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::{ScoreSpread, compare_neighbours};

/// Scored row of one of several views.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ScoredRow {
    pub(super) label: u32,
    pub(super) score: f32,
    pub(super) view: usize,
    pub(super) row: usize,
}

/// Keeps the `count` best rows; ties go to the higher label, which is the newer text.
pub(super) struct TopK {
    count: usize,
    worst_first: BinaryHeap<HeapEntry>,
}

#[derive(PartialEq)]
struct HeapEntry(ScoredRow);

impl Eq for HeapEntry {}

impl Ord for HeapEntry {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_rows(&self.0, &other.0)
    }
}

impl PartialOrd for HeapEntry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Orders the better row first.
pub(super) fn compare_rows(left: &ScoredRow, right: &ScoredRow) -> Ordering {
    compare_neighbours(&(left.label, left.score), &(right.label, right.score))
}

impl TopK {
    pub(super) fn new(count: usize) -> Self {
        Self { count, worst_first: BinaryHeap::with_capacity(count.min(4096) + 1) }
    }

    /// Returns the lowest score that can still enter; `-inf` until `count` rows are kept.
    pub(super) fn min_score(&self) -> f32 {
        if self.worst_first.len() < self.count {
            f32::NEG_INFINITY
        } else {
            self.worst_first.peek().map_or(f32::NEG_INFINITY, |worst| worst.0.score)
        }
    }

    pub(super) fn offer_row(&mut self, found: ScoredRow) {
        if self.worst_first.len() < self.count {
            self.worst_first.push(HeapEntry(found));
        } else if let Some(mut worst) = self.worst_first.peek_mut()
            && compare_rows(&found, &worst.0).is_lt()
        {
            *worst = HeapEntry(found);
        }
    }

    /// Returns the kept rows, best first.
    pub(super) fn into_sorted(self) -> Vec<ScoredRow> {
        self.worst_first.into_sorted_vec().into_iter().map(|entry| entry.0).collect()
    }
}

/// Running count, sum and sum of squares of scores.
#[derive(Debug, Default)]
pub(super) struct ScoreSums {
    count: f64,
    sum: f64,
    squares: f64,
}

impl ScoreSums {
    pub(super) fn add_score(&mut self, score: f32) {
        self.count += 1.0;
        self.sum += f64::from(score);
        self.squares += f64::from(score) * f64::from(score);
    }

    pub(super) fn add_scores(&mut self, scores: &[f32]) {
        let (mut sum, mut squares) = (0.0_f32, 0.0_f32);
        for score in scores {
            sum += score;
            squares += score * score;
        }
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        let count = scores.len() as f64;
        self.count += count;
        self.sum += f64::from(sum);
        self.squares += f64::from(squares);
    }

    #[expect(clippy::cast_possible_truncation, reason = "of cosines, between -1 and 1")]
    pub(super) fn to_spread(&self) -> ScoreSpread {
        let mean = self.sum / self.count.max(1.0);
        let variance = (self.squares / self.count.max(1.0) - mean * mean).max(0.0);
        ScoreSpread { mean: mean as f32, deviation: variance.sqrt() as f32 }
    }
}

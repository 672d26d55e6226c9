//! Keeping the best few of many scores, and what all of them look like together.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::{Spread, better};

/// A row of one of several views.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    pub(super) label: u32,
    pub(super) score: f32,
    pub(super) view: usize,
    pub(super) row: usize,
}

/// Keeps the best few; ties go to the higher label, which is the newer text.
pub(super) struct Best {
    count: usize,
    worst_first: BinaryHeap<Entry>,
}

#[derive(PartialEq)]
struct Entry(Found);

impl Eq for Entry {}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0, &other.0)
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Better first.
pub(super) fn order(left: &Found, right: &Found) -> Ordering {
    better(&(left.label, left.score), &(right.label, right.score))
}

impl Best {
    pub(super) fn new(count: usize) -> Self {
        Self { count, worst_first: BinaryHeap::with_capacity(count.min(4096) + 1) }
    }

    /// A lower score has no chance.
    pub(super) fn worst(&self) -> f32 {
        if self.worst_first.len() < self.count {
            f32::NEG_INFINITY
        } else {
            self.worst_first.peek().map_or(f32::NEG_INFINITY, |worst| worst.0.score)
        }
    }

    pub(super) fn offer(&mut self, found: Found) {
        if self.worst_first.len() < self.count {
            self.worst_first.push(Entry(found));
        } else if let Some(mut worst) = self.worst_first.peek_mut()
            && order(&found, &worst.0).is_lt()
        {
            *worst = Entry(found);
        }
    }

    /// Best first.
    pub(super) fn sorted(self) -> Vec<Found> {
        self.worst_first.into_sorted_vec().into_iter().map(|entry| entry.0).collect()
    }
}

/// Running sums of scores.
#[derive(Debug, Default)]
pub(super) struct Sums {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Sums {
    pub(super) fn add(&mut self, score: f32) {
        self.count += 1.0;
        self.sum += f64::from(score);
        self.squares += f64::from(score) * f64::from(score);
    }

    pub(super) fn add_all(&mut self, scores: &[f32]) {
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
    pub(super) fn spread(&self) -> Spread {
        let mean = self.sum / self.count.max(1.0);
        let variance = (self.squares / self.count.max(1.0) - mean * mean).max(0.0);
        Spread { mean: mean as f32, deviation: variance.sqrt() as f32 }
    }
}

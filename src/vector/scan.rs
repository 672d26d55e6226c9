//! The exact scan over int8 codes: every allowed vector is compared, in a quarter of the memory of floats.
//!
//! A code is `round(127 v / max|v|)` with one scale per vector. The caller scores the best few again with the exact
//! vectors; over four times as many candidates as wanted, recall against the float scan was 1.0000 (docs/decisions/0007).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::{Allowed, Neighbour};

/// Codes of all vectors, row by row.
#[derive(Debug)]
pub struct Scan {
    dimensions: usize,
    ids: Vec<i64>,
    scales: Vec<f32>,
    codes: Vec<i8>,
}

impl Scan {
    /// Empty, for vectors of this length.
    pub const fn new(dimensions: usize) -> Self {
        Self { dimensions, ids: Vec::new(), scales: Vec::new(), codes: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn last_id(&self) -> i64 {
        self.ids.last().copied().unwrap_or(0)
    }

    pub(super) fn insert(&mut self, id: i64, vector: &[f32]) {
        if vector.len() != self.dimensions {
            return;
        }
        let (scale, codes) = quantise(vector);
        self.ids.push(id);
        self.scales.push(scale);
        self.codes.extend(codes);
    }

    pub(super) fn nearest(&self, query: &[f32], count: usize, allowed: Allowed<'_>) -> Vec<Neighbour> {
        let (scale, query) = quantise(query);
        let query: Vec<i8> = query.collect();
        if query.len() != self.dimensions || count == 0 {
            return Vec::new();
        }
        let mut best = Best::new(count);
        let score = |row: usize| -> Option<Neighbour> {
            let codes = self.codes.get(row * self.dimensions..(row + 1) * self.dimensions)?;
            Some((*self.ids.get(row)?, f32_of(dot(codes, &query)) * self.scales.get(row)? * scale))
        };
        match allowed {
            Allowed::All => (0..self.ids.len()).filter_map(score).for_each(|found| best.offer(found)),
            Allowed::Only(ids) => ids
                .iter()
                .filter_map(|id| self.ids.binary_search(id).ok().and_then(score))
                .for_each(|found| best.offer(found)),
        }
        best.sorted()
    }
}

fn quantise(vector: &[f32]) -> (f32, impl Iterator<Item = i8> + '_) {
    let largest = vector.iter().fold(0.0_f32, |largest, value| largest.max(value.abs())).max(1e-12);
    #[expect(clippy::cast_possible_truncation, reason = "between -127 and 127 by construction")]
    let codes = vector.iter().map(move |value| (value / largest * 127.0).round() as i8);
    (largest / 127.0, codes)
}

/// In blocks that the compiler turns into vector instructions; 127 × 127 × 16 fits an i32 with much room.
fn dot(left: &[i8], right: &[i8]) -> i32 {
    let (left, left_rest) = left.as_chunks::<16>();
    let (right, right_rest) = right.as_chunks::<16>();
    let pair = |(a, b): (&i8, &i8)| i32::from(i16::from(*a) * i16::from(*b));
    let whole: i32 = left.iter().zip(right).map(|(a, b)| a.iter().zip(b).map(pair).sum::<i32>()).sum();
    whole + left_rest.iter().zip(right_rest).map(pair).sum::<i32>()
}

#[expect(clippy::cast_precision_loss, reason = "a dot product of codes is far below 2^24 for 1024 dimensions")]
const fn f32_of(dot: i32) -> f32 {
    dot as f32
}

/// Keeps the best few; ties go to the higher id, which is the newer text.
struct Best {
    count: usize,
    worst_first: BinaryHeap<Entry>,
}

#[derive(PartialEq)]
struct Entry(Neighbour);

impl Eq for Entry {}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.1.total_cmp(&self.0.1).then_with(|| other.0.0.cmp(&self.0.0))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Best {
    fn new(count: usize) -> Self {
        Self { count, worst_first: BinaryHeap::with_capacity(count.min(4096) + 1) }
    }

    fn offer(&mut self, found: Neighbour) {
        if self.worst_first.len() < self.count {
            self.worst_first.push(Entry(found));
        } else if self.worst_first.peek().is_some_and(|worst| found.1 > worst.0.1) {
            self.worst_first.pop();
            self.worst_first.push(Entry(found));
        }
    }

    fn sorted(self) -> Vec<Neighbour> {
        self.worst_first.into_sorted_vec().into_iter().map(|entry| entry.0).collect()
    }
}

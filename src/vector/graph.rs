//! The hnsw_rs graph, in memory only, over signs: 48 bytes a vector and six instructions a comparison instead of 1,536 and
//! hundreds (docs/decisions/0013 has what that is worth).
//!
//! Its file code is never used: it prints to stdout, ends the process on damaged files and has no checksums. Serial insertion
//! is deterministic. Vectors with equal signs are one point: many equal points make others unreachable. It only names
//! candidates; the scan compares them, and answers filtered searches alone, because the graph's own filter visits everything.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use anndists::dist::distances::Distance;
use hnsw_rs::hnsw::Hnsw;

use super::rows::View;

/// Links per point, and the size of the candidate lists while building (Malkov and Yashunin, 2018).
const LINKS: usize = 16;
const BUILD_CANDIDATES: usize = 200;
const LAYERS: usize = 16;

/// The number of differing bits.
#[derive(Debug, Clone, Copy, Default)]
struct Hamming;

impl Distance<u64> for Hamming {
    #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
    fn eval(&self, left: &[u64], right: &[u64]) -> f32 {
        left.iter().zip(right).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>() as f32
    }
}

/// A navigable graph over the signs of some vectors.
pub(super) struct Graph {
    links: Hnsw<'static, u64, Hamming>,
    /// By point: its labels.
    labels: Vec<Vec<u32>>,
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Graph").field("points", &self.labels.len()).finish_non_exhaustive()
    }
}

impl Graph {
    /// Builds the graph of all these rows; `None` when `stop` was set meanwhile.
    pub(super) fn build(views: &[View<'_>], stop: &AtomicBool) -> Option<Self> {
        let vectors: usize = views.iter().map(View::len).sum();
        let links = Hnsw::new(LINKS, vectors.max(1000), LAYERS, BUILD_CANDIDATES, Hamming);
        let mut points: HashMap<Vec<u64>, usize> = HashMap::with_capacity(vectors);
        let mut labels: Vec<Vec<u32>> = Vec::new();
        for view in views {
            for row in 0..view.len() {
                if stop.load(Ordering::Relaxed) {
                    return None;
                }
                let signs = view.signs_of(row);
                let point = points.get(&signs).copied().unwrap_or(labels.len());
                if point == labels.len() {
                    links.insert((&signs, point));
                    points.insert(signs, point);
                    labels.push(Vec::new());
                }
                if let Some(twins) = labels.get_mut(point) {
                    twins.push(view.label(row));
                }
            }
        }
        Some(Self { links, labels })
    }

    /// Labels of about so many vectors with the nearest signs, ascending.
    pub(super) fn candidates(&self, signs: &[u64], count: usize) -> Vec<u32> {
        let found = self.links.search(signs, count, count);
        let mut labels: Vec<u32> =
            found.iter().filter_map(|point| self.labels.get(point.d_id)).flatten().copied().collect();
        labels.sort_unstable();
        labels
    }
}

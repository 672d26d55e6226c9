//! HNSW graph (hnsw_rs) over signs, in memory only: 48 bytes a vector and six instructions a comparison instead of
//! 1,536 and hundreds (docs/decisions/0013 has the measurements).
//!
//! The file code of hnsw_rs is never used: it prints to stdout, ends the process on damaged files and has no checksums.
//! Serial insertion is deterministic. Vectors with equal signs share one point: many equal points make others
//! unreachable. The graph only names candidates; the scan compares them, and answers filtered searches alone, because
//! the graph's own filter visits every point.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use anndists::dist::distances::Distance;
use hnsw_rs::hnsw::Hnsw;

use super::rows::RowView;

/// Links per point, and the size of the candidate lists during construction (Malkov and Yashunin, 2018).
const LINKS_PER_POINT: usize = 16;
const BUILD_CANDIDATES: usize = 200;
const LAYERS: usize = 16;

/// Hamming distance: the number of differing bits.
#[derive(Debug, Clone, Copy, Default)]
struct Hamming;

impl Distance<u64> for Hamming {
    #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
    fn eval(&self, left: &[u64], right: &[u64]) -> f32 {
        left.iter().zip(right).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>() as f32
    }
}

/// Navigable graph over the signs of vectors.
pub(super) struct SignGraph {
    links: Hnsw<'static, u64, Hamming>,
    /// Labels of each point.
    labels: Vec<Vec<u32>>,
}

impl std::fmt::Debug for SignGraph {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Graph").field("points", &self.labels.len()).finish_non_exhaustive()
    }
}

impl SignGraph {
    /// Builds the graph of all rows of `views`; `None` when `stop` was set meanwhile.
    pub(super) fn build_graph(views: &[RowView<'_>], stop: &AtomicBool) -> Option<Self> {
        let vectors: usize = views.iter().map(RowView::len).sum();
        let links = Hnsw::new(LINKS_PER_POINT, vectors.max(1000), LAYERS, BUILD_CANDIDATES, Hamming);
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
                    twins.push(view.label_at(row));
                }
            }
        }
        Some(Self { links, labels })
    }

    /// Returns the labels of about `count` vectors with the nearest signs, ascending.
    pub(super) fn find_candidates(&self, signs: &[u64], count: usize) -> Vec<u32> {
        let found = self.links.search(signs, count, count);
        let mut labels: Vec<u32> =
            found.iter().filter_map(|point| self.labels.get(point.d_id)).flatten().copied().collect();
        labels.sort_unstable();
        labels
    }
}

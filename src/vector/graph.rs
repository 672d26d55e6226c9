//! The hnsw_rs graph, in memory only.
//!
//! Its file code is never used: it prints to stdout, ends the process on damaged files and has no checksums
//! (docs/decisions/0007). Serial insertion is deterministic; a filtered search goes to the scan beside it, because the
//! graph's own filter visits everything.

use anndists::dist::distances::Distance;
use hnsw_rs::hnsw::Hnsw;

use super::{Allowed, Neighbour, Scan};

/// Links per point, and the size of the candidate lists while building and searching (Malkov and Yashunin, 2018).
const LINKS: usize = 16;
const BUILD_CANDIDATES: usize = 200;
const SEARCH_CANDIDATES: usize = 128;
const LAYERS: usize = 16;

/// `1 - dot`, clamped: the crate's own dot distance panics when rounding makes a dot exceed one.
#[derive(Debug, Clone, Copy, Default)]
struct UnitDistance;

impl Distance<f32> for UnitDistance {
    fn eval(&self, left: &[f32], right: &[f32]) -> f32 {
        (1.0 - left.iter().zip(right).map(|(a, b)| a * b).sum::<f32>()).max(0.0)
    }
}

/// A navigable graph and the codes of the same vectors.
pub struct Graph {
    scan: Scan,
    ids: Vec<i64>,
    links: Hnsw<'static, f32, UnitDistance>,
    dimensions: usize,
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Graph").field("len", &self.ids.len()).finish_non_exhaustive()
    }
}

impl Graph {
    /// Empty; `expected` sizes its tables.
    pub fn new(dimensions: usize, expected: usize) -> Self {
        let links = Hnsw::new(LINKS, expected.max(1000), LAYERS, BUILD_CANDIDATES, UnitDistance);
        Self { scan: Scan::new(dimensions), ids: Vec::new(), links, dimensions }
    }

    pub(super) const fn scan(&self) -> &Scan {
        &self.scan
    }

    pub(super) fn insert(&mut self, id: i64, vector: &[f32]) {
        if vector.len() != self.dimensions || !vector.iter().all(|value| value.is_finite()) {
            return;
        }
        self.links.insert((vector, self.ids.len()));
        self.ids.push(id);
        self.scan.insert(id, vector);
    }

    pub(super) fn nearest(&self, query: &[f32], count: usize, allowed: Allowed<'_>) -> Vec<Neighbour> {
        if self.ids.is_empty() || query.len() != self.dimensions {
            return Vec::new();
        }
        if let Allowed::Only(_) = allowed {
            return self.scan.nearest(query, count, allowed);
        }
        let found = self.links.search(query, count, SEARCH_CANDIDATES.max(count));
        found.into_iter().filter_map(|point| Some((*self.ids.get(point.d_id)?, 1.0 - point.distance))).collect()
    }
}

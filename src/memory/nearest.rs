//! The vector index of this process: built from the store on first need, followed by row number afterwards.

use std::sync::PoisonError;

use super::{Memory, Result};
use crate::config::IndexChoice;
use crate::domain::{Filter, Timestamp};
use crate::vector::{Allowed, Graph, Index, Scan};

/// Below this the scan answers faster than the graph and is exact (docs/decisions/0007).
const GRAPH_FROM: u64 = 500_000;

/// An index and what it was built for.
#[derive(Debug)]
pub(super) struct Built {
    model: i64,
    index: Index,
}

/// A passage near the query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Near {
    /// Row of the passage.
    pub(super) passage: i64,
    /// Exact cosine, -1 to 1.
    pub(super) cosine: f32,
}

impl Memory {
    /// The passages nearest to a query vector, best first, scored exactly.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn nearest(
        &self,
        model: i64,
        query: &[f32],
        filter: &Filter,
        now: Timestamp,
        count: usize,
    ) -> Result<Vec<Near>> {
        let allowed = if filter.is_empty() { None } else { Some(self.store.allowed_vectors(model, filter, now)?) };
        let mut guard = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let built = match guard.take().filter(|built| built.model == model) {
            Some(built) => guard.insert(built),
            None => guard.insert(Built { model, index: self.empty_index(model, query.len())? }),
        };
        let after = built.index.last_id();
        self.store.each_vector(model, after, |stored| built.index.insert(stored.id, &stored.vector))?;
        let allowed = allowed.as_deref().map_or(Allowed::All, Allowed::Only);
        let ids: Vec<i64> = built.index.nearest(query, count, allowed).into_iter().map(|(id, _)| id).collect();
        drop(guard);
        let mut near: Vec<Near> = Vec::with_capacity(ids.len());
        for (passage, stored) in self.store.vectors(&ids)? {
            near.push(Near { passage, cosine: stored.vector.iter().zip(query).map(|(a, b)| a * b).sum() });
        }
        near.sort_by(|left, right| right.cosine.total_cmp(&left.cosine).then_with(|| right.passage.cmp(&left.passage)));
        Ok(near)
    }

    fn empty_index(&self, model: i64, dimensions: usize) -> Result<Index> {
        let count = self.store.vector_count(model)?;
        let graph = match self.settings.vector.index {
            IndexChoice::Auto => count >= GRAPH_FROM,
            IndexChoice::Scan => false,
            IndexChoice::Hnsw => true,
        };
        Ok(if graph {
            let expected = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(2).min(10_000_000);
            Index::Graph(Box::new(Graph::new(dimensions, expected)))
        } else {
            Index::Scan(Scan::new(dimensions))
        })
    }

    /// Gives back the memory of encoder and index if they were not used for the configured time.
    pub fn drop_idle(&self) {
        self.resident.drop_if_idle(std::time::Duration::from_secs(self.settings.embed.idle_seconds));
        if !self.resident.is_loaded() {
            *self.index.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

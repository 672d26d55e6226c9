//! Stands in for the graph in a program that was built without the feature `graph`: no graph is built, and the scan
//! answers every search.

use std::sync::atomic::AtomicBool;

use super::rows::RowView;

/// Navigable graph over the signs of vectors. There is none in this program.
#[derive(Debug)]
pub(super) enum SignGraph {}

impl SignGraph {
    /// Builds nothing.
    pub(super) const fn build_graph(_: &[RowView<'_>], _: &AtomicBool) -> Option<Self> {
        None
    }

    /// Returns the labels of about `count` vectors with the nearest signs, ascending.
    pub(super) fn find_candidates(&self, _signs: &[u64], _count: usize) -> Vec<u32> {
        match *self {}
    }
}

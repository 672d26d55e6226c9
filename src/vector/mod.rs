//! Nearest neighbours over vectors that are already made. A cache: everything here can be dropped and built again.
//! Knows ids and numbers only, never text. Two engines behind one enum; the exact scan is the oracle of the other.

mod graph;
mod scan;

pub use graph::Graph;
pub use scan::Scan;

/// A found vector: its id and the approximate dot product with the query, higher is nearer.
pub type Neighbour = (i64, f32);

/// Which vectors may be returned.
#[derive(Debug, Clone, Copy)]
pub enum Allowed<'a> {
    /// All of them.
    All,
    /// These ids, ascending.
    Only(&'a [i64]),
}

/// An index in memory.
#[derive(Debug)]
pub enum Index {
    /// Exact over quantised codes.
    Scan(Scan),
    /// The hnsw_rs graph, with the scan beside it for filtered searches.
    Graph(Box<Graph>),
}

impl Index {
    /// Adds a unit vector. Ids must come in ascending order.
    pub fn insert(&mut self, id: i64, vector: &[f32]) {
        match self {
            Self::Scan(scan) => scan.insert(id, vector),
            Self::Graph(graph) => graph.insert(id, vector),
        }
    }

    /// The `count` nearest vectors to a unit query, nearest first, among those allowed.
    pub fn nearest(&self, query: &[f32], count: usize, allowed: Allowed<'_>) -> Vec<Neighbour> {
        match self {
            Self::Scan(scan) => scan.nearest(query, count, allowed),
            Self::Graph(graph) => graph.nearest(query, count, allowed),
        }
    }

    /// How many vectors it holds.
    pub fn len(&self) -> usize {
        match self {
            Self::Scan(scan) => scan.len(),
            Self::Graph(graph) => graph.scan().len(),
        }
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The highest id it holds; 0 when empty.
    pub fn last_id(&self) -> i64 {
        match self {
            Self::Scan(scan) => scan.last_id(),
            Self::Graph(graph) => graph.scan().last_id(),
        }
    }

    /// Name of the engine.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Scan(_) => "scan",
            Self::Graph(_) => "hnsw",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unit vectors from a fixed generator (xorshift64*).
    pub(super) fn vectors(count: usize, dimensions: usize) -> Vec<Vec<f32>> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let high = u16::try_from(state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 48).unwrap();
            f32::from(high) / 32768.0 - 1.0
        };
        (0..count)
            .map(|_| {
                let mut vector: Vec<f32> = (0..dimensions).map(|_| next()).collect();
                let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
                vector.iter_mut().for_each(|value| *value /= length);
                vector
            })
            .collect()
    }

    fn exact(all: &[Vec<f32>], query: &[f32], count: usize) -> Vec<i64> {
        let mut scored: Vec<(i64, f32)> =
            (1..).zip(all).map(|(id, vector)| (id, vector.iter().zip(query).map(|(a, b)| a * b).sum())).collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        scored.into_iter().take(count).map(|(id, _)| id).collect()
    }

    fn recall(index: &mut Index) -> f32 {
        let all = vectors(1500, 48);
        for (id, vector) in (1..).zip(&all) {
            index.insert(id, vector);
        }
        assert_eq!((index.len(), index.last_id()), (1500, 1500));
        let mut found = 0_u16;
        for query in all.iter().step_by(75) {
            let expected = exact(&all, query, 10);
            // Four times as many, as the caller does before it scores exactly.
            let nearest = index.nearest(query, 40, Allowed::All);
            found += u16::try_from(expected.iter().filter(|id| nearest.iter().any(|(n, _)| n == *id)).count()).unwrap();
        }
        f32::from(found) / 200.0
    }

    #[test]
    fn both_engines_find_what_is_near() {
        let scan = recall(&mut Index::Scan(Scan::new(48)));
        assert!(scan > 0.999, "scan {scan}");
        let graph = recall(&mut Index::Graph(Box::new(Graph::new(48, 2000))));
        assert!(graph > 0.95, "graph {graph}");
    }

    #[test]
    fn only_what_is_allowed() {
        for mut index in [Index::Scan(Scan::new(16)), Index::Graph(Box::new(Graph::new(16, 100)))] {
            assert!(index.is_empty() && index.nearest(&[0.0; 16], 3, Allowed::All).is_empty());
            let all = vectors(60, 16);
            for (id, vector) in (1..).zip(&all) {
                index.insert(id, vector);
            }
            let allowed = [7, 20, 41, 99];
            let found = index.nearest(&all[0], 10, Allowed::Only(&allowed));
            let mut ids: Vec<i64> = found.iter().map(|(id, _)| *id).collect();
            ids.sort_unstable();
            assert_eq!(ids, [7, 20, 41], "{}", index.name());
        }
    }
}

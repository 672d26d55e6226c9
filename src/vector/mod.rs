//! Nearest neighbours over vectors that are already made. A cache: everything here can be dropped and built again.
//! Knows labels and numbers only, never text. Two engines: the scan over codes, which is always there and is the oracle of
//! the other, and the graph, which names candidates for very large stores.

mod best;
mod codes;
mod dot;
mod files;
mod graph;
mod rotation;
mod rows;
mod scan;
mod signs;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use codes::Code;
use files::MOST_ROWS;
use graph::Graph;
use rotation::Rotation;
use rows::{Mapped, Rows, View};
use scan::Search;

pub use codes::Probe;
pub use files::{Files, Stamp};

/// Candidates that the graph names for each neighbour that is wanted, and at least.
const GRAPH_EACH: usize = 10;
const GRAPH_LEAST: usize = 400;

/// A found vector: its label and the dot product with the query, higher is nearer.
pub type Neighbour = (u32, f32);

/// Better first: the higher score, then the higher label, which is the newer text.
pub fn better(left: &Neighbour, right: &Neighbour) -> Ordering {
    right.1.total_cmp(&left.1).then_with(|| right.0.cmp(&left.0))
}

/// How similar the query is to any vector: what a score has to be compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    /// Mean of the dot products.
    pub mean: f32,
    /// Their standard deviation.
    pub deviation: f32,
}

impl Spread {
    /// Of these dot products.
    pub fn of(scores: impl Iterator<Item = f32>) -> Self {
        let mut sums = best::Sums::default();
        scores.for_each(|score| sums.add(score));
        sums.spread()
    }
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Nearest {
    /// Nearest first.
    pub best: Vec<Neighbour>,
    /// Over all vectors that were permitted.
    pub spread: Spread,
}

/// Which vectors may be found.
#[derive(Clone, Copy)]
pub enum Allowed<'a> {
    /// All of them.
    All,
    /// Those with these labels, ascending. Only their rows are read.
    Only(&'a [u32]),
    /// Those whose label passes.
    If(&'a dyn Fn(u32) -> bool),
}

impl std::fmt::Debug for Allowed<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::All => "All",
            Self::Only(_) => "Only",
            Self::If(_) => "If",
        })
    }
}

/// How thoroughly to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// By signs first when there are many vectors.
    Quick,
    /// Every vector.
    Exact,
}

/// A segment in a file, and its number.
#[derive(Debug, Clone)]
struct Segment {
    number: u64,
    rows: Arc<Mapped>,
}

/// A graph, and the segments that it was built of.
#[derive(Debug)]
pub struct BuiltGraph(Graph, Vec<u64>);

/// An index. Labels are chosen by the caller; a label that is inserted again must have an equal vector.
#[derive(Debug)]
pub struct Index {
    dimensions: usize,
    rotation: Rotation,
    segments: Vec<Segment>,
    /// What the files do not hold yet.
    tail: Rows,
    gone: HashSet<u32>,
    graph: Option<BuiltGraph>,
}

impl Index {
    /// Empty, for vectors of this length.
    pub fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            rotation: Rotation::new(dimensions),
            segments: Vec::new(),
            tail: Rows::new(dimensions),
            gone: HashSet::new(),
            graph: None,
        }
    }

    /// Maps the files; `None` when there are none yet.
    ///
    /// # Errors
    /// `InvalidData` when they are damaged or of another kind of vectors; any other I/O error.
    pub fn open(files: &Files, dimensions: usize) -> io::Result<Option<(Self, Stamp)>> {
        let Some((stamp, numbers)) = files.load(dimensions)? else { return Ok(None) };
        let mut index = Self::new(dimensions);
        for number in numbers {
            let rows = Arc::new(Mapped::open(&files.segment(number), dimensions)?);
            index.segments.push(Segment { number, rows });
        }
        Ok(Some((index, stamp)))
    }

    /// What the files hold now, without mapping them.
    ///
    /// # Errors
    /// As [`Index::open`].
    pub fn stamp(files: &Files, dimensions: usize) -> io::Result<Option<Stamp>> {
        Ok(files.load(dimensions)?.map(|(stamp, _)| stamp))
    }

    /// Adds a unit vector.
    pub fn insert(&mut self, label: u32, vector: &[f32]) {
        if vector.len() == self.dimensions && vector.iter().all(|value| value.is_finite()) {
            self.tail.push(label, &Code::new(&self.rotation.turn(vector)));
        }
    }

    /// Lets only these labels, ascending, be found from now on; the others leave the files with the next [`Index::save`].
    /// Returns how many others there are.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn retain(&mut self, labels: &[u32]) -> io::Result<usize> {
        let mut gone = HashSet::new();
        for view in self.views()? {
            gone.extend(view.labels.iter().filter(|label| labels.binary_search(label).is_err()));
        }
        self.gone = gone;
        Ok(self.gone.len())
    }

    /// How many vectors are only in the memory of this process.
    pub const fn unsaved(&self) -> usize {
        self.tail.len()
    }

    /// Writes what is only in memory into the files, takes out what is gone, and maps the result. The caller holds the lock of
    /// the folder and has seen that the files are the ones of this index.
    ///
    /// # Errors
    /// Any I/O error; files and index are then as before.
    pub fn save(&mut self, files: &Files, stamp: Stamp) -> io::Result<()> {
        let keep = |label: u32| !self.gone.contains(&label);
        let touched = |view: &View<'_>| !self.gone.is_empty() && view.labels.iter().any(|label| !keep(*label));
        let mut fresh = Rows::merged(self.dimensions, &[self.tail.view()], &keep)?;
        let mut segments: Vec<Segment> = Vec::new();
        let mut next = files.next_number()?;
        let write = |rows: &Rows, next: &mut u64| -> io::Result<Segment> {
            let number = *next;
            *next += 1;
            rows.write(&files.segment(number))?;
            Ok(Segment { number, rows: Arc::new(Mapped::open(&files.segment(number), self.dimensions)?) })
        };
        for segment in &self.segments {
            let view = segment.rows.view()?;
            segments.push(if touched(&view) {
                write(&Rows::merged(self.dimensions, &[view], &keep)?, &mut next)?
            } else {
                segment.clone()
            });
        }
        segments.retain(|segment| segment.rows.len() > 0);
        while let Some(last) = segments.last()
            && last.rows.len() <= 2 * fresh.len()
            && last.rows.len() + fresh.len() <= MOST_ROWS
        {
            fresh = Rows::merged(self.dimensions, &[last.rows.view()?, fresh.view()], &keep)?;
            segments.pop();
        }
        if fresh.len() > 0 {
            segments.push(write(&fresh, &mut next)?);
        }
        let numbers: Vec<u64> = segments.iter().map(|segment| segment.number).collect();
        files.publish(stamp, self.dimensions, &numbers)?;
        self.segments = segments;
        self.tail = Rows::new(self.dimensions);
        self.gone.clear();
        Ok(())
    }

    /// The query in the form of the codes.
    pub fn probe(&self, query: &[f32]) -> Probe {
        Probe(Code::new(&self.rotation.turn(query)))
    }

    /// The `count` nearest vectors among those allowed.
    ///
    /// # Errors
    /// When a file is damaged: the index is then of no use.
    pub fn nearest(&self, probe: &Probe, count: usize, allowed: &Allowed<'_>, effort: Effort) -> io::Result<Nearest> {
        if probe.0.coarse.len() != self.dimensions {
            return Ok(Nearest::default());
        }
        let views = self.views()?;
        let search = Search { views: &views, probe, count, allowed, gone: &self.gone };
        let Some(BuiltGraph(graph, covered)) = &self.graph else { return search.nearest(effort == Effort::Exact) };
        if effort == Effort::Exact || !matches!(allowed, Allowed::All) {
            return search.nearest(effort == Effort::Exact);
        }
        let mut nearest = search.among(&graph.candidates(&probe.0.signs, (count * GRAPH_EACH).max(GRAPH_LEAST)))?;
        // What the graph was not built of is scanned.
        let numbers = self.segments.iter().map(|segment| Some(segment.number)).chain([None]);
        let others: Vec<View<'_>> = numbers
            .zip(&views)
            .filter(|(number, _)| number.is_none_or(|number| !covered.contains(&number)))
            .map(|(_, view)| *view)
            .collect();
        nearest.best.extend(Search { views: &others, ..search }.nearest(false)?.best);
        nearest.best.sort_by(better);
        nearest.best = scan::distinct(nearest.best.into_iter(), count);
        Ok(nearest)
    }

    /// The dot product with the vector of one label, if it has one.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn score(&self, probe: &Probe, label: u32) -> io::Result<Option<f32>> {
        if self.gone.contains(&label) || probe.0.coarse.len() != self.dimensions {
            return Ok(None);
        }
        if let Some(row) = self.tail.position(label) {
            return scan::exact_score(&self.tail.view(), row, probe).map(Some);
        }
        for segment in &self.segments {
            let view = segment.rows.view()?;
            if let Ok(row) = view.labels.binary_search(&label) {
                return scan::exact_score(&view, row, probe).map(Some);
            }
        }
        Ok(None)
    }

    /// What builds the graph of everything that is in files now, on another thread: minutes for a million vectors. Answers
    /// `None` when `stop` was set meanwhile.
    pub fn graph_builder(&self) -> impl FnOnce(&AtomicBool) -> io::Result<Option<BuiltGraph>> + Send + 'static {
        let segments = self.segments.clone();
        move |stop| {
            let views = segments.iter().map(|segment| segment.rows.view()).collect::<io::Result<Vec<_>>>()?;
            let graph = Graph::build(&views, stop);
            Ok(graph.map(|graph| BuiltGraph(graph, segments.iter().map(|segment| segment.number).collect())))
        }
    }

    /// Asks this graph for candidates from now on.
    pub fn use_graph(&mut self, graph: BuiltGraph) {
        self.graph = Some(graph);
    }

    fn views(&self) -> io::Result<Vec<View<'_>>> {
        let mapped = self.segments.iter().map(|segment| segment.rows.view());
        mapped.chain(std::iter::once(Ok(self.tail.view()))).collect()
    }

    /// How many vectors it holds.
    pub fn len(&self) -> usize {
        self.segments.iter().map(|segment| segment.rows.len()).sum::<usize>() + self.tail.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Name of the engine that answers searches without a filter.
    pub const fn name(&self) -> &'static str {
        if self.graph.is_some() { "hnsw" } else { "scan" }
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

    /// Unit vectors that lie where vectors of texts do: on about fifteen dimensions of many.
    fn texts(count: usize, dimensions: usize) -> Vec<Vec<f32>> {
        let (axes, places) = (vectors(15, dimensions), vectors(count, 15));
        let one = |place: &Vec<f32>| {
            let mut sum = vec![0.0; dimensions];
            for (axis, share) in axes.iter().zip(place) {
                sum.iter_mut().zip(axis).for_each(|(sum, value)| *sum += value * share);
            }
            let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
            sum.into_iter().map(|value| value / length).collect()
        };
        places.iter().map(one).collect()
    }

    fn exact(all: &[Vec<f32>], query: &[f32], count: usize) -> Vec<u32> {
        let mut scored: Vec<(u32, f32)> =
            (1..).zip(all).map(|(id, vector)| (id, vector.iter().zip(query).map(|(a, b)| a * b).sum())).collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        scored.into_iter().take(count).map(|(id, _)| id).collect()
    }

    fn filled(all: &[Vec<f32>]) -> Index {
        let mut index = Index::new(all[0].len());
        for (label, vector) in (1..).zip(all) {
            index.insert(label, vector);
        }
        index
    }

    fn labels(index: &Index, query: &[f32], count: usize, allowed: &Allowed<'_>, effort: Effort) -> Vec<u32> {
        let found = index.nearest(&index.probe(query), count, allowed, effort).unwrap();
        found.best.into_iter().map(|(label, _)| label).collect()
    }

    /// How many of the ten nearest of twenty vectors are found, of 200.
    fn found(index: &Index, all: &[Vec<f32>], effort: Effort) -> usize {
        let mut found = 0;
        for query in all.iter().step_by(all.len() / 20) {
            let nearest = labels(index, query, 10, &Allowed::All, effort);
            found += exact(all, query, 10).iter().filter(|label| nearest.contains(label)).count();
        }
        found
    }

    /// The index of a folder with everything saved.
    fn saved(folder: &std::path::Path, all: &[Vec<f32>]) -> (Files, Index) {
        let files = Files::new(folder, "a1");
        let mut index = filled(all);
        index.save(&files, Stamp { last: 7, ..Stamp::default() }).unwrap();
        (files, index)
    }

    #[test]
    fn the_scan_finds_exactly_what_is_near() {
        let all = vectors(1500, 48);
        let index = filled(&all);
        assert_eq!(index.len(), 1500);
        assert_eq!(found(&index, &all, Effort::Quick), 200);
    }

    #[test]
    fn signs_lose_next_to_nothing_and_the_exact_search_nothing() {
        let all = texts(24_000, 128);
        let index = filled(&all);
        let quick = found(&index, &all, Effort::Quick);
        assert!(quick >= 195, "{quick} of 200");
        assert_eq!(found(&index, &all, Effort::Exact), 200);
        let some: &dyn Fn(u32) -> bool = &|label| label % 1000 == 1;
        let narrow = labels(&index, &all[0], 5, &Allowed::If(some), Effort::Quick);
        assert_eq!((narrow.len(), narrow[0]), (5, 1));
        let half: &dyn Fn(u32) -> bool = &|label| label % 2 == 1;
        let wide = labels(&index, &all[0], 50, &Allowed::If(half), Effort::Quick);
        assert!(wide.len() == 50 && wide[0] == 1 && wide.iter().all(|label| label % 2 == 1));
    }

    #[test]
    fn the_graph_names_good_candidates_and_twins_stay_together() {
        let folder = tempfile::tempdir().unwrap();
        let mut all = texts(3000, 384);
        for _ in 0..50 {
            all.push(all[5].clone());
        }
        let (_, mut index) = saved(folder.path(), &all);
        let stopped = index.graph_builder()(&AtomicBool::new(true)).unwrap();
        assert!(stopped.is_none());
        let graph = index.graph_builder()(&AtomicBool::new(false)).unwrap().unwrap();
        index.use_graph(graph);
        assert_eq!(index.name(), "hnsw");
        let quick = found(&index, &all, Effort::Quick);
        assert!(quick >= 195, "{quick} of 200");
        let twins = labels(&index, &all[5], 51, &Allowed::All, Effort::Quick);
        assert!(twins.iter().all(|label| *label == 6 || *label > 3000), "{twins:?}");
        // What came after the graph was built is found too.
        let later = texts(3001, 384).pop().unwrap();
        index.insert(9000, &later);
        assert_eq!(labels(&index, &later, 1, &Allowed::All, Effort::Quick), [9000]);
    }

    #[test]
    fn only_what_is_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let all = vectors(60, 16);
        let empty = Index::new(16);
        assert!(empty.is_empty() && labels(&empty, &[0.0; 16], 3, &Allowed::All, Effort::Quick).is_empty());
        for index in [filled(&all), saved(folder.path(), &all).1] {
            let few: &dyn Fn(u32) -> bool = &|label| [7, 20, 41, 99].contains(&label);
            for allowed in [Allowed::Only(&[7, 20, 41, 99]), Allowed::If(few)] {
                let mut found = labels(&index, &all[0], 10, &allowed, Effort::Quick);
                found.sort_unstable();
                assert_eq!(found, [7, 20, 41]);
            }
        }
    }

    #[test]
    fn a_label_that_comes_twice_is_found_once() {
        let all = vectors(3, 16);
        let mut index = filled(&all);
        index.insert(1, &all[0]);
        let found = index.nearest(&index.probe(&all[0]), 5, &Allowed::All, Effort::Quick).unwrap();
        assert_eq!(found.best.iter().filter(|(label, _)| *label == 1).count(), 1);
        assert!((found.best[0].1 - 1.0).abs() < 1e-4 && found.spread.deviation > 0.0);
        assert_eq!(index.score(&index.probe(&all[2]), 9).unwrap(), None);
        assert!((index.score(&index.probe(&all[2]), 3).unwrap().unwrap() - 1.0).abs() < 1e-4);
    }

    #[test]
    fn files_answer_as_memory_does_and_take_new_rows_in() {
        let folder = tempfile::tempdir().unwrap();
        let all = vectors(900, 32);
        let (files, mut index) = saved(folder.path(), &all[..500]);
        for (label, vector) in (501..).zip(&all[500..]) {
            index.insert(label, vector);
            if label % 100 == 0 {
                index.save(&files, Stamp { last: i64::from(label), ..Stamp::default() }).unwrap();
            }
        }
        let (mapped, stamp) = Index::open(&files, 32).unwrap().unwrap();
        assert_eq!((mapped.len(), stamp.last, mapped.unsaved()), (900, 900, 0));
        assert_eq!(found(&mapped, &all, Effort::Quick), 200);
        // A few segments, one manifest.
        assert!(std::fs::read_dir(folder.path()).unwrap().count() <= 4);
        assert!(Index::open(&files, 16).is_err());
        assert!(Index::open(&Files::new(folder.path(), "other"), 32).unwrap().is_none());
    }

    #[test]
    fn what_is_gone_is_not_found_and_leaves_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let all = vectors(300, 32);
        let (files, mut index) = saved(folder.path(), &all);
        let stay: Vec<u32> = (1..=300).filter(|label| label % 3 != 0).collect();
        assert_eq!(index.retain(&stay).unwrap(), 100);
        assert!(!labels(&index, &all[2], 300, &Allowed::All, Effort::Quick).contains(&3));
        assert_eq!(index.score(&index.probe(&all[2]), 3).unwrap(), None);
        index.save(&files, Stamp::default()).unwrap();
        let (mapped, _) = Index::open(&files, 32).unwrap().unwrap();
        assert_eq!(mapped.len(), 200);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_spread_is_mean_and_deviation() {
        let spread = Spread::of([0.1, 0.3].into_iter());
        assert!((spread.mean - 0.2).abs() < 1e-6 && (spread.deviation - 0.1).abs() < 1e-6, "{spread:?}");
        assert_eq!(Spread::of(std::iter::empty()), Spread::default());
    }
}

//! Nearest-neighbour index over embeddings. A cache: everything here can be dropped and rebuilt. Knows labels and
//! numbers only, never text. Two engines: the scan over codes, which is always available and is the oracle of the
//! other, and the graph, which names candidates for very large stores.

mod codes;
mod dot;
#[cfg_attr(not(feature = "graph"), path = "graph_absent.rs")]
mod graph;
mod index_files;
mod rotation;
mod rows;
mod scan;
mod signs;
mod top_k;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use codes::VectorCode;
use graph::SignGraph;
use index_files::MAX_SEGMENT_ROWS;
use rotation::Rotation;
use rows::{MappedRows, RowBuffer, RowView};
use scan::LinearScan;

pub use codes::QueryCode;
pub use index_files::{IndexFiles, IndexStamp};

/// Candidates that the graph names for each requested neighbour, and the least number of them.
const GRAPH_PER_NEIGHBOUR: usize = 10;
const GRAPH_MIN_CANDIDATES: usize = 400;

/// True if this program has the graph, which is the feature `graph`.
pub const HAS_GRAPH: bool = cfg!(feature = "graph");

/// Label of a vector and its dot product with the query; higher is nearer.
pub type Neighbour = (u32, f32);

/// Orders the better neighbour first: the higher score, then the higher label, which is the newer text.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "sorting passes references")]
pub fn compare_neighbours(left: &Neighbour, right: &Neighbour) -> Ordering {
    right.1.total_cmp(&left.1).then_with(|| right.0.cmp(&left.0))
}

/// Distribution of the query's scores over all vectors, the baseline of a single score.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ScoreSpread {
    /// Mean of the dot products.
    pub mean: f32,
    /// Standard deviation of the dot products.
    pub deviation: f32,
}

impl ScoreSpread {
    /// Computes mean and deviation of these dot products.
    pub fn spread_of_scores(scores: impl Iterator<Item = f32>) -> Self {
        let mut sums = top_k::ScoreSums::default();
        scores.for_each(|score| sums.add_score(score));
        sums.to_spread()
    }
}

/// Result of a nearest-neighbour search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NearestResult {
    /// Neighbours, nearest first.
    pub best: Vec<Neighbour>,
    /// Scores of all permitted vectors, or of a sample of them.
    pub spread: ScoreSpread,
}

/// Filter: the vectors that may be returned.
#[derive(Clone, Copy)]
pub enum LabelFilter<'a> {
    /// Permits every vector.
    All,
    /// Permits these labels, ascending. Only their rows are read.
    Only(&'a [u32]),
    /// Permits labels for which the function returns true.
    If(&'a dyn Fn(u32) -> bool),
}

impl std::fmt::Debug for LabelFilter<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::All => "All",
            Self::Only(_) => "Only",
            Self::If(_) => "If",
        })
    }
}

/// Thoroughness of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchEffort {
    /// Preselects by signs when there are many vectors.
    Quick,
    /// Compares every permitted vector.
    Exact,
}

/// Mapped segment file and its number.
#[derive(Debug, Clone)]
struct MappedSegment {
    number: u64,
    rows: Arc<MappedRows>,
}

/// Graph, and the numbers of the segments that it covers.
#[derive(Debug)]
pub struct BuiltGraph(SignGraph, Vec<u64>);

/// Vector index. Labels are chosen by the caller; a label that is inserted again must have an equal vector.
#[derive(Debug)]
pub struct VectorIndex {
    dimensions: usize,
    rotation: Rotation,
    segments: Vec<MappedSegment>,
    /// Rows that are not in the files yet.
    tail: RowBuffer,
    gone: HashSet<u32>,
    graph: Option<BuiltGraph>,
}

impl VectorIndex {
    /// Creates an empty index for vectors of this length.
    pub fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            rotation: Rotation::new(dimensions),
            segments: Vec::new(),
            tail: RowBuffer::new(dimensions),
            gone: HashSet::new(),
            graph: None,
        }
    }

    /// Opens the index by mapping its files; `None` when there are none yet.
    ///
    /// # Errors
    /// `InvalidData` when a file is damaged or holds vectors of another length; any other I/O error.
    pub fn open(files: &IndexFiles, dimensions: usize) -> io::Result<Option<(Self, IndexStamp)>> {
        let Some((stamp, numbers)) = files.read_manifest(dimensions)? else { return Ok(None) };
        let mut index = Self::new(dimensions);
        for number in numbers {
            let rows = Arc::new(MappedRows::open(&files.segment_path(number), dimensions)?);
            index.segments.push(MappedSegment { number, rows });
        }
        Ok(Some((index, stamp)))
    }

    /// Reads the stamp of the files without mapping the segments.
    ///
    /// # Errors
    /// As [`VectorIndex::open`].
    pub fn read_stamp(files: &IndexFiles, dimensions: usize) -> io::Result<Option<IndexStamp>> {
        Ok(files.read_manifest(dimensions)?.map(|(stamp, _)| stamp))
    }

    /// Adds a unit vector. Ignores a vector of another length or with numbers that are not finite.
    pub fn insert(&mut self, label: u32, vector: &[f32]) {
        if vector.len() == self.dimensions && vector.iter().all(|value| value.is_finite()) {
            self.tail.push(label, &VectorCode::new(&self.rotation.rotate_vector(vector)));
        }
    }

    /// Hides all labels but these, ascending; the next [`VectorIndex::save`] deletes the hidden ones from the files. Returns
    /// the number of hidden labels.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn retain_labels(&mut self, labels: &[u32]) -> io::Result<usize> {
        let mut gone = HashSet::new();
        for view in self.collect_views()? {
            gone.extend(view.labels.iter().filter(|label| labels.binary_search(label).is_err()));
        }
        self.gone = gone;
        Ok(self.gone.len())
    }

    /// Counts the vectors that are only in the memory of this process.
    pub const fn unsaved_count(&self) -> usize {
        self.tail.len()
    }

    /// Writes the unsaved rows, deletes the hidden ones, and maps the result. The caller holds the lock of the folder
    /// and has checked that the files are those of this index.
    ///
    /// # Errors
    /// Any I/O error; files and index are then as before.
    pub fn save(&mut self, files: &IndexFiles, stamp: IndexStamp) -> io::Result<()> {
        let keep = |label: u32| !self.gone.contains(&label);
        let touched = |view: &RowView<'_>| !self.gone.is_empty() && view.labels.iter().any(|label| !keep(*label));
        let mut fresh = RowBuffer::merge_views(self.dimensions, &[self.tail.as_view()], &keep)?;
        let mut segments: Vec<MappedSegment> = Vec::new();
        let mut next = files.next_segment_number()?;
        let write = |rows: &RowBuffer, next: &mut u64| -> io::Result<MappedSegment> {
            let number = *next;
            *next += 1;
            rows.write_file(&files.segment_path(number))?;
            Ok(MappedSegment {
                number,
                rows: Arc::new(MappedRows::open(&files.segment_path(number), self.dimensions)?),
            })
        };
        for segment in &self.segments {
            let view = segment.rows.read_view()?;
            segments.push(if touched(&view) {
                write(&RowBuffer::merge_views(self.dimensions, &[view], &keep)?, &mut next)?
            } else {
                segment.clone()
            });
        }
        segments.retain(|segment| segment.rows.len() > 0);
        while let Some(last) = segments.last()
            && last.rows.len() <= 2 * fresh.len()
            && last.rows.len() + fresh.len() <= MAX_SEGMENT_ROWS
        {
            fresh = RowBuffer::merge_views(self.dimensions, &[last.rows.read_view()?, fresh.as_view()], &keep)?;
            segments.pop();
        }
        if fresh.len() > 0 {
            segments.push(write(&fresh, &mut next)?);
        }
        let numbers: Vec<u64> = segments.iter().map(|segment| segment.number).collect();
        files.publish_segments(stamp, self.dimensions, &numbers)?;
        self.segments = segments;
        self.tail = RowBuffer::new(self.dimensions);
        self.gone.clear();
        Ok(())
    }

    /// Quantises a query.
    pub fn quantise_query(&self, query: &[f32]) -> QueryCode {
        QueryCode(VectorCode::new(&self.rotation.rotate_vector(query)))
    }

    /// Finds the `count` nearest vectors among those allowed. A query of another length finds nothing.
    ///
    /// # Errors
    /// When a file is damaged: the index must then be rebuilt.
    pub fn find_nearest(
        &self,
        probe: &QueryCode,
        count: usize,
        allowed: &LabelFilter<'_>,
        effort: SearchEffort,
    ) -> io::Result<NearestResult> {
        if probe.0.coarse.len() != self.dimensions {
            return Ok(NearestResult::default());
        }
        let views = self.collect_views()?;
        let search = LinearScan { views: &views, probe, count, allowed, gone: &self.gone };
        let Some(BuiltGraph(graph, covered)) = &self.graph else {
            return search.find_nearest(effort == SearchEffort::Exact);
        };
        if effort == SearchEffort::Exact || !matches!(allowed, LabelFilter::All) {
            return search.find_nearest(effort == SearchEffort::Exact);
        }
        let mut nearest = search.rank_labels(
            &graph.find_candidates(&probe.0.signs, (count * GRAPH_PER_NEIGHBOUR).max(GRAPH_MIN_CANDIDATES)),
        )?;
        // Segments that the graph does not cover are scanned.
        let numbers = self.segments.iter().map(|segment| Some(segment.number)).chain([None]);
        let others: Vec<RowView<'_>> = numbers
            .zip(&views)
            .filter(|(number, _)| number.is_none_or(|number| !covered.contains(&number)))
            .map(|(_, view)| *view)
            .collect();
        nearest.best.extend(LinearScan { views: &others, ..search }.find_nearest(false)?.best);
        nearest.best.sort_by(compare_neighbours);
        nearest.best = scan::distinct_labels(nearest.best.into_iter(), count);
        Ok(nearest)
    }

    /// Returns the dot product with the vector of one label; `None` when the label is unknown or hidden.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn score_label(&self, probe: &QueryCode, label: u32) -> io::Result<Option<f32>> {
        if self.gone.contains(&label) || probe.0.coarse.len() != self.dimensions {
            return Ok(None);
        }
        if let Some(row) = self.tail.find_row(label) {
            return scan::exact_score(&self.tail.as_view(), row, probe).map(Some);
        }
        for segment in &self.segments {
            let view = segment.rows.read_view()?;
            if let Ok(row) = view.labels.binary_search(&label) {
                return scan::exact_score(&view, row, probe).map(Some);
            }
        }
        Ok(None)
    }

    /// Returns a function that builds the graph of all rows that are in files now, for another thread: it takes minutes
    /// for a million vectors. The function returns `None` when `stop` was set meanwhile.
    pub fn graph_builder(&self) -> impl FnOnce(&AtomicBool) -> io::Result<Option<BuiltGraph>> + Send + 'static {
        let segments = self.segments.clone();
        move |stop| {
            let views = segments.iter().map(|segment| segment.rows.read_view()).collect::<io::Result<Vec<_>>>()?;
            let graph = SignGraph::build_graph(&views, stop);
            Ok(graph.map(|graph| BuiltGraph(graph, segments.iter().map(|segment| segment.number).collect())))
        }
    }

    /// Uses this graph for candidates from now on.
    pub fn use_graph(&mut self, graph: BuiltGraph) {
        self.graph = Some(graph);
    }

    fn collect_views(&self) -> io::Result<Vec<RowView<'_>>> {
        let mapped = self.segments.iter().map(|segment| segment.rows.read_view());
        mapped.chain(std::iter::once(Ok(self.tail.as_view()))).collect()
    }

    /// Counts the rows, hidden ones and repeated labels included.
    pub fn len(&self) -> usize {
        self.segments.iter().map(|segment| segment.rows.len()).sum::<usize>() + self.tail.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the name of the engine that answers unfiltered searches: `hnsw` or `scan`.
    pub const fn engine_name(&self) -> &'static str {
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

    fn filled(all: &[Vec<f32>]) -> VectorIndex {
        let mut index = VectorIndex::new(all[0].len());
        for (label, vector) in (1..).zip(all) {
            index.insert(label, vector);
        }
        index
    }

    fn labels(
        index: &VectorIndex,
        query: &[f32],
        count: usize,
        allowed: &LabelFilter<'_>,
        effort: SearchEffort,
    ) -> Vec<u32> {
        let found = index.find_nearest(&index.quantise_query(query), count, allowed, effort).unwrap();
        found.best.into_iter().map(|(label, _)| label).collect()
    }

    /// How many of the ten nearest of twenty vectors are found, of 200.
    fn found(index: &VectorIndex, all: &[Vec<f32>], effort: SearchEffort) -> usize {
        let mut found = 0;
        for query in all.iter().step_by(all.len() / 20) {
            let nearest = labels(index, query, 10, &LabelFilter::All, effort);
            found += exact(all, query, 10).iter().filter(|label| nearest.contains(label)).count();
        }
        found
    }

    /// The index of a folder with everything saved.
    fn saved(folder: &std::path::Path, all: &[Vec<f32>]) -> (IndexFiles, VectorIndex) {
        let files = IndexFiles::new(folder, "a1");
        let mut index = filled(all);
        index.save(&files, IndexStamp { last: 7, ..IndexStamp::default() }).unwrap();
        (files, index)
    }

    #[test]
    fn the_scan_finds_exactly_what_is_near() {
        let all = vectors(1500, 48);
        let index = filled(&all);
        assert_eq!(index.len(), 1500);
        assert_eq!(found(&index, &all, SearchEffort::Quick), 200);
    }

    #[test]
    fn signs_lose_next_to_nothing_and_the_exact_search_nothing() {
        let all = texts(24_000, 128);
        let index = filled(&all);
        let quick = found(&index, &all, SearchEffort::Quick);
        assert!(quick >= 195, "{quick} of 200");
        assert_eq!(found(&index, &all, SearchEffort::Exact), 200);
        let some: &dyn Fn(u32) -> bool = &|label| label % 1000 == 1;
        let narrow = labels(&index, &all[0], 5, &LabelFilter::If(some), SearchEffort::Quick);
        assert_eq!((narrow.len(), narrow[0]), (5, 1));
        let half: &dyn Fn(u32) -> bool = &|label| label % 2 == 1;
        let wide = labels(&index, &all[0], 50, &LabelFilter::If(half), SearchEffort::Quick);
        assert!(wide.len() == 50 && wide[0] == 1 && wide.iter().all(|label| label % 2 == 1));
    }

    #[test]
    #[cfg(feature = "graph")]
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
        assert_eq!(index.engine_name(), "hnsw");
        let quick = found(&index, &all, SearchEffort::Quick);
        assert!(quick >= 195, "{quick} of 200");
        let twins = labels(&index, &all[5], 51, &LabelFilter::All, SearchEffort::Quick);
        assert!(twins.iter().all(|label| *label == 6 || *label > 3000), "{twins:?}");
        // What came after the graph was built is found too.
        let later = texts(3001, 384).pop().unwrap();
        index.insert(9000, &later);
        assert_eq!(labels(&index, &later, 1, &LabelFilter::All, SearchEffort::Quick), [9000]);
    }

    #[test]
    fn only_what_is_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let all = vectors(60, 16);
        let empty = VectorIndex::new(16);
        assert!(empty.is_empty() && labels(&empty, &[0.0; 16], 3, &LabelFilter::All, SearchEffort::Quick).is_empty());
        for index in [filled(&all), saved(folder.path(), &all).1] {
            let few: &dyn Fn(u32) -> bool = &|label| [7, 20, 41, 99].contains(&label);
            for allowed in [LabelFilter::Only(&[7, 20, 41, 99]), LabelFilter::If(few)] {
                let mut found = labels(&index, &all[0], 10, &allowed, SearchEffort::Quick);
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
        let found =
            index.find_nearest(&index.quantise_query(&all[0]), 5, &LabelFilter::All, SearchEffort::Quick).unwrap();
        assert_eq!(found.best.iter().filter(|(label, _)| *label == 1).count(), 1);
        assert!((found.best[0].1 - 1.0).abs() < 1e-4 && found.spread.deviation > 0.0);
        assert_eq!(index.score_label(&index.quantise_query(&all[2]), 9).unwrap(), None);
        assert!((index.score_label(&index.quantise_query(&all[2]), 3).unwrap().unwrap() - 1.0).abs() < 1e-4);
    }

    #[test]
    fn files_answer_as_memory_does_and_take_new_rows_in() {
        let folder = tempfile::tempdir().unwrap();
        let all = vectors(900, 32);
        let (files, mut index) = saved(folder.path(), &all[..500]);
        for (label, vector) in (501..).zip(&all[500..]) {
            index.insert(label, vector);
            if label % 100 == 0 {
                index.save(&files, IndexStamp { last: i64::from(label), ..IndexStamp::default() }).unwrap();
            }
        }
        let (mapped, stamp) = VectorIndex::open(&files, 32).unwrap().unwrap();
        assert_eq!((mapped.len(), stamp.last, mapped.unsaved_count()), (900, 900, 0));
        assert_eq!(found(&mapped, &all, SearchEffort::Quick), 200);
        // A few segments, one manifest.
        assert!(std::fs::read_dir(folder.path()).unwrap().count() <= 4);
        assert!(VectorIndex::open(&files, 16).is_err());
        assert!(VectorIndex::open(&IndexFiles::new(folder.path(), "other"), 32).unwrap().is_none());
    }

    #[test]
    fn what_is_gone_is_not_found_and_leaves_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let all = vectors(300, 32);
        let (files, mut index) = saved(folder.path(), &all);
        let stay: Vec<u32> = (1..=300).filter(|label| label % 3 != 0).collect();
        assert_eq!(index.retain_labels(&stay).unwrap(), 100);
        assert!(!labels(&index, &all[2], 300, &LabelFilter::All, SearchEffort::Quick).contains(&3));
        assert_eq!(index.score_label(&index.quantise_query(&all[2]), 3).unwrap(), None);
        index.save(&files, IndexStamp::default()).unwrap();
        let (mapped, _) = VectorIndex::open(&files, 32).unwrap().unwrap();
        assert_eq!(mapped.len(), 200);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_spread_is_mean_and_deviation() {
        let spread = ScoreSpread::spread_of_scores([0.1, 0.3].into_iter());
        assert!((spread.mean - 0.2).abs() < 1e-6 && (spread.deviation - 0.1).abs() < 1e-6, "{spread:?}");
        assert_eq!(ScoreSpread::spread_of_scores(std::iter::empty()), ScoreSpread::default());
    }
}

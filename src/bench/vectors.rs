//! The vector index alone, on vectors that the encoder made of real texts: how many of the truly nearest it finds, how long it
//! takes, and how far that is from what the memory of this machine allows.

use std::collections::HashSet;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::Serialize;

use super::report::{Summary, percentiles, round};
use super::{Error, disk_error};
use crate::config::{Paths, Settings};
use crate::domain::{Ids, Timestamp};
use crate::memory::Memory;
use crate::store::{Open, Store};
use crate::vector::{Allowed, Effort, Files, Index, Stamp};

/// Neighbours that are asked for.
const COUNT: usize = 10;
/// Each query is asked so often.
const ROUNDS: usize = 3;
/// One label of so many is in the narrow filter.
const FILTER: usize = 100;

/// What to measure.
#[derive(Debug)]
pub struct VectorOptions {
    /// One question each; without any, stored vectors are asked for.
    pub queries: Vec<String>,
    /// Also build the graph, which takes minutes for a hundred thousand vectors.
    pub graph: bool,
    /// Write vectors and queries here as `.npy`, for other libraries.
    pub export: Option<PathBuf>,
}

/// One way to search.
#[derive(Debug, Serialize)]
pub struct Way {
    /// Share of the ten truly nearest that were found; one as near as the tenth counts.
    pub recall_10: f64,
    /// Microseconds of one search.
    pub us: Summary,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct VectorReport {
    /// How many vectors.
    pub vectors: usize,
    /// Their length.
    pub dimensions: usize,
    /// How many queries.
    pub queries: usize,
    /// Seconds to code all vectors, on one core.
    pub build_seconds: f64,
    /// Seconds to write and sync the files.
    pub save_seconds: f64,
    /// Bytes of the files per vector.
    pub bytes_per_vector: f64,
    /// Microseconds to map the files.
    pub open_us: f64,
    /// Microseconds of the first search after that, which verifies what it reads.
    pub first_search_us: f64,
    /// Microseconds to add one vector to the live index.
    pub insert_us: f64,
    /// As the product searches.
    pub quick: Way,
    /// Every vector.
    pub exact: Way,
    /// One vector of a hundred is allowed.
    pub filtered: Way,
    /// Candidates from the graph, and seconds to build it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph: Option<(Way, f64)>,
    /// What one core reads from memory, in GB/s.
    pub memory_gb_s: f64,
    /// Share of that which the exact search reaches.
    pub exact_of_memory: f64,
}

struct Set {
    dimensions: usize,
    labels: Vec<u32>,
    vectors: Vec<f32>,
    queries: Vec<Vec<f32>>,
}

impl Set {
    fn row(&self, row: usize) -> &[f32] {
        self.vectors.get(row * self.dimensions..(row + 1) * self.dimensions).unwrap_or(&[])
    }
}

/// Measures the index over the vectors of a store. Nothing is written there.
///
/// # Errors
/// When the store cannot be read, or has no vectors of the configured encoder.
pub fn vectors(
    paths: &Paths,
    settings: &Settings,
    options: &VectorOptions,
    now: Timestamp,
    talk: &mut dyn FnMut(String),
) -> Result<VectorReport, Error> {
    let set = read(paths, settings, options, now)?;
    if let Some(folder) = &options.export {
        std::fs::create_dir_all(folder).map_err(disk_error(folder))?;
        export(&folder.join("vectors.npy"), set.dimensions, &set.vectors).map_err(disk_error(folder))?;
        let queries = set.queries.concat();
        export(&folder.join("queries.npy"), set.dimensions, &queries).map_err(disk_error(folder))?;
    }
    talk(format!("{} vectors, {} queries; comparing all with all", set.labels.len(), set.queries.len()));
    let truth = Truth::of(&set);
    let scratch = std::env::temp_dir().join(format!("claude-memory-vectors-{}", std::process::id()));
    let report = measure(&set, &truth, &scratch, options.graph);
    // A scratch folder that cannot be removed is the system's to clean.
    let _ = std::fs::remove_dir_all(&scratch);
    report.map_err(disk_error(&scratch))
}

fn read(paths: &Paths, settings: &Settings, options: &VectorOptions, now: Timestamp) -> Result<Set, Error> {
    let memory = Memory::open(paths, settings.clone(), Open::Existing, Ids::System, now)?;
    let missing = || Error::Format {
        path: paths.database(),
        line: 0,
        message: "there are no vectors of the configured encoder; run `claude-memory embed`".to_owned(),
    };
    let store = Store::open(&paths.database(), Open::Existing, true, now).map_err(crate::memory::Error::from)?;
    let model = memory.model_digest().and_then(|digest| store.find_model(&digest).ok()?).ok_or_else(missing)?;
    let (mut labels, mut vectors) = (Vec::new(), Vec::new());
    store
        .each_vector(model, 0, usize::MAX >> 1, |stored| {
            labels.extend(u32::try_from(stored.passage));
            vectors.extend(stored.vector);
        })
        .map_err(crate::memory::Error::from)?;
    let dimensions = vectors.len() / labels.len().max(1);
    if dimensions == 0 {
        return Err(missing());
    }
    let mut set = Set { dimensions, labels, vectors, queries: Vec::new() };
    for query in &options.queries {
        set.queries.push(memory.encode_question(query)?);
    }
    if set.queries.is_empty() {
        let step = (set.labels.len() / 500).max(1);
        set.queries = (0..set.labels.len()).step_by(step).map(|row| set.row(row).to_vec()).collect();
    }
    Ok(set)
}

/// A two-dimensional array of floats in the format of NumPy, version 1.0.
fn export(path: &Path, dimensions: usize, values: &[f32]) -> std::io::Result<()> {
    let rows = values.len() / dimensions.max(1);
    let mut head = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dimensions}), }}");
    while (head.len() + 11) % 64 != 0 {
        head.push(' ');
    }
    head.push('\n');
    let length = u16::try_from(head.len()).unwrap_or(u16::MAX).to_le_bytes();
    let mut bytes = [b"\x93NUMPY\x01\x00".as_slice(), &length, head.as_bytes()].concat();
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    crate::disk::write_atomic(path, &bytes)
}

/// The score of the tenth nearest vector of every query, among all and among the filtered.
struct Truth {
    all: Vec<f32>,
    filtered: Vec<f32>,
}

impl Truth {
    fn of(set: &Set) -> Self {
        let one = |query: &Vec<f32>| {
            let (mut all, mut filtered) = (Vec::with_capacity(set.labels.len()), Vec::new());
            for row in 0..set.labels.len() {
                let score = dot(query, set.row(row));
                all.push(score);
                if row % FILTER == 0 {
                    filtered.push(score);
                }
            }
            [all, filtered].map(|mut scores| {
                scores.sort_unstable_by(|left, right| right.total_cmp(left));
                scores.get(COUNT - 1).or(scores.last()).copied().unwrap_or(0.0)
            })
        };
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut tenth: Vec<[f32; 2]> = Vec::new();
        std::thread::scope(|scope| {
            let part = set.queries.len().div_ceil(threads).max(1);
            let work: Vec<_> = set
                .queries
                .chunks(part)
                .map(|queries| scope.spawn(move || queries.iter().map(one).collect::<Vec<_>>()))
                .collect();
            work.into_iter().for_each(|thread| tenth.extend(thread.join().unwrap_or_default()));
        });
        Self {
            all: tenth.iter().map(|[all, _]| *all).collect(),
            filtered: tenth.iter().map(|[_, filtered]| *filtered).collect(),
        }
    }
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    let (left, right) = (left.as_chunks::<8>().0, right.as_chunks::<8>().0);
    let mut sums = [0.0_f32; 8];
    for (left, right) in left.iter().zip(right) {
        for ((sum, a), b) in sums.iter_mut().zip(left).zip(right) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

/// Coding all vectors, then every way of searching.
#[expect(clippy::cast_precision_loss, reason = "counts and bytes, for people")]
fn measure(set: &Set, truth: &Truth, scratch: &Path, graph: bool) -> std::io::Result<VectorReport> {
    let files = Files::new(scratch, "bench");
    let mut index = Index::new(set.dimensions);
    let start = Instant::now();
    for (row, label) in set.labels.iter().enumerate() {
        index.insert(*label, set.row(row));
    }
    let build_seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    index.save(&files, Stamp::default())?;
    let save_seconds = start.elapsed().as_secs_f64();
    drop(index);
    let mut bytes = 0;
    for entry in std::fs::read_dir(scratch)? {
        bytes += entry?.metadata()?.len();
    }
    let start = Instant::now();
    let opened = Index::open(&files, set.dimensions)?.map(|(index, _)| index);
    let mut index = opened.unwrap_or_else(|| Index::new(set.dimensions));
    let open_us = micros(start);
    let query = set.queries.first().map_or(&[][..], Vec::as_slice);
    let start = Instant::now();
    black_box(index.nearest(&index.probe(query), COUNT, &Allowed::All, Effort::Quick)?);
    let first_search_us = micros(start);
    let mut some: Vec<u32> = set.labels.iter().step_by(FILTER).copied().collect();
    some.sort_unstable();
    let quick = way(&index, set, &truth.all, &Allowed::All, Effort::Quick)?;
    let exact = way(&index, set, &truth.all, &Allowed::All, Effort::Exact)?;
    let filtered = way(&index, set, &truth.filtered, &Allowed::Only(&some), Effort::Quick)?;
    let graph = if graph {
        let start = Instant::now();
        if let Some(graph) = index.graph_builder()(&AtomicBool::new(false))? {
            index.use_graph(graph);
        }
        let seconds = round(start.elapsed().as_secs_f64());
        Some((way(&index, set, &truth.all, &Allowed::All, Effort::Quick)?, seconds))
    } else {
        None
    };
    let start = Instant::now();
    for (at, query) in (0_u32..).zip(&set.queries) {
        index.insert(u32::MAX - at, query);
    }
    let insert_us = micros(start) / set.queries.len().max(1) as f64;
    let memory_gb_s = memory_bandwidth(set.vectors.len());
    Ok(VectorReport {
        vectors: set.labels.len(),
        dimensions: set.dimensions,
        queries: set.queries.len(),
        build_seconds: round(build_seconds),
        save_seconds: round(save_seconds),
        bytes_per_vector: round(bytes as f64 / set.labels.len().max(1) as f64),
        open_us: round(open_us),
        first_search_us: round(first_search_us),
        insert_us: round(insert_us),
        exact_of_memory: round(set.vectors.len() as f64 / (exact.us.p50 * 1e3) / memory_gb_s),
        quick,
        exact,
        filtered,
        graph,
        memory_gb_s: round(memory_gb_s),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts, for people")]
fn way(index: &Index, set: &Set, tenth: &[f32], allowed: &Allowed<'_>, effort: Effort) -> std::io::Result<Way> {
    let rows: std::collections::HashMap<u32, usize> =
        set.labels.iter().enumerate().map(|(row, label)| (*label, row)).collect();
    let (mut times, mut found) = (Vec::new(), 0_usize);
    for round in 0..=ROUNDS {
        for (query, tenth) in set.queries.iter().zip(tenth) {
            let start = Instant::now();
            let nearest = index.nearest(&index.probe(query), COUNT, allowed, effort)?;
            let time = micros(start);
            if round > 0 {
                times.push(time);
                continue;
            }
            // The first round warms and counts.
            let labels: HashSet<u32> = nearest.best.iter().map(|(label, _)| *label).collect();
            let scores = labels.iter().filter_map(|label| rows.get(label)).map(|row| dot(query, set.row(*row)));
            found += scores.filter(|score| *score >= tenth - 1e-6).count().min(COUNT);
        }
    }
    let recall = found as f64 / (set.queries.len() * COUNT).max(1) as f64;
    Ok(Way { recall_10: (recall * 1e4).round() / 1e4, us: percentiles(times) })
}

/// The best of several passes over so many bytes.
#[expect(clippy::cast_precision_loss, reason = "bytes, for people")]
fn memory_bandwidth(bytes: usize) -> f64 {
    let words: Vec<u64> = (0..(bytes / 8).max(1) as u64).collect();
    let pass = || {
        let start = Instant::now();
        let mut sums = [0_u64; 16];
        for chunk in words.as_chunks::<16>().0 {
            for (sum, word) in sums.iter_mut().zip(chunk) {
                *sum = sum.wrapping_add(*word);
            }
        }
        black_box(sums);
        size_of_val(words.as_slice()) as f64 / start.elapsed().as_secs_f64() / 1e9
    };
    (0..20).map(|_| pass()).fold(0.0, f64::max)
}

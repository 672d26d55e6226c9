//! The vector index alone, on embeddings of real texts or made-up ones: recall of the true nearest neighbours, latency, and the
//! share of this machine's memory bandwidth that the exact search reaches.
//!
//!     cargo bench --bench vectors -- --home DIR [--queries FILE] [--graph] [--export DIR] [--json]
//!     cargo bench --bench vectors -- --made-up 1000000 --graph
//!
//! The store is only read. The index and its files are made in a scratch folder of the system.
#![expect(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_macros, reason = "a bench may speak")]

use std::borrow::Cow;
use std::collections::HashSet;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use clap::Parser as _;
use claude_memory::testing::config::{LayeredSettings, Paths, env};
use claude_memory::testing::disk;
use claude_memory::testing::domain::IdGenerator;
use claude_memory::testing::memory::Memory;
use claude_memory::testing::store::{OpenMode, Store};
use claude_memory::testing::vector::{IndexFiles, IndexStamp, LabelFilter, SearchEffort, VectorIndex};
use serde::Serialize;

/// Number of neighbours requested.
const NEIGHBOURS: usize = 10;
/// Measured repetitions of each query.
const ROUNDS: usize = 3;
/// Labels per label of the narrow filter: one in a hundred.
const FILTER_STEP: usize = 100;

/// Length of a made-up vector.
const DIMENSIONS: usize = 384;
/// Directions that made-up vectors lie between: those of texts lie on about fifteen dimensions of many.
const AXES: usize = 15;
/// Queries of made-up vectors.
const MADE_UP_QUERIES: usize = 200;

/// Compares the vector search methods with exact results.
#[derive(Debug, clap::Parser)]
struct Options {
    /// Data folder [default: that of the program]
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// File with one query per line [default: search for stored vectors]
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// Measure so many made-up vectors instead of those of a store
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["home", "queries", "export"])]
    made_up: Option<u32>,
    /// Also build an hnsw_rs graph, which takes minutes for 100,000 vectors
    #[arg(long)]
    graph: bool,
    /// Write vectors and queries to this folder as `.npy`, to run the same queries with other libraries
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// `cargo bench` passes it
    #[arg(long, hide = true)]
    bench: bool,
}

/// Recall and latency of one search method.
#[derive(Debug, Serialize)]
struct SearchFigures {
    /// Share of the ten true nearest that were found; one as near as the tenth counts.
    recall_10: f64,
    /// Microseconds of one search.
    us: Percentiles,
}

/// Result of a vector benchmark.
#[derive(Debug, Serialize)]
struct VectorReport {
    /// Number of vectors.
    vectors: usize,
    /// Length of a vector.
    dimensions: usize,
    /// Number of queries.
    queries: usize,
    /// Seconds to quantise all vectors, on one core.
    build_seconds: f64,
    /// Seconds to write and sync the files.
    save_seconds: f64,
    /// Bytes of the files per vector.
    bytes_per_vector: f64,
    /// Microseconds to map the files.
    open_us: f64,
    /// Microseconds of the first search after that, which verifies what it reads.
    first_search_us: f64,
    /// Microseconds to add one vector to the live index.
    insert_us: f64,
    /// Search with default effort, as in production.
    quick: SearchFigures,
    /// Search that compares every vector.
    exact: SearchFigures,
    /// Search with a filter that permits one vector of a hundred.
    filtered: SearchFigures,
    /// Search with candidates from the graph, and seconds to build it.
    #[serde(skip_serializing_if = "Option::is_none")]
    graph: Option<(SearchFigures, f64)>,
    /// Private memory that the graph takes, in MB, where the system tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    graph_mb: Option<f64>,
    /// Memory bandwidth of one core, in GB/s.
    memory_gb_s: f64,
    /// Share of that bandwidth that the exact search reaches.
    exact_of_memory: f64,
}

/// Percentiles of a number of microseconds.
#[derive(Debug, Serialize)]
struct Percentiles {
    p50: f64,
    p95: f64,
    p99: f64,
}

fn compute_percentiles(mut values: Vec<f64>) -> Percentiles {
    values.sort_by(f64::total_cmp);
    let at = |percent: usize| {
        let index = (values.len() * percent / 100).min(values.len().saturating_sub(1));
        round_figure(values.get(index).copied().unwrap_or(0.0))
    };
    Percentiles { p50: at(50), p95: at(95), p99: at(99) }
}

fn round_figure(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The vectors and the queries.
struct VectorSet {
    dimensions: usize,
    labels: Vec<u32>,
    vectors: Vectors,
    queries: Vec<Vec<f32>>,
}

/// Where a vector comes from.
enum Vectors {
    /// Read from a store, row after row.
    Stored(Vec<f32>),
    /// Made when it is needed: millions of them would not fit into memory beside the index.
    MadeUp(MadeUp),
}

impl VectorSet {
    fn row_vector(&self, row: usize) -> Cow<'_, [f32]> {
        match &self.vectors {
            Vectors::Stored(values) => {
                Cow::Borrowed(values.get(row * self.dimensions..(row + 1) * self.dimensions).unwrap_or(&[]))
            }
            Vectors::MadeUp(made_up) => Cow::Owned(made_up.row_vector(row as u64)),
        }
    }
}

/// Unit vectors that lie where vectors of texts do: near a subspace of few dimensions.
struct MadeUp {
    axes: Vec<Vec<f32>>,
}

impl MadeUp {
    fn new() -> Self {
        let mut random = Xorshift::new(1);
        Self { axes: (0..AXES).map(|_| (0..DIMENSIONS).map(|_| random.next_number()).collect()).collect() }
    }

    fn row_vector(&self, row: u64) -> Vec<f32> {
        let mut random = Xorshift::new(row + 1000);
        let mut sum: Vec<f32> = (0..DIMENSIONS).map(|_| 0.1 * random.next_number()).collect();
        for axis in &self.axes {
            let share = random.next_number();
            sum.iter_mut().zip(axis).for_each(|(sum, value)| *sum += value * share);
        }
        let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
        sum.iter().map(|value| value / length).collect()
    }
}

/// Fixed generator (xorshift64*).
struct Xorshift(u64);

impl Xorshift {
    fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // Near seeds begin with near numbers.
        (0..8).for_each(|_| {
            random.next_number();
        });
        random
    }

    /// A number from -1 to 1.
    fn next_number(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let [_, _, _, _, _, _, low, high] = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes();
        f32::from(u16::from_le_bytes([low, high])) / 32768.0 - 1.0
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    let set = match options.made_up {
        Some(count) => make_vectors(count),
        None => read_vectors(&options)?,
    };
    if let (Some(folder), Vectors::Stored(vectors)) = (&options.export, &set.vectors) {
        std::fs::create_dir_all(folder)?;
        write_npy(&folder.join("vectors.npy"), set.dimensions, vectors)?;
        write_npy(&folder.join("queries.npy"), set.dimensions, &set.queries.concat())?;
    }
    eprintln!("{} vectors, {} queries; computing the exact neighbours", set.labels.len(), set.queries.len());
    let truth = GroundTruth::compute_truth(&set);
    let scratch = std::env::temp_dir().join(format!("claude-memory-vectors-{}", std::process::id()));
    let report = run_measurements(&set, &truth, &scratch, options.graph);
    // A scratch folder that cannot be removed is left to the system's cleanup.
    let _ = std::fs::remove_dir_all(&scratch);
    let report = report.with_context(|| format!("cannot use {}", scratch.display()))?;
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print_report(&report);
    }
    Ok(())
}

fn print_report(report: &VectorReport) {
    println!("{} vectors of {} dimensions, {} queries", report.vectors, report.dimensions, report.queries);
    println!("                  recall@10    p50 µs    p95 µs    p99 µs");
    let row = |name: &str, way: &SearchFigures| {
        let us = &way.us;
        println!("{name:<18}{:>9.4}{:>10.0}{:>10.0}{:>10.0}", way.recall_10, us.p50, us.p95, us.p99);
    };
    row("quick", &report.quick);
    row("exact", &report.exact);
    row("1 % allowed", &report.filtered);
    if let Some((way, seconds)) = &report.graph {
        row(&format!("graph ({seconds:.0} s)"), way);
    }
    println!(
        "built in {:.2} s, saved in {:.2} s, {:.0} bytes per vector; opened in {:.0} µs, first search {:.0} µs; insert {:.1} µs",
        report.build_seconds,
        report.save_seconds,
        report.bytes_per_vector,
        report.open_us,
        report.first_search_us,
        report.insert_us
    );
    println!(
        "one core reads {:.1} GB/s; the exact search reaches {:.0} % of it",
        report.memory_gb_s,
        report.exact_of_memory * 100.0
    );
    if let Some(megabytes) = report.graph_mb {
        println!("the graph takes {megabytes:.0} MB of memory");
    }
}

fn make_vectors(count: u32) -> VectorSet {
    let made_up = MadeUp::new();
    let queries = (0..MADE_UP_QUERIES as u64).map(|query| made_up.row_vector(u64::from(u32::MAX) + query)).collect();
    VectorSet { dimensions: DIMENSIONS, labels: (1..=count).collect(), vectors: Vectors::MadeUp(made_up), queries }
}

fn read_vectors(options: &Options) -> Result<VectorSet> {
    let paths = Paths::resolve_home(options.home.clone())?;
    let settings = LayeredSettings::load_file(&paths.config_file())?.settings;
    let now = env::current_time();
    let memory = Memory::open(&paths, settings, OpenMode::Existing, IdGenerator::System, now)?;
    let store = Store::open(&paths.database_file(), OpenMode::Existing, true, now)?;
    let snapshot = store.snapshot()?;
    let model = memory.model_digest().and_then(|digest| snapshot.find_model(&digest).ok()?);
    let missing = || anyhow!("there are no embeddings of the configured model; run `claude-memory embed`");
    let (mut labels, mut vectors) = (Vec::new(), Vec::new());
    snapshot.each_vector(model.ok_or_else(missing)?, 0, usize::MAX >> 1, |stored| {
        labels.extend(u32::try_from(stored.passage));
        vectors.extend(stored.vector);
    })?;
    let dimensions = vectors.len() / labels.len().max(1);
    if dimensions == 0 {
        return Err(missing());
    }
    let mut set = VectorSet { dimensions, labels, vectors: Vectors::Stored(vectors), queries: Vec::new() };
    if let Some(file) = &options.queries {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        for query in text.lines().filter(|line| !line.trim().is_empty()) {
            set.queries.push(memory.embed_question(query)?);
        }
    }
    if set.queries.is_empty() {
        let step = (set.labels.len() / 500).max(1);
        set.queries = (0..set.labels.len()).step_by(step).map(|row| set.row_vector(row).into_owned()).collect();
    }
    Ok(set)
}

/// Writes a two-dimensional array of floats in the NumPy format, version 1.0.
fn write_npy(path: &Path, dimensions: usize, values: &[f32]) -> std::io::Result<()> {
    let rows = values.len() / dimensions.max(1);
    let mut head = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dimensions}), }}");
    while (head.len() + 11) % 64 != 0 {
        head.push(' ');
    }
    head.push('\n');
    let length = u16::try_from(head.len()).unwrap_or(u16::MAX).to_le_bytes();
    let mut bytes = [b"\x93NUMPY\x01\x00".as_slice(), &length, head.as_bytes()].concat();
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    disk::write_atomic(path, &bytes)
}

/// Score of the tenth nearest vector of every query, among all and among the filtered.
struct GroundTruth {
    all: Vec<f32>,
    filtered: Vec<f32>,
}

impl GroundTruth {
    /// Compares every query with every vector; each thread takes a part of the vectors and makes each once.
    fn compute_truth(set: &VectorSet) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let part = set.labels.len().div_ceil(threads).max(1);
        let mut best = vec![QueryTruth::default(); set.queries.len()];
        std::thread::scope(|scope| {
            let parts = (0..set.labels.len()).step_by(part).map(|start| start..(start + part).min(set.labels.len()));
            let work: Vec<_> = parts.map(|rows| scope.spawn(move || best_of_rows(set, rows))).collect();
            for thread in work {
                let found = thread.join().unwrap_or_default();
                best.iter_mut().zip(found).for_each(|(best, found)| best.merge(found));
            }
        });
        Self {
            all: best.iter().map(|query| query.all.lowest_score()).collect(),
            filtered: best.iter().map(|query| query.filtered.lowest_score()).collect(),
        }
    }
}

/// Finds the best of some rows for every query.
fn best_of_rows(set: &VectorSet, rows: std::ops::Range<usize>) -> Vec<QueryTruth> {
    let mut best = vec![QueryTruth::default(); set.queries.len()];
    for row in rows {
        let vector = set.row_vector(row);
        for (query, best) in set.queries.iter().zip(&mut best) {
            best.add_score(dot_product(query, &vector), row % FILTER_STEP == 0);
        }
    }
    best
}

/// The best scores of one query, among all vectors and among the filtered.
#[derive(Debug, Clone, Default)]
struct QueryTruth {
    all: TopScores,
    filtered: TopScores,
}

impl QueryTruth {
    fn add_score(&mut self, score: f32, is_filtered: bool) {
        self.all.add_score(score);
        if is_filtered {
            self.filtered.add_score(score);
        }
    }

    fn merge(&mut self, other: Self) {
        other.all.0.into_iter().for_each(|score| self.all.add_score(score));
        other.filtered.0.into_iter().for_each(|score| self.filtered.add_score(score));
    }
}

/// The ten highest scores, descending.
#[derive(Debug, Clone, Default)]
struct TopScores(Vec<f32>);

impl TopScores {
    fn add_score(&mut self, score: f32) {
        if self.0.len() < NEIGHBOURS || score > self.lowest_score() {
            let at = self.0.partition_point(|other| *other >= score);
            self.0.insert(at, score);
            self.0.truncate(NEIGHBOURS);
        }
    }

    fn lowest_score(&self) -> f32 {
        self.0.last().copied().unwrap_or(0.0)
    }
}

fn dot_product(left: &[f32], right: &[f32]) -> f32 {
    let (left, right) = (left.as_chunks::<8>().0, right.as_chunks::<8>().0);
    let mut sums = [0.0_f32; 8];
    for (left, right) in left.iter().zip(right) {
        for ((sum, a), b) in sums.iter_mut().zip(left).zip(right) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

fn elapsed_us(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

/// Quantises all vectors, then measures every search method.
#[expect(clippy::cast_precision_loss, reason = "counts and bytes, for people")]
fn run_measurements(
    set: &VectorSet,
    truth: &GroundTruth,
    scratch: &Path,
    graph: bool,
) -> std::io::Result<VectorReport> {
    let files = IndexFiles::new(scratch, "bench");
    let mut index = VectorIndex::new(set.dimensions);
    let start = Instant::now();
    for (row, label) in set.labels.iter().enumerate() {
        index.insert(*label, &set.row_vector(row));
    }
    let build_seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    index.save(&files, IndexStamp::default())?;
    let save_seconds = start.elapsed().as_secs_f64();
    drop(index);
    let mut bytes = 0;
    for entry in std::fs::read_dir(scratch)? {
        bytes += entry?.metadata()?.len();
    }
    let start = Instant::now();
    let opened = VectorIndex::open(&files, set.dimensions)?.map(|(index, _)| index);
    let mut index = opened.unwrap_or_else(|| VectorIndex::new(set.dimensions));
    let open_us = elapsed_us(start);
    let query = set.queries.first().map_or(&[][..], Vec::as_slice);
    let start = Instant::now();
    black_box(index.find_nearest(&index.quantise_query(query), NEIGHBOURS, &LabelFilter::All, SearchEffort::Quick)?);
    let first_search_us = elapsed_us(start);
    let mut some: Vec<u32> = set.labels.iter().step_by(FILTER_STEP).copied().collect();
    some.sort_unstable();
    let quick = measure_search(&index, set, &truth.all, &LabelFilter::All, SearchEffort::Quick)?;
    let exact = measure_search(&index, set, &truth.all, &LabelFilter::All, SearchEffort::Exact)?;
    let filtered = measure_search(&index, set, &truth.filtered, &LabelFilter::Only(&some), SearchEffort::Quick)?;
    let mut graph_mb = None;
    let graph = if graph {
        let (start, before) = (Instant::now(), resident_mb());
        if let Some(graph) = index.graph_builder()(&AtomicBool::new(false))? {
            index.use_graph(graph);
        }
        let seconds = round_figure(start.elapsed().as_secs_f64());
        graph_mb = resident_mb().zip(before).map(|(after, before)| round_figure(after - before));
        Some((measure_search(&index, set, &truth.all, &LabelFilter::All, SearchEffort::Quick)?, seconds))
    } else {
        None
    };
    let start = Instant::now();
    for (at, query) in (0_u32..).zip(&set.queries) {
        index.insert(u32::MAX - at, query);
    }
    let insert_us = elapsed_us(start) / set.queries.len().max(1) as f64;
    let numbers = set.labels.len() * set.dimensions;
    let memory_gb_s = memory_bandwidth(numbers);
    Ok(VectorReport {
        vectors: set.labels.len(),
        dimensions: set.dimensions,
        queries: set.queries.len(),
        build_seconds: round_figure(build_seconds),
        save_seconds: round_figure(save_seconds),
        bytes_per_vector: round_figure(bytes as f64 / set.labels.len().max(1) as f64),
        open_us: round_figure(open_us),
        first_search_us: round_figure(first_search_us),
        insert_us: round_figure(insert_us),
        exact_of_memory: round_figure(numbers as f64 / (exact.us.p50 * 1e3) / memory_gb_s),
        quick,
        exact,
        filtered,
        graph,
        graph_mb,
        memory_gb_s: round_figure(memory_gb_s),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts, for people")]
fn measure_search(
    index: &VectorIndex,
    set: &VectorSet,
    tenth: &[f32],
    allowed: &LabelFilter<'_>,
    effort: SearchEffort,
) -> std::io::Result<SearchFigures> {
    let rows: std::collections::HashMap<u32, usize> =
        set.labels.iter().enumerate().map(|(row, label)| (*label, row)).collect();
    let (mut times, mut found) = (Vec::new(), 0_usize);
    for round in 0..=ROUNDS {
        for (query, tenth) in set.queries.iter().zip(tenth) {
            let start = Instant::now();
            let nearest = index.find_nearest(&index.quantise_query(query), NEIGHBOURS, allowed, effort)?;
            let time = elapsed_us(start);
            if round > 0 {
                times.push(time);
                continue;
            }
            // The first round warms and counts.
            let labels: HashSet<u32> = nearest.best.iter().map(|(label, _)| *label).collect();
            let scores =
                labels.iter().filter_map(|label| rows.get(label)).map(|row| dot_product(query, &set.row_vector(*row)));
            found += scores.filter(|score| *score >= tenth - 1e-6).count().min(NEIGHBOURS);
        }
    }
    let recall = found as f64 / (set.queries.len() * NEIGHBOURS).max(1) as f64;
    Ok(SearchFigures { recall_10: (recall * 1e4).round() / 1e4, us: compute_percentiles(times) })
}

/// Reads the private memory of this process, in MB.
fn resident_mb() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kilobytes| kilobytes / 1024.0)
}

/// Measures memory bandwidth in GB/s: the best of several passes over `bytes` bytes.
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

//! Search latency in one store: warm and by stage, with several clients, from a cold process; and the memory and disk
//! space that it takes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde::Serialize;

use super::Error;
use super::report::{Latency, compute_percentiles, round_figure};
use crate::config::{Paths, Settings};
use crate::domain::{Detail, Filter, IdGenerator, Query, SearchMode, SearchTier, Timestamp};
use crate::memory::Memory;
use crate::store::OpenMode;

/// Numbers of concurrent clients.
const CLIENTS: [usize; 4] = [1, 2, 4, 8];
/// Searches of all clients together.
const THROUGHPUT_SEARCHES: usize = 400;
/// Processes that are started to measure a cold start.
const STARTS: usize = 11;
/// Results of one search.
const LIMIT: usize = 10;

/// Options of a latency measurement.
#[derive(Debug)]
pub struct LatencyOptions {
    /// Texts of the queries.
    pub queries: Vec<String>,
    /// Repetitions of each query in each mode, after one round that warms; with 0 no warm search is measured.
    pub rounds: usize,
    /// Path of this program, to be started as a user would; `None` skips cold starts.
    pub program: Option<PathBuf>,
}

/// Result of a latency measurement. Milliseconds, unless stated otherwise.
#[derive(Debug, Serialize)]
pub struct LatencyReport {
    /// Messages in the store.
    pub turns: u64,
    /// Embeddings in the store.
    pub vectors: u64,
    /// Processor instructions that compute the built-in embedding model.
    pub instructions: &'static str,
    /// Latency by mode: lexical, semantic, hybrid.
    pub modes: BTreeMap<&'static str, Latency>,
    /// Hybrid searches per second, by number of clients.
    pub searches_per_second: BTreeMap<usize, f64>,
    /// Time from starting `mcp` to its first answer, median.
    pub start_ms: Option<f64>,
    /// Time of a whole `search` process in keyword mode, median.
    pub cold_keyword_ms: Option<f64>,
    /// Time of a whole `search` process in hybrid mode, median.
    pub cold_hybrid_ms: Option<f64>,
    /// Time of the first hybrid search in this process, which maps the files.
    pub first_hybrid_ms: f64,
    /// Resident memory of this process at the end, in MiB; absent where the system does not report it.
    pub rss_mb: Option<f64>,
    /// Anonymous part of it, in MiB: backed by no file, shared with no process.
    pub private_mb: Option<f64>,
    /// Size of the data folder, in MiB.
    pub disk_mb: f64,
    /// Size of the index folder, in MiB: the part that can be rebuilt from the rest.
    pub index_mb: f64,
}

/// Measures the store at `paths`. Writes nothing there but the caches that a search makes.
pub fn measure_latency(
    paths: &Paths,
    settings: &Settings,
    options: &LatencyOptions,
    now: Timestamp,
    talk: &mut dyn FnMut(String),
) -> Result<LatencyReport, Error> {
    let memory = Memory::open(paths, settings.clone(), OpenMode::Existing, IdGenerator::System, now)?;
    let start = Instant::now();
    if let Some(text) = options.queries.first() {
        memory.search(&build_query(text, SearchMode::Hybrid), now)?;
    }
    let first_hybrid_ms = elapsed_ms(start);
    let mut modes = BTreeMap::new();
    for (name, mode) in
        [("lexical", SearchMode::Keyword), ("semantic", SearchMode::Semantic), ("hybrid", SearchMode::Hybrid)]
    {
        talk(format!("running {} queries, {name}", options.queries.len()));
        modes.insert(name, measure_mode(&memory, options, mode, now)?);
    }
    let mut searches_per_second = BTreeMap::new();
    for clients in CLIENTS.into_iter().filter(|_| options.rounds > 0) {
        talk(format!("{clients} clients"));
        searches_per_second.insert(clients, round_figure(measure_throughput(&memory, options, clients, now)?));
    }
    let health = memory.check_health(now)?;
    let own = read_own_memory();
    drop(memory);
    let cold = |mode: &str| measure_cold_search(options, paths, mode);
    Ok(LatencyReport {
        turns: health.stats.messages,
        vectors: health.stats.vectors,
        instructions: crate::embed::instruction_set(),
        modes,
        searches_per_second,
        start_ms: measure_first_answer(options, paths),
        cold_keyword_ms: cold("keyword"),
        cold_hybrid_ms: cold("hybrid"),
        first_hybrid_ms: round_figure(first_hybrid_ms),
        rss_mb: own.map(|(rss, _)| rss),
        private_mb: own.map(|(_, private)| private),
        disk_mb: folder_mib(paths.home()),
        index_mb: folder_mib(&paths.index_folder()),
    })
}

pub(super) fn build_query(text: &str, mode: SearchMode) -> Query {
    Query {
        texts: vec![text.to_owned()],
        mode,
        tier: SearchTier::Fast,
        filter: Filter::default(),
        limit: LIMIT,
        offset: 0,
        detail: Detail::Snippet,
        max_tokens: 2000,
        here: Vec::new(),
        explain: false,
        exchange: true,
        worth: None,
    }
}

fn elapsed_ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

fn measure_mode(memory: &Memory, options: &LatencyOptions, mode: SearchMode, now: Timestamp) -> Result<Latency, Error> {
    let (mut times, mut stages) = (Vec::new(), BTreeMap::<&'static str, u64>::new());
    for turn in 0..=options.rounds {
        for text in &options.queries {
            let start = Instant::now();
            let answer = memory.search(&build_query(text, mode), now)?;
            if turn > 0 {
                times.push(elapsed_ms(start));
                answer.stages.iter().for_each(|(stage, micros)| *stages.entry(stage).or_default() += micros);
            }
        }
    }
    let count = times.len().max(1) as u64;
    stages.values_mut().for_each(|micros| *micros /= count);
    Ok(Latency { total: compute_percentiles(times), stages_us: stages })
}

/// Measures searches per second while `clients` threads search.
#[expect(clippy::cast_precision_loss, reason = "a small count")]
fn measure_throughput(memory: &Memory, options: &LatencyOptions, clients: usize, now: Timestamp) -> Result<f64, Error> {
    let next = AtomicUsize::new(0);
    let ask = || -> Result<(), Error> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let text = options.queries.get(number % options.queries.len().max(1));
            let Some(text) = text.filter(|_| number < THROUGHPUT_SEARCHES) else { return Ok(()) };
            memory.search(&build_query(text, SearchMode::Hybrid), now)?;
        }
    };
    let start = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })?;
    Ok(THROUGHPUT_SEARCHES as f64 / start.elapsed().as_secs_f64())
}

/// Measures the time from the start of `mcp` to its first answer, for which a client waits.
fn measure_first_answer(options: &LatencyOptions, paths: &Paths) -> Option<f64> {
    const INITIALIZE_REQUEST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
    let program = options.program.as_ref()?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        let mut command = Command::new(program);
        command.arg("--home").arg(paths.home()).arg("mcp");
        let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut input = server.stdin.take()?;
        writeln!(input, "{INITIALIZE_REQUEST}").ok()?;
        let mut line = String::new();
        BufReader::new(server.stdout.take()?).read_line(&mut line).ok()?;
        times.push(elapsed_ms(start));
        drop(input);
        server.wait().ok()?;
        line.contains("\"result\"").then_some(())?;
    }
    Some(compute_percentiles(times).p50)
}

/// Measures the time from the start of a `search` process to its end.
fn measure_cold_search(options: &LatencyOptions, paths: &Paths, mode: &str) -> Option<f64> {
    let program = options.program.as_ref()?;
    let mut times = Vec::new();
    for text in options.queries.iter().take(STARTS) {
        let start = Instant::now();
        let mut command = Command::new(program);
        command.arg("--home").arg(paths.home()).args(["--json", "search", "--mode", mode, "--", text]);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        times.push(elapsed_ms(start));
        // Exit code 1, no results, counts as success too.
        status.code().filter(|code| *code < 2)?;
    }
    Some(compute_percentiles(times).p50)
}

/// Reads the resident and the anonymous memory of this process, in MiB, where the system reports them.
fn read_own_memory() -> Option<(f64, f64)> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    // A page of a file that only one process maps counts as private to it, so that figure would say nothing.
    let sum = |name: &str| -> f64 {
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).sum::<f64>() / 1024.0
    };
    Some((round_figure(sum("Rss:")), round_figure(sum("Anonymous:"))))
}

/// Sums the sizes of all files below a folder, in MiB.
fn folder_mib(folder: &Path) -> f64 {
    fn folder_bytes(folder: &Path) -> u64 {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        entries
            .flatten()
            .map(|entry| match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
                Ok(metadata) => metadata.len(),
                Err(_) => 0,
            })
            .sum()
    }
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    round_figure(folder_bytes(folder) as f64 / 1_048_576.0)
}

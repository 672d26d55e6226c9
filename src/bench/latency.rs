//! How long a search takes in one store: warm and by stage, with several clients, from a cold process; and what it costs in
//! memory and on disk.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde::Serialize;

use super::Error;
use super::report::{Latency, percentiles, round};
use crate::config::{Paths, Settings};
use crate::domain::{Detail, Filter, Ids, Mode, Query, Timestamp};
use crate::memory::Memory;
use crate::store::Open;

/// Clients that ask at the same time.
const CLIENTS: [usize; 4] = [1, 2, 4, 8];
/// Searches of all clients together.
const THROUGHPUT_SEARCHES: usize = 400;
/// Processes that are started to learn how long that takes.
const STARTS: usize = 11;
/// Hits of one answer.
const LIMIT: usize = 10;

/// What to measure.
#[derive(Debug)]
pub struct LatencyOptions {
    /// What is asked.
    pub queries: Vec<String>,
    /// How often each is asked in each mode, after one round that warms; with 0 nothing warm is measured.
    pub rounds: usize,
    /// This program, to be started as a user would; `None` leaves cold starts out.
    pub program: Option<PathBuf>,
}

/// What was measured. Milliseconds, unless said otherwise.
#[derive(Debug, Serialize)]
pub struct LatencyReport {
    /// Messages in the store.
    pub turns: u64,
    /// Their vectors.
    pub vectors: u64,
    /// The processor's instructions that the built-in model is computed with.
    pub instructions: &'static str,
    /// By mode: lexical, semantic, hybrid.
    pub modes: BTreeMap<&'static str, Latency>,
    /// Searches a second by number of clients, hybrid.
    pub searches_per_second: BTreeMap<usize, f64>,
    /// From starting `mcp` to its first answer, median.
    pub start_ms: Option<f64>,
    /// From starting `search` to its end, by word, median.
    pub cold_keyword_ms: Option<f64>,
    /// The same by word and by meaning.
    pub cold_hybrid_ms: Option<f64>,
    /// The first search by word and by meaning in this process, which maps the files.
    pub first_hybrid_ms: f64,
    /// Memory of this process after everything, in MiB; absent where the system does not tell.
    pub rss_mb: Option<f64>,
    /// The part of it that no file holds, and no other process can share.
    pub private_mb: Option<f64>,
    /// Size of the data folder.
    pub disk_mb: f64,
    /// The part of it that can be made again from the rest.
    pub index_mb: f64,
}

/// Measures the store at `paths`. Nothing is stored there but the caches that a search makes.
///
/// # Errors
/// When the store cannot be read.
pub fn latency(
    paths: &Paths,
    settings: &Settings,
    options: &LatencyOptions,
    now: Timestamp,
    talk: &mut dyn FnMut(String),
) -> Result<LatencyReport, Error> {
    let memory = Memory::open(paths, settings.clone(), Open::Existing, Ids::System, now)?;
    let start = Instant::now();
    if let Some(text) = options.queries.first() {
        memory.search(&query(text, Mode::Hybrid), now)?;
    }
    let first_hybrid_ms = milliseconds(start);
    let mut modes = BTreeMap::new();
    for (name, mode) in [("lexical", Mode::Keyword), ("semantic", Mode::Semantic), ("hybrid", Mode::Hybrid)] {
        talk(format!("asking {} questions, {name}", options.queries.len()));
        modes.insert(name, asked(&memory, options, mode, now)?);
    }
    let mut searches_per_second = BTreeMap::new();
    for clients in CLIENTS.into_iter().filter(|_| options.rounds > 0) {
        talk(format!("{clients} clients"));
        searches_per_second.insert(clients, round(throughput(&memory, options, clients, now)?));
    }
    let health = memory.health(now)?;
    let own = own_memory();
    drop(memory);
    let cold = |mode: &str| cold_search(options, paths, mode);
    Ok(LatencyReport {
        turns: health.stats.messages,
        vectors: health.stats.vectors,
        instructions: crate::embed::instructions(),
        modes,
        searches_per_second,
        start_ms: first_answer(options, paths),
        cold_keyword_ms: cold("keyword"),
        cold_hybrid_ms: cold("hybrid"),
        first_hybrid_ms: round(first_hybrid_ms),
        rss_mb: own.map(|(rss, _)| rss),
        private_mb: own.map(|(_, private)| private),
        disk_mb: size(paths.home()),
        index_mb: size(&paths.index()),
    })
}

pub(super) fn query(text: &str, mode: Mode) -> Query {
    Query {
        texts: vec![text.to_owned()],
        mode,
        filter: Filter::default(),
        limit: LIMIT,
        offset: 0,
        detail: Detail::Snippet,
        max_tokens: 2000,
        here: Vec::new(),
        explain: false,
        worth: None,
    }
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

fn asked(memory: &Memory, options: &LatencyOptions, mode: Mode, now: Timestamp) -> Result<Latency, Error> {
    let (mut times, mut stages) = (Vec::new(), BTreeMap::<&'static str, u64>::new());
    for turn in 0..=options.rounds {
        for text in &options.queries {
            let start = Instant::now();
            let answer = memory.search(&query(text, mode), now)?;
            if turn > 0 {
                times.push(milliseconds(start));
                answer.stages.iter().for_each(|(stage, micros)| *stages.entry(stage).or_default() += micros);
            }
        }
    }
    let count = times.len().max(1) as u64;
    stages.values_mut().for_each(|micros| *micros /= count);
    Ok(Latency { total: percentiles(times), stages_us: stages })
}

/// Searches a second while so many threads ask.
#[expect(clippy::cast_precision_loss, reason = "a small count")]
fn throughput(memory: &Memory, options: &LatencyOptions, clients: usize, now: Timestamp) -> Result<f64, Error> {
    let next = AtomicUsize::new(0);
    let ask = || -> Result<(), Error> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let text = options.queries.get(number % options.queries.len().max(1));
            let Some(text) = text.filter(|_| number < THROUGHPUT_SEARCHES) else { return Ok(()) };
            memory.search(&query(text, Mode::Hybrid), now)?;
        }
    };
    let start = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })?;
    Ok(THROUGHPUT_SEARCHES as f64 / start.elapsed().as_secs_f64())
}

/// From the start of `mcp` to its first answer: what a client waits for.
fn first_answer(options: &LatencyOptions, paths: &Paths) -> Option<f64> {
    const HELLO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
    let program = options.program.as_ref()?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        let mut command = Command::new(program);
        command.arg("--home").arg(paths.home()).arg("mcp");
        let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut input = server.stdin.take()?;
        writeln!(input, "{HELLO}").ok()?;
        let mut line = String::new();
        BufReader::new(server.stdout.take()?).read_line(&mut line).ok()?;
        times.push(milliseconds(start));
        drop(input);
        server.wait().ok()?;
        line.contains("\"result\"").then_some(())?;
    }
    Some(percentiles(times).p50)
}

/// From the start of `search` to its end.
fn cold_search(options: &LatencyOptions, paths: &Paths, mode: &str) -> Option<f64> {
    let program = options.program.as_ref()?;
    let mut times = Vec::new();
    for text in options.queries.iter().take(STARTS) {
        let start = Instant::now();
        let mut command = Command::new(program);
        command.arg("--home").arg(paths.home()).args(["--json", "search", "--mode", mode, "--", text]);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        times.push(milliseconds(start));
        // Nothing found is an answer too.
        status.code().filter(|code| *code < 2)?;
    }
    Some(percentiles(times).p50)
}

/// All memory of this process and the part that is its own, in MiB, where the system tells.
fn own_memory() -> Option<(f64, f64)> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    // A page of a file that only one process maps counts as private to it, so that figure would say nothing.
    let sum = |name: &str| -> f64 {
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).sum::<f64>() / 1024.0
    };
    Some((round(sum("Rss:")), round(sum("Anonymous:"))))
}

/// MiB of all files below a folder.
fn size(folder: &Path) -> f64 {
    fn bytes(folder: &Path) -> u64 {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        entries
            .flatten()
            .map(|entry| match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => bytes(&entry.path()),
                Ok(metadata) => metadata.len(),
                Err(_) => 0,
            })
            .sum()
    }
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    round(bytes(folder) as f64 / 1_048_576.0)
}

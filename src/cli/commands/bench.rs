//! `bench`: measures this machine and these settings, offline.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};

use crate::bench::{
    self, Comparison, Data, Format, LatencyOptions, LatencyReport, Level, Options, Pool, Receipt, Scored,
    VectorOptions, Way,
};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::config::Layered;
use crate::disk;
use crate::domain::{Code, Mode};
use crate::memory::Weights;

/// Measure retrieval and speed offline
///
/// Works in a scratch folder, or only reads; your own memory is not changed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory bench scale --turns 100000\n  claude-memory bench retrieval --data set receipt.json"
)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Ask labelled questions and score the answers
    ///
    /// The neutral format is a folder with `sessions.jsonl` of {haystack, session, started_at, turns: [{id, role, ts, text}]}
    /// and `queries.jsonl` of {id, haystack, text, asked_at, type, gold_turns, gold_sessions}. Conversations go in through
    /// the same path as an import; labels, types and session ids are hidden from the engine.
    Retrieval(Box<Retrieval>),
    /// Search the vectors of a store in every way, and compare with the truth
    ///
    /// Reports how many of the ten nearest each way finds, its time, and what the memory of this machine allows. The store is
    /// only read.
    Vectors(Vectors),
    /// Time searches in a store: warm by stage, several clients, from a cold process; memory and disk
    ///
    /// The store is only read, but for the caches that a search makes.
    Latency(LatencyArgs),
    /// Make stores of growing size from a made-up history, and time searches in each
    Scale(Scale),
}

#[derive(Debug, clap::Args)]
struct LatencyArgs {
    /// Questions, one a line; without them a fixed mixture of English and Chinese ones is asked
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// How often each question is asked
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Also write the report to this file
    #[arg(value_name = "REPORT")]
    report: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Scale {
    /// Turns of each store
    #[arg(long, value_delimiter = ',', default_value = "10000,100000", value_name = "N,N")]
    turns: Vec<u64>,
    /// Keep the stores in this folder and use them again
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// How often each question is asked
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Also write the reports to this file
    #[arg(value_name = "REPORT")]
    report: Option<PathBuf>,
}

/// What is asked when nobody says what.
const QUESTIONS: &[&str] = &[
    "how do we detect duplicated code",
    "why does the checkpoint fail after a rebase",
    "golangci-lint configuration",
    "session state is lost when the agent restarts",
    "为什么提交之后元数据丢失",
    "git worktree support",
    "ManualCommitStrategy",
    "flaky integration test on CI",
    "怎么回滚到之前的检查点",
    "what did we decide about telemetry",
];

#[derive(Debug, clap::Args)]
struct Vectors {
    /// Questions, one a line; without them stored vectors are searched for
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// Also build the graph of hnsw_rs, which takes minutes for a hundred thousand vectors
    #[arg(long)]
    graph: bool,
    /// Write vectors and queries to this folder as `.npy`, to ask other libraries the same
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Retrieval {
    /// File or folder with the set
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// How the set is written
    #[arg(long, value_enum, default_value = "neutral")]
    format: FormatName,
    /// Evidence to use
    #[arg(long, value_enum, default_value = "fast")]
    tier: Tier,
    /// A store for each haystack, or one for all of them
    #[arg(long, value_enum, default_value = "per-haystack")]
    pool: PoolName,
    /// Ask every question now, also where the set says when it was asked
    #[arg(long)]
    ignore_clock: bool,
    /// Rank by another number, for example `recency=0`; may be repeated
    #[arg(long, value_name = "NAME=NUMBER", value_parser = weight)]
    weight: Vec<(String, f32)>,
    /// Keep the stores in this folder and use them again when the data are the same
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Score these rankings instead: a receipt, or {question: [session ids]}, or {question: {turn: [ids], session: [ids]}}
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tier", "pool", "scratch", "weight", "compare"])]
    score: Option<PathBuf>,
    /// Compare two rankings question by question; the second against the first
    #[arg(long, value_names = ["A", "B"], num_args = 2, conflicts_with_all = ["tier", "pool", "scratch", "weight"])]
    compare: Vec<PathBuf>,
    /// Also write the receipt, with every ranking, to this file
    #[arg(value_name = "RECEIPT")]
    receipt: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatName {
    /// `sessions.jsonl` and `queries.jsonl`
    Neutral,
    /// `locomo10.json`
    Locomo,
    /// `longmemeval_s_cleaned.json` and its kin
    Longmemeval,
    /// Folders with `chat.json` and `probing_questions`
    Beam,
    /// Claude Code transcripts and `queries.jsonl`
    ClaudeCode,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Tier {
    /// By word
    Lexical,
    /// By word and by meaning
    Fast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PoolName {
    PerHaystack,
    All,
}

fn weight(text: &str) -> Result<(String, f32), String> {
    let names = || format!("the names are {}", Weights::NAMES.join(", "));
    let (name, number) = text.split_once('=').ok_or_else(|| format!("expected NAME=NUMBER; {}", names()))?;
    let number = number.parse().map_err(|_| format!("{number:?} is not a number"))?;
    if !Weights::default().set(name, number) {
        return Err(format!("no number is called {name:?}; {}", names()));
    }
    Ok((name.to_owned(), number))
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    match &args.what {
        What::Retrieval(args) => retrieval(args, session),
        What::Vectors(args) => vectors(args, session),
        What::Latency(args) => latency(args, session),
        What::Scale(args) => scale(args, session),
    }
}

fn lines(file: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::invalid(format!("cannot read {}: {error}", file.display())))?;
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}

fn write_report(file: Option<&PathBuf>, report: &impl serde::Serialize) -> Result<(), Failure> {
    let Some(file) = file else { return Ok(()) };
    let bytes = serde_json::to_vec(report).unwrap_or_default();
    disk::write_atomic(file, &bytes)
        .map_err(|error| Failure::new(Code::Unavailable, format!("cannot write {}: {error}", file.display()), None))
}

fn latency(args: &LatencyArgs, session: &Session) -> Result<ExitCode, Failure> {
    let (output, paths) = (session.output, session.paths()?);
    let queries = match &args.queries {
        Some(file) => lines(file)?,
        None => QUESTIONS.iter().map(|text| (*text).to_owned()).collect(),
    };
    let options = LatencyOptions { queries, rounds: args.rounds, program: std::env::current_exe().ok() };
    let settings = Layered::load(&paths.config())?.settings;
    let report = bench::latency(&paths, &settings, &options, session.now, &mut |text| output.say(&text))?;
    write_report(args.report.as_ref(), &report)?;
    if output.is_json() {
        output.json(&report);
    } else {
        timings(&report, output);
    }
    Ok(ExitCode::SUCCESS)
}

fn scale(args: &Scale, session: &Session) -> Result<ExitCode, Failure> {
    let output = session.output;
    let settings = Layered::load(&session.paths()?.config())?.settings;
    let passing = std::env::temp_dir().join(format!("claude-memory-scale-{}", std::process::id()));
    let scratch = args.scratch.as_ref().unwrap_or(&passing);
    let mut reports = Vec::new();
    for turns in &args.turns {
        let options =
            LatencyOptions { queries: Vec::new(), rounds: args.rounds, program: std::env::current_exe().ok() };
        let report = bench::scale(scratch, &settings, *turns, options, session.now, &mut |text| output.say(&text));
        if report.is_err() && args.scratch.is_none() {
            let _ = std::fs::remove_dir_all(&passing);
        }
        let report = report?;
        if !output.is_json() {
            let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
            output.line(&format!(
                "{turns} turns: {} turns/s in, {} s to index",
                number(report.turns_per_second),
                number(report.index_seconds)
            ));
            timings(&report.latency, output);
        }
        reports.push(report);
    }
    if args.scratch.is_none() {
        // A scratch folder that cannot be removed is the system's to clean.
        let _ = std::fs::remove_dir_all(&passing);
    }
    write_report(args.report.as_ref(), &reports)?;
    if output.is_json() {
        output.json(&reports);
    }
    Ok(ExitCode::SUCCESS)
}

fn timings(report: &LatencyReport, output: Output) {
    output.line(&format!("{} messages, {} vectors; milliseconds", report.turns, report.vectors));
    for (name, latency) in &report.modes {
        let total = &latency.total;
        output.line(&format!(
            "  {name:<10} p50 {:>7.2}  p95 {:>7.2}  p99 {:>7.2}  by stage in µs {:?}",
            total.p50, total.p95, total.p99, latency.stages_us
        ));
    }
    let rates: Vec<String> =
        report.searches_per_second.iter().map(|(clients, rate)| format!("{clients} → {rate:.0}")).collect();
    output.line(&format!("  searches a second by clients: {}", rates.join(", ")));
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
    output.line(&format!(
        "  mcp answers after {}; search from nothing: {} by word, {} with meaning; first in this process {:.0}",
        number(report.start_ms),
        number(report.cold_keyword_ms),
        number(report.cold_hybrid_ms),
        report.first_hybrid_ms
    ));
    output.line(&format!(
        "  memory {} MiB, {} of it private; disk {:.0} MiB, {:.0} of it indexes",
        number(report.rss_mb),
        number(report.private_mb),
        report.disk_mb,
        report.index_mb
    ));
}

fn vectors(args: &Vectors, session: &Session) -> Result<ExitCode, Failure> {
    let (output, paths) = (session.output, session.paths()?);
    let options = VectorOptions {
        queries: args.queries.as_deref().map(lines).transpose()?.unwrap_or_default(),
        graph: args.graph,
        export: args.export.clone(),
    };
    let settings = Layered::load(&paths.config())?.settings;
    let report = bench::vectors(&paths, &settings, &options, session.now, &mut |text| output.say(&text))?;
    if output.is_json() {
        output.json(&report);
        return Ok(ExitCode::SUCCESS);
    }
    output.line(&format!("{} vectors of {} dimensions, {} queries", report.vectors, report.dimensions, report.queries));
    output.line("                  recall@10    p50 µs    p95 µs    p99 µs");
    let row = |name: &str, way: &Way| {
        let us = &way.us;
        output.line(&format!("{name:<18}{:>9.4}{:>10.0}{:>10.0}{:>10.0}", way.recall_10, us.p50, us.p95, us.p99));
    };
    row("quick", &report.quick);
    row("exact", &report.exact);
    row("1 % allowed", &report.filtered);
    if let Some((way, seconds)) = &report.graph {
        row(&format!("graph ({seconds:.0} s)"), way);
    }
    output.line(&format!(
        "built in {:.2} s, saved in {:.2} s, {:.0} bytes a vector; opened in {:.0} µs, first search {:.0} µs; insert {:.1} µs",
        report.build_seconds,
        report.save_seconds,
        report.bytes_per_vector,
        report.open_us,
        report.first_search_us,
        report.insert_us
    ));
    output.line(&format!(
        "one core reads {:.1} GB/s; the exact search reaches {:.0} % of it",
        report.memory_gb_s,
        report.exact_of_memory * 100.0
    ));
    Ok(ExitCode::SUCCESS)
}

fn retrieval(args: &Retrieval, session: &Session) -> Result<ExitCode, Failure> {
    let output = session.output;
    let format = match args.format {
        FormatName::Neutral => Format::Neutral,
        FormatName::Locomo => Format::Locomo,
        FormatName::Longmemeval => Format::LongMemEval,
        FormatName::Beam => Format::Beam,
        FormatName::ClaudeCode => Format::ClaudeCode,
    };
    let data = format.load(&args.data, &mut |text| output.say(&text))?;
    if let [first, second] = args.compare.as_slice() {
        let compared = bench::compare(&data, &bench::read_rankings(first)?, &bench::read_rankings(second)?);
        if output.is_json() {
            output.json(&compared);
        } else {
            compared.iter().for_each(|(level, compared)| differences(level, compared, output));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(file) = &args.score {
        let levels = bench::levels(&data, &bench::read_rankings(file)?);
        if output.is_json() {
            output.json(&levels);
        } else {
            header(output);
            levels.iter().for_each(|(name, level)| table(name, level, output));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let receipt = ask(args, &data, session)?;
    write_report(args.receipt.as_ref(), &receipt)?;
    if output.is_json() {
        output.json(&receipt);
    } else {
        report(&receipt, output);
    }
    Ok(ExitCode::SUCCESS)
}

fn ask(args: &Retrieval, data: &Data, session: &Session) -> Result<Receipt, Failure> {
    let mode = match args.tier {
        Tier::Lexical => Mode::Keyword,
        Tier::Fast => Mode::Hybrid,
    };
    let mut weights = Weights::default();
    for (name, number) in &args.weight {
        weights.set(name, *number);
    }
    let options = Options {
        mode,
        pool: if args.pool == PoolName::All { Pool::All } else { Pool::PerHaystack },
        workers: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8)),
        weights,
        use_clock: !args.ignore_clock,
    };
    let settings = Layered::load(&session.paths()?.config())?.settings;
    let passing = std::env::temp_dir().join(format!("claude-memory-bench-{}", std::process::id()));
    let scratch = args.scratch.as_ref().unwrap_or(&passing);
    let outcome = bench::run(scratch, &settings, data, &options, session.now, &mut |text| session.output.say(&text));
    if args.scratch.is_none() {
        // A scratch folder that cannot be removed is the system's to clean.
        let _ = std::fs::remove_dir_all(&passing);
    }
    Ok(outcome?)
}

fn header(output: Output) {
    output.line(&format!("{:<34}{:>5}  hit@1   hit@5  hit@10  rec@10   all@5     mrr ndcg@10", "", "n"));
}

fn table(name: &str, level: &Level, output: Output) {
    let row = |name: &str, scored: &Scored| {
        let mean = &scored.mean;
        let percent = [mean.hit_1, mean.hit_5, mean.hit_10, mean.recall_10, mean.all_5, mean.mrr, mean.ndcg_10];
        let cells = percent.map(|value| format!("{:>8.1}", value * 100.0)).concat();
        output.line(&format!("{name:<34}{:>5}{cells}", scored.n));
    };
    row(name, &level.overall);
    let [one, five, ten] = level.intervals.map(|(low, high)| format!("{:.1}–{:.1}", low * 100.0, high * 100.0));
    output.line(&format!("{:<39} 95 %: {one}, {five}, {ten}", ""));
    for (kind, scored) in &level.by_type {
        row(&format!("    {kind}"), scored);
    }
}

fn report(receipt: &Receipt, output: Output) {
    header(output);
    for (name, level) in &receipt.levels {
        table(&format!("{name} · {} · {}", receipt.tier, receipt.pool), level, output);
    }
    let (latency, tokens) = (&receipt.latency_ms, &receipt.tokens);
    output.line(&format!(
        "latency ms p50 {:.1}, p95 {:.1}, p99 {:.1}; by stage µs {:?}",
        latency.total.p50, latency.total.p95, latency.total.p99, latency.stages_us
    ));
    output.line(&format!("tokens p50 {:.0}, p95 {:.0}; {} turns", tokens.p50, tokens.p95, receipt.turns));
}

fn differences(level: &str, compared: &Comparison, output: Output) {
    output.line(&format!("{level}, {} questions: second minus first, 95 % interval, won and lost", compared.n));
    for (name, difference) in &compared.measures {
        let (low, high) = difference.interval;
        let (won, lost) = difference.won_lost;
        let [mean, low, high] = [difference.mean, low, high].map(|value| format!("{:+.1}", value * 100.0));
        output.line(&format!("    {name:<8}{mean:>7}  {low:>6} … {high:<6}  {won} : {lost}"));
    }
}

impl From<bench::Error> for Failure {
    fn from(error: bench::Error) -> Self {
        match error {
            bench::Error::Memory(error) => Self::from(error),
            bench::Error::Config(error) => Self::from(error),
            other => Self::invalid(other.to_string()),
        }
    }
}

//! `bench`: measures this machine and these settings, offline.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};

use crate::bench::{self, Data, Options, Receipt};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::session::{Session, ids};
use crate::config::{Layered, Paths};
use crate::disk;
use crate::domain::{Code, Mode};
use crate::memory::Memory;
use crate::store::Open;

/// Measure retrieval offline
///
/// Works in a scratch folder; your own memory is not touched.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Ask labelled questions and score the answers
    ///
    /// The folder holds `sessions.jsonl` with {haystack, session, started_at, turns: [{id, role, ts, text}]} and
    /// `queries.jsonl` with {id, haystack, text, type, gold_turns, gold_sessions}. Conversations go in through the same
    /// path as an import; labels, types and session ids are hidden from the engine.
    Retrieval(Retrieval),
}

#[derive(Debug, clap::Args)]
struct Retrieval {
    /// Folder with the set
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Evidence to use
    #[arg(long, value_enum, default_value = "fast")]
    tier: Tier,
    /// Ask within the question's haystack, or over all of them
    #[arg(long, value_enum, default_value = "per-haystack")]
    pool: Pool,
    /// Also write the receipt, with every ranking, to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Tier {
    /// By word
    Lexical,
    /// By word and by meaning
    Fast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pool {
    PerHaystack,
    All,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let What::Retrieval(args) = &args.what;
    let output = session.output;
    let data = Data::read(&args.data)?;
    let folder = std::env::temp_dir().join(format!("claude-memory-bench-{}", std::process::id()));
    let paths = Paths::resolve(Some(folder.clone()))?;
    let settings = Layered::load(&session.paths()?.config())?.settings;
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8));
    let mode = match args.tier {
        Tier::Lexical => Mode::Keyword,
        Tier::Fast => Mode::Hybrid,
    };
    let options = Options { mode, per_haystack: args.pool == Pool::PerHaystack, workers };
    let outcome = Memory::open(&paths, settings, Open::Create, ids(), session.now)
        .map_err(bench::Error::from)
        .and_then(|memory| bench::run(&memory, &data, options, session.now, &mut |text| output.say(&text)));
    // A scratch folder that cannot be removed is the system's to clean.
    let _ = std::fs::remove_dir_all(&folder);
    let receipt = outcome?;
    if let Some(file) = &args.out {
        let text = serde_json::to_vec(&receipt).unwrap_or_default();
        disk::write_atomic(file, &text).map_err(|error| {
            Failure::new(Code::Unavailable, format!("cannot write {}: {error}", file.display()), None)
        })?;
    }
    if output.is_json() {
        output.json(&receipt);
    } else {
        table(&receipt, output);
    }
    Ok(ExitCode::SUCCESS)
}

fn table(receipt: &Receipt, output: Output) {
    let row = |name: &str, scored: &bench::Scored| {
        let mean = &scored.mean;
        let percent = [mean.hit_1, mean.hit_5, mean.hit_10, mean.recall_10, mean.all_5, mean.mrr, mean.ndcg_10];
        let cells = percent.map(|value| format!("{:>8.1}", value * 100.0)).concat();
        output.line(&format!("{name:<34}{:>5}{cells}", scored.n));
    };
    output.line(&format!("{:<34}{:>5}  hit@1   hit@5  hit@10  rec@10   all@5     mrr ndcg@10", "", "n"));
    for (level, scores) in &receipt.levels {
        row(&format!("{level} · {} · {}", receipt.tier, receipt.pool), &scores.overall);
        let [one, five, ten] = scores.intervals.map(|(low, high)| format!("{:.1}–{:.1}", low * 100.0, high * 100.0));
        output.line(&format!("{:<39} 95 %: {one}, {five}, {ten}", ""));
        for (kind, scored) in &scores.by_type {
            row(&format!("    {kind}"), scored);
        }
    }
    let (latency, tokens) = (&receipt.latency_ms, &receipt.tokens);
    output.line(&format!(
        "latency ms p50 {:.1}, p95 {:.1}, p99 {:.1}; by stage µs {:?}",
        latency.p50, latency.p95, latency.p99, receipt.stages_us
    ));
    output.line(&format!("tokens p50 {:.0}, p95 {:.0}; {} turns", tokens.p50, tokens.p95, receipt.turns));
}

impl From<bench::Error> for Failure {
    fn from(error: bench::Error) -> Self {
        match error {
            bench::Error::Memory(error) => Self::from(error),
            other => Self::invalid(other.to_string()),
        }
    }
}

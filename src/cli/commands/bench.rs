//! `bench`: measures this machine and these settings, offline.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};

use super::bench_answerability::{AnswerabilityArgs, run_answerability};
use super::bench_files::{BenchFolder, write_report};
use super::bench_provenance::{self, ProvenanceArgs};
use super::bench_self::{self, OwnHistoryArgs};
use super::bench_suggestions::{self, SuggestionsArgs};
use super::rerankers::absolute_value;
use crate::bench::{
    self, Dataset, DatasetFormat, HaystackPool, LatencyOptions, LatencyReport, LevelComparison, LevelScores,
    MeanMeasures, RetrievalOptions, RetrievalReport,
};
use crate::cli::invocation::Invocation;
use crate::cli::output::CliOutput;
use crate::config::LayeredSettings;
use crate::domain::{Failure, SearchMode, SearchTier};
use crate::memory::RankWeights;

/// Measure retrieval quality and speed, offline
///
/// Works in a scratch folder or only reads; your own memory is not changed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory bench scale --turns 100000\n  claude-memory bench retrieval --data set receipt.json"
)]
pub(in crate::cli) struct BenchArgs {
    #[command(subcommand)]
    what: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Run labelled queries and score the results
    ///
    /// The neutral format is a folder with `sessions.jsonl` of {haystack, session, started_at, turns: [{id, role, ts,
    /// text}]} and `queries.jsonl` of {id, haystack, text, asked_at, type, gold_turns, gold_sessions}. Sessions are
    /// stored by the same code as an import; labels, types and session ids are hidden from the engine.
    Retrieval(Box<RetrievalArgs>),
    /// Ask what each store can and cannot answer, and count how often the confidence says so
    ///
    /// Prints the share of answerable queries that are kept (strong or weak), of unanswerable ones that are silent (none)
    /// and falsely strong, the area under the curve, and hit@5 by confidence.
    Answerability(AnswerabilityArgs),
    /// Measure search latency (warm by stage, several clients, cold process), memory and disk
    ///
    /// The store is only read, except for the caches that a search creates.
    Latency(LatencyArgs),
    /// Build stores of growing size from a synthetic history and measure searches in each
    Scale(ScaleArgs),
    /// Ask your own history for the sessions of your commits, and score the results
    ///
    /// The questions are the subjects of your commits. The answers are the sessions in which git printed the commit, or
    /// that were open at its time and named most of its files. Your store and your repositories are only read, and nothing
    /// leaves this machine.
    #[command(name = "self")]
    OwnHistory(OwnHistoryArgs),
    /// Score the rules that suggest decisions, corrections and rules against labelled turns
    ///
    /// Labels are lines of {message, labels}: the id of a record in the transcripts, and a list of decision,
    /// correction, rule and assent.
    Suggestions(SuggestionsArgs),
    /// Score the links between the commits of a repository and your sessions, as `why` shows them
    ///
    /// Labels are the sessions that trailers of commits name: `…-Session: ID`, or `…-Checkpoint: ID` with the branch
    /// that explains checkpoints. The linking does not see them. Also counts links that must not be there: with the
    /// labelled sessions left out, with half of the sessions left out, and in a repository that no session worked on.
    Provenance(ProvenanceArgs),
}

#[derive(Debug, clap::Args)]
struct LatencyArgs {
    /// File with one query per line [default: a fixed mix of English and Chinese queries]
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// Number of times to run each query
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Also write the report to this file
    #[arg(value_name = "REPORT")]
    report: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct ScaleArgs {
    /// Number of turns in each store
    #[arg(long, value_delimiter = ',', default_value = "10000,100000", value_name = "N,N")]
    turns: Vec<u64>,
    /// Keep the stores in this folder and reuse them
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Number of times to run each query
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Also write the reports to this file
    #[arg(value_name = "REPORT")]
    report: Option<PathBuf>,
}

/// Queries used without `--queries`.
const DEFAULT_QUERIES: &[&str] = &[
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
struct RetrievalArgs {
    /// File or folder with the data set
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// Format of the data set
    #[arg(long, value_enum, default_value = "neutral")]
    format: FormatName,
    /// Search mode to measure
    #[arg(long, value_enum, default_value = "fast")]
    tier: TierName,
    /// One store per haystack, or one for all of them
    #[arg(long, value_enum, default_value = "per-haystack")]
    pool: PoolName,
    /// Run every query as of now, even where the data set gives its time
    #[arg(long)]
    ignore_clock: bool,
    /// Change a ranking weight, for example `recency=0`; may be given several times
    #[arg(long, value_name = "NAME=NUMBER", value_parser = RankWeights::parse_change)]
    weight: Vec<(String, f32)>,
    /// Keep the stores in this folder and reuse them if the data set is the same
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Score these rankings instead: a receipt, or {query: [session ids]}, or
    /// {query: {turn: [turn ids], session: [session ids]}}
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tier", "pool", "scratch", "weight", "compare"])]
    score: Option<PathBuf>,
    /// Compare two rankings query by query, the second against the first
    #[arg(long, value_names = ["A", "B"], num_args = 2, conflicts_with_all = ["tier", "pool", "scratch", "weight"])]
    compare: Vec<PathBuf>,
    /// Also write the receipt with every ranking to this file
    #[arg(value_name = "RECEIPT")]
    receipt: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatName {
    /// Folder with `sessions.jsonl` and `queries.jsonl`
    Neutral,
    /// LoCoMo: the file `locomo10.json`
    Locomo,
    /// LongMemEval: `longmemeval_s_cleaned.json` and the other files of the set
    Longmemeval,
    /// BEAM: folders with `chat.json` and `probing_questions`
    Beam,
    /// Claude Code transcripts and `queries.jsonl`
    ClaudeCode,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TierName {
    /// Keyword search only
    Lexical,
    /// Hybrid: keyword and semantic search
    Fast,
    /// Hybrid, and the best results read again by the reranker of the settings
    Rerank,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PoolName {
    PerHaystack,
    All,
}

pub(in crate::cli) fn run(args: &BenchArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    match &args.what {
        BenchCommand::Retrieval(args) => run_retrieval(args, session),
        BenchCommand::Answerability(args) => run_answerability(args, session),
        BenchCommand::Latency(args) => run_latency(args, session),
        BenchCommand::Scale(args) => run_scale(args, session),
        BenchCommand::OwnHistory(args) => bench_self::run(args, session),
        BenchCommand::Suggestions(args) => bench_suggestions::run(args, session.output),
        BenchCommand::Provenance(args) => bench_provenance::run(args, session),
    }
}

fn read_lines(file: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::invalid_input(format!("cannot read {}: {error}", file.display())))?;
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}

fn run_latency(args: &LatencyArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let (output, paths) = (session.output, session.resolve_paths()?);
    let queries = match &args.queries {
        Some(file) => read_lines(file)?,
        None => DEFAULT_QUERIES.iter().map(|text| (*text).to_owned()).collect(),
    };
    let options = LatencyOptions { queries, rounds: args.rounds, program: std::env::current_exe().ok() };
    let settings = LayeredSettings::load_file(&paths.config_file())?.settings;
    let report =
        bench::measure_latency(&paths, &settings, &options, session.now, &mut |text| output.print_message(&text))?;
    write_report(args.report.as_ref(), &report)?;
    if output.is_json() {
        output.print_json(&report);
    } else {
        print_latency(&report, output);
    }
    Ok(ExitCode::SUCCESS)
}

fn run_scale(args: &ScaleArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let output = session.output;
    let settings = LayeredSettings::load_file(&session.resolve_paths()?.config_file())?.settings;
    let passing = std::env::temp_dir().join(format!("claude-memory-scale-{}", std::process::id()));
    let scratch = args.scratch.as_ref().unwrap_or(&passing);
    let mut reports = Vec::new();
    for turns in &args.turns {
        let options =
            LatencyOptions { queries: Vec::new(), rounds: args.rounds, program: std::env::current_exe().ok() };
        let report = bench::measure_scale(scratch, &settings, *turns, options, session.now, &mut |text| {
            output.print_message(&text);
        });
        if report.is_err() && args.scratch.is_none() {
            let _ = std::fs::remove_dir_all(&passing);
        }
        let report = report?;
        if !output.is_json() {
            let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
            output.print_line(&format!(
                "{turns} turns: {} turns/s imported, {} s to index",
                number(report.turns_per_second),
                number(report.index_seconds)
            ));
            print_latency(&report.latency, output);
        }
        reports.push(report);
    }
    if args.scratch.is_none() {
        // If it cannot be removed, the system cleans its temporary folder.
        let _ = std::fs::remove_dir_all(&passing);
    }
    write_report(args.report.as_ref(), &reports)?;
    if output.is_json() {
        output.print_json(&reports);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_latency(report: &LatencyReport, output: CliOutput) {
    output.print_line(&format!("{} messages, {} vectors; milliseconds", report.turns, report.vectors));
    for (name, latency) in &report.modes {
        let total = &latency.total;
        output.print_line(&format!(
            "  {name:<10} p50 {:>7.2}  p95 {:>7.2}  p99 {:>7.2}  by stage in µs {:?}",
            total.p50, total.p95, total.p99, latency.stages_us
        ));
    }
    let rates: Vec<String> =
        report.searches_per_second.iter().map(|(clients, rate)| format!("{clients} → {rate:.0}")).collect();
    output.print_line(&format!("  searches per second by clients: {}", rates.join(", ")));
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
    output.print_line(&format!(
        "  mcp answers after {}; cold search: {} keyword, {} hybrid; first in this process {:.0}",
        number(report.start_ms),
        number(report.cold_keyword_ms),
        number(report.cold_hybrid_ms),
        report.first_hybrid_ms
    ));
    output.print_line(&format!(
        "  memory {} MiB ({} private); disk {:.0} MiB ({:.0} indexes)",
        number(report.rss_mb),
        number(report.private_mb),
        report.disk_mb,
        report.index_mb
    ));
}

fn run_retrieval(args: &RetrievalArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let output = session.output;
    let format = match args.format {
        FormatName::Neutral => DatasetFormat::Neutral,
        FormatName::Locomo => DatasetFormat::Locomo,
        FormatName::Longmemeval => DatasetFormat::LongMemEval,
        FormatName::Beam => DatasetFormat::Beam,
        FormatName::ClaudeCode => DatasetFormat::ClaudeCode,
    };
    let data = format.load_dataset(&args.data, &mut |text| output.print_message(&text))?;
    if let [first, second] = args.compare.as_slice() {
        let compared = bench::compare_rankings(&data, &bench::read_rankings(first)?, &bench::read_rankings(second)?);
        if output.is_json() {
            output.print_json(&compared);
        } else {
            compared.iter().for_each(|(level, compared)| print_comparison(level, compared, output));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(file) = &args.score {
        let levels = bench::score_levels(&data, &bench::read_rankings(file)?);
        if output.is_json() {
            output.print_json(&levels);
        } else {
            print_header(output);
            levels.iter().for_each(|(name, level)| print_level(name, level, output));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let receipt = run_queries(args, &data, session)?;
    write_report(args.receipt.as_ref(), &receipt)?;
    if output.is_json() {
        output.print_json(&receipt);
    } else {
        print_receipt(&receipt, output);
    }
    Ok(ExitCode::SUCCESS)
}

fn run_queries(args: &RetrievalArgs, data: &Dataset, session: &Invocation) -> Result<RetrievalReport, Failure> {
    let mode = match args.tier {
        TierName::Lexical => SearchMode::Keyword,
        TierName::Fast | TierName::Rerank => SearchMode::Hybrid,
    };
    let mut weights = RankWeights::default();
    for (name, number) in &args.weight {
        weights.set(name, *number);
    }
    let options = RetrievalOptions {
        mode,
        tier: if matches!(args.tier, TierName::Rerank) { SearchTier::Rerank } else { SearchTier::Fast },
        pool: if args.pool == PoolName::All { HaystackPool::All } else { HaystackPool::PerHaystack },
        workers: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8)),
        weights,
        use_clock: !args.ignore_clock,
    };
    let paths = session.resolve_paths()?;
    let mut settings = LayeredSettings::load_file(&paths.config_file())?.settings;
    settings.search.reranker = absolute_value(&settings.search.reranker, &paths);
    let scratch = BenchFolder::new(args.scratch.as_deref());
    Ok(bench::run_retrieval(scratch.path(), &settings, data, &options, session.now, &mut |text| {
        session.output.print_message(&text);
    })?)
}

fn print_header(output: CliOutput) {
    output.print_line(&format!("{:<34}{:>5}  hit@1   hit@5  hit@10  rec@10   all@5     mrr ndcg@10", "", "n"));
}

fn print_level(name: &str, level: &LevelScores, output: CliOutput) {
    let row = |name: &str, scored: &MeanMeasures| {
        let mean = &scored.mean;
        let percent = [mean.hit_1, mean.hit_5, mean.hit_10, mean.recall_10, mean.all_5, mean.mrr, mean.ndcg_10];
        let cells = percent.map(|value| format!("{:>8.1}", value * 100.0)).concat();
        output.print_line(&format!("{name:<34}{:>5}{cells}", scored.n));
    };
    row(name, &level.overall);
    let [one, five, ten] = level.intervals.map(|(low, high)| format!("{:.1}–{:.1}", low * 100.0, high * 100.0));
    output.print_line(&format!("{:<39} 95 %: {one}, {five}, {ten}", ""));
    for (kind, scored) in &level.by_type {
        row(&format!("    {kind}"), scored);
    }
}

fn print_receipt(receipt: &RetrievalReport, output: CliOutput) {
    print_header(output);
    for (name, level) in &receipt.levels {
        print_level(&format!("{name} · {} · {}", receipt.tier, receipt.pool), level, output);
    }
    let (latency, tokens) = (&receipt.latency_ms, &receipt.tokens);
    output.print_line(&format!(
        "latency ms p50 {:.1}, p95 {:.1}, p99 {:.1}; by stage µs {:?}",
        latency.total.p50, latency.total.p95, latency.total.p99, latency.stages_us
    ));
    output.print_line(&format!("tokens p50 {:.0}, p95 {:.0}; {} turns", tokens.p50, tokens.p95, receipt.turns));
}

fn print_comparison(level: &str, compared: &LevelComparison, output: CliOutput) {
    output.print_line(&format!("{level}, {} queries: second minus first, 95 % interval, won and lost", compared.n));
    for (name, difference) in &compared.measures {
        let (low, high) = difference.interval;
        let (won, lost) = difference.won_lost;
        let [mean, low, high] = [difference.mean, low, high].map(|value| format!("{:+.1}", value * 100.0));
        output.print_line(&format!("    {name:<8}{mean:>7}  {low:>6} … {high:<6}  {won} : {lost}"));
    }
}

impl From<bench::Error> for Failure {
    fn from(error: bench::Error) -> Self {
        match error {
            bench::Error::Memory(error) => Self::from(error),
            bench::Error::Config(error) => Self::from(error),
            other => Self::invalid_input(other.to_string()),
        }
    }
}

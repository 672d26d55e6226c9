//! `embed`: computes the missing embeddings.

use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::group_digits;
use crate::cli::invocation::Invocation;
use crate::cli::output::CliOutput;
use crate::cli::priority;
use crate::cli::progress::{INTERRUPTED, create_bar, stop_on_interrupt};
use crate::domain::Failure;
use crate::memory::{self, EmbedProgress, EmbedStats, Memory};
use crate::store::OpenMode;

/// Compute missing embeddings, so that semantic search finds every message
///
/// Newest texts first. Ctrl-C stops at once and loses nothing; the next run, or any running `claude-memory mcp`,
/// continues. Only one process embeds at a time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory embed")]
pub(in crate::cli) struct EmbedArgs {
    /// Worker threads [default: setting embed.threads; on a terminal every core, else every core but one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: Option<u16>,
    /// Pause embedding in this data folder until --resume
    #[arg(long, conflicts_with = "resume")]
    pause: bool,
    /// Resume embedding after --pause, and embed what is missing
    #[arg(long)]
    resume: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct EmbedSummary {
    parts: u64,
    vectors: u64,
    copied: u64,
    failed: u64,
    characters: u64,
    interrupted: bool,
    seconds: f64,
}

impl EmbedSummary {
    pub(super) fn new(made: EmbedStats, took: Duration) -> Self {
        let EmbedStats { parts, vectors, copied, failed, characters, interrupted } = made;
        let seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
        Self { parts, vectors, copied, failed, characters, interrupted, seconds }
    }
}

pub(in crate::cli) fn run(args: &EmbedArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    if args.pause {
        memory.pause_embedding(true)?;
        session.output.print_message("embedding is paused for this data folder until `claude-memory embed --resume`");
        return Ok(ExitCode::SUCCESS);
    }
    if args.resume {
        memory.pause_embedding(false)?;
    }
    let waited_for = priority::lower_in_background();
    let workers = args.threads.map_or_else(|| memory.settings().embed.worker_count(waited_for), usize::from);
    let stop = stop_on_interrupt(session.output);
    let start = Instant::now();
    let made = embed_missing(&memory, workers, session.output, &stop)?;
    if session.output.is_json() {
        session.output.print_json(&EmbedSummary::new(made, start.elapsed()));
    } else if made == EmbedStats::default() {
        session.output.print_line("Nothing to embed: all embeddings are up to date.");
    }
    Ok(if made.interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// Computes all missing embeddings and prints a summary. Another process already embedding is not a failure.
pub(super) fn embed_missing(
    memory: &Memory,
    workers: usize,
    output: CliOutput,
    stop: &AtomicBool,
) -> Result<EmbedStats, Failure> {
    let start = Instant::now();
    let turn = match memory.acquire_embed_lease(workers).map_err(Failure::from) {
        Ok(Some(turn)) => turn,
        Ok(None) => return Ok(EmbedStats::default()),
        Err(failure) if failure.is_busy() => {
            output.print_message(&format!("{failure}; nothing to do"));
            return Ok(EmbedStats::default());
        }
        Err(failure) => return Err(failure),
    };
    let made = run_with_bar(output, |progress| memory.embed_pending(&turn, stop, progress))?;
    print_embed_summary(&made, start.elapsed(), output);
    Ok(made)
}

/// Runs embedding work with a progress bar.
pub(super) fn run_with_bar(
    output: CliOutput,
    work: impl FnOnce(&mut dyn FnMut(EmbedProgress)) -> memory::Result<EmbedStats>,
) -> memory::Result<EmbedStats> {
    let bar = create_bar(output, "{bar:30} {pos}/{len} texts, {msg} {eta}");
    let made = work(&mut |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        bar.set_message(format!("{} embeddings", group_digits(progress.vectors)));
    });
    bar.finish_and_clear();
    made
}

/// Prints how many embeddings were computed, and how fast.
pub(super) fn print_embed_summary(made: &EmbedStats, took: Duration, output: CliOutput) {
    let seconds = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = made.vectors as f64 / seconds.max(0.001);
    output.print_message(&format!(
        "embeddings: {} (texts: {}, copied: {}, failed: {}) in {seconds:.1} s, {rate:.1} per second{}",
        group_digits(made.vectors),
        group_digits(made.parts),
        group_digits(made.copied),
        group_digits(made.failed),
        if made.interrupted { "; interrupted: run it again to continue" } else { "" }
    ));
}

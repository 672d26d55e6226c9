//! `embed`: makes the vectors that are still missing.

use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::grouped;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::priority;
use crate::cli::progress::{INTERRUPTED, bar, stop_on_interrupt};
use crate::cli::session::Session;
use crate::memory::{self, Made, MakingProgress, Memory};
use crate::store::Open;

/// Make the missing vectors, so that everything can be searched by meaning
///
/// Newest texts first. Ctrl-C stops at once and loses nothing; the next run, or any running `claude-memory mcp`,
/// continues. Only one process does this at a time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory embed")]
pub(in crate::cli) struct Args {
    /// Workers [default: setting embed.threads; every core when started on a terminal, else every core but one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: Option<u16>,
    /// Let nobody make vectors for this folder until --resume
    #[arg(long, conflicts_with = "resume")]
    pause: bool,
    /// Go on after --pause
    #[arg(long)]
    resume: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Done {
    parts: u64,
    vectors: u64,
    copied: u64,
    failed: u64,
    characters: u64,
    interrupted: bool,
    seconds: f64,
}

impl Done {
    pub(super) fn new(made: Made, took: Duration) -> Self {
        let Made { parts, vectors, copied, failed, characters, interrupted } = made;
        let seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
        Self { parts, vectors, copied, failed, characters, interrupted, seconds }
    }
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    if args.pause {
        memory.pause_vectors(true)?;
        session.output.say("no vectors are made for this folder until `claude-memory embed --resume`");
        return Ok(ExitCode::SUCCESS);
    }
    if args.resume {
        memory.pause_vectors(false)?;
    }
    let waited_for = priority::lower_in_background();
    let workers = args.threads.map_or_else(|| memory.settings().embed.workers(waited_for), usize::from);
    let stop = stop_on_interrupt(session.output);
    let start = Instant::now();
    let made = make(&memory, workers, session.output, &stop)?;
    if session.output.is_json() {
        session.output.json(&Done::new(made, start.elapsed()));
    } else if made == Made::default() {
        session.output.line("Every text that gets vectors has them.");
    }
    Ok(if made.interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// Makes all missing vectors and says what was done. Another process doing the same is not a failure.
pub(super) fn make(memory: &Memory, workers: usize, output: Output, stop: &AtomicBool) -> Result<Made, Failure> {
    let start = Instant::now();
    let turn = match memory.take_turn(workers).map_err(Failure::from) {
        Ok(Some(turn)) => turn,
        Ok(None) => return Ok(Made::default()),
        Err(failure) if failure.is_busy() => {
            output.say(&format!("{failure}; nothing to do here"));
            return Ok(Made::default());
        }
        Err(failure) => return Err(failure),
    };
    let made = with_bar(output, |progress| memory.make_vectors(&turn, stop, progress))?;
    tell(&made, start.elapsed(), output);
    Ok(made)
}

/// Runs what makes vectors under a bar.
pub(super) fn with_bar(
    output: Output,
    work: impl FnOnce(&mut dyn FnMut(MakingProgress)) -> memory::Result<Made>,
) -> memory::Result<Made> {
    let bar = bar(output, "{bar:30} {pos}/{len} texts, {msg} {eta}");
    let made = work(&mut |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        bar.set_message(format!("{} vectors", grouped(progress.vectors)));
    });
    bar.finish_and_clear();
    made
}

/// Says what was made.
pub(super) fn tell(made: &Made, took: Duration, output: Output) {
    let seconds = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = made.vectors as f64 / seconds.max(0.001);
    output.say(&format!(
        "{} vectors for {} texts in {seconds:.1} s ({rate:.1} a second, {} copied, {} failed){}",
        grouped(made.vectors),
        grouped(made.parts),
        grouped(made.copied),
        grouped(made.failed),
        if made.interrupted { "; interrupted, run it again to continue" } else { "" }
    ));
}

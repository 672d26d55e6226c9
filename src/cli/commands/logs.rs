//! `logs`: the end of a log, and what is added to it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::ValueEnum;

use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::progress::stop_on_interrupt;
use crate::cli::session::Session;
use crate::domain::Code;
use crate::domain::text::visible;

/// Of a log that is read from its end, so many bytes are looked through.
const TAIL_BYTES: u64 = 1 << 20;
/// Between two looks at whether something was added.
const LOOK: Duration = Duration::from_millis(250);

/// Show the end of a log, and follow it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory logs\n  claude-memory logs alerts --follow\n  claude-memory logs cron --lines 100"
)]
pub(in crate::cli) struct Args {
    /// Which log
    #[arg(value_enum, default_value = "service")]
    which: Which,
    #[command(flatten)]
    tail: Tail,
}

/// How much of it.
#[derive(Debug, clap::Args)]
pub(super) struct Tail {
    /// Lines from its end
    #[arg(long, short = 'n', default_value_t = 20)]
    lines: usize,
    /// Go on showing what is added, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// What `serve` did: logs/monitoring_mcp.log
    Service,
    /// Alerts that came in: logs/alerts.log
    Alerts,
    /// What timers of the system printed: logs/cron.log
    Cron,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let paths = session.paths()?;
    let path = match args.which {
        Which::Service => paths.service_log(),
        Which::Alerts => paths.alerts_log(),
        Which::Cron => paths.cron_log(),
    };
    show(&path, &args.tail, session)
}

/// The service's log.
pub(super) fn service(tail: &Tail, session: &Session) -> Result<ExitCode, Failure> {
    show(&session.paths()?.service_log(), tail, session)
}

fn show(path: &Path, tail: &Tail, session: &Session) -> Result<ExitCode, Failure> {
    let output = session.output;
    let mut at = match end(path, tail.lines) {
        Ok((lines, at)) => {
            if output.is_json() && !tail.follow {
                output.json(&serde_json::json!({ "path": path.display().to_string(), "lines": lines }));
            } else {
                lines.iter().for_each(|line| print(output, line));
            }
            at
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && tail.follow => 0,
        Err(error) => return Err(unreadable(path, &error)),
    };
    if !tail.follow {
        return Ok(ExitCode::SUCCESS);
    }
    let stop = stop_on_interrupt(output);
    follow(path, &mut at, output, &stop).map_err(|error| unreadable(path, &error))?;
    Ok(ExitCode::SUCCESS)
}

/// Nothing in a log acts on the terminal that shows it.
fn print(output: Output, line: &str) {
    let line = visible::safe(line);
    if output.is_json() { output.json(&serde_json::json!({ "line": line })) } else { output.line(&line) }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    let code = if missing { Code::NotFound } else { Code::Unavailable };
    let hint =
        missing.then_some("it is made when something is written: by `claude-memory serve`, its webhook, or a timer");
    Failure::new(code, format!("cannot read {}: {error}", path.display()), hint)
}

/// The last lines, and where the file ends.
fn end(path: &Path, lines: usize) -> std::io::Result<(Vec<String>, u64)> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut all: Vec<&str> = text.lines().collect();
    if from > 0 && !all.is_empty() {
        // The first one was cut.
        all.remove(0);
    }
    let kept = all.len().saturating_sub(lines);
    let read = from + bytes.len() as u64;
    Ok((all.into_iter().skip(kept).map(str::to_owned).collect(), read))
}

/// Prints what is added; a file that was put aside is followed under its name.
fn follow(path: &Path, at: &mut u64, output: Output, stop: &AtomicBool) -> std::io::Result<()> {
    let mut rest = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(LOOK);
        let mut file = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            other => other?,
        };
        if file.metadata()?.len() < *at {
            *at = 0;
            rest.clear();
        }
        file.seek(SeekFrom::Start(*at))?;
        *at += file.take(u64::MAX).read_to_end(&mut rest)? as u64;
        while let Some(end) = memchr::memchr(b'\n', &rest) {
            let line: Vec<u8> = rest.drain(..=end).collect();
            print(output, String::from_utf8_lossy(line.trim_ascii_end()).as_ref());
        }
    }
    Ok(())
}

//! `logs`: prints the end of a log and follows it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::ValueEnum;

use crate::cli::invocation::Invocation;
use crate::cli::output::CliOutput;
use crate::cli::progress::stop_on_interrupt;
use crate::domain::text::sanitise;
use crate::domain::{Failure, FailureCode};

/// Bytes read from the end of a log to find its last lines.
const TAIL_BYTES: u64 = 1 << 20;
/// Interval between two checks for new lines.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(250);

/// Show the end of a log, and follow it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory logs\n  claude-memory logs alerts --follow\n  claude-memory logs cron --lines 100"
)]
pub(in crate::cli) struct LogsArgs {
    /// Log to show
    #[arg(value_enum, default_value = "service")]
    which: LogName,
    #[command(flatten)]
    tail: LogTailArgs,
}

/// Options for the end of a log.
#[derive(Debug, clap::Args)]
pub(super) struct LogTailArgs {
    /// Number of last lines to show
    #[arg(long, short = 'n', default_value_t = 20)]
    lines: usize,
    /// Keep showing new lines until Ctrl-C
    #[arg(long, short)]
    follow: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogName {
    /// Log of `serve`: logs/monitoring_mcp.log
    Service,
    /// Alerts received: logs/alerts.log
    Alerts,
    /// Output of system timers: logs/cron.log
    Cron,
}

pub(in crate::cli) fn run(args: &LogsArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let paths = session.resolve_paths()?;
    let path = match args.which {
        LogName::Service => paths.service_log(),
        LogName::Alerts => paths.alerts_log(),
        LogName::Cron => paths.cron_log(),
    };
    show_log(&path, &args.tail, session)
}

/// Shows the log of the service.
pub(super) fn show_service_log(tail: &LogTailArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    show_log(&session.resolve_paths()?.service_log(), tail, session)
}

fn show_log(path: &Path, tail: &LogTailArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let output = session.output;
    let mut at = match read_tail(path, tail.lines) {
        Ok((lines, at)) => {
            if output.is_json() && !tail.follow {
                output.print_json(&serde_json::json!({ "path": path.display().to_string(), "lines": lines }));
            } else {
                lines.iter().for_each(|line| print_log_line(output, line));
            }
            at
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && tail.follow => 0,
        Err(error) => return Err(read_error(path, &error)),
    };
    if !tail.follow {
        return Ok(ExitCode::SUCCESS);
    }
    let stop = stop_on_interrupt(output);
    follow_log(path, &mut at, output, &stop).map_err(|error| read_error(path, &error))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints a line with control characters made visible, so that a log cannot act on the terminal.
fn print_log_line(output: CliOutput, line: &str) {
    let line = sanitise::sanitise_text(line);
    if output.is_json() { output.print_json(&serde_json::json!({ "line": line })) } else { output.print_line(&line) }
}

fn read_error(path: &Path, error: &std::io::Error) -> Failure {
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    let code = if missing { FailureCode::NotFound } else { FailureCode::Unavailable };
    let hint = missing.then_some("it is created at the first entry: by `claude-memory serve`, its webhook, or a timer");
    Failure::new(code, format!("cannot read {}: {error}", path.display()), hint)
}

/// Returns the last lines, and the offset of the end of the file.
fn read_tail(path: &Path, lines: usize) -> std::io::Result<(Vec<String>, u64)> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut all: Vec<&str> = text.lines().collect();
    if from > 0 && !all.is_empty() {
        // The first line is incomplete.
        all.remove(0);
    }
    let kept = all.len().saturating_sub(lines);
    let read = from + bytes.len() as u64;
    Ok((all.into_iter().skip(kept).map(str::to_owned).collect(), read))
}

/// Prints new lines until `stop` is set. If the log is rotated, follows the new file of that name.
fn follow_log(path: &Path, at: &mut u64, output: CliOutput, stop: &AtomicBool) -> std::io::Result<()> {
    let mut rest = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(FOLLOW_INTERVAL);
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
            print_log_line(output, String::from_utf8_lossy(line.trim_ascii_end()).as_ref());
        }
    }
    Ok(())
}

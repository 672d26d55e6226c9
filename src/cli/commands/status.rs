//! `status`: contents, health and readings of the memory.

use std::process::ExitCode;

use jiff::tz::TimeZone;
use serde::Serialize;

use super::mcp::build_context;
use super::status_summary;
use super::{format_bytes, format_check, group_digits};
use crate::backup::deletion;
use crate::cli::invocation::Invocation;
use crate::config::env;
use crate::domain::Failure;
use crate::mcp::wire::{HealthAnswer, HealthCheck};
use crate::memory::{Memory, MemoryHealth};
use crate::monitor::alert_evaluation;
use crate::monitor::alerts;
use crate::monitor::thresholds::{self, ThresholdRow};
use crate::store::OpenMode;

/// Show whether everything works, and what to do if not
///
/// Ends with 0 if all is well and with 1 if there is something to do. --system adds contents, checks and the readings of
/// disk, memory, CPU, response time and database with their thresholds; it and --json end with 0, 1 or 2 for normal,
/// warning or critical readings.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory status\n  claude-memory status --system\n  claude-memory status --json"
)]
pub(in crate::cli) struct StatusArgs {
    /// Show contents, checks and the readings of this machine with their thresholds
    #[arg(long)]
    system: bool,
}

/// Output of `status --json`: the answer of `memory_health`, and the readings.
#[derive(Serialize)]
struct StatusAnswer {
    #[serde(flatten)]
    health: HealthAnswer,
    level: &'static str,
    thresholds: Vec<ThresholdRow>,
    open_alerts: usize,
    /// Check of the copies that may still contain deleted messages.
    copies: HealthCheck,
}

pub(in crate::cli) fn run(args: &StatusArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let paths = session.resolve_paths()?;
    let readings = thresholds::measure_all(&memory, &paths, &memory.settings().thresholds, &env::test_readings())?;
    let level = thresholds::worst_level(&readings);
    let alerts = alerts::read_log(&paths.alerts_log()).unwrap_or_default();
    let open_alerts = alerts::open_alerts(&alerts).len();
    let rows: Vec<ThresholdRow> = readings.iter().map(ThresholdRow::from).collect();
    if session.output.is_json() {
        let health = HealthAnswer::gather_health(&memory, build_context().transcripts.as_deref(), session.now)?;
        let copies = HealthCheck::from(deletion::check_copies(&memory, session.now));
        session.output.print_json(&StatusAnswer { health, level: level.name(), thresholds: rows, open_alerts, copies });
        return Ok(ExitCode::from(level.exit_code()));
    }
    if !args.system {
        return status_summary::print_summary(&memory, &readings, session);
    }
    print_status(&memory, session)?;
    print_readings(&rows, session);
    if open_alerts > 0 {
        session.output.print_line(&format!("open alerts: {open_alerts}; see `claude-memory alerts list`"));
    }
    Ok(ExitCode::from(level.exit_code()))
}

/// Prints the readings of this machine with their thresholds.
fn print_readings(rows: &[ThresholdRow], session: &Invocation) {
    session.output.print_line("");
    session.output.print_line(&format!("{:<12}{:>12}   {:>9} {:>9} {:>9}", "", "now", "normal", "warning", "critical"));
    for row in rows {
        let now = row.value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.1} {}", row.unit));
        let mark = if row.level == "normal" { "" } else { row.level };
        session.output.print_line(&format!(
            "{:<12}{now:>12}   {:>9} {:>9} {:>9}  {mark}",
            row.name,
            format!("< {}", row.normal),
            row.warning,
            row.critical
        ));
    }
}

/// Prints contents and health of the memory.
pub(super) fn print_status(memory: &Memory, session: &Invocation) -> Result<(), Failure> {
    if session.output.is_json() {
        session.output.print_json(&HealthAnswer::gather_health(
            memory,
            build_context().transcripts.as_deref(),
            session.now,
        )?);
        return Ok(());
    }
    let mut health = memory.check_health(session.now)?;
    let backlog = memory.import_backlog(build_context().transcripts.as_deref(), session.now)?;
    let alerts = alert_evaluation::check_alerts(memory, &health, backlog, session.now)?;
    health.checks.extend([backlog.backlog_check(), alerts, deletion::check_copies(memory, session.now)]);
    let paths = session.resolve_paths()?;
    let row = |name: &str, value: &str| session.output.print_line(&format!("{name:<12}{value}"));
    let MemoryHealth { stats, vectors, model, index, checks, .. } = &health;
    row("folder", &paths.home().display().to_string());
    row(
        "messages",
        &format!(
            "{} (sessions: {}, projects: {}, saved notes: {})",
            group_digits(stats.messages),
            group_digits(stats.conversations),
            group_digits(stats.projects),
            group_digits(stats.notes)
        ),
    );
    if let (Some(oldest), Some(newest)) = (stats.oldest, stats.newest) {
        let zone = TimeZone::system();
        row("time", &format!("{} to {}", oldest.format_minute(&zone), newest.format_minute(&zone)));
    }
    row(
        "embeddings",
        &format!(
            "{} (texts not embedded yet: {}); engine {index}",
            group_digits(*vectors),
            group_digits(stats.pending)
        ),
    );
    if let Some((name, digest)) = model {
        row("model", &format!("{name} ({})", digest.get(..12).unwrap_or(digest)));
    }
    row(
        "size",
        &format!(
            "{} on disk for {} of text",
            format_bytes(stats.database_bytes + stats.log_bytes),
            format_bytes(stats.text_bytes)
        ),
    );
    for check in checks {
        session.output.print_line(&format_check(check));
    }
    Ok(())
}

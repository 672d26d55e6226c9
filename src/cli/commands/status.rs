//! `status`: what is kept and how it is.

use std::process::ExitCode;

use jiff::tz::TimeZone;
use serde::Serialize;

use super::mcp::context;
use super::{check_line, grouped, sized};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::config::env;
use crate::mcp::wire::HealthAnswer;
use crate::memory::{Health, Memory};
use crate::ops::alerts;
use crate::ops::thresholds::{self, Row};
use crate::ops::watch;
use crate::store::Open;

/// Show what is kept, whether search is degraded, and how full, busy and slow it is
///
/// Ends with 1 when a reading is worth a warning, with 2 when one is critical; the thresholds are settings.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory status\n  claude-memory status --json")]
pub(in crate::cli) struct Args {}

/// What `status --json` prints: the answer of `memory_health`, and the readings.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    health: HealthAnswer,
    level: &'static str,
    thresholds: Vec<Row>,
    open_alerts: usize,
}

pub(in crate::cli) fn run(Args {}: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    let paths = session.paths()?;
    let readings = thresholds::read(&memory, &paths, &memory.settings().thresholds, &env::readings())?;
    let level = thresholds::worst(&readings);
    let alerts = alerts::lines(&paths.alerts_log()).unwrap_or_default();
    let open_alerts = alerts::open(&alerts).len();
    let rows: Vec<Row> = readings.iter().map(Row::from).collect();
    if session.output.is_json() {
        let health = HealthAnswer::gather(&memory, context().transcripts.as_deref(), session.now)?;
        session.output.json(&Answer { health, level: level.name(), thresholds: rows, open_alerts });
        return Ok(ExitCode::from(level.exit()));
    }
    tell(&memory, session)?;
    session.output.line("");
    session.output.line(&format!("{:<12}{:>12}   {:>9} {:>9} {:>9}", "", "now", "normal", "warning", "critical"));
    for row in &rows {
        let now = row.value.map_or_else(|| "not known".to_owned(), |value| format!("{value:.1} {}", row.unit));
        let mark = if row.level == "normal" { "" } else { row.level };
        session.output.line(&format!(
            "{:<12}{now:>12}   {:>9} {:>9} {:>9}  {mark}",
            row.name,
            format!("< {}", row.normal),
            row.warning,
            row.critical
        ));
    }
    if open_alerts > 0 {
        session.output.line(&format!("{open_alerts} alerts are open: claude-memory alerts list"));
    }
    Ok(ExitCode::from(level.exit()))
}

/// Prints the state of the memory.
pub(super) fn tell(memory: &Memory, session: &Session) -> Result<(), Failure> {
    if session.output.is_json() {
        session.output.json(&HealthAnswer::gather(memory, context().transcripts.as_deref(), session.now)?);
        return Ok(());
    }
    let mut health = memory.health(session.now)?;
    let backlog = memory.backlog(context().transcripts.as_deref(), session.now)?;
    let alerts = watch::check(memory, &health, backlog, session.now)?;
    health.checks.extend([backlog.check(), alerts]);
    let paths = session.paths()?;
    let row = |name: &str, value: &str| session.output.line(&format!("{name:<12}{value}"));
    let Health { stats, vectors, model, index, checks, .. } = &health;
    row("folder", &paths.home().display().to_string());
    row(
        "messages",
        &format!(
            "{} in {} sessions of {} projects; {} saved on purpose",
            grouped(stats.messages),
            grouped(stats.conversations),
            grouped(stats.projects),
            grouped(stats.notes)
        ),
    );
    if let (Some(oldest), Some(newest)) = (stats.oldest, stats.newest) {
        let zone = TimeZone::system();
        row("time", &format!("{} to {}", oldest.to_minute(&zone), newest.to_minute(&zone)));
    }
    row("vectors", &format!("{} made, {} texts wait; engine {index}", grouped(*vectors), grouped(stats.pending)));
    if let Some((name, digest)) = model {
        row("model", &format!("{name} ({})", digest.get(..12).unwrap_or(digest)));
    }
    row(
        "size",
        &format!("{} on disk for {} of text", sized(stats.database_bytes + stats.log_bytes), sized(stats.text_bytes)),
    );
    for check in checks {
        session.output.line(&check_line(check));
    }
    Ok(())
}

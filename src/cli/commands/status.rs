//! `status`: what is kept and how it is.

use std::process::ExitCode;

use jiff::tz::TimeZone;

use super::mcp::context;
use super::{grouped, sized};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::mcp::wire::HealthAnswer;
use crate::memory::{Health, Memory};
use crate::store::Open;

/// Show what is kept, whether search is degraded, and what to do about it
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {}

pub(in crate::cli) fn run(Args {}: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    tell(&memory, session)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the state of the memory.
pub(super) fn tell(memory: &Memory, session: &Session) -> Result<(), Failure> {
    let mut health = memory.health(session.now)?;
    let backlog = memory.backlog(context().transcripts.as_deref(), session.now)?;
    if session.output.is_json() {
        session.output.json(&HealthAnswer::new(health, backlog));
        return Ok(());
    }
    health.checks.push(backlog.check());
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
        let fix = check.fix.as_ref().map(|fix| format!(" → {fix}")).unwrap_or_default();
        row(&format!("{} {}", if check.ok { "ok" } else { "!!" }, check.name), &format!("{}{fix}", check.finding));
    }
    Ok(())
}

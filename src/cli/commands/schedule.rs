//! `schedule`: work that is done now and then, by `serve` or by timers of the system.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::service::places;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::disk;
use crate::domain::time::HOUR_MS;
use crate::domain::{Code, Timestamp};
use crate::ops::schedule::{self, Job};
use crate::ops::system::{self, Manager, TIMERS, Timer};
use crate::store::Open;

/// Show and set up what is done now and then: reading, backups, comparing, the monthly round, reports
///
/// A running `serve` does it by itself. Where `serve` does not run, `install` sets up timers of systemd, launchd or cron; again it
/// changes only what differs. What they print goes to logs/cron.log in the data folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory schedule list\n  claude-memory schedule install --dry-run\n  \
    claude-memory schedule install --manager cron\n  claude-memory schedule remove")]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Set up timers
    Install {
        /// With what [default: the first of these that works here]
        #[arg(long, value_name = "MANAGER")]
        manager: Option<Named>,
        /// Only these, separated by commas: import, backup, check, maintain, report
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        only: Vec<String>,
        /// Print what would be done, do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Show what is done when, when it was done last, and which timers are set up
    List,
    /// Take the timers out
    Remove,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Named {
    Systemd,
    Launchd,
    Cron,
}

impl From<Named> for Manager {
    fn from(named: Named) -> Self {
        match named {
            Named::Systemd => Self::Systemd,
            Named::Launchd => Self::Launchd,
            Named::Cron => Self::Cron,
        }
    }
}

/// What `schedule list --json` prints.
#[derive(Serialize)]
struct Listed {
    jobs: Vec<Row>,
    timers: Vec<Set>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    every_hours: Option<i64>,
    last: Option<String>,
    next: Option<String>,
    ok: Option<bool>,
    finding: Option<String>,
}

#[derive(Serialize)]
struct Set {
    manager: &'static str,
    name: String,
}

pub(in crate::cli) fn run(args: Args, session: &Session) -> Result<ExitCode, Failure> {
    match args.action {
        Action::Install { manager, only, dry_run } => install(session, manager.map(Manager::from), &only, dry_run),
        Action::List => list(session),
        Action::Remove => remove(session),
    }
}

fn install(session: &Session, manager: Option<Manager>, only: &[String], dry_run: bool) -> Result<ExitCode, Failure> {
    if let Some(unknown) = only.iter().find(|name| TIMERS.iter().all(|timer| timer.name != name.as_str())) {
        let known: Vec<&str> = TIMERS.iter().map(|timer| timer.name).collect();
        return Err(Failure::invalid(format!("there is no timer {unknown:?}; there are {}", known.join(", "))));
    }
    let manager = manager.or_else(Manager::for_timers).ok_or_else(|| {
        Failure::new(
            Code::Unavailable,
            "there is nothing here that runs timers (systemd, launchd or cron)",
            Some("let `claude-memory serve` run: it does the same work by itself"),
        )
    })?;
    let wanted: Vec<Timer> =
        TIMERS.iter().filter(|timer| only.is_empty() || only.iter().any(|name| name == timer.name)).copied().collect();
    let places = places(session, String::new(), String::new())?;
    let steps = system::timers(manager, &wanted, &places, &places.cron_log)?;
    if dry_run {
        super::plan(session, manager.name(), &steps);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(folder) = places.cron_log.parent() {
        disk::create_private_folder(folder).map_err(|error| {
            Failure::new(Code::Unavailable, format!("cannot make {}: {error}", folder.display()), None)
        })?;
    }
    let changed = system::carry_out(&steps)?;
    if session.output.is_json() {
        let names: Vec<&str> = wanted.iter().map(|timer| timer.name).collect();
        session.output.json(&serde_json::json!({ "manager": manager.name(), "timers": names, "changed": changed > 0 }));
    } else {
        let word = if changed > 0 { "set up" } else { "set up before; nothing changed" };
        session.output.line(&format!("{} timers of {}: {word}", wanted.len(), manager.name()));
        wanted.iter().for_each(|timer| session.output.line(&format!("  {:<10}{}", timer.name, timer.what)));
    }
    Ok(ExitCode::SUCCESS)
}

fn remove(session: &Session) -> Result<ExitCode, Failure> {
    let places = places(session, String::new(), String::new())?;
    let installed = system::installed();
    let mut managers: Vec<Manager> = Vec::new();
    for (manager, _) in &installed {
        if !managers.contains(manager) {
            managers.push(*manager);
        }
    }
    for manager in managers {
        system::carry_out(&system::timers(manager, &[], &places, &places.cron_log)?)?;
    }
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "removed": installed.len() }));
    } else {
        session.output.line(&format!("{} timers taken out", installed.len()));
    }
    Ok(ExitCode::SUCCESS)
}

fn list(session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    let (paths, settings) = (session.paths()?, memory.settings().schedule.clone());
    let runs = memory.runs()?;
    let mut jobs = Vec::new();
    for job in Job::ALL {
        let every = job.every_ms(&settings);
        let last = schedule::last(*job, &memory, &paths)?;
        let noted = runs.iter().find(|run| run.name == job.name());
        // What failed is due already.
        let failed = noted.is_some_and(|run| !run.ok);
        let next = |last: Timestamp| every.map(|every| if failed { last } else { last.minus(-every) }.to_string());
        jobs.push(Row {
            name: job.name(),
            every_hours: every.map(|every| every / HOUR_MS),
            last: last.map(|at| at.to_string()),
            next: last.and_then(next),
            ok: noted.map(|run| run.ok),
            finding: noted.map(|run| run.finding.clone()),
        });
    }
    let timers = system::installed().into_iter().map(|(manager, name)| Set { manager: manager.name(), name }).collect();
    let listed = Listed { jobs, timers };
    if session.output.is_json() {
        session.output.json(&listed);
        return Ok(ExitCode::SUCCESS);
    }
    session.output.line("by `serve`, while it runs:");
    for row in &listed.jobs {
        let every = row.every_hours.map_or_else(|| "off".to_owned(), |hours| format!("every {hours} h"));
        let last = row.last.as_deref().unwrap_or("never yet");
        let word = match (row.ok, &row.finding) {
            (Some(false), Some(finding)) => format!(" (failed: {finding})"),
            _ => String::new(),
        };
        session.output.line(&format!("  {:<13}{every:<14}last {last}{word}", row.name));
    }
    session.output.line("timers of the system:");
    for timer in &listed.timers {
        session.output.line(&format!("  {:<13}{}", timer.name, timer.manager));
    }
    if listed.timers.is_empty() {
        session.output.line("  none; `claude-memory schedule install` sets them up where `serve` does not run");
    }
    Ok(ExitCode::SUCCESS)
}

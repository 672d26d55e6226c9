//! `schedule`: scheduled jobs, run by `serve` or by system timers.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use super::service::collect_deploy_paths;
use crate::cli::invocation::Invocation;
use crate::config::ScheduledJob;
use crate::disk;
use crate::domain::time::HOUR_MS;
use crate::domain::{Failure, FailureCode, Timestamp};
use crate::store::OpenMode;
use crate::system::schedule;
use crate::system::{self, ServiceManager, SystemTimer, TIMERS};

/// Manage scheduled jobs (import, backup, verify, maintain, report)
///
/// A running `serve` runs the jobs itself. Where `serve` does not run, `install` sets up timers of systemd, launchd or
/// cron; running it again changes only what differs. Their output goes to logs/cron.log in the data folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory schedule list\n  claude-memory schedule install --dry-run\n  \
    claude-memory schedule install --manager cron\n  claude-memory schedule remove")]
pub(in crate::cli) struct ScheduleArgs {
    #[command(subcommand)]
    action: ScheduleAction,
}

#[derive(Debug, Subcommand)]
enum ScheduleAction {
    /// Set up system timers
    Install {
        /// System that runs the timers [default: the first of these that works here]
        #[arg(long, value_name = "MANAGER", value_parser = ServiceManager::ALL.map(ServiceManager::name))]
        manager: Option<String>,
        /// Set up only these jobs, separated by commas: import, backup, check, maintain, report
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        only: Vec<String>,
        /// Print the steps, change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List the jobs, their last runs, and the timers that are set up
    List,
    /// Remove the timers
    Remove,
}

/// Output of `schedule list --json`.
#[derive(Serialize)]
struct ScheduleListing {
    jobs: Vec<JobRow>,
    timers: Vec<InstalledTimer>,
}

#[derive(Serialize)]
struct JobRow {
    name: &'static str,
    every_hours: Option<i64>,
    last: Option<String>,
    next: Option<String>,
    ok: Option<bool>,
    finding: Option<String>,
}

#[derive(Serialize)]
struct InstalledTimer {
    manager: &'static str,
    name: String,
}

pub(in crate::cli) fn run(args: ScheduleArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    match args.action {
        ScheduleAction::Install { manager, only, dry_run } => {
            install_timers(session, manager.as_deref().and_then(ServiceManager::from_name), &only, dry_run)
        }
        ScheduleAction::List => list_jobs(session),
        ScheduleAction::Remove => remove_timers(session),
    }
}

fn install_timers(
    session: &Invocation,
    manager: Option<ServiceManager>,
    only: &[String],
    dry_run: bool,
) -> Result<ExitCode, Failure> {
    if let Some(unknown) = only.iter().find(|name| TIMERS.iter().all(|timer| timer.name != name.as_str())) {
        let known: Vec<&str> = TIMERS.iter().map(|timer| timer.name).collect();
        return Err(Failure::invalid_input(format!("unknown timer {unknown:?}; use {}", known.join(", "))));
    }
    let manager = manager.or_else(ServiceManager::for_timers).ok_or_else(|| {
        Failure::new(
            FailureCode::Unavailable,
            "no system for timers found (systemd, launchd or cron)",
            Some("run `claude-memory serve` instead: it runs the same jobs"),
        )
    })?;
    let wanted: Vec<SystemTimer> =
        TIMERS.iter().filter(|timer| only.is_empty() || only.iter().any(|name| name == timer.name)).copied().collect();
    let places = collect_deploy_paths(session, String::new(), String::new())?;
    let steps = system::timer_steps(manager, &wanted, &places, &places.cron_log)?;
    if dry_run {
        super::print_plan(session, manager.name(), &steps);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(folder) = places.cron_log.parent() {
        disk::create_private_folder(folder).map_err(|error| {
            Failure::new(FailureCode::Unavailable, format!("cannot create {}: {error}", folder.display()), None)
        })?;
    }
    let changed = system::execute_steps(&steps)?;
    if session.output.is_json() {
        let names: Vec<&str> = wanted.iter().map(|timer| timer.name).collect();
        session
            .output
            .print_json(&serde_json::json!({ "manager": manager.name(), "timers": names, "changed": changed > 0 }));
    } else {
        let word = if changed > 0 { "set up" } else { "already set up; nothing changed" };
        session.output.print_line(&format!("timers: {} ({}): {word}", wanted.len(), manager.name()));
        wanted.iter().for_each(|timer| session.output.print_line(&format!("  {:<10}{}", timer.name, timer.what)));
    }
    Ok(ExitCode::SUCCESS)
}

fn remove_timers(session: &Invocation) -> Result<ExitCode, Failure> {
    let places = collect_deploy_paths(session, String::new(), String::new())?;
    let installed = system::installed_timers();
    let mut managers: Vec<ServiceManager> = Vec::new();
    for (manager, _) in &installed {
        if !managers.contains(manager) {
            managers.push(*manager);
        }
    }
    for manager in managers {
        system::execute_steps(&system::timer_steps(manager, &[], &places, &places.cron_log)?)?;
    }
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "removed": installed.len() }));
    } else {
        session.output.print_line(&format!("removed timers: {}", installed.len()));
    }
    Ok(ExitCode::SUCCESS)
}

fn list_jobs(session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let (paths, settings) = (session.resolve_paths()?, memory.settings().schedule.clone());
    let runs = memory.snapshot()?.last_runs()?;
    let mut jobs = Vec::new();
    for job in &ScheduledJob::ALL {
        let every = job.interval_ms(&settings);
        let last = schedule::last_run(*job, &memory, &paths)?;
        let noted = runs.iter().find(|run| run.name == job.name());
        // A failed job is due at once.
        let failed = noted.is_some_and(|run| !run.ok);
        let next = |last: Timestamp| {
            every.map(|every| if failed { last } else { last.minus_milliseconds(-every) }.to_string())
        };
        jobs.push(JobRow {
            name: job.name(),
            every_hours: every.map(|every| every / HOUR_MS),
            last: last.map(|at| at.to_string()),
            next: last.and_then(next),
            ok: noted.map(|run| run.ok),
            finding: noted.map(|run| run.finding.clone()),
        });
    }
    let timers = system::installed_timers()
        .into_iter()
        .map(|(manager, name)| InstalledTimer { manager: manager.name(), name })
        .collect();
    let listed = ScheduleListing { jobs, timers };
    if session.output.is_json() {
        session.output.print_json(&listed);
        return Ok(ExitCode::SUCCESS);
    }
    session.output.print_line("jobs that `serve` runs:");
    for row in &listed.jobs {
        let every = row.every_hours.map_or_else(|| "off".to_owned(), |hours| format!("every {hours} h"));
        let last = row.last.as_deref().unwrap_or("never");
        let word = match (row.ok, &row.finding) {
            (Some(false), Some(finding)) => format!(" (failed: {finding})"),
            _ => String::new(),
        };
        session.output.print_line(&format!("  {:<13}{every:<14}last {last}{word}", row.name));
    }
    session.output.print_line("system timers:");
    for timer in &listed.timers {
        session.output.print_line(&format!("  {:<13}{}", timer.name, timer.manager));
    }
    if listed.timers.is_empty() {
        session.output.print_line("  none; `claude-memory schedule install` sets them up where `serve` does not run");
    }
    Ok(ExitCode::SUCCESS)
}

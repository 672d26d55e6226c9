//! `doctor`: looks closer, says what to do, and puts right what is safe.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use super::mcp::context;
use super::{check_line, grouped, handshake};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::config::{Paths, env};
use crate::domain::limits::{self, Limit};
use crate::domain::time::DAY_MS;
use crate::domain::{Timestamp, json};
use crate::mcp::wire::HealthCheck;
use crate::memory::{self, CLEANUP_DAYS, Check, Memory};
use crate::ops::{backup, watch};
use crate::store::Open;

/// A store that is backed up at all should have a backup of the last week.
const OLD_BACKUP_MS: i64 = 8 * DAY_MS;

/// Checks that stand for harm that is done, not for something to be done.
const GRAVE: [&str; 5] = ["store", "integrity", "canary", "modes", "rows"];

/// Check everything that can be checked, and say what to do about what is not well
///
/// Ends with 0 when all is well, with 1 when there is something to do, with 2 when something is broken.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory doctor\n  claude-memory doctor --deep --fix")]
pub(in crate::cli) struct Args {
    /// Also compare texts, words, rows, vectors and index, save, find and forget a text, and print all limits
    #[arg(long)]
    deep: bool,
    /// Also start the MCP server as a client does, and talk to it
    #[arg(long)]
    mcp: bool,
    /// Put right what cannot lose anything: modes of files, an outdated word index, texts that nobody makes vectors for
    #[arg(long)]
    fix: bool,
}

#[derive(Serialize)]
struct Diagnosis {
    status: &'static str,
    checks: Vec<HealthCheck>,
    fixed: Vec<String>,
    limits: Vec<Bound>,
}

/// A bound on what may come in.
#[derive(Serialize)]
struct Bound {
    what: &'static str,
    most: usize,
    unit: &'static str,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    let home = session.paths()?.home().to_owned();
    let mut fixed = Vec::new();
    if args.fix {
        for path in readable_by_others(&home) {
            if close(&path) {
                fixed.push(format!("only you can read {} now", path.display()));
            }
        }
        if memory.refresh_words()? {
            fixed.push("the word index was made again".to_owned());
        }
        let queued = memory.queue_missing_vectors()?;
        if queued > 0 {
            fixed.push(format!("{queued} texts without a vector wait for one now"));
        }
    }
    let mut checks = checks(&memory, &home, args.deep, session);
    checks.push(backups(&session.paths()?, session.now));
    if args.mcp {
        checks.push(handshake::check(&home));
    }
    let bad: Vec<&Check> = checks.iter().filter(|check| !check.ok).collect();
    let broken = bad.iter().any(|check| GRAVE.contains(&check.name));
    let (status, code) = match (bad.is_empty(), broken) {
        (true, _) => ("ok", 0),
        (false, false) => ("attention", 1),
        (false, true) => ("broken", 2),
    };
    if session.output.is_json() {
        let checks = checks.into_iter().map(HealthCheck::from).collect();
        let bound = |limit: &Limit| Bound { what: limit.label, most: limit.value, unit: limit.unit };
        session.output.json(&Diagnosis { status, checks, fixed, limits: limits::ALL.iter().map(bound).collect() });
    } else {
        fixed.iter().for_each(|done| session.output.line(&format!("fixed        {done}")));
        for check in &checks {
            session.output.line(&check_line(check));
        }
        if args.deep {
            session.output.line("limits of what may come in:");
            for limit in limits::ALL {
                session.output.line(&format!(
                    "   {:<32}{:>14} {}",
                    limit.label,
                    grouped(limit.value as u64),
                    limit.unit
                ));
            }
        }
        session.output.line(&format!("claude-memory {}: {status}", env!("CARGO_PKG_VERSION")));
    }
    Ok(ExitCode::from(code))
}

fn checks(memory: &Memory, home: &Path, deep: bool, session: &Session) -> Vec<Check> {
    let (health, backlog) = (memory.health(session.now), memory.backlog(context().transcripts.as_deref(), session.now));
    let alerts = match (&health, &backlog) {
        (Ok(health), Ok(backlog)) => watch::check(memory, health, *backlog, session.now).ok(),
        _ => None,
    };
    let mut checks = match health {
        Ok(health) => health.checks,
        Err(error) => vec![failed("store", &error)],
    };
    if context().transcripts.is_some() {
        match backlog {
            Ok(backlog) => checks.extend([backlog.check(), backlog.deadline(cleanup_days())]),
            Err(error) => checks.extend(["history", "deadline"].map(|name| failed(name, &error))),
        }
    }
    checks.extend(alerts);
    let open = readable_by_others(home);
    checks.push(Check {
        name: "modes",
        ok: open.is_empty(),
        finding: match open.first() {
            None => "only you can read what is kept".to_owned(),
            Some(path) => format!("others can read {} of its files, for example {}", open.len(), path.display()),
        },
        fix: (!open.is_empty()).then(|| "run `claude-memory doctor --fix`".to_owned()),
    });
    checks.push(memory.versions().unwrap_or_else(|error| failed("versions", &error)));
    if deep {
        let canary = memory.canary(session.now).unwrap_or_else(|error| failed("canary", &error));
        for check in [memory.integrity(), canary] {
            // For metrics and alerts; a store that cannot be written is told by other checks.
            let _ = memory.note_run(check.name, check.ok, check.finding.clone(), session.now);
            checks.push(check);
        }
        checks.push(memory.reconciliation().unwrap_or_else(|error| failed("rows", &error)));
    }
    checks
}

/// Whether the backups go on, if there are any.
fn backups(paths: &Paths, now: Timestamp) -> Check {
    let newest = backup::newest(&paths.backups());
    let old = newest.is_some_and(|at| at < now.minus(OLD_BACKUP_MS));
    let finding = match newest {
        None => "there are none; `claude-memory backup create` makes one".to_owned(),
        Some(at) => format!("the newest is of {at}"),
    };
    Check { name: "backups", ok: !old, finding, fix: old.then(|| "run `claude-memory backup create`".to_owned()) }
}

/// A check that could not be made is not well: a doctor does not stop at the first finding.
fn failed(name: &'static str, error: &memory::Error) -> Check {
    Check { name, ok: false, finding: error.to_string(), fix: error.hint() }
}

/// Claude Code's setting `cleanupPeriodDays`.
fn cleanup_days() -> i64 {
    let file = env::claude_folder().map(|folder| folder.join("settings.json"));
    let text = file.and_then(|file| std::fs::read(file).ok()).unwrap_or_default();
    let (settings, _) = json::parse(&text).unwrap_or_default();
    settings.get("cleanupPeriodDays").and_then(serde_json::Value::as_i64).unwrap_or(CLEANUP_DAYS)
}

/// The folder and the files in it that somebody else could read.
#[cfg(unix)]
fn readable_by_others(home: &Path) -> Vec<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let inside = std::fs::read_dir(home).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_open = |path: &PathBuf| {
        std::fs::symlink_metadata(path).is_ok_and(|data| !data.is_symlink() && data.permissions().mode() & 0o077 != 0)
    };
    std::iter::once(home.to_owned()).chain(inside).filter(is_open).collect()
}

#[cfg(unix)]
fn close(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).is_ok()
}

/// The profile folder of Windows is its user's own.
#[cfg(not(unix))]
fn readable_by_others(_home: &Path) -> Vec<PathBuf> {
    Vec::new()
}

#[cfg(not(unix))]
fn close(_path: &Path) -> bool {
    false
}

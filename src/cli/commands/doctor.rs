//! `doctor`: runs all checks, says what to do, and repairs what is safe to repair.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::mcp::build_context;
use super::{format_check, group_digits, install, mcp_check};
use crate::backup::{self, deletion};
use crate::cli::data_folder;
use crate::cli::invocation::Invocation;
use crate::clients::{InstallPlan, InstallScope, McpClient, enabled_plugin};
use crate::config::{Paths, env};
use crate::disk;
use crate::domain::limits::{self, Limit};
use crate::domain::time::DAY_MS;
use crate::domain::{Failure, Timestamp, json};
use crate::mcp::wire::HealthCheck;
use crate::memory::{self, CLEANUP_DAYS, CheckResult, Memory};
use crate::monitor::alert_evaluation;
use crate::store::OpenMode;

/// Age of the newest backup, in milliseconds, that fails the check: once there are backups, one a week is expected.
const MAX_BACKUP_AGE_MS: i64 = 8 * DAY_MS;

/// Bytes of Claude Code's settings that are read.
const MAX_SETTINGS_BYTES: u64 = 4 << 20;

/// Checks whose failure means damage, not just something to do.
const DAMAGE_CHECKS: [&str; 5] = ["store", "integrity", "canary", "modes", "rows"];

/// Check everything and say how to fix what is wrong
///
/// Exits with 0 if all is well, with 1 if there is something to do, with 2 if something is broken.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory doctor\n  claude-memory doctor --deep --fix")]
pub(in crate::cli) struct DoctorArgs {
    /// Also compare texts, keyword index, rows and embeddings; save, find and delete a test message; print all limits
    #[arg(long)]
    deep: bool,
    /// Also start the MCP server as a client does and call it
    #[arg(long)]
    mcp: bool,
    /// Repair what is safe: file permissions, an outdated keyword index, texts missing from the embedding queue
    #[arg(long)]
    fix: bool,
}

#[derive(Serialize)]
struct Diagnosis {
    status: &'static str,
    checks: Vec<HealthCheck>,
    fixed: Vec<String>,
    limits: Vec<InputLimit>,
}

/// A limit on input size.
#[derive(Serialize)]
struct InputLimit {
    what: &'static str,
    most: usize,
    unit: &'static str,
}

pub(in crate::cli) fn run(args: &DoctorArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let home = session.resolve_paths()?.home().to_owned();
    let mut fixed = Vec::new();
    if args.fix {
        for path in readable_by_others(&home) {
            if restrict_access(&path) {
                fixed.push(format!("made {} readable only by you", path.display()));
            }
        }
        if memory.refresh_keyword_index()? {
            fixed.push("rebuilt the keyword index".to_owned());
        }
        let read = memory.read_stored_edits(&AtomicBool::new(false), &mut |_| {})?.read;
        if read > 0 {
            fixed.push(format!("read the edits of texts of an earlier version: {read}"));
        }
        let queued = memory.queue_missing_embeddings()?;
        if queued > 0 {
            fixed.push(format!("queued texts without an embedding: {queued}"));
        }
    }
    let mut checks = run_checks(&memory, &home, args.deep, session);
    checks.push(check_backups(&session.resolve_paths()?, session.now));
    checks.push(deletion::check_copies(&memory, session.now));
    checks.extend(check_duplicate_plugin());
    if args.mcp {
        checks.push(mcp_check::check_server(&home));
    }
    let bad: Vec<&CheckResult> = checks.iter().filter(|check| !check.ok).collect();
    let broken = bad.iter().any(|check| DAMAGE_CHECKS.contains(&check.name));
    let (status, code) = match (bad.is_empty(), broken) {
        (true, _) => ("ok", 0),
        (false, false) => ("attention", 1),
        (false, true) => ("broken", 2),
    };
    if session.output.is_json() {
        let checks = checks.into_iter().map(HealthCheck::from).collect();
        let bound = |limit: &Limit| InputLimit { what: limit.label, most: limit.value, unit: limit.unit };
        session.output.print_json(&Diagnosis {
            status,
            checks,
            fixed,
            limits: limits::ALL.iter().map(bound).collect(),
        });
    } else {
        fixed.iter().for_each(|done| session.output.print_line(&format!("fixed        {done}")));
        for check in &checks {
            session.output.print_line(&format_check(check));
        }
        if args.deep {
            session.output.print_line("limits on input:");
            for limit in limits::ALL {
                session.output.print_line(&format!(
                    "   {:<32}{:>14} {}",
                    limit.label,
                    group_digits(limit.value as u64),
                    limit.unit
                ));
            }
        }
        session.output.print_line(&format!("claude-memory {}: {status}", env!("CARGO_PKG_VERSION")));
    }
    Ok(ExitCode::from(code))
}

fn run_checks(memory: &Memory, home: &Path, deep: bool, session: &Invocation) -> Vec<CheckResult> {
    let (health, backlog) =
        (memory.check_health(session.now), memory.import_backlog(build_context().transcripts.as_deref(), session.now));
    let alerts = match (&health, &backlog) {
        (Ok(health), Ok(backlog)) => alert_evaluation::check_alerts(memory, health, *backlog, session.now).ok(),
        _ => None,
    };
    let mut checks = match health {
        Ok(health) => health.checks,
        Err(error) => vec![failed_check("store", &error)],
    };
    if build_context().transcripts.is_some() {
        match backlog {
            Ok(backlog) => checks.extend([backlog.backlog_check(), backlog.deadline_check(read_cleanup_days())]),
            Err(error) => checks.extend(["history", "deadline"].map(|name| failed_check(name, &error))),
        }
    }
    checks.extend(alerts);
    let open = readable_by_others(home);
    checks.push(CheckResult {
        name: "modes",
        ok: open.is_empty(),
        finding: match open.first() {
            None => "only you can read the data folder".to_owned(),
            Some(path) => format!(
                "other users can read files in the data folder ({}), for example {}",
                open.len(),
                path.display()
            ),
        },
        fix: (!open.is_empty()).then(|| "run `claude-memory doctor --fix`".to_owned()),
    });
    checks.extend(check_links(memory.paths()));
    checks.push(memory.version_check().unwrap_or_else(|error| failed_check("versions", &error)));
    if deep {
        let canary = memory.canary_check(session.now).unwrap_or_else(|error| failed_check("canary", &error));
        for check in [memory.integrity_check(), canary] {
            // For metrics and alerts; other checks report a store that cannot be written.
            let _ = memory.record_run(check.name, check.ok, check.finding.clone(), session.now);
            checks.push(check);
        }
        checks.push(memory.reconciliation_check().unwrap_or_else(|error| failed_check("rows", &error)));
    }
    checks
}

/// Reports a database that is a link: backups of the data folder by other programs then lack it.
fn check_links(paths: &Paths) -> Option<CheckResult> {
    let (path, target) = data_folder::linked_database_files(paths).into_iter().next()?;
    Some(CheckResult {
        name: "links",
        ok: false,
        finding: format!("{} is a link to {}", path.display(), target.display()),
        fix: Some("move the database into the data folder, or name its folder with --home".to_owned()),
    })
}

/// Checks that the newest backup is recent. Having no backups at all is not a failure.
pub(super) fn check_backups(paths: &Paths, now: Timestamp) -> CheckResult {
    let newest = backup::newest_backup_time(&paths.backups_folder());
    let old = newest.is_some_and(|at| at < now.minus_milliseconds(MAX_BACKUP_AGE_MS));
    let finding = match newest {
        None => "none yet; `claude-memory backup create` creates one".to_owned(),
        Some(at) => format!("newest: {at}"),
    };
    CheckResult { name: "backups", ok: !old, finding, fix: old.then(|| "run `claude-memory backup create`".to_owned()) }
}

/// Reports a plugin that is enabled in addition to `install`: sessions then get every tool twice.
fn check_duplicate_plugin() -> Option<CheckResult> {
    let places = install::locate_client_folders().ok()?;
    let (plugin, path) = enabled_plugin(&places)?;
    let is_entered = |scope: &InstallScope| {
        InstallPlan { client: McpClient::ClaudeCode, scope: *scope, places: &places }.is_installed()
    };
    let scope = InstallScope::ALL.into_iter().find(is_entered)?;
    Some(CheckResult {
        name: "plugin",
        ok: false,
        finding: format!("{plugin} is enabled in {}, and `install` has registered the same tools", path.display()),
        fix: Some(format!("run `claude-memory uninstall --scope {scope}`, or `claude plugin uninstall {plugin}`")),
    })
}

/// Turns an error into a failed check, so that the remaining checks still run.
fn failed_check(name: &'static str, error: &memory::Error) -> CheckResult {
    CheckResult { name, ok: false, finding: error.to_string(), fix: error.hint() }
}

/// Reads Claude Code's setting `cleanupPeriodDays`: days until it deletes a transcript.
pub(super) fn read_cleanup_days() -> i64 {
    let file = env::claude_folder().map(|folder| folder.join("settings.json"));
    let text = file.and_then(|file| disk::read_foreign_file(&file, MAX_SETTINGS_BYTES).ok()).unwrap_or_default();
    let (settings, _) = json::parse_lenient(&text).unwrap_or_default();
    settings.get("cleanupPeriodDays").and_then(serde_json::Value::as_i64).unwrap_or(CLEANUP_DAYS)
}

/// Returns the data folder and the files in it that other users can access.
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
fn restrict_access(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).is_ok()
}

/// Returns nothing: on Windows the profile folder is private to its user.
#[cfg(not(unix))]
fn readable_by_others(_home: &Path) -> Vec<PathBuf> {
    Vec::new()
}

#[cfg(not(unix))]
fn restrict_access(_path: &Path) -> bool {
    false
}

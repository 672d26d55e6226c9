//! `backup` and `restore`: create, list, verify and restore backups.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use indicatif::HumanBytes;
use serde::Serialize;

use super::group_digits;
use crate::backup::{
    self, BackupKeys, BackupManifest, BackupRun, BackupTarget, CarriedOver, CopyOutcome, CopyState, ListedBackup,
    RetentionPolicy,
};
use crate::cli::invocation::{Invocation, id_generator};
use crate::cli::progress::{INTERRUPTED, create_bar, stop_on_interrupt};
use crate::config::Paths;
use crate::domain::{Failure, FailureCode};
use crate::memory::Memory;
use crate::store::OpenMode;

/// Create, list and verify backups
///
/// A backup is created while everything else keeps running. It is restored and compared before it counts, and contains
/// no secrets: neither tokens nor keys.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory backup create\n  claude-memory backup create --to /mnt/usb\n  \
    claude-memory backup create --to - | ssh host 'cat > memory.tar.zst'\n  claude-memory backup verify\n  \
    claude-memory restore claude-memory-20261123T100000Z.tar.zst")]
pub(in crate::cli) struct BackupArgs {
    #[command(subcommand)]
    action: BackupAction,
}

#[derive(Debug, Subcommand)]
enum BackupAction {
    /// Create a backup; the backup folder keeps those of the last day, and the newest of 7 days, 4 weeks and 6 months
    Create {
        /// Folder, file, or `-` for standard output [default: `backups` in the data folder]
        #[arg(long, value_name = "PATH")]
        to: Option<PathBuf>,
        /// Number of days, weeks and months of which to keep the newest backup
        #[arg(long, value_name = "D/W/M", default_value = "7/4/6", value_parser = parse_keep)]
        keep: RetentionPolicy,
    },
    /// List the backups in a folder, newest first
    List {
        /// Folder to list [default: `backups` in the data folder]
        folder: Option<PathBuf>,
    },
    /// Restore backups to a temporary place and compare them with their manifest
    Verify {
        /// Backup files to verify [default: the newest]
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Verify all backups in the backup folder
        #[arg(long, conflicts_with = "files")]
        all: bool,
        /// Also compare every text with the keyword index
        #[arg(long)]
        deep: bool,
        /// File with the age identity that decrypts the backups [default: setting backup.identity_file]
        #[arg(long, value_name = "FILE")]
        identity: Option<PathBuf>,
    },
}

/// Replace the data folder with a backup; the current data folder is kept under another name
///
/// What was deleted or quarantined since the backup stays deleted and quarantined.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory backup list\n  claude-memory restore --newest --yes\n  \
    claude-memory restore --newest --identity key.txt --yes\n  claude-memory restore --home /tmp/look claude-memory-20261123T100000Z.tar.zst --yes")]
pub(in crate::cli) struct RestoreBackupArgs {
    /// Backup to restore: a path, or a name in the backup folder
    #[arg(value_name = "FILE", required_unless_present = "newest")]
    file: Option<PathBuf>,
    /// Restore the newest backup in the backup folder
    #[arg(long, conflicts_with = "file")]
    newest: bool,
    /// File with the age identity that decrypts the backup [default: setting backup.identity_file]
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Restore; without this, only show what would happen
    #[arg(long)]
    yes: bool,
}

fn parse_keep(text: &str) -> Result<RetentionPolicy, String> {
    let numbers: Option<Vec<usize>> = text.split('/').map(|number| number.parse().ok()).collect();
    match numbers.as_deref() {
        Some([daily, weekly, monthly]) => Ok(RetentionPolicy { daily: *daily, weekly: *weekly, monthly: *monthly }),
        _ => Err("expected three numbers: days/weeks/months, for example 7/4/6".to_owned()),
    }
}

#[derive(Serialize)]
struct BackupCreated<'a> {
    path: Option<String>,
    bytes: u64,
    manifest: &'a BackupManifest,
    removed: Vec<String>,
    /// Earlier backups that were written again without deleted messages.
    rewritten: Vec<String>,
    /// Copies that still contain deleted messages, and why.
    pending: Vec<String>,
}

#[derive(Serialize)]
struct BackupRow {
    path: String,
    created_at: String,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<BackupManifest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct BackupVerdict {
    path: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(in crate::cli) fn run(args: BackupArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let paths = session.resolve_paths()?;
    match args.action {
        BackupAction::Create { to, keep } => create_backup(to, keep, &paths, session),
        BackupAction::List { folder } => list_backups(&folder.unwrap_or_else(|| paths.backups_folder()), session),
        BackupAction::Verify { files, all, deep, identity } => {
            let keys = BackupKeys::from_settings(&session.load_settings(&paths)?.settings.backup, identity.as_deref())?;
            verify_backups(files, all, deep, &keys, session)
        }
    }
}

fn create_backup(
    to: Option<PathBuf>,
    keep: RetentionPolicy,
    paths: &Paths,
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let target = match to {
        None => BackupTarget::Own(keep),
        Some(path) if path == Path::new("-") => BackupTarget::Stream,
        Some(path) => BackupTarget::Path(path),
    };
    let stop = stop_on_interrupt(session.output);
    let progress = create_bar(session.output, "{spinner} copying [{wide_bar}] {human_pos}/{human_len} pages");
    let run = BackupRun { memory: &memory, paths, target: &target, now: session.now, stop: &stop };
    let made = run.create_backup(&mut |done, all| {
        progress.set_length(all);
        progress.set_position(done);
    })?;
    progress.finish_and_clear();
    let Some(made) = made else {
        session.output.print_message("stopped; no backup was created");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let counts = made.manifest.counts;
    let told = format!(
        "messages: {}, sessions: {}, embeddings: {}, {}; restored and compared",
        group_digits(counts.messages),
        group_digits(counts.conversations),
        group_digits(counts.vectors),
        HumanBytes(made.bytes)
    );
    match &made.path {
        // Standard output holds the backup.
        None => session.output.print_message(&told),
        Some(path) if session.output.is_json() => session.output.print_json(&BackupCreated {
            path: Some(path.display().to_string()),
            bytes: made.bytes,
            manifest: &made.manifest,
            removed: display_paths(&made.removed),
            rewritten: rewritten_copies(&made.copies),
            pending: pending_copies(&made.copies),
        }),
        Some(path) => {
            session.output.print_line(&format!("{}\n{told}", path.display()));
            if !made.removed.is_empty() {
                session.output.print_message(&format!("older backups deleted: {}", made.removed.len()));
            }
            let rewritten = rewritten_copies(&made.copies);
            if !rewritten.is_empty() {
                session.output.print_message(&format!("copies cleaned of deleted messages: {}", rewritten.len()));
            }
            for pending in pending_copies(&made.copies) {
                session.output.print_message(&format!("warning: deleted messages are left in {pending}"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the copies from which deleted messages were removed.
fn rewritten_copies(copies: &[CopyOutcome]) -> Vec<String> {
    let is_rewritten = |copy: &&CopyOutcome| matches!(copy.state, CopyState::Cleaned(messages, _) if messages > 0);
    copies.iter().filter(is_rewritten).map(|copy| copy.path.display().to_string()).collect()
}

/// Returns the copies that still contain deleted messages, each with the reason.
fn pending_copies(copies: &[CopyOutcome]) -> Vec<String> {
    let describe = |copy: &CopyOutcome| match &copy.state {
        CopyState::Pending(_, why) => Some(format!("{}: {why}", copy.path.display())),
        _ => None,
    };
    copies.iter().filter_map(describe).collect()
}

fn display_paths(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

fn list_backups(folder: &Path, session: &Invocation) -> Result<ExitCode, Failure> {
    let keys = BackupKeys::from_settings(&session.load_settings(&session.resolve_paths()?)?.settings.backup, None)?;
    let rows: Vec<BackupRow> = backup::list_backups(folder, &keys)?.into_iter().map(make_backup_row).collect();
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "backups": rows }));
        return Ok(ExitCode::SUCCESS);
    }
    for row in &rows {
        let what = match (&row.manifest, &row.error) {
            (Some(manifest), _) => format!("messages: {}", group_digits(manifest.counts.messages)),
            (None, error) => format!("cannot read this backup: {}", error.as_deref().unwrap_or("")),
        };
        session.output.print_line(&format!(
            "{}  {:>10}  {what}\n    {}",
            row.created_at,
            HumanBytes(row.bytes).to_string(),
            row.path
        ));
    }
    session.output.print_message(&format!("backups: {} in {}", rows.len(), folder.display()));
    Ok(ExitCode::SUCCESS)
}

fn make_backup_row(listed: ListedBackup) -> BackupRow {
    let (manifest, error) = match listed.manifest {
        Ok(manifest) => (Some(manifest), None),
        Err(error) => (None, Some(error)),
    };
    BackupRow {
        path: listed.path.display().to_string(),
        created_at: listed.at.to_string(),
        bytes: listed.bytes,
        manifest,
        error,
    }
}

fn verify_backups(
    mut files: Vec<PathBuf>,
    all: bool,
    deep: bool,
    keys: &BackupKeys,
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    let paths = &session.resolve_paths()?;
    let memory = session.open_memory(OpenMode::Create)?;
    if files.is_empty() {
        files =
            backup::backup_files(&paths.backups_folder())?.into_iter().take(if all { usize::MAX } else { 1 }).collect();
    }
    if files.is_empty() {
        return Err(no_backups_error(paths));
    }
    let mut verdicts = Vec::new();
    for file in &files {
        let file = resolve_backup_file(file, paths);
        let outcome = backup::verify_backup(&memory, paths, (&file, keys), deep, session.now);
        let error = match outcome {
            Ok(_) => None,
            Err(error @ backup::Error::BadBackup { .. }) => Some(error.to_string()),
            Err(error) => return Err(error.into()),
        };
        verdicts.push(BackupVerdict { path: file.display().to_string(), ok: error.is_none(), error });
    }
    let bad = verdicts.iter().filter(|verdict| !verdict.ok).count();
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "backups": verdicts }));
    } else {
        for verdict in &verdicts {
            let word = verdict.error.as_deref().unwrap_or("ok: restored and compared");
            session.output.print_line(&format!("{}: {word}", verdict.path));
        }
    }
    Ok(ExitCode::from(if bad == 0 { 0 } else { FailureCode::Corrupt.exit_code() }))
}

fn no_backups_error(paths: &Paths) -> Failure {
    let message = format!("no backups in {}", paths.backups_folder().display());
    Failure::new(FailureCode::NotFound, message, Some("create one with `claude-memory backup create`"))
}

/// Resolves a file name to a backup in the backup folder if no such file exists here.
fn resolve_backup_file(file: &Path, paths: &Paths) -> PathBuf {
    let kept = paths.backups_folder().join(file);
    if !file.exists() && kept.exists() { kept } else { file.to_owned() }
}

pub(in crate::cli) fn restore_backup(args: &RestoreBackupArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let paths = session.resolve_paths()?;
    let file = match &args.file {
        Some(file) => resolve_backup_file(file, &paths),
        None => {
            backup::backup_files(&paths.backups_folder())?.into_iter().next().ok_or_else(|| no_backups_error(&paths))?
        }
    };
    let settings = session.load_settings(&paths)?.settings;
    let keys = BackupKeys::from_settings(&settings.backup, args.identity.as_deref())?;
    if !args.yes {
        let manifest = backup::inspect_backup(&file, &keys)?;
        let counts = manifest.counts;
        session.output.print_line(&format!(
            "{}\ncreated {}; messages: {}, sessions: {}",
            file.display(),
            manifest.created_at,
            group_digits(counts.messages),
            group_digits(counts.conversations)
        ));
        session.output.print_message(&format!(
            "this would replace {}, which is kept under another name; add --yes to restore",
            paths.home().display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let opener = |paths: &Paths| Memory::open(paths, settings.clone(), OpenMode::Create, id_generator(), session.now);
    let done = backup::restore_backup(&paths, (&file, &keys), session.now, &opener)?;
    let before = done.before.as_ref().map(|path| path.display().to_string());
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({
            "restored": done.manifest,
            "before": before,
            "deleted_again": done.carried_over.deleted,
            "quarantined_again": done.carried_over.quarantined,
            "not_carried_over": done.carried_over.trouble,
            "left_out": done.left_out,
        }));
    } else {
        session.output.print_line(&format!("restored messages: {}", group_digits(done.manifest.counts.messages)));
        let CarriedOver { deleted, quarantined, trouble } = &done.carried_over;
        if deleted + quarantined > 0 {
            session.output.print_line(&format!(
                "deleted again, as deleted since the backup: {}; quarantined again: {}",
                group_digits(*deleted),
                group_digits(*quarantined)
            ));
        }
        if let Some(why) = trouble {
            session.output.print_message(&format!(
                "warning: deletions and quarantine since the backup are lost, the current store cannot be read: {why}"
            ));
        }
        if let Some(before) = before {
            session.output.print_message(&format!("the previous data folder is {before}"));
        }
    }
    if !done.left_out.is_empty() {
        session.output.print_message(&format!(
            "settings of the backup that were not restored, because an archive may not choose programs, files or servers: \
            {}; they are in {}, set those that you trust with `claude-memory config set`",
            done.left_out.join(", "),
            paths.home().join(backup::ARCHIVED_CONFIG).display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

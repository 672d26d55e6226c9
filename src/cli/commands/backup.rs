//! `backup` and `restore`: a copy of everything, proven, and back again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use indicatif::HumanBytes;
use serde::Serialize;

use super::grouped;
use crate::cli::error::Failure;
use crate::cli::progress::{INTERRUPTED, bar, stop_on_interrupt};
use crate::cli::session::{Session, ids};
use crate::config::Paths;
use crate::domain::Code;
use crate::memory::Memory;
use crate::ops::backup::{self, Keep, Keys, Listed, Manifest, Target};
use crate::store::Open;

/// Make a backup, list and verify those that there are
///
/// A backup is made while everything else goes on. It is restored and compared before it counts, and holds no secret: neither
/// tokens nor keys.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory backup create\n  claude-memory backup create --to /mnt/usb\n  \
    claude-memory backup create --to - | ssh host 'cat > memory.tar.zst'\n  claude-memory backup verify\n  \
    claude-memory restore claude-memory-20261123T100000Z.tar.zst")]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a backup; in the folder of backups those of the last day stay, and the newest of 7 days, 4 weeks and 6 months
    Create {
        /// A folder, a file, or `-` for standard output [default: `backups` in the data folder]
        #[arg(long, value_name = "PATH")]
        to: Option<PathBuf>,
        /// Days, weeks and months of which the newest backup stays
        #[arg(long, value_name = "D/W/M", default_value = "7/4/6", value_parser = keep)]
        keep: Keep,
    },
    /// The backups of a folder, the newest first
    List {
        /// The folder [default: `backups` in the data folder]
        folder: Option<PathBuf>,
    },
    /// Restore backups beside the store and compare them with what they say
    Verify {
        /// Files [default: the newest]
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// All of the folder of backups
        #[arg(long, conflicts_with = "files")]
        all: bool,
        /// Also compare every text with the word index
        #[arg(long)]
        deep: bool,
        /// The file with the age identity that reads encrypted ones [default: setting backup.identity_file]
        #[arg(long, value_name = "FILE")]
        identity: Option<PathBuf>,
    },
}

/// Put a backup in the place of the data folder; what is there now is kept under another name
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory backup list\n  claude-memory restore --newest --yes\n  \
    claude-memory restore --newest --identity key.txt --yes\n  claude-memory restore --home /tmp/look claude-memory-20261123T100000Z.tar.zst --yes")]
pub(in crate::cli) struct Restore {
    /// The backup, by its path or its name in the folder of backups
    #[arg(value_name = "FILE", required_unless_present = "newest")]
    file: Option<PathBuf>,
    /// The newest of the folder of backups
    #[arg(long, conflicts_with = "file")]
    newest: bool,
    /// The file with the age identity that reads an encrypted one [default: setting backup.identity_file]
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Do it
    #[arg(long)]
    yes: bool,
}

fn keep(text: &str) -> Result<Keep, String> {
    let numbers: Option<Vec<usize>> = text.split('/').map(|number| number.parse().ok()).collect();
    match numbers.as_deref() {
        Some([daily, weekly, monthly]) => Ok(Keep { daily: *daily, weekly: *weekly, monthly: *monthly }),
        _ => Err("three numbers are meant: days/weeks/months, for example 7/4/6".to_owned()),
    }
}

#[derive(Serialize)]
struct Made<'a> {
    path: Option<String>,
    bytes: u64,
    manifest: &'a Manifest,
    removed: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    path: String,
    created_at: String,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<Manifest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Verdict {
    path: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(in crate::cli) fn run(args: Args, session: &Session) -> Result<ExitCode, Failure> {
    let paths = session.paths()?;
    match args.action {
        Action::Create { to, keep } => create(to, keep, &paths, session),
        Action::List { folder } => list(&folder.unwrap_or_else(|| paths.backups()), session),
        Action::Verify { files, all, deep, identity } => {
            let keys = Keys::of(&session.settings(&paths)?.settings.backup, identity.as_deref())?;
            verify(files, all, deep, &keys, session)
        }
    }
}

fn create(to: Option<PathBuf>, keep: Keep, paths: &Paths, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    let target = match to {
        None => Target::Own(keep),
        Some(path) if path == Path::new("-") => Target::Stream,
        Some(path) => Target::Path(path),
    };
    let stop = stop_on_interrupt(session.output);
    let progress = bar(session.output, "{spinner} copying [{wide_bar}] {human_pos}/{human_len} pages");
    let made = backup::create(&memory, paths, &target, session.now, &stop, &mut |done, all| {
        progress.set_length(all);
        progress.set_position(done);
    })?;
    progress.finish_and_clear();
    let Some(made) = made else {
        session.output.say("stopped; no backup was made");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let counts = made.manifest.counts;
    let told = format!(
        "{} messages in {} sessions with {} vectors, {}, restored and compared",
        grouped(counts.messages),
        grouped(counts.conversations),
        grouped(counts.vectors),
        HumanBytes(made.bytes)
    );
    match &made.path {
        // Standard output holds the backup.
        None => session.output.say(&told),
        Some(path) if session.output.is_json() => session.output.json(&Made {
            path: Some(path.display().to_string()),
            bytes: made.bytes,
            manifest: &made.manifest,
            removed: shown(&made.removed),
        }),
        Some(path) => {
            session.output.line(&format!("{}\n{told}", path.display()));
            if !made.removed.is_empty() {
                session.output.say(&format!("{} older ones are not kept any more", made.removed.len()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

fn list(folder: &Path, session: &Session) -> Result<ExitCode, Failure> {
    let keys = Keys::of(&session.settings(&session.paths()?)?.settings.backup, None)?;
    let rows: Vec<Row> = backup::list(folder, &keys)?.into_iter().map(row).collect();
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "backups": rows }));
        return Ok(ExitCode::SUCCESS);
    }
    for row in &rows {
        let what = match (&row.manifest, &row.error) {
            (Some(manifest), _) => format!("{} messages", grouped(manifest.counts.messages)),
            (None, error) => format!("cannot be read: {}", error.as_deref().unwrap_or("")),
        };
        session.output.line(&format!(
            "{}  {:>10}  {what}\n    {}",
            row.created_at,
            HumanBytes(row.bytes).to_string(),
            row.path
        ));
    }
    session.output.say(&format!("{} backups in {}", rows.len(), folder.display()));
    Ok(ExitCode::SUCCESS)
}

fn row(listed: Listed) -> Row {
    let (manifest, error) = match listed.manifest {
        Ok(manifest) => (Some(manifest), None),
        Err(error) => (None, Some(error)),
    };
    Row {
        path: listed.path.display().to_string(),
        created_at: listed.at.to_string(),
        bytes: listed.bytes,
        manifest,
        error,
    }
}

fn verify(mut files: Vec<PathBuf>, all: bool, deep: bool, keys: &Keys, session: &Session) -> Result<ExitCode, Failure> {
    let paths = &session.paths()?;
    let memory = session.open(Open::Create)?;
    if files.is_empty() {
        files = backup::files(&paths.backups())?.into_iter().take(if all { usize::MAX } else { 1 }).collect();
    }
    if files.is_empty() {
        return Err(none(paths));
    }
    let mut verdicts = Vec::new();
    for file in &files {
        let file = in_folder(file, paths);
        let outcome = backup::verify(&memory, paths, (&file, keys), deep, session.now);
        let error = match outcome {
            Ok(_) => None,
            Err(error @ backup::Error::BadBackup { .. }) => Some(error.to_string()),
            Err(error) => return Err(error.into()),
        };
        verdicts.push(Verdict { path: file.display().to_string(), ok: error.is_none(), error });
    }
    let bad = verdicts.iter().filter(|verdict| !verdict.ok).count();
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "backups": verdicts }));
    } else {
        for verdict in &verdicts {
            let word = verdict.error.as_deref().unwrap_or("whole: restored and compared");
            session.output.line(&format!("{}: {word}", verdict.path));
        }
    }
    Ok(ExitCode::from(if bad == 0 { 0 } else { Code::Corrupt.exit() }))
}

fn none(paths: &Paths) -> Failure {
    let message = format!("there are no backups in {}", paths.backups().display());
    Failure::new(Code::NotFound, message, Some("make one with `claude-memory backup create`"))
}

/// A name without a folder may be that of a backup in the folder of backups.
fn in_folder(file: &Path, paths: &Paths) -> PathBuf {
    let kept = paths.backups().join(file);
    if !file.exists() && kept.exists() { kept } else { file.to_owned() }
}

pub(in crate::cli) fn restore(args: &Restore, session: &Session) -> Result<ExitCode, Failure> {
    let paths = session.paths()?;
    let file = match &args.file {
        Some(file) => in_folder(file, &paths),
        None => backup::files(&paths.backups())?.into_iter().next().ok_or_else(|| none(&paths))?,
    };
    let settings = session.settings(&paths)?.settings;
    let keys = Keys::of(&settings.backup, args.identity.as_deref())?;
    if !args.yes {
        let manifest = backup::look(&file, &keys)?;
        let counts = manifest.counts;
        session.output.line(&format!(
            "{}\nof {}: {} messages in {} sessions",
            file.display(),
            manifest.created_at,
            grouped(counts.messages),
            grouped(counts.conversations)
        ));
        session.output.say(&format!(
            "it would take the place of {}, which is kept under another name; add --yes to do it",
            paths.home().display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let opener = |paths: &Paths| Memory::open(paths, settings.clone(), Open::Create, ids(), session.now);
    let done = backup::restore(&paths, (&file, &keys), session.now, &opener)?;
    let before = done.before.as_ref().map(|path| path.display().to_string());
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "restored": done.manifest, "before": before }));
    } else {
        session.output.line(&format!("{} messages are back", grouped(done.manifest.counts.messages)));
        if let Some(before) = before {
            session.output.say(&format!("what was there before is in {before}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

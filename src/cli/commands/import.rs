//! `import`: reads history into the memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Instant;

use clap::Subcommand;
use serde::Serialize;

use super::mcp::desk;
use super::{embed, grouped};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::priority;
use crate::cli::progress::{INTERRUPTED, bar, stop_on_interrupt};
use crate::cli::session::Session;
use crate::config::env;
use crate::domain::{Code, Ledger};
use crate::import::{Source, detect, suggest};
use crate::memory::{ImportOptions, Report};
use crate::service;
use crate::store::Open;

/// Bad lines shown one by one on a terminal; `--json` lists all of them.
const SHOWN_BAD: usize = 20;

/// Read history into the memory
///
/// Reads transcripts newest first; what is read can be searched by word at once. Running it again reads only what is
/// new. A line that cannot be read is reported with file and line and passed over; the rest goes in. Ctrl-C stops at a
/// safe point and the next run continues there. The transcripts themselves are never changed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory import claude-code\n  claude-memory import claude-code ~/backup/projects --embed\n  \
    claude-memory import codex --follow\n  claude-memory import chatgpt ~/Downloads/export.zip\n  \
    claude-memory import jsonl notes.jsonl --json\n  \
    claude-memory import claude-mem --dry-run\n\nWhat each format is: docs/importing.md"
)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    from: Option<From>,
    /// A file or folder of any of these sources: what it is is found out
    path: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Subcommand)]
enum From {
    /// Claude Code's transcripts, prompts, memory files and plans
    ClaudeCode {
        /// A transcript, a folder with transcripts, or a Claude home [default: ~/.claude and ~/.config/claude]
        path: Option<PathBuf>,
        /// Go on and read what is written from now on, until Ctrl-C
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        how: How,
    },
    /// Codex's transcripts
    Codex {
        /// A transcript, or a folder with transcripts at any depth [default: ~/.codex/sessions]
        path: Option<PathBuf>,
        /// Go on and read what is written from now on, until Ctrl-C
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        how: How,
    },
    /// Gemini CLI's transcripts
    Gemini {
        /// A transcript, or a folder with transcripts at any depth [default: ~/.gemini/tmp]
        path: Option<PathBuf>,
        /// Go on and read what is written from now on, until Ctrl-C
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        how: How,
    },
    /// The export of claude.ai
    ClaudeAi {
        /// The ZIP file, its conversations.json, or the folder it was unpacked into
        path: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// The export of ChatGPT
    Chatgpt {
        /// The ZIP file, its conversations.json, or the folder it was unpacked into
        path: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// The memory of claude-mem: prompts, observations, summaries
    ClaudeMem {
        /// Its database, or the folder with it [default: ~/.claude-mem]
        path: Option<PathBuf>,
        #[command(flatten)]
        how: How,
    },
    /// The memory of mcp-memory-service: what was saved, with its labels
    McpMemoryService {
        /// Its database, or the folder with it [default: mcp-memory in this user's data folder]
        path: Option<PathBuf>,
        #[command(flatten)]
        how: How,
    },
    /// The memory of MemPalace: conversations, what was filed, pieces of files
    Mempalace {
        /// The palace [default: ~/.mempalace, else ~/.config/mempalace]
        path: Option<PathBuf>,
        #[command(flatten)]
        how: How,
    },
    /// The memory of engram: what was saved, prompts, summaries
    Engram {
        /// Its database, or the folder with it [default: ~/.engram]
        path: Option<PathBuf>,
        #[command(flatten)]
        how: How,
    },
    /// The archive and the index of episodic-memory
    EpisodicMemory {
        /// Its folder, or the index alone [default: ~/.config/superpowers]
        path: Option<PathBuf>,
        #[command(flatten)]
        how: How,
    },
    /// Lines of JSON, a message each: `role`, `text`, and what is known of `session`, `ts`, `id`, `project`, `title`
    Jsonl {
        /// A file, or a folder with files that end with .jsonl
        path: PathBuf,
        #[command(flatten)]
        how: How,
    },
}

#[derive(Debug, Default, Clone, clap::Args)]
struct How {
    /// Also make the vectors, so that everything can be searched by meaning when this ends
    #[arg(long)]
    embed: bool,
    /// Read every file from its start again; known messages are recognised
    #[arg(long)]
    rescan: bool,
    /// Read and count, store nothing
    #[arg(long)]
    dry_run: bool,
    /// Longest line in MiB that is taken in [default: setting import.max_line_mib]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=900))]
    max_line_mib: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Done {
    files: u64,
    unchanged: u64,
    sessions: u64,
    messages: u64,
    new: u64,
    duplicate: u64,
    extended: u64,
    revised: u64,
    collided: u64,
    skipped: u64,
    own: u64,
    forgotten: u64,
    redacted: u64,
    bad: Vec<Bad>,
    bad_total: u64,
    ledger: LedgerAnswer,
    /// Files of which nothing was understood.
    foreign: Vec<String>,
    interrupted: bool,
    pending: u64,
    seconds: f64,
}

/// What became of every record: `records` is the sum of the others.
#[derive(Debug, Serialize)]
struct LedgerAnswer {
    records: u64,
    stored: u64,
    known: u64,
    deleted: u64,
    own: u64,
    bookkeeping: BTreeMap<String, u64>,
    not_understood: BTreeMap<String, u64>,
    damaged: u64,
}

impl LedgerAnswer {
    fn new(report: &Report) -> Self {
        let Ledger { messages, own, bookkeeping, not_understood, damaged } = report.ledger.clone();
        let (stored, known) = (report.stored_records, report.known_records);
        Self {
            records: report.ledger.records(),
            stored,
            known,
            deleted: messages.saturating_sub(stored + known),
            own,
            bookkeeping,
            not_understood,
            damaged,
        }
    }
}

#[derive(Debug, Serialize)]
struct Bad {
    path: String,
    line: u64,
    why: String,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let (source, path, follow, how) = match &args.from {
        Some(From::ClaudeCode { path, follow, how }) => (Source::ClaudeCode, path.as_ref(), *follow, how),
        Some(From::Codex { path, follow, how }) => (Source::Codex, path.as_ref(), *follow, how),
        Some(From::Gemini { path, follow, how }) => (Source::Gemini, path.as_ref(), *follow, how),
        Some(From::ClaudeAi { path, how }) => (Source::ClaudeAi, Some(path), false, how),
        Some(From::Chatgpt { path, how }) => (Source::ChatGpt, Some(path), false, how),
        Some(From::ClaudeMem { path, how }) => (Source::ClaudeMem, path.as_ref(), false, how),
        Some(From::McpMemoryService { path, how }) => (Source::McpMemoryService, path.as_ref(), false, how),
        Some(From::Mempalace { path, how }) => (Source::MemPalace, path.as_ref(), false, how),
        Some(From::Engram { path, how }) => (Source::Engram, path.as_ref(), false, how),
        Some(From::EpisodicMemory { path, how }) => (Source::EpisodicMemory, path.as_ref(), false, how),
        Some(From::Jsonl { path, how }) => (Source::Jsonl, Some(path), false, how),
        None => {
            let path = args.path.as_ref().ok_or_else(|| {
                let hint = "name a source, for example `claude-memory import claude-code`, or a file or folder";
                Failure::new(Code::InvalidInput, "nothing to import was named", Some(hint))
            })?;
            (detect_source(path, session)?, Some(path), false, &args.how)
        }
    };
    read(source, path, follow, how, session)
}

/// Finds out what a file or folder holds.
fn detect_source(path: &Path, session: &Session) -> Result<Source, Failure> {
    if !path.exists() {
        let hint = "check the path";
        return Err(Failure::new(Code::NotFound, format!("{} does not exist", path.display()), Some(hint)));
    }
    let source = detect(path).ok_or_else(|| {
        let hint = "name the source: `claude-memory import --help` lists them";
        Failure::new(Code::InvalidInput, format!("cannot tell what {} is", path.display()), Some(hint))
    })?;
    session.output.say(&format!("{} is a history of {}", path.display(), source.name()));
    Ok(source)
}

/// Reads everything of a source where it lies by itself.
pub(super) fn read_all(source: Source, session: &Session) -> Result<ExitCode, Failure> {
    read(source, None, false, &How::default(), session)
}

fn read(
    source: Source,
    path: Option<&PathBuf>,
    follow: bool,
    args: &How,
    session: &Session,
) -> Result<ExitCode, Failure> {
    let start = Instant::now();
    let output = session.output;
    let paths = match path {
        Some(path) => vec![path.clone()],
        None => folders_of(source),
    };
    let Some(path) = paths.first().cloned() else {
        let hint = "name the folder with the transcripts";
        return Err(Failure::new(Code::NotFound, "this user has no home folder", Some(hint)));
    };
    // Before the store is opened: making one takes a moment too.
    let waited_for = priority::lower_in_background();
    let stop = stop_on_interrupt(output);
    let memory = session.open(Open::Create)?;
    let mut options =
        ImportOptions { source, rescan: args.rescan, dry_run: args.dry_run, ..ImportOptions::of(memory.settings()) };
    if let Some(mib) = args.max_line_mib {
        options.longest_line = usize::try_from(mib).unwrap_or(128) << 20;
    }
    let bar = bar(output, "{bar:30} {bytes}/{total_bytes} {msg} {eta}");
    let mut report = Report::default();
    for path in &paths {
        let part = memory.import(path, options, session.now, &stop, &mut |progress| {
            bar.set_length(progress.total_bytes);
            bar.set_position(progress.done_bytes);
            bar.set_message(format!("{} new messages", grouped(progress.new)));
        });
        report.add(part.inspect_err(|_| bar.finish_and_clear())?);
    }
    bar.finish_and_clear();
    let pending = memory.health(session.now)?.stats.pending;
    let interrupted = report.interrupted;
    let nothing_readable = report.bad_total > 0 && report.messages == 0 && report.unchanged == 0;
    let failed = nothing_readable || !report.foreign.is_empty();
    tell(output, source, &path, &report, pending, start);
    if args.embed && !interrupted && !args.dry_run {
        embed::make(&memory, memory.settings().embed.workers(waited_for), output, &stop)?;
    }
    if follow && !interrupted && !args.dry_run {
        output.say("reading what is written from now on; Ctrl-C ends it");
        drop(memory);
        let (desk, settings) = desk(session)?;
        service::follow_alone(source, &path, &desk, settings, &stop)
            .map_err(|error| Failure::new(Code::Unavailable, format!("cannot follow: {error}"), None))?;
        return Ok(ExitCode::SUCCESS);
    }
    if interrupted || stop.load(Ordering::Relaxed) {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    // An empty folder is nothing to complain about; a folder of which nothing could be read is, and so is a file of
    // which nothing was understood.
    Ok(ExitCode::from(u8::from(failed)))
}

/// Where the files of a source lie by themselves; Claude Code may have several homes.
fn folders_of(source: Source) -> Vec<PathBuf> {
    if source != Source::ClaudeCode {
        return folder_of(source).into_iter().collect();
    }
    let homes = env::claude_homes();
    let with_projects: Vec<PathBuf> = homes.iter().filter(|home| home.join("projects").is_dir()).cloned().collect();
    // Of a home without transcripts the folder that is missing is named.
    if with_projects.is_empty() { folder_of(source).into_iter().collect() } else { with_projects }
}

/// Where the files of a source lie by themselves.
pub(super) fn folder_of(source: Source) -> Option<PathBuf> {
    match source {
        Source::ClaudeCode => env::claude_folder().map(|folder| folder.join("projects")),
        Source::Codex => env::codex_folder().map(|folder| folder.join("sessions")),
        Source::Gemini => env::gemini_folder().map(|folder| folder.join("tmp")),
        Source::ClaudeAi | Source::ChatGpt | Source::Jsonl | Source::ClaudeHistory | Source::ClaudeFiles => None,
        Source::ClaudeMem => env::user_home().map(|home| home.join(".claude-mem")),
        Source::McpMemoryService => env::data_folder().map(|data| data.join("mcp-memory")),
        Source::MemPalace => {
            let folders = [
                env::user_home().map(|home| home.join(".mempalace")),
                env::config_folder().map(|config| config.join("mempalace")),
            ];
            let [first, second] = folders;
            first.filter(|folder| folder.is_dir()).or(second)
        }
        Source::Engram => env::user_home().map(|home| home.join(".engram")),
        Source::EpisodicMemory => env::config_folder().map(|config| config.join("superpowers")),
    }
}

fn tell(output: Output, source: Source, path: &Path, report: &Report, pending: u64, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    if output.is_json() {
        let bad = report.bad.iter().map(|bad| Bad {
            path: bad.path.display().to_string(),
            line: bad.line,
            why: bad.why.clone(),
        });
        output.json(&Done {
            files: report.files,
            unchanged: report.unchanged,
            sessions: report.sessions,
            messages: report.messages,
            new: report.new,
            duplicate: report.duplicate,
            extended: report.extended,
            revised: report.revised,
            collided: report.collided,
            skipped: report.skipped,
            own: report.own,
            forgotten: report.forgotten,
            redacted: report.redacted,
            bad: bad.collect(),
            bad_total: report.bad_total,
            ledger: LedgerAnswer::new(report),
            foreign: report.foreign.iter().map(|path| path.display().to_string()).collect(),
            interrupted: report.interrupted,
            pending,
            seconds: (seconds * 1000.0).round() / 1000.0,
        });
        return;
    }
    for bad in report.bad.iter().take(SHOWN_BAD) {
        output.say(&format!("warning: {bad}"));
    }
    if report.bad.len() > SHOWN_BAD {
        output.say(&format!(
            "warning: and {} more; --json lists them",
            report.bad_total.saturating_sub(SHOWN_BAD as u64)
        ));
    }
    for path in report.foreign.iter().take(SHOWN_BAD) {
        let suggestion = suggest(path, source).map_or_else(String::new, |other| {
            format!("; is this a history of {0}? try `claude-memory import {0} {1}`", other.name(), path.display())
        });
        output.say(&format!("error: {}: nothing in this file was understood{suggestion}", path.display()));
    }
    if report.files == 0 {
        output.line(&format!(
            "Nothing to import: {} holds nothing of {}; {}.",
            path.display(),
            source.name(),
            source.hint()
        ));
        return;
    }
    output.line(&format!(
        "{} new messages from {} sessions ({} known before, {} files unchanged, {} lines bad) in {seconds:.1} s",
        grouped(report.new),
        grouped(report.sessions),
        grouped(report.duplicate),
        grouped(report.unchanged),
        grouped(report.bad_total),
    ));
    tell_ledger(output, report);
    if report.redacted > 0 {
        output.line(&format!(
            "{} secrets were replaced by placeholders before anything was stored; `claude-memory status` counts them by rule",
            grouped(report.redacted)
        ));
    }
    if report.interrupted {
        output.say("interrupted: what was read is kept; run the same command again to continue");
    } else if pending > 0 {
        output.say(&format!(
            "{} texts can be searched by word now and wait for their vectors: run `claude-memory embed`, or let a running `claude-memory mcp` do it",
            grouped(pending)
        ));
    }
}

/// Accounts for every record that was read.
fn tell_ledger(output: Output, report: &Report) {
    let answer = LedgerAnswer::new(report);
    if answer.records == 0 {
        return;
    }
    let sum = |kinds: &BTreeMap<String, u64>| grouped(kinds.values().sum());
    let mut counts = vec![
        format!("{} stored", grouped(answer.stored)),
        format!("{} known", grouped(answer.known)),
        format!("{} bookkeeping", sum(&answer.bookkeeping)),
    ];
    let more = [(answer.deleted, "deleted earlier"), (answer.own, "own output"), (answer.damaged, "damaged")];
    counts.extend(
        more.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{} {what}", grouped(count))),
    );
    counts.push(format!("{} not understood", sum(&answer.not_understood)));
    output.line(&format!("{} records = {}", grouped(answer.records), counts.join(" + ")));
    let mut unknown: Vec<_> = answer.not_understood.iter().collect();
    unknown.sort_by(|left, right| right.1.cmp(left.1));
    for (kind, count) in unknown.into_iter().take(SHOWN_BAD) {
        output.say(&format!("warning: {} records of an unknown type: {kind}", grouped(*count)));
    }
    let changed = [
        (report.revised, "messages changed; the earlier text is kept"),
        (report.collided, "messages have another text in another file; both are kept"),
    ];
    for (count, what) in changed.into_iter().filter(|(count, _)| *count > 0) {
        output.line(&format!("{} {what}", grouped(count)));
    }
}

//! `import`: imports history from Claude Code and other sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde::Serialize;

use super::import_sources::{ImportFlags, SourceCommand};
use super::mcp::build_engine_handle;
use super::{embed, group_digits};
use crate::cli::invocation::Invocation;
use crate::cli::output::CliOutput;
use crate::cli::priority;
use crate::cli::progress::{INTERRUPTED, create_bar, stop_on_interrupt};
use crate::domain::{Failure, FailureCode, Ledger};
use crate::import::{Source, detect_source as detect_source_of, suggest_source};
use crate::memory::{ImportOptions, ImportReport};
use crate::service;
use crate::store::OpenMode;

/// Maximum number of bad lines printed one by one; `--json` lists up to 1,000.
const MAX_SHOWN_BAD: usize = 20;

/// Import history from Claude Code and other sources
///
/// Without a source or path it imports every history that it finds. Reads transcripts newest first; keyword search finds messages as soon as they are read. Running it again reads only
/// what is new. A line that cannot be read is reported with file and line and skipped. Ctrl-C stops at a safe point and
/// the next run continues there. The transcripts themselves are never changed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory import                    # every history on this machine\n  claude-memory import claude-code\n  claude-memory import claude-code ~/backup/projects --embed\n  \
    claude-memory import codex --follow\n  claude-memory import chatgpt ~/Downloads/export.zip\n  \
    claude-memory import jsonl notes.jsonl --json\n  \
    claude-memory import claude-mem --dry-run\n\nFormats: docs/importing.md"
)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct ImportArgs {
    #[command(subcommand)]
    from: Option<SourceCommand>,
    /// File or folder of any of these sources; the source is detected [default: all on this machine]
    path: Option<PathBuf>,
    #[command(flatten)]
    how: ImportFlags,
}

#[derive(Debug, Serialize)]
struct ImportSummary {
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
    bad: Vec<BadLineSummary>,
    bad_total: u64,
    ledger: LedgerSummary,
    /// Files in which no record was understood.
    foreign: Vec<String>,
    interrupted: bool,
    pending: u64,
    seconds: f64,
}

/// Count of records by outcome: `records` is the sum of the others.
#[derive(Debug, Serialize)]
struct LedgerSummary {
    records: u64,
    stored: u64,
    known: u64,
    deleted: u64,
    own: u64,
    bookkeeping: BTreeMap<String, u64>,
    not_understood: BTreeMap<String, u64>,
    damaged: u64,
}

impl LedgerSummary {
    fn new(report: &ImportReport) -> Self {
        let Ledger { messages, own, bookkeeping, not_understood, damaged } = report.ledger.clone();
        let (stored, known) = (report.stored_records, report.known_records);
        Self {
            records: report.ledger.record_count(),
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

impl ImportSummary {
    fn new(report: &ImportReport, pending: u64, seconds: f64) -> Self {
        let bad = report.bad.iter().map(|bad| BadLineSummary {
            path: bad.path.display().to_string(),
            line: bad.line,
            why: bad.why.clone(),
        });
        Self {
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
            ledger: LedgerSummary::new(report),
            foreign: report.foreign.iter().map(|path| path.display().to_string()).collect(),
            interrupted: report.interrupted,
            pending,
            seconds: (seconds * 1000.0).round() / 1000.0,
        }
    }
}

#[derive(Debug, Serialize)]
struct BadLineSummary {
    path: String,
    line: u64,
    why: String,
}

pub(in crate::cli) fn run(args: &ImportArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    if let Some(SourceCommand { source, path, follow, how }) = &args.from {
        return import_source(*source, path.as_ref(), *follow, how, session);
    }
    match &args.path {
        Some(path) => import_source(detect_source(path, session)?, Some(path), false, &args.how, session),
        None => import_everything(&args.how, session),
    }
}

/// Imports every history on this machine. With `--json`, prints one object for all sources.
fn import_everything(how: &ImportFlags, session: &Invocation) -> Result<ExitCode, Failure> {
    let has_history = |source: &Source| {
        let folder = source.default_folder();
        folder.is_some_and(|folder| source.find_transcripts(&folder).is_ok_and(|(files, _)| !files.is_empty()))
    };
    let sources: Vec<Source> = Source::growing().chain(Source::databases()).filter(has_history).collect();
    if sources.is_empty() {
        let folders: Vec<String> = Source::growing()
            .filter_map(|source| source.default_folder().map(|folder| folder.display().to_string()))
            .collect();
        let message = format!("no history found; looked in {}", folders.join(", "));
        return Err(Failure::new(
            FailureCode::NotFound,
            message,
            Some("name a file or folder: `claude-memory import PATH`"),
        ));
    }
    let mut worst = 0;
    let mut summaries = Vec::new();
    for source in sources {
        session.output.print_message(&format!("{}:", source.title()));
        let (code, summary) = read_source(source, None, false, how, session)?;
        summaries.extend(summary.map(|summary| serde_json::json!({ "source": source.name(), "import": summary })));
        worst = worst.max(code);
        if code == INTERRUPTED {
            break;
        }
    }
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "imports": summaries }));
    }
    Ok(ExitCode::from(worst))
}

/// Detects the source of a file or folder and prints it.
fn detect_source(path: &Path, session: &Invocation) -> Result<Source, Failure> {
    if !path.exists() {
        let hint = "check the path";
        return Err(Failure::new(FailureCode::NotFound, format!("{} does not exist", path.display()), Some(hint)));
    }
    let source = detect_source_of(path).ok_or_else(|| {
        let hint = "name the source: `claude-memory import --help` lists them";
        Failure::new(FailureCode::InvalidInput, format!("cannot detect the source of {}", path.display()), Some(hint))
    })?;
    session.output.print_message(&format!("{} is history of {}", path.display(), source.name()));
    Ok(source)
}

/// Imports everything from the default folders of a source.
pub(super) fn import_default_folders(source: Source, session: &Invocation) -> Result<ExitCode, Failure> {
    import_source(source, None, false, &ImportFlags::default(), session)
}

fn import_source(
    source: Source,
    path: Option<&PathBuf>,
    follow: bool,
    args: &ImportFlags,
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    let (code, summary) = read_source(source, path, follow, args, session)?;
    summary.iter().for_each(|summary| session.output.print_json(summary));
    Ok(ExitCode::from(code))
}

/// Imports a source; returns the exit code, and with `--json` the summary, which is not printed yet.
fn read_source(
    source: Source,
    path: Option<&PathBuf>,
    follow: bool,
    args: &ImportFlags,
    session: &Invocation,
) -> Result<(u8, Option<ImportSummary>), Failure> {
    let start = Instant::now();
    let output = session.output;
    let paths = match path {
        Some(path) => vec![path.clone()],
        None => source.default_folders(),
    };
    let Some(path) = paths.first().cloned() else {
        let hint = "name the folder with the transcripts";
        return Err(Failure::new(FailureCode::NotFound, "this user has no home folder", Some(hint)));
    };
    // Before the store is opened: creating one takes a moment too.
    let waited_for = priority::lower_in_background();
    let stop = stop_on_interrupt(output);
    let memory = session.open_memory(OpenMode::Create)?;
    let mut options = ImportOptions {
        source,
        rescan: args.rescan,
        dry_run: args.dry_run,
        ..ImportOptions::from_settings(memory.settings())
    };
    if let Some(mib) = args.max_line_mib {
        options.longest_line = usize::try_from(mib).unwrap_or(128) << 20;
    }
    let bar = create_bar(output, "{bar:30} {bytes}/{total_bytes} {msg} {eta}");
    let mut report = ImportReport::default();
    for path in &paths {
        let part = memory.import_path(path, options, session.now, &stop, &mut |progress| {
            bar.set_length(progress.total_bytes);
            bar.set_position(progress.done_bytes);
            bar.set_message(format!("{} new messages", group_digits(progress.new)));
        });
        report.add_report(part.inspect_err(|_| bar.finish_and_clear())?);
    }
    bar.finish_and_clear();
    let pending = memory.check_health(session.now)?.stats.pending;
    let interrupted = report.interrupted;
    let nothing_readable = report.bad_total > 0 && report.messages == 0 && report.unchanged == 0;
    let failed = nothing_readable || !report.foreign.is_empty();
    let seconds = start.elapsed().as_secs_f64();
    let summary = output.is_json().then(|| ImportSummary::new(&report, pending, seconds));
    if summary.is_none() {
        print_import_summary(output, source, &path, &report, pending, seconds);
    }
    if args.embed && !interrupted && !args.dry_run {
        embed::embed_missing(&memory, memory.settings().embed.worker_count(waited_for), output, &stop)?;
    }
    if follow && !interrupted && !args.dry_run {
        output.print_message("importing what is written from now on; Ctrl-C stops");
        drop(memory);
        let (desk, settings) = build_engine_handle(session)?;
        service::follow_source(source, &path, &desk, settings, &stop).map_err(|error| {
            Failure::new(FailureCode::Unavailable, format!("cannot follow the transcripts: {error}"), None)
        })?;
        return Ok((0, summary));
    }
    if interrupted || stop.load(Ordering::Relaxed) {
        return Ok((INTERRUPTED, summary));
    }
    // An empty folder is no failure. A folder in which nothing could be read is one, and so is a file in which no
    // record was understood.
    Ok((u8::from(failed), summary))
}

fn print_import_summary(
    output: CliOutput,
    source: Source,
    path: &Path,
    report: &ImportReport,
    pending: u64,
    seconds: f64,
) {
    for bad in report.bad.iter().take(MAX_SHOWN_BAD) {
        output.print_message(&format!("warning: {bad}"));
    }
    if report.bad.len() > MAX_SHOWN_BAD {
        output.print_message(&format!(
            "warning: and {} more; --json lists up to 1,000",
            report.bad_total.saturating_sub(MAX_SHOWN_BAD as u64)
        ));
    }
    for path in report.foreign.iter().take(MAX_SHOWN_BAD) {
        let suggestion = suggest_source(path, source).map_or_else(String::new, |other| {
            format!("; is this a history of {0}? try `claude-memory import {0} {1}`", other.name(), path.display())
        });
        output.print_message(&format!("error: {}: nothing in this file was understood{suggestion}", path.display()));
    }
    if report.files == 0 {
        output.print_line(&format!(
            "Nothing to import: {} contains nothing of {}; {}.",
            path.display(),
            source.name(),
            source.help().hint
        ));
        return;
    }
    output.print_line(&format!(
        "new messages: {} (sessions: {}, known before: {}, unchanged files: {}, bad lines: {}) in {seconds:.1} s",
        group_digits(report.new),
        group_digits(report.sessions),
        group_digits(report.duplicate),
        group_digits(report.unchanged),
        group_digits(report.bad_total),
    ));
    print_ledger(output, report);
    if report.redacted > 0 {
        output.print_line(&format!(
            "secrets replaced by placeholders before storage: {}; `claude-memory status --system` counts them by rule",
            group_digits(report.redacted)
        ));
    }
    if report.interrupted {
        output.print_message("interrupted: everything read so far is saved; run the same command again to continue");
    } else if pending > 0 {
        output.print_message(&format!(
            "Keyword search is ready. Texts to embed for semantic search: {}. Run `claude-memory embed`, or let a running `claude-memory mcp` do it.",
            group_digits(pending)
        ));
    }
}

/// Prints how many records had each outcome.
fn print_ledger(output: CliOutput, report: &ImportReport) {
    let answer = LedgerSummary::new(report);
    if answer.records == 0 {
        return;
    }
    let sum = |kinds: &BTreeMap<String, u64>| group_digits(kinds.values().sum());
    let mut counts = vec![
        format!("{} stored", group_digits(answer.stored)),
        format!("{} known", group_digits(answer.known)),
        format!("{} bookkeeping", sum(&answer.bookkeeping)),
    ];
    let more = [(answer.deleted, "deleted earlier"), (answer.own, "own output"), (answer.damaged, "damaged")];
    counts.extend(
        more.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{} {what}", group_digits(count))),
    );
    counts.push(format!("{} not understood", sum(&answer.not_understood)));
    output.print_line(&format!("records: {} = {}", group_digits(answer.records), counts.join(" + ")));
    let mut unknown: Vec<_> = answer.not_understood.iter().collect();
    unknown.sort_by(|left, right| right.1.cmp(left.1));
    for (kind, count) in unknown.into_iter().take(MAX_SHOWN_BAD) {
        output.print_message(&format!("warning: unknown record type {kind}; records: {}", group_digits(*count)));
    }
    let changed = [
        (report.revised, "changed messages (the earlier text is kept)"),
        (report.collided, "messages with another text in another file (both are kept)"),
    ];
    for (count, what) in changed.into_iter().filter(|(count, _)| *count > 0) {
        output.print_line(&format!("{what}: {}", group_digits(count)));
    }
}

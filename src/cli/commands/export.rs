//! `export` and `restore-transcript`: sessions as files.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use clap::ValueEnum;
use serde_json::json;

use super::export_record::record_export;
use super::group_digits;
use super::sync::write_complete_file;
use crate::cli::invocation::Invocation;
use crate::cli::last_results;
use crate::cli::progress::{INTERRUPTED, create_bar, stop_on_interrupt};
use crate::config::env;
use crate::disk;
use crate::domain::text::counts::format_count;
use crate::domain::{Failure, FailureCode};
use crate::export::transcript::build_transcript;
use crate::export::{ExportFormat, ExportedFile, FileNames};
use crate::memory::{Memory, SessionMessages};
use crate::store::{MessageRecord, OpenMode, SessionFilter};
use crate::sync::bundle;

/// Sessions loaded per page.
const PAGE_SESSIONS: usize = 100;

/// Export sessions as Markdown, HTML or JSON Lines
///
/// One session goes to stdout or to a file; a project, or everything, to a folder with an index. JSON Lines lose
/// nothing and can be read back with `sync bundle import`. Secrets were removed before anything was stored, and are
/// searched for once more.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory export 545308f1 > conversation.md\n  \
    claude-memory export --project orders --format html --output orders/\n  \
    claude-memory export - --format jsonl > everything.jsonl")]
pub(in crate::cli) struct ExportArgs {
    /// Number of a result, session id or its first four characters; - writes all sessions to stdout
    #[arg(value_name = "SESSION")]
    session: Option<String>,
    /// Export only this project: its name or path
    #[arg(long, short)]
    project: Option<String>,
    /// Format of the output
    #[arg(long, short, value_enum, default_value = "markdown")]
    format: ExportFormatArg,
    /// File or folder to write to, or - for stdout; existing files are never overwritten
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Omit tool calls, tool output and reasoning
    #[arg(long)]
    only_said: bool,
    /// True if everything goes to stdout.
    #[arg(skip)]
    to_stdout: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ExportFormatArg {
    /// Markdown, for people and other programs
    Markdown,
    /// HTML for a browser, without scripts
    Html,
    /// All stored data, one JSON object per line, to be imported again
    Jsonl,
}

/// Restore a session that Claude Code deleted
///
/// Writes the transcript where Claude Code looks for it, so that `claude --resume` continues the session. Messages are
/// restored as they were; tool calls become plain text. An existing transcript is never changed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory restore-transcript 545308f1\n  claude --resume 545308f1-0771-4ddd-a91a-88de4ebeda3a"
)]
pub(in crate::cli) struct RestoreTranscriptArgs {
    /// Number of a result, session id or its first four characters
    #[arg(value_name = "SESSION")]
    session: String,
    /// Folder with Claude Code's transcripts [default: ~/.claude/projects]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Print where it would be written, write nothing
    #[arg(long)]
    dry_run: bool,
}

fn write_error(path: &Path) -> impl Fn(std::io::Error) -> Failure {
    let path = path.display().to_string();
    move |error| Failure::new(FailureCode::Unavailable, format!("cannot write {path}: {error}"), None)
}

pub(in crate::cli) fn run(args: &ExportArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let made = memory.last_deletion()?;
    let mut args = args.clone();
    let is_dash = args.session.as_deref() == Some("-");
    args.to_stdout = is_dash || args.output.as_deref() == Some(Path::new("-"));
    if args.to_stdout {
        args.output = None;
        args.session = args.session.filter(|_| !is_dash);
    }
    if let Some(wanted) = &args.session {
        if args.project.is_some() {
            return Err(Failure::invalid_input("name a session or --project, not both"));
        }
        args.session = Some(last_results::resolve_session(&session.resolve_paths()?, wanted)?);
    }
    let outcome = export_chosen(&args, &memory, session)?;
    if let Some(path) = args.output.as_ref().filter(|path| path.exists()) {
        record_export(&memory, path, made, session);
    }
    Ok(outcome)
}

fn export_chosen(args: &ExportArgs, memory: &Memory, session: &Invocation) -> Result<ExitCode, Failure> {
    let format = match args.format {
        ExportFormatArg::Jsonl => return export_lines(args, memory, session),
        ExportFormatArg::Markdown => ExportFormat::Markdown,
        ExportFormatArg::Html => ExportFormat::Html,
    };
    if let Some(wanted) = &args.session {
        let conversation = memory.read_session(wanted, !args.only_said)?;
        let text = format.render_session(&conversation);
        match &args.output {
            None => session.output.print_line(text.trim_end()),
            Some(path) => write_new_file(path, text.as_bytes())?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let Some(folder) = &args.output else {
        if args.to_stdout {
            return print_sessions(args, format, memory, session);
        }
        let message = "name a session, or say where to write all of them";
        return Err(Failure::invalid_arguments(message, "--output FOLDER writes files, --output - writes to stdout"));
    };
    export_sessions(args, format, folder, memory, session)
}

/// Writes a new file.
///
/// # Errors
/// If the file already exists: nothing is overwritten.
fn write_new_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if !disk::create_atomic(path, bytes).map_err(write_error(path))? {
        return Err(Failure::invalid_input(format!("{} already exists; nothing was overwritten", path.display())));
    }
    Ok(())
}

/// Reads the chosen sessions one after another, until a person interrupts. Returns true if one did.
fn each_session(
    args: &ExportArgs,
    memory: &Memory,
    session: &Invocation,
    each: &mut dyn FnMut(SessionMessages) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let stop = stop_on_interrupt(session.output);
    let here = env::project_folder();
    let projects = memory.resolve_projects(args.project.as_deref().unwrap_or("all"), here.as_deref())?;
    let filter = SessionFilter { projects, subagents: true, ..SessionFilter::default() };
    let mut place = None;
    while !stop.load(Ordering::Relaxed) {
        let sessions = memory.list_sessions(&filter, place, PAGE_SESSIONS)?;
        let Some(last) = sessions.last() else { break };
        place = Some((last.started_at, last.row));
        for one in &sessions {
            each(memory.read_session(&one.session, !args.only_said)?)?;
        }
    }
    Ok(stop.load(Ordering::Relaxed))
}

/// Writes the chosen sessions to stdout.
fn print_sessions(
    args: &ExportArgs,
    format: ExportFormat,
    memory: &Memory,
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    let interrupted = each_session(args, memory, session, &mut |conversation| {
        session.output.print_line(format.render_session(&conversation).trim_end());
        session.output.print_line("");
        Ok(())
    })?;
    Ok(ExitCode::from(if interrupted { INTERRUPTED } else { 0 }))
}

fn export_sessions(
    args: &ExportArgs,
    format: ExportFormat,
    folder: &Path,
    memory: &Memory,
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    disk::create_private_folder(folder).map_err(write_error(folder))?;
    if std::fs::read_dir(folder).map_err(write_error(folder))?.next().is_some() {
        return Err(Failure::invalid_input(format!("{} is not empty; nothing was overwritten", folder.display())));
    }
    let bar = create_bar(session.output, "{spinner} {human_pos} sessions {per_sec}");
    let (mut files, mut names) = (Vec::new(), FileNames::default());
    let interrupted = each_session(args, memory, session, &mut |conversation| {
        let name = names.choose_name(&conversation, format);
        write_new_file(&folder.join(&name), format.render_session(&conversation).as_bytes())?;
        let (title, project) = (conversation.head.title, conversation.head.project);
        let day = conversation.head.started_at.to_string().get(..10).unwrap_or_default().to_owned();
        files.push(ExportedFile { name, title, project, day, messages: conversation.head.messages });
        bar.inc(1);
        Ok(())
    })?;
    bar.finish_and_clear();
    write_new_file(&folder.join(format!("index.{}", format.file_extension())), format.render_index(&files).as_bytes())?;
    if session.output.is_json() {
        session.output.print_json(&json!({ "path": folder, "conversations": files.len(), "interrupted": interrupted }));
    } else {
        session.output.print_line(&format!(
            "exported sessions: {} to {}",
            group_digits(files.len() as u64),
            folder.display()
        ));
    }
    Ok(ExitCode::from(if interrupted { INTERRUPTED } else { 0 }))
}

fn export_lines(args: &ExportArgs, memory: &Memory, session: &Invocation) -> Result<ExitCode, Failure> {
    let stop = stop_on_interrupt(session.output);
    let here = env::project_folder();
    let wanted = match (&args.session, &args.project) {
        (Some(wanted), _) => Some(memory.find_session(wanted)?.session),
        _ => None,
    };
    let keys = match &args.project {
        Some(project) => memory.project_keys(project, here.as_deref())?,
        None => None,
    };
    let is_all = args.session.is_none() && args.project.is_none();
    let keeps = |message: &MessageRecord| {
        wanted.as_ref().is_none_or(|session| *session == message.conversation.session)
            && keys.as_ref().is_none_or(|keys| keys.contains(&message.project.key))
    };
    let chosen = bundle::ExportSelection { keeps: &keeps, forgotten: is_all };
    let bar = create_bar(session.output, "{spinner} {human_pos} messages {per_sec}");
    let mut progress = |done| bar.set_position(done);
    let bundled = match &args.output {
        None => {
            let stdout = std::io::stdout();
            bundle::export_lines(memory, &mut stdout.lock(), &chosen, session.now, &stop, &mut progress)?
        }
        Some(path) => {
            if path.exists() {
                return Err(Failure::invalid_input(format!(
                    "{} already exists; nothing was overwritten",
                    path.display()
                )));
            }
            write_complete_file(path, |file| {
                let mut file = std::io::BufWriter::new(file);
                let bundled = bundle::export_lines(memory, &mut file, &chosen, session.now, &stop, &mut progress)?;
                file.flush().map_err(write_error(path))?;
                Ok(bundled)
            })?
        }
    };
    bar.finish_and_clear();
    if bundled.interrupted {
        session.output.print_message("stopped; nothing was written");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    session.output.print_message(&format!(
        "exported messages: {}; `claude-memory sync bundle import` reads them back",
        group_digits(bundled.messages)
    ));
    Ok(ExitCode::SUCCESS)
}

pub(in crate::cli) fn restore_transcript(
    args: &RestoreTranscriptArgs,
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let made = memory.last_deletion()?;
    let wanted = last_results::resolve_session(&session.resolve_paths()?, &args.session)?;
    let restored = build_transcript(&memory, &wanted)?;
    let projects = args.to.clone().or_else(|| env::claude_folder().map(|folder| folder.join("projects")));
    let projects =
        projects.ok_or_else(|| Failure::invalid_input("this user has no home folder; name the folder with --to"))?;
    let folder = projects.join(restored.folder_name());
    let path = folder.join(format!("{}.jsonl", restored.resume_id()));
    if !args.dry_run {
        disk::create_private_folder(&folder).map_err(write_error(&folder))?;
        write_new_file(&path, restored.text.as_bytes())?;
        record_export(&memory, &path, made, session);
    }
    if session.output.is_json() {
        session.output.print_json(&json!({
            "path": path, "session_id": restored.session, "resume_id": restored.resume_id(), "directory": restored.directory,
            "records": restored.records, "dry_run": args.dry_run, "command": restored.resume_command(),
        }));
        return Ok(ExitCode::SUCCESS);
    }
    session.output.print_line(&path.display().to_string());
    session.output.print_message(&format!(
        "{}{}; continue with:\n  {}",
        format_count(restored.records as u64, "turn"),
        if args.dry_run { " would be written" } else { "" },
        restored.resume_command()
    ));
    Ok(ExitCode::SUCCESS)
}

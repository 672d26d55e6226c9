//! `export` and `restore-transcript`: conversations as files.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use clap::ValueEnum;
use serde_json::json;

use super::grouped;
use super::sync::write_whole;
use crate::cli::error::Failure;
use crate::cli::progress::{INTERRUPTED, bar, stop_on_interrupt};
use crate::cli::session::Session;
use crate::config::env;
use crate::disk;
use crate::domain::Code;
use crate::memory::Memory;
use crate::ops::export::transcript::restore;
use crate::ops::export::{Entry, FileNames, Format};
use crate::store::{Open, SessionFilter, WholeMessage};
use crate::sync::bundle;

/// Sessions that are listed at once.
const SESSIONS: usize = 100;

/// Write conversations as Markdown, HTML or lines of JSON
///
/// One conversation goes to stdout or into a file; a project, or everything, into a folder with an index. Lines of JSON lose nothing and go
/// back in with `sync bundle import`. Secrets were taken out before anything was stored, and are looked for once more.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory export 545308f1 > conversation.md\n  \
    claude-memory export --project orders --format html --output orders/\n  \
    claude-memory export --format jsonl --output everything.jsonl")]
pub(in crate::cli) struct Args {
    /// Id of a session, or its first six characters [default: all of them]
    #[arg(value_name = "SESSION", conflicts_with = "project")]
    session: Option<String>,
    /// Only this project: its name or path
    #[arg(long, short)]
    project: Option<String>,
    /// How to write them
    #[arg(long, short, value_enum, default_value = "markdown")]
    format: Form,
    /// File or folder; nothing in it is written over
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Leave out tool calls, tool output and reasoning
    #[arg(long)]
    only_said: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    /// For people and other programs
    Markdown,
    /// A file that a browser shows, without scripts
    Html,
    /// Everything that is kept, to be read in again
    Jsonl,
}

/// Give Claude Code back a session that it deleted
///
/// Writes the session where Claude Code looks for it, so that `claude --resume` goes on with it. What was said is there again; what tools did
/// stands in it as text. An existing transcript is never touched.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory restore-transcript 545308f1\n  claude --resume 545308f1-0771-4ddd-a91a-88de4ebeda3a"
)]
pub(in crate::cli) struct RestoreArgs {
    /// Id of a session, or its first six characters
    #[arg(value_name = "SESSION")]
    session: String,
    /// Folder of Claude Code's transcripts [default: ~/.claude/projects]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Say where it would be written
    #[arg(long)]
    dry_run: bool,
}

fn written(path: &Path) -> impl Fn(std::io::Error) -> Failure {
    let path = path.display().to_string();
    move |error| Failure::new(Code::Unavailable, format!("cannot write {path}: {error}"), None)
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    let format = match args.format {
        Form::Jsonl => return lines(args, &memory, session),
        Form::Markdown => Format::Markdown,
        Form::Html => Format::Html,
    };
    if let Some(wanted) = &args.session {
        let conversation = memory.conversation(wanted, !args.only_said)?;
        let text = format.conversation(&conversation);
        match &args.output {
            None => session.output.line(text.trim_end()),
            Some(path) => new_file(path, text.as_bytes())?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let Some(folder) = &args.output else {
        return Err(Failure::invalid("name a session, or a folder for many with --output"));
    };
    many(args, format, folder, &memory, session)
}

/// Writes a file that is not there yet.
fn new_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if !disk::create_atomic(path, bytes).map_err(written(path))? {
        return Err(Failure::invalid(format!("{} is there already; nothing is written over", path.display())));
    }
    Ok(())
}

fn many(args: &Args, format: Format, folder: &Path, memory: &Memory, session: &Session) -> Result<ExitCode, Failure> {
    disk::create_private_folder(folder).map_err(written(folder))?;
    if std::fs::read_dir(folder).map_err(written(folder))?.next().is_some() {
        return Err(Failure::invalid(format!("{} is not empty; nothing is written over", folder.display())));
    }
    let stop = stop_on_interrupt(session.output);
    let here = env::project_folder();
    let projects = memory.resolve_projects(args.project.as_deref().unwrap_or("all"), here.as_deref())?;
    let filter = SessionFilter { projects, subagents: true, ..SessionFilter::default() };
    let bar = bar(session.output, "{spinner} {human_pos} conversations {per_sec}");
    let (mut files, mut names, mut place) = (Vec::new(), FileNames::default(), None);
    while !stop.load(Ordering::Relaxed) {
        let sessions = memory.sessions(&filter, place, SESSIONS)?;
        let Some(last) = sessions.last() else { break };
        place = Some((last.started_at, last.row));
        for one in &sessions {
            let conversation = memory.conversation(&one.session, !args.only_said)?;
            let name = names.choose(&conversation, format);
            new_file(&folder.join(&name), format.conversation(&conversation).as_bytes())?;
            let (title, project) = (conversation.head.title, conversation.head.project);
            let day = conversation.head.started_at.to_string().get(..10).unwrap_or_default().to_owned();
            files.push(Entry { name, title, project, day, messages: conversation.head.messages });
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    new_file(&folder.join(format!("index.{}", format.ending())), format.index(&files).as_bytes())?;
    let interrupted = stop.load(Ordering::Relaxed);
    if session.output.is_json() {
        session.output.json(&json!({ "path": folder, "conversations": files.len(), "interrupted": interrupted }));
    } else {
        session.output.line(&format!("{} conversations in {}", grouped(files.len() as u64), folder.display()));
    }
    Ok(ExitCode::from(if interrupted { INTERRUPTED } else { 0 }))
}

fn lines(args: &Args, memory: &Memory, session: &Session) -> Result<ExitCode, Failure> {
    let stop = stop_on_interrupt(session.output);
    let here = env::project_folder();
    let wanted = match (&args.session, &args.project) {
        (Some(wanted), _) => Some(memory.session_named(wanted)?.session),
        _ => None,
    };
    let keys = match &args.project {
        Some(project) => memory.project_keys(project, here.as_deref())?,
        None => None,
    };
    let is_all = args.session.is_none() && args.project.is_none();
    let keeps = |message: &WholeMessage| {
        wanted.as_ref().is_none_or(|session| *session == message.conversation.session)
            && keys.as_ref().is_none_or(|keys| keys.contains(&message.project.key))
    };
    let chosen = bundle::Chosen { keeps: &keeps, forgotten: is_all };
    let bar = bar(session.output, "{spinner} {human_pos} messages {per_sec}");
    let mut progress = |done| bar.set_position(done);
    let bundled = match &args.output {
        None => {
            let stdout = std::io::stdout();
            bundle::export_lines(memory, &mut stdout.lock(), &chosen, session.now, &stop, &mut progress)?
        }
        Some(path) => {
            if path.exists() {
                return Err(Failure::invalid(format!("{} is there already; nothing is written over", path.display())));
            }
            write_whole(path, |file| {
                let mut file = std::io::BufWriter::new(file);
                let bundled = bundle::export_lines(memory, &mut file, &chosen, session.now, &stop, &mut progress)?;
                file.flush().map_err(written(path))?;
                Ok(bundled)
            })?
        }
    };
    bar.finish_and_clear();
    if bundled.interrupted {
        session.output.say("stopped; nothing was written");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    session
        .output
        .say(&format!("{} messages; `claude-memory sync bundle import` reads them in", grouped(bundled.messages)));
    Ok(ExitCode::SUCCESS)
}

pub(in crate::cli) fn restore_transcript(args: &RestoreArgs, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    let restored = restore(&memory, &args.session)?;
    let projects = args.to.clone().or_else(|| env::claude_folder().map(|folder| folder.join("projects")));
    let projects = projects.ok_or_else(|| Failure::invalid("this user has no home folder; name one with --to"))?;
    let folder = projects.join(restored.folder());
    let path = folder.join(format!("{}.jsonl", restored.resume_id()));
    if !args.dry_run {
        disk::create_private_folder(&folder).map_err(written(&folder))?;
        new_file(&path, restored.text.as_bytes())?;
    }
    if session.output.is_json() {
        session.output.json(&json!({
            "path": path, "session_id": restored.session, "resume_id": restored.resume_id(), "directory": restored.directory,
            "records": restored.records, "dry_run": args.dry_run, "command": restored.resume_command(),
        }));
        return Ok(ExitCode::SUCCESS);
    }
    session.output.line(&path.display().to_string());
    session.output.say(&format!(
        "{} turns{}; go on with:\n  {}",
        restored.records,
        if args.dry_run { " would be written" } else { "" },
        restored.resume_command()
    ));
    Ok(ExitCode::SUCCESS)
}

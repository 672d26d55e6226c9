//! `setup`: from nothing to a memory that answers: finds the histories of this machine, imports and embeds them, connects
//! clients, and shows what is worth seeing. Owns the order and the questions; each step belongs to a command of its own.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::install::{self, ClientState};
use super::setup_highlights::{Highlight, find_highlights};
use super::{doctor, format_bytes};
use crate::cli::invocation::Invocation;
use crate::cli::layout::{display_width, fit_text, pad_text};
use crate::cli::palette::Tone;
use crate::cli::progress::{INTERRUPTED, create_bar, stop_on_interrupt};
use crate::clients::McpClient;
use crate::config::env;
use crate::domain::Failure;
use crate::domain::text::counts::format_count;
use crate::import::Source;
use crate::memory::{EmbedProgress, ImportOptions, ImportReport, Memory};
use crate::store::OpenMode;

/// Columns of the name of a step.
const STEP_COLUMNS: usize = 18;
/// Pause between two looks at the progress of embedding.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// Set everything up: import your history, make it searchable, connect your clients
///
/// Finds the histories of Claude Code, Codex, Gemini CLI and other memory tools on this machine, imports them, computes
/// embeddings newest first, asks whether to connect the clients, and shows what is worth seeing. Safe to run again:
/// only what is new is done. Ctrl-C stops; what is done stays. Without a terminal it asks nothing and changes no
/// client.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory setup\n  claude-memory setup --yes          # also connects the clients\n  \
    claude-memory setup --json         # for scripts: imports and embeds, connects nothing"
)]
pub(in crate::cli) struct SetupArgs {
    /// Answer every question with yes
    #[arg(long, short)]
    yes: bool,
}

/// History found on this machine.
struct FoundHistory {
    source: Source,
    folder: PathBuf,
    files: u64,
    bytes: u64,
}

pub(in crate::cli) fn run(args: &SetupArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let stop = stop_on_interrupt(session.output);
    let memory = session.open_memory(OpenMode::Create)?;
    memory.refresh_keyword_index()?;
    let found = find_histories();
    if session.output.is_json() {
        return run_for_script(&memory, &found, &stop, session);
    }
    print_found(&memory, &found, session)?;
    let start = Instant::now();
    let report = import_all(&memory, &found, &stop, session)?;
    print_imported(&memory, &report, start.elapsed(), session)?;
    if stop.load(Ordering::Relaxed) {
        return Ok(stop_early(session));
    }
    let progress = Mutex::new(EmbedProgress::default());
    let outcome = std::thread::scope(|scope| -> Result<(), Failure> {
        let worker = scope.spawn(|| embed_all(&memory, &progress, &stop));
        let asked = connect_clients(args, &stop, session)
            .and_then(|()| print_highlights(&find_highlights(&memory, session.now)?, session));
        if asked.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        show_embedding(&progress, || worker.is_finished(), session);
        let embedded = worker.join().unwrap_or(Ok(()));
        asked.and(embedded)
    });
    outcome?;
    Ok(if stop.load(Ordering::Relaxed) { stop_early(session) } else { ExitCode::SUCCESS })
}

/// Says how to go on after an interrupt.
fn stop_early(session: &Invocation) -> ExitCode {
    session.output.print_message("Stopped. What is done stays; run `claude-memory setup` again to go on.");
    ExitCode::from(INTERRUPTED)
}

/// Finds the histories of this machine.
fn find_histories() -> Vec<FoundHistory> {
    let mut found = Vec::new();
    for source in Source::growing().chain(Source::databases()) {
        let Some(folder) = source.default_folder() else { continue };
        let Ok((files, _)) = source.find_transcripts(&folder) else { continue };
        if !files.is_empty() {
            let bytes = files.iter().map(|file| file.size).sum();
            found.push(FoundHistory { source, folder, files: files.len() as u64, bytes });
        }
    }
    found
}

/// Shortens a path below the home folder to `~/…`.
fn shorten_path(path: &std::path::Path) -> String {
    let below = env::user_home().and_then(|home| path.strip_prefix(home).ok().map(|rest| rest.display().to_string()));
    below.map_or_else(|| path.display().to_string(), |rest| format!("~/{rest}"))
}

fn print_found(memory: &Memory, found: &[FoundHistory], session: &Invocation) -> Result<(), Failure> {
    let (output, palette) = (session.output, session.output.palette());
    if found.is_empty() {
        output.print_line(&palette.paint(Tone::Title, "No history found"));
        let looked: Vec<String> =
            Source::growing().filter_map(Source::default_folder).map(|path| shorten_path(&path)).collect();
        output.print_line(&format!("  Looked in {}.", looked.join(", ")));
        output.print_line("  Import a folder or file: claude-memory import PATH. Try samples: claude-memory demo");
        return Ok(());
    }
    output.print_line(&palette.paint(Tone::Title, "Found"));
    let title = |one: &FoundHistory| one.source.title();
    let widest = found.iter().map(|one| display_width(title(one))).max().unwrap_or(0);
    for one in found {
        let noun = if one.source.is_database() { "database" } else { "transcript" };
        let about = format!("{}, {}", format_count(one.files, noun), format_bytes(one.bytes));
        output.print_line(&format!(
            "  {} {}   {}   {}",
            palette.paint(Tone::Good, "✓"),
            pad_text(title(one), widest),
            pad_text(&about, 26),
            palette.paint(Tone::Meta, &shorten_path(&one.folder))
        ));
        if one.source == Source::CLAUDE_CODE {
            let backlog = memory.import_backlog(Some(&one.folder), session.now)?;
            if backlog.read < backlog.files {
                let finding = backlog.deadline_check(doctor::read_cleanup_days()).finding;
                output.print_line(&format!("    {}", palette.paint(Tone::Weak, &finding)));
            }
        }
    }
    Ok(())
}

/// Imports everything that was found, with a bar.
fn import_all(
    memory: &Memory,
    found: &[FoundHistory],
    stop: &AtomicBool,
    session: &Invocation,
) -> Result<ImportReport, Failure> {
    let mut report = ImportReport::default();
    let bar = create_bar(session.output, "{prefix} {bar:20} {msg}  {eta} left");
    bar.set_prefix(pad_text("Import", STEP_COLUMNS - 1));
    for one in found {
        let options = ImportOptions { source: one.source, ..ImportOptions::from_settings(memory.settings()) };
        for path in one.source.default_folders() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let part = memory.import_path(&path, options, session.now, stop, &mut |progress| {
                bar.set_length(progress.total_bytes);
                bar.set_position(progress.done_bytes);
                bar.set_message(format_count(progress.new, "new message"));
            });
            report.add_report(part.inspect_err(|_| bar.finish_and_clear())?);
        }
    }
    bar.finish_and_clear();
    Ok(report)
}

fn print_imported(memory: &Memory, report: &ImportReport, took: Duration, session: &Invocation) -> Result<(), Failure> {
    let stats = memory.snapshot()?.collect_stats()?;
    let step = |name: &str, text: &str| session.output.print_line(&format!("{}{text}", pad_text(name, STEP_COLUMNS)));
    session.output.print_line("");
    let all = format!("{}, {}", format_count(stats.conversations, "session"), format_count(stats.messages, "message"));
    let new = if report.new == 0 { "nothing new".to_owned() } else { format_count(report.new, "new message") };
    step("Import", &format!("{all} ({new})  {} s", took.as_secs()));
    if report.redacted > 0 {
        step("", &format!("{} replaced by placeholders", format_count(report.redacted, "secret")));
    }
    if report.bad_total > 0 {
        step("", &format!("{} could not be read: claude-memory doctor", format_count(report.bad_total, "line")));
    }
    match stats.pending {
        0 => step("Semantic search", "ready"),
        pending => {
            step(
                "Semantic search",
                &format!("{} to embed, newest first; you can search now", format_count(pending, "message")),
            );
        }
    }
    Ok(())
}

/// Computes the missing embeddings. Another process that embeds already is no failure.
fn embed_all(memory: &Memory, progress: &Mutex<EmbedProgress>, stop: &AtomicBool) -> Result<(), Failure> {
    if memory.settings().embed.model == "off" {
        return Ok(());
    }
    let workers = memory.settings().embed.worker_count(true);
    let lease = match memory.acquire_embed_lease(workers).map_err(Failure::from) {
        Ok(Some(lease)) => lease,
        Ok(None) => return Ok(()),
        Err(failure) if failure.is_busy() => return Ok(()),
        Err(failure) => return Err(failure),
    };
    memory.embed_pending(&lease, stop, &mut |now| {
        if let Ok(mut seen) = progress.lock() {
            *seen = now;
        }
    })?;
    Ok(())
}

/// Shows the progress of embedding until it ends. Without a terminal it only waits.
#[expect(clippy::disallowed_methods, reason = "a bar is drawn now and then")]
fn show_embedding(progress: &Mutex<EmbedProgress>, is_finished: impl Fn() -> bool, session: &Invocation) {
    if is_finished() {
        return;
    }
    let bar =
        create_bar(session.output, "{prefix} {bar:20} {percent} %  {eta} left; Ctrl-C stops, any session goes on");
    bar.set_prefix(pad_text("Semantic search", STEP_COLUMNS - 1));
    session.output.print_message("");
    while !is_finished() {
        if let Ok(seen) = progress.lock() {
            bar.set_length(seen.total.max(1));
            bar.set_position(seen.done);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    bar.finish_and_clear();
    if let Ok(seen) = progress.lock()
        && seen.vectors > 0
    {
        let done = format!("{}{}", pad_text("Semantic search", STEP_COLUMNS), format_count(seen.vectors, "embedding"));
        session.output.print_message(&done);
    }
}

/// Answer to a question about a client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ConnectAnswer {
    Yes,
    No,
    Show,
}

/// Asks for each client on this machine that is not connected, and connects it.
fn connect_clients(args: &SetupArgs, stop: &AtomicBool, session: &Invocation) -> Result<(), Failure> {
    let can_ask = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let (output, palette) = (session.output, session.output.palette());
    output.print_line("");
    for (client, state) in install::list_client_states(session)? {
        if state == ClientState::Connected {
            output.print_line(&format!("{} {} is connected.", palette.paint(Tone::Good, "✓"), client.title()));
            continue;
        }
        if stop.load(Ordering::Relaxed) || env::runs_in_agent() || !(args.yes || can_ask) {
            let hooks = if client.hook_entries().is_empty() { "" } else { " --hooks" };
            output.print_line(&format!(
                "{} is not connected: claude-memory install {}{hooks}",
                client.title(),
                client.name()
            ));
            continue;
        }
        let mut answer = if args.yes { ConnectAnswer::Yes } else { ask_to_connect(client) };
        while answer == ConnectAnswer::Show {
            install::connect_client(client, true, session)?;
            answer = ask_to_connect(client);
        }
        if answer == ConnectAnswer::Yes {
            install::connect_client(client, false, session)?;
        }
    }
    Ok(())
}

fn ask_to_connect(client: McpClient) -> ConnectAnswer {
    let mut stderr = std::io::stderr();
    let hooks = match client.hook_entries().len() {
        0 => String::new(),
        hooks => format!(" and {}", format_count(hooks as u64, "hook")),
    };
    // If the question cannot be printed, it is not answered either.
    let _ = write!(
        stderr,
        "Connect {}? Adds 1 MCP server{hooks} to its settings.\n  A backup is kept; claude-memory uninstall restores it \
         exactly.\n  [Y]es   [n]o   [s]how the change › ",
        client.title()
    )
    .and_then(|()| stderr.flush());
    let mut answer = String::new();
    if std::io::stdin().read_line(&mut answer).unwrap_or(0) == 0 {
        return ConnectAnswer::No;
    }
    match answer.trim().to_lowercase().as_str() {
        "" | "y" | "yes" => ConnectAnswer::Yes,
        "s" | "show" => ConnectAnswer::Show,
        _ => ConnectAnswer::No,
    }
}

fn print_highlights(highlights: &[Highlight], session: &Invocation) -> Result<(), Failure> {
    let (output, palette) = (session.output, session.output.palette());
    output.print_line("");
    if !highlights.is_empty() {
        output.print_line(&palette.paint(Tone::Title, "Try it on your own history"));
    }
    let widest = highlights.iter().map(|one| display_width(&one.command)).max().unwrap_or(0);
    for (number, one) in (1..).zip(highlights) {
        let room = output.columns().saturating_sub(widest + 8);
        let about = palette.paint(Tone::Meta, &fit_text(&one.about, room.max(16)));
        output.print_line(&format!("  {number}  {}   {about}", pad_text(&one.command, widest)));
    }
    output.print_line("  Look around: claude-memory serve, then claude-memory open");
    Ok(())
}

/// Imports and embeds, prints one object, and connects nothing.
fn run_for_script(
    memory: &Memory,
    found: &[FoundHistory],
    stop: &AtomicBool,
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    let report = import_all(memory, found, stop, session)?;
    let progress = Mutex::new(EmbedProgress::default());
    if !stop.load(Ordering::Relaxed) {
        embed_all(memory, &progress, stop)?;
    }
    let stats = memory.snapshot()?.collect_stats()?;
    let clients = install::list_client_states(session)?
        .into_iter()
        .map(|(client, state)| json!({ "client": client.name(), "connected": state == ClientState::Connected }));
    let found = found
        .iter()
        .map(|one| json!({ "source": one.source.name(), "path": one.folder, "files": one.files, "bytes": one.bytes }));
    let highlights = find_highlights(memory, session.now)?;
    let highlights = highlights.iter().map(|one| json!({ "command": one.command, "about": one.about }));
    let interrupted = stop.load(Ordering::Relaxed);
    session.output.print_json(&json!({
        "found": found.collect::<Vec<_>>(),
        "sessions": stats.conversations,
        "messages": stats.messages,
        "new": report.new,
        "bad_total": report.bad_total,
        "pending": stats.pending,
        "clients": clients.collect::<Vec<_>>(),
        "highlights": highlights.collect::<Vec<_>>(),
        "interrupted": interrupted,
    }));
    Ok(ExitCode::from(if interrupted { INTERRUPTED } else { 0 }))
}

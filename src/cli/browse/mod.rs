//! Interactive search, started by `claude-memory` without arguments on a terminal: search as you type, preview, read a
//! session, resume it in Claude Code. Owns the screen and the keys; searching and reading belong to `memory`.

mod draw;
mod search_thread;
mod state;

use std::io::{IsTerminal as _, Write as _};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use super::invocation::Invocation;
use crate::domain::file_name::path_component;
use crate::domain::query::{ReadRequest, Selection};
use crate::domain::text::shell::quote_for_print;
use crate::domain::{Failure, FailureCode, Hit};
use crate::export::transcript::resume_command;
use crate::memory::Memory;
use crate::store::{MessageState, OpenMode};
use search_thread::SearchThread;
use state::{BrowseState, KeyAction};

/// Longest wait for a key before new results are polled.
const POLL_INTERVAL: Duration = Duration::from_millis(15);
/// Messages on each side of a hit in the preview.
const PREVIEW_NEIGHBOURS: usize = 2;

/// Returns true if stdin and stdout are terminals.
pub(super) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

pub(super) fn run(session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = Arc::new(session.open_memory(OpenMode::Create)?);
    let seeker = SearchThread::spawn_thread(Arc::clone(&memory)).map_err(|error| {
        Failure::new(FailureCode::Unavailable, format!("cannot start the search thread: {error}"), None)
    })?;
    let projects = memory.project_summaries("all", None)?.into_iter().map(|known| known.project.name).collect();
    let unusable = |error: std::io::Error| {
        Failure::new(FailureCode::Unavailable, format!("cannot use this terminal: {error}"), None)
    };
    let mut terminal = ratatui::try_init().map_err(unusable)?;
    let outcome = run_event_loop(&mut terminal, &memory, &seeker, BrowseState::new(projects));
    ratatui::restore();
    match outcome.map_err(unusable)? {
        Some(hit) => resume_session(&memory, &hit, session),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Runs the event loop. Returns the hit whose session is to be resumed.
fn run_event_loop(
    terminal: &mut DefaultTerminal,
    memory: &Memory,
    seeker: &SearchThread,
    mut state: BrowseState,
) -> std::io::Result<Option<Hit>> {
    seeker.send_query(state.current_query());
    let mut changed = true;
    loop {
        if changed {
            terminal.draw(|frame| draw::draw_screen(frame, &mut state))?;
        }
        changed = state.apply_outcomes(seeker.drain_outcomes());
        if changed {
            load_preview(memory, &mut state);
        }
        if !event::poll(POLL_INTERVAL)? {
            continue;
        }
        changed = true;
        let act = match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => state.handle_key(key),
            Event::Paste(text) => state.insert_text(&text),
            _ => KeyAction::None,
        };
        match act {
            KeyAction::None => {}
            KeyAction::Ask => seeker.send_query(state.current_query()),
            KeyAction::Choose => load_preview(memory, &mut state),
            KeyAction::Open => {
                if let Some(hit) = state.selected_hit().cloned() {
                    match memory.read_session(&hit.session, false) {
                        Ok(conversation) => state.open_page(&conversation, hit.id),
                        Err(error) => state.show_message(error.to_string()),
                    }
                }
            }
            KeyAction::Copy(text) => {
                // The terminal puts it into the clipboard (OSC 52), also from another machine.
                let mut stdout = std::io::stdout();
                write!(stdout, "\x1b]52;c;{}\x07", STANDARD.encode(text))?;
                stdout.flush()?;
                state.show_message("copied".to_owned());
            }
            KeyAction::Resume => return Ok(state.selected_hit().cloned()),
            KeyAction::Quit => return Ok(None),
        }
    }
}

/// Loads the messages around the selected hit into the preview.
fn load_preview(memory: &Memory, state: &mut BrowseState) {
    let Some(hit) = state.selected_hit() else { return };
    let what = Selection::Messages { ids: vec![hit.id], around: PREVIEW_NEIGHBOURS };
    let read = memory.read_messages(&ReadRequest {
        what,
        include_tools: !hit.kind.is_visible_by_default(),
        max_tokens: 4_000,
    });
    match read {
        Ok(read) => {
            if let Some(conversation) = read.conversations.first() {
                state.set_preview(conversation);
            }
        }
        Err(error) => state.show_message(error.to_string()),
    }
}

/// Resumes the session of a hit in Claude Code, in the folder it ran in.
fn resume_session(memory: &Memory, hit: &Hit, session: &Invocation) -> Result<ExitCode, Failure> {
    let session_id = hit.session.split('/').next().unwrap_or(&hit.session);
    let directory = match memory.snapshot()?.message_state(hit.id)? {
        MessageState::Here(message) => message.directory,
        _ => String::new(),
    };
    if hit.source != "claude-code" {
        session.output.print_message(&format!(
            "cannot resume session {session_id}: it comes from {}, not from Claude Code",
            hit.source
        ));
        return Ok(ExitCode::SUCCESS);
    }
    // Ids of Claude Code are file names. Any other text could be read as an option.
    if path_component(session_id) != session_id {
        session.output.print_message(&format!(
            "cannot resume session {}: this is not an id of Claude Code",
            quote_for_print(session_id)
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let mut command = Command::new("claude");
    command.args(["--resume", session_id]);
    if std::path::Path::new(&directory).is_dir() {
        command.current_dir(&directory);
    }
    if let Ok(status) = command.status() {
        return Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)));
    }
    session.output.print_message("cannot start `claude`; is Claude Code installed? To resume the session, run:");
    session.output.print_line(&resume_command(&directory, session_id));
    Ok(ExitCode::SUCCESS)
}

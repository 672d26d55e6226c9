//! `claude-memory` alone on a terminal: search while you type, a preview, the conversation, and back into it with Claude Code. Owns the screen
//! and the keys; finding and reading are the memory's.

mod draw;
mod seeker;
mod state;
mod wrap;

use std::io::{IsTerminal as _, Write as _};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use super::error::Failure;
use super::session::Session;
use crate::domain::file_name::path_component;
use crate::domain::query::{Reading, Selection};
use crate::domain::text::shell::quoted_for_print;
use crate::domain::{Code, Hit};
use crate::memory::Memory;
use crate::ops::export::transcript::resume_command;
use crate::store::{Open, Standing};
use seeker::Seeker;
use state::{Act, State};

/// Between two looks at the answers while nobody types.
const PAUSE: Duration = Duration::from_millis(15);
/// Messages on each side of a hit in the preview.
const AROUND: usize = 2;

/// Whether somebody sits there.
pub(super) fn is_possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

pub(super) fn run(session: &Session) -> Result<ExitCode, Failure> {
    let memory = Arc::new(session.open(Open::Create)?);
    let seeker = Seeker::start(Arc::clone(&memory))
        .map_err(|error| Failure::new(Code::Unavailable, format!("no thread could be started: {error}"), None))?;
    let projects = memory.project_summaries("all", None)?.into_iter().map(|known| known.project.name).collect();
    let unusable =
        |error: std::io::Error| Failure::new(Code::Unavailable, format!("this terminal cannot be used: {error}"), None);
    let mut terminal = ratatui::try_init().map_err(unusable)?;
    let outcome = sit(&mut terminal, &memory, &seeker, State::new(projects));
    ratatui::restore();
    match outcome.map_err(unusable)? {
        Some(hit) => resume(&memory, &hit, session),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// The loop. Returns the hit whose session is to be resumed.
fn sit(
    terminal: &mut DefaultTerminal,
    memory: &Memory,
    seeker: &Seeker,
    mut state: State,
) -> std::io::Result<Option<Hit>> {
    seeker.ask(&state);
    let mut changed = true;
    loop {
        if changed {
            terminal.draw(|frame| draw::draw(frame, &mut state))?;
        }
        changed = state.take(seeker.answers());
        if changed {
            preview(memory, &mut state);
        }
        if !event::poll(PAUSE)? {
            continue;
        }
        changed = true;
        let act = match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => state.key(key),
            Event::Paste(text) => state.typed(&text),
            _ => Act::None,
        };
        match act {
            Act::None => {}
            Act::Ask => seeker.ask(&state),
            Act::Choose => preview(memory, &mut state),
            Act::Open => {
                if let Some(hit) = state.hit().cloned() {
                    match memory.conversation(&hit.session, false) {
                        Ok(conversation) => state.open(&conversation, hit.id),
                        Err(error) => state.tell(error.to_string()),
                    }
                }
            }
            Act::Copy(text) => {
                // The terminal puts it into the clipboard (OSC 52), also from another machine.
                let mut stdout = std::io::stdout();
                write!(stdout, "\x1b]52;c;{}\x07", STANDARD.encode(text))?;
                stdout.flush()?;
                state.tell("copied".to_owned());
            }
            Act::Resume => return Ok(state.hit().cloned()),
            Act::Quit => return Ok(None),
        }
    }
}

/// What was said around the chosen hit.
fn preview(memory: &Memory, state: &mut State) {
    let Some(hit) = state.hit() else { return };
    let what = Selection::Messages { ids: vec![hit.id], around: AROUND };
    let read = memory.read(&Reading { what, include_tools: !hit.kind.is_said(), max_tokens: 4_000 });
    match read {
        Ok(read) => {
            if let Some(conversation) = read.conversations.first() {
                state.preview(conversation);
            }
        }
        Err(error) => state.tell(error.to_string()),
    }
}

/// Goes back into a session with Claude Code, in its folder.
fn resume(memory: &Memory, hit: &Hit, session: &Session) -> Result<ExitCode, Failure> {
    let session_id = hit.session.split('/').next().unwrap_or(&hit.session);
    let directory = match memory.standing(hit.id)? {
        Standing::Here(message) => message.directory,
        _ => String::new(),
    };
    if hit.source != "claude-code" {
        session.output.say(&format!("session {session_id} is one of {}, which this cannot resume", hit.source));
        return Ok(ExitCode::SUCCESS);
    }
    // An id that is no file's name is none of Claude Code's, and could be an option.
    if path_component(session_id) != session_id {
        session
            .output
            .say(&format!("session {} has an id that Claude Code cannot resume", quoted_for_print(session_id)));
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
    session.output.say("Claude Code was not found here; by hand:");
    session.output.line(&resume_command(&directory, session_id));
    Ok(ExitCode::SUCCESS)
}

//! Claude Code's hooks: what a session says is kept while it runs, and what earlier ones said is handed to it when it helps.
//!
//! Owns the form of the hooks' input and output, and the switch that turns them off. Needs no running server. Whatever goes
//! wrong, the session that waits for a hook must not notice: the caller treats every error as "nothing to say".

mod capture;
mod input;
pub mod switch;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use crate::config::{HookSettings, Paths, Settings};
use crate::domain::text::fence::fenced;
use crate::domain::text::prompt;
use crate::domain::{Ids, Mode, Timestamp};
use crate::mcp::tools::render_pack;
use crate::mcp::wire::history::PackAnswer;
use crate::memory::{Memory, Pack, PackRequest, Style};
use crate::store::Open;

pub use input::Input;

/// Everything a hook works with.
#[derive(Debug)]
pub struct Hook {
    /// The data folder.
    pub paths: Paths,
    /// The settings in force.
    pub settings: Settings,
    /// Where new ids come from.
    pub ids: Ids,
    /// The moment of the event.
    pub now: Timestamp,
    /// Folder of Claude Code's transcripts.
    pub transcripts: Option<PathBuf>,
}

/// Not an event of Claude Code: entered for `SessionStart` beside it, in the background.
pub const CATCH_UP: &str = "CatchUp";

/// What an event asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// What any session of the project should start with.
    Opening,
    /// What is known about the prompt.
    Recall,
    /// Keep what was said.
    Capture,
    /// Keep what earlier sessions said.
    CatchUp,
}

/// Returns whether nobody waits for what is done at an event: it captures, and prints nothing.
pub fn is_background(event: &str) -> bool {
    matches!(task(event, None), Some(Task::Capture | Task::CatchUp))
}

fn task(event: &str, source: Option<&str>) -> Option<Task> {
    match event {
        // A resumed session has its past before its eyes.
        "SessionStart" if source == Some("resume") => None,
        "SessionStart" => Some(Task::Opening),
        "UserPromptSubmit" => Some(Task::Recall),
        "Stop" | "SubagentStop" | "PreCompact" | "SessionEnd" => Some(Task::Capture),
        CATCH_UP => Some(Task::CatchUp),
        _ => None,
    }
}

impl Hook {
    /// Handles an event. Returns what is to be printed, if anything. `stop` ends a capture after the current batch.
    ///
    /// # Errors
    /// When the store cannot be used: the caller says nothing then.
    pub fn run(self, event: &str, input: &Input, stop: &AtomicBool) -> crate::memory::Result<Option<String>> {
        let HookSettings { enabled, recall, capture, .. } = self.settings.hooks;
        let Some(task) = task(event, input.source.as_deref()) else { return Ok(None) };
        let on = enabled && !switch::is_off(&self.paths, input.session_id.as_deref(), input.cwd.as_deref());
        if let Some(session) = &input.session_id {
            switch::leave_out(&self.paths, session, !(on && capture));
        }
        let wanted = if matches!(task, Task::Capture | Task::CatchUp) { capture } else { recall };
        if !(on && wanted) {
            return Ok(None);
        }
        match task {
            Task::Capture => self.capture(input, stop).map(|()| None),
            Task::CatchUp => self.catch_up(stop).map(|()| None),
            Task::Opening | Task::Recall => self.recall(event, task, input),
        }
    }

    fn recall(self, event: &str, task: Task, input: &Input) -> crate::memory::Result<Option<String>> {
        let (Some(session), Some(cwd)) = (input.session_id.clone(), input.cwd.as_deref()) else { return Ok(None) };
        let text = input.prompt.as_deref().unwrap_or("");
        // Notices of the client, its own commands and "go ahead" ask for nothing.
        let asks = !prompt::is_client_text(text) && !text.trim_start().starts_with('/') && !prompt::is_small_talk(text);
        if task == Task::Recall && !asks {
            return Ok(None);
        }
        let max_tokens = self.settings.hooks.max_tokens;
        let memory = Memory::open(&self.paths, self.settings, Open::Existing, self.ids, self.now)?;
        let request = PackRequest {
            task: text.to_owned(),
            max_tokens: max_tokens.saturating_sub(FRAME_TOKENS),
            style: Style::Conservative,
            here: memory.projects_here(Some(cwd)),
            session: Some(session.clone()),
            mode: Mode::Hybrid,
            ..PackRequest::default()
        };
        let pack = match task {
            Task::Opening => {
                memory.forget_old_given(self.now);
                memory.opening(&request, self.now)?
            }
            Task::Recall | Task::Capture | Task::CatchUp => memory.pack(&request, self.now)?,
        };
        if pack.items.is_empty() {
            return Ok(None);
        }
        // Written down before it is said: better never than twice.
        memory.remember_given(&session, &pack.ids())?;
        Ok(Some(output(event, pack)))
    }
}

/// Tokens of what stands around the memories.
const FRAME_TOKENS: usize = 60;

fn output(event: &str, mut pack: Pack) -> String {
    pack.warnings.clear();
    pack.given_before = 0;
    let context = fenced(&render_pack(&PackAnswer::from(pack)));
    let specific = serde_json::json!({ "hookEventName": event, "additionalContext": context });
    serde_json::json!({ "hookSpecificOutput": specific }).to_string()
}

/// Whether a path that a hook was given can be a transcript.
fn is_transcript(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl") && path.is_file()
}

impl Input {
    /// The transcripts that this event may have added to: the session's, the subagent's, those of its subagents.
    fn transcripts(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for path in [&self.agent_transcript_path, &self.transcript_path].into_iter().flatten() {
            // The client names files that do not exist, for example of the agent that compacts.
            if is_transcript(path) && !found.contains(path) {
                found.push(path.clone());
            }
        }
        let beside = self.transcript_path.as_ref().map(|path| path.with_extension("").join("subagents"));
        found.extend(beside.filter(|folder| folder.is_dir()));
        found
    }
}

//! Claude Code's hooks: capture a session while it runs, and inject memories of earlier sessions that match it.
//!
//! Owns the form of the hooks' input and output, and the switch that turns them off. Needs no running server. An error
//! must never disturb the session that waits for a hook: the caller treats every error as "no output".

mod capture;
mod input;
mod subagent;
pub mod switch;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use crate::config::{HookSettings, Paths, Settings};
use crate::domain::text::fence::fence_text;
use crate::domain::text::sanitise::sanitise_text;
use crate::domain::text::{prompt, to_one_line};
use crate::domain::{IdGenerator, Origin, SearchMode, Timestamp};
use crate::mcp::tools::render_pack;
use crate::mcp::wire::history::PackAnswer;
use crate::memory::{COMPACTION_EVENT, ContextPack, Memory, PackRequest, PackStyle};
use crate::store::{OpenMode, PinnedNote};

pub use input::HookInput;

/// Everything a hook works with.
#[derive(Debug)]
pub struct HookHandler {
    /// The data folder.
    pub paths: Paths,
    /// The settings in force.
    pub settings: Settings,
    /// Generator of new ids.
    pub ids: IdGenerator,
    /// Time of the event.
    pub now: Timestamp,
    /// Folder of Claude Code's transcripts.
    pub transcripts: Option<PathBuf>,
}

/// Event of our own, not of Claude Code: `install` registers it for `SessionStart`, in the background.
pub const CATCH_UP: &str = "CatchUp";

/// Work that an event asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HookTask {
    /// Inject what every session of the project should start with.
    Opening,
    /// Inject what the session said and did before it was compacted.
    Recap,
    /// Inject memories that match the prompt.
    Recall,
    /// Inject how the same error was fixed before.
    Failure,
    /// Inject earlier decisions about the file.
    Edit,
    /// Inject memories that match the subagent's task.
    Subagent,
    /// Capture the session's transcript.
    Capture,
    /// Capture the transcripts of earlier sessions.
    CatchUp,
}

/// Returns whether the work of an event runs in the background: it captures, and prints nothing.
pub fn is_background(event: &str) -> bool {
    matches!(task_for_event(event, None), Some(HookTask::Capture | HookTask::CatchUp))
}

fn task_for_event(event: &str, source: Option<&str>) -> Option<HookTask> {
    match event {
        // A resumed session has its past in its context.
        "SessionStart" if matches!(source, Some("resume" | "fork")) => None,
        "SessionStart" if source == Some("compact") => Some(HookTask::Recap),
        "SessionStart" => Some(HookTask::Opening),
        "UserPromptSubmit" => Some(HookTask::Recall),
        "PostToolUseFailure" => Some(HookTask::Failure),
        "PreToolUse" => Some(HookTask::Edit),
        "SubagentStart" => Some(HookTask::Subagent),
        "Stop" | "SubagentStop" | "PreCompact" | "SessionEnd" => Some(HookTask::Capture),
        CATCH_UP => Some(HookTask::CatchUp),
        _ => None,
    }
}

impl HookHandler {
    /// Handles an event. Returns the output to print, if any. `stop` ends a capture after the current batch.
    ///
    /// # Errors
    /// When the store cannot be used: the caller prints nothing then.
    pub fn handle_event(
        self,
        event: &str,
        input: &HookInput,
        stop: &AtomicBool,
    ) -> crate::memory::Result<Option<String>> {
        let HookSettings { enabled, recall, capture, .. } = self.settings.hooks;
        let Some(task) = task_for_event(event, input.source.as_deref()) else { return Ok(None) };
        let on = enabled && !switch::is_off(&self.paths, input.session_id.as_deref(), input.cwd.as_deref());
        if let Some(session) = &input.session_id {
            switch::mark_excluded(&self.paths, session, !(on && capture));
        }
        let wanted = if matches!(task, HookTask::Capture | HookTask::CatchUp) { capture } else { recall };
        if !(on && wanted) {
            return Ok(None);
        }
        match task {
            HookTask::Capture => self.capture_session(input, stop).map(|()| None),
            HookTask::CatchUp => self.capture_missed_sessions(stop).map(|()| None),
            _ => self.inject_memories(event, task, input),
        }
    }

    /// Searches the memories for an event and returns the output that injects them; `None` if there are none.
    fn inject_memories(self, event: &str, task: HookTask, input: &HookInput) -> crate::memory::Result<Option<String>> {
        let (Some(session), Some(cwd)) = (input.session_id.clone(), input.cwd.as_deref()) else { return Ok(None) };
        let Some(about) = search_text(task, input) else { return Ok(None) };
        // A subagent does not see what was injected into its session.
        let reader = input.agent_id.clone().filter(|_| task == HookTask::Subagent).unwrap_or_else(|| session.clone());
        let max_tokens = self.settings.hooks.max_tokens;
        let memory = Memory::open(&self.paths, self.settings, OpenMode::Existing, self.ids, self.now)?;
        let here = memory.current_projects(Some(cwd));
        let spent = if task == HookTask::Recall { memory.injected_tokens(&reader) } else { 0 };
        let max_tokens = max_tokens.min(MAX_SESSION_TOKENS.saturating_sub(spent).max(MIN_PROMPT_TOKENS));
        let request = PackRequest {
            task: about.clone(),
            max_tokens: max_tokens.saturating_sub(FRAME_TOKENS),
            style: PackStyle::Conservative,
            // Memories of other projects are not injected unasked.
            projects: Some(here.clone()),
            here,
            session: Some(reader.clone()),
            mode: SearchMode::Hybrid,
            ..PackRequest::default()
        };
        let Some(_held) = memory.lock_injections(&reader)? else { return Ok(None) };
        if task == HookTask::Recap && memory.was_just_compacted(&reader, self.now) {
            return Ok(None);
        }
        let pack = match task {
            HookTask::Opening => {
                memory.prune_injections(self.now);
                memory.session_start_pack(&request, self.now)?
            }
            HookTask::Recap => memory.compaction_pack(&request, self.now)?,
            HookTask::Failure => memory.failure_pack(&about, &request, self.now)?,
            HookTask::Edit => memory.edit_pack(&about, &request, self.now)?,
            _ if request.here.is_empty() => return Ok(None),
            _ => memory.build_pack(&request, self.now)?,
        };
        let waiting = if task == HookTask::Opening { consent_notice(&memory, &request.here, self.now)? } else { None };
        if pack.items.is_empty() {
            return Ok(waiting.map(|message| serde_json::json!({ "systemMessage": message }).to_string()));
        }
        let moment = if task == HookTask::Recap { COMPACTION_EVENT } else { event };
        // Recorded before it is printed: better never injected than twice.
        memory.record_injection(&reader, moment, &pack, self.now)?;
        Ok(Some(format_output(event, pack, waiting)))
    }
}

/// Returns the text to search for at an event; `None` if nothing is to be searched.
fn search_text(task: HookTask, input: &HookInput) -> Option<String> {
    match task {
        HookTask::Recall => {
            let text = input.prompt.as_deref().unwrap_or("");
            // Notices of the client, its own commands and "go ahead" ask for nothing.
            let asks =
                !prompt::is_client_text(text) && !text.trim_start().starts_with('/') && !prompt::is_small_talk(text);
            asks.then(|| text.to_owned())
        }
        // Other tools fail for reasons that their own messages name.
        HookTask::Failure => {
            let runs = input.tool_name.as_deref().is_some_and(|tool| COMMAND_TOOLS.contains(&tool));
            let is_refused = |error: &String| error.trim_start().starts_with(REFUSAL_OPENING);
            input.error.clone().filter(|error| runs && !input.is_interrupt && !is_refused(error))
        }
        HookTask::Edit => {
            let edits = input.tool_name.as_deref().is_some_and(|tool| EDIT_TOOLS.contains(&tool));
            input.file.clone().filter(|_| edits)
        }
        HookTask::Subagent => input.transcript_path.as_deref().and_then(subagent::last_task),
        HookTask::Opening | HookTask::Recap | HookTask::Capture | HookTask::CatchUp => Some(String::new()),
    }
}

/// Returns the notice for the person, not the model, that notes of models need consent.
fn consent_notice(memory: &Memory, here: &[i64], now: Timestamp) -> crate::memory::Result<Option<String>> {
    let waiting = if here.is_empty() { Vec::new() } else { memory.notes_without_consent(Some(here), now)? };
    if waiting.is_empty() {
        return Ok(None);
    }
    let mut authors: Vec<String> = Vec::new();
    for author in waiting.iter().map(note_author) {
        if !authors.contains(&author) {
            authors.push(author);
        }
    }
    let want = if authors.len() == 1 { "wants" } else { "want" };
    let notes = if waiting.len() == 1 { "1 note".to_owned() } else { format!("{} notes", waiting.len()) };
    let authors = authors.join(" and ");
    Ok(Some(format!(
        "claude-memory: {authors} {want} {notes} in every session here. Review: claude-memory hooks notes"
    )))
}

/// Names who wants a note injected: another person by the name that was given to the machine, a machine that is not
/// confirmed, or an agent.
fn note_author(note: &PinnedNote) -> String {
    match (&note.excerpt.said_by, note.excerpt.origin) {
        (Some(name), _) => sanitise_text(&to_one_line(name, MAX_AUTHOR_CHARACTERS)).into_owned(),
        (None, Origin::Elsewhere) => "a machine that you have not confirmed".to_owned(),
        (None, _) => "an agent".to_owned(),
    }
}

/// Most characters of a name in a notice.
const MAX_AUTHOR_CHARACTERS: usize = 60;

/// Beginning of Claude Code's message that the person refused a call.
const REFUSAL_OPENING: &str = "The user doesn't want to";
/// Tools that run commands, and tools that change files.
const COMMAND_TOOLS: [&str; 4] = ["Bash", "PowerShell", "BashOutput", "shell"];
const EDIT_TOOLS: [&str; 4] = ["Edit", "Write", "MultiEdit", "NotebookEdit"];

/// Most tokens injected for the prompts of one session until it is compacted; after that [`MIN_PROMPT_TOKENS`] per prompt.
const MAX_SESSION_TOKENS: usize = 800;
const MIN_PROMPT_TOKENS: usize = 200;
/// Tokens of the frame around the memories.
const FRAME_TOKENS: usize = 60;

fn format_output(event: &str, mut pack: ContextPack, message: Option<String>) -> String {
    pack.warnings.clear();
    pack.given_before = 0;
    let context = fence_text(&render_pack(&PackAnswer::from(pack)));
    let specific = serde_json::json!({ "hookEventName": event, "additionalContext": context });
    match message {
        Some(message) => serde_json::json!({ "hookSpecificOutput": specific, "systemMessage": message }).to_string(),
        None => serde_json::json!({ "hookSpecificOutput": specific }).to_string(),
    }
}

/// Returns true if a path in a hook's input can be a transcript.
fn is_transcript(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl") && path.is_file()
}

impl HookInput {
    /// Lists the transcripts that this event may have added to: of the session, of the subagent, of all its subagents.
    fn list_transcripts(&self) -> Vec<PathBuf> {
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

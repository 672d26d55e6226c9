//! `memory_save`: saves a note.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::quotation::{quote_labelled, trust_label};
use super::{
    ToolOutcome, additive_annotations, build_quoting_reply, build_reply, build_tool, parse_arguments, parse_time,
    resolve_ids,
};
use crate::domain::{DraftNote, Failure};
use crate::mcp::caller::Caller;
use crate::mcp::wire::SaveAnswer;
use crate::memory::{Memory, project_key};

const USAGE: &str = "only `text` is needed, for example {\"text\": \"We deploy on Fridays only after the smoke test\"}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SaveToolInput {
    /// What to remember, understandable without this conversation.
    text: String,
    /// decision, fact, preference, instruction, todo or your own word.
    kind: Option<String>,
    /// A heading.
    title: Option<String>,
    /// Saving again under the same key replaces the earlier text.
    topic_key: Option<String>,
    /// Labels.
    tags: Option<Vec<String>>,
    /// Files it speaks of.
    files: Option<Vec<String>>,
    /// Name or path of its project; default the current one.
    project: Option<String>,
    /// Ids of memories that it replaces.
    supersedes: Option<Vec<String>>,
    /// Keep at hand.
    pin: Option<bool>,
    /// Not returned after: RFC 3339 or a date.
    expires_at: Option<String>,
}

pub(super) fn define_tool() -> Tool {
    build_tool::<SaveToolInput, SaveAnswer>(
        "memory_save",
        "Save a memory",
        "Keeps a text for later sessions. Use it for decisions and their reasons, preferences, corrections and facts about the \
         project, when the user asks to remember or when losing it would cost time. Conversations are kept anyway.",
        additive_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: SaveToolInput = parse_arguments(arguments, USAGE)?;
    let mut note = arguments.into_note(memory, caller)?;
    note.copied_from = caller.origin_of_copy(memory, &note.text, note.title.as_deref())?;
    let text = note.text.clone();
    let saved = memory.save(note, caller.now)?;
    let related = memory.find_related_notes(saved.id, &text, &saved.replaced, caller.now)?;
    let saved = SaveAnswer::from(saved).with_related(related);
    let text = format!("{}: {} (on disk; keyword search now, semantic search shortly)", saved.status, saved.uri);
    if saved.related.is_empty() {
        return build_reply(&saved, &text);
    }
    build_quoting_reply(&saved, &format!("{text}{}", describe_related(&saved)))
}

/// Describes the notes that the new one contradicts or repeats, each with its text.
fn describe_related(saved: &SaveAnswer) -> String {
    let mut text = String::new();
    for note in &saved.related {
        let what = if note.relation == "contradicts" {
            "contradicts this memory; if that no longer holds, save again with `supersedes`:"
        } else {
            "says nearly the same as this memory; if it does, save again with `supersedes`:"
        };
        let label = format!("{} {}", trust_label(&note.trust), note.id);
        let _ = write!(text, "\n{what}\n{}", quote_labelled(&label, &note.text));
    }
    text
}

/// Resolves the folder of the project to save into. A model in a known project may not save into another one.
fn resolve_own_project(memory: &Memory, caller: &Caller, wanted: &str) -> Result<String, Failure> {
    let folder = memory.project_folder(wanted, caller.directory.as_deref())?;
    let own = caller.directory.as_ref().map(|own| project_key(&own.display().to_string()));
    if !caller.is_person && own.is_some_and(|own| own != project_key(&folder)) {
        let hint = "leave `project` out; the user saves into another project with `claude-memory save --project`";
        return Err(Failure::invalid_arguments("this is not the project of this session; nothing was saved", hint));
    }
    Ok(folder)
}

impl SaveToolInput {
    fn into_note(self, memory: &Memory, caller: &Caller) -> Result<DraftNote, Failure> {
        let directory = caller.directory.as_ref().map(|path| path.display().to_string());
        Ok(DraftNote {
            text: self.text,
            kind: self.kind,
            title: self.title,
            topic_key: self.topic_key,
            tags: self.tags.unwrap_or_default(),
            files: self.files.unwrap_or_default(),
            cwd: match self.project.as_deref().filter(|project| *project != "current") {
                Some(wanted) => Some(resolve_own_project(memory, caller, wanted)?),
                None => directory,
            },
            supersedes: resolve_ids(memory, &self.supersedes.unwrap_or_default(), USAGE)?,
            pin: self.pin.unwrap_or(false),
            expires_at: parse_time(self.expires_at.as_deref(), caller.now, USAGE)?,
            by_model: !caller.is_person,
            copied_from: None,
        })
    }
}

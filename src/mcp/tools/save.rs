//! `memory_save`: keeps something on purpose.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, adding, answer, define, ids_of, parse, time_of};
use crate::domain::query::Worth;
use crate::domain::{Detail, Filter, Kind, Mode, Note, Query};
use crate::mcp::caller::Caller;
use crate::mcp::error::Failure;
use crate::mcp::wire::SaveAnswer;
use crate::memory::Memory;

const USAGE: &str = "only `text` is needed, for example {\"text\": \"We deploy on Fridays only after the smoke test\"}";

/// Part of its words that another one has, from which it says nearly the same.
const NEARLY: f32 = 0.75;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
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

pub(super) fn definition() -> Tool {
    define::<Arguments, SaveAnswer>(
        "memory_save",
        "Save a memory",
        "Keeps a text for later sessions. Use it for decisions and their reasons, preferences, corrections and facts about the \
         project, when the user asks to remember or when losing it would cost time. Conversations are kept anyway.",
        adding(),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let arguments: Arguments = parse(arguments, USAGE)?;
    let note = arguments.into_note(memory, caller)?;
    let text = note.text.clone();
    let mut saved = SaveAnswer::from(memory.save(note, caller.now)?);
    saved.duplicates = nearly_the_same(memory, &text, &saved, caller)?;
    let mut text = format!("{}: {} (on disk; found by word at once, by meaning shortly)", saved.status, saved.uri);
    for id in &saved.duplicates {
        let _ = write!(text, "\nsays nearly the same: {id}; if it does, save again with `supersedes`");
    }
    answer(&saved, &text)
}

/// Saved memories that hold nearly all words of this one.
fn nearly_the_same(memory: &Memory, text: &str, saved: &SaveAnswer, caller: &Caller) -> Result<Vec<String>, Failure> {
    let query = Query {
        mode: Mode::Keyword,
        filter: Filter { kinds: vec![Kind::Note], ..Filter::default() },
        limit: 4,
        detail: Detail::Index,
        worth: Some(Worth { weight: 0.0, share: NEARLY, cosine: None }),
        ..Query::about(text)
    };
    let same = memory.search(&query, caller.now)?.hits.into_iter().map(|hit| hit.id.to_string());
    Ok(same.filter(|id| *id != saved.id && !saved.replaced.contains(id)).collect())
}

impl Arguments {
    fn into_note(self, memory: &Memory, caller: &Caller) -> Result<Note, Failure> {
        let directory = caller.directory.as_ref().map(|path| path.display().to_string());
        Ok(Note {
            text: self.text,
            kind: self.kind,
            title: self.title,
            topic_key: self.topic_key,
            tags: self.tags.unwrap_or_default(),
            files: self.files.unwrap_or_default(),
            cwd: match self.project.as_deref().filter(|project| *project != "current") {
                Some(wanted) => Some(memory.project_folder(wanted, caller.directory.as_deref())?),
                None => directory,
            },
            supersedes: ids_of(&self.supersedes.unwrap_or_default(), USAGE)?,
            pin: self.pin.unwrap_or(false),
            expires_at: time_of(self.expires_at.as_deref(), caller.now, USAGE)?,
            by_model: true,
        })
    }
}

//! `memory_save`: keeps something on purpose.

use jiff::tz::TimeZone;
use rmcp::model::{Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, answer, define, parse};
use crate::domain::{MessageId, Note, Timestamp, mark, moment};
use crate::mcp::Server;
use crate::mcp::error::Failure;
use crate::mcp::wire::SaveAnswer;
use crate::memory::Memory;

const USAGE: &str = "only `text` is needed, for example {\"text\": \"We deploy on Fridays only after the smoke test\"}";

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
    /// Path of its project; default the current one.
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
        ToolAnnotations::new().read_only(false).destructive(false).idempotent(true).open_world(false),
    )
}

pub(super) async fn call(server: &Server, arguments: Value) -> Outcome {
    let arguments: Arguments = parse(arguments, USAGE)?;
    let now = (server.context.now)();
    let directory = server.context.directory.as_ref().map(|path| path.display().to_string());
    let note = arguments.into_note(directory, now)?;
    let saved = server.desk.run(move |memory: &Memory| memory.save(note, now)).await???;
    let saved = SaveAnswer::from(saved);
    let text = format!("{}: {} (on disk; found by word at once, by meaning shortly)", saved.status, saved.uri);
    answer(&saved, text)
}

impl Arguments {
    fn into_note(self, directory: Option<String>, now: Timestamp) -> Result<Note, Failure> {
        let wrong = |why: String| Failure::arguments(why, USAGE);
        let supersedes: Result<Vec<MessageId>, String> = self
            .supersedes
            .unwrap_or_default()
            .iter()
            .map(|id| id.trim_start_matches(mark::URI_PREFIX).parse())
            .collect();
        let expires_at = match self.expires_at {
            Some(text) => Some(moment::parse(&text, now, &TimeZone::system()).map_err(wrong)?),
            None => None,
        };
        Ok(Note {
            text: self.text,
            kind: self.kind,
            title: self.title,
            topic_key: self.topic_key,
            tags: self.tags.unwrap_or_default(),
            files: self.files.unwrap_or_default(),
            cwd: self.project.filter(|project| project != "current").or(directory),
            supersedes: supersedes.map_err(wrong)?,
            pin: self.pin.unwrap_or(false),
            expires_at,
        })
    }
}

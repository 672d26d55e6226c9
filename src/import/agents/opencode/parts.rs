//! Converts the messages and parts of opencode, which its database and its files hold in the same form, to drafts. A part
//! is a draft of its message: it is written when it is done, and again when it changes.

use std::collections::HashMap;

use serde_json::Value;

use super::super::blocks::{ContentAuthor, add_prose, read_usage};
use crate::domain::{Origin, PartKind, Role, Timestamp, Usage};
use crate::import::content::{content_text, readable_strings};
use crate::import::draft_builder::{DraftBuilder, first_field, parse_time, text_field};
use crate::import::{Item, SessionRef, SessionTitle, TitleRank};

/// Titles that the client gives before a model finds one.
const DEFAULT_TITLES: [&str; 2] = ["New session - ", "Child session - "];

/// Session of messages.
#[derive(Debug, Default, Clone)]
struct SessionFacts {
    folder: Option<String>,
    parent: Option<String>,
}

/// Fields that all parts of a message share.
#[derive(Debug)]
struct MessageFacts {
    session: String,
    is_answer: bool,
    at: Option<Timestamp>,
    folder: Option<String>,
    model: Option<String>,
    usage: Option<Usage>,
}

/// State while sessions are read: all messages before the first part.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    sessions: HashMap<String, SessionFacts>,
    messages: HashMap<String, MessageFacts>,
}

impl Conversation {
    /// Reads a session: its folder, parent and title.
    pub(super) fn read_session(&mut self, session: &Value) -> Result<Vec<Item>, String> {
        let id = text_field(session, "id").ok_or("no `id`, skipped")?;
        let owned = |names: &[&str]| first_field(session, names).map(str::to_owned);
        let facts = SessionFacts { folder: owned(&["directory"]), parent: owned(&["parent_id", "parentID"]) };
        self.sessions.insert(id.to_owned(), facts);
        let title = text_field(session, "title")
            .filter(|title| !DEFAULT_TITLES.iter().any(|default| title.starts_with(default)))
            .map(|title| SessionTitle {
                session: SessionRef::Id(id.to_owned()),
                title: title.to_owned(),
                rank: TitleRank::Generated,
            });
        Ok([Item::Bookkeeping("session".into())].into_iter().chain(title.map(Item::Title)).collect())
    }

    /// Reads a message, whose words are in its parts. An error of the model is told as its text.
    pub(super) fn read_message(
        &mut self,
        id: &str,
        session: &str,
        created: Option<Timestamp>,
        data: &Value,
        line: u64,
    ) -> Item {
        let owned = |pointer: &str| data.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let is_answer = text_field(data, "role") == Some("assistant");
        let counts = data.get("tokens").and_then(|tokens| {
            let cache = tokens.get("cache").unwrap_or(&Value::Null);
            let cached = read_usage(cache, ["", "", "read", "write"], false).unwrap_or_default();
            let said = read_usage(tokens, ["input", "output", "", ""], false).unwrap_or_default();
            let reasoning = tokens.get("reasoning").and_then(Value::as_u64).unwrap_or(0);
            let usage = Usage { input: said.input, output: said.output + reasoning, ..cached };
            (usage != Usage::default()).then_some(usage)
        });
        let facts = MessageFacts {
            session: session.to_owned(),
            is_answer,
            at: data.pointer("/time/created").and_then(|at| parse_time(Some(at))).or(created),
            folder: owned("/path/cwd"),
            model: owned("/modelID").filter(|_| is_answer),
            usage: counts,
        };
        let error = data.get("error").map(readable_strings).unwrap_or_default();
        self.messages.insert(id.to_owned(), facts);
        let mut builder = self.start_part(id, session, line);
        builder.add_keyed_part(format!("{id}/error"), PartKind::Meta, Origin::Client, &error, None);
        match builder.finish() {
            Item::Draft(draft) => Item::Draft(draft),
            _ => Item::Bookkeeping("message".into()),
        }
    }

    fn start_part(&mut self, message: &str, session: &str, line: u64) -> DraftBuilder {
        let known = self.messages.get_mut(message);
        let is_answer = known.as_ref().is_some_and(|facts| facts.is_answer);
        let role = if is_answer { Role::Assistant } else { Role::User };
        let session = known.as_ref().map_or(session, |facts| facts.session.as_str()).to_owned();
        let at = known.as_ref().and_then(|facts| facts.at);
        let mut builder = DraftBuilder::new(&session, message, role, at, line);
        let place = self.sessions.get(&session);
        let draft = builder.draft_mut();
        if let Some(facts) = known {
            draft.cwd.clone_from(&facts.folder);
            draft.model.clone_from(&facts.model);
            draft.usage = facts.usage;
        }
        draft.cwd = draft.cwd.take().or_else(|| place.and_then(|place| place.folder.clone()));
        draft.parent_session = place.and_then(|place| place.parent.clone());
        builder
    }

    /// Reads a part of a message.
    pub(super) fn read_part(&mut self, id: &str, message: &str, session: &str, data: &Value, line: u64) -> Item {
        let mut builder = self.start_part(message, session, line);
        let is_answer = builder.draft_mut().role == Role::Assistant;
        // The prompt of a sub-agent is written by the model that started it.
        let is_child = builder.draft_mut().parent_session.is_some();
        let by_client = ["synthetic", "ignored"].iter().any(|name| data.get(*name) == Some(&Value::Bool(true)));
        let author = match (is_answer, by_client) {
            (true, _) => ContentAuthor::Model,
            (_, true) => ContentAuthor::Client,
            (_, false) if is_child => ContentAuthor::Model,
            (_, false) => ContentAuthor::Person,
        };
        let kind = text_field(data, "type").unwrap_or("");
        let text = text_field(data, "text").unwrap_or("");
        match kind {
            "text" => add_prose(&mut builder, author, text),
            "reasoning" => builder.add_part(PartKind::Thinking, Origin::Model, text, None),
            "tool" => add_call(&mut builder, data),
            "subtask" => {
                let prompt = text_field(data, "prompt").unwrap_or("");
                builder.add_part(PartKind::ToolUse, Origin::Model, prompt, Some("task"));
            }
            "retry" => {
                let error = data.get("error").map(content_text).unwrap_or_default();
                builder.add_part(PartKind::Meta, Origin::Client, &error, None);
            }
            "file" => {
                let name = first_field(data, &["filename", "url"]).unwrap_or("");
                let name = if name.starts_with("data:") { "[file]" } else { name };
                builder.add_part(PartKind::Meta, Origin::Client, name, None);
            }
            "step-start" | "step-finish" | "snapshot" | "patch" | "agent" | "compaction" => {
                return Item::Bookkeeping(kind.to_owned().into());
            }
            _ => builder.add_part(PartKind::Meta, Origin::Client, &readable_strings(data), None),
        }
        // A part keeps its key when the message gets others before it.
        for (place, part) in builder.draft_mut().parts.iter_mut().enumerate() {
            part.external_key = if place == 0 { id.to_owned() } else { format!("{id}/{place}") };
        }
        let known = ["text", "reasoning", "tool", "subtask", "retry", "file"];
        match builder.finish() {
            Item::Draft(draft) if known.contains(&kind) => Item::Draft(draft),
            Item::Draft(draft) => Item::NotUnderstood(kind.to_owned(), Some(draft)),
            Item::Bookkeeping(_) if kind.is_empty() => Item::NotUnderstood("part without type".to_owned(), None),
            other => other,
        }
    }
}

/// Adds a call with its result or its error.
fn add_call(builder: &mut DraftBuilder, data: &Value) {
    let tool = text_field(data, "tool").unwrap_or("tool");
    let state = data.get("state").unwrap_or(&Value::Null);
    builder.add_call(tool, state.get("input").unwrap_or(&Value::Null));
    // A call that still runs has written to the screen only.
    let output = first_field(state, &["output", "error"]);
    let shown = state.pointer("/metadata/output").and_then(Value::as_str);
    if let Some(text) = output.or(shown) {
        builder.add_result(Some(tool), text);
    }
}

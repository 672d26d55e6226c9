//! Gemini CLI's own transcripts: `~/.gemini/tmp/<project>/chats/session-….jsonl`, a journal in which a message may be written again with
//! more in it, and the older `session-….json`. The last word on a message counts.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use serde_json::Value;

use super::jsonl::Client;
use super::turn::{Turn, field, lines, list, moment, plain, texts};
use super::{BadLine, Item, Position, Records, Transcript};
use crate::domain::{Kind, Origin, Role, Timestamp};

/// The state of one file.
pub(super) struct Gemini {
    session: String,
    cwd: Option<String>,
    at: Timestamp,
    /// Messages in order, with their lines, and the place of each.
    messages: Vec<(Value, u64)>,
    places: HashMap<String, usize>,
}

impl Gemini {
    pub(super) fn new(transcript: &Transcript) -> Self {
        let session = transcript.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let at = Timestamp::from_milliseconds(transcript.modified);
        Self { session, cwd: folder(&transcript.path), at, messages: Vec::new(), places: HashMap::new() }
    }

    fn take(&mut self, message: Value, line: u64) {
        let id = field(&message, "id").map(str::to_owned);
        let place = id.as_ref().and_then(|id| self.places.get(id)).copied();
        if let Some(known) = place.and_then(|place| self.messages.get_mut(place)) {
            known.0 = message;
        } else {
            self.places.extend(id.map(|id| (id, self.messages.len())));
            self.messages.push((message, line));
        }
    }

    fn item(&mut self, message: &Value, place: usize, line: u64) -> Item {
        self.at = moment(message.get("timestamp")).unwrap_or(self.at);
        let role = match field(message, "type") {
            Some("user") => Role::User,
            Some("gemini" | "model") => Role::Assistant,
            _ => Role::System,
        };
        let numbered = format!("message-{place}");
        let id = field(message, "id").unwrap_or(&numbered);
        let mut turn = Turn::new(&self.session, id, role, self.at, line);
        for thought in list(message, "thoughts") {
            turn.part(Kind::Thinking, Origin::Model, &lines(thought, &["subject", "description"]), None);
        }
        let text = message.get("content").map(texts).unwrap_or_default();
        if role == Role::User && text.trim_start().starts_with("<session_context>") {
            turn.part(Kind::Meta, Origin::Client, &text, None);
        } else {
            turn.said(&text);
        }
        for call in list(message, "toolCalls") {
            let name = field(call, "name").unwrap_or("tool");
            turn.call(name, call.get("args").unwrap_or(&Value::Null));
            turn.result(Some(name), &answer(call));
        }
        let about = turn.about();
        about.cwd.clone_from(&self.cwd);
        about.model = field(message, "model").map(str::to_owned);
        turn.item()
    }
}

/// What a tool answered: as it was shown, else as it went to the model.
fn answer(call: &Value) -> String {
    let shown = field(call, "resultDisplay").map(str::to_owned);
    shown
        .or_else(|| {
            let result = call.get("result")?;
            let text = texts(result);
            Some(if text.is_empty() { plain(result).into_owned() } else { text })
        })
        .unwrap_or_default()
}

impl Client for Gemini {
    fn line(&mut self, mut value: Value, line: u64) -> Result<Vec<Item>, String> {
        if !value.is_object() {
            return Err("not an object, skipped".to_owned());
        }
        if let Some(session) = field(&value, "sessionId") {
            session.clone_into(&mut self.session);
        }
        for holder in ["/$set/messages", "/messages"] {
            if let Some(Value::Array(messages)) = value.pointer_mut(holder).map(Value::take) {
                messages.into_iter().for_each(|message| self.take(message, line));
            }
        }
        if value.get("type").is_some() && value.get("content").is_some() {
            self.take(value, line);
        }
        Ok(Vec::new())
    }

    fn end(&mut self) -> Vec<Item> {
        let messages = std::mem::take(&mut self.messages);
        messages.iter().enumerate().map(|(place, (message, line))| self.item(message, place, *line)).collect()
    }
}

/// The older form: one object in a file.
pub(super) struct Older {
    pub(super) transcript: Transcript,
    pub(super) longest: usize,
}

impl Records for Older {
    fn each(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<Position> {
        let position = Position { offset: self.transcript.size, line: 0 };
        let bad = |why: String| vec![Item::Bad(BadLine { path: self.transcript.path.clone(), line: 0, why })];
        let items = if self.transcript.size > self.longest as u64 {
            bad(format!("{} MiB are over the limit; see --max-line-mib and --rescan", self.transcript.size >> 20))
        } else {
            let mut gemini = Gemini::new(&self.transcript);
            let value = serde_json::from_slice(&std::fs::read(&self.transcript.path)?);
            match value.map_err(|error| format!("not JSON: {error}")).and_then(|value| gemini.line(value, 1)) {
                Ok(_) => gemini.end(),
                Err(why) => bad(why),
            }
        };
        for item in items {
            if !tell(item, position) {
                break;
            }
        }
        Ok(position)
    }
}

/// The folder of a project, as `projects.json` beside `tmp` names it.
fn folder(transcript: &Path) -> Option<String> {
    let project = transcript.parent()?.parent()?;
    let known = std::fs::read(project.parent()?.parent()?.join("projects.json")).ok()?;
    let known: Value = serde_json::from_slice(&known).ok()?;
    let slug = project.file_name()?.to_str()?;
    let projects = known.get("projects").unwrap_or(&known).as_object()?;
    projects.iter().find(|(_, name)| name.as_str() == Some(slug)).map(|(folder, _)| folder.clone())
}

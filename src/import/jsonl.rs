//! Lines of JSON from anywhere: one message each; and files of such lines whose records belong to a client (Codex, Gemini). Owns reading the
//! lines and the generic form; docs/importing.md says what that is.

use std::io;
use std::path::PathBuf;

use serde_json::Value;

use super::claude_code::placed;
use super::lines::{Line, Lines};
use super::turn::{Turn, field, first, list, moment, texts};
use super::{BadLine, Item, Position, Records, Transcript};
use crate::domain::{Role, Timestamp};

/// What makes items of the lines of one file.
pub(super) trait Client: Send {
    /// What a line holds, or why it cannot be read.
    fn line(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String>;

    /// What is left when all lines were read.
    fn end(&mut self) -> Vec<Item> {
        Vec::new()
    }
}

/// A file of lines that is being read. Always from its start: what a line means may stand in an earlier one.
pub(super) struct Lined<C> {
    lines: Lines,
    path: PathBuf,
    client: C,
}

impl<C: Client> Lined<C> {
    pub(super) fn open(transcript: &Transcript, longest: usize, client: C) -> io::Result<Self> {
        let lines = Lines::open(&transcript.path, Position::default(), longest)?;
        Ok(Self { lines, path: transcript.path.clone(), client })
    }

    fn items(&mut self, line: u64) -> Result<Vec<Item>, String> {
        let text = std::str::from_utf8(&self.lines.buffer)
            .map_err(|error| format!("not valid UTF-8 at byte {} of the line, skipped", error.valid_up_to() + 1))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let value = serde_json::from_str(text);
        let value = value.map_err(|error| format!("not a JSON record, skipped: {}", placed(&error)))?;
        self.client.line(value, line)
    }
}

impl<C: Client> Records for Lined<C> {
    fn each(mut self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<Position> {
        loop {
            let step = self.lines.next()?;
            let line = self.lines.position.line + u64::from(step == Line::Unfinished);
            let path = self.path.clone();
            let bad = |why: String| vec![Item::Bad(BadLine { path, line, why })];
            let items = match step {
                Line::End => break,
                Line::TooLong(bytes) => {
                    let mib = bytes >> 20;
                    bad(format!(
                        "line of {mib} MiB is over the limit and was passed over; see --max-line-mib and --rescan"
                    ))
                }
                Line::Complete => self.items(line).unwrap_or_else(bad),
                Line::Unfinished => match self.items(line) {
                    Ok(items) => {
                        self.lines.accept_unfinished();
                        items
                    }
                    Err(_) => {
                        bad("last line is unfinished; it will be read when its writer has finished it".to_owned())
                    }
                },
            };
            for item in items {
                if !tell(item, self.lines.position) {
                    return Ok(self.lines.position);
                }
            }
            if step == Line::Unfinished {
                break;
            }
        }
        for item in self.client.end() {
            if !tell(item, self.lines.position) {
                break;
            }
        }
        Ok(self.lines.position)
    }
}

/// The generic form: a message a line, or a whole exchange (`messages`) a line.
pub(super) struct Generic {
    stem: String,
    last: Timestamp,
}

impl Generic {
    pub(super) fn new(transcript: &Transcript) -> Self {
        let stem = transcript.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self { stem, last: Timestamp::from_milliseconds(transcript.modified) }
    }

    fn message(&mut self, value: &Value, session: &str, numbered: &str, line: u64) -> Result<Item, String> {
        let role = match first(value, &["role", "sender"]).unwrap_or("user") {
            "user" | "human" => Role::User,
            "assistant" | "model" | "ai" => Role::Assistant,
            "tool" | "function" => Role::Tool,
            "system" | "developer" => Role::System,
            other => return Err(format!("role is {other:?}; user, assistant, tool or system is meant")),
        };
        let said = value.get("text").or_else(|| value.get("content")).ok_or("neither `text` nor `content`, skipped")?;
        let times = ["ts", "timestamp", "created_at", "time", "at"];
        if let Some(at) = times.iter().find_map(|name| moment(value.get(*name))) {
            self.last = at;
        }
        let id = first(value, &["id", "uuid", "message_id"]).unwrap_or(numbered);
        let mut turn = Turn::new(session, id, role, self.last, line);
        match role {
            Role::Tool => turn.result(first(value, &["tool", "name"]), &texts(said)),
            _ => turn.said(&texts(said)),
        }
        let about = turn.about();
        let owned = |names: &[&str]| first(value, names).map(str::to_owned);
        about.parent_external_id = owned(&["parent_id", "parent"]);
        about.cwd = owned(&["cwd", "project"]);
        about.git_branch = owned(&["git_branch", "branch"]);
        about.model = owned(&["model"]);
        Ok(turn.item())
    }
}

impl Client for Generic {
    fn line(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        let named = first(&value, &["session", "session_id", "conversation_id", "conversation"]);
        let numbered = format!("line-{line}");
        if value.get("messages").is_some() {
            let session = named.map_or_else(|| format!("{}/{numbered}", self.stem), str::to_owned);
            let each = list(&value, "messages").iter().enumerate();
            return each
                .map(|(place, message)| self.message(message, &session, &format!("message-{place}"), line))
                .collect();
        }
        let session = named.unwrap_or(&self.stem).to_owned();
        let mut items = vec![self.message(&value, &session, &numbered, line)?];
        if let Some(title) = field(&value, "title") {
            items.push(Item::Title { session, title: title.to_owned() });
        }
        Ok(items)
    }
}

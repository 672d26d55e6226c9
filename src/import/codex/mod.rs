//! Codex's transcripts: `~/.codex/sessions/YYYY/MM/DD/rollout-….jsonl`, plain or compressed, those in
//! `archived_sessions`, and the names of sessions in `session_index.jsonl`.
//!
//! The conversation with the model (`response_item`) is read. Events for the screen repeat it; one is read only when
//! nothing else says the same ([`copies`]). History that a fork copied keeps the identity that it has in its parent's
//! file ([`fork`]).

mod archive;
mod authors;
mod copies;
mod done;
mod events;
mod fork;
mod held;
mod identity;
mod ids;
mod items;
mod places;
mod titles;
mod usage;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::draft_builder::{DraftBuilder, field, moment};
use super::jsonl::{Client, Lined};
use super::{BadLine, Item, ReadOptions, Records, Transcript};
use crate::domain::text::prompt;
use crate::domain::{Draft, Kind, Origin, Role, Timestamp};

use archive::{Damage, is_compressed, open_lines, take_damage};
use copies::{Channel, Copies, Speaker};
use fork::{Claim, CopiedHistory, codex_home};
use held::HeldMessages;
use identity::Identity;
use ids::{MessageIds, set_identity};
use items::{Call, is_item_type, replaced_messages};
use titles::{INDEX, SessionIndex, chosen_title, latest_name};
use usage::AnswerQueue;

pub(super) use places::{discover, is_transcript};

/// Opens a transcript, or the list with the names of sessions.
///
/// # Errors
/// When the file cannot be opened.
pub(super) fn open(transcript: &Transcript, options: ReadOptions) -> io::Result<Box<dyn Records>> {
    if transcript.path.file_name().is_some_and(|name| name == INDEX) {
        return Ok(Box::new(Lined::open(transcript, options, SessionIndex::default())?));
    }
    let codex = Codex::of_generation(&transcript.path, options.longest, 0);
    let lines = open_lines(&transcript.path, options.longest, &codex.damage)?;
    let is_settled = is_compressed(&transcript.path) || transcript.is_settled(options.now);
    Ok(Box::new(Lined::over(lines, &transcript.path, codex, is_settled)))
}

/// Settings that hold from one record to the next.
#[derive(Debug, Default)]
struct Window {
    cwd: Option<String>,
    branch: Option<String>,
    model: Option<String>,
}

/// The state of one file.
#[derive(Debug)]
struct Codex {
    path: PathBuf,
    longest: usize,
    /// Forks between this file and the one that is imported: the file of a parent is read to recognise copies.
    generation: u8,
    identity: Identity,
    window: Window,
    /// Time of the current record.
    at: Option<Timestamp>,
    /// The latest time so far.
    last_at: Option<Timestamp>,
    ids: MessageIds,
    copies: Copies,
    /// Calls by their ids.
    calls: HashMap<String, Call>,
    held: HeldMessages,
    answers: AnswerQueue,
    copied: Option<CopiedHistory>,
    damage: Damage,
}

impl Codex {
    fn of_generation(path: &Path, longest: usize, generation: u8) -> Self {
        Self {
            path: path.to_owned(),
            longest,
            generation,
            identity: Identity::of_file(path),
            window: Window::default(),
            at: None,
            last_at: None,
            ids: MessageIds::default(),
            copies: Copies::default(),
            calls: HashMap::new(),
            held: HeldMessages::default(),
            answers: AnswerQueue::default(),
            copied: None,
            damage: Damage::default(),
        }
    }

    /// Begins a message. It gets its id when its text is known.
    fn builder(&self, role: Role, line: u64) -> DraftBuilder {
        let mut builder = DraftBuilder::new("", "", role, self.at, line);
        let draft = builder.draft();
        if let (None, Some(last)) = (self.at, self.last_at) {
            draft.at = last;
        }
        draft.cwd.clone_from(&self.window.cwd);
        draft.git_branch.clone_from(&self.window.branch);
        draft.model = self.window.model.clone().filter(|_| role == Role::Assistant);
        builder
    }

    /// Gives a message its session and id.
    fn identify(&mut self, item: Item, own_id: Option<&str>, call: &str) -> Item {
        match item {
            Item::Draft(draft) => Item::Draft(self.identify_draft(draft, own_id, call, false)),
            Item::NotUnderstood(kind, Some(draft)) => {
                Item::NotUnderstood(kind, Some(self.identify_draft(draft, own_id, call, false)))
            }
            other => other,
        }
    }

    /// Gives a message that stands in an event alone its session and id.
    fn identify_event(&mut self, draft: Box<Draft>, own_id: Option<&str>) -> Item {
        Item::Draft(self.identify_draft(draft, own_id, "", true))
    }

    fn identify_draft(
        &mut self,
        mut draft: Box<Draft>,
        own_id: Option<&str>,
        call: &str,
        is_event: bool,
    ) -> Box<Draft> {
        let claim = self.copied.as_mut().map_or(Claim::Own, |copied| copied.claim(&mut draft, own_id, is_event));
        if claim == Claim::Original {
            return draft;
        }
        let id = self.ids.id_of(own_id, &draft, call);
        if let Claim::Session(session) = claim {
            set_identity(&mut draft, &session, &id);
            return draft;
        }
        set_identity(&mut draft, &self.identity.session, &id);
        draft.parent_session = self.identity.parent_session();
        draft.forked_from = self.identity.forked_from();
        draft
    }

    fn read_meta(&mut self, meta: &Value, line: u64) -> Item {
        self.last_at = self.at.or_else(|| moment(meta.get("timestamp"))).or(self.last_at);
        if let Some(parent) = self.identity.read_meta(meta) {
            if self.copied.is_none() {
                self.copied = CopiedHistory::of(self, &parent, line, self.at);
            }
        } else {
            let branch = meta.pointer("/git/branch").and_then(Value::as_str).map(str::to_owned);
            self.window.branch = branch.or_else(|| self.window.branch.take());
            self.window.cwd = field(meta, "cwd").map(str::to_owned).or_else(|| self.window.cwd.take());
        }
        Item::Bookkeeping("session_meta".into())
    }

    fn read_turn(&mut self, turn: &Value) -> Item {
        let owned = |name: &str| field(turn, name).map(str::to_owned);
        self.window.cwd = owned("cwd").or_else(|| self.window.cwd.take());
        self.window.model = owned("model").or_else(|| self.window.model.take());
        Item::Bookkeeping("turn_context".into())
    }

    /// The summary that replaced the history before it, and messages of that history that stand nowhere else.
    fn read_compacted(&mut self, payload: &Value, line: u64) -> Item {
        let mut builder = self.builder(Role::User, line);
        let summary = field(payload, "message").unwrap_or("");
        builder.add_part(Kind::Summary, Origin::Client, summary, None);
        for (role, text, is_summary) in replaced_messages(payload) {
            let is_known = text.trim().is_empty() || summary.contains(text.trim());
            let (speaker, origin) = match role {
                "user" if self.identity.is_subagent => (Speaker::Person, Origin::Model),
                "user" => (Speaker::Person, Origin::Person),
                "assistant" => (Speaker::Model, Origin::Model),
                _ => continue,
            };
            if is_known || self.copies.is_said_anywhere(speaker, &text) {
                continue;
            }
            self.copies.note_said(speaker, Channel::Response, &text);
            match (is_summary, speaker) {
                (true, _) => builder.add_part(Kind::Summary, Origin::Client, &text, None),
                (false, Speaker::Person) => {
                    // What the client says there, it says again in a record of its own.
                    builder.add_part(Kind::Text, origin, &prompt::typed(&text), None);
                }
                _ => builder.add_part(Kind::Text, origin, &text, None),
            }
        }
        match builder.finish() {
            Item::Bookkeeping(_) => Item::Bookkeeping("compacted".into()),
            item => self.identify(item, None, ""),
        }
    }

    /// A record without an envelope, as files of 2025 have them.
    fn read_flat(&mut self, value: &Value, line: u64) -> Vec<Item> {
        let kind = field(value, "type").unwrap_or("");
        let has = |name: &str| value.get(name).is_some();
        let is_header = has("git") || (has("id") && (has("instructions") || has("timestamp")));
        let item = if is_item_type(kind) || (kind.is_empty() && has("role")) {
            self.read_item(value, line)
        } else if kind.is_empty() && is_header {
            self.at = None;
            self.read_meta(value, line)
        } else if let Some(record) = field(value, "record_type") {
            Item::Bookkeeping(record.to_owned().into())
        } else {
            let item =
                self.unknown(if kind.is_empty() { "record without type" } else { kind }, value, Role::System, line);
            self.identify(item, None, "")
        };
        self.answers.push(item)
    }
}

impl Client for Codex {
    fn record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        if !value.is_object() {
            return Err("not an object, skipped".to_owned());
        }
        self.at = moment(value.get("timestamp"));
        let payload = value.get("payload").unwrap_or(&Value::Null);
        let item = match field(&value, "type") {
            Some("session_meta") => self.read_meta(payload, line),
            Some("turn_context") => self.read_turn(payload),
            Some("compacted") => self.read_compacted(payload, line),
            Some("response_item") => self.read_item(payload, line),
            Some("event_msg") => {
                self.last_at = self.at.or(self.last_at);
                return Ok(self.read_event(payload, line));
            }
            Some("token_usage_record") => {
                self.answers.count(payload.get("usage").unwrap_or(&Value::Null));
                Item::Bookkeeping("token_usage_record".into())
            }
            Some(kind @ ("world_state" | "inter_agent_communication_metadata")) => {
                Item::Bookkeeping(kind.to_owned().into())
            }
            Some(kind) if !payload.is_null() => {
                let item = self.unknown(kind, payload, Role::System, line);
                self.identify(item, None, "")
            }
            _ => return Ok(self.read_flat(&value, line)),
        };
        self.last_at = self.at.or(self.last_at);
        Ok(self.answers.push(item))
    }

    fn is_record(value: &Value) -> bool {
        let is_flat = || {
            field(value, "type").is_some_and(is_item_type)
                && (value.get("role").is_some() || value.get("call_id").is_some())
        };
        value.get("type").is_some() && (value.get("timestamp").is_some() || value.get("payload").is_some() || is_flat())
    }

    fn end(&mut self) -> Vec<Item> {
        let mut items = self.answers.release();
        items.extend(self.settle_held());
        if self.generation > 0 {
            return items;
        }
        let home = codex_home(&self.path);
        let title = home.and_then(|home| latest_name(home, &self.identity.session));
        items.extend(title.map(|title| chosen_title(&self.identity.session, &title)));
        items.extend(take_damage(&self.damage).map(|why| {
            let why = format!("damaged archive: {why}; what stands before the damage is kept");
            Item::Bad(BadLine { path: self.path.clone(), line: 0, why })
        }));
        items
    }
}

#[cfg(test)]
mod tests;

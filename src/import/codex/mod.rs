//! Reads Codex's transcripts: `~/.codex/sessions/YYYY/MM/DD/rollout-….jsonl`, plain or compressed, those in
//! `archived_sessions`, and the names of sessions in `session_index.jsonl`.
//!
//! The conversation with the model (`response_item`) is read. Events for the screen repeat it; one is read only if no
//! other record has the same content ([`copies`]). History that a fork copied keeps the identity that it has in its
//! parent's file ([`fork`]).

mod archive;
mod authors;
mod copies;
mod deferred;
mod events;
mod finished_calls;
mod fork;
mod identity;
mod ids;
mod items;
mod paths;
mod records;
mod titles;
mod usage;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::draft_builder::{DraftBuilder, parse_time, text_field};
use super::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules};
use super::jsonl::{JsonlReader, RecordConverter};
use super::{BadRecord, Item, ReadOptions, RecordStream, TranscriptFile};
use crate::config::env;
use crate::domain::text::prompt;
use crate::domain::{Draft, Origin, PartKind, Role, Timestamp};

use archive::{Damage, is_compressed, open_lines, take_damage};
use copies::{Channel, CodexSpeaker, SeenContent};
use deferred::DeferredMessages;
use fork::{CopiedHistory, MessageOwner, codex_home};
use identity::SessionIdentity;
use ids::{MessageIds, set_identity};
use items::{CodexCall, is_item_type, replaced_messages};
use titles::{INDEX, SessionIndex, chosen_title, latest_name};
use usage::AnswerQueue;

use paths::{find_transcripts, is_transcript};
use records::is_own_record;

/// The importer of Codex's transcripts.
pub(super) static IMPORTER: Importer = Importer {
    name: "codex",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import Codex's transcripts",
        path: "Transcript, or folder with transcripts at any depth [default: ~/.codex/sessions]",
        hint: "name the folder that holds Codex's transcripts, usually ~/.codex/sessions",
    },
    default_folder: Some(|| env::codex_folder().map(|folder| folder.join("sessions"))),
    owns_file: is_transcript,
    is_own_record,
    reader_version: 2,
    open: |transcript, _, options| open(transcript, options),
    special: SpecialRules { home_name: Some(".codex"), find: Some(find_transcripts), ..SpecialRules::NONE },
};

/// Opens a transcript or the index of session names.
fn open(transcript: &TranscriptFile, options: ReadOptions) -> io::Result<Box<dyn RecordStream>> {
    if transcript.path.file_name().is_some_and(|name| name == INDEX) {
        return Ok(Box::new(JsonlReader::open(transcript, options, SessionIndex::default())?));
    }
    let codex = Codex::of_generation(&transcript.path, options.longest, 0);
    let lines = open_lines(&transcript.path, options.longest, &codex.damage)?;
    let is_settled = is_compressed(&transcript.path) || transcript.is_finished(options.now);
    Ok(Box::new(JsonlReader::from_lines(lines, &transcript.path, codex, is_settled)))
}

/// Settings that stay in force from one record to the next.
#[derive(Debug, Default)]
struct TurnSettings {
    cwd: Option<String>,
    branch: Option<String>,
    model: Option<String>,
}

/// State while one file is read.
#[derive(Debug)]
struct Codex {
    path: PathBuf,
    longest: usize,
    /// Number of forks between this file and the one that is imported. The file of a parent is read to recognise
    /// copies.
    generation: u8,
    identity: SessionIdentity,
    window: TurnSettings,
    /// Time of the current record.
    at: Option<Timestamp>,
    /// Latest time so far.
    last_at: Option<Timestamp>,
    ids: MessageIds,
    copies: SeenContent,
    /// Tool calls by id.
    calls: HashMap<String, CodexCall>,
    held: DeferredMessages,
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
            identity: SessionIdentity::from_file_name(path),
            window: TurnSettings::default(),
            at: None,
            last_at: None,
            ids: MessageIds::default(),
            copies: SeenContent::default(),
            calls: HashMap::new(),
            held: DeferredMessages::default(),
            answers: AnswerQueue::default(),
            copied: None,
            damage: Damage::default(),
        }
    }

    /// Starts a message. It gets its id when its text is known.
    fn start_message(&self, role: Role, line: u64) -> DraftBuilder {
        let mut builder = DraftBuilder::new("", "", role, self.at, line);
        let draft = builder.draft_mut();
        if let (None, Some(last)) = (self.at, self.last_at) {
            draft.at = last;
        }
        draft.cwd.clone_from(&self.window.cwd);
        draft.git_branch.clone_from(&self.window.branch);
        draft.model = self.window.model.clone().filter(|_| role == Role::Assistant);
        builder
    }

    /// Sets session and id of a message.
    fn identify_item(&mut self, item: Item, own_id: Option<&str>, call: &str) -> Item {
        match item {
            Item::Draft(draft) => Item::Draft(self.identify_draft(draft, own_id, call, false)),
            Item::NotUnderstood(kind, Some(draft)) => {
                Item::NotUnderstood(kind, Some(self.identify_draft(draft, own_id, call, false)))
            }
            other => other,
        }
    }

    /// Sets session and id of a message that only an event holds.
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
        let claim =
            self.copied.as_mut().map_or(MessageOwner::Own, |copied| copied.claim_message(&mut draft, own_id, is_event));
        if claim == MessageOwner::Original {
            return draft;
        }
        let id = self.ids.assign_id(own_id, &draft, call);
        if let MessageOwner::Session(session) = claim {
            set_identity(&mut draft, &session, &id);
            return draft;
        }
        set_identity(&mut draft, &self.identity.session, &id);
        draft.parent_session = self.identity.parent_session();
        draft.forked_from = self.identity.forked_from();
        draft
    }

    fn read_meta(&mut self, meta: &Value, line: u64) -> Item {
        self.last_at = self.at.or_else(|| parse_time(meta.get("timestamp"))).or(self.last_at);
        if let Some(parent) = self.identity.read_meta(meta) {
            if self.copied.is_none() {
                self.copied = CopiedHistory::find_history(self, &parent, line, self.at);
            }
        } else {
            let branch = meta.pointer("/git/branch").and_then(Value::as_str).map(str::to_owned);
            self.window.branch = branch.or_else(|| self.window.branch.take());
            self.window.cwd = text_field(meta, "cwd").map(str::to_owned).or_else(|| self.window.cwd.take());
        }
        Item::Bookkeeping("session_meta".into())
    }

    fn read_turn_context(&mut self, turn: &Value) -> Item {
        let owned = |name: &str| text_field(turn, name).map(str::to_owned);
        self.window.cwd = owned("cwd").or_else(|| self.window.cwd.take());
        self.window.model = owned("model").or_else(|| self.window.model.take());
        Item::Bookkeeping("turn_context".into())
    }

    /// Reads the summary that replaced the history before it. Also reads messages of that history that no other record
    /// holds.
    fn read_compacted(&mut self, payload: &Value, line: u64) -> Item {
        let mut builder = self.start_message(Role::User, line);
        let summary = text_field(payload, "message").unwrap_or("");
        builder.add_part(PartKind::Summary, Origin::Client, summary, None);
        for (role, text, is_summary) in replaced_messages(payload) {
            let is_known = text.trim().is_empty() || summary.contains(text.trim());
            let (speaker, origin) = match role {
                "user" if self.identity.is_subagent => (CodexSpeaker::Person, Origin::Model),
                "user" => (CodexSpeaker::Person, Origin::Person),
                "assistant" => (CodexSpeaker::Model, Origin::Model),
                _ => continue,
            };
            if is_known || self.copies.has_text_anywhere(speaker, &text) {
                continue;
            }
            self.copies.record_text(speaker, Channel::Response, &text);
            match (is_summary, speaker) {
                (true, _) => builder.add_part(PartKind::Summary, Origin::Client, &text, None),
                (false, CodexSpeaker::Person) => {
                    // The client's own text is repeated in a record of its own.
                    builder.add_part(PartKind::Text, origin, &prompt::typed_text(&text), None);
                }
                _ => builder.add_part(PartKind::Text, origin, &text, None),
            }
        }
        match builder.finish() {
            Item::Bookkeeping(_) => Item::Bookkeeping("compacted".into()),
            item => self.identify_item(item, None, ""),
        }
    }

    /// Reads a record without an envelope, as in files of 2025.
    fn read_flat(&mut self, value: &Value, line: u64) -> Vec<Item> {
        let kind = text_field(value, "type").unwrap_or("");
        let has = |name: &str| value.get(name).is_some();
        let is_header = has("git") || (has("id") && (has("instructions") || has("timestamp")));
        let item = if is_item_type(kind) || (kind.is_empty() && has("role")) {
            self.read_item(value, line)
        } else if kind.is_empty() && is_header {
            self.at = None;
            self.read_meta(value, line)
        } else if let Some(record) = text_field(value, "record_type") {
            Item::Bookkeeping(record.to_owned().into())
        } else {
            let item = self.build_unknown(
                if kind.is_empty() { "record without type" } else { kind },
                value,
                Role::System,
                line,
            );
            self.identify_item(item, None, "")
        };
        self.answers.push(item)
    }
}

impl RecordConverter for Codex {
    fn convert_record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        if !value.is_object() {
            return Err("not an object, skipped".to_owned());
        }
        self.at = parse_time(value.get("timestamp"));
        let payload = value.get("payload").unwrap_or(&Value::Null);
        let item = match text_field(&value, "type") {
            Some("session_meta") => self.read_meta(payload, line),
            Some("turn_context") => self.read_turn_context(payload),
            Some("compacted") => self.read_compacted(payload, line),
            Some("response_item") => self.read_item(payload, line),
            Some("event_msg") => {
                self.last_at = self.at.or(self.last_at);
                return Ok(self.read_event(payload, line));
            }
            Some("token_usage_record") => {
                self.answers.set_usage(payload.get("usage").unwrap_or(&Value::Null));
                Item::Bookkeeping("token_usage_record".into())
            }
            Some(kind @ ("world_state" | "inter_agent_communication_metadata")) => {
                Item::Bookkeeping(kind.to_owned().into())
            }
            Some(kind) if !payload.is_null() => {
                let item = self.build_unknown(kind, payload, Role::System, line);
                self.identify_item(item, None, "")
            }
            _ => return Ok(self.read_flat(&value, line)),
        };
        self.last_at = self.at.or(self.last_at);
        Ok(self.answers.push(item))
    }

    fn is_record(value: &Value) -> bool {
        let is_flat = || {
            text_field(value, "type").is_some_and(is_item_type)
                && (value.get("role").is_some() || value.get("call_id").is_some())
        };
        value.get("type").is_some() && (value.get("timestamp").is_some() || value.get("payload").is_some() || is_flat())
    }

    fn remaining_items(&mut self) -> Vec<Item> {
        let mut items = self.answers.release_all();
        items.extend(self.resolve_deferred());
        if self.generation > 0 {
            return items;
        }
        let home = codex_home(&self.path);
        let title = home.and_then(|home| latest_name(home, &self.identity.session));
        items.extend(title.map(|title| chosen_title(&self.identity.session, &title)));
        items.extend(take_damage(&self.damage).map(|why| {
            let why = format!("damaged archive: {why}; the records before the damage are kept");
            Item::Bad(BadRecord { path: self.path.clone(), line: 0, why })
        }));
        items
    }
}

#[cfg(test)]
mod tests;

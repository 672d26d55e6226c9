//! Reads Gemini CLI's transcripts: `~/.gemini/tmp/<project>/chats/session-….jsonl`, a log in which a message may be
//! written again with more content; the older `session-….json`; `chats/<parent>/<id>` of sub-agents; and
//! `checkpoint-<tag>.json` next to `chats`.
//!
//! A message is returned once, with the content of all its records ([`message`]).

mod checkpoint;
mod drafts;
mod message;
mod object;
mod outputs;
mod paths;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::content::readable_strings;
use super::draft_builder::{ContentIds, DraftBuilder, array_field, text_field};
use super::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules};
use super::jsonl::{JsonlReader, RecordConverter};
use super::{Item, ReadOptions, RecordStream, TranscriptFile};
use crate::config::env;
use crate::disk;
use crate::domain::{Origin, PartKind, Role, json};

use checkpoint::CheckpointFile;
use message::GeminiMessage;
use object::ObjectFile;

use paths::is_transcript;

/// The importer of Gemini CLI's transcripts.
pub(super) static IMPORTER: Importer = Importer {
    name: "gemini",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import Gemini CLI's transcripts",
        path: "Transcript, or folder with transcripts at any depth [default: ~/.gemini/tmp]",
        hint: "name the folder that holds Gemini's transcripts, usually ~/.gemini/tmp",
    },
    default_folder: Some(|| env::gemini_folder().map(|folder| folder.join("tmp"))),
    owns_file: is_transcript,
    is_own_record,
    reader_version: 2,
    open: |transcript, _, options| open(transcript, options),
    special: SpecialRules { home_name: Some(".gemini"), ..SpecialRules::NONE },
};

/// Returns true for a record that only Gemini CLI writes.
fn is_own_record(value: &Value) -> bool {
    let has = |name: &str| value.get(name).is_some();
    let is_answer = text_field(value, "type") == Some("gemini") && has("content");
    let is_session = has("sessionId") && is_gemini_session(value);
    has("projectHash") || has("$set") || has("$rewindTo") || is_answer || is_session
}

/// Returns true if an object with a session id is one of Gemini's: its messages have types, not roles.
fn is_gemini_session(value: &Value) -> bool {
    let messages = value.get("messages").and_then(Value::as_array);
    let typed = messages
        .is_some_and(|all| all.iter().any(|message| message.get("type").is_some() && message.get("role").is_none()));
    typed || value.get("messageId").is_some_and(Value::is_number)
}

/// Opens a transcript or a checkpoint.
fn open(transcript: &TranscriptFile, options: ReadOptions) -> io::Result<Box<dyn RecordStream>> {
    let longest = options.longest;
    if paths::is_checkpoint(&transcript.path) {
        return Ok(Box::new(CheckpointFile { transcript: transcript.clone(), longest }));
    }
    if transcript.path.extension().is_some_and(|kind| kind == "json") {
        return Ok(Box::new(ObjectFile { transcript: transcript.clone(), longest }));
    }
    Ok(Box::new(JsonlReader::open(transcript, options, Gemini::of_file(&transcript.path))?))
}

/// State while one file is read.
#[derive(Debug)]
struct Gemini {
    path: PathBuf,
    /// Session id from the first header; `None` stands for the file name.
    session: Option<String>,
    parent_session: Option<String>,
    is_subagent: bool,
    /// Hash of the project folder, and folders that a header names.
    project_hash: Option<String>,
    directories: Vec<String>,
    title: Option<String>,
    ids: ContentIds,
    /// Messages in order, and their indexes by id.
    messages: Vec<GeminiMessage>,
    places: HashMap<String, usize>,
}

impl Gemini {
    fn of_file(path: &Path) -> Self {
        let parent_session = paths::parent_session(path);
        Self {
            path: path.to_owned(),
            session: None,
            is_subagent: parent_session.is_some(),
            parent_session,
            project_hash: None,
            directories: Vec::new(),
            title: None,
            ids: ContentIds::default(),
            messages: Vec::new(),
            places: HashMap::new(),
        }
    }

    fn read_header(&mut self, value: &Value) {
        let owned = |name: &str| text_field(value, name).map(str::to_owned);
        self.session = self.session.take().or_else(|| owned("sessionId"));
        self.project_hash = self.project_hash.take().or_else(|| owned("projectHash"));
        self.is_subagent |= text_field(value, "kind") == Some("subagent");
        let directories = array_field(value, "directories").iter().filter_map(Value::as_str).map(str::to_owned);
        self.directories.extend(directories);
        self.read_summary(value);
    }

    /// Reads a summary as the title. A sub-agent's summary is its result, which is also in a tool call.
    fn read_summary(&mut self, value: &Value) {
        let summary = text_field(value, "summary").map(str::trim).filter(|summary| !summary.starts_with(['{', '[']));
        if let Some(summary) = summary.filter(|_| !self.is_subagent) {
            self.title = Some(summary.to_owned());
        }
    }

    /// Adds a record of a message. Returns true if the message is new.
    fn read_message(&mut self, value: &Value, line: u64) -> bool {
        let id = match text_field(value, "id") {
            Some(id) => id.to_owned(),
            None => self.ids.next_id(&[text_field(value, "type").unwrap_or(""), &readable_strings(value)]),
        };
        let known = self.places.get(&id).and_then(|place| self.messages.get_mut(*place));
        if let Some(known) = known {
            known.merge_record(value);
            return false;
        }
        self.places.insert(id.clone(), self.messages.len());
        self.messages.push(GeminiMessage::from_record(id, value, line));
        true
    }

    /// Marks a message and all after it as rewound. A message that is written again later is not.
    fn mark_rewound(&mut self, id: &str) {
        if let Some(place) = self.places.get(id) {
            self.messages.iter_mut().skip(*place).for_each(|message| message.is_rewound = true);
        }
    }

    /// Builds an item for a record of an unknown type, with its readable strings.
    fn build_unknown(&mut self, value: &Value, line: u64) -> Item {
        let kind = text_field(value, "type").unwrap_or("record without type").to_owned();
        let words = readable_strings(value);
        let id = self.ids.next_id(&[&kind, &words]);
        let session = self.session_id();
        let mut builder = DraftBuilder::new(&session, &id, Role::System, message::record_time(value), line);
        builder.add_part(PartKind::Meta, Origin::Client, &words, None);
        match builder.finish() {
            Item::Draft(draft) => Item::NotUnderstood(kind, Some(draft)),
            _ => Item::NotUnderstood(kind, None),
        }
    }

    fn session_id(&self) -> String {
        let stem = || self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        self.session.clone().unwrap_or_else(stem)
    }
}

impl RecordConverter for Gemini {
    fn convert_record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        if !value.is_object() {
            return Err("not an object, skipped".to_owned());
        }
        let bookkeeping = |kind: &'static str| Ok(vec![Item::Bookkeeping(kind.into())]);
        if let Some(set) = value.get("$set") {
            array_field(set, "messages").iter().for_each(|message| {
                self.read_message(message, line);
            });
            self.read_summary(set);
            return bookkeeping("$set");
        }
        if let Some(id) = value.get("$rewindTo") {
            self.mark_rewound(id.as_str().unwrap_or(""));
            return bookkeeping("$rewindTo");
        }
        let is_header = value.get("sessionId").is_some() || value.get("messages").is_some();
        if is_header {
            self.read_header(&value);
            array_field(&value, "messages").iter().for_each(|message| {
                self.read_message(message, line);
            });
            return bookkeeping("session");
        }
        if message::is_message(&value) {
            let is_new = self.read_message(&value, line);
            // A new message is counted at the end of the file.
            return if is_new { Ok(Vec::new()) } else { bookkeeping("message written again") };
        }
        Ok(vec![self.build_unknown(&value, line)])
    }

    fn is_record(value: &Value) -> bool {
        let has = |name: &str| value.get(name).is_some();
        has("$set")
            || has("$rewindTo")
            || (has("sessionId") && has("startTime"))
            || (has("id") && has("type") && has("timestamp"))
    }

    fn remaining_items(&mut self) -> Vec<Item> {
        let mut items = self.build_drafts();
        items.extend(self.title.take().map(|title| Item::generated_title(&self.session_id(), &title)));
        items
    }
}

/// Reads a whole file for comparison. Its faults are reported when it is imported itself.
fn read_whole_file(path: &Path, longest: usize) -> Vec<Item> {
    let Ok(bytes) = disk::read_foreign_file(path, longest as u64) else { return Vec::new() };
    let mut gemini = Gemini::of_file(path);
    if path.extension().is_some_and(|kind| kind == "json") {
        let _ = object::read_object(&mut gemini, &bytes);
        return gemini.remaining_items();
    }
    for line in bytes.split(|byte| *byte == b'\n') {
        for found in json::read_records(line, Gemini::is_record) {
            if let json::RecordOutcome::Whole(value)
            | json::RecordOutcome::Repaired(value)
            | json::RecordOutcome::Partial(value) = found
            {
                let _ = gemini.convert_record(value, 0);
            }
        }
    }
    gemini.remaining_items()
}

//! Gemini CLI's transcripts: `~/.gemini/tmp/<project>/chats/session-….jsonl`, a journal in which a message may be
//! written again with more in it; the older `session-….json`; `chats/<parent>/<id>` of sub-agents; and
//! `checkpoint-<tag>.json` beside `chats`.
//!
//! A message is returned once, with everything that any of its records says ([`message`]).

mod checkpoint;
mod drafts;
mod message;
mod object;
mod outputs;
mod places;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::content::readable_strings;
use super::draft_builder::{ContentIds, DraftBuilder, field, list};
use super::jsonl::{Client, Lined};
use super::{Item, ReadOptions, Records, Transcript};
use crate::domain::{Kind, Origin, Role, json};

use checkpoint::CheckpointFile;
use message::Message;
use object::ObjectFile;

pub(super) use places::is_transcript;

/// Opens a transcript or a checkpoint.
///
/// # Errors
/// When the file cannot be opened.
pub(super) fn open(transcript: &Transcript, options: ReadOptions) -> io::Result<Box<dyn Records>> {
    let longest = options.longest;
    if places::is_checkpoint(&transcript.path) {
        return Ok(Box::new(CheckpointFile { transcript: transcript.clone(), longest }));
    }
    if transcript.path.extension().is_some_and(|kind| kind == "json") {
        return Ok(Box::new(ObjectFile { transcript: transcript.clone(), longest }));
    }
    Ok(Box::new(Lined::open(transcript, options, Gemini::of_file(&transcript.path))?))
}

/// The state of one file.
#[derive(Debug)]
struct Gemini {
    path: PathBuf,
    /// From the first header, else the name of the file.
    session: Option<String>,
    parent_session: Option<String>,
    is_subagent: bool,
    /// Hash of the project's folder, and folders that a header names.
    project_hash: Option<String>,
    directories: Vec<String>,
    title: Option<String>,
    ids: ContentIds,
    /// Messages in order, and the place of each.
    messages: Vec<Message>,
    places: HashMap<String, usize>,
}

impl Gemini {
    fn of_file(path: &Path) -> Self {
        let parent_session = places::parent_session(path);
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
        let owned = |name: &str| field(value, name).map(str::to_owned);
        self.session = self.session.take().or_else(|| owned("sessionId"));
        self.project_hash = self.project_hash.take().or_else(|| owned("projectHash"));
        self.is_subagent |= field(value, "kind") == Some("subagent");
        let directories = list(value, "directories").iter().filter_map(Value::as_str).map(str::to_owned);
        self.directories.extend(directories);
        self.read_summary(value);
    }

    /// A summary becomes the title. That of a sub-agent is its result, which it says in a call too.
    fn read_summary(&mut self, value: &Value) {
        let summary = field(value, "summary").map(str::trim).filter(|summary| !summary.starts_with(['{', '[']));
        if let Some(summary) = summary.filter(|_| !self.is_subagent) {
            self.title = Some(summary.to_owned());
        }
    }

    /// Takes in a record of a message. Returns whether the message is new.
    fn read_message(&mut self, value: &Value, line: u64) -> bool {
        let id = match field(value, "id") {
            Some(id) => id.to_owned(),
            None => self.ids.next_id(&[field(value, "type").unwrap_or(""), &readable_strings(value)]),
        };
        let known = self.places.get(&id).and_then(|place| self.messages.get_mut(*place));
        if let Some(known) = known {
            known.merge(value);
            return false;
        }
        self.places.insert(id.clone(), self.messages.len());
        self.messages.push(Message::read(id, value, line));
        true
    }

    /// Marks a message and those after it as given up. One that is written again later is not.
    fn rewind(&mut self, id: &str) {
        if let Some(place) = self.places.get(id) {
            self.messages.iter_mut().skip(*place).for_each(|message| message.is_rewound = true);
        }
    }

    /// A record of an unknown type, with the words in it.
    fn unknown(&mut self, value: &Value, line: u64) -> Item {
        let kind = field(value, "type").unwrap_or("record without type").to_owned();
        let words = readable_strings(value);
        let id = self.ids.next_id(&[&kind, &words]);
        let session = self.session_id();
        let mut builder = DraftBuilder::new(&session, &id, Role::System, drafts::time_of(value), line);
        builder.add_part(Kind::Meta, Origin::Client, &words, None);
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

impl Client for Gemini {
    fn record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        if !value.is_object() {
            return Err("not an object, skipped".to_owned());
        }
        let bookkeeping = |kind: &'static str| Ok(vec![Item::Bookkeeping(kind.into())]);
        if let Some(set) = value.get("$set") {
            list(set, "messages").iter().for_each(|message| {
                self.read_message(message, line);
            });
            self.read_summary(set);
            return bookkeeping("$set");
        }
        if let Some(id) = value.get("$rewindTo") {
            self.rewind(id.as_str().unwrap_or(""));
            return bookkeeping("$rewindTo");
        }
        let is_header = value.get("sessionId").is_some() || value.get("messages").is_some();
        if is_header {
            self.read_header(&value);
            list(&value, "messages").iter().for_each(|message| {
                self.read_message(message, line);
            });
            return bookkeeping("session");
        }
        if message::is_message(&value) {
            let is_new = self.read_message(&value, line);
            // A new message is counted when the file was read.
            return if is_new { Ok(Vec::new()) } else { bookkeeping("message written again") };
        }
        Ok(vec![self.unknown(&value, line)])
    }

    fn is_record(value: &Value) -> bool {
        let has = |name: &str| value.get(name).is_some();
        has("$set")
            || has("$rewindTo")
            || (has("sessionId") && has("startTime"))
            || (has("id") && has("type") && has("timestamp"))
    }

    fn end(&mut self) -> Vec<Item> {
        let mut items = self.drafts();
        items.extend(self.title.take().map(|title| Item::title(&self.session_id(), &title)));
        items
    }
}

/// Reads a whole file, for comparison: what is wrong with it is reported when it is imported itself.
fn read_whole(path: &Path, longest: usize) -> Vec<Item> {
    let is_small = std::fs::metadata(path).is_ok_and(|file| file.len() <= longest as u64);
    let Some(bytes) = is_small.then(|| std::fs::read(path).ok()).flatten() else { return Vec::new() };
    let mut gemini = Gemini::of_file(path);
    if path.extension().is_some_and(|kind| kind == "json") {
        let _ = object::read_object(&mut gemini, &bytes);
        return gemini.end();
    }
    for line in bytes.split(|byte| *byte == b'\n') {
        for found in json::read_records(line, Gemini::is_record) {
            if let json::Found::Whole(value) | json::Found::Repaired(value) | json::Found::Partial(value) = found {
                let _ = gemini.record(value, 0);
            }
        }
    }
    gemini.end()
}

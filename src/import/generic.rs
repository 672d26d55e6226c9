//! Reads JSON lines from any program: one message per line, a question with its answer, or a whole exchange.
//! docs/importing.md lists the fields. Decides what a line is and generates ids; `generic_message` reads messages.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::content::{content_text, readable_strings};
use super::draft_builder::{ContentIds, DraftBuilder, first_label, first_time_field, text_field};
use super::encoding::{Utf8, read_head};
use super::export::{self, ExportService, HEAD_BYTES};
use super::generic_message::{
    GenericSpeaker, TIMES, add_message_parts, has_text, inner_message, message_text, role_name,
};
use super::jsonl::{JsonlReader, RecordConverter};
use super::lines::LineReader;
use super::{BadRecord, Item, Position, ReadOptions, RecordStream, TranscriptFile};
use crate::disk::ForeignFile;
use crate::domain::hash::to_hex;
use crate::domain::{ContentHash, Origin, PartKind, Role};

/// Fields that hold the messages of an exchange.
const EXCHANGES: [&str; 8] =
    ["messages", "conversations", "conversation", "dialogue", "dialog", "turns", "chat", "chat_messages"];

/// Fields that hold a question and its answer.
const PAIRS: [(&str, &str); 13] = [
    ("prompt", "completion"),
    ("prompt", "response"),
    ("prompt", "chosen"),
    ("prompt", "answer"),
    ("prompt", "text"),
    ("instruction", "output"),
    ("instruction", "response"),
    ("input", "output"),
    ("question", "answer"),
    ("question", "response"),
    ("query", "response"),
    ("query", "answer"),
    ("user", "assistant"),
];

/// Fields that name a session.
const SESSIONS: [&str; 8] =
    ["session", "session_id", "sessionId", "conversation_id", "conversationId", "conversation", "thread_id", "chat_id"];

/// Fields that name a message.
const IDS: [&str; 4] = ["id", "uuid", "message_id", "messageId"];

/// Bytes of the path hash that distinguishes files of the same name.
const PATH_HASH: usize = 6;

/// Returns the name of the program that alone writes such a record.
pub(super) type ProgramOfRecord = fn(&Value) -> Option<&'static str>;

/// State while one file is read.
pub(super) struct GenericJsonl {
    program_of_record: ProgramOfRecord,
    /// Session for records that name none.
    file_session: String,
    path: PathBuf,
    ids: ContentIds,
    exchanges: ContentIds,
    /// Text of each id read so far, by session and id, because an id may occur twice.
    texts: HashMap<(String, String), String>,
    /// Unknown roles already reported; an empty string stands for lines without a known text field.
    odd_roles: HashSet<String>,
}

/// Opens a file of JSON lines or one array of objects. UTF-16, which shells on Windows write, is decoded.
pub(super) fn open(
    transcript: &TranscriptFile,
    options: ReadOptions,
    program_of_record: ProgramOfRecord,
) -> io::Result<Box<dyn RecordStream>> {
    let (path, longest) = (&transcript.path, options.longest);
    let generic = GenericJsonl::new(transcript, program_of_record);
    if is_single_document(&read_head(ForeignFile::open(path)?, HEAD_BYTES)?) {
        return export::open(transcript, options, Box::new(generic));
    }
    let lines = match Utf8::from_input(BufReader::new(ForeignFile::open(path)?))? {
        Utf8::Plain(_) => return Ok(Box::new(JsonlReader::open(transcript, options, generic)?)),
        decoded @ Utf8::Decoded(_) => LineReader::from_input(Box::new(decoded), Position::default(), longest),
    };
    Ok(Box::new(JsonlReader::from_lines(lines, path, generic, transcript.is_finished(options.now))))
}

impl GenericJsonl {
    pub(super) fn new(transcript: &TranscriptFile, program_of_record: ProgramOfRecord) -> Self {
        Self {
            program_of_record,
            file_session: derive_session_id(&transcript.path),
            path: transcript.path.clone(),
            ids: ContentIds::default(),
            exchanges: ContentIds::default(),
            texts: HashMap::new(),
            odd_roles: HashSet::new(),
        }
    }

    /// Converts one object to items.
    fn read_object(&mut self, value: &Value, line: u64) -> Result<Vec<Item>, String> {
        let named = first_label(value, &SESSIONS);
        if let Some(messages) = messages_of(value) {
            return Ok(self.read_exchange(value, messages, named, line));
        }
        let session = named.unwrap_or_else(|| self.file_session.clone());
        // A line with a role is a message, whatever other fields it has.
        let pair = question_and_answer(value).filter(|_| GenericSpeaker::from_message(value).is_missing());
        let mut items = if let Some((question, answer)) = pair {
            self.read_pair(value, question, answer, &session, line)
        } else if has_text(value) {
            self.read_message(value, value, &session, line, None)
        } else {
            self.read_unknown(value, &session, line)?
        };
        items.extend(text_field(value, "title").map(|title| Item::generated_title(&session, title)));
        Ok(items)
    }

    /// Converts a line with a whole exchange to items. Without a name, its session id is derived from its first
    /// message.
    fn read_exchange(&mut self, value: &Value, messages: &[Value], named: Option<String>, line: u64) -> Vec<Item> {
        let session = named.unwrap_or_else(|| {
            let of_file = &self.file_session;
            first_label(value, &IDS).map_or_else(
                || {
                    let opening =
                        messages.iter().find(|message| !GenericSpeaker::from_message(message).has_role(Role::System));
                    let opening = opening.or(messages.first()).map(message_text).unwrap_or_default();
                    format!("{of_file}/{}", self.exchanges.next_id(&[&opening]))
                },
                |id| format!("{of_file}/{id}"),
            )
        });
        // An exchange may be written again with more messages, so equal messages are numbered within a line only.
        let mut ids = ContentIds::default();
        let mut items: Vec<Item> = Vec::new();
        for message in messages {
            items.extend(self.read_message(message, value, &session, line, Some(&mut ids)));
        }
        if messages.is_empty() {
            items.push(Item::Bookkeeping("exchange without messages".into()));
        }
        items.extend(text_field(value, "title").map(|title| Item::generated_title(&session, title)));
        items
    }

    /// Converts one message to items: the message, and a warning if its role is unknown. `line_value` is the whole
    /// line.
    fn read_message(
        &mut self,
        message: &Value,
        line_value: &Value,
        session: &str,
        line: u64,
        ids: Option<&mut ContentIds>,
    ) -> Vec<Item> {
        let speaker = match GenericSpeaker::from_message(message) {
            // The documented default, for lines that are a message.
            GenericSpeaker::Missing if ids.is_none() => GenericSpeaker::Known(Role::User),
            speaker => speaker,
        };
        let inner = inner_message(message);
        let words = message_text(message);
        let time = first_label(message, &TIMES).unwrap_or_default();
        let made = ids.unwrap_or(&mut self.ids).next_id(&[session, &role_name(message), &time, &words]);
        let id = self.choose_id(first_label(message, &IDS).or_else(|| first_label(inner, &IDS)), made, session, &words);
        let at = first_time_field(message, &TIMES)
            .or_else(|| first_time_field(inner, &TIMES))
            .or_else(|| first_time_field(line_value, &TIMES));
        let mut builder = DraftBuilder::new(session, &id, speaker.effective_role(), at, line);
        add_message_parts(&mut builder, inner, &speaker);
        let about = builder.draft_mut();
        let told =
            |names: &[&str]| [message, inner, line_value].into_iter().find_map(|value| first_label(value, names));
        about.parent_external_id = told(&["parent_id", "parent", "parentUuid"]);
        about.cwd = told(&["cwd", "project", "directory"]);
        about.git_branch = told(&["git_branch", "branch", "gitBranch"]);
        about.model = told(&["model"]);
        let mut items = vec![builder.finish()];
        if let GenericSpeaker::Odd(role) = &speaker
            && self.odd_roles.insert(role.clone())
        {
            let why = format!("unknown role {role:?}: its text counts as the client's (reported once per file)");
            items.push(Item::Warning(BadRecord { path: self.path.clone(), line, why }));
        }
        items
    }

    /// Returns the record's own id, unless another text already has it: the id may be that of a speaker.
    fn choose_id(&mut self, own: Option<String>, made: String, session: &str, words: &str) -> String {
        let Some(own) = own else { return made };
        let known = self.texts.entry((session.to_owned(), own.clone())).or_insert_with(|| words.to_owned());
        if words.starts_with(known.as_str()) || known.starts_with(words) {
            words.clone_into(known);
            return own;
        }
        format!("{own}/{made}")
    }

    /// Converts a question and its answer to items.
    fn read_pair(&mut self, value: &Value, question: &str, answer: &str, session: &str, line: u64) -> Vec<Item> {
        let own = first_label(value, &IDS);
        let mut items = Vec::new();
        // An instruction may come with the input it refers to.
        let asked = if question == "instruction" { vec![question, "input"] } else { vec![question] };
        let said = [
            (Role::System, "/context", vec!["system", "system_prompt", "context", "history"]),
            (Role::User, "", asked),
            (Role::Assistant, "/answer", vec![answer]),
            (Role::Assistant, "/rejected", vec!["rejected"]),
        ];
        for (role, suffix, names) in said {
            let texts = names.iter().filter_map(|name| value.get(*name)).map(content_text);
            let text = texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n");
            if text.is_empty() && !matches!(suffix, "" | "/answer") {
                continue;
            }
            let made = self.ids.next_id(&[session, role.name(), &text]);
            let id = self.choose_id(own.as_ref().map(|id| format!("{id}{suffix}")), made, session, &text);
            let mut builder = DraftBuilder::new(session, &id, role, first_time_field(value, &TIMES), line);
            match role {
                Role::System => builder.add_part(PartKind::Text, Origin::Client, &text, None),
                _ => builder.add_text(&text),
            }
            let about = builder.draft_mut();
            about.cwd = first_label(value, &["cwd", "project", "directory"]);
            about.model = first_label(value, &["model"]).filter(|_| role == Role::Assistant);
            about.sidechain = suffix == "/rejected";
            items.push(builder.finish());
        }
        items
    }

    /// Converts a line of unknown form to one item with its readable strings.
    fn read_unknown(&mut self, value: &Value, session: &str, line: u64) -> Result<Vec<Item>, String> {
        let words = readable_strings(value);
        if words.is_empty() {
            return Err("neither `text` nor `content`, skipped".to_owned());
        }
        let made = self.ids.next_id(&[session, "", &words]);
        let id = self.choose_id(first_label(value, &IDS), made, session, &words);
        let mut builder = DraftBuilder::new(session, &id, Role::System, first_time_field(value, &TIMES), line);
        builder.add_part(PartKind::Text, Origin::Client, &words, None);
        let mut items = vec![builder.finish()];
        if self.odd_roles.insert(String::new()) {
            let why =
                "no known text field: every readable string of such lines is kept (reported once per file)".to_owned();
            items.push(Item::Warning(BadRecord { path: self.path.clone(), line, why }));
        }
        Ok(items)
    }
}

/// Builds a session id from the file name and a hash of its path. Files of the same name in two folders are two
/// sessions.
fn derive_session_id(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let hash = ContentHash::of_text(&place.to_string_lossy());
    format!("{stem}-{}", to_hex(hash.0.get(..PATH_HASH).unwrap_or(&hash.0)))
}

fn messages_of(value: &Value) -> Option<&[Value]> {
    EXCHANGES.iter().find_map(|name| value.get(*name)?.as_array()).map(Vec::as_slice)
}

/// Returns the names of the question and answer fields, if both are present.
fn question_and_answer(value: &Value) -> Option<(&'static str, &'static str)> {
    let says = |name: &str| value.get(name).is_some_and(|text| text.is_string() || text.is_array() || text.is_object());
    PAIRS.into_iter().find(|(question, answer)| says(question) && says(answer))
}

impl RecordConverter for GenericJsonl {
    fn convert_record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        match &value {
            Value::Object(_) => match (self.program_of_record)(&value) {
                None => self.read_object(&value, line),
                Some(program) => Ok(vec![Item::NotUnderstood(format!("record of {program}"), None)]),
            },
            Value::Array(values) if values.iter().any(Value::is_object) => {
                let read = values.iter().filter(|value| value.is_object()).map(|value| self.read_object(value, line));
                Ok(read.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
            }
            Value::String(_) | Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {
                Err("not an object, skipped".to_owned())
            }
        }
    }

    fn is_record(value: &Value) -> bool {
        (has_text(value) && !GenericSpeaker::from_message(value).is_missing())
            || messages_of(value).is_some()
            || question_and_answer(value).is_some()
    }
}

/// Reads a file that is one array of such objects, or one object over several lines.
impl ExportService for GenericJsonl {
    fn record_fields(&self) -> &'static [&'static str] {
        &[]
    }

    fn recognizes_head(&self, _head: &[u8]) -> bool {
        true
    }

    fn is_record(&self, value: &Value) -> bool {
        value.is_object() && (has_text(value) || messages_of(value).is_some() || question_and_answer(value).is_some())
    }

    fn is_message(&self, value: &Value) -> bool {
        <Self as RecordConverter>::is_record(value)
    }

    fn read_record(&mut self, value: &Value, line: u64) -> Result<Vec<Item>, String> {
        RecordConverter::convert_record(self, value.clone(), line)
    }
}

/// Returns true if a file is one array, or one object over several lines, rather than JSON lines.
pub(super) fn is_single_document(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let rest = text.get(1..).unwrap_or(&[]);
    let line_ends = rest.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r')) == Some(&b'\n');
    match text.first() {
        Some(b'[') => !text.starts_with(b"[]") || line_ends,
        Some(b'{') => line_ends,
        _ => false,
    }
}

#[cfg(test)]
#[path = "generic_tests.rs"]
mod tests;

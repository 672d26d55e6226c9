//! Lines of JSON from anywhere: a message a line, a question with its answer, or a whole exchange. docs/importing.md says
//! which fields are read. Owns what a line is and the ids of what has none; `generic_message` owns what a message holds.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::content::{content_text, readable_strings};
use super::draft_builder::{ContentIds, DraftBuilder, field, label, when};
use super::encoding::{Utf8, read_head};
use super::export::{Export, HEAD_BYTES, Service};
use super::generic_message::{Speaker, TIMES, add_words, has_words, inner_of, role_name, words_of};
use super::jsonl::{Client, Lined};
use super::lines::Lines;
use super::record_source::source_of_record;
use super::{BadLine, Item, Position, ReadOptions, Records, Source, Transcript};
use crate::domain::hash::hex;
use crate::domain::{ContentHash, Kind, Origin, Role};

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

/// Bytes of the hash that tells two files of one name apart.
const PATH_HASH: usize = 6;

/// The state of one file.
pub(super) struct Generic {
    /// The session of what names none.
    file_session: String,
    path: PathBuf,
    ids: ContentIds,
    exchanges: ContentIds,
    /// Text of each id that was read, by session and id: an id may stand twice.
    texts: HashMap<(String, String), String>,
    /// Roles that were reported; an empty one stands for lines without a field for words.
    odd_roles: HashSet<String>,
}

/// Opens a file: lines, or one list of objects. Text in UTF-16, which shells on Windows write, is decoded.
pub(super) fn open(transcript: &Transcript, options: ReadOptions) -> io::Result<Box<dyn Records>> {
    let (path, longest) = (&transcript.path, options.longest);
    let generic = Generic::new(transcript);
    if is_one_value(&read_head(File::open(path)?, HEAD_BYTES)?) {
        return Ok(Box::new(Export { path: path.clone(), longest, service: Box::new(generic) }));
    }
    let lines = match Utf8::of(BufReader::new(File::open(path)?))? {
        Utf8::Plain(_) => return Ok(Box::new(Lined::open(transcript, options, generic)?)),
        decoded @ Utf8::Decoded(_) => Lines::over(Box::new(decoded), Position::default(), longest),
    };
    Ok(Box::new(Lined::over(lines, path, generic, transcript.is_settled(options.now))))
}

impl Generic {
    pub(super) fn new(transcript: &Transcript) -> Self {
        Self {
            file_session: name_session(&transcript.path),
            path: transcript.path.clone(),
            ids: ContentIds::default(),
            exchanges: ContentIds::default(),
            texts: HashMap::new(),
            odd_roles: HashSet::new(),
        }
    }

    /// Items of one object.
    fn read_object(&mut self, value: &Value, line: u64) -> Result<Vec<Item>, String> {
        let named = label(value, &SESSIONS);
        if let Some(messages) = messages_of(value) {
            return Ok(self.read_exchange(value, messages, named, line));
        }
        let session = named.unwrap_or_else(|| self.file_session.clone());
        // A line with a role is a message, whatever else stands in it.
        let pair = pair_of(value).filter(|_| Speaker::of(value).is_missing());
        let mut items = if let Some((question, answer)) = pair {
            self.read_pair(value, question, answer, &session, line)
        } else if has_words(value) {
            self.read_message(value, value, &session, line, None)
        } else {
            self.read_unknown(value, &session, line)?
        };
        items.extend(field(value, "title").map(|title| Item::title(&session, title)));
        Ok(items)
    }

    /// Items of a line that holds a whole exchange. Without a name its session is made of its first message.
    fn read_exchange(&mut self, value: &Value, messages: &[Value], named: Option<String>, line: u64) -> Vec<Item> {
        let session = named.unwrap_or_else(|| {
            let of_file = &self.file_session;
            label(value, &IDS).map_or_else(
                || {
                    let opening = messages.iter().find(|message| !Speaker::of(message).is(Role::System));
                    let opening = opening.or(messages.first()).map(words_of).unwrap_or_default();
                    format!("{of_file}/{}", self.exchanges.next_id(&[&opening]))
                },
                |id| format!("{of_file}/{id}"),
            )
        });
        // An exchange may be written again with more messages: equal messages are counted within a line only.
        let mut ids = ContentIds::default();
        let mut items: Vec<Item> = Vec::new();
        for message in messages {
            items.extend(self.read_message(message, value, &session, line, Some(&mut ids)));
        }
        if messages.is_empty() {
            items.push(Item::Bookkeeping("exchange without messages".into()));
        }
        items.extend(field(value, "title").map(|title| Item::title(&session, title)));
        items
    }

    /// Items of one message: the message, and a warning where its role is not known. `line_value` is the whole line.
    fn read_message(
        &mut self,
        message: &Value,
        line_value: &Value,
        session: &str,
        line: u64,
        ids: Option<&mut ContentIds>,
    ) -> Vec<Item> {
        let speaker = match Speaker::of(message) {
            // The documented default, for lines that are a message.
            Speaker::Missing if ids.is_none() => Speaker::Known(Role::User),
            speaker => speaker,
        };
        let inner = inner_of(message);
        let words = words_of(message);
        let time = label(message, &TIMES).unwrap_or_default();
        let made = ids.unwrap_or(&mut self.ids).next_id(&[session, &role_name(message), &time, &words]);
        let id = self.choose_id(label(message, &IDS).or_else(|| label(inner, &IDS)), made, session, &words);
        let at = when(message, &TIMES).or_else(|| when(inner, &TIMES)).or_else(|| when(line_value, &TIMES));
        let mut builder = DraftBuilder::new(session, &id, speaker.role(), at, line);
        add_words(&mut builder, inner, &speaker);
        let about = builder.draft();
        let told = |names: &[&str]| [message, inner, line_value].into_iter().find_map(|value| label(value, names));
        about.parent_external_id = told(&["parent_id", "parent", "parentUuid"]);
        about.cwd = told(&["cwd", "project", "directory"]);
        about.git_branch = told(&["git_branch", "branch", "gitBranch"]);
        about.model = told(&["model"]);
        let mut items = vec![builder.finish()];
        if let Speaker::Odd(role) = &speaker
            && self.odd_roles.insert(role.clone())
        {
            let why = format!("role {role:?} is not known; its texts count as nobody's (reported once for a file)");
            items.push(Item::Warning(BadLine { path: self.path.clone(), line, why }));
        }
        items
    }

    /// The id of the record, unless another text has it already: an id may be that of a speaker.
    fn choose_id(&mut self, own: Option<String>, made: String, session: &str, words: &str) -> String {
        let Some(own) = own else { return made };
        let known = self.texts.entry((session.to_owned(), own.clone())).or_insert_with(|| words.to_owned());
        if words.starts_with(known.as_str()) || known.starts_with(words) {
            words.clone_into(known);
            return own;
        }
        format!("{own}/{made}")
    }

    /// Items of a question and its answer.
    fn read_pair(&mut self, value: &Value, question: &str, answer: &str, session: &str, line: u64) -> Vec<Item> {
        let own = label(value, &IDS);
        let mut items = Vec::new();
        // An instruction may come with the input that it is about.
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
            let mut builder = DraftBuilder::new(session, &id, role, when(value, &TIMES), line);
            match role {
                Role::System => builder.add_part(Kind::Text, Origin::Client, &text, None),
                _ => builder.add_text(&text),
            }
            let about = builder.draft();
            about.cwd = label(value, &["cwd", "project", "directory"]);
            about.model = label(value, &["model"]).filter(|_| role == Role::Assistant);
            about.sidechain = suffix == "/rejected";
            items.push(builder.finish());
        }
        items
    }

    /// The words of a line of no known form.
    fn read_unknown(&mut self, value: &Value, session: &str, line: u64) -> Result<Vec<Item>, String> {
        let words = readable_strings(value);
        if words.is_empty() {
            return Err("neither `text` nor `content`, skipped".to_owned());
        }
        let made = self.ids.next_id(&[session, "", &words]);
        let id = self.choose_id(label(value, &IDS), made, session, &words);
        let mut builder = DraftBuilder::new(session, &id, Role::System, when(value, &TIMES), line);
        builder.add_part(Kind::Text, Origin::Client, &words, None);
        let mut items = vec![builder.finish()];
        if self.odd_roles.insert(String::new()) {
            let why =
                "no field for words is known; every text of such lines is kept (reported once for a file)".to_owned();
            items.push(Item::Warning(BadLine { path: self.path.clone(), line, why }));
        }
        Ok(items)
    }
}

/// The session of a file: its name and a hash of its place, so that files of one name in two folders are two sessions.
fn name_session(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let hash = ContentHash::of(&place.to_string_lossy());
    format!("{stem}-{}", hex(hash.0.get(..PATH_HASH).unwrap_or(&hash.0)))
}

fn messages_of(value: &Value) -> Option<&[Value]> {
    EXCHANGES.iter().find_map(|name| value.get(*name)?.as_array()).map(Vec::as_slice)
}

/// The fields of a question and its answer, if both say something.
fn pair_of(value: &Value) -> Option<(&'static str, &'static str)> {
    let says = |name: &str| value.get(name).is_some_and(|text| text.is_string() || text.is_array() || text.is_object());
    PAIRS.into_iter().find(|(question, answer)| says(question) && says(answer))
}

impl Client for Generic {
    fn record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        match &value {
            Value::Object(_) => match source_of_record(&value) {
                None | Some(Source::Jsonl) => self.read_object(&value, line),
                Some(other) => Ok(vec![Item::NotUnderstood(format!("record of {}", other.name()), None)]),
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
        (has_words(value) && !Speaker::of(value).is_missing())
            || messages_of(value).is_some()
            || pair_of(value).is_some()
    }
}

/// Files that are one list of such objects, or one object over several lines.
impl Service for Generic {
    fn fields(&self) -> &'static [&'static str] {
        &[]
    }

    fn recognizes(&self, _head: &[u8]) -> bool {
        true
    }

    fn is_record(&self, value: &Value) -> bool {
        value.is_object() && (has_words(value) || messages_of(value).is_some() || pair_of(value).is_some())
    }

    fn is_message(&self, value: &Value) -> bool {
        <Self as Client>::is_record(value)
    }

    fn read_record(&mut self, value: &Value, line: u64) -> Result<Vec<Item>, String> {
        Client::record(self, value.clone(), line)
    }
}

/// Returns whether a file is one list, or one object over several lines, rather than lines of JSON.
pub(super) fn is_one_value(head: &[u8]) -> bool {
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

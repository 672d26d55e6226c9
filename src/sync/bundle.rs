//! A whole memory as one file, for machines that no server joins: zstd-compressed JSON lines, one message each, as it is now, and one for
//! each that was forgotten. Taking it in twice is the same as taking it in once; into a store with messages of its own it adds. Owns the
//! format.

use std::collections::HashSet;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use crate::domain::{Kind, MessageId, Origin, Role, Timestamp, json};
use crate::memory::Memory;
use crate::store::{Standing, WholeConversation, WholeMessage, WholeNote, WholePart, WholeProject};

/// The version of the format.
const FORMAT: u32 = 1;
const LEVEL: i32 = 3;
/// Lines that are read or taken in at once.
const TOGETHER: usize = 500;
/// A line may have so many bytes: a message of a few texts of the longest kind.
const LONGEST: u64 = 2 << 30;
/// UTF-8 for U+FEFF, which some editors write in front.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Bad lines that are listed one by one.
const LISTED: usize = 1000;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    claude_memory_bundle: u32,
    program: String,
    created_at: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Message(Box<Message>),
    Forgotten { id: String, reason: String },
}

#[derive(Debug, Serialize, Deserialize)]
struct Message {
    id: String,
    changed_at: i64,
    source: String,
    session: String,
    parent_session: Option<String>,
    title: Option<String>,
    external_id: String,
    parent_external_id: Option<String>,
    role: String,
    at: i64,
    directory: String,
    project: Project,
    git_branch: Option<String>,
    model: Option<String>,
    sidechain: bool,
    parts: Vec<Part>,
    note: Option<Note>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Project {
    key: String,
    name: String,
    root: String,
    remote: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Part {
    key: i64,
    kind: String,
    origin: String,
    tool: Option<String>,
    text: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    kind: String,
    title: Option<String>,
    topic_key: Option<String>,
    tags: String,
    pinned: bool,
    expires_at: Option<i64>,
    superseded_by: Option<String>,
}

/// What a bundle holds, or what was taken in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundled {
    /// Messages in it.
    pub messages: u64,
    /// Marks of forgotten messages in it.
    pub forgotten: u64,
    /// Messages that are new here.
    pub new: u64,
    /// Messages that were newer there.
    pub changed: u64,
    /// Messages that are gone here because they were forgotten there.
    pub gone: u64,
    /// Lines that could not be read, with the reason; at most a thousand of them.
    pub bad: Vec<(u64, String)>,
    /// Whether it was stopped.
    pub interrupted: bool,
}

/// Writes everything. What is hidden here stays here.
///
/// # Errors
/// When the store cannot be read or the file cannot be written.
pub fn export(
    memory: &Memory,
    into: &mut dyn Write,
    now: Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64),
) -> Result<Bundled> {
    let mut writer = zstd::Encoder::new(into, LEVEL).map_err(unwritten)?;
    writer.include_checksum(true).map_err(unwritten)?;
    let all = Chosen { keeps: &|_| true, forgotten: true };
    let bundled = export_lines(memory, &mut writer, &all, now, stop, progress)?;
    if !bundled.interrupted {
        writer.finish().and_then(Write::flush).map_err(unwritten)?;
    }
    Ok(bundled)
}

/// What of a memory is written.
pub struct Chosen<'a> {
    /// Whether a message is.
    pub keeps: &'a dyn Fn(&WholeMessage) -> bool,
    /// Whether the marks of what was forgotten are.
    pub forgotten: bool,
}

impl std::fmt::Debug for Chosen<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Chosen").field("forgotten", &self.forgotten).finish_non_exhaustive()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn unwritten(error: io::Error) -> Error {
    Error::File(format!("the bundle cannot be written: {error}"))
}

/// Writes the lines of a bundle as they are, not compressed.
///
/// # Errors
/// When the store cannot be read or nothing can be written.
pub fn export_lines(
    memory: &Memory,
    writer: &mut dyn Write,
    chosen: &Chosen<'_>,
    now: Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64),
) -> Result<Bundled> {
    let program = format!("claude-memory {}", env!("CARGO_PKG_VERSION"));
    let head = Head { claude_memory_bundle: FORMAT, program, created_at: now.to_string() };
    line(writer, &head).map_err(unwritten)?;
    let (mut bundled, mut at, mut seen) = (Bundled::default(), 0, HashSet::new());
    loop {
        let changes = memory.changes_after(at, TOGETHER)?;
        let Some(last) = changes.last() else { break };
        at = last.id;
        for change in changes {
            if !seen.insert(change.message) {
                continue;
            }
            match memory.standing(change.message)? {
                Standing::Here(message) if (chosen.keeps)(&message) => {
                    bundled.messages += 1;
                    line(writer, &Line::Message(Box::new(Message::of(*message, change.at)))).map_err(unwritten)?;
                }
                Standing::Forgotten(_, reason) if chosen.forgotten => {
                    bundled.forgotten += 1;
                    line(writer, &Line::Forgotten { id: change.message.to_string(), reason }).map_err(unwritten)?;
                }
                Standing::Here(_) | Standing::Forgotten(..) | Standing::Hidden | Standing::Gone => {}
            }
        }
        progress(seen.len() as u64);
        if stop.load(Ordering::Relaxed) {
            return Ok(Bundled { interrupted: true, ..bundled });
        }
    }
    Ok(bundled)
}

/// Takes everything in; a line that cannot be read is reported, the rest goes in.
///
/// # Errors
/// When the file is no bundle or ends too early, or the store cannot be written; what was taken in stays.
pub fn import(
    memory: &Memory,
    from: impl Read,
    now: Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64),
) -> Result<Bundled> {
    let broken = |error: io::Error| Error::File(format!("the bundle cannot be read to its end: {error}"));
    // Compressed, or lines as `export` writes them.
    let mut from = BufReader::new(from);
    if from.fill_buf().map_err(broken)?.starts_with(BYTE_ORDER_MARK) {
        from.consume(BYTE_ORDER_MARK.len());
    }
    let is_plain = from.fill_buf().map_err(broken)?.starts_with(b"{");
    let input: Box<dyn Read> =
        if is_plain { Box::new(from) } else { Box::new(zstd::Decoder::with_buffer(from).map_err(broken)?) };
    let mut reader = BufReader::new(input);
    let mut text = Vec::new();
    read_line(&mut reader, &mut text).map_err(broken)?;
    let head: Head =
        serde_json::from_slice(&text).map_err(|_| Error::File("the file is no bundle of claude-memory".to_owned()))?;
    if head.claude_memory_bundle != FORMAT {
        let has = head.claude_memory_bundle;
        return Err(Error::File(format!("the bundle has format {has}, this program understands {FORMAT}")));
    }
    let mut bundled = Bundled::default();
    let (mut messages, mut forgotten, mut number) = (Vec::new(), Vec::new(), 1);
    loop {
        number += 1;
        let ended = !read_line(&mut reader, &mut text).map_err(broken)?;
        if !ended {
            match parse(&text) {
                Ok(Parsed::Message(message, at)) => messages.push((*message, at)),
                Ok(Parsed::Forgotten(id, reason)) => forgotten.push((id, reason)),
                Err(why) if bundled.bad.len() < LISTED => bundled.bad.push((number, why)),
                Err(_) => {}
            }
        }
        if ended || messages.len() + forgotten.len() >= TOGETHER {
            bundled.messages += messages.len() as u64;
            bundled.forgotten += forgotten.len() as u64;
            bundled.gone += memory.bury(std::mem::take(&mut forgotten), now)?;
            let taken = memory.take_in(std::mem::take(&mut messages))?;
            bundled.new += taken.new;
            bundled.changed += taken.changed;
            progress(bundled.messages);
        }
        if ended || stop.load(Ordering::Relaxed) {
            bundled.interrupted = !ended;
            memory.settle()?;
            return Ok(bundled);
        }
    }
}

fn line(writer: &mut (impl Write + ?Sized), value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *writer, value)?;
    writer.write_all(b"\n")
}

/// `false` at the end.
fn read_line(reader: &mut impl io::BufRead, text: &mut Vec<u8>) -> io::Result<bool> {
    text.clear();
    Ok(reader.take(LONGEST).read_until(b'\n', text)? > 0)
}

enum Parsed {
    Message(Box<WholeMessage>, Timestamp),
    Forgotten(MessageId, String),
}

fn parse(text: &[u8]) -> std::result::Result<Parsed, String> {
    // Another program may have edited the lines.
    let line: Line = if let Ok(line) = serde_json::from_slice(text) {
        line
    } else {
        let (value, _) = json::parse(text).map_err(|error| error.to_string())?;
        serde_json::from_value(value).map_err(|error| error.to_string())?
    };
    match line {
        Line::Message(message) => {
            let at = Timestamp::from_milliseconds(message.changed_at);
            Ok(Parsed::Message(Box::new(message.whole()?), at))
        }
        Line::Forgotten { id, reason } => Ok(Parsed::Forgotten(id.parse()?, reason)),
    }
}

impl Message {
    fn of(message: WholeMessage, changed_at: Timestamp) -> Self {
        let WholeProject { key, name, root, remote } = message.project;
        Self {
            id: message.id.to_string(),
            changed_at: changed_at.milliseconds(),
            source: message.conversation.source,
            session: message.conversation.session,
            parent_session: message.conversation.parent,
            title: message.conversation.title,
            external_id: message.external_id,
            parent_external_id: message.parent_external_id,
            role: message.role.name().to_owned(),
            at: message.at.milliseconds(),
            directory: message.directory,
            project: Project { key, name, root, remote },
            git_branch: message.git_branch,
            model: message.model,
            sidechain: message.sidechain,
            parts: message.parts.into_iter().map(Part::of).collect(),
            note: message.note.map(|note| Note {
                kind: note.kind,
                title: note.title,
                topic_key: note.topic_key,
                tags: note.tags,
                pinned: note.pinned,
                expires_at: note.expires_at.map(Timestamp::milliseconds),
                superseded_by: note.superseded_by.map(|id| id.to_string()),
            }),
        }
    }

    fn whole(self) -> std::result::Result<WholeMessage, String> {
        let Project { key, name, root, remote } = self.project;
        let note = match self.note {
            None => None,
            Some(note) => Some(WholeNote {
                kind: note.kind,
                title: note.title,
                topic_key: note.topic_key,
                tags: note.tags,
                pinned: note.pinned,
                expires_at: note.expires_at.map(Timestamp::from_milliseconds),
                superseded_by: note.superseded_by.map(|id| id.parse()).transpose()?,
            }),
        };
        Ok(WholeMessage {
            id: self.id.parse()?,
            conversation: WholeConversation {
                source: self.source,
                session: self.session,
                parent: self.parent_session,
                title: self.title,
            },
            external_id: self.external_id,
            parent_external_id: self.parent_external_id,
            role: Role::from_name(&self.role).ok_or_else(|| format!("{:?} is no role", self.role))?,
            at: Timestamp::from_milliseconds(self.at),
            directory: self.directory,
            project: WholeProject { key, name, root, remote },
            git_branch: self.git_branch,
            model: self.model,
            sidechain: self.sidechain,
            parts: self.parts.into_iter().map(Part::whole).collect::<std::result::Result<_, _>>()?,
            note,
        })
    }
}

impl Part {
    fn of(part: WholePart) -> Self {
        let (kind, origin) = (part.kind.name().to_owned(), part.origin.name().to_owned());
        Self { key: part.key, kind, origin, tool: part.tool, text: part.text }
    }

    fn whole(self) -> std::result::Result<WholePart, String> {
        Ok(WholePart {
            key: self.key,
            kind: Kind::from_name(&self.kind).ok_or_else(|| format!("{:?} is no kind of part", self.kind))?,
            origin: Origin::from_name(&self.origin).ok_or_else(|| format!("{:?} is no origin", self.origin))?,
            tool: self.tool,
            text: self.text,
        })
    }
}

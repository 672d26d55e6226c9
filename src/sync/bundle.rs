//! A whole memory as one file, for machines that share no server: zstd-compressed JSON lines, one per message in its
//! current state and one per tombstone. Importing twice equals importing once; into a store with messages of its own it
//! merges. Owns the format.

use std::collections::HashSet;
use std::io::{self, BufRead as _, BufReader, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::bundle_lines::{BundleLineReader, LineRead};
use super::counts::SignatureCounts;
use super::error::{Error, Result};
use super::signed_place::{PlaceJson, ProjectJson};
use super::signing::{self, Signer};
use crate::disk::{ForeignFile, UnpackBudget, UnpackedReader};
use crate::domain::hash::to_hex;
use crate::domain::{MachineKey, Origin, PartKind, Role, Timestamp, json, limits};
use crate::memory::Memory;
use crate::store::{
    ConversationRecord, DeletionSigners, MessageRecord, MessageState, NoteRecord, PartRecord, QuarantineMark, Seal,
    Tombstone, is_quarantine_source,
};

/// Version of the bundle format.
const FORMAT: u32 = 1;
const LEVEL: i32 = 3;
/// Lines per batch when reading or importing.
const BATCH_SIZE: usize = 500;
/// Bytes of lines per batch: few long ones fill it too.
const BATCH_BYTES: usize = 32 << 20;
/// Base-2 logarithm of the largest decompression window: 128 MiB of memory.
const MAX_WINDOW_LOG: u32 = 27;
/// UTF-8 byte order mark, which some editors write at the start of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Maximum number of bad lines reported one by one.
const MAX_LISTED: usize = 1000;

/// First line of a bundle.
#[derive(Debug, Serialize, Deserialize)]
struct BundleHead {
    claude_memory_bundle: u32,
    program: String,
    created_at: String,
    /// Machine that wrote it; programs before signatures name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    machine: Option<BundleMachine>,
}

/// Public key of a machine, in hexadecimal, and the name that it gives itself.
#[derive(Debug, Serialize, Deserialize)]
struct BundleMachine {
    key: String,
    name: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BundleLine {
    Message(Box<BundleMessage>),
    Forgotten {
        id: String,
        reason: String,
        /// Programs before signatures under deletions ignore it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seal: Option<BundleSeal>,
    },
    /// Decision to hide a message or to release it. Programs before it report the line and go on.
    Quarantine {
        id: String,
        at: i64,
        hidden: bool,
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seal: Option<BundleSeal>,
    },
}

/// Key and signature of a machine, both in hexadecimal.
#[derive(Debug, Serialize, Deserialize)]
struct BundleSeal {
    machine: String,
    #[serde(default)]
    at: i64,
    signature: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct BundleMessage {
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
    project: ProjectJson,
    git_branch: Option<String>,
    model: Option<String>,
    sidechain: bool,
    parts: Vec<BundlePart>,
    note: Option<BundleNote>,
    /// Statement of a machine about project, branch and title. Programs before it ignore it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed: Option<BundlePlace>,
}

#[derive(Debug, Serialize, Deserialize)]
struct BundlePlace {
    place: PlaceJson,
    seal: BundleSeal,
}

#[derive(Debug, Serialize, Deserialize)]
struct BundlePart {
    key: i64,
    kind: String,
    origin: String,
    tool: Option<String>,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seal: Option<BundleSeal>,
}

#[derive(Debug, Serialize, Deserialize)]
struct BundleNote {
    kind: String,
    title: Option<String>,
    topic_key: Option<String>,
    tags: String,
    pinned: bool,
    expires_at: Option<i64>,
    superseded_by: Option<String>,
}

/// Counts of an export or an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BundleCounts {
    /// Messages in the bundle.
    pub messages: u64,
    /// Tombstones in the bundle.
    pub forgotten: u64,
    /// Messages that are new here.
    pub new: u64,
    /// Messages whose version in the bundle was newer.
    pub changed: u64,
    /// Messages deleted here because the bundle has their tombstone.
    pub gone: u64,
    /// The same by who signed the deletion.
    pub gone_by: DeletionSigners,
    /// Counts of what was signed wrongly, or by nobody.
    pub signatures: SignatureCounts,
    /// Messages hidden here because the bundle says so.
    pub hidden: u64,
    /// Messages released here because the bundle says so.
    pub released: u64,
    /// Lines that could not be parsed, with the reason; at most a thousand.
    pub bad: Vec<(u64, String)>,
    /// True if it was stopped before the end.
    pub interrupted: bool,
}

/// Writes every message and tombstone, compressed. Quarantined messages are left out.
pub fn export_bundle(
    memory: &Memory,
    into: &mut dyn Write,
    now: Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64),
) -> Result<BundleCounts> {
    let mut writer = zstd::Encoder::new(into, LEVEL).map_err(write_error)?;
    writer.include_checksum(true).map_err(write_error)?;
    let all = ExportSelection { keeps: &|_| true, forgotten: true };
    let bundled = export_lines(memory, &mut writer, &all, now, stop, progress)?;
    if !bundled.interrupted {
        writer.finish().and_then(Write::flush).map_err(write_error)?;
    }
    Ok(bundled)
}

/// Selection of what an export writes.
pub struct ExportSelection<'a> {
    /// Returns true for messages to write.
    pub keeps: &'a dyn Fn(&MessageRecord) -> bool,
    /// True if tombstones and decisions about quarantine are written.
    pub forgotten: bool,
}

impl std::fmt::Debug for ExportSelection<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Chosen").field("forgotten", &self.forgotten).finish_non_exhaustive()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn write_error(error: io::Error) -> Error {
    Error::File(format!("cannot write the bundle: {error}"))
}

/// Writes the lines of a bundle without compression.
pub fn export_lines(
    memory: &Memory,
    writer: &mut dyn Write,
    chosen: &ExportSelection<'_>,
    now: Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64),
) -> Result<BundleCounts> {
    let program = format!("claude-memory {}", env!("CARGO_PKG_VERSION"));
    let signer = Signer::load_key(memory, now)?;
    let machine = Some(BundleMachine { key: to_hex(&signer.machine().0), name: signer.name().to_owned() });
    let head = BundleHead { claude_memory_bundle: FORMAT, program, created_at: now.to_string(), machine };
    write_line(writer, &head).map_err(write_error)?;
    let (mut bundled, mut at, mut seen) = (BundleCounts::default(), 0, HashSet::new());
    loop {
        let snapshot = memory.snapshot()?;
        let changes = snapshot.changes_after(at, BATCH_SIZE)?;
        let Some(last) = changes.last() else { break };
        at = last.id;
        for change in changes {
            if !seen.insert(change.message) {
                continue;
            }
            if chosen.forgotten
                && let Some(mut mark) = snapshot.quarantine_mark(change.message)?
            {
                signer.seal_mark(&mut mark);
                write_line(writer, &BundleLine::from_mark(mark)).map_err(write_error)?;
            }
            match snapshot.message_state(change.message)? {
                MessageState::Here(mut message) if (chosen.keeps)(&message) => {
                    signer.seal_record(&mut message, change.at);
                    message.adopt_place();
                    bundled.messages += 1;
                    write_line(writer, &BundleLine::Message(Box::new(BundleMessage::from_record(*message, change.at))))
                        .map_err(write_error)?;
                }
                MessageState::Forgotten(mut tombstone) if chosen.forgotten => {
                    signer.seal_tombstone(&mut tombstone);
                    bundled.forgotten += 1;
                    write_line(writer, &BundleLine::from_tombstone(tombstone)).map_err(write_error)?;
                }
                MessageState::Here(_) | MessageState::Forgotten(..) | MessageState::Hidden | MessageState::Gone => {}
            }
        }
        progress(seen.len() as u64);
        if stop.load(Ordering::Relaxed) {
            return Ok(BundleCounts { interrupted: true, ..bundled });
        }
    }
    Ok(bundled)
}

/// Imports a bundle. A line that cannot be parsed is reported, and the rest is imported.
///
/// # Errors
/// If the file is not a bundle, is truncated or over a limit, or the store cannot be written. Messages imported before
/// the error stay.
pub fn import_bundle(
    memory: &Memory,
    from: ForeignFile,
    now: Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64),
) -> Result<BundleCounts> {
    let broken = |error: io::Error| Error::File(format!("the bundle cannot be read to its end: {error}"));
    // Compressed, or lines as `export` writes them.
    let budget = UnpackBudget::for_archive(from.size().map_err(broken)?);
    let mut from = BufReader::new(from);
    if from.fill_buf().map_err(broken)?.starts_with(BYTE_ORDER_MARK) {
        from.consume(BYTE_ORDER_MARK.len());
    }
    let is_plain = from.fill_buf().map_err(broken)?.starts_with(b"{");
    let mut reader = if is_plain {
        BundleLineReader::new(Box::new(from))
    } else {
        let mut decoder = zstd::Decoder::with_buffer(from).map_err(broken)?;
        decoder.window_log_max(MAX_WINDOW_LOG).map_err(broken)?;
        BundleLineReader::new(Box::new(BufReader::new(UnpackedReader::new(decoder, &budget))))
    };
    reader.next().map_err(broken)?;
    let head: BundleHead = serde_json::from_slice(reader.line())
        .map_err(|_| Error::File("the file is not a claude-memory bundle".to_owned()))?;
    if head.claude_memory_bundle != FORMAT {
        let has = head.claude_memory_bundle;
        return Err(Error::File(format!("the bundle has format {has}, this program understands {FORMAT}")));
    }
    // The key tells what returns from what comes from others.
    Signer::load_key(memory, now)?;
    if let Some((key, name)) = head.machine.and_then(|machine| Some((parse_key(&machine.key)?, machine.name))) {
        memory.record_machines(vec![(key, name)], now)?;
    }
    let (mut bundled, mut batch, mut number, mut bytes) = (BundleCounts::default(), BundleBatch::default(), 1, 0);
    loop {
        number += 1;
        let read = match reader.next() {
            // A signal is no damage: what was read so far is kept.
            Err(_) if stop.load(Ordering::Relaxed) => LineRead::Stopped,
            other => other.map_err(broken)?,
        };
        let parsed = match read {
            LineRead::Line => Some(parse_line(reader.line())),
            LineRead::TooLong(length) => Some(Err(too_long(length))),
            LineRead::End | LineRead::Stopped => None,
        };
        bytes += reader.line().len();
        match parsed {
            Some(Ok(line)) => batch.add_line(line, &mut bundled, now),
            Some(Err(why)) if bundled.bad.len() < MAX_LISTED => bundled.bad.push((number, why)),
            Some(Err(_)) | None => {}
        }
        let ended = read == LineRead::End;
        let stopped = stop.load(Ordering::Relaxed);
        if ended || stopped || batch.len() >= BATCH_SIZE || bytes >= BATCH_BYTES {
            bytes = 0;
            std::mem::take(&mut batch).merge(memory, &mut bundled, now)?;
            progress(bundled.messages);
        }
        if ended || stopped {
            bundled.interrupted = !ended;
            memory.flush_pending()?;
            return Ok(bundled);
        }
    }
}

/// Lines that are merged in one step.
#[derive(Default)]
struct BundleBatch {
    messages: Vec<(MessageRecord, Timestamp)>,
    tombstones: Vec<Tombstone>,
    marks: Vec<QuarantineMark>,
}

impl BundleBatch {
    fn len(&self) -> usize {
        self.messages.len() + self.tombstones.len() + self.marks.len()
    }

    /// Adds a line without the signatures that do not hold. A deletion under one is refused.
    fn add_line(&mut self, line: ParsedBundleLine, bundled: &mut BundleCounts, now: Timestamp) {
        match line {
            ParsedBundleLine::Message(mut message, at) => {
                bundled.signatures.invalid += signing::drop_invalid_seals(&mut message);
                self.messages.push((*message, at));
            }
            ParsedBundleLine::Quarantine(mut mark) => {
                bundled.signatures.invalid += u64::from(signing::drop_invalid_mark_seal(&mut mark));
                self.marks.push(mark);
            }
            ParsedBundleLine::Forgotten(mut tombstone) => {
                bundled.forgotten += 1;
                if !signing::has_valid_seal(&tombstone) {
                    bundled.signatures.refused_deletions += 1;
                    return;
                }
                if tombstone.seal.is_none() {
                    tombstone.at = now;
                }
                self.tombstones.push(tombstone);
            }
        }
    }

    fn merge(self, memory: &Memory, bundled: &mut BundleCounts, now: Timestamp) -> Result<()> {
        bundled.messages += self.messages.len() as u64;
        let gone = memory.apply_tombstones(self.tombstones, now)?;
        bundled.gone += gone.count_remote() + gone.here;
        bundled.gone_by.merge(gone);
        let (hidden, released) = memory.merge_quarantine(self.marks)?;
        bundled.hidden += hidden;
        bundled.released += released;
        let taken = memory.merge_remote(self.messages)?;
        bundled.new += taken.new;
        bundled.changed += taken.changed;
        bundled.signatures.add_merge(&taken);
        Ok(())
    }
}

fn write_line(writer: &mut (impl Write + ?Sized), value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *writer, value)?;
    writer.write_all(b"\n")
}

fn too_long(length: u64) -> String {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    format!("a line of {} MiB is over the limit of {} MiB", mib(length), mib(limits::BUNDLE_LINE_BYTES as u64))
}

enum ParsedBundleLine {
    Message(Box<MessageRecord>, Timestamp),
    Forgotten(Tombstone),
    Quarantine(QuarantineMark),
}

fn parse_line(text: &[u8]) -> std::result::Result<ParsedBundleLine, String> {
    // Another program may have edited the lines.
    let line: BundleLine = match serde_json::from_slice(text) {
        Ok(line) => line,
        Err(error) if text.len() > limits::BUNDLE_REPAIR_BYTES => return Err(error.to_string()),
        Err(_) => {
            let (value, _) = json::parse_lenient(text).map_err(|error| error.to_string())?;
            serde_json::from_value(value).map_err(|error| error.to_string())?
        }
    };
    match line {
        BundleLine::Message(message) => {
            let at = Timestamp::from_milliseconds(message.changed_at);
            Ok(ParsedBundleLine::Message(Box::new(message.into_record()?), at))
        }
        BundleLine::Forgotten { id, reason, seal } => {
            let seal = seal.map(BundleSeal::parse);
            Ok(ParsedBundleLine::Forgotten(Tombstone {
                message: id.parse()?,
                at: seal.map_or(Timestamp::from_milliseconds(0), |seal| seal.signed_at),
                reason,
                is_remote: true,
                seal: seal.map(|seal| (seal.machine, seal.signature)),
            }))
        }
        BundleLine::Quarantine { id, at, hidden, reason, seal } => {
            let seal = seal.map(BundleSeal::parse).map(|seal| (seal.machine, seal.signature));
            let (message, at) = (id.parse()?, Timestamp::from_milliseconds(at));
            Ok(ParsedBundleLine::Quarantine(QuarantineMark { message, at, hidden, reason, seal }))
        }
    }
}

impl BundleLine {
    fn from_mark(mark: QuarantineMark) -> Self {
        let at = mark.at.to_milliseconds();
        let seal = mark.seal.map(|(machine, signature)| BundleSeal::new(machine, mark.at, &signature));
        Self::Quarantine { id: mark.message.to_string(), at, hidden: mark.hidden, reason: mark.reason, seal }
    }

    fn from_tombstone(tombstone: Tombstone) -> Self {
        let Tombstone { message, at, reason, seal, .. } = tombstone;
        let seal = seal.map(|(machine, signature)| BundleSeal::new(machine, at, &signature));
        Self::Forgotten { id: message.to_string(), reason, seal }
    }
}

impl BundleSeal {
    fn new(machine: MachineKey, at: Timestamp, signature: &[u8; 64]) -> Self {
        Self { machine: to_hex(&machine.0), at: at.to_milliseconds(), signature: to_hex(signature) }
    }

    /// Reads a seal. A malformed one becomes one that does not hold, so that it is counted.
    fn parse(self) -> Seal {
        let signature = from_hex(&self.signature).and_then(|bytes| bytes.try_into().ok());
        let (machine, signature) = parse_key(&self.machine).zip(signature).unwrap_or((MachineKey([0; 32]), [0; 64]));
        Seal { machine, signed_at: Timestamp::from_milliseconds(self.at), signature }
    }
}

fn parse_key(digits: &str) -> Option<MachineKey> {
    Some(MachineKey(from_hex(digits)?.try_into().ok()?))
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

impl BundleMessage {
    fn from_record(message: MessageRecord, changed_at: Timestamp) -> Self {
        let signed = message.place.map(|place| {
            let Seal { machine, signed_at, signature } = place.seal;
            BundlePlace { place: place.into(), seal: BundleSeal::new(machine, signed_at, &signature) }
        });
        Self {
            id: message.id.to_string(),
            changed_at: changed_at.to_milliseconds(),
            source: message.conversation.source,
            session: message.conversation.session,
            parent_session: message.conversation.parent,
            title: message.conversation.title,
            external_id: message.external_id,
            parent_external_id: message.parent_external_id,
            role: message.role.name().to_owned(),
            at: message.at.to_milliseconds(),
            directory: message.directory,
            project: message.project.into(),
            git_branch: message.git_branch,
            model: message.model,
            sidechain: message.sidechain,
            parts: message.parts.into_iter().map(BundlePart::from_record).collect(),
            note: message.note.map(|note| BundleNote {
                kind: note.kind,
                title: note.title,
                topic_key: note.topic_key,
                tags: note.tags,
                pinned: note.pinned,
                expires_at: note.expires_at.map(Timestamp::to_milliseconds),
                superseded_by: note.superseded_by.map(|id| id.to_string()),
            }),
            signed,
        }
    }

    fn into_record(self) -> std::result::Result<MessageRecord, String> {
        if is_quarantine_source(&self.source) {
            return Err(format!("the source {:?} is one that only `claude-memory quarantine` gives", self.source));
        }
        if self.parts.len() > limits::BUNDLE_PARTS {
            let most = limits::BUNDLE_PARTS;
            return Err(format!("a message of {} parts is over the limit of {most}", self.parts.len()));
        }
        let note = match self.note {
            None => None,
            Some(note) => Some(NoteRecord {
                kind: note.kind,
                title: note.title,
                topic_key: note.topic_key,
                tags: note.tags,
                pinned: note.pinned,
                expires_at: note.expires_at.map(Timestamp::from_milliseconds),
                superseded_by: note.superseded_by.map(|id| id.parse()).transpose()?,
            }),
        };
        Ok(MessageRecord {
            id: self.id.parse()?,
            conversation: ConversationRecord {
                source: self.source,
                session: self.session,
                parent: self.parent_session,
                title: self.title,
            },
            external_id: self.external_id,
            parent_external_id: self.parent_external_id,
            role: Role::from_name(&self.role).ok_or_else(|| format!("{:?} is not a role", self.role))?,
            at: Timestamp::from_milliseconds(self.at),
            directory: self.directory,
            project: self.project.into(),
            git_branch: self.git_branch,
            model: self.model,
            sidechain: self.sidechain,
            parts: self.parts.into_iter().map(BundlePart::into_record).collect::<std::result::Result<_, _>>()?,
            note,
            place: self.signed.map(|signed| signed.place.with_seal(signed.seal.parse())),
        })
    }
}

impl BundlePart {
    fn from_record(part: PartRecord) -> Self {
        let (kind, origin) = (part.kind.name().to_owned(), part.origin.name().to_owned());
        let seal = part.seal.map(|seal| BundleSeal::new(seal.machine, seal.signed_at, &seal.signature));
        Self { key: part.key, kind, origin, tool: part.tool, text: part.text, seal }
    }

    fn into_record(self) -> std::result::Result<PartRecord, String> {
        Ok(PartRecord {
            key: self.key,
            kind: PartKind::from_name(&self.kind).ok_or_else(|| format!("{:?} is not a kind of part", self.kind))?,
            origin: Origin::from_name(&self.origin).ok_or_else(|| format!("{:?} is not an origin", self.origin))?,
            tool: self.tool,
            text: self.text,
            is_remote: true,
            seal: self.seal.map(BundleSeal::parse),
        })
    }
}

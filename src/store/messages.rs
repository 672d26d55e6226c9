//! Writing messages with everything that hangs on them: conversation, parts, words, files, the queue for vectors, the
//! journal for sync. All of one batch and its import cursors go into one savepoint.
//!
//! What costs CPU (compression, hashing, splitting into words) is done by a [`Preparer`] on the caller's thread, before
//! the write lane is asked for anything.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::branches;
use super::columns::raise_generation;
use super::cursors::{self, Cursor};
use super::error::{Error, Result};
use super::frames::{DICTIONARY_ID, Packer};
use super::journal::WholeMessage;
use super::notes;
use super::projects::{self, NewProject, Place};
use super::quarantine;
use super::titles::{self, NewTitle};
use super::versions::{self, PartOutcome};
use super::words::{self, pack_counts};
use super::{Receipt, Store};
use crate::domain::text::redact::Counts;
use crate::domain::text::{Script, passages, passages::Purpose, terms::Terms};
use crate::domain::{ContentHash, Draft, DraftPart, Kind, MessageId, Origin, Role, Timestamp, Usage};

/// Turns drafts into rows that are ready to insert.
#[derive(Debug)]
pub struct Preparer {
    packer: Packer,
    terms: Terms,
}

#[derive(Debug, Clone)]
pub(super) struct PreparedPart {
    pub(super) key: i64,
    pub(super) part: DraftPart,
    pub(super) frame: Vec<u8>,
    pub(super) body_bytes: i64,
    pub(super) hash: ContentHash,
    passages: Vec<PreparedPassage>,
}

#[derive(Debug, Clone)]
struct PreparedPassage {
    purpose: Purpose,
    range: Range<usize>,
    asks: bool,
    words: usize,
    script: Script,
    /// Its terms as the word index stores them; nothing for keys, whose words are in the text's passages.
    terms: Option<Vec<u8>>,
}

/// A draft whose parts are compressed and split into words.
#[derive(Debug)]
pub struct PreparedMessage {
    uid: MessageId,
    pub(super) draft: Draft,
    pub(super) parts: Vec<PreparedPart>,
}

/// What one batch of an import brings.
#[derive(Debug, Default)]
pub struct Batch {
    /// The messages.
    pub messages: Vec<PreparedMessage>,
    /// Project of each working directory that occurs; `""` stands for an unknown one.
    pub projects: HashMap<String, NewProject>,
    /// Titles of sessions.
    pub titles: Vec<NewTitle>,
    /// Another source: a message whose texts stand in the same session of it is known.
    pub known_in: Option<&'static str>,
    /// How far each file is read with this batch, and how many messages there are up to the last one of it.
    pub cursors: Vec<(usize, Cursor)>,
}

/// What became of a message that was handed to the store; the greater wins when a message came in several pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Nothing of it was new.
    Duplicate,
    /// It was left out because it had been forgotten.
    Forgotten,
    /// It was there and got further parts, or more text.
    Extended,
    /// It was there with another text, which is kept beside the new one.
    Revised,
    /// Another file has another text under the same id; both are shown.
    Collided,
    /// It was not there before.
    New,
}

impl Preparer {
    /// Makes the compressor.
    ///
    /// # Errors
    /// When zstd cannot be set up.
    pub fn new() -> Result<Self> {
        let packer =
            Packer::new().map_err(|error| Error::io("prepare compression for", Path::new("the store"), error))?;
        Ok(Self { packer, terms: Terms::default() })
    }

    /// Compresses, hashes and splits one message of `source`.
    ///
    /// # Errors
    /// When compression fails, which means that memory ran out.
    pub fn message(&self, source: &str, draft: Draft) -> Result<PreparedMessage> {
        let uid = MessageId::imported(source, &draft.session, &draft.external_id);
        self.message_with(uid, draft)
    }

    pub(super) fn message_with(&self, uid: MessageId, mut draft: Draft) -> Result<PreparedMessage> {
        let parts = std::mem::take(&mut draft.parts)
            .into_iter()
            .map(|part| self.part(draft.role, part))
            .collect::<Result<_>>()?;
        Ok(PreparedMessage { uid, draft, parts })
    }

    /// A message of another machine: its id and those of its parts are given.
    pub(super) fn whole(&self, message: &WholeMessage) -> Result<PreparedMessage> {
        let mut parts = Vec::with_capacity(message.parts.len());
        for part in &message.parts {
            let draft = DraftPart {
                external_key: String::new(),
                kind: part.kind,
                origin: part.origin,
                text: part.text.clone(),
                tool: part.tool.clone(),
            };
            parts.push(PreparedPart { key: part.key, ..self.part(message.role, draft)? });
        }
        let draft = Draft {
            parent_external_id: message.parent_external_id.clone(),
            parent_session: message.conversation.parent.clone(),
            cwd: Some(message.directory.clone()),
            git_branch: message.git_branch.clone(),
            model: message.model.clone(),
            sidechain: message.sidechain,
            ..Draft::new(&message.conversation.session, &message.external_id, message.role, message.at)
        };
        Ok(PreparedMessage { uid: message.id, draft, parts })
    }

    fn part(&self, role: Role, part: DraftPart) -> Result<PreparedPart> {
        let passages = passages::of_part(role, part.kind, &part.text);
        let failed = |error| Error::io("compress a message for", Path::new("the store"), error);
        Ok(PreparedPart {
            key: ContentHash::of(&part.external_key).short_key(),
            frame: self.packer.pack(&part.text).map_err(failed)?,
            body_bytes: i64::try_from(part.text.len()).unwrap_or(i64::MAX),
            hash: ContentHash::of(&part.text),
            passages: passages.into_iter().map(|(purpose, range)| self.passage(&part, purpose, range)).collect(),
            // The text itself is in the frame from here on.
            part: DraftPart { text: String::new(), ..part },
        })
    }
}

impl Preparer {
    fn passage(&self, part: &DraftPart, purpose: Purpose, range: Range<usize>) -> PreparedPassage {
        let text = part.text.get(range.clone()).unwrap_or("");
        let asks = text.trim_end().ends_with(['?', '？']);
        let (words, terms) = match purpose {
            Purpose::Text => {
                let (words, counted) = words::counts(&self.terms, part.kind, text);
                (words, Some(pack_counts(&counted)))
            }
            Purpose::Key(_) => (0, None),
        };
        PreparedPassage { purpose, range, asks, words, script: Script::of(text), terms }
    }
}

impl PreparedPart {
    /// The same part under another key.
    pub(super) fn under_key(&self, key: i64) -> Self {
        Self { key, ..self.clone() }
    }
}

impl PreparedMessage {
    /// The working directory that decides its project; empty if unknown.
    pub fn directory(&self) -> &str {
        self.draft.cwd.as_deref().unwrap_or("")
    }
}

impl Store {
    /// Queues a batch of imported messages; the receipt tells what became of each, in order.
    ///
    /// # Errors
    /// When the write lane cannot be started.
    pub fn import_later(&self, source: &'static str, batch: Batch, now: Timestamp) -> Result<Receipt<Vec<Outcome>>> {
        self.write_later(move |connection| import(connection, source, &batch, now))
    }
}

fn import(connection: &Connection, source: &str, batch: &Batch, now: Timestamp) -> Result<Vec<Outcome>> {
    let mut ids = HashMap::new();
    // Shorter paths first: a folder joins the project of the one above it.
    let mut places: Vec<_> = batch.projects.iter().collect();
    places.sort();
    for (directory, project) in places {
        ids.insert(directory.as_str(), projects::upsert(connection, project, now)?);
    }
    let mut files = Vec::with_capacity(batch.cursors.len());
    for (until, cursor) in &batch.cursors {
        files.push((*until, cursors::row(connection, source, &cursor.path, now)?));
    }
    let mut outcomes = Vec::with_capacity(batch.messages.len());
    for (number, message) in batch.messages.iter().enumerate() {
        let file = files.get(files.partition_point(|(until, _)| *until <= number)).map(|(_, row)| *row);
        let place = ids.get(message.directory()).copied().ok_or(Error::Closed)?;
        let reread = batch.cursors.get(batch.cursors.partition_point(|(until, _)| *until <= number));
        let reread = reread.is_some_and(|(_, cursor)| cursor.reread);
        let row = Row { source, place, file, reread, now };
        if let Some(other) = batch.known_in
            && branches::is_known_elsewhere(connection, other, message)?
        {
            outcomes.push(Outcome::Duplicate);
            continue;
        }
        let (row, outcome) = insert(connection, &row, message)?;
        if let Some(note) = message.draft.note.as_deref().filter(|_| outcome == Outcome::New) {
            notes::describe(connection, row, place.project, note)?;
        }
        outcomes.push(outcome);
    }
    for title in &batch.titles {
        titles::put_title(connection, source, title, now)?;
    }
    for (_, cursor) in &batch.cursors {
        cursors::advance(connection, cursor, now)?;
    }
    Ok(outcomes)
}

/// What a message's rows need besides the message.
pub(super) struct Row<'a> {
    pub(super) source: &'a str,
    pub(super) place: Place,
    pub(super) file: Option<i64>,
    /// Whether the file is read again because an older reader read it.
    pub(super) reread: bool,
    pub(super) now: Timestamp,
}

/// Inserts what is not there yet; returns the message's row and what happened.
pub(super) fn insert(connection: &Connection, row: &Row<'_>, message: &PreparedMessage) -> Result<(i64, Outcome)> {
    let failed = |error| Error::sqlite("store a message", error);
    let uid = message.uid.as_bytes();
    let buried: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM tombstones WHERE uid = ?1 OR uid = ?2)")
        .and_then(|mut statement| {
            let everywhere = branches::deleted_everywhere(row.source, &message.draft.external_id);
            statement.query_row(params![uid, everywhere.as_ref().map(MessageId::as_bytes)], |row| row.get(0))
        })
        .map_err(failed)?;
    if buried {
        return Ok((0, Outcome::Forgotten));
    }
    let draft = &message.draft;
    let known: Option<i64> = connection
        .prepare_cached("SELECT id FROM messages WHERE uid = ?1")
        .and_then(|mut statement| statement.query_row([uid], |row| row.get(0)).optional())
        .map_err(failed)?;
    let id = if let Some(id) = known {
        id
    } else {
        let original = branches::find_original(connection, row, message)?;
        let conversation = conversation(connection, row, draft)?;
        if let Some(original) = original.as_ref().or(draft.forked_from.as_ref()) {
            branches::link_fork(connection, conversation, original)?;
        }
        if original.is_some() {
            return Ok((0, Outcome::Duplicate));
        }
        let sql =
            "INSERT INTO messages (uid, conversation_id, external_id, parent_external_id, project_id, directory_id,
                         role, at, git_branch, model, sidechain, source_file, source_line, at_estimated)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
        let values = params![
            uid,
            conversation,
            draft.external_id,
            draft.parent_external_id,
            row.place.project,
            row.place.directory,
            draft.role.number(),
            draft.at.milliseconds(),
            draft.git_branch,
            draft.model,
            draft.sidechain,
            row.file,
            draft.line,
            draft.at_estimated
        ];
        connection.prepare_cached(sql).and_then(|mut statement| statement.insert(values)).map_err(failed)?
    };
    let mut outcome = PartOutcome::Known;
    for part in &message.parts {
        outcome = outcome.max(versions::put_part(connection, row, (id, draft.at), part)?);
    }
    if let Some(usage) = draft.usage {
        put_usage(connection, id, usage).map_err(failed)?;
    }
    if known.is_none() {
        branches::mark_rewound(connection, row, id, message)?;
    }
    put_files(connection, id, &draft.files).map_err(failed)?;
    let outcome = match (known, outcome) {
        (None, _) => Outcome::New,
        (Some(_), PartOutcome::Known) => Outcome::Duplicate,
        (Some(_), PartOutcome::Added | PartOutcome::Grown) => Outcome::Extended,
        (Some(_), PartOutcome::Revised) => Outcome::Revised,
        (Some(_), PartOutcome::Collided) => Outcome::Collided,
    };
    if outcome != Outcome::Duplicate {
        count_redactions(connection, &draft.redacted).map_err(failed)?;
        let sql = "INSERT INTO outbox (uid, change, at) VALUES (?1, 'upsert', ?2)";
        let values = params![uid, row.now.milliseconds()];
        connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(failed)?;
    }
    Ok((id, outcome))
}

fn conversation(connection: &Connection, row: &Row<'_>, draft: &Draft) -> Result<i64> {
    let sql = "INSERT INTO conversations (source, external_id, parent_external_id, project_id, started_at, ended_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?5)
               ON CONFLICT (source, external_id) DO UPDATE SET
                 started_at = min(started_at, excluded.started_at), ended_at = max(ended_at, excluded.ended_at)
               RETURNING id";
    let values = params![row.source, draft.session, draft.parent_session, row.place.project, draft.at.milliseconds()];
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row(values, |row| row.get(0)))
        .map_err(|error| Error::sqlite("store a conversation", error))
}

/// Stores the files that a message names, for its session.
fn put_files(connection: &Connection, message: i64, files: &[String]) -> rusqlite::Result<()> {
    let sql =
        "INSERT OR IGNORE INTO files (conversation_id, path) SELECT conversation_id, ?2 FROM messages WHERE id = ?1";
    for path in files {
        connection.prepare_cached(sql)?.execute(params![message, path])?;
    }
    Ok(())
}

/// Stores the tokens of an answer. A client writes them again while the answer grows: the largest counts.
fn put_usage(connection: &Connection, message: i64, usage: Usage) -> rusqlite::Result<()> {
    let sql = "INSERT INTO usage (message_id, input, output, cache_read, cache_write) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (message_id) DO UPDATE SET input = max(input, excluded.input), output = max(output, excluded.output),
                 cache_read = max(cache_read, excluded.cache_read), cache_write = max(cache_write, excluded.cache_write)";
    let values = params![message, usage.input, usage.output, usage.cache_read, usage.cache_write];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// Inserts a part and says whether its key was new.
pub(super) fn insert_part(
    connection: &Connection,
    message: i64,
    at: Timestamp,
    prepared: &PreparedPart,
) -> rusqlite::Result<bool> {
    let part = &prepared.part;
    let sql = "INSERT OR IGNORE INTO parts (message_id, key, kind, origin, tool, body, body_bytes, dictionary_id, content_hash)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let values = params![
        message,
        prepared.key,
        part.kind.number(),
        part.origin.number(),
        part.tool,
        prepared.frame,
        prepared.body_bytes,
        DICTIONARY_ID,
        prepared.hash.0
    ];
    if connection.prepare_cached(sql)?.execute(values)? == 0 {
        return Ok(false);
    }
    insert_passages(connection, connection.last_insert_rowid(), message, at, prepared)?;
    Ok(true)
}

/// The passages of a part with their words, and its place in the queue of vectors.
fn insert_passages(
    connection: &Connection,
    id: i64,
    message: i64,
    at: Timestamp,
    prepared: &PreparedPart,
) -> rusqlite::Result<()> {
    let part = &prepared.part;
    if quarantine::holds(connection, message)? {
        return Ok(());
    }
    for (ordinal, passage) in prepared.passages.iter().enumerate() {
        let sql =
            "INSERT INTO passages (part_id, message_id, kind, role, asks, ordinal, start_byte, end_byte, words, script)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let (start, end) = (passage.range.start, passage.range.end);
        let (purpose, kind) = (passage.purpose.number(), part.kind.number());
        let values = params![
            id,
            message,
            kind,
            purpose,
            passage.asks,
            ordinal,
            start,
            end,
            passage.words,
            passage.script.number()
        ];
        let row = connection.prepare_cached(sql)?.insert(values)?;
        if let Some(terms) = &passage.terms {
            words::add(connection, row, terms)?;
        }
    }
    if part.kind.is_embedded() {
        connection
            .prepare_cached("INSERT OR REPLACE INTO pending (part_id, at) VALUES (?1, ?2)")?
            .execute(params![id, at.milliseconds()])?;
    }
    Ok(())
}

/// A stored part with what is needed to store it anew.
#[derive(Debug)]
pub struct StoredPart {
    /// Its row.
    pub id: i64,
    /// Row of its message.
    pub message: i64,
    /// Who speaks.
    pub role: Role,
    /// When.
    pub at: Timestamp,
    /// What it is and says.
    pub part: DraftPart,
}

impl Store {
    /// Stored parts after a row, at most `limit`, in order.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn parts_after(&self, row: i64, limit: usize) -> Result<Vec<StoredPart>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read the texts", error);
            let sql = format!("{STORED_PARTS} WHERE p.id > ?1 ORDER BY p.id LIMIT ?2");
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let rows = statement.query_map(params![row, limit], stored_part);
            rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// Stores other texts in the place of these parts' own: words, passages and vectors are made anew. `redacted` counts what was
    /// taken out.
    ///
    /// # Errors
    /// When writing fails; nothing is then changed.
    pub fn replace_texts(&self, parts: Vec<(StoredPart, String)>, redacted: Counts, now: Timestamp) -> Result<()> {
        let preparer = Preparer::new()?;
        let mut prepared = Vec::with_capacity(parts.len());
        for (stored, text) in parts {
            let new = preparer.part(stored.role, DraftPart { text, ..stored.part.clone() })?;
            prepared.push((stored, new));
        }
        self.write(move |connection| {
            let failed = |error| Error::sqlite("replace a text", error);
            for (stored, new) in &prepared {
                replace_part(connection, stored, new)?;
                let sql = "INSERT INTO outbox (uid, change, at) SELECT uid, 'upsert', ?2 FROM messages WHERE id = ?1";
                connection.execute(sql, params![stored.message, now.milliseconds()]).map_err(failed)?;
            }
            count_redactions(connection, &redacted).map_err(failed)?;
            raise_generation(connection).map_err(failed)
        })
    }
}

const STORED_PARTS: &str =
    "SELECT p.id, p.message_id, m.role, m.at, p.kind, p.origin, p.tool, body_text(p.body, p.body_bytes),
      p.content_hash FROM parts p JOIN messages m ON m.id = p.message_id";

fn stored_part(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredPart> {
    Ok(StoredPart {
        id: row.get(0)?,
        message: row.get(1)?,
        role: Role::from_number(row.get(2)?).unwrap_or(Role::System),
        at: Timestamp::from_milliseconds(row.get(3)?),
        part: DraftPart {
            external_key: String::new(),
            kind: Kind::from_number(row.get(4)?).unwrap_or(Kind::Meta),
            origin: Origin::from_number(row.get(5)?).unwrap_or(Origin::Client),
            tool: row.get(6)?,
            text: row.get(7)?,
        },
    })
}

/// The stored part under a key, with the hash of its text.
pub(super) fn stored_by_key(
    connection: &Connection,
    message: i64,
    key: i64,
) -> rusqlite::Result<Option<(StoredPart, ContentHash)>> {
    let sql = format!("{STORED_PARTS} WHERE p.message_id = ?1 AND p.key = ?2");
    let row = |row: &rusqlite::Row<'_>| Ok((stored_part(row)?, ContentHash(row.get(8)?)));
    connection.prepare_cached(&sql)?.query_row(params![message, key], row).optional()
}

/// Stores another text in the place of a part: its words are indexed anew and its vectors made later.
pub(super) fn replace_part(connection: &Connection, stored: &StoredPart, new: &PreparedPart) -> Result<()> {
    words::take_out(connection, "a.part_id = ?1", stored.id, &Terms::default())?;
    replace(connection, stored, new).map_err(|error| Error::sqlite("replace a text", error))
}

fn replace(connection: &Connection, stored: &StoredPart, new: &PreparedPart) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM passages WHERE part_id = ?1", [stored.id])?;
    connection.execute("DELETE FROM pending WHERE part_id = ?1", [stored.id])?;
    let sql = "UPDATE parts SET kind = ?2, origin = ?3, tool = ?4, body = ?5, body_bytes = ?6, dictionary_id = ?7,
               content_hash = ?8 WHERE id = ?1";
    let (kind, origin) = (new.part.kind.number(), new.part.origin.number());
    let values = params![stored.id, kind, origin, new.part.tool, new.frame, new.body_bytes, DICTIONARY_ID, new.hash.0];
    connection.execute(sql, values)?;
    insert_passages(connection, stored.id, stored.message, stored.at, new)
}

/// Stores the texts of these parts where other ones are stored; returns whether any was another.
pub(super) fn replace_parts(connection: &Connection, message: i64, new: &PreparedMessage) -> Result<bool> {
    let failed = |error| Error::sqlite("replace a text", error);
    let mut replaced = false;
    for part in &new.parts {
        let sql = format!("{STORED_PARTS} WHERE p.message_id = ?1 AND p.key = ?2 AND p.content_hash <> ?3");
        let stored = connection
            .prepare_cached(&sql)
            .and_then(|mut statement| {
                statement.query_row(params![message, part.key, part.hash.0], stored_part).optional()
            })
            .map_err(failed)?;
        if let Some(stored) = stored {
            replace_part(connection, &stored, part)?;
            replaced = true;
        }
    }
    Ok(replaced)
}

/// Makes the passages of all parts of a message, which has none.
pub(super) fn index_again(connection: &Connection, message: i64, preparer: &Preparer) -> Result<()> {
    let failed = |error| Error::sqlite("index a message", error);
    let mut statement =
        connection.prepare_cached(&format!("{STORED_PARTS} WHERE m.id = ?1 ORDER BY p.id")).map_err(failed)?;
    let parts = statement.query_map([message], stored_part).map_err(failed)?;
    for stored in parts {
        let stored = stored.map_err(failed)?;
        let prepared = preparer.part(stored.role, stored.part.clone())?;
        insert_passages(connection, stored.id, message, stored.at, &prepared).map_err(failed)?;
    }
    Ok(())
}

fn count_redactions(connection: &Connection, redacted: &Counts) -> rusqlite::Result<()> {
    for (rule, count) in redacted {
        let sql = "INSERT INTO redactions (rule, count) VALUES (?1, ?2)
                   ON CONFLICT (rule) DO UPDATE SET count = count + excluded.count";
        connection.prepare_cached(sql)?.execute(params![rule, count])?;
    }
    Ok(())
}

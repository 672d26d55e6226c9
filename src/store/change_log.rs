//! The change log, and the full records that a sync target needs of each message. Targets keep their own cursor in it;
//! an entry is only removed when a later change has made it void.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::Snapshot;
use super::embeddings::decode_half_floats;
use super::error::Result;
use super::filter::QUARANTINE_PREFIX;
use super::machines::Seal;
use super::message_queries::{read_kind, read_origin, read_role, read_time, read_uid};
use super::projects::ProjectRecord;
use super::signed_places::{self, SignedPlace};
use super::tombstones::{self, Tombstone};
use crate::domain::{ContentHash, MachineKey, MessageId, Origin, PartKind, Role, Timestamp};

/// Entry of the change log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeEntry {
    /// Position in the change log, ascending.
    pub id: i64,
    /// Id of the changed message.
    pub message: MessageId,
    /// Time of the change.
    pub at: Timestamp,
    /// True if the message was deleted.
    pub forgotten: bool,
}

/// Full record of a message for sync.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageRecord {
    pub id: MessageId,
    /// Session that the message belongs to.
    pub conversation: ConversationRecord,
    /// Message id in the source.
    pub external_id: String,
    /// Message id of the parent in the source.
    pub parent_external_id: Option<String>,
    pub role: Role,
    pub at: Timestamp,
    /// Working directory of the message.
    pub directory: String,
    /// Project of that directory.
    pub project: ProjectRecord,
    pub git_branch: Option<String>,
    /// Language model that wrote the message.
    pub model: Option<String>,
    /// True for messages of a side chain: taken back, or off the main thread.
    pub sidechain: bool,
    /// Parts, ordered by key.
    pub parts: Vec<PartRecord>,
    /// Metadata of a note, for saved messages.
    pub note: Option<NoteRecord>,
    /// Signed statement about project, branch and title. Of a message of this machine it is made when it is
    /// sent.
    pub place: Option<SignedPlace>,
}

/// Text sizes of a message, as BM25 needs them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextSizes {
    /// Number of text passages.
    pub texts: i32,
    /// Terms in all text passages.
    pub terms: i32,
    /// Terms in the prose passages.
    pub prose_terms: i32,
}

/// Session data of a message record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationRecord {
    /// Source name: `claude-code`, `saved`, ….
    pub source: String,
    /// Session id in its source.
    pub session: String,
    /// Session id of the parent of a subagent.
    pub parent: Option<String>,
    /// Title given by the client.
    pub title: Option<String>,
}

/// Part of a message record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRecord {
    /// Key that identifies the part in its message.
    pub key: i64,
    pub kind: PartKind,
    pub origin: Origin,
    /// Name of the called tool.
    pub tool: Option<String>,
    /// Text of the part.
    pub text: String,
    /// True if another machine sent it; `origin` is then what was sent, whatever it counts for here.
    pub is_remote: bool,
    /// Signature of the machine that vouches for it.
    pub seal: Option<Seal>,
}

/// Metadata of a note for sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteRecord {
    /// Type of the note: decision, fact, ….
    pub kind: String,
    /// Heading of the note.
    pub title: Option<String>,
    /// Topic key: a new note replaces the older one with the same key.
    pub topic_key: Option<String>,
    /// Labels as a JSON list.
    pub tags: String,
    /// True if the note is pinned.
    pub pinned: bool,
    /// Time after which the note is no longer returned.
    pub expires_at: Option<Timestamp>,
    /// Id of the note that replaced this one.
    pub superseded_by: Option<MessageId>,
}

/// Full record of an embedding for sync.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorRecord {
    /// Row id in `embeddings`, ascending.
    pub id: i64,
    /// Id of the message.
    pub message: MessageId,
    /// Key of the part in its message.
    pub part: i64,
    /// Ordinal of the passage in its part.
    pub ordinal: i64,
    /// Digest of the embedding model.
    pub model: String,
    /// Embedding of unit length.
    pub vector: Vec<f32>,
    /// Hash of the passage's text.
    pub text_hash: ContentHash,
    /// Source of the message.
    pub source: String,
    /// Session id in that source.
    pub session: String,
    /// Key of the message's project.
    pub project: String,
    pub role: Role,
    pub at: Timestamp,
}

/// Current state of a message in the change log.
#[derive(Debug, Clone, PartialEq)]
pub enum MessageState {
    /// The message is stored and visible.
    Here(Box<MessageRecord>),
    /// The message is in quarantine here.
    Hidden,
    /// The message was deleted.
    Forgotten(Tombstone),
    /// The message is not stored and has no tombstone, as after an age-based deletion.
    Gone,
}

impl Snapshot<'_> {
    /// Returns the changes after a position in the change log, in order.
    pub fn changes_after(&self, place: i64, limit: usize) -> Result<Vec<ChangeEntry>> {
        self.query("read the change log", |connection| {
            let sql = "SELECT id, uid, at, change = 'forget' FROM changes WHERE id > ?1 ORDER BY id LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![place, limit], |row| {
                Ok(ChangeEntry {
                    id: row.get(0)?,
                    message: read_uid(row, 1)?,
                    at: read_time(row, 2)?,
                    forgotten: row.get(3)?,
                })
            });
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Counts the changes and embeddings after a cursor, with the time of the first of those changes.
    pub fn count_changes_after(&self, place: i64, vectors: i64, model: &str) -> Result<(u64, u64, Option<Timestamp>)> {
        self.query("count pending changes", |connection| {
            let sql = "SELECT (SELECT count(*) FROM changes WHERE id > ?1),
                (SELECT count(*) FROM embeddings WHERE id > ?2 AND model_id = (SELECT id FROM models WHERE digest = ?3)),
                (SELECT at FROM changes WHERE id > ?1 ORDER BY id LIMIT 1)";
            let row = connection.query_row(sql, params![place, vectors, model], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?.map(Timestamp::from_milliseconds)))
            });
            Ok(row?)
        })
    }

    /// Returns the current state of a message, with its full record if it is visible.
    pub fn message_state(&self, message: MessageId) -> Result<MessageState> {
        self.query("read a message", |connection| load_message_state(connection, message))
    }

    /// Returns the text sizes of a message.
    pub fn text_sizes(&self, message: MessageId) -> Result<TextSizes> {
        self.query("read the text sizes of a message", |connection| {
            let kinds = PartKind::ALL.iter().filter(|kind| kind.is_prose()).map(|kind| kind.number().to_string());
            let sql = format!(
                "SELECT count(*), coalesce(sum(words), 0), coalesce(sum(words) FILTER (WHERE kind IN ({})), 0) FROM passages
                 WHERE message_id = (SELECT id FROM messages WHERE uid = ?1) AND purpose = 0",
                kinds.collect::<Vec<_>>().join(", ")
            );
            let sizes = connection.prepare_cached(&sql).and_then(|mut statement| {
                statement.query_row([message.as_bytes()], |row| {
                    Ok(TextSizes { texts: row.get(0)?, terms: row.get(1)?, prose_terms: row.get(2)? })
                })
            });
            Ok(sizes?)
        })
    }

    fn query_vectors(&self, which: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<VectorRecord>> {
        self.query("read embeddings", |connection| {
            let sql = format!(
                "SELECT e.id, m.uid, p.key, a.ordinal, o.digest, e.vector, e.text_hash, c.source, c.external_id, j.key, m.role, m.at
                 FROM embeddings e
                 JOIN models o ON o.id = e.model_id JOIN passages a ON a.id = e.passage_id
                 JOIN parts p ON p.id = a.part_id JOIN messages m ON m.id = a.message_id
                 JOIN conversations c ON c.id = m.conversation_id JOIN projects j ON j.id = m.project_id WHERE {which}"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(values, |row| {
                Ok(VectorRecord {
                    id: row.get(0)?,
                    message: read_uid(row, 1)?,
                    part: row.get(2)?,
                    ordinal: row.get(3)?,
                    model: row.get(4)?,
                    vector: decode_half_floats(&row.get::<_, Vec<u8>>(5)?),
                    text_hash: ContentHash(row.get(6)?),
                    source: row.get(7)?,
                    session: row.get(8)?,
                    project: row.get(9)?,
                    role: read_role(row, 10)?,
                    at: read_time(row, 11)?,
                })
            });
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the message ids of one session of a source, ascending, for comparing stores.
    pub fn conversation_messages(&self, source: &str, session: &str) -> Result<Vec<MessageId>> {
        self.query("list the messages of a session", |connection| {
            let sql = "SELECT m.uid FROM messages m JOIN conversations c ON c.id = m.conversation_id
                       WHERE c.source = ?1 AND c.external_id = ?2 ORDER BY m.uid";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![source, session], |row| read_uid(row, 0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns row, source and session id of all sessions, quarantined ones included. Meant for small stores.
    pub fn conversation_rows(&self) -> Result<Vec<(i64, String, String)>> {
        self.query("list the sessions", |connection| {
            let mut statement = connection.prepare_cached("SELECT id, source, external_id FROM conversations")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns source and session id of all sessions that are not in quarantine, sorted.
    pub fn conversation_keys(&self) -> Result<Vec<(String, String)>> {
        self.query("list the sessions", |connection| {
            let sql = "SELECT source, external_id FROM conversations WHERE source NOT LIKE ?1 || '%' ORDER BY source, external_id";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([QUARANTINE_PREFIX], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the embeddings of a model after a row, in row order.
    pub fn vectors_after(&self, row: i64, model: &str, limit: usize) -> Result<Vec<VectorRecord>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.query_vectors("e.id > ?1 AND o.digest = ?2 ORDER BY e.id LIMIT ?3", params![row, model, limit])
    }

    /// Returns the embeddings of a message by a model, up to the row `until`.
    pub fn vectors_of_message(&self, message: MessageId, model: &str, until: i64) -> Result<Vec<VectorRecord>> {
        let values = params![message.as_bytes(), model, until];
        // The message first: `+` keeps the planner from reading all embeddings of the model.
        self.query_vectors("m.uid = ?1 AND +o.digest = ?2 AND +e.id <= ?3 ORDER BY p.key, a.ordinal", values)
    }
}

fn load_message_state(connection: &Connection, message: MessageId) -> Result<MessageState> {
    let sql = "SELECT m.id, m.external_id, m.parent_external_id, m.role, m.at, d.directory, m.git_branch, m.model, m.sidechain,
                      c.source, c.external_id, c.parent_external_id, c.title, p.key, p.name, p.root, p.remote
               FROM messages m JOIN conversations c ON c.id = m.conversation_id JOIN projects p ON p.id = m.project_id
               JOIN project_directories d ON d.id = m.directory_id WHERE m.uid = ?1";
    let found = connection.prepare_cached(sql).and_then(|mut statement| {
        statement.query_row([message.as_bytes()], |row| parse_message_record(row, message)).optional()
    })?;
    let Some((row, mut whole)) = found else {
        let deleted = tombstones::find_tombstone(connection, message)?;
        return Ok(deleted.map_or(MessageState::Gone, MessageState::Forgotten));
    };
    if whole.conversation.source.starts_with(QUARANTINE_PREFIX) {
        return Ok(MessageState::Hidden);
    }
    // What came from elsewhere goes on as it came.
    let sql = "SELECT p.key, p.kind, coalesce(r.origin, p.origin), p.tool, body_text(p.body, p.body_bytes), r.part_id IS NOT NULL,
                 k.key, r.signed_at, r.signature
               FROM parts p LEFT JOIN remote_parts r ON r.part_id = p.id LEFT JOIN machines k ON k.id = r.machine_id
               WHERE p.message_id = ?1 ORDER BY p.key";
    let mut statement = connection.prepare_cached(sql)?;
    let parts = statement.query_map([row], |row| {
        Ok(PartRecord {
            key: row.get(0)?,
            kind: read_kind(row, 1)?,
            origin: read_origin(row, 2)?,
            tool: row.get(3)?,
            text: row.get(4)?,
            is_remote: row.get(5)?,
            seal: parse_seal(row)?,
        })
    });
    whole.parts = parts?.collect::<rusqlite::Result<_>>()?;
    let sql = "SELECT n.kind, n.title, n.topic_key, n.tags, n.pinned, n.expires_at, s.uid FROM notes n
               LEFT JOIN messages s ON s.id = n.superseded_by WHERE n.message_id = ?1";
    let note = connection.prepare_cached(sql).and_then(|mut statement| {
        statement
            .query_row([row], |row| {
                Ok(NoteRecord {
                    kind: row.get(0)?,
                    title: row.get(1)?,
                    topic_key: row.get(2)?,
                    tags: row.get(3)?,
                    pinned: row.get(4)?,
                    expires_at: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_milliseconds),
                    superseded_by: row.get::<_, Option<[u8; 16]>>(6)?.map(MessageId::from_bytes),
                })
            })
            .optional()
    });
    whole.note = note?;
    whole.place = signed_places::find_place(connection, row)?;
    Ok(MessageState::Here(Box::new(whole)))
}

/// Builds a seal from the columns key of the machine, time, signature from the sixth on.
fn parse_seal(row: &Row<'_>) -> rusqlite::Result<Option<Seal>> {
    let (machine, at): (Option<[u8; 32]>, Option<i64>) = (row.get(6)?, row.get(7)?);
    let (Some(machine), Some(at), Some(signature)) = (machine, at, row.get(8)?) else { return Ok(None) };
    Ok(Some(Seal { machine: MachineKey(machine), signed_at: Timestamp::from_milliseconds(at), signature }))
}

fn parse_message_record(row: &Row<'_>, id: MessageId) -> rusqlite::Result<(i64, MessageRecord)> {
    let conversation =
        ConversationRecord { source: row.get(9)?, session: row.get(10)?, parent: row.get(11)?, title: row.get(12)? };
    let project = ProjectRecord { key: row.get(13)?, name: row.get(14)?, root: row.get(15)?, remote: row.get(16)? };
    let message = MessageRecord {
        id,
        conversation,
        external_id: row.get(1)?,
        parent_external_id: row.get(2)?,
        role: read_role(row, 3)?,
        at: read_time(row, 4)?,
        directory: row.get(5)?,
        project,
        git_branch: row.get(6)?,
        model: row.get(7)?,
        sidechain: row.get(8)?,
        parts: Vec::new(),
        note: None,
        place: None,
    };
    Ok((row.get(0)?, message))
}

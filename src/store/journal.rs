//! The journal of changes and what another place of the memory needs of each message. Readers of the journal keep their own place
//! in it; nothing is taken out of it but what a later change has made void.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::Store;
use super::embeddings::widen;
use super::error::{Error, Result};
use super::quarantine::TWIN;
use super::reading::{kind, origin, role, time, uid};
use crate::domain::{ContentHash, Kind, MessageId, Origin, Role, Timestamp};

/// One line of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Place in the journal; grows.
    pub id: i64,
    /// The message.
    pub message: MessageId,
    /// When it changed.
    pub at: Timestamp,
    /// Whether it was forgotten.
    pub forgotten: bool,
}

/// A message with all that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeMessage {
    /// Its id.
    pub id: MessageId,
    /// Its conversation.
    pub conversation: WholeConversation,
    /// Id in the source.
    pub external_id: String,
    /// The message before it.
    pub parent_external_id: Option<String>,
    /// Who speaks.
    pub role: Role,
    /// When.
    pub at: Timestamp,
    /// The folder it was said in.
    pub directory: String,
    /// The project of that folder.
    pub project: WholeProject,
    /// Git branch.
    pub git_branch: Option<String>,
    /// Model that wrote it.
    pub model: Option<String>,
    /// Part of a side conversation.
    pub sidechain: bool,
    /// In the order of their keys.
    pub parts: Vec<WholePart>,
    /// What a saved text says about itself.
    pub note: Option<WholeNote>,
}

/// How much of a message there is to search, as BM25 has to know it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Passages of text.
    pub texts: i32,
    /// Terms of all of them.
    pub terms: i32,
    /// Terms of the prose among them.
    pub prose_terms: i32,
}

/// A conversation without its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeConversation {
    /// claude-code, saved, ….
    pub source: String,
    /// The session's id in its source.
    pub session: String,
    /// The session that started it.
    pub parent: Option<String>,
    /// As the client named it.
    pub title: Option<String>,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeProject {
    /// What tells it from others.
    pub key: String,
    /// For people.
    pub name: String,
    /// Its folder.
    pub root: String,
    /// Where it is published.
    pub remote: Option<String>,
}

/// A part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholePart {
    /// Identifies it in its message.
    pub key: i64,
    /// What it is.
    pub kind: Kind,
    /// Who vouches for it.
    pub origin: Origin,
    /// Name of the tool.
    pub tool: Option<String>,
    /// The text.
    pub text: String,
}

/// What a saved text says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeNote {
    /// decision, fact, ….
    pub kind: String,
    /// A heading.
    pub title: Option<String>,
    /// The key that replaces.
    pub topic_key: Option<String>,
    /// Labels, as a JSON list.
    pub tags: String,
    /// Kept at hand.
    pub pinned: bool,
    /// Not returned after this moment.
    pub expires_at: Option<Timestamp>,
    /// What replaced it.
    pub superseded_by: Option<MessageId>,
}

/// A vector with what it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeVector {
    /// Row; grows.
    pub id: i64,
    /// The message.
    pub message: MessageId,
    /// The part.
    pub part: i64,
    /// The passage in it.
    pub ordinal: i64,
    /// The model's digest.
    pub model: String,
    /// Unit length.
    pub vector: Vec<f32>,
    /// Of its text.
    pub text_hash: ContentHash,
    /// The message's source.
    pub source: String,
    /// Its session in that source.
    pub session: String,
    /// The key of its project.
    pub project: String,
    /// Who speaks.
    pub role: Role,
    /// When.
    pub at: Timestamp,
}

/// What the journal says of a message now.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// It is there.
    Here(Box<WholeMessage>),
    /// It is kept out of answers here.
    Hidden,
    /// It was forgotten, when and why.
    Forgotten(Timestamp, String),
    /// It is not here, and nobody forgot it: it was cleaned up.
    Gone,
}

impl Store {
    /// Changes after a place in the journal, in order.
    ///
    /// # Errors
    /// When reading fails.
    pub fn changes_after(&self, place: i64, limit: usize) -> Result<Vec<Change>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read the journal", error);
            let sql = "SELECT id, uid, at, change = 'forget' FROM outbox WHERE id > ?1 ORDER BY id LIMIT ?2";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![place, limit], |row| {
                Ok(Change { id: row.get(0)?, message: uid(row, 1)?, at: time(row, 2)?, forgotten: row.get(3)? })
            });
            rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// How many lines of the journal and how many vectors come after a place, and the moment of the first of those lines.
    ///
    /// # Errors
    /// When reading fails.
    pub fn waiting_after(&self, place: i64, vectors: i64, model: &str) -> Result<(u64, u64, Option<Timestamp>)> {
        self.read(|connection| {
            let sql = "SELECT (SELECT count(*) FROM outbox WHERE id > ?1),
                (SELECT count(*) FROM embeddings WHERE id > ?2 AND model_id = (SELECT id FROM models WHERE digest = ?3)),
                (SELECT at FROM outbox WHERE id > ?1 ORDER BY id LIMIT 1)";
            let row = connection.query_row(sql, params![place, vectors, model], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?.map(Timestamp::from_milliseconds)))
            });
            row.map_err(|error| Error::sqlite("count what waits", error))
        })
    }

    /// What a message is now.
    ///
    /// # Errors
    /// When reading fails.
    pub fn standing(&self, message: MessageId) -> Result<Standing> {
        self.read(|connection| standing(connection, message))
    }

    /// How much of a message there is to search.
    ///
    /// # Errors
    /// When reading fails.
    pub fn sizes(&self, message: MessageId) -> Result<Sizes> {
        self.read(|connection| {
            let kinds = Kind::ALL.iter().filter(|kind| kind.is_prose()).map(|kind| kind.number().to_string());
            let sql = format!(
                "SELECT count(*), coalesce(sum(words), 0), coalesce(sum(words) FILTER (WHERE kind IN ({})), 0) FROM passages
                 WHERE message_id = (SELECT id FROM messages WHERE uid = ?1) AND role = 0",
                kinds.collect::<Vec<_>>().join(", ")
            );
            let sizes = connection.prepare_cached(&sql).and_then(|mut statement| {
                statement.query_row([message.as_bytes()], |row| {
                    Ok(Sizes { texts: row.get(0)?, terms: row.get(1)?, prose_terms: row.get(2)? })
                })
            });
            sizes.map_err(|error| Error::sqlite("measure a message", error))
        })
    }

    /// Vectors of a model after a row, in order.
    ///
    /// # Errors
    /// When reading fails.
    pub fn vectors_after(&self, row: i64, model: &str, limit: usize) -> Result<Vec<WholeVector>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.vectors("e.id > ?1 AND o.digest = ?2 ORDER BY e.id LIMIT ?3", params![row, model, limit])
    }

    /// Vectors of a model that a message has, up to a row.
    ///
    /// # Errors
    /// When reading fails.
    pub fn vectors_of(&self, message: MessageId, model: &str, until: i64) -> Result<Vec<WholeVector>> {
        let values = params![message.as_bytes(), model, until];
        // The message first: `+` keeps the planner from reading all vectors of the model.
        self.vectors("m.uid = ?1 AND +o.digest = ?2 AND +e.id <= ?3 ORDER BY p.key, a.ordinal", values)
    }

    fn vectors(&self, which: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<WholeVector>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read vectors", error);
            let sql = format!(
                "SELECT e.id, m.uid, p.key, a.ordinal, o.digest, e.vector, e.text_hash, c.source, c.external_id, j.key, m.role, m.at
                 FROM embeddings e
                 JOIN models o ON o.id = e.model_id JOIN passages a ON a.id = e.passage_id
                 JOIN parts p ON p.id = a.part_id JOIN messages m ON m.id = a.message_id
                 JOIN conversations c ON c.id = m.conversation_id JOIN projects j ON j.id = m.project_id WHERE {which}"
            );
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let rows = statement.query_map(values, |row| {
                Ok(WholeVector {
                    id: row.get(0)?,
                    message: uid(row, 1)?,
                    part: row.get(2)?,
                    ordinal: row.get(3)?,
                    model: row.get(4)?,
                    vector: widen(&row.get::<_, Vec<u8>>(5)?),
                    text_hash: ContentHash(row.get(6)?),
                    source: row.get(7)?,
                    session: row.get(8)?,
                    project: row.get(9)?,
                    role: role(row, 10)?,
                    at: time(row, 11)?,
                })
            });
            rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// Ids of the messages of all conversations that are in sight, with the conversation: for comparing.
    ///
    /// # Errors
    /// When reading fails.
    pub fn conversation_messages(&self, source: &str, session: &str) -> Result<Vec<MessageId>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list a conversation", error);
            let sql = "SELECT m.uid FROM messages m JOIN conversations c ON c.id = m.conversation_id
                       WHERE c.source = ?1 AND c.external_id = ?2 ORDER BY m.uid";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let rows = statement.query_map(params![source, session], |row| uid(row, 0)).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// Row, source and session of all conversations: of a small store.
    ///
    /// # Errors
    /// When reading fails.
    pub fn conversation_rows(&self) -> Result<Vec<(i64, String, String)>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list conversations", error);
            let mut statement =
                connection.prepare_cached("SELECT id, source, external_id FROM conversations").map_err(failed)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// Source and session of all conversations that are in sight, in order.
    ///
    /// # Errors
    /// When reading fails.
    pub fn conversation_keys(&self) -> Result<Vec<(String, String)>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list conversations", error);
            let sql = "SELECT source, external_id FROM conversations WHERE source NOT LIKE ?1 || '%' ORDER BY source, external_id";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let rows = statement.query_map([TWIN], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }
}

fn standing(connection: &Connection, message: MessageId) -> Result<Standing> {
    let failed = |error| Error::sqlite("read a message", error);
    let sql = "SELECT m.id, m.external_id, m.parent_external_id, m.role, m.at, d.directory, m.git_branch, m.model, m.sidechain,
                      c.source, c.external_id, c.parent_external_id, c.title, p.key, p.name, p.root, p.remote
               FROM messages m JOIN conversations c ON c.id = m.conversation_id JOIN projects p ON p.id = m.project_id
               JOIN project_directories d ON d.id = m.directory_id WHERE m.uid = ?1";
    let found = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([message.as_bytes()], |row| whole(row, message)).optional())
        .map_err(failed)?;
    let Some((row, mut whole)) = found else {
        let sql = "SELECT at, reason FROM tombstones WHERE uid = ?1";
        let buried = connection
            .query_row(sql, [message.as_bytes()], |row| Ok((time(row, 0)?, row.get(1)?)))
            .optional()
            .map_err(failed)?;
        return Ok(buried.map_or(Standing::Gone, |(at, reason)| Standing::Forgotten(at, reason)));
    };
    if whole.conversation.source.starts_with(TWIN) {
        return Ok(Standing::Hidden);
    }
    let sql =
        "SELECT key, kind, origin, tool, body_text(body, body_bytes) FROM parts WHERE message_id = ?1 ORDER BY key";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let parts = statement.query_map([row], |row| {
        Ok(WholePart {
            key: row.get(0)?,
            kind: kind(row, 1)?,
            origin: origin(row, 2)?,
            tool: row.get(3)?,
            text: row.get(4)?,
        })
    });
    whole.parts = parts.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)?;
    let sql = "SELECT n.kind, n.title, n.topic_key, n.tags, n.pinned, n.expires_at, s.uid FROM notes n
               LEFT JOIN messages s ON s.id = n.superseded_by WHERE n.message_id = ?1";
    let note = connection.prepare_cached(sql).and_then(|mut statement| {
        statement
            .query_row([row], |row| {
                Ok(WholeNote {
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
    whole.note = note.map_err(failed)?;
    Ok(Standing::Here(Box::new(whole)))
}

fn whole(row: &Row<'_>, id: MessageId) -> rusqlite::Result<(i64, WholeMessage)> {
    let conversation =
        WholeConversation { source: row.get(9)?, session: row.get(10)?, parent: row.get(11)?, title: row.get(12)? };
    let project = WholeProject { key: row.get(13)?, name: row.get(14)?, root: row.get(15)?, remote: row.get(16)? };
    let message = WholeMessage {
        id,
        conversation,
        external_id: row.get(1)?,
        parent_external_id: row.get(2)?,
        role: role(row, 3)?,
        at: time(row, 4)?,
        directory: row.get(5)?,
        project,
        git_branch: row.get(6)?,
        model: row.get(7)?,
        sidechain: row.get(8)?,
        parts: Vec::new(),
        note: None,
    };
    Ok((row.get(0)?, message))
}

//! Bulk reads of the doc values: what ranking needs of every passage and message. Owns the queries; the arrays
//! themselves live in memory, in the layer above.

use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::Snapshot;
use super::error::{Error, Result};
use super::filter::filter_clause;
use crate::domain::text::{Script, passages::Purpose};
use crate::domain::{Filter, PartKind, Role, Timestamp};

/// Doc values of one passage.
#[derive(Debug, Clone, Copy)]
pub struct PassageRow {
    /// Row id in `passages`.
    pub id: i64,
    /// Row id in `messages`.
    pub message: i64,
    /// Kind of the part that the passage belongs to.
    pub kind: PartKind,
    /// Text of the part, or a key of it.
    pub purpose: Purpose,
    /// True if the passage ends with a question mark.
    pub asks: bool,
    /// Number of terms, 0 for keys.
    pub words: u32,
    /// Writing system of the text.
    pub script: Script,
}

/// Doc values of one message.
#[derive(Debug, Clone, Copy)]
pub struct MessageRow {
    /// Row id in `messages`.
    pub id: i64,
    /// Row id in `conversations`.
    pub conversation: i64,
    /// Row id in `projects`.
    pub project: i64,
    pub role: Role,
    pub at: Timestamp,
}

/// Rows added since the last read, from one snapshot.
#[derive(Debug, Default)]
pub struct NewDocRows {
    /// Deletion counter. A changed value means that everything has to be read again.
    pub generation: i64,
    /// Messages after the last known one, ascending.
    pub messages: Vec<MessageRow>,
    /// Passages after the last known one, ascending.
    pub passages: Vec<PassageRow>,
}

/// Increments the deletion counter, so that every process reads its doc values again.
pub(super) fn bump_generation(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "INSERT INTO meta (key, value) VALUES ('generation', '1')
               ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1";
    connection.execute(sql, []).map(drop)
}

/// Returns the deletion counter of the store, 0 in a new one.
pub(super) fn read_generation(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'generation'), 0)";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

impl Snapshot<'_> {
    /// Returns the deletion counter. A changed value means that caches have to be compared with the store.
    pub fn deletion_generation(&self) -> Result<i64> {
        self.query("read the generation", |connection| {
            read_generation(connection).map_err(|error| Error::from_sqlite("read the generation", error))
        })
    }

    /// Returns the id of the message in a row.
    pub fn message_uid(&self, row: i64) -> Result<Option<[u8; 16]>> {
        self.query("find a message", |connection| {
            let sql = "SELECT uid FROM messages WHERE id = ?1";
            let uid = connection.query_row(sql, [row], |row| row.get(0)).optional();
            Ok(uid?)
        })
    }

    /// Returns the rows after the last known message and passage, with the deletion counter.
    pub fn rows_after(&self, message: i64, passage: i64) -> Result<NewDocRows> {
        self.query("read the doc values", |connection| {
            let generation = read_generation(connection)?;
            let sql = "SELECT id, conversation_id, project_id, role, at FROM messages WHERE id > ?1 ORDER BY id";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([message], |row| {
                Ok(MessageRow {
                    id: row.get(0)?,
                    conversation: row.get(1)?,
                    project: row.get(2)?,
                    role: Role::from_number(row.get(3)?).unwrap_or(Role::System),
                    at: Timestamp::from_milliseconds(row.get(4)?),
                })
            });
            let messages = rows?.collect::<rusqlite::Result<_>>()?;
            let sql =
                "SELECT id, message_id, kind, purpose, asks, words, script FROM passages WHERE id > ?1 ORDER BY id";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([passage], |row| {
                Ok(PassageRow {
                    id: row.get(0)?,
                    message: row.get(1)?,
                    kind: PartKind::from_number(row.get(2)?).unwrap_or(PartKind::Meta),
                    purpose: Purpose::from_number(row.get(3)?).unwrap_or(Purpose::Text),
                    asks: row.get(4)?,
                    words: row.get(5)?,
                    script: Script::from_number(row.get(6)?),
                })
            });
            let passages = rows?.collect::<rusqlite::Result<_>>()?;
            Ok(NewDocRows { generation, messages, passages })
        })
    }

    /// Returns the rows of the messages that a filter allows, ascending. Serves conditions that the doc values do not
    /// cover.
    pub fn allowed_messages(&self, filter: &Filter, now: Timestamp) -> Result<Vec<i64>> {
        self.query("filter the messages", |connection| {
            // Kinds belong to parts; they are compared passage by passage.
            let clause = filter_clause(&Filter { kinds: Vec::new(), ..filter.clone() }, now);
            let sql = format!(
                "SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE 1{} ORDER BY m.id",
                clause.sql
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(clause.values), |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

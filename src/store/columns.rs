//! What ranking needs to know of every passage and message, read in bulk. Owns the queries; the columns themselves live
//! in memory, above.

use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::Store;
use super::error::{Error, Result};
use super::filter::clause;
use crate::domain::text::{Script, passages::Purpose};
use crate::domain::{Filter, Kind, Role, Timestamp};

/// One passage, without its text.
#[derive(Debug, Clone, Copy)]
pub struct PassageRow {
    /// Row of the passage.
    pub id: i64,
    /// Row of the message.
    pub message: i64,
    /// What its part is.
    pub kind: Kind,
    /// What it is for.
    pub purpose: Purpose,
    /// Whether it ends with a question mark.
    pub asks: bool,
    /// How many terms it has.
    pub words: u32,
    /// What it is written in.
    pub script: Script,
}

/// One message, without its parts.
#[derive(Debug, Clone, Copy)]
pub struct MessageRow {
    /// Row of the message.
    pub id: i64,
    /// Row of the conversation.
    pub conversation: i64,
    /// Row of the project.
    pub project: i64,
    /// Who speaks.
    pub role: Role,
    /// When.
    pub at: Timestamp,
}

/// What is new since rows were last read.
#[derive(Debug, Default)]
pub struct NewRows {
    /// How often rows were taken away; when it changes, everything has to be read again.
    pub generation: i64,
    /// Messages after the last known one, ascending.
    pub messages: Vec<MessageRow>,
    /// Passages after the last known one, ascending.
    pub passages: Vec<PassageRow>,
}

/// Rows were taken away: every process reads its columns again.
pub(super) fn raise_generation(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "INSERT INTO meta (key, value) VALUES ('generation', '1')
               ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1";
    connection.execute(sql, []).map(drop)
}

/// How often rows were taken away.
pub(super) fn generation(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'generation'), 0)";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

impl Store {
    /// How often rows were taken away; when it changes, caches have to be compared with the store.
    ///
    /// # Errors
    /// When reading fails.
    pub fn generation(&self) -> Result<i64> {
        self.read(|connection| generation(connection).map_err(|error| Error::sqlite("read the generation", error)))
    }

    /// The id of the message in a row.
    ///
    /// # Errors
    /// When reading fails.
    pub fn message_uid(&self, row: i64) -> Result<Option<[u8; 16]>> {
        self.read(|connection| {
            let sql = "SELECT uid FROM messages WHERE id = ?1";
            let uid = connection.query_row(sql, [row], |row| row.get(0)).optional();
            uid.map_err(|error| Error::sqlite("find a message", error))
        })
    }

    /// Rows after the last known message and passage, of one moment.
    ///
    /// # Errors
    /// When reading fails.
    pub fn rows_after(&self, message: i64, passage: i64) -> Result<NewRows> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read the columns", error);
            let generation = generation(connection).map_err(failed)?;
            let sql = "SELECT id, conversation_id, project_id, role, at FROM messages WHERE id > ?1 ORDER BY id";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let rows = statement.query_map([message], |row| {
                Ok(MessageRow {
                    id: row.get(0)?,
                    conversation: row.get(1)?,
                    project: row.get(2)?,
                    role: Role::from_number(row.get(3)?).unwrap_or(Role::System),
                    at: Timestamp::from_milliseconds(row.get(4)?),
                })
            });
            let messages = rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)?;
            let sql = "SELECT id, message_id, kind, role, asks, words, script FROM passages WHERE id > ?1 ORDER BY id";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let rows = statement.query_map([passage], |row| {
                Ok(PassageRow {
                    id: row.get(0)?,
                    message: row.get(1)?,
                    kind: Kind::from_number(row.get(2)?).unwrap_or(Kind::Meta),
                    purpose: Purpose::from_number(row.get(3)?).unwrap_or(Purpose::Text),
                    asks: row.get(4)?,
                    words: row.get(5)?,
                    script: Script::from_number(row.get(6)?),
                })
            });
            let passages = rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)?;
            Ok(NewRows { generation, messages, passages })
        })
    }

    /// Rows of the messages that a filter allows, ascending. For conditions that the columns do not hold.
    ///
    /// # Errors
    /// When reading fails.
    pub fn allowed_messages(&self, filter: &Filter, now: Timestamp) -> Result<Vec<i64>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("filter the messages", error);
            // Kinds belong to parts; they are compared passage by passage.
            let clause = clause(&Filter { kinds: Vec::new(), ..filter.clone() }, now);
            let sql = format!(
                "SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE 1{} ORDER BY m.id",
                clause.sql
            );
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let rows = statement.query_map(params_from_iter(clause.values), |row| row.get(0)).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }
}

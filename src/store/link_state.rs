//! State of the stored edits, by which a cache of links between commits and sessions knows what to link again.

use rusqlite::{OptionalExtension as _, params};

use super::Snapshot;
use super::doc_values::read_generation;
use super::error::{Error, Result};
use crate::domain::Timestamp;

/// State of the stored edits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditState {
    /// Rises when messages are deleted, hidden or shown again.
    pub generation: i64,
    /// Number of the key of the hashes; empty before the first edit.
    pub key: String,
    /// Last part of which the edits were read, while those of an older store are being read.
    pub read_until: Option<String>,
    /// Newest part.
    pub newest_part: i64,
}

impl Snapshot<'_> {
    /// Returns the state of the stored edits.
    pub fn edit_state(&self) -> Result<EditState> {
        self.query("read the state of the edits", |connection| {
            let generation = read_generation(connection)
                .map_err(|error| Error::from_sqlite("read the state of the edits", error))?;
            let value = |key: &str| {
                let sql = "SELECT value FROM meta WHERE key = ?1";
                connection.query_row(sql, [key], |row| row.get::<_, String>(0)).optional()
            };
            let newest_part = connection.query_row("SELECT coalesce(max(id), 0) FROM parts", [], |row| row.get(0))?;
            let (key, read_until) = (value("edits_key")?.unwrap_or_default(), value("edits_read")?);
            Ok(EditState { generation, key, read_until, newest_part })
        })
    }

    /// Returns the row ids of all calls that changed lines. For benchmarks: it reads the whole table.
    pub fn list_edit_parts(&self) -> Result<Vec<i64>> {
        self.query("list the edits", |connection| {
            let mut statement = connection.prepare("SELECT DISTINCT part FROM edited_lines ORDER BY part")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the earliest time of the parts stored after one; `None` if there is none.
    pub fn earliest_part_after(&self, part: i64) -> Result<Option<Timestamp>> {
        self.query("read the time of new messages", |connection| {
            let sql = "SELECT min(m.at) FROM parts p JOIN messages m ON m.id = p.message_id WHERE p.id > ?1";
            let at: Option<i64> = connection.prepare_cached(sql)?.query_row(params![part], |row| row.get(0))?;
            Ok(at.map(Timestamp::from_milliseconds))
        })
    }
}

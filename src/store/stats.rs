//! Counts and sizes, for `status` and health.

use super::Store;
use super::error::{Error, Result};
use super::schema;
use crate::domain::Timestamp;

/// The store in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Projects.
    pub projects: u64,
    /// Conversations, subagents included.
    pub conversations: u64,
    /// Messages.
    pub messages: u64,
    /// Memories saved on purpose that are in force.
    pub notes: u64,
    /// Parts of messages.
    pub parts: u64,
    /// Length of all texts in bytes.
    pub text_bytes: u64,
    /// Length of all stored frames in bytes.
    pub frame_bytes: u64,
    /// Parts that wait for their vectors.
    pub pending: u64,
    /// Parts that could not be embedded after three attempts.
    pub failed: u64,
    /// Vectors of all models.
    pub vectors: u64,
    /// Transcript files that were read.
    pub files: u64,
    /// The oldest message.
    pub oldest: Option<Timestamp>,
    /// The newest message.
    pub newest: Option<Timestamp>,
    /// Messages that are kept and not served.
    pub quarantined: u64,
    /// Size of the database file in bytes.
    pub database_bytes: u64,
    /// Size of the write-ahead log in bytes.
    pub log_bytes: u64,
    /// Schema version.
    pub schema: i64,
}

impl Store {
    /// Secrets taken out of what is stored, by rule, most first.
    ///
    /// # Errors
    /// When reading fails.
    pub fn redactions(&self) -> Result<Vec<(String, u64)>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("count the redactions", error);
            let mut statement =
                connection.prepare("SELECT rule, count FROM redactions ORDER BY count DESC, rule").map_err(failed)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// Counts everything.
    ///
    /// # Errors
    /// When reading fails.
    pub fn stats(&self) -> Result<Stats> {
        let size = |suffix: &str| {
            let path = format!("{}{suffix}", self.path().display());
            std::fs::metadata(path).map_or(0, |metadata| metadata.len())
        };
        let (database_bytes, log_bytes) = (size(""), size("-wal"));
        self.read(|connection| {
            let sql = "SELECT (SELECT count(*) FROM projects), (SELECT count(*) FROM conversations WHERE source NOT LIKE 'quarantine:%'),
                (SELECT count(*) FROM messages), (SELECT count(*) FROM notes WHERE superseded_by IS NULL),
                (SELECT count(*) FROM parts), (SELECT coalesce(sum(body_bytes), 0) FROM parts),
                (SELECT coalesce(sum(length(body)), 0) FROM parts), (SELECT count(*) FROM pending WHERE attempts < 3),
                (SELECT count(*) FROM pending WHERE attempts >= 3), (SELECT count(*) FROM embeddings),
                (SELECT count(*) FROM import_cursors), (SELECT min(at) FROM messages), (SELECT max(at) FROM messages),
                (SELECT count(*) FROM quarantine)";
            let row = |row: &rusqlite::Row<'_>| {
                let time = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_milliseconds));
                Ok(Stats {
                    projects: row.get(0)?,
                    conversations: row.get(1)?,
                    messages: row.get(2)?,
                    notes: row.get(3)?,
                    parts: row.get(4)?,
                    text_bytes: row.get(5)?,
                    frame_bytes: row.get(6)?,
                    pending: row.get(7)?,
                    failed: row.get(8)?,
                    vectors: row.get(9)?,
                    files: row.get(10)?,
                    oldest: time(11)?,
                    newest: time(12)?,
                    quarantined: row.get(13)?,
                    database_bytes,
                    log_bytes,
                    schema: schema::VERSION,
                })
            };
            connection.query_row(sql, [], row).map_err(|error| Error::sqlite("count the store", error))
        })
    }
}

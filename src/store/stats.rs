//! Counts and sizes for `status` and health checks.

use super::Snapshot;
use super::error::Result;
use super::schema;
use crate::domain::Timestamp;

/// Counts and sizes of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreStats {
    pub projects: u64,
    /// Number of sessions, subagents included.
    pub conversations: u64,
    pub messages: u64,
    /// Notes that were not replaced, expired ones included.
    pub notes: u64,
    pub parts: u64,
    /// Length of all texts in bytes.
    pub text_bytes: u64,
    /// Length of all compressed texts in bytes.
    pub frame_bytes: u64,
    /// Parts that are not embedded yet.
    pub pending: u64,
    /// Parts that could not be embedded in three attempts.
    pub failed: u64,
    /// Embeddings of all models.
    pub vectors: u64,
    /// Transcript files that were read.
    pub files: u64,
    /// Time of the oldest message.
    pub oldest: Option<Timestamp>,
    /// Time of the newest message.
    pub newest: Option<Timestamp>,
    /// Messages in quarantine.
    pub quarantined: u64,
    /// Size of the database file in bytes.
    pub database_bytes: u64,
    /// Size of the write-ahead log in bytes.
    pub log_bytes: u64,
    pub schema: i64,
}

impl Snapshot<'_> {
    /// Returns the number of redacted secrets by rule, most first.
    pub fn redaction_counts(&self) -> Result<Vec<(String, u64)>> {
        self.query("count the redactions", |connection| {
            let mut statement = connection.prepare("SELECT rule, count FROM redactions ORDER BY count DESC, rule")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns counts and sizes of the whole store.
    pub fn collect_stats(&self) -> Result<StoreStats> {
        let size = |suffix: &str| {
            let path = format!("{}{suffix}", self.store().path().display());
            std::fs::metadata(path).map_or(0, |metadata| metadata.len())
        };
        let (database_bytes, log_bytes) = (size(""), size("-wal"));
        self.query("count the store", |connection| {
            let sql = "SELECT (SELECT count(*) FROM projects), (SELECT count(*) FROM conversations WHERE source NOT LIKE 'quarantine:%'),
                (SELECT count(*) FROM messages), (SELECT count(*) FROM notes WHERE superseded_by IS NULL),
                (SELECT count(*) FROM parts), (SELECT coalesce(sum(body_bytes), 0) FROM parts),
                (SELECT coalesce(sum(length(body)), 0) FROM parts), (SELECT count(*) FROM pending WHERE attempts < 3),
                (SELECT count(*) FROM pending WHERE attempts >= 3), (SELECT count(*) FROM embeddings),
                (SELECT count(*) FROM import_cursors), (SELECT min(at) FROM messages), (SELECT max(at) FROM messages),
                (SELECT count(*) FROM quarantine)";
            let row = |row: &rusqlite::Row<'_>| {
                let time = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_milliseconds));
                Ok(StoreStats {
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
                    schema: schema::SCHEMA_VERSION,
                })
            };
            Ok(connection.query_row(sql, [], row)?)
        })
    }
}

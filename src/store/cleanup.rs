//! Taking away what is old, and giving room back. Unlike forgetting it leaves no mark: what is imported again comes back, and the
//! production store keeps what it has.

use rusqlite::params;

use super::Store;
use super::columns::raise_generation;
use super::connection::{self, Access};
use super::error::{Error, Result};
use super::forget::{Gathered, one, remove_empty};
use crate::domain::text::terms::Terms;
use crate::domain::{MessageId, Timestamp};

/// What is older than a moment and may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Old {
    /// Messages.
    pub messages: u64,
    /// Conversations they belong to.
    pub conversations: u64,
    /// Saved texts that are as old and stay.
    pub kept: u64,
}

/// ` WHERE …`: messages (`m`) before `?1` that may go. What was saved on purpose stays, unless it was replaced or has expired
/// before that moment too; what is pinned stays in any case.
const MAY_GO: &str = " LEFT JOIN notes n ON n.message_id = m.id WHERE m.at < ?1
    AND (n.message_id IS NULL OR n.pinned = 0 AND (n.superseded_by IS NOT NULL OR n.expires_at < ?1))";

impl Store {
    /// Counts what is older than a moment.
    ///
    /// # Errors
    /// When reading fails.
    pub fn count_old(&self, before: Timestamp) -> Result<Old> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("count what is old", error);
            let sql = format!("SELECT count(*), count(DISTINCT m.conversation_id) FROM messages m{MAY_GO}");
            let at = before.milliseconds();
            let (messages, conversations) =
                connection.query_row(&sql, [at], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
            let all: u64 = connection
                .query_row("SELECT count(*) FROM messages WHERE at < ?1", [at], |row| row.get(0))
                .map_err(failed)?;
            Ok(Old { messages, conversations, kept: all - messages })
        })
    }

    /// The oldest messages before a moment that may go.
    ///
    /// # Errors
    /// When reading fails.
    pub fn old_messages(&self, before: Timestamp, limit: usize) -> Result<Vec<MessageId>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list what is old", error);
            let sql = format!("SELECT m.uid FROM messages m{MAY_GO} ORDER BY m.at, m.id LIMIT ?2");
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement
                .query_map(params![before.milliseconds(), limit], |row| row.get(0).map(MessageId::from_bytes))
                .map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// Takes messages away in one transaction; returns how many were there.
    ///
    /// # Errors
    /// When writing fails; nothing is then taken away.
    pub fn remove(&self, ids: Vec<MessageId>) -> Result<u64> {
        self.write(move |connection| {
            let (terms, mut gone) = (Terms::default(), Gathered::default());
            for id in ids {
                one(connection, id, &terms, &mut gone)?;
            }
            let removed = remove_empty(connection).and_then(|()| raise_generation(connection));
            removed.map_err(|error| Error::sqlite("take away what is empty", error))?;
            Ok(gone.done.messages)
        })
    }

    /// Bytes of the database that hold nothing.
    ///
    /// # Errors
    /// When reading fails.
    pub fn free_bytes(&self) -> Result<u64> {
        self.read(|connection| {
            let sql = "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size";
            connection.query_row(sql, [], |row| row.get(0)).map_err(|error| Error::sqlite("count free pages", error))
        })
    }

    /// Writes the database anew without what holds nothing. Needs as much free disk as the database has, twice.
    ///
    /// # Errors
    /// When writing fails, or another process writes all the time; the database is then as it was.
    pub fn vacuum(&self) -> Result<()> {
        let writer = connection::open(self.path(), Access::Write { full: true })?;
        let done = writer.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
        done.map_err(|error| Error::sqlite("write the database anew", error))
    }
}

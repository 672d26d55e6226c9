//! Age-based deletion, and returning free space to the file system. Unlike [`Store::forget`] it leaves no tombstone:
//! what is imported again comes back, and the sync targets keep what they have.

use rusqlite::params;

use super::connection::{self, AccessMode};
use super::doc_values::bump_generation;
use super::edited_lines;
use super::error::Result;
use super::forget::{DeletionProgress, delete_empty_conversations, delete_message};
use super::{Snapshot, Store, projects};
use crate::domain::text::terms::TermExtractor;
use crate::domain::{MessageId, Timestamp};

/// Counts of messages older than a date.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OldMessageCounts {
    /// Messages that may be deleted.
    pub messages: u64,
    /// Sessions that those messages belong to.
    pub conversations: u64,
    /// Notes that are as old and stay.
    pub kept: u64,
}

/// ` WHERE …`: messages (`m`) before `?1` that may be deleted. Notes stay, unless they were replaced or had expired
/// before that date too; pinned ones stay in any case.
const DELETABLE: &str = " LEFT JOIN notes n ON n.message_id = m.id WHERE m.at < ?1
    AND (n.message_id IS NULL OR n.pinned = 0 AND (n.superseded_by IS NOT NULL OR n.expires_at < ?1))";

impl Snapshot<'_> {
    /// Counts the messages before a date: deletable ones, their sessions, and the notes that stay.
    pub fn count_old_messages(&self, before: Timestamp) -> Result<OldMessageCounts> {
        self.query("count old messages", |connection| {
            let sql = format!("SELECT count(*), count(DISTINCT m.conversation_id) FROM messages m{DELETABLE}");
            let at = before.to_milliseconds();
            let (messages, conversations) = connection.query_row(&sql, [at], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let all: u64 =
                connection.query_row("SELECT count(*) FROM messages WHERE at < ?1", [at], |row| row.get(0))?;
            Ok(OldMessageCounts { messages, conversations, kept: all - messages })
        })
    }

    /// Returns the oldest deletable messages before a date.
    pub fn old_messages(&self, before: Timestamp, limit: usize) -> Result<Vec<MessageId>> {
        self.query("list old messages", |connection| {
            let sql = format!("SELECT m.uid FROM messages m{DELETABLE} ORDER BY m.at, m.id LIMIT ?2");
            let mut statement = connection.prepare_cached(&sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement
                .query_map(params![before.to_milliseconds(), limit], |row| row.get(0).map(MessageId::from_bytes))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the bytes of the database's free pages.
    pub fn free_bytes(&self) -> Result<u64> {
        self.query("count free pages", |connection| {
            let sql = "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size";
            Ok(connection.query_row(sql, [], |row| row.get(0))?)
        })
    }
}

impl Store {
    /// Deletes messages in one transaction, without tombstones. Returns how many were there.
    ///
    /// # Errors
    /// When writing fails; nothing is then deleted.
    pub fn delete_without_tombstones(&self, ids: Vec<MessageId>) -> Result<u64> {
        self.write("delete old messages", move |connection| {
            let (terms, mut gone) = (TermExtractor::default(), DeletionProgress::default());
            for id in ids {
                delete_message(connection, id, &terms, &mut gone)?;
            }
            edited_lines::remove_lines_of_parts(connection, &gone.edits)?;
            delete_empty_conversations(connection)?;
            projects::delete_unused_projects(connection).and_then(|()| bump_generation(connection))?;
            Ok(gone.done.messages)
        })
    }

    /// Rebuilds the database file without its free pages. Needs free disk space of twice the size of the database.
    ///
    /// # Errors
    /// When writing fails, or another process writes all the time; the database is then unchanged.
    pub fn vacuum(&self) -> Result<()> {
        let writer = connection::open(self.path(), AccessMode::Write { full: true })?;
        let done = writer.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
        Ok(done?)
    }
}

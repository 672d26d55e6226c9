//! Messages that are kept and not served: taken out of every index, out of sight of every reader, and put back whole when
//! they are released. Owns where they are kept meanwhile; does not own why.
//!
//! A message in quarantine belongs to the twin of its conversation, so that whoever reads the conversation does not meet
//! it. The twin has the same ids and a source that says what it is.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Store;
use super::columns::raise_generation;
use super::error::{Error, Result};
use super::messages::{self, Preparer};
use super::words;
use crate::domain::text::terms::Terms;
use crate::domain::{MessageId, Timestamp};

/// What the source of a twin begins with.
pub(super) const TWIN: &str = "quarantine:";

/// ` AND …`: conversations (`c`) that are no twins.
pub(super) const NO_TWIN: &str = " AND c.source NOT LIKE 'quarantine:%'";

/// ` AND …`: messages (`m`) that are in sight.
pub(super) const IN_SIGHT: &str = " AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.message_id = m.id)";

/// A message in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The message.
    pub id: MessageId,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
    /// Its session.
    pub session: String,
    /// The first of its texts.
    pub text: String,
}

impl Store {
    /// Takes messages out of sight. Those that are there already, or nowhere, are passed over; returns how many were not.
    ///
    /// # Errors
    /// When writing fails; nothing is then changed.
    pub fn quarantine(&self, ids: Vec<MessageId>, reason: String, now: Timestamp) -> Result<u64> {
        self.write(move |connection| {
            let failed = |error| Error::sqlite("put a message into quarantine", error);
            let (terms, mut done) = (Terms::default(), 0);
            for id in ids {
                let sql = format!("SELECT m.id, m.conversation_id FROM messages m WHERE m.uid = ?1{IN_SIGHT}");
                let found =
                    connection.query_row(&sql, [id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional();
                let Some((message, conversation)): Option<(i64, i64)> = found.map_err(failed)? else { continue };
                words::take_out(connection, "a.message_id = ?1", message, &terms)?;
                hide(connection, message, conversation, &reason, now).map_err(failed)?;
                changed(connection, id, now).map_err(failed)?;
                done += 1;
            }
            raise_generation(connection).map_err(failed)?;
            Ok(done)
        })
    }

    /// Puts messages back where they were: found by word at once, by meaning when their vectors are made. Returns how many.
    ///
    /// # Errors
    /// When writing fails; nothing is then changed.
    pub fn release(&self, ids: Vec<MessageId>, now: Timestamp) -> Result<u64> {
        let preparer = Preparer::new()?;
        self.write(move |connection| {
            let failed = |error| Error::sqlite("release a message", error);
            let mut done = 0;
            for id in ids {
                let sql = "SELECT m.id FROM messages m JOIN quarantine q ON q.message_id = m.id WHERE m.uid = ?1";
                let found = connection.query_row(sql, [id.as_bytes()], |row| row.get(0)).optional();
                let Some(message): Option<i64> = found.map_err(failed)? else { continue };
                show(connection, message).map_err(failed)?;
                messages::index_again(connection, message, &preparer)?;
                changed(connection, id, now).map_err(failed)?;
                done += 1;
            }
            let sql = "DELETE FROM conversations WHERE source LIKE 'quarantine:%'
                       AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = conversations.id)";
            connection.execute(sql, []).and_then(|_| raise_generation(connection)).map_err(failed)?;
            Ok(done)
        })
    }

    /// What is in quarantine, the latest first.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn quarantined(&self, limit: usize) -> Result<Vec<Quarantined>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list the quarantine", error);
            let sql = "SELECT m.uid, q.at, q.reason, c.external_id, coalesce((SELECT body_text(p.body, p.body_bytes) FROM parts p
                         WHERE p.message_id = m.id ORDER BY p.id LIMIT 1), '')
                       FROM quarantine q JOIN messages m ON m.id = q.message_id JOIN conversations c ON c.id = m.conversation_id
                       ORDER BY q.at DESC, m.id DESC LIMIT ?1";
            let mut statement = connection.prepare(sql).map_err(failed)?;
            let rows = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
                Ok(Quarantined {
                    id: row.get(0).map(MessageId::from_bytes)?,
                    since: row.get(1).map(Timestamp::from_milliseconds)?,
                    reason: row.get(2)?,
                    session: row.get(3)?,
                    text: row.get(4)?,
                })
            });
            rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// The messages in quarantine of a session and of the subagents that it started, by its id or the beginning of it.
    ///
    /// # Errors
    /// When reading fails.
    pub fn quarantined_of(&self, session: &str) -> Result<Vec<MessageId>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list the quarantine of a session", error);
            let sql = "SELECT m.uid FROM quarantine q JOIN messages m ON m.id = q.message_id
                         JOIN conversations c ON c.id = m.conversation_id
                       WHERE ?1 IN (c.external_id, c.parent_external_id)
                         OR length(?1) >= 6 AND substr(c.external_id, 1, length(?1)) = ?1 ORDER BY m.at, m.id";
            let mut statement = connection.prepare(sql).map_err(failed)?;
            let rows = statement.query_map([session], |row| row.get(0).map(MessageId::from_bytes)).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// Whether a message is kept, in sight or not.
    ///
    /// # Errors
    /// When reading fails.
    pub fn keeps(&self, id: MessageId) -> Result<bool> {
        self.read(|connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM messages WHERE uid = ?1)";
            let known = connection.query_row(sql, [id.as_bytes()], |row| row.get(0));
            known.map_err(|error| Error::sqlite("find a message", error))
        })
    }

    /// The messages that came from a source (`claude-code`, `saved`), or from a file or folder that was read.
    ///
    /// # Errors
    /// When reading fails.
    pub fn messages_from(&self, source: &str) -> Result<Vec<MessageId>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list the messages of a source", error);
            let sql = "SELECT m.uid FROM messages m JOIN conversations c ON c.id = m.conversation_id
                         LEFT JOIN import_cursors f ON f.id = m.source_file
                       WHERE c.source IN (?1, 'quarantine:' || ?1) OR f.path = ?1
                         OR substr(f.path, 1, length(?1) + 1) IN (?1 || '/', ?1 || '\\') ORDER BY m.at, m.id";
            let mut statement = connection.prepare(sql).map_err(failed)?;
            let rows = statement.query_map([source], |row| row.get(0).map(MessageId::from_bytes)).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }
}

/// Whether a message is in quarantine.
pub(super) fn holds(connection: &Connection, message: i64) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM quarantine WHERE message_id = ?1)";
    connection.prepare_cached(sql)?.query_row([message], |row| row.get(0))
}

fn hide(
    connection: &Connection,
    message: i64,
    conversation: i64,
    reason: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM passages WHERE message_id = ?1", [message])?;
    connection
        .execute("DELETE FROM pending WHERE part_id IN (SELECT id FROM parts WHERE message_id = ?1)", [message])?;
    let sql = "INSERT OR IGNORE INTO conversations (source, external_id, parent_external_id, project_id, started_at, ended_at)
               SELECT ?2 || source, external_id, parent_external_id, project_id, started_at, ended_at FROM conversations WHERE id = ?1";
    connection.execute(sql, params![conversation, TWIN])?;
    let sql = "UPDATE messages SET conversation_id = (SELECT t.id FROM conversations t JOIN conversations c
                 ON t.source = ?3 || c.source AND t.external_id = c.external_id WHERE c.id = ?2) WHERE id = ?1";
    connection.execute(sql, params![message, conversation, TWIN])?;
    // A name may quote what was said in it.
    connection.execute("UPDATE conversations SET title = NULL WHERE id = ?1", [conversation])?;
    let sql = "INSERT INTO quarantine (message_id, at, reason) VALUES (?1, ?2, ?3)";
    connection.execute(sql, params![message, now.milliseconds(), reason]).map(drop)
}

/// Back into its conversation, which is there as long as its twin is.
fn show(connection: &Connection, message: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM quarantine WHERE message_id = ?1", [message])?;
    let sql = "UPDATE messages SET conversation_id = (SELECT c.id FROM conversations c JOIN conversations t
                 ON t.source = ?2 || c.source AND t.external_id = c.external_id WHERE t.id = messages.conversation_id) WHERE id = ?1";
    connection.execute(sql, params![message, TWIN]).map(drop)
}

fn changed(connection: &Connection, id: MessageId, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "INSERT INTO outbox (uid, change, at) VALUES (?1, 'upsert', ?2)";
    connection.execute(sql, params![id.as_bytes(), now.milliseconds()]).map(drop)
}

//! Quarantine: messages that are stored but hidden. They are removed from every index and from every reader's view, and
//! restored unchanged on release. Owns their storage; does not own the reasons.
//!
//! A quarantined message belongs to the twin of its conversation row, so that readers of the conversation do not meet
//! it. The twin has the same ids and the source prefix `quarantine:`.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::doc_values::bump_generation;
use super::error::Result;
use super::filter::{NOT_QUARANTINED, QUARANTINE_PREFIX};
use super::keyword_index;
use super::machines::{Seal, relation_of_seal};
use super::message_queries::{read_time, read_uid};
use super::parts;
use super::prepared::Preparer;
use super::signed_places::remove_signed_titles;
use super::{Snapshot, Store};
use crate::domain::text::terms::TermExtractor;
use crate::domain::{MachineKey, MessageId, Timestamp};

/// Message in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedMessage {
    /// Id of the message.
    pub id: MessageId,
    /// Time at which it was quarantined.
    pub since: Timestamp,
    /// Reason given for the quarantine.
    pub reason: String,
    /// Session id of the message.
    pub session: String,
    /// Text of the message's first part.
    pub text: String,
}

/// Decision to hide a message or to release it, as it travels between machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineMark {
    /// Id of the message, which may not be here.
    pub message: MessageId,
    /// Time of the decision: the latest one holds, and of two at the same time the one that hides.
    pub at: Timestamp,
    /// True if the message is hidden, false if it was released.
    pub hidden: bool,
    pub reason: String,
    /// Machine that decided, and its signature; `None` if it was this one.
    pub seal: Option<(MachineKey, [u8; 64])>,
}

impl Snapshot<'_> {
    /// Returns the latest decision about a message.
    pub fn quarantine_mark(&self, id: MessageId) -> Result<Option<QuarantineMark>> {
        self.query("read a quarantine mark", |connection| Ok(find_mark(connection, id)?))
    }

    /// Returns those of these messages that are hidden here, stored or not.
    pub fn hidden_among(&self, ids: &[MessageId]) -> Result<Vec<MessageId>> {
        self.query("look for hidden messages", |connection| {
            let mut statement =
                connection.prepare_cached("SELECT hidden FROM quarantine_marks WHERE uid = ?1 AND hidden = 1")?;
            let mut hidden = Vec::new();
            for id in ids {
                if statement.exists([id.as_bytes()])? {
                    hidden.push(*id);
                }
            }
            Ok(hidden)
        })
    }

    /// Returns the quarantined messages, latest first.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn list_quarantined(&self, limit: usize) -> Result<Vec<QuarantinedMessage>> {
        self.query("list the quarantine", |connection| {
            let sql = "SELECT m.uid, q.at, q.reason, c.external_id, coalesce((SELECT body_text(p.body, p.body_bytes) FROM parts p
                         WHERE p.message_id = m.id ORDER BY p.id LIMIT 1), '')
                       FROM quarantine q JOIN messages m ON m.id = q.message_id JOIN conversations c ON c.id = m.conversation_id
                       ORDER BY q.at DESC, m.id DESC LIMIT ?1";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
                Ok(QuarantinedMessage {
                    id: row.get(0).map(MessageId::from_bytes)?,
                    since: row.get(1).map(Timestamp::from_milliseconds)?,
                    reason: row.get(2)?,
                    session: row.get(3)?,
                    text: row.get(4)?,
                })
            });
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the quarantined messages of a session and its subagents, by session id or a prefix of at least six
    /// characters.
    pub fn quarantined_in_session(&self, session: &str) -> Result<Vec<MessageId>> {
        self.query("list the quarantine of a session", |connection| {
            let sql = "SELECT m.uid FROM quarantine q JOIN messages m ON m.id = q.message_id
                         JOIN conversations c ON c.id = m.conversation_id
                       WHERE ?1 IN (c.external_id, c.parent_external_id)
                         OR length(?1) >= 6 AND substr(c.external_id, 1, length(?1)) = ?1 ORDER BY m.at, m.id";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([session], |row| row.get(0).map(MessageId::from_bytes))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns true if a message is stored, in quarantine or not.
    pub fn contains_message(&self, id: MessageId) -> Result<bool> {
        self.query("find a message", |connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM messages WHERE uid = ?1)";
            let known = connection.query_row(sql, [id.as_bytes()], |row| row.get(0));
            Ok(known?)
        })
    }

    /// Returns the messages of a source (`claude-code`, `saved`), or of an imported file or folder.
    pub fn messages_from_source(&self, source: &str) -> Result<Vec<MessageId>> {
        self.query("list the messages of a source", |connection| {
            let sql = "SELECT m.uid FROM messages m JOIN conversations c ON c.id = m.conversation_id
                         LEFT JOIN import_cursors f ON f.id = m.source_file
                       WHERE c.source IN (?1, 'quarantine:' || ?1) OR f.path = ?1
                         OR substr(f.path, 1, length(?1) + 1) IN (?1 || '/', ?1 || '\\') ORDER BY m.at, m.id";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([source], |row| row.get(0).map(MessageId::from_bytes))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

impl Store {
    /// Quarantines messages. Skips unknown and already quarantined ones; returns how many were hidden.
    ///
    /// # Errors
    /// When writing fails; nothing is then changed.
    pub fn quarantine_messages(&self, ids: Vec<MessageId>, reason: String, now: Timestamp) -> Result<u64> {
        self.write("put a message into quarantine", move |connection| {
            let mut done = 0;
            for message in ids {
                let at = time_of_next_mark(connection, message, now)?;
                let mark = QuarantineMark { message, at, hidden: true, reason: reason.clone(), seal: None };
                if find_visible(connection, message)?.is_some() {
                    store_mark(connection, &mark)?;
                    done += u64::from(apply_mark(connection, &mark, None)?);
                }
            }
            bump_generation(connection)?;
            Ok(done)
        })
    }

    /// Releases messages from quarantine. Keyword search finds them at once, semantic search when they are embedded.
    /// Returns how many were released.
    ///
    /// # Errors
    /// When writing fails; nothing is then changed.
    pub fn release_messages(&self, ids: Vec<MessageId>, now: Timestamp) -> Result<u64> {
        let preparer = self.create_preparer()?;
        self.write("release a message", move |connection| {
            let mut done = 0;
            for message in ids {
                let at = time_of_next_mark(connection, message, now)?;
                let mark = QuarantineMark { message, at, hidden: false, reason: "released".to_owned(), seal: None };
                if apply_mark(connection, &mark, Some(&preparer))? {
                    store_mark(connection, &mark)?;
                    done += 1;
                }
            }
            delete_empty_twins(connection)?;
            bump_generation(connection)?;
            Ok(done)
        })
    }

    /// Merges decisions of other machines, whose seals were verified. Every machine may hide; only a trusted one may
    /// release what is hidden here. Returns how many messages were hidden and how many released.
    ///
    /// # Errors
    /// When writing fails; nothing is then changed.
    pub fn merge_quarantine(&self, marks: Vec<QuarantineMark>) -> Result<(u64, u64)> {
        let preparer = self.create_preparer()?;
        self.write("merge the quarantine", move |connection| {
            let (mut hidden, mut released) = (0, 0);
            for mark in &marks {
                let seal = mark.seal.map(|(machine, signature)| Seal { machine, signed_at: mark.at, signature });
                let is_trusted = relation_of_seal(connection, seal.as_ref())?.is_trusted();
                let is_newer = find_mark(connection, mark.message)?
                    .is_none_or(|known| (known.at, known.hidden) < (mark.at, mark.hidden));
                if !is_newer || !(mark.hidden || is_trusted) {
                    continue;
                }
                store_mark(connection, mark)?;
                let count = if mark.hidden { &mut hidden } else { &mut released };
                *count += u64::from(apply_mark(connection, mark, Some(&preparer))?);
            }
            if hidden + released > 0 {
                delete_empty_twins(connection)?;
                bump_generation(connection)?;
            }
            Ok((hidden, released))
        })
    }
}

/// Hides a message that was just stored if it was quarantined, here or elsewhere, before it came.
pub(super) fn hide_if_marked(connection: &Connection, id: MessageId, message: i64) -> Result<()> {
    let sql = "SELECT 1 FROM quarantine_marks WHERE uid = ?1 AND hidden = 1";
    if !connection.prepare_cached(sql)?.exists([id.as_bytes()])? {
        return Ok(());
    }
    let Some(mark) = find_mark(connection, id)? else { return Ok(()) };
    let sql = "SELECT conversation_id FROM messages WHERE id = ?1";
    let conversation = connection.query_row(sql, [message], |row| row.get(0))?;
    keyword_index::remove_passages(connection, "a.message_id = ?1", message, &TermExtractor::default())?;
    Ok(hide_message(connection, message, conversation, &mark.reason, mark.at)?)
}

fn find_visible(connection: &Connection, id: MessageId) -> Result<Option<(i64, i64)>> {
    let sql = format!("SELECT m.id, m.conversation_id FROM messages m WHERE m.uid = ?1{NOT_QUARANTINED}");
    let found = connection.query_row(&sql, [id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional();
    Ok(found?)
}

/// Hides or releases the message of a mark if it is here, and logs the change, which is sent on either way. Releasing
/// needs a preparer. Returns true if the message changed.
fn apply_mark(connection: &Connection, mark: &QuarantineMark, preparer: Option<&Preparer>) -> Result<bool> {
    let mut changed = false;
    if mark.hidden {
        if let Some((message, conversation)) = find_visible(connection, mark.message)? {
            keyword_index::remove_passages(connection, "a.message_id = ?1", message, &TermExtractor::default())?;
            hide_message(connection, message, conversation, &mark.reason, mark.at)?;
            changed = true;
        }
    } else if let Some(preparer) = preparer {
        let sql = "SELECT m.id FROM messages m JOIN quarantine q ON q.message_id = m.id WHERE m.uid = ?1";
        let found = connection.query_row(sql, [mark.message.as_bytes()], |row| row.get(0)).optional();
        if let Some(message) = found? {
            show_message(connection, message)?;
            parts::rebuild_passages(connection, message, preparer)?;
            changed = true;
        }
    }
    if changed || mark.seal.is_some() {
        log_change(connection, mark.message, mark.at)?;
    }
    Ok(changed)
}

fn find_mark(connection: &Connection, id: MessageId) -> rusqlite::Result<Option<QuarantineMark>> {
    let sql = "SELECT uid, at, hidden, reason, machine, signature FROM quarantine_marks WHERE uid = ?1";
    connection
        .prepare_cached(sql)?
        .query_row([id.as_bytes()], |row| {
            let (machine, signature): (Option<[u8; 32]>, Option<[u8; 64]>) = (row.get(4)?, row.get(5)?);
            Ok(QuarantineMark {
                message: read_uid(row, 0)?,
                at: read_time(row, 1)?,
                hidden: row.get(2)?,
                reason: row.get(3)?,
                seal: machine.map(MachineKey).zip(signature),
            })
        })
        .optional()
}

/// Returns the time of a decision made now: after the last one, whatever clock that had.
fn time_of_next_mark(connection: &Connection, id: MessageId, now: Timestamp) -> rusqlite::Result<Timestamp> {
    Ok(find_mark(connection, id)?.map_or(now, |last| now.max(last.at.minus_milliseconds(-1))))
}

fn store_mark(connection: &Connection, mark: &QuarantineMark) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO quarantine_marks (uid, at, hidden, reason, machine, signature)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![
        mark.message.as_bytes(),
        mark.at.to_milliseconds(),
        mark.hidden,
        mark.reason,
        mark.seal.map(|(machine, _)| machine.0),
        mark.seal.map(|(_, signature)| signature)
    ];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

fn delete_empty_twins(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "DELETE FROM conversations WHERE source LIKE 'quarantine:%'
               AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = conversations.id)";
    connection.execute(sql, []).map(drop)
}

fn hide_message(
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
    connection.execute(sql, params![conversation, QUARANTINE_PREFIX])?;
    let sql = "UPDATE messages SET conversation_id = (SELECT t.id FROM conversations t JOIN conversations c
                 ON t.source = ?3 || c.source AND t.external_id = c.external_id WHERE c.id = ?2) WHERE id = ?1";
    connection.execute(sql, params![message, conversation, QUARANTINE_PREFIX])?;
    // A title may quote a hidden message.
    connection.execute("UPDATE conversations SET title = NULL WHERE id = ?1", [conversation])?;
    remove_signed_titles(connection, conversation)?;
    let sql = "INSERT INTO quarantine (message_id, at, reason) VALUES (?1, ?2, ?3)";
    connection.execute(sql, params![message, now.to_milliseconds(), reason]).map(drop)
}

/// Moves a message back into its conversation, which exists as long as its twin does.
fn show_message(connection: &Connection, message: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM quarantine WHERE message_id = ?1", [message])?;
    let sql = "UPDATE messages SET conversation_id = (SELECT c.id FROM conversations c JOIN conversations t
                 ON t.source = ?2 || c.source AND t.external_id = c.external_id WHERE t.id = messages.conversation_id) WHERE id = ?1";
    connection.execute(sql, params![message, QUARANTINE_PREFIX]).map(drop)
}

fn log_change(connection: &Connection, id: MessageId, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "INSERT INTO changes (uid, change, at) VALUES (?1, 'upsert', ?2)";
    connection.execute(sql, params![id.as_bytes(), now.to_milliseconds()]).map(drop)
}

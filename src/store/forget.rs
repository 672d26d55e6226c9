//! Taking messages out for good: rows, words, vectors and queue, with a tombstone so that no import brings them back.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::branches;
use super::columns::raise_generation;
use super::connection::{self, Access};
use super::error::{Error, Result};
use super::{Store, words};
use crate::domain::text::terms::Terms;
use crate::domain::{Kind, MessageId, Timestamp};

/// What was taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Messages.
    pub messages: u64,
    /// Their parts.
    pub parts: u64,
    /// Passages that had vectors.
    pub vectors: u64,
    /// Pieces of the stored form of what no other message says: none of them may be left on the disk.
    pub traces: Vec<Vec<u8>>,
}

/// So many bytes out of the middle of a frame are searched for afterwards.
const TRACE_BYTES: usize = 48;

impl Store {
    /// The messages of a conversation and of the subagents that it started.
    ///
    /// # Errors
    /// When reading fails.
    pub fn messages_of(&self, session: &str) -> Result<Vec<MessageId>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list the messages of a session", error);
            let sql = "SELECT m.uid FROM messages m JOIN conversations c ON c.id = m.conversation_id
                       WHERE c.external_id = ?1 OR c.parent_external_id = ?1 ORDER BY m.at, m.id";
            let mut statement = connection.prepare(sql).map_err(failed)?;
            let rows = statement.query_map([session], |row| row.get(0).map(MessageId::from_bytes)).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// These messages, each once, with the saved texts that they replaced: what was replaced must not be in force again
    /// when its successor goes, and says what the successor said.
    ///
    /// # Errors
    /// When reading fails.
    pub fn with_replaced(&self, ids: Vec<MessageId>) -> Result<Vec<MessageId>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("look for what was replaced", error);
            let sql = "WITH RECURSIVE earlier (id) AS (
                         SELECT id FROM messages WHERE uid = ?1
                         UNION SELECT n.message_id FROM notes n JOIN earlier ON n.superseded_by = earlier.id)
                       SELECT m.uid FROM messages m JOIN earlier ON earlier.id = m.id WHERE m.uid <> ?1 ORDER BY m.id";
            let mut statement = connection.prepare(sql).map_err(failed)?;
            let (mut known, mut all) = (HashSet::new(), Vec::with_capacity(ids.len()));
            for id in ids {
                let rows = statement.query_map([id.as_bytes()], |row| row.get(0).map(MessageId::from_bytes));
                let replaced: Vec<MessageId> = rows.and_then(Iterator::collect).map_err(failed)?;
                all.extend(std::iter::once(id).chain(replaced).filter(|id| known.insert(*id)));
            }
            Ok(all)
        })
    }

    /// Texts of a message; what is damaged is left out.
    ///
    /// # Errors
    /// When reading fails.
    pub fn texts_of(&self, id: MessageId) -> Result<Vec<String>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read the texts of a message", error);
            let sql = "SELECT p.id FROM parts p JOIN messages m ON m.id = p.message_id WHERE m.uid = ?1 ORDER BY p.id";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let rows = statement.query_map([id.as_bytes()], |row| row.get(0)).map_err(failed)?;
            let parts: Vec<i64> = rows.collect::<rusqlite::Result<_>>().map_err(failed)?;
            Ok(parts.into_iter().filter_map(|part| text_of(connection, part)).collect())
        })
    }

    /// Shows each text of a conversation and of the subagents that it started, with its message, as far as it came in after the
    /// passage `after`; what is damaged is left out. Returns the last passage.
    ///
    /// # Errors
    /// When reading fails.
    pub fn each_text_of_session(
        &self,
        session: &str,
        after: i64,
        show: &mut dyn FnMut(MessageId, &str),
    ) -> Result<i64> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read the texts of a session", error);
            // Ids of passages are never reused.
            let sql = "SELECT m.uid, a.part_id, max(a.id) FROM passages a JOIN messages m ON m.id = a.message_id
                       JOIN conversations c ON c.id = m.conversation_id
                       WHERE (c.external_id = ?1 OR c.parent_external_id = ?1) AND a.id > ?2 GROUP BY a.part_id";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let mut rows = statement.query(params![session, after]).map_err(failed)?;
            let mut last = after;
            while let Some(row) = rows.next().map_err(failed)? {
                let id = MessageId::from_bytes(row.get(0).map_err(failed)?);
                if let Some(text) = text_of(connection, row.get(1).map_err(failed)?) {
                    show(id, &text);
                }
                last = last.max(row.get(2).map_err(failed)?);
            }
            Ok(last)
        })
    }

    /// Sessions in which a tool whose name ends so was called between two moments, or by one of their subagents.
    ///
    /// # Errors
    /// When reading fails.
    pub fn sessions_calling(&self, tool: &str, from: Timestamp, to: Timestamp) -> Result<Vec<String>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("look for calls of a tool", error);
            let sql = "SELECT DISTINCT coalesce(c.parent_external_id, c.external_id)
                       FROM messages m JOIN parts p ON p.message_id = m.id JOIN conversations c ON c.id = m.conversation_id
                       WHERE m.at BETWEEN ?1 AND ?2 AND p.kind = ?3 AND substr(p.tool, -length(?4)) = ?4";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let values = params![from.milliseconds(), to.milliseconds(), Kind::ToolUse.number(), tool];
            let rows = statement.query_map(values, |row| row.get(0)).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// Takes messages out in one transaction. Ids that are not there get their tombstone all the same.
    ///
    /// # Errors
    /// When reading or writing fails; nothing is then taken out.
    pub fn forget(&self, ids: Vec<MessageId>, reason: String, now: Timestamp) -> Result<Forgotten> {
        self.write(move |connection| {
            let (terms, mut forgotten) = (Terms::default(), Gathered::default());
            for id in ids {
                let everywhere = branches::id_everywhere(connection, id)?;
                one(connection, id, &terms, &mut forgotten)?;
                let failed = |error| Error::sqlite("bury a message", error);
                let uid = id.as_bytes();
                let at = now.milliseconds();
                connection.execute("DELETE FROM outbox WHERE uid = ?1", [uid]).map_err(failed)?;
                connection
                    .execute("INSERT INTO outbox (uid, change, at) VALUES (?1, 'forget', ?2)", params![uid, at])
                    .map_err(failed)?;
                let sql = "INSERT OR IGNORE INTO tombstones (uid, at, reason) VALUES (?1, ?2, ?3)";
                connection.execute(sql, params![uid, at, reason]).map_err(failed)?;
                // A fork that copied it must not bring it back.
                if let Some(everywhere) = everywhere {
                    connection.execute(sql, params![everywhere.as_bytes(), at, reason]).map_err(failed)?;
                }
            }
            let failed = |error| Error::sqlite("bury messages", error);
            remove_empty(connection).and_then(|()| raise_generation(connection)).map_err(failed)?;
            forgotten.done.traces = only_theirs(connection, std::mem::take(&mut forgotten.hashes)).map_err(failed)?;
            Ok(forgotten.done)
        })
    }

    /// Moves everything from the write-ahead log into the database and empties the log, which still holds old pages.
    /// `false` when another process reads and the log could not be emptied yet.
    ///
    /// # Errors
    /// When writing fails.
    pub fn empty_log(&self) -> Result<bool> {
        let writer = connection::open(self.path(), Access::Write { full: true })?;
        let busy: i64 = writer
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(|error| Error::sqlite("empty the log", error))?;
        Ok(busy == 0)
    }
}

/// The text of a part, unless it is damaged.
fn text_of(connection: &Connection, part: i64) -> Option<String> {
    let sql = "SELECT body_text(body, body_bytes) FROM parts WHERE id = ?1";
    connection.prepare_cached(sql).and_then(|mut statement| statement.query_row([part], |row| row.get(0))).ok()
}

pub(super) fn one(connection: &Connection, id: MessageId, terms: &Terms, forgotten: &mut Gathered) -> Result<()> {
    let failed = |error| Error::sqlite("take a message out", error);
    let row: Option<(i64, i64)> = connection
        .query_row("SELECT id, conversation_id FROM messages WHERE uid = ?1", [id.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .map_err(failed)?;
    let Some((message, conversation)) = row else { return Ok(()) };
    words::take_out(connection, "a.message_id = ?1", message, terms)?;
    let mut statement =
        connection.prepare_cached("SELECT content_hash, body FROM parts WHERE message_id = ?1").map_err(failed)?;
    let parts = statement.query_map([message], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))).map_err(failed)?;
    for part in parts {
        let (hash, body): ([u8; 16], Vec<u8>) = part.map_err(failed)?;
        forgotten.done.parts += 1;
        // The middle of a frame: its head is the same in all of them.
        let start = body.len().saturating_sub(TRACE_BYTES) / 2;
        if let Some(trace) = body.get(start..start + TRACE_BYTES) {
            forgotten.hashes.push((hash, trace.to_vec()));
        }
    }
    let sql = "SELECT count(*) FROM embeddings e JOIN passages a ON a.id = e.passage_id WHERE a.message_id = ?1";
    forgotten.done.vectors += connection.query_row(sql, [message], |row| row.get::<_, u64>(0)).map_err(failed)?;
    connection.execute("DELETE FROM messages WHERE id = ?1", [message]).map_err(failed)?;
    connection.execute("UPDATE conversations SET title = NULL WHERE id = ?1", [conversation]).map_err(failed)?;
    forgotten.done.messages += 1;
    Ok(())
}

/// The traces of what no other message says: what one says too stays, and is no trace. Reads the hashes of all texts once,
/// however many are looked for; an index of them would cost every import for the few times somebody forgets.
fn only_theirs(connection: &Connection, hashes: Vec<([u8; 16], Vec<u8>)>) -> rusqlite::Result<Vec<Vec<u8>>> {
    let mut theirs: HashSet<[u8; 16]> = hashes.iter().map(|(hash, _)| *hash).collect();
    let mut statement = connection.prepare_cached("SELECT content_hash FROM parts")?;
    let mut rows = statement.query([])?;
    while !theirs.is_empty()
        && let Some(row) = rows.next()?
    {
        theirs.remove(&row.get::<_, [u8; 16]>(0)?);
    }
    Ok(hashes.into_iter().filter(|(hash, _)| theirs.contains(hash)).map(|(_, trace)| trace).collect())
}

/// An empty conversation has nothing left to say, unless its messages are in quarantine.
pub(super) fn remove_empty(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "DELETE FROM conversations WHERE NOT EXISTS
                 (SELECT 1 FROM messages m WHERE m.conversation_id = conversations.id) AND NOT EXISTS
                 (SELECT 1 FROM conversations t WHERE t.source = 'quarantine:' || conversations.source
                    AND t.external_id = conversations.external_id)";
    connection.execute(sql, []).map(drop)
}

/// While it is being done.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) done: Forgotten,
    hashes: Vec<([u8; 16], Vec<u8>)>,
}

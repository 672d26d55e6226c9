//! Permanent deletion of messages: rows, postings, embeddings and queue entries. A tombstone keeps imports from
//! bringing them back.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::connection::{self, AccessMode};
use super::copies::{self, CopyPolicy};
use super::doc_values::bump_generation;
use super::edited_lines;
use super::error::Result;
use super::signed_places::remove_signed_titles;
use super::{Snapshot, Store, keyword_index};
use super::{forks, projects};
use crate::domain::text::terms::TermExtractor;
use crate::domain::{MessageId, PartKind, Timestamp};

/// Counts and traces of deleted messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletionCounts {
    pub messages: u64,
    /// Parts of the deleted messages.
    pub parts: u64,
    /// Number of deleted embeddings.
    pub vectors: u64,
    /// Byte sequences of the deleted frames whose text no other message has. None of them may be left on the disk.
    pub traces: Vec<Vec<u8>>,
    /// Deleted texts that other messages have too, so that their bytes stay.
    pub shared: u64,
}

/// Length of the byte sequence, from the middle of a frame, that is searched for afterwards. A shorter frame is searched
/// for as a whole.
const TRACE_BYTES: usize = 48;
/// Length from which a frame leaves its page. Two sequences of it are then searched for: one may lie across two pages.
const SPILLED_BYTES: usize = 3_000;

impl Snapshot<'_> {
    /// Returns the messages of a session and of the subagents that it started, by time.
    pub fn session_messages(&self, session: &str) -> Result<Vec<MessageId>> {
        self.query("list the messages of a session", |connection| {
            let sql = "SELECT m.uid FROM messages m JOIN conversations c ON c.id = m.conversation_id
                       WHERE c.external_id = ?1 OR c.parent_external_id = ?1 ORDER BY m.at, m.id";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([session], |row| row.get(0).map(MessageId::from_bytes))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns these messages, each once, with the notes that they replaced. A replaced note must not be in force again
    /// when its successor is deleted, and it says what the successor said.
    pub fn with_superseded(&self, ids: Vec<MessageId>) -> Result<Vec<MessageId>> {
        self.query("look for replaced notes", |connection| {
            let sql = "WITH RECURSIVE earlier (id) AS (
                         SELECT id FROM messages WHERE uid = ?1
                         UNION SELECT n.message_id FROM notes n JOIN earlier ON n.superseded_by = earlier.id)
                       SELECT m.uid FROM messages m JOIN earlier ON earlier.id = m.id WHERE m.uid <> ?1 ORDER BY m.id";
            let mut statement = connection.prepare(sql)?;
            let (mut known, mut all) = (HashSet::new(), Vec::with_capacity(ids.len()));
            for id in ids {
                let rows = statement.query_map([id.as_bytes()], |row| row.get(0).map(MessageId::from_bytes));
                let replaced: Vec<MessageId> = rows.and_then(Iterator::collect)?;
                all.extend(std::iter::once(id).chain(replaced).filter(|id| known.insert(*id)));
            }
            Ok(all)
        })
    }

    /// Returns the texts of a message. Damaged ones are left out.
    pub fn message_texts(&self, id: MessageId) -> Result<Vec<String>> {
        self.query("read the texts of a message", |connection| {
            let sql = "SELECT p.id FROM parts p JOIN messages m ON m.id = p.message_id WHERE m.uid = ?1 ORDER BY p.id";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([id.as_bytes()], |row| row.get(0))?;
            let parts: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
            Ok(parts.into_iter().filter_map(|part| read_part_text(connection, part)).collect())
        })
    }

    /// Calls `show` with each text of a session and its subagents, and its message, as far as it was stored after the
    /// passage `after`. Damaged texts are left out. Returns the last passage read.
    pub fn each_text_of_session(
        &self,
        session: &str,
        after: i64,
        show: &mut dyn FnMut(MessageId, &str),
    ) -> Result<i64> {
        self.query("read the texts of a session", |connection| {
            // Passage ids are never reused.
            let sql = "SELECT m.uid, a.part_id, max(a.id) FROM passages a JOIN messages m ON m.id = a.message_id
                       JOIN conversations c ON c.id = m.conversation_id
                       WHERE (c.external_id = ?1 OR c.parent_external_id = ?1) AND a.id > ?2 GROUP BY a.part_id";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![session, after])?;
            let mut last = after;
            while let Some(row) = rows.next()? {
                let id = MessageId::from_bytes(row.get(0)?);
                if let Some(text) = read_part_text(connection, row.get(1)?) {
                    show(id, &text);
                }
                last = last.max(row.get(2)?);
            }
            Ok(last)
        })
    }

    /// Returns the sessions in which a tool was called between two times, by the session or its subagents. `tool` is
    /// matched against the end of the tool's name.
    pub fn sessions_calling(&self, tool: &str, from: Timestamp, to: Timestamp) -> Result<Vec<String>> {
        self.query("look for calls of a tool", |connection| {
            let sql = "SELECT DISTINCT coalesce(c.parent_external_id, c.external_id)
                       FROM messages m JOIN parts p ON p.message_id = m.id JOIN conversations c ON c.id = m.conversation_id
                       WHERE m.at BETWEEN ?1 AND ?2 AND p.kind = ?3 AND substr(p.tool, -length(?4)) = ?4";
            let mut statement = connection.prepare_cached(sql)?;
            let values = params![from.to_milliseconds(), to.to_milliseconds(), PartKind::ToolUse.number(), tool];
            let rows = statement.query_map(values, |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

impl Store {
    /// Deletes messages permanently, in one transaction. Unknown ids get a tombstone too. `policy` says what
    /// becomes of them in copies of the store.
    ///
    /// # Errors
    /// When reading or writing fails; nothing is then deleted.
    pub fn forget(
        &self,
        ids: Vec<MessageId>,
        reason: String,
        policy: CopyPolicy,
        now: Timestamp,
    ) -> Result<DeletionCounts> {
        self.write("delete a message", move |connection| {
            let (terms, mut forgotten) = (TermExtractor::default(), DeletionProgress::default());
            let next = connection.query_row(copies::NEXT_NUMBER, [], |row| row.get(0))?;
            let (number, confirmed) = policy.number_deletion(next);
            for id in ids {
                let everywhere = forks::find_shared_tombstone(connection, id)?;
                let session = remove_title(connection, id)?;
                delete_message(connection, id, &terms, &mut forgotten)?;
                let uid = id.as_bytes();
                let at = now.to_milliseconds();
                connection.execute("DELETE FROM changes WHERE uid = ?1", [uid])?;
                connection
                    .execute("INSERT INTO changes (uid, change, at) VALUES (?1, 'forget', ?2)", params![uid, at])?;
                connection.execute("DELETE FROM quarantine_marks WHERE uid = ?1", [uid])?;
                let sql = "INSERT INTO tombstones (uid, at, reason, number, confirmed, session) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                           ON CONFLICT (uid) DO UPDATE SET confirmed = 1, number = excluded.number
                             WHERE confirmed < excluded.confirmed";
                connection.execute(sql, params![uid, at, reason, number, confirmed, session])?;
                // A fork that copied the message must not bring it back. No copy has a message of this id.
                if let Some(everywhere) = everywhere {
                    let (number, confirmed) = CopyPolicy::NotCopied.number_deletion(next);
                    let session: Option<String> = None;
                    connection.execute(sql, params![everywhere.as_bytes(), at, reason, number, confirmed, session])?;
                }
            }
            edited_lines::remove_lines_of_parts(connection, &forgotten.edits)?;
            delete_empty_conversations(connection)?;
            projects::delete_unused_projects(connection).and_then(|()| bump_generation(connection))?;
            let hashes = std::mem::take(&mut forgotten.hashes);
            (forgotten.done.traces, forgotten.done.shared) = unshared_traces(connection, hashes)?;
            Ok(forgotten.done)
        })
    }

    /// Checkpoints the write-ahead log and truncates it, because it still holds old pages. Returns false if another
    /// process reads and the log could not be truncated yet.
    pub fn truncate_log(&self) -> Result<bool> {
        let writer = connection::open(self.path(), AccessMode::Write { full: true })?;
        let busy: i64 = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        Ok(busy == 0)
    }
}

/// Reads the text of a part; `None` if it is damaged.
fn read_part_text(connection: &Connection, part: i64) -> Option<String> {
    let sql = "SELECT body_text(body, body_bytes) FROM parts WHERE id = ?1";
    connection.prepare_cached(sql).and_then(|mut statement| statement.query_row([part], |row| row.get(0))).ok()
}

/// Removes the titles of a message's session, which may quote the message, and keeps later ones out. Returns the id of the session; `None` for a
/// note, or if there is no such message.
fn remove_title(connection: &Connection, id: MessageId) -> Result<Option<String>> {
    let sql = "UPDATE conversations SET title = NULL WHERE id = (SELECT conversation_id FROM messages WHERE uid = ?1)
               RETURNING iif(source IN ('saved', 'quarantine:saved'), NULL, external_id)";
    let session = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([id.as_bytes()], |row| row.get(0)).optional())?;
    let session: Option<String> = session.flatten();
    if let Some(session) = &session {
        let sql = "SELECT conversation_id FROM messages WHERE uid = ?1";
        remove_signed_titles(connection, connection.query_row(sql, [id.as_bytes()], |row| row.get(0))?)?;
        connection.execute("DELETE FROM pending_titles WHERE session = ?1", [session])?;
        let sql = "INSERT OR IGNORE INTO deleted_parts (key)
                   SELECT p.key FROM parts p JOIN messages m ON m.id = p.message_id WHERE m.uid = ?1";
        connection.execute(sql, [id.as_bytes()])?;
    }
    Ok(session)
}

pub(super) fn delete_message(
    connection: &Connection,
    id: MessageId,
    terms: &TermExtractor,
    forgotten: &mut DeletionProgress,
) -> Result<()> {
    let sql = "SELECT id FROM messages WHERE uid = ?1";
    let row: Option<i64> = connection.query_row(sql, [id.as_bytes()], |row| row.get(0)).optional()?;
    let Some(message) = row else { return Ok(()) };
    keyword_index::remove_passages(connection, "a.message_id = ?1", message, terms)?;
    let mut statement =
        connection.prepare_cached("SELECT content_hash, body FROM parts WHERE message_id = ?1 AND body_bytes > 0")?;
    let parts = statement.query_map([message], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    for part in parts {
        let (hash, body): ([u8; 16], Vec<u8>) = part?;
        forgotten.done.parts += 1;
        forgotten.hashes.push((hash, select_traces(body)));
    }
    let sql = "SELECT count(*) FROM embeddings e JOIN passages a ON a.id = e.passage_id WHERE a.message_id = ?1";
    forgotten.done.vectors += connection.query_row(sql, [message], |row| row.get::<_, u64>(0))?;
    forgotten.edits.extend(edited_lines::find_edit_parts(connection, message)?);
    connection.execute("DELETE FROM messages WHERE id = ?1", [message])?;
    forgotten.done.messages += 1;
    Ok(())
}

/// Selects the byte sequences of a frame to search for. They are from its middle: the head is the same in all frames.
fn select_traces(body: Vec<u8>) -> Vec<Vec<u8>> {
    let count = if body.len() > SPILLED_BYTES { 2 } else { 1 };
    if body.len() <= TRACE_BYTES {
        return vec![body];
    }
    let starts = (1..=count).map(|part| (body.len() - TRACE_BYTES) * part / (count + 1));
    starts.filter_map(|start| Some(body.get(start..start + TRACE_BYTES)?.to_vec())).collect()
}

/// Selects the traces of texts that no other message has, and counts the texts that another has: those stay. Reads the
/// hashes of all texts once, however many are looked for; an index of them would cost every import for the rare
/// deletion.
fn unshared_traces(connection: &Connection, hashes: Vec<TextTraces>) -> rusqlite::Result<(Vec<Vec<u8>>, u64)> {
    let mut theirs: HashSet<[u8; 16]> = hashes.iter().map(|(hash, _)| *hash).collect();
    let mut statement = connection.prepare_cached("SELECT content_hash FROM parts")?;
    let mut rows = statement.query([])?;
    while !theirs.is_empty()
        && let Some(row) = rows.next()?
    {
        theirs.remove(&row.get::<_, [u8; 16]>(0)?);
    }
    let all = hashes.len();
    let unshared: Vec<_> = hashes.into_iter().filter(|(hash, _)| theirs.contains(hash)).collect();
    let shared = (all - unshared.len()) as u64;
    Ok((unshared.into_iter().flat_map(|(_, traces)| traces).collect(), shared))
}

/// Deletes sessions without messages, unless their messages are in quarantine.
pub(super) fn delete_empty_conversations(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "DELETE FROM conversations WHERE NOT EXISTS
                 (SELECT 1 FROM messages m WHERE m.conversation_id = conversations.id) AND NOT EXISTS
                 (SELECT 1 FROM conversations t WHERE t.source = 'quarantine:' || conversations.source
                    AND t.external_id = conversations.external_id)";
    connection.execute(sql, []).map(drop)
}

/// Running result of a deletion.
#[derive(Default)]
pub(super) struct DeletionProgress {
    pub(super) done: DeletionCounts,
    hashes: Vec<TextTraces>,
    /// Deleted parts that may have rows of edited lines.
    pub(super) edits: Vec<i64>,
}

/// Hash of a text, and the byte sequences of its frame that are searched for.
type TextTraces = ([u8; 16], Vec<Vec<u8>>);

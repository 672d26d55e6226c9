//! Questions about edits: which parts changed a line, what a part edited, which commits were printed, and how long each
//! session lasted. Edits of messages in quarantine are left out. Does not own the rows (`edited_lines`).

use rusqlite::{OptionalExtension as _, Row, params};

use super::Snapshot;
use super::error::Result;
use super::filter::{NOT_QUARANTINED, VISIBLE_CONVERSATION};
use super::message_queries::{invalid_number, read_time, read_uid};
use crate::domain::edit::{FileEdit, LineChange, read_file_edits};
use crate::domain::{MessageId, Timestamp};

/// A line that an edit changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EditedLine {
    /// Hash of the line, see [`LineHasher`](crate::domain::edit::LineHasher).
    pub hash: i64,
    /// Row id in `parts` of the call.
    pub part: i64,
    pub change: LineChange,
}

/// Call of a tool that edited files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEdit {
    /// Row id in `parts`.
    pub part: i64,
    pub message: MessageId,
    /// Row id in `conversations`.
    pub conversation: i64,
    /// Session id in its source; of a subagent its own.
    pub session: String,
    /// Session that started it, if a subagent made the edit.
    pub parent_session: Option<String>,
    /// Row and name of the project.
    pub project: (i64, String),
    pub at: Timestamp,
    /// Working directory of the call; relative paths begin there.
    pub directory: String,
    /// Paths of the edited files as the call gives them.
    pub paths: Vec<String>,
    pub tool: String,
    /// True if a subagent made the edit.
    pub is_subagent: bool,
}

/// Commit that git printed in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCommit {
    /// Row id in `parts` of the output.
    pub part: i64,
    pub message: MessageId,
    /// Row id in `conversations`.
    pub conversation: i64,
    pub session: String,
    pub parent_session: Option<String>,
    pub at: Timestamp,
    /// Abbreviated id.
    pub id: String,
    pub subject: String,
}

/// First and last time of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSpan {
    /// Row id in `conversations`.
    pub conversation: i64,
    pub session: String,
    pub parent_session: Option<String>,
    /// Row of the project.
    pub project: i64,
    pub first: Timestamp,
    pub last: Timestamp,
}

/// Number of rows about edits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EditCounts {
    /// Calls with at least one line.
    pub edits: u64,
    pub lines: u64,
    /// Commits that git printed.
    pub commits: u64,
    /// Parts of an older store that were not searched for edits yet.
    pub unread: u64,
}

impl Snapshot<'_> {
    /// Returns the edits that changed lines with these hashes, in no particular order.
    pub fn find_edited_lines(&self, hashes: &[i64]) -> Result<Vec<EditedLine>> {
        self.query("look for edited lines", |connection| {
            let has_hidden: bool =
                connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM quarantine)")?.query_row([], |row| row.get(0))?;
            let visible = if has_hidden {
                " AND NOT EXISTS (SELECT 1 FROM parts p JOIN quarantine q ON q.message_id = p.message_id WHERE p.id = e.part)"
            } else {
                ""
            };
            let sql = format!("SELECT e.hash, e.part, e.kind FROM edited_lines e WHERE e.hash = ?1{visible}");
            let mut statement = connection.prepare_cached(&sql)?;
            let mut lines = Vec::new();
            for hash in hashes {
                let rows = statement.query_map([hash], |row| {
                    let change = LineChange::from_number(row.get(2)?).ok_or_else(invalid_number)?;
                    Ok(EditedLine { hash: row.get(0)?, part: row.get(1)?, change })
                })?;
                for row in rows {
                    lines.push(row?);
                }
            }
            Ok(lines)
        })
    }

    /// Returns these calls, in the order of `parts`. Unknown and quarantined ones are left out.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn read_edits(&self, parts: &[i64]) -> Result<Vec<StoredEdit>> {
        self.query("read edits", |connection| {
            let sql = format!(
                "SELECT p.id, m.uid, c.id, c.external_id, c.parent_external_id, pr.id, pr.name, m.at, d.directory, p.tool,
                   m.sidechain, body_text(p.body, p.body_bytes)
                 FROM parts p JOIN messages m ON m.id = p.message_id JOIN conversations c ON c.id = m.conversation_id
                 JOIN projects pr ON pr.id = m.project_id JOIN project_directories d ON d.id = m.directory_id
                 WHERE p.id = ?1{NOT_QUARANTINED}"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let mut edits = Vec::with_capacity(parts.len());
            for part in parts {
                edits.extend(statement.query_row([part], parse_edit).optional()?);
            }
            Ok(edits)
        })
    }

    /// Returns the files that a call edited, with their lines, as far as the call is stored and not in quarantine.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn read_file_edits(&self, part: i64) -> Result<Vec<FileEdit>> {
        self.query("read an edit", |connection| {
            let sql = format!(
                "SELECT coalesce(p.tool, ''), body_text(p.body, p.body_bytes) FROM parts p
                 JOIN messages m ON m.id = p.message_id WHERE p.id = ?1{NOT_QUARANTINED}"
            );
            let read_row = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
            let found = connection.prepare_cached(&sql)?.query_row([part], read_row).optional()?;
            Ok(found.map_or_else(Vec::new, |(tool, text)| read_file_edits(&tool, &text)))
        })
    }

    /// Returns the commits that git printed between two times, both inclusive, oldest first.
    pub fn printed_commits(&self, from: Timestamp, to: Timestamp) -> Result<Vec<StoredCommit>> {
        self.query("read printed commits", |connection| {
            let sql = format!(
                "SELECT k.part, m.uid, c.id, c.external_id, c.parent_external_id, m.at, k.id, k.subject
                 FROM printed_commits k JOIN parts p ON p.id = k.part JOIN messages m ON m.id = p.message_id
                 JOIN conversations c ON c.id = m.conversation_id
                 WHERE m.at BETWEEN ?1 AND ?2{NOT_QUARANTINED} ORDER BY m.at, k.part, k.ordinal"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![from.to_milliseconds(), to.to_milliseconds()], |row| {
                Ok(StoredCommit {
                    part: row.get(0)?,
                    message: read_uid(row, 1)?,
                    conversation: row.get(2)?,
                    session: row.get(3)?,
                    parent_session: row.get(4)?,
                    at: read_time(row, 5)?,
                    id: row.get(6)?,
                    subject: row.get(7)?,
                })
            });
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the first and the last time of each session, subagents included, notes not.
    pub fn session_spans(&self) -> Result<Vec<SessionSpan>> {
        self.query("read the times of sessions", |connection| {
            let sql = format!(
                "SELECT c.id, c.external_id, c.parent_external_id, c.project_id, c.started_at, c.ended_at
                 FROM conversations c WHERE c.source <> 'saved'{VISIBLE_CONVERSATION} ORDER BY c.id"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([], |row| {
                Ok(SessionSpan {
                    conversation: row.get(0)?,
                    session: row.get(1)?,
                    parent_session: row.get(2)?,
                    project: row.get(3)?,
                    first: read_time(row, 4)?,
                    last: read_time(row, 5)?,
                })
            });
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the number of parts of an older store that were not searched for edits yet. Costs nothing when there are
    /// none.
    pub fn count_unread_edits(&self) -> Result<u64> {
        self.query("count the unread edits", |connection| {
            let sql = "SELECT count(*) FROM parts
                       WHERE id > (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'edits_read')";
            Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
        })
    }

    /// Counts the rows about edits. Reads all of them.
    pub fn count_edits(&self) -> Result<EditCounts> {
        let unread = self.count_unread_edits()?;
        self.query("count the edits", |connection| {
            let sql = "SELECT count(DISTINCT part), count(*), (SELECT count(*) FROM printed_commits) FROM edited_lines";
            let counts = connection.prepare_cached(sql)?.query_row([], |row| {
                Ok(EditCounts { edits: row.get(0)?, lines: row.get(1)?, commits: row.get(2)?, unread })
            });
            Ok(counts?)
        })
    }
}

fn parse_edit(row: &Row<'_>) -> rusqlite::Result<StoredEdit> {
    let parent_session: Option<String> = row.get(4)?;
    let tool: String = row.get::<_, Option<String>>(9)?.unwrap_or_default();
    let text: String = row.get(11)?;
    let mut paths: Vec<String> = read_file_edits(&tool, &text).into_iter().filter_map(|edit| edit.path).collect();
    paths.dedup();
    Ok(StoredEdit {
        part: row.get(0)?,
        message: read_uid(row, 1)?,
        conversation: row.get(2)?,
        session: row.get(3)?,
        is_subagent: parent_session.is_some() || row.get(10)?,
        parent_session,
        project: (row.get(5)?, row.get(6)?),
        at: read_time(row, 7)?,
        directory: row.get(8)?,
        paths,
        tool,
    })
}

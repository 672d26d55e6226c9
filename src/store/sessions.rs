//! Lists of sessions by time, with a summary of each. Does not own their messages.

use rusqlite::types::Value;
use rusqlite::{Row, params, params_from_iter};

use super::Snapshot;
use super::error::Result;
use super::filter::{VISIBLE_CONVERSATION, file_clause, push_in_list};
use super::message_queries::{HAS_MESSAGES, TITLE_SQL, read_time, read_uid};
use crate::domain::{MessageId, Timestamp};

/// Maximum number of files in a summary.
const MAX_FILES: usize = 8;

/// Filter of listed sessions. Subagents are left out by default, notes always.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Rows of projects; `None` for all.
    pub projects: Option<Vec<i64>>,
    /// Lower bound of the end time, inclusive.
    pub after: Option<Timestamp>,
    /// Upper bound of the start time, exclusive.
    pub before: Option<Timestamp>,
    /// File named by a tool call of the session: its path or the end of it.
    pub file: Option<String>,
    /// Includes the sessions of subagents.
    pub subagents: bool,
    /// Oldest first; newest first otherwise.
    pub oldest_first: bool,
}

/// Cursor in the list: start time and row of a session.
pub type SessionCursor = (Timestamp, i64);

/// Summary of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// Row id in `conversations`.
    pub row: i64,
    /// Session id in its source.
    pub session: String,
    /// Source of the session.
    pub source: String,
    /// Title of the session.
    pub title: String,
    /// Name of the session's project.
    pub project: String,
    /// Row of the session's project.
    pub project_row: i64,
    /// Time of the first message.
    pub started_at: Timestamp,
    /// Time of the last message.
    pub ended_at: Timestamp,
    /// Number of messages, without those of subagents.
    pub messages: u64,
    /// Number of subagents that the session started.
    pub subagents: u64,
    /// Git branch of the last message.
    pub git_branch: Option<String>,
    /// Files that its tool calls named, at most eight.
    pub files: Vec<String>,
    /// Total number of those files.
    pub files_total: u64,
    /// Id of the first message.
    pub first: Option<MessageId>,
}

impl Snapshot<'_> {
    /// Returns sessions by start time, those after the cursor `place`.
    pub fn list_sessions(
        &self,
        filter: &SessionFilter,
        place: Option<SessionCursor>,
        limit: usize,
    ) -> Result<Vec<SessionSummary>> {
        let (mut conditions, mut values) = (String::new(), Vec::new());
        if let Some(projects) = &filter.projects {
            push_in_list(&mut conditions, &mut values, "c.project_id", projects.iter().copied().map(Value::from));
        }
        if !filter.subagents {
            conditions.push_str(" AND c.parent_external_id IS NULL");
        }
        for (at, condition) in [(filter.after, " AND c.ended_at >= ?"), (filter.before, " AND c.started_at < ?")] {
            if let Some(at) = at {
                conditions.push_str(condition);
                values.push(Value::from(at.to_milliseconds()));
            }
        }
        if let Some(file) = &filter.file {
            let (sql, bound) = file_clause(file);
            conditions.push_str(&sql);
            values.extend(bound);
        }
        if let Some((at, row)) = place {
            conditions.push_str(if filter.oldest_first {
                " AND (c.started_at, c.id) > (?, ?)"
            } else {
                " AND (c.started_at, c.id) < (?, ?)"
            });
            values.extend([Value::from(at.to_milliseconds()), Value::from(row)]);
        }
        values.push(Value::from(i64::try_from(limit).unwrap_or(i64::MAX)));
        let order = if filter.oldest_first { "c.started_at, c.id" } else { "c.started_at DESC, c.id DESC" };
        let sql = format!(
            "SELECT c.id, c.external_id, c.source, {TITLE_SQL}, pr.name, c.started_at, c.ended_at,
               (SELECT count(*) FROM messages m WHERE m.conversation_id = c.id),
               (SELECT count(*) FROM conversations s WHERE s.parent_external_id = c.external_id AND s.source = c.source),
               (SELECT m.git_branch FROM messages m WHERE m.conversation_id = c.id ORDER BY m.at DESC, m.id DESC LIMIT 1),
               (SELECT count(*) FROM files f WHERE f.conversation_id = c.id),
               (SELECT m.uid FROM messages m WHERE m.conversation_id = c.id ORDER BY m.at, m.id LIMIT 1), pr.id
             FROM conversations c JOIN projects pr ON pr.id = c.project_id
             WHERE c.source <> 'saved'{VISIBLE_CONVERSATION}{HAS_MESSAGES}{conditions} ORDER BY {order} LIMIT ?"
        );
        self.query("list the sessions", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(values), parse_session)?;
            let mut sessions: Vec<SessionSummary> = rows.collect::<rusqlite::Result<_>>()?;
            let sql = "SELECT path FROM files WHERE conversation_id = ?1 ORDER BY path LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            for session in &mut sessions {
                let rows = statement.query_map(params![session.row, MAX_FILES], |row| row.get(0));
                session.files = rows.and_then(Iterator::collect)?;
            }
            Ok(sessions)
        })
    }
}

impl Snapshot<'_> {
    /// Returns messages of some projects before a date, oldest first.
    pub fn messages_before(&self, projects: &[i64], before: Timestamp, limit: usize) -> Result<Vec<MessageId>> {
        let mut sql = "SELECT uid FROM messages WHERE at < ?".to_owned();
        let mut values = vec![Value::from(before.to_milliseconds())];
        push_in_list(&mut sql, &mut values, "project_id", projects.iter().copied().map(Value::from));
        sql.push_str(" ORDER BY at, id LIMIT ?");
        values.push(Value::from(i64::try_from(limit).unwrap_or(i64::MAX)));
        self.query("list the messages", |connection| {
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map(params_from_iter(values), |row| read_uid(row, 0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn parse_session(row: &Row<'_>) -> rusqlite::Result<SessionSummary> {
    Ok(SessionSummary {
        row: row.get(0)?,
        session: row.get(1)?,
        source: row.get(2)?,
        title: row.get(3)?,
        project: row.get(4)?,
        project_row: row.get(12)?,
        started_at: read_time(row, 5)?,
        ended_at: read_time(row, 6)?,
        messages: row.get(7)?,
        subagents: row.get(8)?,
        git_branch: row.get(9)?,
        files: Vec::new(),
        files_total: row.get(10)?,
        first: row.get::<_, Option<[u8; 16]>>(11)?.map(|_| read_uid(row, 11)).transpose()?,
    })
}

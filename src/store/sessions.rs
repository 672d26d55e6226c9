//! Sessions in order of time, with what they are about. Does not own their messages.

use rusqlite::types::Value;
use rusqlite::{Row, params, params_from_iter};

use super::Store;
use super::error::{Error, Result};
use super::filter::{file_clause, one_of};
use super::quarantine::NO_TWIN;
use super::reading::{PEOPLED, TITLE, time, uid};
use crate::domain::{MessageId, Timestamp};

/// Files that a summary names.
const MOST_FILES: usize = 8;

/// Which sessions are listed. Subagents and what was saved on purpose are no sessions of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Rows of projects; `None` for all.
    pub projects: Option<Vec<i64>>,
    /// That were still going on at this moment.
    pub after: Option<Timestamp>,
    /// That began before this moment.
    pub before: Option<Timestamp>,
    /// Whose tool calls named a file that ends like this.
    pub file: Option<String>,
    /// Subagents too.
    pub subagents: bool,
    /// In order of their beginning; the newest first otherwise.
    pub oldest_first: bool,
}

/// A place in the list: the beginning and row of a session.
pub type SessionPlace = (Timestamp, i64);

/// One session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// Row of its conversation.
    pub row: i64,
    /// Its id in its source.
    pub session: String,
    /// The source.
    pub source: String,
    /// Its title.
    pub title: String,
    /// Name of its project.
    pub project: String,
    /// First message.
    pub started_at: Timestamp,
    /// Last message.
    pub ended_at: Timestamp,
    /// How many messages, without subagents.
    pub messages: u64,
    /// Subagents that it started.
    pub subagents: u64,
    /// The branch it ended on.
    pub git_branch: Option<String>,
    /// Some of the files that its tool calls named.
    pub files: Vec<String>,
    /// How many there are.
    pub files_total: u64,
    /// Its first message.
    pub first: Option<MessageId>,
}

impl Store {
    /// Sessions in order of their beginning, those after `place` in that order.
    ///
    /// # Errors
    /// When reading fails.
    pub fn sessions(
        &self,
        filter: &SessionFilter,
        place: Option<SessionPlace>,
        limit: usize,
    ) -> Result<Vec<SessionSummary>> {
        let (mut conditions, mut values) = (String::new(), Vec::new());
        if let Some(projects) = &filter.projects {
            one_of(&mut conditions, &mut values, "c.project_id", projects.iter().copied().map(Value::from));
        }
        if !filter.subagents {
            conditions.push_str(" AND c.parent_external_id IS NULL");
        }
        for (at, condition) in [(filter.after, " AND c.ended_at >= ?"), (filter.before, " AND c.started_at < ?")] {
            if let Some(at) = at {
                conditions.push_str(condition);
                values.push(Value::from(at.milliseconds()));
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
            values.extend([Value::from(at.milliseconds()), Value::from(row)]);
        }
        values.push(Value::from(i64::try_from(limit).unwrap_or(i64::MAX)));
        let order = if filter.oldest_first { "c.started_at, c.id" } else { "c.started_at DESC, c.id DESC" };
        let sql = format!(
            "SELECT c.id, c.external_id, c.source, {TITLE}, pr.name, c.started_at, c.ended_at,
               (SELECT count(*) FROM messages m WHERE m.conversation_id = c.id),
               (SELECT count(*) FROM conversations s WHERE s.parent_external_id = c.external_id AND s.source = c.source),
               (SELECT m.git_branch FROM messages m WHERE m.conversation_id = c.id ORDER BY m.at DESC, m.id DESC LIMIT 1),
               (SELECT count(*) FROM files f WHERE f.conversation_id = c.id),
               (SELECT m.uid FROM messages m WHERE m.conversation_id = c.id ORDER BY m.at, m.id LIMIT 1)
             FROM conversations c JOIN projects pr ON pr.id = c.project_id
             WHERE c.source <> 'saved'{NO_TWIN}{PEOPLED}{conditions} ORDER BY {order} LIMIT ?"
        );
        self.read(|connection| {
            let failed = |error| Error::sqlite("list the sessions", error);
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let rows = statement.query_map(params_from_iter(values), session).map_err(failed)?;
            let mut sessions: Vec<SessionSummary> = rows.collect::<rusqlite::Result<_>>().map_err(failed)?;
            let sql = "SELECT path FROM files WHERE conversation_id = ?1 ORDER BY path LIMIT ?2";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            for session in &mut sessions {
                let rows = statement.query_map(params![session.row, MOST_FILES], |row| row.get(0));
                session.files = rows.and_then(Iterator::collect).map_err(failed)?;
            }
            Ok(sessions)
        })
    }
}

impl Store {
    /// Messages of some projects before a moment, oldest first.
    ///
    /// # Errors
    /// When reading fails.
    pub fn messages_before(&self, projects: &[i64], before: Timestamp, limit: usize) -> Result<Vec<MessageId>> {
        let mut sql = "SELECT uid FROM messages WHERE at < ?".to_owned();
        let mut values = vec![Value::from(before.milliseconds())];
        one_of(&mut sql, &mut values, "project_id", projects.iter().copied().map(Value::from));
        sql.push_str(" ORDER BY at, id LIMIT ?");
        values.push(Value::from(i64::try_from(limit).unwrap_or(i64::MAX)));
        self.read(|connection| {
            let failed = |error| Error::sqlite("list the messages", error);
            let mut statement = connection.prepare(&sql).map_err(failed)?;
            let rows = statement.query_map(params_from_iter(values), |row| uid(row, 0)).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }
}

fn session(row: &Row<'_>) -> rusqlite::Result<SessionSummary> {
    Ok(SessionSummary {
        row: row.get(0)?,
        session: row.get(1)?,
        source: row.get(2)?,
        title: row.get(3)?,
        project: row.get(4)?,
        started_at: time(row, 5)?,
        ended_at: time(row, 6)?,
        messages: row.get(7)?,
        subagents: row.get(8)?,
        git_branch: row.get(9)?,
        files: Vec::new(),
        files_total: row.get(10)?,
        first: row.get::<_, Option<[u8; 16]>>(11)?.map(|_| uid(row, 11)).transpose()?,
    })
}

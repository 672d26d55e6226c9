//! Excerpts of a session, selected by kind and time, and the notes for a project. Does not own why they are wanted.

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::Snapshot;
use super::error::Result;
use super::filter::{VISIBLE_CONVERSATION, push_in_list};
use super::machines::SAID_BY_SQL;
use super::message_queries::{read_kind, read_origin, read_role, read_time, read_uid};
use crate::domain::{MessageId, Origin, PartKind, Role, Timestamp};

/// Selects parts of a session. Empty lists exclude nothing.
#[derive(Debug, Clone, Default)]
pub struct ExcerptQuery<'a> {
    pub kinds: &'a [PartKind],
    pub origins: &'a [Origin],
    /// Names of the tools that were called.
    pub tools: &'a [&'a str],
    /// Lower bound of the time, exclusive.
    pub after: Option<Timestamp>,
    /// Upper bound of the time, exclusive.
    pub before: Option<Timestamp>,
    /// Literal text that the part contains.
    pub holding: Option<&'a str>,
    /// Returns the last parts, newest first, instead of the first ones.
    pub newest_first: bool,
    /// Maximum number of parts.
    pub limit: usize,
}

/// A part with data of its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// Id of the message.
    pub id: MessageId,
    pub at: Timestamp,
    pub role: Role,
    pub kind: PartKind,
    pub origin: Origin,
    /// Name of the called tool.
    pub tool: Option<String>,
    /// Git branch at that time.
    pub git_branch: Option<String>,
    /// Text of the part.
    pub text: String,
    /// Name of the other person who said it, on a machine of theirs.
    pub said_by: Option<String>,
}

/// A note that applies to a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedNote {
    /// Part that holds the note's text.
    pub excerpt: Excerpt,
    /// Type of the note: decision, preference and so on.
    pub kind: String,
    /// Heading of the note.
    pub title: Option<String>,
    /// Name of the note's project.
    pub project: String,
    /// Session id that the note is stored under.
    pub session: String,
    /// True if the note is pinned.
    pub pinned: bool,
}

impl Snapshot<'_> {
    /// Returns the selected parts of the session in a row of `conversations`.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn read_excerpts(&self, conversation: i64, wanted: &ExcerptQuery<'_>) -> Result<Vec<Excerpt>> {
        let mut sql = format!(
            "SELECT {EXCERPT_COLUMNS}, {SAID_BY_SQL} FROM parts p JOIN messages m ON m.id = p.message_id WHERE m.conversation_id = ?"
        );
        let mut values = vec![Value::from(conversation)];
        push_nonempty_list(&mut sql, &mut values, "p.kind", wanted.kinds.iter().map(|kind| kind.number().into()));
        push_nonempty_list(
            &mut sql,
            &mut values,
            "p.origin",
            wanted.origins.iter().map(|origin| origin.number().into()),
        );
        push_nonempty_list(&mut sql, &mut values, "p.tool", wanted.tools.iter().map(|tool| (*tool).to_owned().into()));
        for (at, condition) in [(wanted.after, " AND m.at > ?"), (wanted.before, " AND m.at < ?")] {
            if let Some(at) = at {
                sql.push_str(condition);
                values.push(at.to_milliseconds().into());
            }
        }
        if let Some(text) = wanted.holding {
            sql.push_str(" AND instr(body_text(p.body, p.body_bytes), ?) > 0");
            values.push(text.to_owned().into());
        }
        sql.push_str(if wanted.newest_first {
            " ORDER BY m.at DESC, p.id DESC LIMIT ?"
        } else {
            " ORDER BY m.at, p.id LIMIT ?"
        });
        values.push(i64::try_from(wanted.limit).unwrap_or(i64::MAX).into());
        self.query("read a session", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(values), parse_excerpt)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the newest outputs of tools in a session and its subagents that pages or MCP servers wrote, each with its
    /// origin and the tool.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn tool_outputs(&self, session: &str, limit: usize) -> Result<Vec<(Origin, Option<String>, String)>> {
        self.query("read the tool outputs of a session", |connection| {
            let sql = "SELECT p.origin, p.tool, body_text(p.body, p.body_bytes) FROM parts p WHERE p.id IN (
                         SELECT p.id FROM conversations c JOIN messages m ON m.conversation_id = c.id JOIN parts p ON p.message_id = m.id
                         WHERE ?1 IN (c.external_id, c.parent_external_id) AND p.kind = ?2
                           AND (p.origin = ?3 OR substr(p.tool, 1, 4) = 'mcp_') ORDER BY m.at DESC, p.id DESC LIMIT ?4)";
            let mut statement = connection.prepare_cached(sql)?;
            let (kind, web) = (PartKind::ToolResult.number(), Origin::Web.number());
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map(rusqlite::params![session, kind, web, limit], |row| {
                Ok((read_origin(row, 0)?, row.get(1)?, row.get(2)?))
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the ids of the sessions of these projects that were used last, without saved notes.
    ///
    /// # Errors
    /// When reading fails.
    pub fn newest_sessions(&self, projects: &[i64], limit: usize) -> Result<Vec<String>> {
        let mut sql =
            format!("SELECT c.external_id FROM conversations c WHERE c.source <> 'saved'{VISIBLE_CONVERSATION}");
        let mut values = Vec::new();
        push_in_list(&mut sql, &mut values, "c.project_id", projects.iter().map(|id| Value::from(*id)));
        sql.push_str(" ORDER BY c.ended_at DESC LIMIT ?");
        values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        self.query("list the newest sessions", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(values), |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the notes to show for these projects: pinned ones, then instructions and preferences, newest first.
    /// Replaced and expired notes are left out.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn pinned_notes(&self, projects: &[i64], limit: usize, now: Timestamp) -> Result<Vec<PinnedNote>> {
        let mut sql = format!(
            "SELECT {EXCERPT_COLUMNS}, {SAID_BY_SQL}, n.kind, n.title, pr.name, c.external_id, n.pinned FROM notes n JOIN messages m ON m.id = n.message_id
             JOIN parts p ON p.message_id = m.id JOIN conversations c ON c.id = m.conversation_id
             JOIN projects pr ON pr.id = m.project_id WHERE n.superseded_by IS NULL{VISIBLE_CONVERSATION} AND (n.expires_at IS NULL OR n.expires_at > ?)
             AND (n.pinned = 1 OR n.kind IN ('preference', 'instruction'))"
        );
        let mut values = vec![Value::from(now.to_milliseconds())];
        push_in_list(&mut sql, &mut values, "m.project_id", projects.iter().map(|id| Value::from(*id)));
        sql.push_str(" ORDER BY n.pinned DESC, m.at DESC LIMIT ?");
        values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        self.query("read the saved notes", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(values), |row| {
                Ok(PinnedNote {
                    excerpt: parse_excerpt(row)?,
                    kind: row.get(9)?,
                    title: row.get(10)?,
                    project: row.get(11)?,
                    session: row.get(12)?,
                    pinned: row.get(13)?,
                })
            });
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }
}

const EXCERPT_COLUMNS: &str =
    "m.uid, m.at, m.role, p.kind, p.origin, p.tool, m.git_branch, body_text(p.body, p.body_bytes)";

fn parse_excerpt(row: &Row<'_>) -> rusqlite::Result<Excerpt> {
    Ok(Excerpt {
        id: read_uid(row, 0)?,
        at: read_time(row, 1)?,
        role: read_role(row, 2)?,
        kind: read_kind(row, 3)?,
        origin: read_origin(row, 4)?,
        tool: row.get(5)?,
        git_branch: row.get(6)?,
        text: row.get(7)?,
        said_by: row.get(8)?,
    })
}

/// Appends ` AND column IN (…)` if there are any values.
fn push_nonempty_list(
    sql: &mut String,
    values: &mut Vec<Value>,
    column: &str,
    of: impl ExactSizeIterator<Item = Value>,
) {
    if of.len() > 0 {
        push_in_list(sql, values, column, of);
    }
}

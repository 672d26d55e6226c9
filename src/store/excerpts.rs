//! Parts of one conversation, chosen by what they are and when they were said, and what was saved on purpose. Does not own
//! why they are wanted.

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::Store;
use super::error::{Error, Result};
use super::filter::one_of;
use super::quarantine::NO_TWIN;
use super::reading::{kind, origin, role, time, uid};
use crate::domain::{Kind, MessageId, Origin, Role, Timestamp};

/// Which parts of a conversation are wanted. Empty lists exclude nothing.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// Kinds.
    pub kinds: &'a [Kind],
    /// Who vouches.
    pub origins: &'a [Origin],
    /// Names of tools.
    pub tools: &'a [&'a str],
    /// Said later than this.
    pub after: Option<Timestamp>,
    /// Said earlier than this.
    pub before: Option<Timestamp>,
    /// Whose text holds this.
    pub holding: Option<&'a str>,
    /// The last ones, newest first, instead of the first ones.
    pub newest_first: bool,
    /// At most so many.
    pub limit: usize,
}

/// A part with the message it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The message.
    pub id: MessageId,
    /// When.
    pub at: Timestamp,
    /// Who speaks.
    pub role: Role,
    /// What it is.
    pub kind: Kind,
    /// Who vouches for it.
    pub origin: Origin,
    /// Name of the tool.
    pub tool: Option<String>,
    /// The branch at that moment.
    pub git_branch: Option<String>,
    /// The text.
    pub text: String,
}

/// A memory saved on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingNote {
    /// The memory.
    pub excerpt: Excerpt,
    /// decision, preference and so on.
    pub kind: String,
    /// Its heading.
    pub title: Option<String>,
    /// Name of its project.
    pub project: String,
    /// Session id of the conversation it is kept in.
    pub session: String,
    /// Whether it is to be kept at hand.
    pub pinned: bool,
}

impl Store {
    /// Parts of the conversation in a row.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn excerpts(&self, conversation: i64, wanted: &Wanted<'_>) -> Result<Vec<Excerpt>> {
        let mut sql =
            format!("SELECT {COLUMNS} FROM parts p JOIN messages m ON m.id = p.message_id WHERE m.conversation_id = ?");
        let mut values = vec![Value::from(conversation)];
        any_of(&mut sql, &mut values, "p.kind", wanted.kinds.iter().map(|kind| kind.number().into()));
        any_of(&mut sql, &mut values, "p.origin", wanted.origins.iter().map(|origin| origin.number().into()));
        any_of(&mut sql, &mut values, "p.tool", wanted.tools.iter().map(|tool| (*tool).to_owned().into()));
        for (at, condition) in [(wanted.after, " AND m.at > ?"), (wanted.before, " AND m.at < ?")] {
            if let Some(at) = at {
                sql.push_str(condition);
                values.push(at.milliseconds().into());
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
        self.read(|connection| {
            let failed = |error| Error::sqlite("read a conversation", error);
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let rows = statement.query_map(params_from_iter(values), excerpt).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// What was saved on purpose in these projects and should be at hand: what is pinned, then instructions and preferences,
    /// the newest first. What was replaced or has expired is left out.
    ///
    /// # Errors
    /// When reading fails or a text is damaged.
    pub fn standing_notes(&self, projects: &[i64], limit: usize, now: Timestamp) -> Result<Vec<StandingNote>> {
        let mut sql = format!(
            "SELECT {COLUMNS}, n.kind, n.title, pr.name, c.external_id, n.pinned FROM notes n JOIN messages m ON m.id = n.message_id
             JOIN parts p ON p.message_id = m.id JOIN conversations c ON c.id = m.conversation_id
             JOIN projects pr ON pr.id = m.project_id WHERE n.superseded_by IS NULL{NO_TWIN} AND (n.expires_at IS NULL OR n.expires_at > ?)
             AND (n.pinned = 1 OR n.kind IN ('preference', 'instruction'))"
        );
        let mut values = vec![Value::from(now.milliseconds())];
        one_of(&mut sql, &mut values, "m.project_id", projects.iter().map(|id| Value::from(*id)));
        sql.push_str(" ORDER BY n.pinned DESC, m.at DESC LIMIT ?");
        values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        self.read(|connection| {
            let failed = |error| Error::sqlite("read what was saved", error);
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let rows = statement.query_map(params_from_iter(values), |row| {
                Ok(StandingNote {
                    excerpt: excerpt(row)?,
                    kind: row.get(8)?,
                    title: row.get(9)?,
                    project: row.get(10)?,
                    session: row.get(11)?,
                    pinned: row.get(12)?,
                })
            });
            rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }
}

const COLUMNS: &str = "m.uid, m.at, m.role, p.kind, p.origin, p.tool, m.git_branch, body_text(p.body, p.body_bytes)";

fn excerpt(row: &Row<'_>) -> rusqlite::Result<Excerpt> {
    Ok(Excerpt {
        id: uid(row, 0)?,
        at: time(row, 1)?,
        role: role(row, 2)?,
        kind: kind(row, 3)?,
        origin: origin(row, 4)?,
        tool: row.get(5)?,
        git_branch: row.get(6)?,
        text: row.get(7)?,
    })
}

/// As a condition, if any value is named.
fn any_of(sql: &mut String, values: &mut Vec<Value>, column: &str, of: impl ExactSizeIterator<Item = Value>) {
    if of.len() > 0 {
        one_of(sql, values, column, of);
    }
}

//! Titles of sessions. A title chosen by a person is not replaced by a generated one; a title that arrives before its
//! session waits in `pending_titles`.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::Result;
use super::{Store, copies};
use crate::domain::{ContentHash, Timestamp};

/// Title to store for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTitle {
    /// Session id, if known.
    pub session: Option<String>,
    /// Key of one of the session's parts, if the title refers to the session by it.
    pub part_key: Option<String>,
    /// Text of the title.
    pub title: String,
    /// True if a person chose the title.
    pub chosen: bool,
}

/// Sets the title of a session, or stores it as pending until the session is known. A session of which a message was
/// deleted takes no title: it may quote the message.
pub(super) fn store_title(connection: &Connection, source: &str, title: &NewTitle, now: Timestamp) -> Result<()> {
    let part = title.part_key.as_ref().map_or(0, |key| ContentHash::of_text(key).short_key());
    if copies::may_quote_deleted(connection, title.session.as_deref(), part)? {
        return Ok(());
    }
    let conversation: Option<i64> = match (&title.session, &title.part_key) {
        (Some(session), _) => connection
            .prepare_cached("SELECT id FROM conversations WHERE source = ?1 AND external_id = ?2")
            .and_then(|mut statement| statement.query_row([source, session], |row| row.get(0)).optional())?,
        _ => None,
    };
    if let Some(conversation) = conversation {
        return set_title(connection, conversation, &title.title, title.chosen, now);
    }
    let sql = "INSERT INTO pending_titles (source, session, part, title, rank) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO UPDATE SET title = excluded.title, rank = excluded.rank WHERE excluded.rank >= rank";
    let values = params![source, title.session.as_deref().unwrap_or(""), part, title.title, title.chosen];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values))?;
    Ok(())
}

fn set_title(connection: &Connection, conversation: i64, title: &str, chosen: bool, now: Timestamp) -> Result<()> {
    let sql = "UPDATE conversations SET title = ?2, title_rank = ?3
               WHERE id = ?1 AND title IS NOT ?2 AND (title IS NULL OR title_rank <= ?3)";
    let changed = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params![conversation, title, chosen]))?;
    if changed > 0 {
        // A title is synced with any message of the session.
        let sql = "INSERT INTO changes (uid, change, at)
                   SELECT uid, 'upsert', ?2 FROM messages WHERE conversation_id = ?1 ORDER BY at DESC LIMIT 1";
        connection.execute(sql, params![conversation, now.to_milliseconds()])?;
    }
    Ok(())
}

impl Store {
    /// Assigns pending titles to the sessions that are known by now.
    pub fn resolve_titles(&self, now: Timestamp) -> Result<()> {
        let waiting: bool = self.snapshot()?.query("read the pending titles", |connection| {
            let found = connection.query_row("SELECT EXISTS (SELECT 1 FROM pending_titles)", [], |row| row.get(0));
            Ok(found?)
        })?;
        if waiting {
            self.write("store a title", move |connection| assign_pending_titles(connection, now))
        } else {
            Ok(())
        }
    }
}

/// Pending title with the row of its session.
type PendingTitle = (String, String, i64, String, bool, i64);

fn assign_pending_titles(connection: &Connection, now: Timestamp) -> Result<()> {
    // A subagent's session has its own name for the same record.
    let sql = "SELECT t.source, t.session, t.part, t.title, t.rank, c.id FROM pending_titles t JOIN conversations c
                 ON c.source = t.source AND c.id = coalesce(
                   (SELECT id FROM conversations WHERE source = t.source AND external_id = t.session AND t.part = 0),
                   (SELECT m.conversation_id FROM parts p JOIN messages m ON m.id = p.message_id
                    WHERE t.part <> 0 AND p.key = t.part ORDER BY p.id LIMIT 1))";
    let mut statement = connection.prepare(sql)?;
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)));
    let found: Vec<PendingTitle> = rows?.collect::<rusqlite::Result<_>>()?;
    for (source, session, part, title, chosen, conversation) in found {
        set_title(connection, conversation, &title, chosen, now)?;
        let sql = "DELETE FROM pending_titles WHERE source = ?1 AND session = ?2 AND part = ?3";
        connection.execute(sql, params![source, session, part])?;
    }
    Ok(())
}

//! Titles of sessions: who chose them decides which one stays; one that comes before its session waits for it.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Store;
use super::error::{Error, Result};
use crate::domain::{ContentHash, Timestamp};

/// A title of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTitle {
    /// The id of the session, where it is known.
    pub session: Option<String>,
    /// The key of one of its parts, where the title names the session by it.
    pub part_key: Option<String>,
    /// The title.
    pub title: String,
    /// Whether a person chose it.
    pub chosen: bool,
}

/// Gives a session its title, or keeps the title until the session is known.
pub(super) fn put_title(connection: &Connection, source: &str, title: &NewTitle, now: Timestamp) -> Result<()> {
    let failed = |error| Error::sqlite("store a title", error);
    let conversation: Option<i64> = match (&title.session, &title.part_key) {
        (Some(session), _) => connection
            .prepare_cached("SELECT id FROM conversations WHERE source = ?1 AND external_id = ?2")
            .and_then(|mut statement| statement.query_row([source, session], |row| row.get(0)).optional())
            .map_err(failed)?,
        _ => None,
    };
    if let Some(conversation) = conversation {
        return give_title(connection, conversation, &title.title, title.chosen, now);
    }
    let part = title.part_key.as_ref().map_or(0, |key| ContentHash::of(key).short_key());
    let sql = "INSERT INTO pending_titles (source, session, part, title, rank) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO UPDATE SET title = excluded.title, rank = excluded.rank WHERE excluded.rank >= rank";
    let values = params![source, title.session.as_deref().unwrap_or(""), part, title.title, title.chosen];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(failed)?;
    Ok(())
}

fn give_title(connection: &Connection, conversation: i64, title: &str, chosen: bool, now: Timestamp) -> Result<()> {
    let failed = |error| Error::sqlite("store a title", error);
    let sql = "UPDATE conversations SET title = ?2, title_rank = ?3
               WHERE id = ?1 AND title IS NOT ?2 AND (title IS NULL OR title_rank <= ?3)";
    let changed = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params![conversation, title, chosen]))
        .map_err(failed)?;
    if changed > 0 {
        // A title travels with any message of the session.
        let sql = "INSERT INTO outbox (uid, change, at)
                   SELECT uid, 'upsert', ?2 FROM messages WHERE conversation_id = ?1 ORDER BY at DESC LIMIT 1";
        connection.execute(sql, params![conversation, now.milliseconds()]).map_err(failed)?;
    }
    Ok(())
}

impl Store {
    /// Gives the titles that wait to the sessions that are known by now.
    ///
    /// # Errors
    /// When writing fails.
    pub fn resolve_titles(&self, now: Timestamp) -> Result<()> {
        let waiting: bool = self.read(|connection| {
            let found = connection.query_row("SELECT EXISTS (SELECT 1 FROM pending_titles)", [], |row| row.get(0));
            found.map_err(|error| Error::sqlite("read the titles that wait", error))
        })?;
        if waiting { self.write(move |connection| resolve(connection, now)) } else { Ok(()) }
    }
}

/// A title that waits, with the row of its session.
type Found = (String, String, i64, String, bool, i64);

fn resolve(connection: &Connection, now: Timestamp) -> Result<()> {
    let failed = |error| Error::sqlite("give titles to sessions", error);
    // A sub-agent's session has its own name for the same record.
    let sql = "SELECT t.source, t.session, t.part, t.title, t.rank, c.id FROM pending_titles t JOIN conversations c
                 ON c.source = t.source AND c.id = coalesce(
                   (SELECT id FROM conversations WHERE source = t.source AND external_id = t.session AND t.part = 0),
                   (SELECT m.conversation_id FROM parts p JOIN messages m ON m.id = p.message_id
                    WHERE t.part <> 0 AND p.key = t.part ORDER BY p.id LIMIT 1))";
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)));
    let found: Vec<Found> = rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)?;
    for (source, session, part, title, chosen, conversation) in found {
        give_title(connection, conversation, &title, chosen, now)?;
        let sql = "DELETE FROM pending_titles WHERE source = ?1 AND session = ?2 AND part = ?3";
        connection.execute(sql, params![source, session, part]).map_err(failed)?;
    }
    Ok(())
}

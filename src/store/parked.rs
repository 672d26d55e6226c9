//! Messages that another place refused for what they hold, until it takes them. Does not own when they are sent again.

use rusqlite::params;

use super::Store;
use super::error::{Error, Result};
use crate::domain::{MessageId, Timestamp};

/// A message that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The message.
    pub message: MessageId,
    /// What the place said.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

impl Store {
    /// Sets a message aside for a target; one that is gone needs no place.
    ///
    /// # Errors
    /// When writing fails.
    pub fn park(&self, target: &'static str, message: MessageId, why: String, now: Timestamp) -> Result<()> {
        self.write(move |connection| {
            let sql = "INSERT OR REPLACE INTO parked (message_id, target, why, at) SELECT id, ?2, ?3, ?4 FROM messages WHERE uid = ?1";
            let values = params![message.as_bytes(), target, why, now.milliseconds()];
            connection.execute(sql, values).map_err(|error| Error::sqlite("set a message aside", error))?;
            Ok(())
        })
    }

    /// Notes that a target has taken messages.
    ///
    /// # Errors
    /// When writing fails.
    pub fn unpark(&self, target: &'static str, messages: Vec<MessageId>) -> Result<()> {
        self.write(move |connection| {
            let failed = |error| Error::sqlite("note that a message was taken", error);
            let sql = "DELETE FROM parked WHERE target = ?1 AND message_id = (SELECT id FROM messages WHERE uid = ?2)";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            for message in &messages {
                statement.execute(params![target, message.as_bytes()]).map_err(failed)?;
            }
            Ok(())
        })
    }

    /// The messages that are set aside for a target, the newest first.
    ///
    /// # Errors
    /// When reading fails.
    pub fn parked(&self, target: &str) -> Result<Vec<Parked>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list what is set aside", error);
            let sql = "SELECT m.uid, p.why, p.at FROM parked p JOIN messages m ON m.id = p.message_id
                       WHERE p.target = ?1 ORDER BY p.at DESC, m.id DESC";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let rows = statement.query_map([target], |row| {
                let (message, at) = (MessageId::from_bytes(row.get(0)?), Timestamp::from_milliseconds(row.get(2)?));
                Ok(Parked { message, why: row.get(1)?, at })
            });
            rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }
}

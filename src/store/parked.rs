//! Parked messages: a sync target refused their content, and they wait until it accepts them. Does not own the retry
//! schedule.

use rusqlite::params;

use super::error::Result;
use super::{Snapshot, Store};
use crate::domain::{MessageId, Timestamp};

/// Message parked for a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedEntry {
    /// Id of the message.
    pub message: MessageId,
    /// Error returned by the target.
    pub why: String,
    /// Time of the refusal.
    pub at: Timestamp,
}

impl Snapshot<'_> {
    /// Returns the messages parked for a target, newest first.
    pub fn parked_messages(&self, target: &str) -> Result<Vec<ParkedEntry>> {
        self.query("list parked messages", |connection| {
            let sql = "SELECT m.uid, p.why, p.at FROM parked p JOIN messages m ON m.id = p.message_id
                       WHERE p.target = ?1 ORDER BY p.at DESC, m.id DESC";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([target], |row| {
                let (message, at) = (MessageId::from_bytes(row.get(0)?), Timestamp::from_milliseconds(row.get(2)?));
                Ok(ParkedEntry { message, why: row.get(1)?, at })
            });
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }
}

impl Store {
    /// Parks a message for a target. A message that is no longer stored is ignored.
    pub fn park_message(&self, target: &'static str, message: MessageId, why: String, now: Timestamp) -> Result<()> {
        self.write("park a message", move |connection| {
            let sql = "INSERT OR REPLACE INTO parked (message_id, target, why, at) SELECT id, ?2, ?3, ?4 FROM messages WHERE uid = ?1";
            let values = params![message.as_bytes(), target, why, now.to_milliseconds()];
            connection.execute(sql, values)?;
            Ok(())
        })
    }

    /// Removes parked messages that the target has accepted.
    pub fn unpark_messages(&self, target: &'static str, messages: Vec<MessageId>) -> Result<()> {
        self.write("record that a message was accepted", move |connection| {
            let sql = "DELETE FROM parked WHERE target = ?1 AND message_id = (SELECT id FROM messages WHERE uid = ?2)";
            let mut statement = connection.prepare_cached(sql)?;
            for message in &messages {
                statement.execute(params![target, message.as_bytes()])?;
            }
            Ok(())
        })
    }
}

//! How much was said on which day and in which project, for reports.

use rusqlite::params;

use super::Store;
use super::error::{Error, Result};
use crate::domain::Timestamp;
use crate::domain::time::DAY_MS;

/// One day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Days since 1970 in UTC.
    pub day: i64,
    /// Messages of that day.
    pub messages: u64,
    /// Conversations that had any.
    pub sessions: u64,
}

/// The part of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Its name.
    pub project: String,
    /// Messages.
    pub messages: u64,
    /// Conversations that had any.
    pub sessions: u64,
}

impl Store {
    /// What was said from `from` until before `until`, by day. Days on which nobody said anything are left out.
    ///
    /// # Errors
    /// When reading fails.
    pub fn days(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Day>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("count the days", error);
            let sql = "SELECT at / ?3, count(*), count(DISTINCT conversation_id) FROM messages
                       WHERE at >= ?1 AND at < ?2 GROUP BY at / ?3 ORDER BY 1";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let rows = statement.query_map(params![from.milliseconds(), until.milliseconds(), DAY_MS], |row| {
                Ok(Day { day: row.get(0)?, messages: row.get(1)?, sessions: row.get(2)? })
            });
            rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// What was said from `from` until before `until`, by project, the most first.
    ///
    /// # Errors
    /// When reading fails.
    pub fn shares(&self, from: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<Share>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("count the projects", error);
            let sql = "SELECT p.name, count(*), count(DISTINCT m.conversation_id) FROM messages m
                       JOIN projects p ON p.id = m.project_id
                       WHERE m.at >= ?1 AND m.at < ?2 GROUP BY p.id ORDER BY 2 DESC, 1 LIMIT ?3";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let rows = statement.query_map(params![from.milliseconds(), until.milliseconds(), limit], |row| {
                Ok(Share { project: row.get(0)?, messages: row.get(1)?, sessions: row.get(2)? })
            });
            rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// The programs that conversations come from, by name.
    ///
    /// # Errors
    /// When reading fails.
    pub fn sources(&self) -> Result<Vec<String>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list the sources", error);
            let sql = "SELECT DISTINCT source FROM conversations WHERE source NOT LIKE 'quarantine:%' ORDER BY source";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let rows = statement.query_map([], |row| row.get(0)).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }
}

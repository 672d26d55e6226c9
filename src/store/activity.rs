//! Message counts by day and by project, for reports.

use rusqlite::params;

use super::Snapshot;
use super::error::Result;
use crate::domain::Timestamp;
use crate::domain::time::DAY_MS;

/// Message counts of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayActivity {
    /// Days since 1970 in UTC.
    pub day: i64,
    pub messages: u64,
    /// Sessions with messages on that day.
    pub sessions: u64,
}

/// Message counts of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectActivity {
    /// Row id of the project.
    pub row: i64,
    /// Name of the project.
    pub project: String,
    pub messages: u64,
    /// Sessions with messages in the period.
    pub sessions: u64,
}

impl Snapshot<'_> {
    /// Counts messages per day in `from..until`. Days without messages are left out.
    pub fn daily_activity(&self, from: Timestamp, until: Timestamp) -> Result<Vec<DayActivity>> {
        self.query("count messages by day", |connection| {
            let sql = "SELECT at / ?3, count(*), count(DISTINCT conversation_id) FROM messages
                       WHERE at >= ?1 AND at < ?2 GROUP BY at / ?3 ORDER BY 1";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![from.to_milliseconds(), until.to_milliseconds(), DAY_MS], |row| {
                Ok(DayActivity { day: row.get(0)?, messages: row.get(1)?, sessions: row.get(2)? })
            });
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Counts messages per project in `from..until`, most messages first.
    pub fn project_activity(&self, from: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<ProjectActivity>> {
        self.query("count messages by project", |connection| {
            let sql = "SELECT p.name, count(*), count(DISTINCT m.conversation_id), p.id FROM messages m
                       JOIN projects p ON p.id = m.project_id
                       WHERE m.at >= ?1 AND m.at < ?2 GROUP BY p.id ORDER BY 2 DESC, 1 LIMIT ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![from.to_milliseconds(), until.to_milliseconds(), limit], |row| {
                Ok(ProjectActivity {
                    project: row.get(0)?,
                    messages: row.get(1)?,
                    sessions: row.get(2)?,
                    row: row.get(3)?,
                })
            });
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the sources that sessions come from, by name. Quarantined messages are left out.
    pub fn list_sources(&self) -> Result<Vec<String>> {
        self.query("list the sources", |connection| {
            let sql = "SELECT DISTINCT source FROM conversations WHERE source NOT LIKE 'quarantine:%' ORDER BY source";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

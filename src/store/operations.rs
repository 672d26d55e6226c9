//! Operational records: last run of each scheduled job, daily samples, state of the sync targets. Owns the rows; the
//! names belong to the callers.

use rusqlite::{OptionalExtension as _, params};

use super::error::Result;
use super::{Snapshot, Store};
use crate::domain::Timestamp;

/// Last run of a scheduled job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRun {
    /// Name of the job.
    pub name: String,
    /// End time of the run.
    pub at: Timestamp,
    /// True if the run succeeded.
    pub ok: bool,
    /// Result of the run.
    pub finding: String,
}

/// Daily sample of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailySample {
    /// Days since 1970 in UTC.
    pub day: i64,
    /// Name of the metric.
    pub name: String,
    /// Value at the last measurement of that day.
    pub value: i64,
}

/// State of a sync target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetState {
    /// Name of the target: `postgres` or `qdrant`.
    pub name: String,
    /// True if the target answered at the last check.
    pub up: bool,
    /// Time of the last check.
    pub checked_at: Timestamp,
    /// Error of the last check, if it failed.
    pub trouble: Option<String>,
    /// Last time at which the target was up to date.
    pub succeeded_at: Option<Timestamp>,
    /// Cursor of the target.
    pub progress: TargetCursor,
}

/// Cursor of a sync target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TargetCursor {
    /// Last position in the change log that was sent.
    pub journal: i64,
    /// Last row of `embeddings` that was sent.
    pub vectors: i64,
}

/// SQL for the last embedding row that a target has received of the model `?1`. If no model is recorded, the row counts
/// for this one.
const VECTORS_SENT: &str =
    "iif(?1 = '' OR coalesce((SELECT value FROM meta WHERE key = 'vectors_of_' || name), ?1) = ?1, vectors, 0)";

impl Snapshot<'_> {
    /// Returns the last run of each scheduled job, by name.
    pub fn last_runs(&self) -> Result<Vec<JobRun>> {
        self.query("read the runs", |connection| {
            let mut statement = connection.prepare_cached("SELECT name, at, ok, finding FROM runs ORDER BY name")?;
            let rows = statement.query_map([], |row| {
                let at = Timestamp::from_milliseconds(row.get(1)?);
                Ok(JobRun { name: row.get(0)?, at, ok: row.get(2)?, finding: row.get(3)? })
            });
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the samples from a day on, by day and name.
    pub fn daily_samples(&self, from_day: i64) -> Result<Vec<DailySample>> {
        self.query("read the samples", |connection| {
            let sql = "SELECT day, name, value FROM samples WHERE day >= ?1 ORDER BY day, name";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([from_day], |row| {
                Ok(DailySample { day: row.get(0)?, name: row.get(1)?, value: row.get(2)? })
            });
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the state of each target. The embedding cursor is 0 if the target has those of another model.
    pub fn target_states(&self, model: &str) -> Result<Vec<TargetState>> {
        self.query("read the targets", |connection| {
            let sql = format!(
                "SELECT name, up, checked_at, trouble, succeeded_at, journal, {VECTORS_SENT} FROM targets ORDER BY name"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([model], |row| {
                let checked_at = Timestamp::from_milliseconds(row.get(2)?);
                Ok(TargetState {
                    name: row.get(0)?,
                    up: row.get(1)?,
                    checked_at,
                    trouble: row.get(3)?,
                    succeeded_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_milliseconds),
                    progress: TargetCursor { journal: row.get(5)?, vectors: row.get(6)? },
                })
            });
            Ok(rows?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns a fact about a target that is recorded under a name.
    pub fn target_fact(&self, name: &str) -> Result<Option<String>> {
        self.query("read a fact about a target", |connection| {
            let sql = "SELECT value FROM meta WHERE key = 'target_' || ?1";
            Ok(connection.query_row(sql, [name], |row| row.get(0)).optional()?)
        })
    }

    /// Returns the creation time of the store.
    pub fn created_at(&self) -> Result<Timestamp> {
        self.query("read the creation time of the store", |connection| {
            let sql = "SELECT value FROM meta WHERE key = 'created_at'";
            let text: String = connection.query_row(sql, [], |row| row.get(0))?;
            Ok(Timestamp::parse_rfc3339(&text).unwrap_or_default())
        })
    }

    /// Returns the cursor of a target in the change log and in the embeddings of a model. It starts from 0 for a target
    /// at another place; so do the embeddings of another model, which may have been made before those that were sent
    /// last. Without a model (`""`) the stored value is returned.
    pub fn target_cursor(&self, target: &str, place: &str, model: &str) -> Result<TargetCursor> {
        self.query("read the cursor of a target", |connection| {
            let sql = format!("SELECT journal, {VECTORS_SENT} FROM targets WHERE name = ?2 AND target_id = ?3");
            let found = connection
                .query_row(&sql, [model, target, place], |row| {
                    Ok(TargetCursor { journal: row.get(0)?, vectors: row.get(1)? })
                })
                .optional();
            Ok(found?.unwrap_or_default())
        })
    }
}

impl Store {
    /// Records a run of a scheduled job, in place of the earlier one.
    pub fn record_run(&self, run: JobRun) -> Result<()> {
        self.write("record a run", move |connection| {
            let sql = "INSERT INTO runs (name, at, ok, finding) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name)
                       DO UPDATE SET at = excluded.at, ok = excluded.ok, finding = excluded.finding";
            connection.execute(sql, params![run.name, run.at.to_milliseconds(), run.ok, run.finding])?;
            Ok(())
        })
    }

    /// Records the samples of a day, in place of earlier ones for that day.
    pub fn record_samples(&self, samples: Vec<DailySample>) -> Result<()> {
        self.write("record samples", move |connection| {
            let sql = "INSERT INTO samples (day, name, value) VALUES (?1, ?2, ?3)
                       ON CONFLICT (day, name) DO UPDATE SET value = excluded.value";
            let mut statement = connection.prepare_cached(sql)?;
            for sample in &samples {
                statement.execute(params![sample.day, sample.name, sample.value])?;
            }
            Ok(())
        })
    }

    /// Records the result of a target check.
    pub fn record_target_check(&self, name: String, trouble: Option<String>, now: Timestamp) -> Result<()> {
        self.write("record a target", move |connection| {
            let sql = "INSERT INTO targets (name, up, checked_at, trouble) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name)
                       DO UPDATE SET up = excluded.up, checked_at = excluded.checked_at, trouble = excluded.trouble";
            connection.execute(sql, params![name, trouble.is_none(), now.to_milliseconds(), trouble])?;
            Ok(())
        })
    }

    /// Records the cursor of a target and the model of the embeddings it has received. `done` records that it is up to
    /// date.
    pub fn record_target_cursor(
        &self,
        target: &'static str,
        (place, model): (String, String),
        progress: TargetCursor,
        done: bool,
        now: Timestamp,
    ) -> Result<()> {
        self.write("record the cursor of a target", move |connection| {
            if !model.is_empty() {
                let sql = "INSERT INTO meta (key, value) VALUES ('vectors_of_' || ?1, ?2)
                           ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value";
                connection
                    .execute(sql, [target, &model])?;
            }
            let sql = "INSERT INTO targets (name, up, checked_at, target_id, journal, vectors, succeeded_at)
                       VALUES (?1, 1, ?2, ?3, ?4, ?5, iif(?6, ?2, NULL)) ON CONFLICT (name) DO UPDATE SET up = 1,
                         checked_at = excluded.checked_at, trouble = NULL,
                         pulled = iif(target_id IS excluded.target_id, pulled, 0), target_id = excluded.target_id, journal = excluded.journal,
                         vectors = excluded.vectors, succeeded_at = coalesce(excluded.succeeded_at, succeeded_at)";
            let values = params![target, now.to_milliseconds(), place, progress.journal, progress.vectors, done];
            connection.execute(sql, values)?;
            Ok(())
        })
    }

    /// Records a fact about a target under a name.
    pub fn record_target_fact(&self, name: String, value: String) -> Result<()> {
        self.write("record a fact about a target", move |connection| {
            let sql = "INSERT INTO meta (key, value) VALUES ('target_' || ?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
            connection.execute(sql, [name, value])?;
            Ok(())
        })
    }

    /// Checks that the writer thread responds. Writes nothing.
    ///
    /// # Errors
    /// When a write would fail now.
    pub fn ping_writer(&self) -> Result<()> {
        self.write("check the writing thread", |_| Ok(()))
    }
}

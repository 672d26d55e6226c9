//! What operators and their tools note down: when each kind of work was last done, how things grow by the day, whether
//! other places of the memory answer. Owns the rows; the names are their owners' business.

use rusqlite::{OptionalExtension as _, params};

use super::Store;
use super::error::{Error, Result};
use crate::domain::Timestamp;

/// The last time that some work was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which work.
    pub name: String,
    /// When it ended.
    pub at: Timestamp,
    /// Whether it went well.
    pub ok: bool,
    /// What came out.
    pub finding: String,
}

/// What was counted on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Days since 1970 in UTC.
    pub day: i64,
    /// What.
    pub name: String,
    /// How much, at the last look of that day.
    pub value: i64,
}

/// Another place where the memory is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetState {
    /// postgres or qdrant.
    pub name: String,
    /// Whether it answered the last time.
    pub up: bool,
    /// When that was.
    pub checked_at: Timestamp,
    /// Why it did not.
    pub trouble: Option<String>,
    /// When it had seen everything.
    pub succeeded_at: Option<Timestamp>,
    /// How far it is.
    pub progress: Progress,
}

/// How far a target has seen what there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last line of the journal.
    pub journal: i64,
    /// The last row of the vectors.
    pub vectors: i64,
}

/// The last row of the vectors that a target has seen of the model `?1`. Nobody noted whose they are: then they are its own.
const VECTORS_SEEN: &str =
    "iif(?1 = '' OR coalesce((SELECT value FROM meta WHERE key = 'vectors_of_' || name), ?1) = ?1, vectors, 0)";

impl Store {
    /// Notes down that some work was done.
    ///
    /// # Errors
    /// When writing fails.
    pub fn note_run(&self, run: Run) -> Result<()> {
        self.write(move |connection| {
            let sql = "INSERT INTO runs (name, at, ok, finding) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name)
                       DO UPDATE SET at = excluded.at, ok = excluded.ok, finding = excluded.finding";
            connection
                .execute(sql, params![run.name, run.at.milliseconds(), run.ok, run.finding])
                .map_err(|error| Error::sqlite("note down a run", error))?;
            Ok(())
        })
    }

    /// The last run of each kind of work.
    ///
    /// # Errors
    /// When reading fails.
    pub fn runs(&self) -> Result<Vec<Run>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read the runs", error);
            let mut statement =
                connection.prepare_cached("SELECT name, at, ok, finding FROM runs ORDER BY name").map_err(failed)?;
            let rows = statement.query_map([], |row| {
                let at = Timestamp::from_milliseconds(row.get(1)?);
                Ok(Run { name: row.get(0)?, at, ok: row.get(2)?, finding: row.get(3)? })
            });
            rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// Writes down what was counted on a day, over what was there for that day.
    ///
    /// # Errors
    /// When writing fails.
    pub fn note_samples(&self, samples: Vec<Sample>) -> Result<()> {
        self.write(move |connection| {
            let failed = |error| Error::sqlite("note down what was counted", error);
            let sql = "INSERT INTO samples (day, name, value) VALUES (?1, ?2, ?3)
                       ON CONFLICT (day, name) DO UPDATE SET value = excluded.value";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            for sample in &samples {
                statement.execute(params![sample.day, sample.name, sample.value]).map_err(failed)?;
            }
            Ok(())
        })
    }

    /// What was counted from a day on, by day and name.
    ///
    /// # Errors
    /// When reading fails.
    pub fn samples(&self, from_day: i64) -> Result<Vec<Sample>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read what was counted", error);
            let sql = "SELECT day, name, value FROM samples WHERE day >= ?1 ORDER BY day, name";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let rows = statement
                .query_map([from_day], |row| Ok(Sample { day: row.get(0)?, name: row.get(1)?, value: row.get(2)? }));
            rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// Notes down whether a target answers.
    ///
    /// # Errors
    /// When writing fails.
    pub fn note_target(&self, name: String, trouble: Option<String>, now: Timestamp) -> Result<()> {
        self.write(move |connection| {
            let sql = "INSERT INTO targets (name, up, checked_at, trouble) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name)
                       DO UPDATE SET up = excluded.up, checked_at = excluded.checked_at, trouble = excluded.trouble";
            connection
                .execute(sql, params![name, trouble.is_none(), now.milliseconds(), trouble])
                .map_err(|error| Error::sqlite("note down a target", error))?;
            Ok(())
        })
    }

    /// What is known of each target, as it concerns the vectors of a model.
    ///
    /// # Errors
    /// When reading fails.
    pub fn targets(&self, model: &str) -> Result<Vec<TargetState>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("read the targets", error);
            let sql = format!(
                "SELECT name, up, checked_at, trouble, succeeded_at, journal, {VECTORS_SEEN} FROM targets ORDER BY name"
            );
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let rows = statement.query_map([model], |row| {
                let checked_at = Timestamp::from_milliseconds(row.get(2)?);
                Ok(TargetState {
                    name: row.get(0)?,
                    up: row.get(1)?,
                    checked_at,
                    trouble: row.get(3)?,
                    succeeded_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_milliseconds),
                    progress: Progress { journal: row.get(5)?, vectors: row.get(6)? },
                })
            });
            rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// When the store was made.
    ///
    /// # Errors
    /// When reading fails.
    pub fn created_at(&self) -> Result<Timestamp> {
        self.read(|connection| {
            let sql = "SELECT value FROM meta WHERE key = 'created_at'";
            let text: String = connection
                .query_row(sql, [], |row| row.get(0))
                .map_err(|error| Error::sqlite("read when the store was made", error))?;
            Ok(Timestamp::parse(&text).unwrap_or_default())
        })
    }

    /// How far a target has seen the journal and the vectors of a model. One that says it is another is begun with anew, and so are
    /// the vectors of another model: they may have been made before those that were sent last. Without a model (`""`) it is as noted.
    ///
    /// # Errors
    /// When reading fails.
    pub fn progress(&self, target: &str, place: &str, model: &str) -> Result<Progress> {
        self.read(|connection| {
            let sql = format!("SELECT journal, {VECTORS_SEEN} FROM targets WHERE name = ?2 AND place = ?3");
            let found = connection
                .query_row(&sql, [model, target, place], |row| {
                    Ok(Progress { journal: row.get(0)?, vectors: row.get(1)? })
                })
                .optional();
            Ok(found.map_err(|error| Error::sqlite("read how far a target is", error))?.unwrap_or_default())
        })
    }

    /// Notes down how far a target is, of which model it has seen vectors, and with `done` that it has seen everything at that moment.
    ///
    /// # Errors
    /// When writing fails.
    pub fn note_progress(
        &self,
        target: &'static str,
        (place, model): (String, String),
        progress: Progress,
        done: bool,
        now: Timestamp,
    ) -> Result<()> {
        self.write(move |connection| {
            if !model.is_empty() {
                let sql = "INSERT INTO meta (key, value) VALUES ('vectors_of_' || ?1, ?2)
                           ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value";
                connection
                    .execute(sql, [target, &model])
                    .map_err(|error| Error::sqlite("note down whose vectors a target has", error))?;
            }
            let sql = "INSERT INTO targets (name, up, checked_at, place, journal, vectors, succeeded_at)
                       VALUES (?1, 1, ?2, ?3, ?4, ?5, iif(?6, ?2, NULL)) ON CONFLICT (name) DO UPDATE SET up = 1,
                         checked_at = excluded.checked_at, trouble = NULL,
                         pulled = iif(place IS excluded.place, pulled, 0), place = excluded.place, journal = excluded.journal,
                         vectors = excluded.vectors, succeeded_at = coalesce(excluded.succeeded_at, succeeded_at)";
            let values = params![target, now.milliseconds(), place, progress.journal, progress.vectors, done];
            connection.execute(sql, values).map_err(|error| Error::sqlite("note down how far a target is", error))?;
            Ok(())
        })
    }

    /// Whether the writing thread answers; writes nothing.
    ///
    /// # Errors
    /// When a write would fail now.
    pub fn beat(&self) -> Result<()> {
        self.write(|_| Ok(()))
    }
}

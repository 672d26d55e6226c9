//! Work that is done now and then: when each kind is due, doing it, and noting down how it went. Who does it (`serve`, a timer of the
//! system) is their business.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::backup::{self, Keep, Target};
use super::error::{Error, Result};
use super::maintain::{self, Plan};
use super::metrics::Readings;
use crate::config::{Paths, ScheduleSettings};
use crate::domain::Timestamp;
use crate::domain::time::{DAY_MS, HOUR_MS};
use crate::memory::{Check, Memory};
use crate::store::Sample;

/// Samples of how far reading was behind, in seconds.
pub(super) const INGEST_LAG: &str = "ingest_lag_seconds";
/// Samples of how far another place was behind, in seconds; its name follows.
pub(super) const SYNC_LAG: &str = "sync_lag_seconds_";

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Job {
    /// Writing down how large everything is, for charts.
    Sample,
    /// Saving, finding and forgetting a text.
    Canary,
    /// A backup.
    Backup,
    /// Comparing everything with everything.
    Integrity,
    /// The monthly round.
    Maintenance,
}

impl Job {
    /// Each of them, the cheapest first.
    pub const ALL: &'static [Self] = &[Self::Sample, Self::Canary, Self::Backup, Self::Integrity, Self::Maintenance];

    /// The name under which it is noted down.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Canary => "canary",
            Self::Backup => backup::RUN,
            Self::Integrity => "integrity",
            Self::Maintenance => "maintenance",
        }
    }

    /// Between two times; `None` when it is switched off.
    pub fn every_ms(self, settings: &ScheduleSettings) -> Option<i64> {
        let every = match self {
            Self::Sample => HOUR_MS,
            Self::Canary => DAY_MS,
            Self::Backup => i64::from(settings.backup_hours) * HOUR_MS,
            Self::Integrity => i64::from(settings.integrity_days) * DAY_MS,
            Self::Maintenance => i64::from(settings.maintain_days) * DAY_MS,
        };
        (every > 0).then_some(every)
    }
}

/// When it was done last; what the store was made at counts, so that a new one is left alone.
///
/// # Errors
/// When the store cannot be read.
pub fn last(job: Job, memory: &Memory, paths: &Paths) -> Result<Option<Timestamp>> {
    let noted = memory.runs()?.into_iter().find(|run| run.name == job.name()).map(|run| run.at);
    // Also one that was made by hand, or by a version that noted nothing down.
    let backup = if job == Job::Backup { backup::newest(&paths.backups()) } else { None };
    Ok(noted.max(backup))
}

/// Whether it should be done now: what failed the last time is due until it succeeds. A store without messages needs nothing.
///
/// # Errors
/// When the store cannot be read.
pub fn is_due(job: Job, memory: &Memory, paths: &Paths, settings: &ScheduleSettings, now: Timestamp) -> Result<bool> {
    let Some(every) = job.every_ms(settings) else { return Ok(false) };
    let stats = memory.stats()?;
    if stats.messages == 0 {
        return Ok(false);
    }
    let failed = memory.runs()?.iter().any(|run| run.name == job.name() && !run.ok);
    Ok(match (job, last(job, memory, paths)?) {
        _ if failed => true,
        (_, Some(last)) => last <= now.minus(every),
        // The first round comes when there is something to clean up: a month after the first message came in.
        (Job::Maintenance, None) => memory.created_at()? <= now.minus(every),
        (_, None) => true,
    })
}

/// What work is done on.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The store.
    pub memory: &'a Memory,
    /// Where it lies.
    pub paths: &'a Paths,
    /// What is done when.
    pub settings: &'a ScheduleSettings,
    /// Where Claude Code keeps its transcripts.
    pub transcripts: Option<&'a Path>,
}

/// Does it and notes down how it went. Returns what came out; `None` when it was stopped before its end, so that it stays due.
///
/// # Errors
/// When it failed; that is noted down too.
pub fn run(job: Job, ground: Ground<'_>, now: Timestamp, stop: &AtomicBool) -> Result<Option<String>> {
    let Ground { memory, paths, settings, transcripts } = ground;
    let outcome = match job {
        Job::Sample => sample(memory, transcripts, now).map(|()| Some("written down".to_owned())),
        Job::Canary => memory.canary(now).map_err(Error::from).and_then(finding),
        Job::Integrity => finding(memory.integrity()),
        // Noted down where it is made.
        Job::Backup => {
            let made = backup::create(memory, paths, &Target::Own(Keep::default()), now, stop, &mut |_, _| {})?;
            return Ok(made.map(|made| format!("{} bytes", made.bytes)));
        }
        Job::Maintenance => {
            let cleanup_days = (settings.cleanup_days > 0).then_some(settings.cleanup_days);
            maintain::maintain(memory, paths, Plan { cleanup_days, dry_run: false }, now, stop, &mut |_, _| {})
                .and_then(|done| match done.checks.into_iter().find(|check| !check.ok) {
                    Some(bad) => Err(Error::Finding(bad.finding)),
                    None => Ok((!done.interrupted).then(|| format!("{} messages removed", done.removed))),
                })
        }
    };
    let (ok, said) = match &outcome {
        Ok(None) => return outcome,
        Ok(Some(said)) => (true, said.clone()),
        Err(error) => (false, error.to_string()),
    };
    memory.note_run(job.name(), ok, said, now)?;
    outcome
}

fn finding(check: Check) -> Result<Option<String>> {
    if check.ok { Ok(Some(check.finding)) } else { Err(Error::Finding(check.finding)) }
}

/// What is written down of a day.
fn sample(memory: &Memory, transcripts: Option<&Path>, now: Timestamp) -> Result<()> {
    let readings = Readings::read(memory, memory.settings(), transcripts, now)?;
    let counters = memory.counters()?;
    let sum = |head: &str, tail: &str| -> i64 {
        counters
            .iter()
            .filter(|(name, _)| name.starts_with(head) && name.ends_with(tail))
            .map(|(_, value)| *value)
            .sum()
    };
    let stats = &readings.stats;
    let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let values = [
        ("database_bytes", whole(stats.database_bytes + stats.log_bytes)),
        ("index_bytes", whole(readings.index_bytes)),
        ("messages", whole(stats.messages)),
        ("sessions", whole(stats.conversations)),
        ("saved", whole(stats.notes)),
        ("vectors", whole(readings.vectors)),
        ("requests", sum("requests/", "")),
        ("errors", sum("requests/", "/error")),
        ("searches", sum("requests/tools/call/memory_search/", "")),
        ("micros", sum("micros/", "")),
    ];
    let day = now.milliseconds().div_euclid(DAY_MS);
    let mut samples: Vec<Sample> =
        values.into_iter().map(|(name, value)| Sample { day, name: name.to_owned(), value }).collect();
    // Of what comes and goes the highest of the day counts, not what happens to be there at its end.
    let before = memory.samples(day)?;
    let copies = readings.targets.iter().map(|target| (format!("{SYNC_LAG}{}", target.state.name), target.lag_ms));
    for (name, lag_ms) in copies.chain([(INGEST_LAG.to_owned(), readings.backlog.lag_ms)]) {
        let seen = before.iter().find(|sample| sample.day == day && sample.name == name);
        samples.push(Sample { day, value: seen.map_or(0, |sample| sample.value).max(lag_ms / 1000), name });
    }
    memory.note_samples(samples)?;
    Ok(())
}

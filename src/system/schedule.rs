//! Scheduled jobs: when each is due, running it, and recording the outcome. Does not own the trigger (`serve` or a
//! system timer).

use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::backup;
use crate::backup::maintenance::{self, MaintenancePlan};
use crate::config::{Paths, ScheduleSettings, ScheduledJob};
use crate::domain::time::DAY_MS;
use crate::domain::{Failure, FailureCode, Timestamp};
use crate::memory::{CheckResult, Memory};
use crate::monitor::metrics::{INGEST_LAG, Readings, SYNC_LAG};
use crate::store::DailySample;

/// Returns the time of a job's last run. A backup also counts if a person or an older version made it without a record.
pub fn last_run(job: ScheduledJob, memory: &Memory, paths: &Paths) -> Result<Option<Timestamp>, Failure> {
    let noted = memory.snapshot()?.last_runs()?.into_iter().find(|run| run.name == job.name()).map(|run| run.at);
    // A backup made by hand, or by a version that recorded no runs, counts too.
    let backup = if job == ScheduledJob::Backup { backup::newest_backup_time(&paths.backups_folder()) } else { None };
    Ok(noted.max(backup))
}

/// Returns true if a job is due. A failed job is due until it succeeds; an empty store needs none.
pub fn is_due(
    job: ScheduledJob,
    memory: &Memory,
    paths: &Paths,
    settings: &ScheduleSettings,
    now: Timestamp,
) -> Result<bool, Failure> {
    let Some(every) = job.interval_ms(settings) else { return Ok(false) };
    let stats = memory.snapshot()?.collect_stats()?;
    if stats.messages == 0 {
        return Ok(false);
    }
    let failed = memory.snapshot()?.last_runs()?.iter().any(|run| run.name == job.name() && !run.ok);
    Ok(match (job, last_run(job, memory, paths)?) {
        _ if failed => true,
        (_, Some(last)) => last <= now.minus_milliseconds(every),
        // The first maintenance is due one interval after the store was created: before, there is nothing to clean up.
        (ScheduledJob::Maintenance, None) => memory.snapshot()?.created_at()? <= now.minus_milliseconds(every),
        (_, None) => true,
    })
}

/// Store and settings that a job works on.
#[derive(Debug, Clone, Copy)]
pub struct JobContext<'a> {
    pub memory: &'a Memory,
    /// Paths of the data folder.
    pub paths: &'a Paths,
    /// Settings of the schedule.
    pub settings: &'a ScheduleSettings,
    /// Folder of Claude Code's transcripts.
    pub transcripts: Option<&'a Path>,
}

/// Runs a job and records its outcome. Returns the finding; `None` if it was interrupted, so that it stays due.
///
/// # Errors
/// If the job failed; the failure is recorded too.
pub fn run_job(
    job: ScheduledJob,
    ground: JobContext<'_>,
    now: Timestamp,
    stop: &AtomicBool,
) -> Result<Option<String>, Failure> {
    let JobContext { memory, paths, settings, transcripts } = ground;
    let outcome = match job {
        ScheduledJob::Sample => record_samples(memory, transcripts, now).map(|()| Some("recorded".to_owned())),
        ScheduledJob::Canary => memory.canary_check(now).map_err(Failure::from).and_then(check_finding),
        ScheduledJob::Integrity => check_finding(memory.integrity_check()),
        // `create` records its own outcome.
        ScheduledJob::Backup => {
            let made = backup::create_scheduled_backup(memory, paths, now, stop)?;
            return Ok(made.map(|made| format!("{} bytes", made.bytes)));
        }
        ScheduledJob::Maintenance => {
            let cleanup_days = (settings.cleanup_days > 0).then_some(settings.cleanup_days);
            maintenance::run_maintenance(
                memory,
                paths,
                MaintenancePlan { cleanup_days, dry_run: false },
                now,
                stop,
                &mut |_, _| {},
            )
            .map_err(Failure::from)
            .and_then(|done| match done.checks.into_iter().find(|check| !check.ok) {
                Some(bad) => Err(failed_check(bad.finding)),
                None => Ok((!done.interrupted).then(|| format!("{} messages removed", done.removed))),
            })
        }
    };
    let (ok, said) = match &outcome {
        Ok(None) => return outcome,
        Ok(Some(said)) => (true, said.clone()),
        Err(error) => (false, error.message.clone()),
    };
    memory.record_run(job.name(), ok, said, now)?;
    outcome
}

fn check_finding(check: CheckResult) -> Result<Option<String>, Failure> {
    if check.ok { Ok(Some(check.finding)) } else { Err(failed_check(check.finding)) }
}

fn failed_check(finding: String) -> Failure {
    Failure::new(FailureCode::Corrupt, finding, Some("run `claude-memory doctor --deep`"))
}

/// Records the samples of a day.
fn record_samples(memory: &Memory, transcripts: Option<&Path>, now: Timestamp) -> Result<(), Failure> {
    let readings = Readings::read_all(memory, memory.settings(), transcripts, now)?;
    let counters = memory.snapshot()?.read_counters()?;
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
    let day = now.to_milliseconds().div_euclid(DAY_MS);
    let mut samples: Vec<DailySample> =
        values.into_iter().map(|(name, value)| DailySample { day, name: name.to_owned(), value }).collect();
    // A lag comes and goes: the day's maximum is recorded, not its last value.
    let before = memory.snapshot()?.daily_samples(day)?;
    let copies = readings.targets.iter().map(|target| (format!("{SYNC_LAG}{}", target.state.name), target.lag_ms));
    for (name, lag_ms) in copies.chain([(INGEST_LAG.to_owned(), readings.backlog.lag_ms)]) {
        let seen = before.iter().find(|sample| sample.day == day && sample.name == name);
        samples.push(DailySample { day, value: seen.map_or(0, |sample| sample.value).max(lag_ms / 1000), name });
    }
    memory.record_samples(samples)?;
    Ok(())
}

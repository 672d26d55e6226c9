//! Inputs of the alert rules, and the questions that the rules ask them. Owns no rule.

use super::metrics::{Readings, Traffic};
use crate::config::{ScheduleSettings, ScheduledJob};
use crate::domain::Timestamp;

/// Inputs of the alert rules.
#[derive(Debug)]
pub struct AlertInputs<'a> {
    /// Readings of the store and its surroundings.
    pub readings: &'a Readings,
    /// Requests of the last minutes; empty outside the service, which alone counts them.
    pub traffic: Traffic,
    /// True if the last reload of the configuration succeeded.
    pub config_ok: bool,
    /// Settings with the intervals of the jobs.
    pub schedule: &'a ScheduleSettings,
    /// Time of the evaluation.
    pub now: Timestamp,
}

impl AlertInputs<'_> {
    /// Returns true if a configured target did not answer the last probe.
    pub fn target_is_down(&self, target: &str) -> bool {
        self.readings.targets.iter().any(|copied| copied.state.name == target && !copied.state.up)
    }

    /// Returns true if the last run of a job failed.
    pub fn job_failed(&self, run: &str) -> bool {
        self.readings.runs.iter().any(|last| last.name == run && !last.ok)
    }

    /// Returns true if a job last run at `last` is overdue by more than `grace_ms`. A job that is switched off or never
    /// ran is not overdue: a new store has no runs yet.
    pub fn job_overdue(&self, job: ScheduledJob, last: Option<Timestamp>, grace_ms: i64) -> bool {
        job.interval_ms(self.schedule)
            .zip(last)
            .is_some_and(|(every, last)| last < self.now.minus_milliseconds(every + grace_ms))
    }

    /// Returns the time of a job's last recorded run.
    pub fn last_run(&self, job: ScheduledJob) -> Option<Timestamp> {
        self.readings.runs.iter().find(|run| run.name == job.name()).map(|run| run.at)
    }

    /// Returns the used part of the disk, 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a part of a whole")]
    pub fn disk_used(&self) -> f64 {
        self.readings.disk.map_or(0.0, |(free, all)| 1.0 - free as f64 / all.max(1) as f64)
    }
}

//! The jobs that run on a schedule, and how often each runs by the settings. Running them is not owned here.

use super::ScheduleSettings;
use crate::domain::names::names;
use crate::domain::time::{DAY_MS, HOUR_MS};

/// Kinds of scheduled jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScheduledJob {
    /// Records sizes and counts of the day, for charts.
    Sample,
    /// Saves, finds and deletes a test message.
    Canary,
    /// Creates and verifies a backup.
    Backup,
    /// Verifies the whole store.
    Integrity,
    /// Runs the monthly maintenance.
    Maintenance,
}

names!(ScheduledJob { Sample: "sample"; Canary: "canary"; Backup: "backup"; Integrity: "integrity"; Maintenance: "maintenance"; });

impl ScheduledJob {
    /// Returns the interval in milliseconds; `None` if the job is switched off.
    pub fn interval_ms(self, settings: &ScheduleSettings) -> Option<i64> {
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

//! Operational data in the store: counters, runs, samples and sync targets.

use crate::domain::Timestamp;
use crate::memory::{Memory, Result};
use crate::store::{DailySample, JobRun, TargetState};

impl Memory {
    /// Adds to the counters shared by all processes of this data folder.
    ///
    /// # Errors
    /// If writing fails; nothing is added then.
    pub fn add_counters(&self, counters: Vec<(String, i64)>) -> Result<()> {
        Ok(self.store.add_counters(counters)?)
    }

    /// Checks that the writer thread responds; writes nothing.
    pub fn ping_writer(&self) -> Result<()> {
        Ok(self.store.ping_writer()?)
    }

    /// Records a run of a scheduled job.
    pub fn record_run(&self, name: &str, ok: bool, finding: String, at: Timestamp) -> Result<()> {
        Ok(self.store.record_run(JobRun { name: name.to_owned(), at, ok, finding })?)
    }

    /// Records the samples of a day, replacing earlier ones of that day.
    pub fn record_samples(&self, samples: Vec<DailySample>) -> Result<()> {
        Ok(self.store.record_samples(samples)?)
    }

    /// Records the last probe of a sync target: reachable, or the error.
    pub fn record_probe(&self, name: &str, trouble: Option<String>, now: Timestamp) -> Result<()> {
        Ok(self.store.record_target_check(name.to_owned(), trouble, now)?)
    }

    /// Returns the state of all sync targets.
    pub fn target_states(&self) -> Result<Vec<TargetState>> {
        Ok(self.store.snapshot()?.target_states(&self.model_digest().unwrap_or_default())?)
    }
}

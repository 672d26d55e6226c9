//! What operators' tools keep in the store: counters, runs, samples, targets; and what reports count.

use std::collections::BTreeMap;

use super::{Memory, Result};
use crate::domain::Timestamp;
use crate::store::{Day, Run, Sample, Share, TargetState};

impl Memory {
    /// Adds to the counters that all processes of this folder share.
    ///
    /// # Errors
    /// When writing fails; nothing is then added.
    pub fn add_counters(&self, counters: Vec<(String, i64)>) -> Result<()> {
        Ok(self.store.add_counters(counters)?)
    }

    /// The counters that all processes of this folder share.
    ///
    /// # Errors
    /// When reading fails.
    pub fn counters(&self) -> Result<BTreeMap<String, i64>> {
        Ok(self.store.counters()?)
    }

    /// When the store was made.
    ///
    /// # Errors
    /// When reading fails.
    pub fn created_at(&self) -> Result<Timestamp> {
        Ok(self.store.created_at()?)
    }

    /// Whether the writing thread answers; writes nothing.
    ///
    /// # Errors
    /// When a write would fail now.
    pub fn beat(&self) -> Result<()> {
        Ok(self.store.beat()?)
    }

    /// Notes down that some work was done.
    ///
    /// # Errors
    /// When writing fails.
    pub fn note_run(&self, name: &str, ok: bool, finding: String, at: Timestamp) -> Result<()> {
        Ok(self.store.note_run(Run { name: name.to_owned(), at, ok, finding })?)
    }

    /// The last run of each kind of work.
    ///
    /// # Errors
    /// When reading fails.
    pub fn runs(&self) -> Result<Vec<Run>> {
        Ok(self.store.runs()?)
    }

    /// Writes down what was counted on a day, over what was there for that day.
    ///
    /// # Errors
    /// When writing fails.
    pub fn note_samples(&self, samples: Vec<Sample>) -> Result<()> {
        Ok(self.store.note_samples(samples)?)
    }

    /// What was counted from a day on.
    ///
    /// # Errors
    /// When reading fails.
    pub fn samples(&self, from_day: i64) -> Result<Vec<Sample>> {
        Ok(self.store.samples(from_day)?)
    }

    /// Notes down whether another place of the memory answers.
    ///
    /// # Errors
    /// When writing fails.
    pub fn note_target(&self, name: &str, trouble: Option<String>, now: Timestamp) -> Result<()> {
        Ok(self.store.note_target(name.to_owned(), trouble, now)?)
    }

    /// What is known of the other places of the memory.
    ///
    /// # Errors
    /// When reading fails.
    pub fn targets(&self) -> Result<Vec<TargetState>> {
        Ok(self.store.targets(&self.model_digest().unwrap_or_default())?)
    }

    /// What was said from `from` until before `until`, by day.
    ///
    /// # Errors
    /// When reading fails.
    pub fn days(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Day>> {
        Ok(self.store.days(from, until)?)
    }

    /// What was said from `from` until before `until`, by project, the most first.
    ///
    /// # Errors
    /// When reading fails.
    pub fn shares(&self, from: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<Share>> {
        Ok(self.store.shares(from, until, limit)?)
    }

    /// The programs that conversations come from, by name.
    ///
    /// # Errors
    /// When reading fails.
    pub fn sources(&self) -> Result<Vec<String>> {
        Ok(self.store.sources()?)
    }
}

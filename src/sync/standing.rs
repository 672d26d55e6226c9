//! How the copies stand: whether the places answer, what waits for them, when everything was there. Asks nobody; probes note what they saw.

use serde::Serialize;

use super::error::Result;
use crate::domain::Timestamp;
use crate::memory::Memory;
use crate::store::Parked;

/// Messages that were set aside are listed up to this number.
const LISTED: usize = 20;

/// One place, as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct TargetRow {
    /// postgres or qdrant.
    pub name: &'static str,
    /// Whether the settings name one.
    pub configured: bool,
    /// Whether it answered the last time; `None` when it was never asked.
    pub up: Option<bool>,
    /// Why it did not.
    pub trouble: Option<String>,
    /// When it was asked, RFC 3339.
    pub checked_at: Option<String>,
    /// When everything was there, RFC 3339.
    pub succeeded_at: Option<String>,
    /// Changes of messages that wait.
    pub waiting_messages: u64,
    /// Vectors that wait.
    pub waiting_vectors: u64,
    /// Seconds since the oldest change that waits.
    pub lag_seconds: i64,
    /// How many messages it refused for what they hold.
    pub parked_total: usize,
    /// Some of them, the newest first.
    pub parked: Vec<ParkedRow>,
}

/// A message that was set aside, as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct ParkedRow {
    /// The message.
    pub id: String,
    /// What the place said.
    pub why: String,
    /// When, RFC 3339.
    pub at: String,
}

impl From<Parked> for ParkedRow {
    fn from(parked: Parked) -> Self {
        Self { id: parked.message.to_string(), why: parked.why, at: parked.at.to_string() }
    }
}

/// Both places, configured or not.
///
/// # Errors
/// When the store cannot be read.
pub fn standing(memory: &Memory, now: Timestamp) -> Result<Vec<TargetRow>> {
    let settings = &memory.settings().sync;
    let known = memory.targets()?;
    let mut rows = Vec::new();
    for (name, address) in [("postgres", &settings.postgres), ("qdrant", &settings.qdrant)] {
        let state = known.iter().find(|state| state.name == name);
        let progress = state.map_or_else(Default::default, |state| state.progress);
        let parked = memory.parked(name)?;
        let (messages, vectors, since) = memory.waiting_after(progress)?;
        rows.push(TargetRow {
            name,
            configured: !address.is_empty(),
            up: state.map(|state| state.up),
            trouble: state.and_then(|state| state.trouble.clone()),
            checked_at: state.map(|state| state.checked_at.to_string()),
            succeeded_at: state.and_then(|state| state.succeeded_at).map(|at| at.to_string()),
            waiting_messages: messages,
            waiting_vectors: vectors,
            lag_seconds: since.map_or(0, |since| (now.milliseconds() - since.milliseconds()).max(0) / 1000),
            parked_total: parked.len(),
            parked: parked.into_iter().take(LISTED).map(ParkedRow::from).collect(),
        });
    }
    Ok(rows)
}

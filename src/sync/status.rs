//! Status of the sync targets: reachable or not, what is pending, when the last push completed. Reads recorded probes;
//! contacts no server.

use serde::Serialize;

use super::error::Result;
use crate::domain::Timestamp;
use crate::memory::Memory;
use crate::store::ParkedEntry;

/// Maximum number of parked messages that are listed.
const MAX_LISTED: usize = 20;

/// Status of one target, as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct TargetStatus {
    /// `postgres` or `qdrant`.
    pub name: &'static str,
    /// True if the settings name an address.
    pub configured: bool,
    /// True if it answered the last probe; `None` if it was never probed.
    pub up: Option<bool>,
    /// Error of the last probe or push.
    pub trouble: Option<String>,
    /// Time of the last probe or push, RFC 3339.
    pub checked_at: Option<String>,
    /// Time of the last push that left nothing pending, RFC 3339.
    pub succeeded_at: Option<String>,
    /// Pending changes of messages.
    pub waiting_messages: u64,
    /// Embeddings not pushed yet.
    pub waiting_vectors: u64,
    /// Age of the oldest change not pushed yet, in seconds.
    pub lag_seconds: i64,
    /// Number of messages the target rejected for their content.
    pub parked_total: usize,
    /// Newest parked messages.
    pub parked: Vec<ParkedMessage>,
}

/// A parked message, as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct ParkedMessage {
    /// Id of the message.
    pub id: String,
    /// Error message of the target.
    pub why: String,
    /// Time of the rejection, RFC 3339.
    pub at: String,
}

impl From<ParkedEntry> for ParkedMessage {
    fn from(parked: ParkedEntry) -> Self {
        Self { id: parked.message.to_string(), why: parked.why, at: parked.at.to_string() }
    }
}

/// Returns the status of both targets, configured or not.
pub fn target_statuses(memory: &Memory, now: Timestamp) -> Result<Vec<TargetStatus>> {
    let settings = &memory.settings().sync;
    let known = memory.target_states()?;
    let mut rows = Vec::new();
    for (name, address) in [("postgres", &settings.postgres), ("qdrant", &settings.qdrant)] {
        let state = known.iter().find(|state| state.name == name);
        let progress = state.map_or_else(Default::default, |state| state.progress);
        let parked = memory.snapshot()?.parked_messages(name)?;
        let (messages, vectors, since) = memory.pending_for_target(progress)?;
        rows.push(TargetStatus {
            name,
            configured: !address.is_empty(),
            up: state.map(|state| state.up),
            trouble: state.and_then(|state| state.trouble.clone()),
            checked_at: state.map(|state| state.checked_at.to_string()),
            succeeded_at: state.and_then(|state| state.succeeded_at).map(|at| at.to_string()),
            waiting_messages: messages,
            waiting_vectors: vectors,
            lag_seconds: since.map_or(0, |since| (now.to_milliseconds() - since.to_milliseconds()).max(0) / 1000),
            parked_total: parked.len(),
            parked: parked.into_iter().take(MAX_LISTED).map(ParkedMessage::from).collect(),
        });
    }
    Ok(rows)
}

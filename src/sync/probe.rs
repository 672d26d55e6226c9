//! Pings the configured targets.

use super::SyncEndpoint;
use crate::config::SyncSettings;

/// Outcome of pinging one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeResult {
    /// `postgres` or `qdrant`.
    pub name: &'static str,
    /// Error of the ping; `None` if the target answered.
    pub trouble: Option<String>,
}

/// Pings every configured target.
pub async fn probe_targets(settings: &SyncSettings) -> Vec<ProbeResult> {
    let mut probed = Vec::new();
    for (name, place) in SyncEndpoint::all_configured(settings) {
        let outcome = match place {
            Ok(place) => place.ping_server().await,
            Err(error) => Err(error),
        };
        probed.push(ProbeResult { name, trouble: outcome.err().map(|error| error.to_string()) });
    }
    probed
}

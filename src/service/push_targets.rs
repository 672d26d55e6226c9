//! Pushes changes to the sync targets while the service runs; a target that fails is retried with growing pauses.

use std::time::Duration;

use super::live_settings::LiveSettings;
use super::tasks::{Ticker, Wake};
use crate::bridge::EngineHandle;
use crate::config::env;
use crate::domain::hash::random_key;
use crate::embed::lower_thread_priority;
use crate::memory::{self, Memory};
use crate::sync::{self, SyncEndpoint};

/// Pause between two pushes while they succeed.
const PAUSE: Duration = Duration::from_secs(10);
/// Longest pause after failures; each failure doubles it.
const MAX_PAUSE: Duration = Duration::from_mins(15);

/// Pushes to one target until the service ends. Runs on a thread of its own, so that a target that does not answer
/// delays no other.
pub(super) fn push_until_stopped(
    rest: &Ticker,
    desk: &EngineHandle<Memory, memory::Error>,
    live: &LiveSettings,
    target: &'static str,
) {
    lower_thread_priority();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "cannot start the sync runtime; nothing is pushed"),
    };
    let mut pause = PAUSE;
    // Jittered: not all machines retry at the same moment.
    while rest.sleep_for(add_jitter(pause)) != Wake::End {
        let place = SyncEndpoint::all_configured(&live.get().sync).into_iter().find(|(name, _)| *name == target);
        let Some((memory, (_, place))) = desk.get_or_open().ok().zip(place) else {
            pause = PAUSE;
            continue;
        };
        pause = match place.and_then(|place| runtime.block_on(push_changes(&memory, place, rest))) {
            Ok(()) => PAUSE,
            Err(error) => {
                tracing::warn!(%error, "failed to push changes");
                if let Err(error) = memory.record_probe(target, Some(error.to_string()), env::current_time()) {
                    tracing::debug!(%error, "failed to record the push error");
                }
                (pause * 2).min(MAX_PAUSE)
            }
        };
    }
}

async fn push_changes(memory: &Memory, place: SyncEndpoint, rest: &Ticker) -> sync::Result<()> {
    let target = place.target_name();
    let pushed = sync::push_changes(memory, place, &env::current_time, rest.stop_flag(), &mut |_| {}).await?;
    if pushed.messages + pushed.gone + pushed.vectors > 0 {
        tracing::info!(target, pushed.messages, pushed.gone, pushed.vectors, "pushed changes");
    }
    if pushed.parked > 0 {
        tracing::warn!(target, pushed.parked, "target refused messages; see `claude-memory sync status`");
    }
    Ok(())
}

/// Varies a pause by up to a quarter, so that machines do not all retry at the same moment.
fn add_jitter(pause: Duration) -> Duration {
    let [byte, ..] = random_key();
    pause.mul_f64(0.75 + f64::from(byte) / 510.0)
}

//! Sends what is new to the other places of the memory, again and again; later when a place does not answer.

use std::time::Duration;

use super::live::Live;
use super::tasks::{Rest, Woken};
use crate::bridge::Desk;
use crate::config::env;
use crate::domain::hash::random_32;
use crate::embed::give_way;
use crate::memory::{self, Memory};
use crate::sync::{self, Place};

/// Between two looks when all goes well.
const PAUSE: Duration = Duration::from_secs(10);
/// The longest pause after failures, which double it.
const LONGEST: Duration = Duration::from_mins(15);

/// Sends to a target until the service ends. Each has a thread of its own, so that one that does not answer delays no other.
pub(super) fn keep(rest: &Rest, desk: &Desk<Memory, memory::Error>, live: &Live, target: &'static str) {
    give_way();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "nothing is sent to other places"),
    };
    let mut pause = PAUSE;
    // Not all machines come back at the same moment.
    while rest.wait(jittered(pause)) != Woken::End {
        let place = Place::configured(&live.get().sync).into_iter().find(|(name, _)| *name == target);
        let Some((memory, (_, place))) = desk.opened().ok().zip(place) else {
            pause = PAUSE;
            continue;
        };
        pause = match place.and_then(|place| runtime.block_on(send(&memory, place, rest))) {
            Ok(()) => PAUSE,
            Err(error) => {
                tracing::warn!(%error, "what is new was not sent");
                if let Err(error) = memory.note_target(target, Some(error.to_string()), env::now()) {
                    tracing::debug!(%error, "that was not noted down");
                }
                (pause * 2).min(LONGEST)
            }
        };
    }
}

async fn send(memory: &Memory, place: Place, rest: &Rest) -> sync::Result<()> {
    let target = place.target();
    let pushed = sync::push(memory, place, &env::now, rest.stop(), &mut |_| {}).await?;
    if pushed.messages + pushed.gone + pushed.vectors > 0 {
        tracing::info!(target, pushed.messages, pushed.gone, pushed.vectors, "sent");
    }
    if pushed.parked > 0 {
        tracing::warn!(target, pushed.parked, "messages were refused; `claude-memory sync status` says why");
    }
    Ok(())
}

/// A quarter less to a quarter more.
fn jittered(pause: Duration) -> Duration {
    let [byte, ..] = random_32();
    pause.mul_f64(0.75 + f64::from(byte) / 510.0)
}

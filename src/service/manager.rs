//! What the manager of services is told, and when: that the service is ready, that it still works, that it ends. The watchdog is fed by an answer of the thread that writes, so that a writer that hangs is noticed.

use std::time::Duration;

use super::systemd::{State, tell, watchdog};
use super::tasks::{Rest, Woken};
use crate::bridge::Desk;
use crate::domain::Code;
use crate::memory::{self, Memory};

/// Between two attempts while the store cannot be opened.
const RETRY: Duration = Duration::from_secs(2);
/// Between two answers of the writer when systemd sets no watchdog.
const BEAT: Duration = Duration::from_secs(30);

/// Says that the service is ready once its store answers, and from then on that it works.
pub(super) fn report(rest: &Rest, desk: &Desk<Memory, memory::Error>) {
    let memory = loop {
        match desk.opened() {
            Ok(memory) => break memory,
            Err(error) => {
                tracing::error!(%error, "the store cannot be opened");
                tell(&[State::Status(&format!("the store cannot be opened: {}", error.code().name()))]);
            }
        }
        if rest.wait(RETRY) == Woken::End {
            return;
        }
    };
    tell(&[State::Ready, State::Status("ready")]);
    let pause = watchdog().map_or(BEAT, |limit| limit / 3);
    while rest.wait(pause) != Woken::End {
        match memory.beat() {
            Ok(()) => tell(&[State::Watchdog]),
            // Another process writes for long: the writer answers, it only has to wait.
            Err(error) if error.code() == Code::Busy => tell(&[State::Watchdog]),
            // A full disk is no reason to be started again: that would not make room.
            Err(error) if error.code() == Code::DiskFull => tell(&[State::Watchdog]),
            Err(error) => tracing::error!(%error, "the writer does not answer well"),
        }
    }
}

/// Says that the configuration is being read again, or that this is over.
pub(super) fn reloading(over: bool) {
    tell(&[if over { State::Ready } else { State::Reloading }]);
}

/// Says that the service ends.
pub(super) fn stopping() {
    tell(&[State::Stopping]);
}

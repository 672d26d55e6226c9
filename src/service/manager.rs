//! Notifies the service manager: ready, still alive, stopping. The watchdog is fed by a round trip to the writer
//! thread, so that a writer that hangs is noticed.

use std::time::Duration;

use super::systemd::{ServiceState, notify_systemd, watchdog_interval};
use super::tasks::{Ticker, Wake};
use crate::bridge::EngineHandle;
use crate::domain::FailureCode;
use crate::memory::{self, Memory};

/// Pause between two attempts while the store cannot be opened.
const RETRY: Duration = Duration::from_secs(2);
/// Pause between two pings of the writer when systemd sets no watchdog.
const WRITER_PING_PAUSE: Duration = Duration::from_secs(30);

/// Reports readiness once the store opens, then feeds the watchdog until the service ends.
pub(super) fn report_state(rest: &Ticker, desk: &EngineHandle<Memory, memory::Error>) {
    let memory = loop {
        match desk.get_or_open() {
            Ok(memory) => break memory,
            Err(error) => {
                tracing::error!(%error, "cannot open the store");
                notify_systemd(&[ServiceState::Status(&format!("cannot open the store: {}", error.code().name()))]);
            }
        }
        if rest.sleep_for(RETRY) == Wake::End {
            return;
        }
    };
    notify_systemd(&[ServiceState::Ready, ServiceState::Status("ready")]);
    let pause = watchdog_interval().map_or(WRITER_PING_PAUSE, |limit| limit / 3);
    while rest.sleep_for(pause) != Wake::End {
        match memory.ping_writer() {
            Ok(()) => notify_systemd(&[ServiceState::Watchdog]),
            // Another process holds the write lock: the writer is alive and only waits.
            Err(error) if error.code() == FailureCode::Busy => notify_systemd(&[ServiceState::Watchdog]),
            // A restart would not free disk space.
            Err(error) if error.code() == FailureCode::DiskFull => notify_systemd(&[ServiceState::Watchdog]),
            Err(error) => tracing::error!(%error, "writer ping failed"),
        }
    }
}

/// Reports the start of a reload, or its end if `over`.
pub(super) fn notify_reload(over: bool) {
    notify_systemd(&[if over { ServiceState::Ready } else { ServiceState::Reloading }]);
}

/// Reports that the service is stopping.
pub(super) fn notify_stopping() {
    notify_systemd(&[ServiceState::Stopping]);
}

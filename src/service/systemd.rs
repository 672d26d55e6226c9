//! systemd's notification protocol. Without systemd every notification is a no-op.

use std::time::Duration;

/// Notifications to the service manager.
#[derive(Debug, Clone, Copy)]
pub(super) enum ServiceState<'a> {
    /// The service has started, or a reload has ended.
    Ready,
    /// A status line for people.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only systemd reads it"))]
    Status(&'a str),
    /// Keep-alive of the watchdog.
    Watchdog,
    /// A reload of the configuration has begun; [`Self::Ready`] ends it.
    Reloading,
    /// The service is stopping.
    Stopping,
}

/// Returns the watchdog's interval, if systemd sets one.
pub(super) fn watchdog_interval() -> Option<Duration> {
    #[cfg(unix)]
    return sd_notify::watchdog_enabled();
    #[cfg(not(unix))]
    None
}

/// Sends notifications. Without a manager nothing is sent, which is no failure.
#[cfg(unix)]
pub(super) fn notify_systemd(states: &[ServiceState<'_>]) {
    use sd_notify::NotifyState;
    let mut said = Vec::with_capacity(states.len() + 1);
    for state in states {
        match state {
            ServiceState::Ready => said.push(NotifyState::Ready),
            ServiceState::Status(line) => said.push(NotifyState::Status(line)),
            ServiceState::Watchdog => said.push(NotifyState::Watchdog),
            ServiceState::Reloading => {
                said.push(NotifyState::Reloading);
                // systemd requires it with RELOADING=1; without it the reload never ends.
                match NotifyState::monotonic_usec_now() {
                    Ok(at) => said.push(at),
                    Err(_) => return,
                }
            }
            ServiceState::Stopping => said.push(NotifyState::Stopping),
        }
    }
    if let Err(error) = sd_notify::notify(&said) {
        tracing::debug!(%error, "failed to notify systemd");
    }
}

#[cfg(not(unix))]
pub(super) fn notify_systemd(states: &[ServiceState<'_>]) {
    tracing::trace!(?states, "no service manager to notify");
}

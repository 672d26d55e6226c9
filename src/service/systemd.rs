//! The small door to systemd's notifications. Where there is no systemd nobody listens and nothing is said.

use std::time::Duration;

/// What the manager of services may be told.
#[derive(Debug, Clone, Copy)]
pub(super) enum State<'a> {
    /// It works from now on.
    Ready,
    /// A line for people.
    #[cfg_attr(not(unix), expect(dead_code, reason = "nobody reads it"))]
    Status(&'a str),
    /// It still works.
    Watchdog,
    /// The configuration is being read again; [`Self::Ready`] ends it.
    Reloading,
    /// It ends.
    Stopping,
}

/// How often it has to be told that everything works, if at all.
pub(super) fn watchdog() -> Option<Duration> {
    #[cfg(unix)]
    return sd_notify::watchdog_enabled();
    #[cfg(not(unix))]
    None
}

/// Tells it. That nobody listens is no failure.
#[cfg(unix)]
pub(super) fn tell(states: &[State<'_>]) {
    use sd_notify::NotifyState;
    let mut said = Vec::with_capacity(states.len() + 1);
    for state in states {
        match state {
            State::Ready => said.push(NotifyState::Ready),
            State::Status(line) => said.push(NotifyState::Status(line)),
            State::Watchdog => said.push(NotifyState::Watchdog),
            State::Reloading => {
                said.push(NotifyState::Reloading);
                // It belongs to a reload, or the reload never ends.
                match NotifyState::monotonic_usec_now() {
                    Ok(at) => said.push(at),
                    Err(_) => return,
                }
            }
            State::Stopping => said.push(NotifyState::Stopping),
        }
    }
    if let Err(error) = sd_notify::notify(&said) {
        tracing::debug!(%error, "systemd was not told");
    }
}

#[cfg(not(unix))]
pub(super) fn tell(states: &[State<'_>]) {
    tracing::trace!(?states, "nobody to tell");
}

//! Signals of the system: stop, and read the configuration again. A second one to stop ends the process at once.

use tokio::sync::mpsc::UnboundedSender;

/// What the service is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// To end.
    Stop,
    /// To read configuration and token again.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no signal for it"))]
    Reload,
}

/// Signals that are heard from now on.
#[cfg(unix)]
pub(super) struct Signals {
    ended: tokio::signal::unix::Signal,
    interrupted: tokio::signal::unix::Signal,
    hung_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Begins to hear them. Has to be called inside the runtime.
    pub(super) fn hear() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (ended, interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { ended, interrupted, hung_up: signal(SignalKind::hangup())? })
    }

    /// Passes them on until nobody listens.
    pub(super) async fn pass_on(mut self, listener: UnboundedSender<Told>) {
        loop {
            let told = tokio::select! {
                _ = self.ended.recv() => Told::Stop,
                _ = self.interrupted.recv() => Told::Stop,
                _ = self.hung_up.recv() => Told::Reload,
            };
            if listener.send(told).is_err() {
                return;
            }
        }
    }
}

/// Ctrl-C; there is no signal to reload.
#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn hear() -> std::io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn pass_on(self, listener: UnboundedSender<Told>) {
        while tokio::signal::ctrl_c().await.is_ok() && listener.send(Told::Stop).is_ok() {}
    }
}

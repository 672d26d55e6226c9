//! Signals of the operating system: stop, and reload the configuration. A second stop signal ends the process at once.

use tokio::sync::mpsc::UnboundedSender;

/// Request that a signal makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignalEvent {
    /// SIGTERM, SIGINT or Ctrl-C: end the service.
    Stop,
    /// SIGHUP: read configuration and token again.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has a reload signal"))]
    Reload,
}

/// Installed signal handlers.
#[cfg(unix)]
pub(super) struct SignalHandlers {
    ended: tokio::signal::unix::Signal,
    interrupted: tokio::signal::unix::Signal,
    hung_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl SignalHandlers {
    /// Installs the handlers. Must be called inside the runtime.
    pub(super) fn install_handlers() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (ended, interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { ended, interrupted, hung_up: signal(SignalKind::hangup())? })
    }

    /// Forwards signals until the receiver is gone.
    pub(super) async fn forward_signals(mut self, listener: UnboundedSender<SignalEvent>) {
        loop {
            let told = tokio::select! {
                _ = self.ended.recv() => SignalEvent::Stop,
                _ = self.interrupted.recv() => SignalEvent::Stop,
                _ = self.hung_up.recv() => SignalEvent::Reload,
            };
            if listener.send(told).is_err() {
                return;
            }
        }
    }
}

/// Ctrl-C handler; there is no signal to reload.
#[cfg(not(unix))]
pub(super) struct SignalHandlers;

#[cfg(not(unix))]
impl SignalHandlers {
    pub(super) fn install_handlers() -> std::io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn forward_signals(self, listener: UnboundedSender<SignalEvent>) {
        while tokio::signal::ctrl_c().await.is_ok() && listener.send(SignalEvent::Stop).is_ok() {}
    }
}

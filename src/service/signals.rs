//! Signals of the system: stop, and read the configuration again. A second one to stop ends the process at once.

use tokio::sync::mpsc::UnboundedSender;

/// What the service is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// To end.
    Stop,
    /// To read configuration and token again.
    Reload,
}

/// Passes signals on until nobody listens.
#[cfg(unix)]
pub(super) async fn pass_on(listener: UnboundedSender<Told>) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut ended, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hung_up = signal(SignalKind::hangup())?;
    loop {
        let told = tokio::select! {
            _ = ended.recv() => Told::Stop,
            _ = interrupted.recv() => Told::Stop,
            _ = hung_up.recv() => Told::Reload,
        };
        if listener.send(told).is_err() {
            return Ok(());
        }
    }
}

/// Passes Ctrl-C on; there is no signal to reload.
#[cfg(not(unix))]
pub(super) async fn pass_on(listener: UnboundedSender<Told>) -> std::io::Result<()> {
    loop {
        tokio::signal::ctrl_c().await?;
        if listener.send(Told::Stop).is_err() {
            return Ok(());
        }
    }
}

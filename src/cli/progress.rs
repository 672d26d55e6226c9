//! Progress bars on a terminal, and the interrupt key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::CliOutput;
use crate::disk;

/// Exit code after an interrupt, as shells expect it (128 + SIGINT).
pub(super) const INTERRUPTED: u8 = 130;

/// Creates a progress bar on stderr; it is hidden if stderr is no terminal or `--quiet` is set.
pub(super) fn create_bar(output: CliOutput, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if output.shows_progress() {
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        bar.enable_steady_tick(Duration::from_millis(200));
    } else {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// Returns a flag that the first Ctrl-C, SIGTERM or SIGHUP sets, so that the work stops at the next safe point.
///
/// A second signal ends the process at once, which loses nothing that was acknowledged.
pub(super) fn stop_on_interrupt(output: CliOutput) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    on_each_interrupt(move || {
        if seen.swap(true, Ordering::Relaxed) {
            exit_interrupted();
        }
        disk::stop_foreign_reads();
        output.print_message("stopping at the next safe point; press again to stop at once");
    });
    stop
}

/// Sets `stop` at Ctrl-C, SIGTERM or SIGHUP, for background work: prints nothing, and a second signal changes nothing.
pub(super) fn set_on_interrupt(stop: &Arc<AtomicBool>) {
    let seen = Arc::clone(stop);
    on_each_interrupt(move || {
        seen.store(true, Ordering::Relaxed);
        disk::stop_foreign_reads();
    });
}

/// Calls `handle` at each interrupt, on a thread of its own. Handlers are installed when this returns. A second call in
/// one process does nothing: the first handler stays.
fn on_each_interrupt(handle: impl Fn() + Send + 'static) {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    // Without handlers a signal ends the process, which loses nothing that was acknowledged either.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let Ok(mut interrupts) = runtime.block_on(async { Interrupts::install_handlers() }) else { return };
    let wait = move || {
        runtime.block_on(async {
            loop {
                interrupts.wait_for_next().await;
                handle();
            }
        });
    };
    let _ = std::thread::Builder::new().name("interrupts".to_owned()).spawn(wait);
}

/// Signals with which a person or the system asks the process to end; on Windows the interrupt key.
struct Interrupts {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
    #[cfg(not(unix))]
    key: tokio::signal::windows::CtrlC,
}

impl Interrupts {
    #[cfg(unix)]
    fn install_handlers() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Self { signals: [interrupt?, terminate?, hangup?] })
    }

    #[cfg(unix)]
    async fn wait_for_next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn install_handlers() -> std::io::Result<Self> {
        Ok(Self { key: tokio::signal::windows::ctrl_c()? })
    }

    #[cfg(not(unix))]
    async fn wait_for_next(&mut self) {
        self.key.recv().await;
    }
}

#[expect(clippy::disallowed_methods, clippy::exit, reason = "the user asked twice; every write is atomic")]
fn exit_interrupted() {
    std::process::exit(i32::from(INTERRUPTED));
}

//! Progress on a terminal, and the interrupt key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;

/// Exit code after an interrupt, as shells expect it (128 + SIGINT).
pub(super) const INTERRUPTED: u8 = 130;

/// A bar on stderr, or nothing when nobody looks.
pub(super) fn bar(output: Output, template: &str) -> ProgressBar {
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

/// Set by the first Ctrl-C or SIGTERM: the work stops at the next safe point. A second one ends the process at once,
/// which loses nothing that was acknowledged.
pub(super) fn stop_on_interrupt(output: Output) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    let handler = move || {
        if seen.swap(true, Ordering::Relaxed) {
            end_now();
        }
        output.say("stopping at the next safe point; press again to stop at once");
    };
    // A second registration in one process fails; the first handler then stays.
    let _ = ctrlc::set_handler(handler);
    stop
}

/// Sets `stop` at Ctrl-C or SIGTERM from now on, for work that nobody watches: says nothing, and a second one changes nothing.
pub(super) fn set_on_interrupt(stop: &Arc<AtomicBool>) {
    let seen = Arc::clone(stop);
    let _ = ctrlc::set_handler(move || seen.store(true, Ordering::Relaxed));
}

#[expect(clippy::disallowed_methods, clippy::exit, reason = "the user asked twice; every write is atomic")]
fn end_now() {
    std::process::exit(i32::from(INTERRUPTED));
}

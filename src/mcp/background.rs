//! What an MCP session does between requests: makes missing vectors if no other process does, and gives back memory that
//! is no longer used; and adds what was counted to the store, where every process of the folder adds to the same counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::bridge::Desk;
use crate::embed::give_way;
use crate::memory::{self, Memory};
use crate::ops::metrics::Metrics;

/// Pause between two looks at the queue.
const PAUSE: Duration = Duration::from_secs(20);

/// The running thread.
#[derive(Debug)]
pub struct Worker {
    wake: Sender<()>,
    thread: JoinHandle<()>,
}

impl Worker {
    /// Starts it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        desk: Desk<Memory, memory::Error>,
        metrics: Arc<Metrics>,
        make_vectors: bool,
        stop: Arc<AtomicBool>,
    ) -> std::io::Result<Self> {
        let (wake, sleep) = channel();
        let thread = std::thread::Builder::new()
            .name("vectors".to_owned())
            .spawn(move || run(&desk, &metrics, make_vectors, &stop, &sleep))?;
        Ok(Self { wake, thread })
    }

    /// Waits for the thread, but not longer than `grace`: what it does can be stopped at any moment without loss.
    pub fn finish(self, grace: Duration) {
        drop(self.wake);
        let deadline = Instant::now() + grace;
        while !self.thread.is_finished() && Instant::now() < deadline {
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

fn run(
    desk: &Desk<Memory, memory::Error>,
    metrics: &Metrics,
    make_vectors: bool,
    stop: &AtomicBool,
    sleep: &Receiver<()>,
) {
    give_way();
    while matches!(sleep.recv_timeout(PAUSE), Err(RecvTimeoutError::Timeout)) && !stop.load(Ordering::Relaxed) {
        // A store that cannot be opened is reported to whoever calls a tool.
        let opened = if make_vectors { desk.opened().ok() } else { desk.peek() };
        let Some(memory) = opened else { continue };
        memory.drop_idle();
        flush(metrics, &memory);
        // Hooks leave this to who has time.
        if make_vectors && let Err(error) = memory.fold_words() {
            tracing::debug!(%error, "words were not folded now");
        }
        if make_vectors && let Err(error) = work(&memory, stop) {
            tracing::debug!(%error, "vectors were not made now");
        }
    }
    if let Some(memory) = desk.peek() {
        flush(metrics, &memory);
    }
}

/// Counters are worth no failure: what cannot be added now is added later, or never.
fn flush(metrics: &Metrics, memory: &Memory) {
    if let Err(error) = metrics.flush(memory) {
        tracing::debug!(%error, "the counters were not added");
    }
}

fn work(memory: &Memory, stop: &AtomicBool) -> memory::Result<()> {
    // One worker: the session's owner has other things to do with this machine.
    let Some(turn) = memory.take_turn(1)? else { return Ok(()) };
    let made = memory.make_vectors(&turn, stop, &mut |_| {})?;
    tracing::info!(parts = made.parts, vectors = made.vectors, "made missing vectors");
    Ok(())
}

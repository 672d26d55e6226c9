//! Background work of an MCP session: embeds new messages if no other process does, merges pending postings, unloads an
//! idle model, and flushes counters to the store, where all processes of the data folder add to the same counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::bridge::EngineHandle;
use crate::embed::lower_thread_priority;
use crate::memory::{self, Memory};
use crate::monitor::metrics::Metrics;

/// Pause between two runs of the background work.
const PAUSE: Duration = Duration::from_secs(20);

/// Handle to the background thread.
#[derive(Debug)]
pub struct Worker {
    wake: Sender<()>,
    thread: JoinHandle<()>,
}

impl Worker {
    /// Starts the thread, which runs until `stop` is set or the handle is finished.
    pub fn start_thread(
        desk: EngineHandle<Memory, memory::Error>,
        metrics: Arc<Metrics>,
        make_vectors: bool,
        stop: Arc<AtomicBool>,
    ) -> std::io::Result<Self> {
        let (wake, sleep) = channel();
        let thread = std::thread::Builder::new()
            .name("vectors".to_owned())
            .spawn(move || run_loop(&desk, &metrics, make_vectors, &stop, &sleep))?;
        Ok(Self { wake, thread })
    }

    /// Waits for the thread, at most `grace`. Its work can be interrupted at any moment without loss.
    pub fn join_within(self, grace: Duration) {
        drop(self.wake);
        let deadline = Instant::now() + grace;
        while !self.thread.is_finished() && Instant::now() < deadline {
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

fn run_loop(
    desk: &EngineHandle<Memory, memory::Error>,
    metrics: &Metrics,
    make_vectors: bool,
    stop: &AtomicBool,
    sleep: &Receiver<()>,
) {
    lower_thread_priority();
    while matches!(sleep.recv_timeout(PAUSE), Err(RecvTimeoutError::Timeout)) && !stop.load(Ordering::Relaxed) {
        // A store that cannot be opened is reported to the caller of a tool.
        let opened = if make_vectors { desk.get_or_open().ok() } else { desk.loaded() };
        let Some(memory) = opened else { continue };
        memory.free_idle_memory();
        flush_counters(metrics, &memory);
        // Hooks have no time for this and leave it to background threads.
        if make_vectors && let Err(error) = memory.merge_postings() {
            tracing::debug!(%error, "failed to merge pending postings");
        }
        if make_vectors && let Err(error) = memory.read_stored_edits(stop, &mut |_| {}) {
            tracing::debug!(%error, "failed to read the edits of an older store");
        }
        if make_vectors && let Err(error) = embed_pending(&memory, stop) {
            tracing::debug!(%error, "failed to embed new messages");
        }
    }
    if let Some(memory) = desk.loaded() {
        flush_counters(metrics, &memory);
    }
}

/// Flushes the counters to the store. A failure is only logged: the counts are added by a later flush, or lost.
fn flush_counters(metrics: &Metrics, memory: &Memory) {
    if let Err(error) = metrics.flush_counters(memory) {
        tracing::debug!(%error, "failed to flush counters");
    }
}

fn embed_pending(memory: &Memory, stop: &AtomicBool) -> memory::Result<()> {
    // One thread: the user needs the machine for other work.
    let Some(turn) = memory.acquire_embed_lease(1)? else { return Ok(()) };
    let made = memory.embed_pending(&turn, stop, &mut |_| {})?;
    tracing::info!(parts = made.parts, vectors = made.vectors, "embedded new messages");
    Ok(())
}

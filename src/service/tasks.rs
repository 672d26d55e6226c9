//! Threads of the service: started under a name, woken, stopped, joined. Does not own their work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Running threads of the service.
#[derive(Debug)]
pub(super) struct TaskSet {
    stop: Arc<AtomicBool>,
    running: Vec<(&'static str, Sender<()>, JoinHandle<()>)>,
}

/// Interruptible sleep of one thread.
#[derive(Debug)]
pub(super) struct Ticker {
    stop: Arc<AtomicBool>,
    wake: Receiver<()>,
}

/// Reason why a sleep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// The time is over.
    Time,
    /// Another thread woke it.
    Call,
    /// The service is ending.
    End,
}

impl Ticker {
    /// Sleeps for `pause`, until a wake-up, or until the service ends.
    pub(super) fn sleep_for(&self, pause: Duration) -> Wake {
        let outcome = self.wake.recv_timeout(pause);
        match outcome {
            _ if self.stop.load(Ordering::Relaxed) => Wake::End,
            Ok(()) => Wake::Call,
            Err(RecvTimeoutError::Timeout) => Wake::Time,
            Err(RecvTimeoutError::Disconnected) => Wake::End,
        }
    }

    /// Returns the stop flag, for long work to check.
    pub(super) fn stop_flag(&self) -> &AtomicBool {
        &self.stop
    }
}

impl TaskSet {
    /// Creates an empty set. All threads end once `stop` is set and they are woken.
    pub(super) fn new(stop: Arc<AtomicBool>) -> Self {
        Self { stop, running: Vec::new() }
    }

    /// Starts a thread. `work` gets its sleep, and a sender that wakes it from elsewhere.
    pub(super) fn start_task(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&Ticker, Sender<()>) + Send + 'static,
    ) -> std::io::Result<()> {
        let (waker, wake) = channel();
        let rest = Ticker { stop: Arc::clone(&self.stop), wake };
        let inner = waker.clone();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&rest, inner))?;
        self.running.push((name, waker, thread));
        Ok(())
    }

    /// Stops all threads and waits until `deadline`. Their work may be interrupted at any moment without loss.
    pub(super) fn join_all(self, deadline: Instant) {
        self.stop.store(true, Ordering::Relaxed);
        for (_, waker, _) in &self.running {
            // A thread that has already ended does not receive it.
            let _ = waker.send(());
        }
        for (name, _, thread) in self.running {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::park_timeout(Duration::from_millis(5));
            }
            if !thread.is_finished() {
                tracing::warn!(task = name, "task did not stop in time and was abandoned");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_woken_and_end() {
        let (sender, seen) = channel();
        let mut tasks = TaskSet::new(Arc::default());
        tasks
            .start_task("test", move |rest, waker| {
                waker.send(()).unwrap();
                loop {
                    let woken = rest.sleep_for(Duration::from_mins(1));
                    sender.send(woken).unwrap();
                    if woken == Wake::End {
                        return;
                    }
                }
            })
            .unwrap();
        assert_eq!(seen.recv().unwrap(), Wake::Call);
        tasks.join_all(Instant::now() + Duration::from_mins(1));
        assert_eq!(seen.recv().unwrap(), Wake::End);
    }
}

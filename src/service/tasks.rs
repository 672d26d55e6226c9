//! Threads of the service: started under a name, woken, told to stop, joined. Owns nothing of what they do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Threads that run.
#[derive(Debug)]
pub(super) struct Tasks {
    stop: Arc<AtomicBool>,
    running: Vec<(&'static str, Sender<()>, JoinHandle<()>)>,
}

/// A thread's pauses.
#[derive(Debug)]
pub(super) struct Rest {
    stop: Arc<AtomicBool>,
    wake: Receiver<()>,
}

/// How a pause ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// The time is over.
    Time,
    /// Somebody woke it.
    Call,
    /// It shall end.
    End,
}

impl Rest {
    /// Waits.
    pub(super) fn wait(&self, pause: Duration) -> Woken {
        let outcome = self.wake.recv_timeout(pause);
        match outcome {
            _ if self.stop.load(Ordering::Relaxed) => Woken::End,
            Ok(()) => Woken::Call,
            Err(RecvTimeoutError::Timeout) => Woken::Time,
            Err(RecvTimeoutError::Disconnected) => Woken::End,
        }
    }

    /// Set when it shall end: for long work.
    pub(super) fn stop(&self) -> &AtomicBool {
        &self.stop
    }
}

impl Tasks {
    /// None yet; all end when `stop` is set and they are woken.
    pub(super) fn new(stop: Arc<AtomicBool>) -> Self {
        Self { stop, running: Vec::new() }
    }

    /// Starts one. `work` gets its pauses, and what wakes it from elsewhere.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&Rest, Sender<()>) + Send + 'static,
    ) -> std::io::Result<()> {
        let (waker, wake) = channel();
        let rest = Rest { stop: Arc::clone(&self.stop), wake };
        let inner = waker.clone();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&rest, inner))?;
        self.running.push((name, waker, thread));
        Ok(())
    }

    /// Tells all to end and waits until `deadline`: what they do can be stopped at any moment without loss.
    pub(super) fn finish(self, deadline: Instant) {
        self.stop.store(true, Ordering::Relaxed);
        for (_, waker, _) in &self.running {
            // One that has ended already does not listen.
            let _ = waker.send(());
        }
        for (name, _, thread) in self.running {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::park_timeout(Duration::from_millis(5));
            }
            if !thread.is_finished() {
                tracing::warn!(task = name, "it did not end in time and is left");
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
        let mut tasks = Tasks::new(Arc::default());
        tasks
            .start("test", move |rest, waker| {
                waker.send(()).unwrap();
                loop {
                    let woken = rest.wait(Duration::from_mins(1));
                    sender.send(woken).unwrap();
                    if woken == Woken::End {
                        return;
                    }
                }
            })
            .unwrap();
        assert_eq!(seen.recv().unwrap(), Woken::Call);
        tasks.finish(Instant::now() + Duration::from_mins(1));
        assert_eq!(seen.recv().unwrap(), Woken::End);
    }
}

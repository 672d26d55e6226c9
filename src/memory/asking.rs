//! Whether somebody is being answered, so that work of this process that can wait lets them go first. Owns no work.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::Memory;

/// After an answer the next question is expected for so long.
const EXPECTED: Duration = Duration::from_secs(1);
/// Between two looks whether an answer is ready; searches take milliseconds.
const LOOK: Duration = Duration::from_millis(1);

/// Searches that are under way, and when the last one ended.
#[derive(Debug)]
pub(super) struct Asking {
    running: AtomicUsize,
    /// Milliseconds after `begun`; 0 as long as nobody asked.
    ended: AtomicU64,
    begun: Instant,
}

/// A search that is under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Answering<'a>(&'a Asking);

impl Default for Asking {
    fn default() -> Self {
        Self { running: AtomicUsize::new(0), ended: AtomicU64::new(0), begun: Instant::now() }
    }
}

impl Asking {
    /// Notes that a search begins.
    pub(super) fn begin(&self) -> Answering<'_> {
        self.running.fetch_add(1, Ordering::Relaxed);
        Answering(self)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.ended.store(self.0.now().max(1), Ordering::Relaxed);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Memory {
    /// Whether somebody is searching in this process, or did a moment ago and may go on.
    pub fn is_asked(&self) -> bool {
        let (asking, ended) = (&self.asking, self.asking.ended.load(Ordering::Relaxed));
        let expected = u64::try_from(EXPECTED.as_millis()).unwrap_or(0);
        asking.running.load(Ordering::Relaxed) > 0 || (ended > 0 && asking.now().saturating_sub(ended) < expected)
    }

    /// Waits until no search is under way, but no longer than `most`.
    pub fn wait_for_a_lull(&self, most: Duration) {
        let start = Instant::now();
        while self.asking.running.load(Ordering::Relaxed) > 0 && start.elapsed() < most {
            #[expect(clippy::disallowed_methods, reason = "nobody would want a search to wake others when it ends")]
            std::thread::sleep(LOOK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_counts_until_it_ends() {
        let asking = Asking::default();
        let first = asking.begin();
        let second = asking.begin();
        drop(first);
        assert_eq!(asking.running.load(Ordering::Relaxed), 1);
        drop(second);
        assert_eq!(asking.running.load(Ordering::Relaxed), 0);
        assert!(asking.ended.load(Ordering::Relaxed) > 0);
    }
}

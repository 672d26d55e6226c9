//! Tracks searches in progress so that background work of this process can yield to them. Does no work itself.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::memory::Memory;

/// After a search, another one is expected within this time.
const FOLLOW_UP_WINDOW: Duration = Duration::from_secs(1);
/// Poll interval while waiting for searches to end; searches take milliseconds.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Number of running searches, and the time at which the last one ended.
#[derive(Debug)]
pub(in crate::memory) struct SearchActivity {
    running: AtomicUsize,
    /// Milliseconds after `begun`; 0 until the first search ends.
    ended: AtomicU64,
    begun: Instant,
}

/// Guard of one running search; the search ends when it is dropped.
#[derive(Debug)]
pub(in crate::memory) struct SearchGuard<'a>(&'a SearchActivity);

impl Default for SearchActivity {
    fn default() -> Self {
        Self { running: AtomicUsize::new(0), ended: AtomicU64::new(0), begun: Instant::now() }
    }
}

impl SearchActivity {
    /// Records the start of a search.
    pub(in crate::memory) fn start_search(&self) -> SearchGuard<'_> {
        self.running.fetch_add(1, Ordering::Relaxed);
        SearchGuard(self)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for SearchGuard<'_> {
    fn drop(&mut self) {
        self.0.ended.store(self.0.elapsed_ms().max(1), Ordering::Relaxed);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Memory {
    /// Returns true if a search is running in this process or ended within the last second.
    pub fn is_search_recent(&self) -> bool {
        let (asking, ended) = (&self.asking, self.asking.ended.load(Ordering::Relaxed));
        let expected = u64::try_from(FOLLOW_UP_WINDOW.as_millis()).unwrap_or(0);
        asking.running.load(Ordering::Relaxed) > 0
            || (ended > 0 && asking.elapsed_ms().saturating_sub(ended) < expected)
    }

    /// Waits until no search is running, at most for `most`.
    pub fn yield_to_searches(&self, most: Duration) {
        let start = Instant::now();
        while self.asking.running.load(Ordering::Relaxed) > 0 && start.elapsed() < most {
            #[expect(clippy::disallowed_methods, reason = "a search should not have to wake waiters when it ends")]
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_counts_until_it_ends() {
        let asking = SearchActivity::default();
        let first = asking.start_search();
        let second = asking.start_search();
        drop(first);
        assert_eq!(asking.running.load(Ordering::Relaxed), 1);
        drop(second);
        assert_eq!(asking.running.load(Ordering::Relaxed), 0);
        assert!(asking.ended.load(Ordering::Relaxed) > 0);
    }
}

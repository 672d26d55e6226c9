//! Cache of one loaded model: loaded on first use, dropped after a time without use. Does not own the timer, nor what is
//! loaded.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Result;

/// Cache of at most one loaded model.
#[derive(Debug)]
pub(super) struct IdleCache<T> {
    loaded: Mutex<Option<(T, Instant)>>,
}

impl<T> IdleCache<T> {
    /// Creates the cache; loads nothing yet.
    pub(super) const fn new() -> Self {
        Self { loaded: Mutex::new(None) }
    }

    /// Lends the model to `work`, and loads it with `load` if it is not in memory.
    ///
    /// # Errors
    /// Those of `load` and of `work`.
    pub(super) fn with_loaded<R>(
        &self,
        load: impl FnOnce() -> Result<T>,
        work: impl FnOnce(&mut T) -> Result<R>,
    ) -> Result<R> {
        let mut loaded = self.lock();
        let (mut model, _) = match loaded.take() {
            Some(known) => known,
            None => (load()?, Instant::now()),
        };
        let outcome = work(&mut model);
        *loaded = Some((model, Instant::now()));
        outcome
    }

    /// Returns true if the model is in memory.
    pub(super) fn is_loaded(&self) -> bool {
        self.lock().is_some()
    }

    /// Leaks the model, for a process that is about to end: the system frees it at once, while dropping it takes 40 ms.
    #[expect(clippy::mem_forget, reason = "the process ends")]
    pub(super) fn leak_on_exit(&self) {
        std::mem::forget(self.lock().take());
    }

    /// Drops the model if it was not used for `idle`.
    pub(super) fn drop_if_idle(&self, idle: Duration) {
        let mut loaded = self.lock();
        if loaded.as_ref().is_some_and(|(_, used)| used.elapsed() >= idle) {
            *loaded = None;
            return_free_memory();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<(T, Instant)>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns freed memory to the system: the C library keeps it otherwise, and an idle session would hold 150 MB.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn return_free_memory() {
    #[expect(unsafe_code, reason = "a call into the C library")]
    // SAFETY: malloc_trim takes no pointer and may be called at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
const fn return_free_memory() {}

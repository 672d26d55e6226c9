//! The encoder for questions: loaded on first need, dropped after a time without use. Does not own the timer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Encoder, Error, Spec};

/// At most one loaded encoder.
#[derive(Debug)]
pub struct Resident {
    spec: Spec,
    loaded: Mutex<Option<(Encoder, Instant)>>,
}

impl Resident {
    /// Nothing is loaded yet.
    pub const fn new(spec: Spec) -> Self {
        Self { spec, loaded: Mutex::new(None) }
    }

    /// How the encoder is loaded.
    pub const fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The vector of a question; loads the encoder if it is not there.
    ///
    /// # Errors
    /// When the encoder cannot be loaded or refuses the text.
    pub fn query(&self, text: &str) -> Result<Vec<f32>, Error> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.is_none() {
            let encoder = self.spec.load(1)?.pop().ok_or_else(|| Error::Load("no encoder was made".to_owned()))?;
            *loaded = Some((encoder, Instant::now()));
        }
        let Some((encoder, used)) = loaded.as_mut() else {
            return Err(Error::Load("no encoder is loaded".to_owned()));
        };
        *used = Instant::now();
        encoder.query(text)
    }

    /// Whether an encoder is in memory.
    pub fn is_loaded(&self) -> bool {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Leaves the encoder where it is, for a process that is about to end: the system frees it at once, while taking it apart
    /// piece by piece takes 40 ms.
    #[expect(clippy::mem_forget, reason = "the process ends")]
    pub fn abandon(&self) {
        std::mem::forget(self.loaded.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Drops the encoder if it was not used for `idle`.
    pub fn drop_if_idle(&self, idle: Duration) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.as_ref().is_some_and(|(_, used)| used.elapsed() >= idle) {
            *loaded = None;
            return_free_memory();
        }
    }
}

/// Gives freed memory back to the system: the C library keeps it otherwise, and an idle session would hold 150 MB.
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

//! Embedding model for queries: loaded on first use, dropped after a time without use. Does not own the timer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{EmbeddingModel, Error, ModelSpec};

/// Cache of at most one loaded embedding model.
#[derive(Debug)]
pub struct ResidentModel {
    spec: ModelSpec,
    loaded: Mutex<Option<(EmbeddingModel, Instant)>>,
}

impl ResidentModel {
    /// Creates the cache; loads nothing yet.
    pub const fn new(spec: ModelSpec) -> Self {
        Self { spec, loaded: Mutex::new(None) }
    }

    /// Returns the specification from which the model is loaded.
    pub const fn model_spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Embeds a search query; loads the model if it is not in memory.
    ///
    /// # Errors
    /// When the model cannot be loaded or refuses the text.
    pub fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.is_none() {
            let encoder =
                self.spec.load_instances(1)?.pop().ok_or_else(|| Error::Load("no model was loaded".to_owned()))?;
            *loaded = Some((encoder, Instant::now()));
        }
        let Some((encoder, used)) = loaded.as_mut() else {
            return Err(Error::Load("no model is loaded".to_owned()));
        };
        *used = Instant::now();
        encoder.embed_query(text)
    }

    /// Returns true if the model is in memory.
    pub fn is_loaded(&self) -> bool {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Leaks the model, for a process that is about to end: the system frees it at once, while dropping it takes 40 ms.
    #[expect(clippy::mem_forget, reason = "the process ends")]
    pub fn leak_on_exit(&self) {
        std::mem::forget(self.loaded.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Drops the model if it was not used for `idle`.
    pub fn drop_if_idle(&self, idle: Duration) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.as_ref().is_some_and(|(_, used)| used.elapsed() >= idle) {
            *loaded = None;
            return_free_memory();
        }
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

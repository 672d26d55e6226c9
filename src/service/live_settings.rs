//! Settings in force while the service runs; a reload replaces them. Owns which settings take effect at once: those
//! read through here each time. The store, the embedding model and the addresses stay those of the start.

use std::sync::{Arc, PoisonError, RwLock};

use crate::config::Settings;

/// Shared handle to the settings in force.
#[derive(Debug, Clone)]
pub(super) struct LiveSettings(Arc<RwLock<Arc<Settings>>>);

impl LiveSettings {
    pub(super) fn new(settings: Settings) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(settings))))
    }

    /// Returns the current settings.
    pub(super) fn get(&self) -> Arc<Settings> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace_settings(&self, settings: Settings) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }
}

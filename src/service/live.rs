//! The settings that are in force while the service runs; a reload puts others in their place. Owns which of them take effect at
//! once: what is asked for here each time. The store, the encoder and the addresses are those of the start.

use std::sync::{Arc, PoisonError, RwLock};

use crate::config::Settings;

/// The settings in force.
#[derive(Debug, Clone)]
pub(super) struct Live(Arc<RwLock<Arc<Settings>>>);

impl Live {
    pub(super) fn new(settings: Settings) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(settings))))
    }

    /// As they are now.
    pub(super) fn get(&self) -> Arc<Settings> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace(&self, settings: Settings) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }
}

//! What an operator does with a store: backups, cleaning up, watching. Owns neither the store's rows nor how anything is
//! shown.

mod agent;
pub mod alerts;
pub mod backup;
mod error;
pub mod export;
pub mod maintain;
pub mod metrics;
pub mod monitoring;
pub mod report;
pub mod schedule;
pub mod system;
pub mod tell;
pub mod thresholds;
pub mod ticket;
pub mod watch;

pub use error::{Error, Result};

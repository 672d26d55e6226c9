//! Other places where the memory is kept: PostgreSQL and Qdrant, and the predecessor's database. Owns how they are reached and
//! spoken to. The local store stays the truth; nothing here may harm it.

mod error;
mod place;
mod postgres;
pub mod predecessor;
mod qdrant;

use crate::config::{SyncSettings, env};
use crate::domain::Timestamp;
use crate::store::TargetState;

pub use error::{Error, Result};
pub use place::PostgresPlace;

/// Asks every configured target whether it answers.
pub async fn probe(settings: &SyncSettings, now: Timestamp) -> Vec<TargetState> {
    let mut states = Vec::new();
    if !settings.postgres.is_empty() {
        let outcome = match PostgresPlace::configured(settings, env::postgres_password()) {
            Ok(place) => postgres::ping(&place).await,
            Err(error) => Err(error),
        };
        states.push(state("postgres", &outcome, now));
    }
    if !settings.qdrant.is_empty() {
        states.push(state("qdrant", &qdrant::ping(settings, env::qdrant_key()).await, now));
    }
    states
}

fn state(name: &str, outcome: &Result<()>, now: Timestamp) -> TargetState {
    let trouble = outcome.as_ref().err().map(ToString::to_string);
    TargetState { name: name.to_owned(), up: outcome.is_ok(), checked_at: now, trouble }
}

//! Other places where the memory is kept: PostgreSQL and Qdrant, and the predecessor's database. Owns how they are reached and
//! spoken to. The local store stays the truth; nothing here may harm it.

pub mod bundle;
mod error;
mod page;
mod place;
mod postgres;
mod postgres_target;
pub mod predecessor;
mod pull;
mod qdrant;
mod run;
mod target;

use std::sync::atomic::AtomicBool;

use crate::config::{SyncSettings, env};
use crate::domain::Timestamp;
use crate::memory::Memory;
use postgres_target::PostgresTarget;

pub use error::{Error, Result};
pub use place::PostgresPlace;
pub use pull::Pulled;
pub use run::{Compared, Pushed, Sending};

/// A target, and why it does not answer if it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// postgres or qdrant.
    pub name: &'static str,
    /// Why it does not answer.
    pub trouble: Option<String>,
}

/// Asks every configured target whether it answers.
pub async fn probe(settings: &SyncSettings) -> Vec<Probed> {
    let mut probed = Vec::new();
    let mut note = |name, outcome: Result<()>| {
        probed.push(Probed { name, trouble: outcome.err().map(|error| error.to_string()) });
    };
    if !settings.postgres.is_empty() {
        note(
            "postgres",
            match PostgresPlace::configured(settings, env::postgres_password()) {
                Ok(place) => postgres::ping(&place).await,
                Err(error) => Err(error),
            },
        );
    }
    if !settings.qdrant.is_empty() {
        note("qdrant", qdrant::ping(settings, env::qdrant_key()).await);
    }
    probed
}

/// Sends everything that the PostgreSQL database has not seen.
///
/// # Errors
/// When it does not answer, refuses, or the local store cannot be read; what was sent stays, and the next run goes on after it.
pub async fn push_postgres(
    memory: &Memory,
    place: PostgresPlace,
    now: &dyn Fn() -> Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Sending),
) -> Result<Pushed> {
    run::push(memory, &mut PostgresTarget::new(place), now, stop, progress).await
}

/// Compares every conversation with the PostgreSQL database; with `repair` what differs is sent again.
///
/// # Errors
/// When it does not answer, refuses, or the local store cannot be read.
pub async fn check_postgres(
    memory: &Memory,
    place: PostgresPlace,
    repair: bool,
    now: Timestamp,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Compared> {
    run::check(memory, &mut PostgresTarget::new(place), repair, now, progress).await
}

/// Takes in everything that other machines have sent to the PostgreSQL database.
///
/// # Errors
/// When it does not answer, or the local store cannot be written; what was taken in stays, and the next run goes on after it.
pub async fn pull_postgres(
    memory: &Memory,
    place: PostgresPlace,
    now: &dyn Fn() -> Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Pulled> {
    pull::pull(memory, &mut PostgresTarget::new(place), now, stop, progress).await
}

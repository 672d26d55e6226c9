//! The configured targets, and what is done with each of them: pinging, pushing, comparing, pulling.

use std::sync::atomic::AtomicBool;

use super::counts::{CompareReport, PullCounts, PushCounts, PushProgress};
use super::error::Result;
use super::postgres_endpoint::PostgresEndpoint;
use super::postgres_target::PostgresTarget;
use super::qdrant::QdrantEndpoint;
use super::qdrant_target::QdrantTarget;
use super::{postgres, pull, push_engine, qdrant};
use crate::config::{SyncSettings, env};
use crate::domain::Timestamp;
use crate::memory::Memory;

/// A configured target.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there are two of them")]
pub enum SyncEndpoint {
    /// Target for messages and embeddings.
    Postgres(PostgresEndpoint),
    /// Target for embeddings only.
    Qdrant(QdrantEndpoint),
}

impl SyncEndpoint {
    /// Returns the targets of the settings in the order of pushing, each with the error if its settings are wrong.
    pub fn all_configured(settings: &SyncSettings) -> Vec<(&'static str, Result<Self>)> {
        let mut places = Vec::new();
        if !settings.postgres.is_empty() {
            let place = PostgresEndpoint::from_settings(settings, env::postgres_password());
            places.push(("postgres", place.map(Self::Postgres)));
        }
        if !settings.qdrant.is_empty() {
            places.push(("qdrant", QdrantEndpoint::from_settings(settings, env::qdrant_key()).map(Self::Qdrant)));
        }
        places
    }

    /// Returns `postgres` or `qdrant`.
    pub const fn target_name(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "postgres",
            Self::Qdrant(_) => "qdrant",
        }
    }

    /// Returns host and database, for display.
    pub fn display_name(&self) -> String {
        match self {
            Self::Postgres(place) => place.display_name(),
            Self::Qdrant(place) => place.display_name().to_owned(),
        }
    }

    pub(super) async fn ping_server(&self) -> Result<()> {
        match self {
            Self::Postgres(place) => postgres::ping_postgres(place).await,
            Self::Qdrant(place) => qdrant::ping_qdrant(place).await,
        }
    }
}

/// Opens the collection of the current embedding model; `None` while there are no embeddings.
fn open_qdrant_target(memory: &Memory, place: &QdrantEndpoint) -> Result<Option<QdrantTarget>> {
    let first = memory.snapshot()?.vectors_after(0, &memory.model_digest().unwrap_or_default(), 1)?.pop();
    Ok(first.map(|vector| QdrantTarget::new(place, vector.model, vector.vector.len())))
}

/// Pushes every change that a target has not seen. Qdrant gets nothing while there are no embeddings.
///
/// # Errors
/// If the target fails or the local store cannot be read. Pages already pushed stay, and the next run continues after
/// them.
pub async fn push_changes(
    memory: &Memory,
    place: SyncEndpoint,
    now: &dyn Fn() -> Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(PushProgress),
) -> Result<PushCounts> {
    match place {
        SyncEndpoint::Postgres(place) => {
            push_engine::push_changes(memory, &mut PostgresTarget::new(place), now, stop, progress).await
        }
        SyncEndpoint::Qdrant(place) => match open_qdrant_target(memory, &place)? {
            Some(mut target) => push_engine::push_changes(memory, &mut target, now, stop, progress).await,
            None => Ok(PushCounts::default()),
        },
    }
}

/// Compares every conversation with a target; with `repair` differences are pushed again.
pub async fn check_target(
    memory: &Memory,
    place: SyncEndpoint,
    repair: bool,
    now: Timestamp,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<CompareReport> {
    match place {
        SyncEndpoint::Postgres(place) => {
            push_engine::compare_target(memory, &mut PostgresTarget::new(place), repair, now, progress).await
        }
        SyncEndpoint::Qdrant(place) => match open_qdrant_target(memory, &place)? {
            Some(mut target) => push_engine::compare_target(memory, &mut target, repair, now, progress).await,
            None => Ok(CompareReport::default()),
        },
    }
}

/// Merges all changes that other machines have pushed to the PostgreSQL database.
///
/// # Errors
/// If the target fails or the local store cannot be written. Merged changes stay, and the next run continues after
/// them.
pub async fn pull_postgres(
    memory: &Memory,
    place: PostgresEndpoint,
    now: &dyn Fn() -> Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<PullCounts> {
    pull::pull_changes(memory, &mut PostgresTarget::new(place), now, stop, progress).await
}

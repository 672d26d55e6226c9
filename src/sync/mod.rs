//! Other places where the memory is kept: PostgreSQL and Qdrant, and the predecessor's database. Owns how they are reached and
//! spoken to. The local store stays the truth; nothing here may harm it.

pub mod bundle;
mod conditions;
#[cfg(test)]
mod contract;
mod error;
mod page;
mod place;
mod postgres;
mod postgres_target;
mod postgres_vectors;
pub mod predecessor;
mod pull;
mod qdrant;
mod qdrant_target;
mod remote;
mod run;
mod standing;
mod target;

use std::sync::atomic::AtomicBool;

use crate::config::{SyncSettings, env};
use crate::domain::Timestamp;
use crate::memory::Memory;
use postgres_target::PostgresTarget;
use qdrant_target::QdrantTarget;

pub use error::{Error, Result};
pub use place::PostgresPlace;
pub use pull::Pulled;
pub use qdrant::QdrantPlace;
pub use remote::{Fetched, Remote, Scope};
pub use run::{Compared, Pushed, Sending};
pub use standing::{ParkedRow, TargetRow, standing};

/// A script for `psql` that makes the database and the roles, each of which may do no more than it has to.
pub const ROLES: &str = include_str!("roles.sql");

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
    for (name, place) in Place::configured(settings) {
        let outcome = match place {
            Ok(place) => place.ping().await,
            Err(error) => Err(error),
        };
        probed.push(Probed { name, trouble: outcome.err().map(|error| error.to_string()) });
    }
    probed
}

/// A place that the memory is copied to.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there are two of them")]
pub enum Place {
    /// Texts and vectors.
    Postgres(PostgresPlace),
    /// Vectors.
    Qdrant(QdrantPlace),
}

impl Place {
    /// The places of the settings, in the order in which they are sent to; each with its name where it is set up wrongly.
    pub fn configured(settings: &SyncSettings) -> Vec<(&'static str, Result<Self>)> {
        let mut places = Vec::new();
        if !settings.postgres.is_empty() {
            let place = PostgresPlace::configured(settings, env::postgres_password());
            places.push(("postgres", place.map(Self::Postgres)));
        }
        if !settings.qdrant.is_empty() {
            places.push(("qdrant", QdrantPlace::configured(settings, env::qdrant_key()).map(Self::Qdrant)));
        }
        places
    }

    /// postgres or qdrant.
    pub const fn target(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "postgres",
            Self::Qdrant(_) => "qdrant",
        }
    }

    /// Where it is, for people.
    pub fn name(&self) -> String {
        match self {
            Self::Postgres(place) => place.name(),
            Self::Qdrant(place) => place.name().to_owned(),
        }
    }

    async fn ping(&self) -> Result<()> {
        match self {
            Self::Postgres(place) => postgres::ping(place).await,
            Self::Qdrant(place) => qdrant::ping(place).await,
        }
    }
}

/// The collection of the model in use; `None` while there are no vectors.
fn qdrant_target(memory: &Memory, place: &QdrantPlace) -> Result<Option<QdrantTarget>> {
    let first = memory.vectors_after(0, 1)?.pop();
    first.map(|vector| QdrantTarget::new(place, vector.model, vector.vector.len())).transpose()
}

/// Sends everything that a place has not seen. To Qdrant nothing is sent while there are no vectors.
///
/// # Errors
/// When it does not answer, refuses, or the local store cannot be read; what was sent stays, and the next run goes on after it.
pub async fn push(
    memory: &Memory,
    place: Place,
    now: &dyn Fn() -> Timestamp,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Sending),
) -> Result<Pushed> {
    match place {
        Place::Postgres(place) => run::push(memory, &mut PostgresTarget::new(place), now, stop, progress).await,
        Place::Qdrant(place) => match qdrant_target(memory, &place)? {
            Some(mut target) => run::push(memory, &mut target, now, stop, progress).await,
            None => Ok(Pushed::default()),
        },
    }
}

/// Compares every conversation with a place; with `repair` what differs is sent again.
///
/// # Errors
/// When it does not answer, refuses, or the local store cannot be read.
pub async fn check(
    memory: &Memory,
    place: Place,
    repair: bool,
    now: Timestamp,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Compared> {
    match place {
        Place::Postgres(place) => run::check(memory, &mut PostgresTarget::new(place), repair, now, progress).await,
        Place::Qdrant(place) => match qdrant_target(memory, &place)? {
            Some(mut target) => run::check(memory, &mut target, repair, now, progress).await,
            None => Ok(Compared::default()),
        },
    }
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

//! Synchronisation with other copies of the memory: PostgreSQL, Qdrant, and import from the predecessor's database.
//! Owns connections and protocols. The local store remains the source of truth; nothing here may damage it.
//!
//! Bundles and the recorded status are always here. All that contacts a server needs the feature `production`;
//! without it, `absent.rs` has the same interface and answers with an error.

#[cfg(not(feature = "production"))]
mod absent;
pub mod bundle;
mod bundle_lines;
#[cfg(feature = "production")]
mod conditions;
#[cfg(feature = "production")]
#[cfg(test)]
mod contract;
mod counts;
mod error;
mod nul_escapes;
#[cfg(feature = "production")]
mod page;
#[cfg(feature = "production")]
mod postgres;
#[cfg(feature = "production")]
mod postgres_endpoint;
#[cfg(feature = "production")]
mod postgres_schema;
#[cfg(feature = "production")]
mod postgres_target;
#[cfg(feature = "production")]
mod postgres_vectors;
#[cfg(feature = "production")]
mod predecessor;
mod probe;
#[cfg(feature = "production")]
mod pull;
#[cfg(feature = "production")]
mod push_engine;
#[cfg(feature = "production")]
mod qdrant;
#[cfg(feature = "production")]
mod qdrant_target;
#[cfg(feature = "production")]
mod qdrant_wire;
#[cfg(feature = "production")]
mod remote;
mod signed_bytes;
mod signed_place;
mod signing;
mod status;
#[cfg(feature = "production")]
mod target;
#[cfg(feature = "production")]
mod targets;

#[cfg(not(feature = "production"))]
pub use absent::{
    PostgresEndpoint, RemoteMemory, RemoteScope, ScratchMemory, SyncEndpoint, check_target, migrate_database,
    pull_postgres, push_changes,
};
pub use counts::{CompareReport, SignatureCounts};
pub use error::{Error, Result};
#[cfg(feature = "production")]
pub use postgres_endpoint::PostgresEndpoint;
#[cfg(feature = "production")]
pub use predecessor::migrate_database;
pub use probe::probe_targets;
#[cfg(feature = "production")]
pub use remote::{RemoteMemory, RemoteScope, ScratchMemory};
pub use signing::own_machine;
pub use status::{TargetStatus, target_statuses};
#[cfg(feature = "production")]
pub use targets::{SyncEndpoint, check_target, pull_postgres, push_changes};

/// `psql` script that creates the database and the roles, each with the least privileges it needs.
pub const ROLES: &str = include_str!("roles.sql");

//! Stands in for the targets in a program that was built without the feature `production`. Has the interface of the
//! files that it replaces; an address that is configured is an error that says how to build the program with them.
#![expect(clippy::unused_async, reason = "the interface of files that wait for servers")]

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::counts::{CompareReport, MigrationProgress, MigrationReport, PullCounts, PushCounts, PushProgress};
use super::error::{Error, Result};
use crate::config::SyncSettings;
use crate::domain::{MessageId, Query, SearchResults, Timestamp};
use crate::memory::Memory;

fn absent() -> Error {
    Error::Invalid {
        message: "this program was built without the feature `production`: it cannot reach PostgreSQL or Qdrant"
            .to_owned(),
        hint: "build it with `cargo build --release --features production`, or install a released archive",
    }
}

/// A target. There is none in this program.
#[derive(Debug, Clone)]
pub enum SyncEndpoint {}

impl SyncEndpoint {
    /// Returns an error for each target of the settings.
    pub fn all_configured(settings: &SyncSettings) -> Vec<(&'static str, Result<Self>)> {
        let addresses = [("postgres", &settings.postgres), ("qdrant", &settings.qdrant)];
        let configured = addresses.into_iter().filter(|(_, address)| !address.is_empty());
        configured.map(|(name, _)| (name, Err(absent()))).collect()
    }

    /// Returns `postgres` or `qdrant`.
    pub const fn target_name(&self) -> &'static str {
        match *self {}
    }

    /// Returns host and database, for display.
    pub fn display_name(&self) -> String {
        match *self {}
    }

    pub(super) async fn ping_server(&self) -> Result<()> {
        match *self {}
    }
}

/// Connection settings of a database. There are none in this program.
#[derive(Debug, Clone)]
pub enum PostgresEndpoint {}

impl PostgresEndpoint {
    /// # Errors
    /// Always.
    pub fn from_settings(_: &SyncSettings, _: Option<String>) -> Result<Self> {
        Err(absent())
    }

    /// # Errors
    /// Always.
    pub fn from_url(_: &str, _: Option<String>, _: &SyncSettings) -> Result<Self> {
        Err(absent())
    }

    /// Returns host and database, for display.
    pub fn display_name(&self) -> String {
        match *self {}
    }
}

/// Pushes to a target, of which there is none.
pub async fn push_changes(
    _: &Memory,
    place: SyncEndpoint,
    _: &dyn Fn() -> Timestamp,
    _: &AtomicBool,
    _: &mut dyn FnMut(PushProgress),
) -> Result<PushCounts> {
    match place {}
}

/// Compares with a target, of which there is none.
pub async fn check_target(
    _: &Memory,
    place: SyncEndpoint,
    _: bool,
    _: Timestamp,
    _: &mut dyn FnMut(u64, u64),
) -> Result<CompareReport> {
    match place {}
}

/// Pulls from a database, of which there is none.
pub async fn pull_postgres(
    _: &Memory,
    place: PostgresEndpoint,
    _: &dyn Fn() -> Timestamp,
    _: &AtomicBool,
    _: &mut dyn FnMut(u64, u64),
) -> Result<PullCounts> {
    match place {}
}

/// Imports the predecessor's database, of which there is none.
pub async fn migrate_database(
    _: &Memory,
    place: &PostgresEndpoint,
    _: bool,
    _: Timestamp,
    _: &AtomicBool,
    _: &mut dyn FnMut(MigrationProgress),
) -> Result<MigrationReport> {
    match *place {}
}

/// A production deployment that can be searched. There is none in this program.
#[derive(Debug)]
pub enum RemoteMemory {}

/// Projects to search, and the folder of the question.
#[derive(Debug, Clone, Copy)]
pub struct RemoteScope<'a> {
    /// `all`, `current`, or a project's name or path.
    pub project: &'a str,
    /// Folder in which the question is asked.
    pub directory: Option<&'a Path>,
}

impl RemoteMemory {
    /// # Errors
    /// Always.
    pub fn from_settings(_: &SyncSettings) -> Result<Self> {
        Err(absent())
    }

    /// Searches a deployment, of which there is none.
    pub async fn search(&self, _: &Memory, _: &Query, _: RemoteScope<'_>, _: Timestamp) -> Result<SearchResults> {
        match *self {}
    }

    /// Reads from a deployment, of which there is none.
    pub async fn conversation_of(&self, _: &Memory, _: MessageId, _: Timestamp) -> Result<Option<ScratchMemory>> {
        match *self {}
    }
}

/// A scratch memory with what was fetched. There is none in this program.
#[derive(Debug)]
pub enum ScratchMemory {}

impl std::ops::Deref for ScratchMemory {
    type Target = Memory;

    fn deref(&self) -> &Memory {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LayeredSettings;

    #[test]
    fn an_address_that_is_configured_is_an_error_that_names_the_feature() {
        let text = "[sync]\npostgres = \"postgresql://me@localhost/x\"\n";
        let settings = LayeredSettings::from_text(Path::new("config.toml"), text).unwrap().settings.sync;
        let places = SyncEndpoint::all_configured(&settings);
        let (name, place) = places.first().unwrap();
        assert_eq!((places.len(), *name), (1, "postgres"));
        let error = place.as_ref().unwrap_err();
        assert!(error.to_string().contains("`production`"), "{error}");
        assert!(error.hint().unwrap().contains("--features production"));
    }
}

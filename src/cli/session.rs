//! What every command starts from: where the data is, the settings, the clock, the output.

use std::path::PathBuf;

use super::error::Failure;
use super::logging::Logging;
use super::output::Output;
use crate::config::{Layered, Paths, env};
use crate::domain::{Ids, Timestamp};
use crate::memory::Memory;
use crate::store::Open;

/// One run of the command line.
#[derive(Debug)]
pub(super) struct Session {
    home: Option<PathBuf>,
    pub(super) output: Output,
    pub(super) now: Timestamp,
    pub(super) logging: Logging,
}

impl Session {
    pub(super) fn new(home: Option<PathBuf>, output: Output, logging: Logging) -> Self {
        Self { home, output, now: env::now(), logging }
    }

    /// The data folder, if it was named on the command line.
    pub(super) fn home_flag(&self) -> Option<&PathBuf> {
        self.home.as_ref()
    }

    pub(super) fn paths(&self) -> Result<Paths, Failure> {
        Ok(Paths::resolve(self.home.clone())?)
    }

    /// The settings in force; tells about unknown ones.
    pub(super) fn settings(&self, paths: &Paths) -> Result<Layered, Failure> {
        let layered = Layered::load(&paths.config())?;
        for warning in &layered.warnings {
            self.output.say(&format!("warning: {warning}"));
        }
        Ok(layered)
    }

    /// Opens the memory of this run.
    pub(super) fn open(&self, open: Open) -> Result<Memory, Failure> {
        let paths = self.paths()?;
        let settings = self.settings(&paths)?.settings;
        Ok(Memory::open(&paths, settings, open, ids(), self.now)?)
    }
}

/// Where new ids come from.
pub(super) fn ids() -> Ids {
    env::seed().map_or(Ids::System, Ids::seeded)
}

//! Context of one run of the command line: data folder, settings, clock, output.

use std::path::PathBuf;
use std::sync::Once;

use super::data_folder;
use super::logging::Logging;
use super::output::CliOutput;
use crate::config::{LayeredSettings, Paths, env};
use crate::domain::{Failure, IdGenerator, Timestamp};
use crate::memory::Memory;
use crate::store::OpenMode;

/// One run of the command line: its data folder, start time, output and log.
#[derive(Debug)]
pub(super) struct Invocation {
    home: Option<PathBuf>,
    pub(super) output: CliOutput,
    pub(super) now: Timestamp,
    pub(super) logging: Logging,
    warned: Once,
}

impl Invocation {
    pub(super) fn new(home: Option<PathBuf>, output: CliOutput, logging: Logging) -> Self {
        Self { home, output, now: env::current_time(), logging, warned: Once::new() }
    }

    /// Resolves the data folder. Prints, once, what the user should know about it before it is used.
    pub(super) fn resolve_paths(&self) -> Result<Paths, Failure> {
        let paths = Paths::resolve_home(self.home.clone())?;
        self.warned.call_once(|| {
            for risk in data_folder::describe_risks(&paths) {
                self.output.print_message(&format!("warning: {risk}"));
            }
        });
        Ok(paths)
    }

    /// Loads the settings in force and prints a warning for each unknown one.
    pub(super) fn load_settings(&self, paths: &Paths) -> Result<LayeredSettings, Failure> {
        let layered = LayeredSettings::load_file(&paths.config_file())?;
        for warning in &layered.warnings {
            self.output.print_message(&format!("warning: {warning}"));
        }
        Ok(layered)
    }

    /// Opens the memory in the data folder, with the settings in force.
    pub(super) fn open_memory(&self, open: OpenMode) -> Result<Memory, Failure> {
        let paths = self.resolve_paths()?;
        let settings = self.load_settings(&paths)?.settings;
        Ok(Memory::open(&paths, settings, open, id_generator(), self.now)?)
    }
}

/// Returns the generator of new ids; tests fix it with `CLAUDE_MEMORY_TEST_SEED`.
pub(super) fn id_generator() -> IdGenerator {
    env::test_seed().map_or(IdGenerator::System, IdGenerator::with_seed)
}

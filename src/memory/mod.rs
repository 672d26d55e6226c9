//! The engine: ingest, save, search, read, and the making of vectors. The only façade over store, embed and vector.
//! Does not own: arguments, output, protocols, the clock. `now` is always an argument.

mod asking;
mod backlog;
mod blame;
mod cleanup;
mod columns;
mod context;
mod doctor;
mod error;
mod fixes;
mod forget;
mod forks;
mod given;
mod handoff;
mod health;
mod import_report;
mod ingest;
mod journal;
mod making;
mod models;
mod nearest;
mod operations;
mod parallel;
mod projects;
mod quarantine;
mod reading;
mod redacting;
mod repeats;
mod save;
mod search;
mod sessions;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock, OnceLock, RwLock};

use jiff::tz::TimeZone;

use crate::config::{Durability, Paths, Settings};
use crate::domain::text::redact::Redactor;
use crate::domain::{Ids, Timestamp};
use crate::embed::{Choice, Resident, Spec};
use crate::store::{Open, Store};

pub use backlog::{Backlog, CLEANUP_DAYS};
pub use blame::{Blame, Edit};
pub use context::{Pack, PackItem, PackRequest, Reason, Style};
pub use error::{Error, Result};
pub use fixes::{ErrorPlace, Fix};
pub use forget::ForgetReceipt;
pub use handoff::{Handoff, Step};
pub use health::{Check, Health};
pub use import_report::{ImportOptions, ImportProgress, Report, Taken};
pub use making::{Made, MakingProgress, Turn};
pub use projects::{Moved, project_key};
pub use reading::{Conversation, Transcript};
pub use redacting::Rescanned;
pub use search::{Asked, Weights, Wide};

/// The memory of one data folder. Shared between threads.
#[derive(Debug)]
pub struct Memory {
    store: Arc<Store>,
    settings: Settings,
    resident: Arc<Resident>,
    index: RwLock<Option<nearest::Built>>,
    index_folder: PathBuf,
    stop_graph: Arc<AtomicBool>,
    columns: RwLock<columns::Columns>,
    weights: Weights,
    zone: LazyLock<TimeZone>,
    ids: Ids,
    given_folder: PathBuf,
    deleted_folder: PathBuf,
    embed_lock: PathBuf,
    embed_pause: PathBuf,
    redactor: OnceLock<Redactor>,
    redaction_key: PathBuf,
    paths: Paths,
    asking: asking::Asking,
}

impl Memory {
    /// Opens the data folder. Loads neither model nor index.
    ///
    /// # Errors
    /// Whatever opening the database fails with, or a wrong `embed.model`.
    pub fn open(paths: &Paths, settings: Settings, open: Open, ids: Ids, now: Timestamp) -> Result<Self> {
        let choice = Choice::parse(&settings.embed.model).map_err(Error::invalid)?.below(paths.home());
        let spec = Spec::new(choice, settings.embed.runtime.clone(), paths.runtime());
        Self::open_with(Arc::new(Resident::new(spec)), paths, settings, open, ids, now)
    }

    /// Opens another data folder with the settings and the encoder of this one.
    ///
    /// # Errors
    /// Whatever opening the database fails with.
    pub fn beside(&self, paths: &Paths, open: Open, ids: Ids, now: Timestamp) -> Result<Self> {
        Self::open_with(Arc::clone(&self.resident), paths, self.settings.clone(), open, ids, now)
    }

    fn open_with(
        resident: Arc<Resident>,
        paths: &Paths,
        settings: Settings,
        open: Open,
        ids: Ids,
        now: Timestamp,
    ) -> Result<Self> {
        let full = settings.store.durability == Durability::Full;
        let store = Arc::new(Store::open(&paths.database(), open, full, now)?);
        Ok(Self {
            store,
            settings,
            resident,
            index: RwLock::new(None),
            index_folder: paths.index(),
            stop_graph: Arc::default(),
            columns: RwLock::default(),
            weights: Weights::default(),
            zone: LazyLock::new(TimeZone::system),
            ids,
            given_folder: paths.given(),
            deleted_folder: paths.deleted(),
            embed_lock: paths.embed_lock(),
            embed_pause: paths.embed_pause(),
            redactor: OnceLock::new(),
            redaction_key: paths.redaction_key(),
            paths: paths.clone(),
            asking: asking::Asking::default(),
        })
    }

    /// Finishes what writing left for later: the words of the newest texts, and the columns that all processes share.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn settle(&self) -> Result<()> {
        self.store.fold_words(true)?;
        self.refresh_columns()
    }

    /// Moves the words of the newest texts into the index if there are many of them. Holds nothing in memory afterwards.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn fold_words(&self) -> Result<()> {
        Ok(self.store.fold_words(false)?)
    }

    /// Copies the database, as it is now, into a new file. `false` when it was stopped.
    ///
    /// # Errors
    /// When reading or writing fails, or a page is damaged.
    pub fn copy_database(&self, path: &Path, stop: &AtomicBool, progress: &mut dyn FnMut(u64, u64)) -> Result<bool> {
        Ok(self.store.copy_to(path, stop, progress)?)
    }

    /// Whether every page of the database is whole. Compares no words.
    ///
    /// # Errors
    /// When one is not.
    pub fn check_pages(&self) -> Result<()> {
        Ok(self.store.check_pages()?)
    }

    /// Whether no other process, and nobody else in this one, has the database open.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub fn is_alone(&self) -> Result<bool> {
        Ok(self.store.is_alone()?)
    }

    /// Ranks by other numbers from now on. For benchmarks.
    pub const fn set_weights(&mut self, weights: Weights) {
        self.weights = weights;
    }

    /// The data folder.
    pub const fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The settings in force.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }
}

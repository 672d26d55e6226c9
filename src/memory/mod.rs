//! The engine: ingest, save, search, read, and the making of vectors. The only façade over store, embed and vector.
//! Does not own: arguments, output, protocols, the clock. `now` is always an argument.

mod columns;
mod error;
mod forget;
mod health;
mod ingest;
mod making;
mod nearest;
mod parallel;
mod reading;
mod redacting;
mod save;
mod search;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, RwLock};

use jiff::tz::TimeZone;

use crate::config::{Durability, Paths, Settings};
use crate::disk::checkout;
use crate::domain::text::redact::Redactor;
use crate::domain::{Ids, Timestamp};
use crate::embed::{Choice, Resident, Spec};
use crate::store::{NewProject, Open, Project, Store};

pub use error::{Error, Result};
pub use forget::ForgetReceipt;
pub use health::{Check, Health};
pub use ingest::{ImportOptions, ImportProgress, Report};
pub use making::{Made, MakingProgress, Turn};
pub use reading::{Conversation, Transcript};
pub use redacting::Rescanned;
pub use search::Weights;

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
    zone: TimeZone,
    ids: Ids,
    embed_lock: PathBuf,
    embed_pause: PathBuf,
    redactor: OnceLock<Redactor>,
    redaction_key: PathBuf,
}

impl Memory {
    /// Opens the data folder. Loads neither model nor index.
    ///
    /// # Errors
    /// Whatever opening the database fails with, or a wrong `embed.model`.
    pub fn open(paths: &Paths, settings: Settings, open: Open, ids: Ids, now: Timestamp) -> Result<Self> {
        let choice = Choice::parse(&settings.embed.model).map_err(Error::invalid)?;
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
            zone: TimeZone::system(),
            ids,
            embed_lock: paths.embed_lock(),
            embed_pause: paths.embed_pause(),
            redactor: OnceLock::new(),
            redaction_key: paths.redaction_key(),
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

    /// Ranks by other numbers from now on. For benchmarks.
    pub const fn set_weights(&mut self, weights: Weights) {
        self.weights = weights;
    }

    /// The settings in force.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All projects that were ever seen.
    ///
    /// # Errors
    /// When reading fails.
    pub fn projects(&self) -> Result<Vec<Project>> {
        Ok(self.store.projects()?)
    }

    /// The rows of the projects that `wanted` names: `all`, `current` (of `directory`), a name, a path or an identity.
    ///
    /// # Errors
    /// When no project is called so; the hint lists some that exist.
    pub fn resolve_projects(&self, wanted: &str, directory: Option<&std::path::Path>) -> Result<Option<Vec<i64>>> {
        if wanted == "all" {
            return Ok(None);
        }
        let projects = self.projects()?;
        if wanted == "current" {
            let here = directory
                .ok_or_else(|| Error::invalid("the current project is not known here; name one, or use \"all\""))?;
            let seen = self.store.find_project_of(&here.display().to_string())?;
            let key = checkout::identify(here).key;
            let found = projects.iter().filter(|project| project.key == key || Some(project.id) == seen);
            return Ok(Some(found.map(|project| project.id).collect()));
        }
        let found: Vec<i64> = projects
            .iter()
            .filter(|project| project.name == wanted || project.key == wanted || project.root == wanted)
            .map(|project| project.id)
            .collect();
        if found.is_empty() {
            let names: Vec<&str> = projects.iter().take(12).map(|project| project.name.as_str()).collect();
            let hint = format!("known projects: {}; or use \"all\" or \"current\"", names.join(", "));
            return Err(Error::NotFound { message: format!("no project is called {wanted:?}"), hint: Some(hint) });
        }
        Ok(Some(found))
    }
}

impl Memory {
    /// The rows of the project that a folder belongs to; none when it is not known.
    pub fn projects_here(&self, directory: Option<&std::path::Path>) -> Vec<i64> {
        directory.and_then(|directory| self.resolve_projects("current", Some(directory)).ok()?).unwrap_or_default()
    }
}

/// The identity of the project that a working directory belongs to.
fn project_of(directory: &str) -> NewProject {
    if directory.is_empty() {
        return NewProject {
            key: "unknown".to_owned(),
            name: "unknown".to_owned(),
            root: String::new(),
            remote: None,
            directory: String::new(),
        };
    }
    let found = checkout::identify(std::path::Path::new(directory));
    NewProject {
        key: found.key,
        name: found.name,
        root: found.root,
        remote: found.remote,
        directory: directory.to_owned(),
    }
}

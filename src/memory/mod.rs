//! Engine: ingest, save, search, read and embed. The only façade over store, embed and vector. Does not own: arguments,
//! output, protocols, the clock. `now` is always an argument.

mod error;
mod index;
mod provenance;
mod recall;
mod search;
mod state;
#[cfg(test)]
mod test_corpus;
mod write;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock, OnceLock, RwLock};

use jiff::tz::TimeZone;

use crate::config::{Durability, Paths, Settings};
use crate::domain::edit::LineHasher;
use crate::domain::text::glossary::Glossary;
use crate::domain::text::redact::Redactor;
use crate::domain::{IdGenerator, Timestamp};
use crate::embed::{ModelChoice, ModelSpec, RerankerSpec, ResidentModel, ResidentReranker};
use crate::store::{OpenMode, Snapshot, Store};

pub use error::{Error, Result};
pub use index::embed_queue::{EmbedProgress, EmbedStats};
pub use provenance::explain::{
    CommitExplanation, CommitName, FileExplanation, LineGroup, SessionLink, parse_lines, split_location,
};
pub use provenance::rule::{Grade, Ground};
pub use provenance::{LinkedCommit, LinkedSession, Silence, SilenceReason};
pub use recall::blame::{Blame, BlameEdit};
pub use recall::context::{ContextPack, PackItem, PackRequest, PackStyle};
pub use recall::fixes::{ErrorFix, ErrorScope};
pub use recall::handoff::{Handoff, TodoStep};
pub use recall::injection_use::InjectedMessage;
pub use recall::injections::{COMPACTION_EVENT, Injection};
pub use recall::reading::{SessionMessages, TranscriptExcerpt};
pub use recall::recent_work::{ERROR_DAYS, RecentWork, RepeatedError};
pub use recall::request::{EditRequest, RequestText};
pub use recall::suggestions::{
    Suggestion, SuggestionFilter, SuggestionPage, SuggestionScope, SuggestionState, SuggestionStatus,
};
pub use search::{CorpusStats, RankWeights, RemoteQuery, SearchArguments, check_search_settings, encode_search_cursor};
pub use state::backlog::{Backlog, CLEANUP_DAYS};
pub use state::health::{CheckResult, MemoryHealth};
pub use write::copies::KnownCopy;
pub use write::forget::ForgetReceipt;
pub use write::forget_requests::{ForgetRequest, MAX_MODEL_DELETIONS};
pub use write::import_report::{ImportOptions, ImportReport};
pub use write::projects::{ProjectMove, project_key};
pub use write::redaction::RescanReport;
pub use write::related_notes::{NoteRelation, RelatedNote};
pub use write::remains::{DeletedPieces, SearchedFiles};
pub use write::suggestions::Confirmation;

/// Memory of one data folder. Shared between threads.
#[derive(Debug)]
pub struct Memory {
    store: Arc<Store>,
    settings: Settings,
    resident: Arc<ResidentModel>,
    reranker: Arc<ResidentReranker>,
    index: RwLock<Option<index::vector_index::BuiltIndex>>,
    index_folder: PathBuf,
    stop_graph: Arc<AtomicBool>,
    columns: RwLock<index::doc_values::DocValues>,
    weights: RankWeights,
    zone: LazyLock<TimeZone>,
    ids: IdGenerator,
    injections_folder: PathBuf,
    deleted_folder: PathBuf,
    embed_lock: PathBuf,
    embed_pause: PathBuf,
    redactor: OnceLock<Redactor>,
    redaction_key: PathBuf,
    paths: Paths,
    asking: state::search_activity::SearchActivity,
    glossary: OnceLock<Glossary>,
}

impl Memory {
    /// Opens the data folder. Loads neither the embedding model nor the index.
    ///
    /// # Errors
    /// Errors of opening the database, or an invalid `embed.model`.
    pub fn open(paths: &Paths, settings: Settings, open: OpenMode, ids: IdGenerator, now: Timestamp) -> Result<Self> {
        let choice =
            ModelChoice::parse(&settings.embed.model).map_err(Error::invalid_input)?.resolve_below(paths.home());
        let spec = ModelSpec::new(choice, settings.embed.runtime.clone(), paths.runtime_folder());
        // A wrong setting stops searches, which say so, and nothing else.
        let runtime = (settings.embed.runtime.as_str(), paths.runtime_folder());
        let reranker = RerankerSpec::parse(&settings.search.reranker, paths.home(), runtime).unwrap_or_default();
        let models = (Arc::new(ResidentModel::new(spec)), Arc::new(ResidentReranker::new(reranker)));
        Self::open_with(models, paths, settings, open, ids, now)
    }

    /// Opens another data folder with the settings and the embedding model of this one.
    pub fn open_scratch(&self, paths: &Paths, open: OpenMode, ids: IdGenerator, now: Timestamp) -> Result<Self> {
        let models = (Arc::clone(&self.resident), Arc::clone(&self.reranker));
        Self::open_with(models, paths, self.settings.clone(), open, ids, now)
    }

    fn open_with(
        (resident, reranker): (Arc<ResidentModel>, Arc<ResidentReranker>),
        paths: &Paths,
        settings: Settings,
        open: OpenMode,
        ids: IdGenerator,
        now: Timestamp,
    ) -> Result<Self> {
        // Wrong weights stop searches, which say so, and nothing else: sessions must be saved.
        let weights = RankWeights::from_setting(&settings.search.weights).unwrap_or_default();
        let full = settings.store.durability == Durability::Full;
        let store = Arc::new(Store::open(&paths.database_file(), open, full, now)?);
        store.set_key_file(paths.redaction_key_file());
        Ok(Self {
            store,
            settings,
            resident,
            reranker,
            index: RwLock::new(None),
            index_folder: paths.index_folder(),
            stop_graph: Arc::default(),
            columns: RwLock::default(),
            weights,
            zone: LazyLock::new(TimeZone::system),
            ids,
            injections_folder: paths.injections_folder(),
            deleted_folder: paths.deletions_folder(),
            embed_lock: paths.embed_lock(),
            embed_pause: paths.embed_pause_file(),
            redactor: OnceLock::new(),
            redaction_key: paths.redaction_key_file(),
            paths: paths.clone(),
            asking: state::search_activity::SearchActivity::default(),
            glossary: OnceLock::new(),
        })
    }

    /// Flushes deferred index work: merges all pending postings and updates the shared doc values.
    pub fn flush_pending(&self) -> Result<()> {
        self.store.merge_postings(true)?;
        self.refresh_doc_values()
    }

    /// Merges pending postings into the keyword index if there are many. Keeps nothing in memory.
    pub fn merge_postings(&self) -> Result<()> {
        Ok(self.store.merge_postings(false)?)
    }

    /// Returns true if no other process, and no other connection of this one, has the database open.
    pub fn is_only_connection(&self) -> Result<bool> {
        Ok(self.store.has_exclusive_access()?)
    }

    /// Returns the hasher of lines of edits, with the key of this data folder.
    ///
    /// # Errors
    /// If the key cannot be read or created.
    pub fn line_hasher(&self) -> Result<LineHasher> {
        let hasher = self.store.line_hasher()?;
        hasher.ok_or_else(|| Error::invalid_input("this data folder has no key for edited lines"))
    }

    /// Begins a read transaction: all rows read through it (changes, runs, counters) are of one point in time.
    pub fn snapshot(&self) -> Result<Snapshot<'_>> {
        Ok(self.store.snapshot()?)
    }

    /// Returns the ranking weights in effect.
    pub const fn weights(&self) -> RankWeights {
        self.weights
    }

    /// Replaces the ranking weights. For benchmarks.
    pub const fn set_weights(&mut self, weights: RankWeights) {
        self.weights = weights;
    }

    /// Returns the paths of the data folder.
    pub const fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Returns the settings in effect.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }
}

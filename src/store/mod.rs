//! SQLite storage, the single source of truth. Owns the schema, all SQL, the write lane, the read pool, compressed
//! texts and the word index. Does not own what to store, how to rank, or the clock. Everything else on disk can be
//! rebuilt from here.

mod activity;
mod change_log;
mod connection;
mod consistency;
mod copies;
mod copy;
mod counters;
mod cursors;
mod doc_values;
mod edit_backlog;
mod edit_queries;
mod edited_lines;
mod embedding_models;
mod embeddings;
mod error;
mod excerpts;
mod filter;
mod forget;
mod forks;
mod frames;
mod keyword_index;
mod link_state;
mod machines;
mod merge;
mod merge_places;
mod message_queries;
mod messages;
mod note_rows;
mod notes;
mod operations;
mod pages;
mod parked;
mod part_versions;
mod parts;
mod person_turns;
mod prepared;
mod projects;
mod quarantine;
mod raw_file;
mod retention;
mod schema;
mod sessions;
mod signed_places;
mod snapshot;
mod stats;
mod titles;
mod tombstones;
mod write_lane;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rusqlite::Connection;

use crate::disk;
use crate::domain::edit::LineHasher;
use crate::domain::{Timestamp, hash};
use connection::AccessMode;

pub use activity::DayActivity;
pub use change_log::{
    ConversationRecord, MessageRecord, MessageState, NoteRecord, PartRecord, TextSizes, VectorRecord,
};
pub use connection::{sqlite_version, take_busy_waits};
pub use copies::{CopyKind, CopyPolicy, CopyRecord, DeletionState};
pub use cursors::ImportCursor;
pub use doc_values::{MessageRow, NewDocRows, PassageRow};
pub use edit_queries::{EditedLine, SessionSpan, StoredCommit, StoredEdit};
pub use embeddings::{NewVector, PendingPart, StoredModel, decode_half_floats, encode_half_floats};
pub use error::{Error, Result};
pub use excerpts::{Excerpt, ExcerptQuery, PinnedNote};
pub use filter::is_quarantine_source;
pub use keyword_index::{Posting, term_number};
pub use link_state::EditState;
pub use machines::{Machine, MachineRelation, Seal};
pub use merge::{IncomingMessage, IncomingVector, MergeCounts};
pub use message_queries::{ConversationHead, MessageText, PartText, PassageCandidate, ResultContent};
pub use messages::ImportBatch;
pub use notes::{NoteUpdate, SavedNote, SavedStatus};
pub use operations::{DailySample, JobRun, TargetCursor, TargetState};
pub use pages::checksum_vfs_name;
pub use parked::ParkedEntry;
pub use person_turns::{PersonTurn, SpokenText, TurnFilter, TurnNote};
pub use prepared::{InsertOutcome, PreparedMessage, Preparer};
pub use projects::{NewProject, ProjectRecord, ProjectSummary, StoredProject};
pub use quarantine::{QuarantineMark, QuarantinedMessage};
pub use raw_file::RawReader;
pub use retention::OldMessageCounts;
pub use sessions::{SessionCursor, SessionFilter, SessionSummary};
pub use signed_places::SignedPlace;
pub use snapshot::Snapshot;
pub use stats::StoreStats;
pub use titles::NewTitle;
pub use tombstones::{DeletionSigners, Tombstone};
pub use write_lane::WriteReceipt;

/// Mode in which [`Store::open`] opens the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Creates the database if it is missing and migrates an old one.
    Create,
    /// Requires an existing database. An old schema is migrated here too.
    Existing,
}

/// Handle of the database: a lazily started write lane and a pool of readers.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// Identity of the opened file, to notice that it was replaced.
    file: Option<disk::FileId>,
    full: bool,
    frozen: bool,
    lane: OnceLock<write_lane::WriteLane>,
    starting: Mutex<()>,
    readers: Mutex<Vec<Connection>>,
    /// File with the key of edited lines, and the hasher with that key.
    key_file: OnceLock<PathBuf>,
    line_hasher: OnceLock<LineHasher>,
    /// Last, so that it is closed after the connections.
    raw: raw_file::RawFile,
}

impl Store {
    /// Opens the database at `path`. `full` is `synchronous=FULL`.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::TooNew`], [`Error::Foreign`], or what the operating system refused.
    pub fn open(path: &Path, open: OpenMode, full: bool, now: Timestamp) -> Result<Self> {
        let exists = path.try_exists().map_err(|source| Error::from_io("look for", path, source))?;
        if !exists && open == OpenMode::Existing {
            return Err(Error::Missing(path.to_owned()));
        }
        let mut store = Self {
            path: path.to_owned(),
            file: None,
            full,
            frozen: false,
            lane: OnceLock::new(),
            starting: Mutex::new(()),
            readers: Mutex::new(Vec::new()),
            key_file: OnceLock::new(),
            line_hasher: OnceLock::new(),
            raw: raw_file::RawFile::register(None),
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        match disk::check_folder(folder).map_err(|source| Error::from_io("look at", folder, source))? {
            Some(disk::UnfitFolder::Network(kind)) => return Err(Error::Network { path: folder.to_owned(), kind }),
            Some(disk::UnfitFolder::Owner(owner)) => return Err(Error::NotYours { path: folder.to_owned(), owner }),
            None => {}
        }
        if !exists {
            disk::create_private_folder(folder).map_err(|source| Error::from_io("create", folder, source))?;
            let created = disk::create_private_file(path).and_then(|_| disk::sync_parent_folder(path));
            // The folder is as new as the file in it.
            created
                .and_then(|()| disk::sync_parent_folder(folder))
                .map_err(|source| Error::from_io("create", path, source))?;
        }
        store.file = disk::FileId::of_path(path).ok();
        store.raw = raw_file::RawFile::register(store.file);
        let reader = store.open_first_reader()?;
        let state = schema::inspect_schema(&reader, path)?;
        if state == schema::SchemaState::Current {
            store.recycle_reader(reader);
        } else {
            drop(reader);
            let mut writer = connection::open(path, AccessMode::Write { full })?;
            schema::migrate_schema(&mut writer, path, now)?;
        }
        Ok(store)
    }

    /// Opens the first reader, which decides whether the folder can be written at all.
    fn open_first_reader(&mut self) -> Result<Connection> {
        let probe =
            |connection: &Connection| Ok(connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?);
        let normal = connection::open(&self.path, AccessMode::Read).and_then(|reader| probe(&reader).map(|()| reader));
        let error = match normal {
            Ok(reader) => return Ok(reader),
            Err(error) => error,
        };
        // In a folder that cannot be written SQLite cannot share memory with a writer. Without a write-ahead log there
        // is no writer, and the file can be read as it stands. Any other failure is no reason to read past active
        // writers.
        let log = PathBuf::from(format!("{}-wal", self.path.display()));
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if error.code() != crate::domain::FailureCode::Unavailable || log.exists() || disk::is_writable(folder) {
            return Err(error);
        }
        let frozen = connection::open(&self.path, AccessMode::Frozen)?;
        probe(&frozen)?;
        self.frozen = true;
        Ok(frozen)
    }

    /// True if the folder could only be opened for reading.
    pub const fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Returns the path of the database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names the file with the key by which lines of edits are hashed. Without it none are kept.
    pub fn set_key_file(&self, path: PathBuf) {
        // The first one stays.
        let _ = self.key_file.set(path);
    }

    /// Returns the hasher of lines of edits; `None` without a key file. The key is created when it is first needed.
    ///
    /// # Errors
    /// When the key cannot be read or created.
    pub fn line_hasher(&self) -> Result<Option<LineHasher>> {
        if let Some(hasher) = self.line_hasher.get() {
            return Ok(Some(*hasher));
        }
        let Some(path) = self.key_file.get() else { return Ok(None) };
        let key = disk::read_or_create_key(path, hash::random_key(), self.frozen)
            .map_err(|source| Error::from_io("read", path, source))?;
        Ok(Some(*self.line_hasher.get_or_init(|| LineHasher::new(key))))
    }

    /// Creates a preparer of messages for this store.
    ///
    /// # Errors
    /// When zstd cannot be set up, or the key of edited lines cannot be read or created.
    pub fn create_preparer(&self) -> Result<Preparer> {
        Preparer::new(self.line_hasher()?)
    }

    /// Returns a reader of the bytes of the database file. It is the only way to read them while the store is open: see
    /// `raw_file`.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn read_raw_file(&self) -> std::io::Result<RawReader> {
        self.raw.reader(&self.path)
    }

    /// Queues a write. It runs in a savepoint of a transaction that may hold other writes too. `operation` completes
    /// "cannot …" in the error of a statement that fails; nothing of the write is then stored.
    pub(crate) fn write_later<T: Send + 'static>(
        &self,
        operation: &'static str,
        write: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<WriteReceipt<T>> {
        Ok(self
            .started_lane()?
            .submit_write(false, move |connection| write(connection).map_err(|error| error.with_operation(operation))))
    }

    /// Runs a write and waits for its COMMIT.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        write: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write_later(operation, write)?.wait()
    }

    /// Runs a write for a waiting client. Fails after five seconds in which another process writes.
    pub(crate) fn write_soon<T: Send + 'static>(
        &self,
        operation: &'static str,
        write: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let write = move |connection: &Connection| write(connection).map_err(|error| error.with_operation(operation));
        self.started_lane()?.submit_write(true, write).wait()
    }

    fn started_lane(&self) -> Result<&write_lane::WriteLane> {
        if self.frozen {
            return Err(Error::ReadOnly(self.path.clone()));
        }
        let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = self.lane.get() {
            return Ok(lane);
        }
        let (path, access) = (self.path.clone(), AccessMode::Write { full: self.full });
        let check = {
            let (path, file) = (path.clone(), self.file);
            move || check_same_file(&path, file)
        };
        check()?;
        let writer = connection::open(&path, access)?;
        let reopen = Box::new(move || connection::open(&path, access));
        let lane = write_lane::WriteLane::start_thread(writer, reopen, Box::new(check))
            .map_err(|source| Error::from_io("start the writing thread for", &self.path, source))?;
        Ok(self.lane.get_or_init(|| lane))
    }

    /// Closes the idle readers.
    fn close_readers(&self) {
        lock_readers(&self.readers).clear();
    }
}

fn lock_readers(readers: &Mutex<Vec<Connection>>) -> MutexGuard<'_, Vec<Connection>> {
    readers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fails if the path no longer names the opened file. SQLite would go on writing into an unlinked file.
fn check_same_file(path: &Path, opened: Option<disk::FileId>) -> Result<()> {
    if opened.is_none() || disk::FileId::of_path(path).ok() == opened {
        return Ok(());
    }
    Err(Error::Removed(path.to_owned()))
}

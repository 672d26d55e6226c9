//! SQLite: the only truth. Owns the schema, all SQL, the write lane, the read pool, compressed texts and the word index.
//! Does not own: what to store, how to rank, the clock. Everything else on disk can be rebuilt from here.

mod activity;
mod branches;
mod cleanup;
mod columns;
mod connection;
mod copy;
mod counters;
mod cursors;
mod embeddings;
mod error;
mod excerpts;
mod filter;
mod forget;
mod frames;
mod journal;
mod lane;
mod messages;
mod models;
mod notes;
mod operations;
mod pages;
mod parked;
mod projects;
mod quarantine;
mod reading;
mod reconcile;
mod schema;
mod sessions;
mod stats;
mod taking;
mod titles;
mod versions;
mod words;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use rusqlite::Connection;

use crate::disk;
use crate::domain::Timestamp;
use connection::Access;

pub use activity::{Day, Share};
pub use cleanup::Old;
pub use columns::{MessageRow, NewRows, PassageRow};
pub use connection::{sqlite_version, take_busy_waits};
pub use cursors::Cursor;
pub use embeddings::{Model, NewVector, PendingPart, StoredVector, halves, widen};
pub use error::{Error, Result};
pub use excerpts::{Excerpt, StandingNote, Wanted};
pub use forget::Forgotten;
pub use journal::{
    Change, Sizes, Standing, WholeConversation, WholeMessage, WholeNote, WholePart, WholeProject, WholeVector,
};
pub use lane::Receipt;
pub use messages::{Batch, Outcome, PreparedMessage, Preparer, StoredPart};
pub use notes::{NoteChange, Saved, SavedStatus};
pub use operations::{Progress, Run, Sample, TargetState};
pub use pages::page_checksums;
pub use parked::Parked;
pub use projects::{NewProject, Project, ProjectSummary};
pub use quarantine::Quarantined;
pub use reading::{Body, Candidate, ConversationHead, MessageText, PartText};
pub use reconcile::Disagreement;
pub use sessions::{SessionFilter, SessionPlace, SessionSummary};
pub use stats::Stats;
pub use taking::{Incoming, IncomingVector, TakenIn};
pub use titles::NewTitle;
pub use words::{Posting, number};

/// Readers kept open for the next request.
const IDLE_READERS: usize = 4;

/// How the store may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// Create it if it is missing, upgrade it if it is old.
    Create,
    /// It must exist; nothing is written until the first write.
    Existing,
}

/// The database: a lazily started write lane and a pool of readers.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// The file that was opened under this path.
    file: Option<disk::FileId>,
    full: bool,
    frozen: bool,
    lane: OnceLock<lane::Lane>,
    starting: Mutex<()>,
    readers: Mutex<Vec<Connection>>,
}

impl Store {
    /// Opens the database at `path`. `full` is `synchronous=FULL`.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::TooNew`], [`Error::Foreign`], or what the operating system refused.
    pub fn open(path: &Path, open: Open, full: bool, now: Timestamp) -> Result<Self> {
        let exists = path.try_exists().map_err(|source| Error::io("look for", path, source))?;
        if !exists && open == Open::Existing {
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
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        match disk::unfit(folder).map_err(|source| Error::io("look at", folder, source))? {
            Some(disk::Unfit::Network(kind)) => return Err(Error::Network { path: folder.to_owned(), kind }),
            Some(disk::Unfit::Owner(owner)) => return Err(Error::NotYours { path: folder.to_owned(), owner }),
            None => {}
        }
        if !exists {
            disk::create_private_folder(folder).map_err(|source| Error::io("create", folder, source))?;
            let created = disk::create_private_file(path).and_then(|_| disk::sync_folder_of(path));
            // The folder is as new as the file in it.
            created.and_then(|()| disk::sync_folder_of(folder)).map_err(|source| Error::io("create", path, source))?;
        }
        store.file = disk::FileId::of(path).ok();
        let reader = store.first_reader()?;
        let state = schema::inspect(&reader, path)?;
        if state == schema::State::Current {
            store.keep(reader);
        } else {
            drop(reader);
            let mut writer = connection::open(path, Access::Write { full })?;
            schema::migrate(&mut writer, path, now)?;
        }
        Ok(store)
    }

    /// The first connection decides whether the folder can be written at all.
    fn first_reader(&mut self) -> Result<Connection> {
        let probe = |connection: &Connection| {
            connection
                .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
                .map_err(|source| Error::sqlite("read the database", source))
        };
        let normal = connection::open(&self.path, Access::Read).and_then(|reader| probe(&reader).map(|()| reader));
        let error = match normal {
            Ok(reader) => return Ok(reader),
            Err(error) => error,
        };
        // In a folder that cannot be written SQLite cannot share memory with a writer. Without a write-ahead log
        // there is no writer, and the file can be read as it stands. Any other failure is no reason to read past those
        // who write.
        let log = PathBuf::from(format!("{}-wal", self.path.display()));
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if error.code() != crate::domain::Code::Unavailable || log.exists() || disk::is_writable(folder) {
            return Err(error);
        }
        let frozen = connection::open(&self.path, Access::Frozen)?;
        probe(&frozen)?;
        self.frozen = true;
        Ok(frozen)
    }

    /// Whether the folder could only be opened for reading.
    pub const fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Queues a write; it runs in a savepoint of a transaction that may hold other writes too.
    ///
    /// # Errors
    /// When the write lane cannot be started.
    pub(crate) fn write_later<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<Receipt<T>> {
        Ok(self.lane()?.submit(write))
    }

    /// Runs a write and waits for its COMMIT.
    ///
    /// # Errors
    /// Whatever the write or the commit failed with; nothing of it is then stored.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write_later(write)?.wait()
    }

    fn lane(&self) -> Result<&lane::Lane> {
        if self.frozen {
            return Err(Error::ReadOnly(self.path.clone()));
        }
        let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = self.lane.get() {
            return Ok(lane);
        }
        let (path, access) = (self.path.clone(), Access::Write { full: self.full });
        let check = {
            let (path, file) = (path.clone(), self.file);
            move || is_still(&path, file)
        };
        check()?;
        let writer = connection::open(&path, access)?;
        let reopen = Box::new(move || connection::open(&path, access));
        let lane = lane::Lane::start(writer, reopen, Box::new(check))
            .map_err(|source| Error::io("start the writing thread for", &self.path, source))?;
        Ok(self.lane.get_or_init(|| lane))
    }

    /// Closes the readers that wait for the next request.
    fn close_readers(&self) {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Runs a read against one snapshot.
    ///
    /// # Errors
    /// Whatever the read failed with.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => connection::open(&self.path, if self.frozen { Access::Frozen } else { Access::Read })?,
        };
        let failed = |source| Error::sqlite("read", source);
        let snapshot = reader.unchecked_transaction().map_err(failed)?;
        let outcome = read(&snapshot);
        // Nothing was written; ending the snapshot cannot lose anything.
        drop(snapshot);
        self.keep(reader);
        outcome
    }

    /// Keeps a reader for the next request.
    fn keep(&self, reader: Connection) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < IDLE_READERS {
            readers.push(reader);
        }
    }
}

/// Fails when the path does not lead to the file that was opened: SQLite would go on writing into a file without a name.
fn is_still(path: &Path, opened: Option<disk::FileId>) -> Result<()> {
    if opened.is_none() || disk::FileId::of(path).ok() == opened {
        return Ok(());
    }
    Err(Error::Removed(path.to_owned()))
}

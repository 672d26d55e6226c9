//! Errors of the store, classified. rusqlite's errors never leave this module unclassified.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::domain::FailureCode;

/// Error of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// There is no database at this path yet.
    #[error("there is no memory at {0} yet")]
    Missing(PathBuf),
    /// The database was written by a newer program.
    #[error("the store at {path} has schema {found}, this claude-memory understands up to {known}")]
    TooNew {
        /// Path of the database.
        path: PathBuf,
        /// Schema version found.
        found: i64,
        /// Newest schema version that this program understands.
        known: i64,
    },
    /// The file is a SQLite database of another program.
    #[error("{0} is a SQLite database of another program")]
    Foreign(PathBuf),
    /// The folder can be read but not written.
    #[error("cannot write to {0}: its folder can only be read")]
    ReadOnly(PathBuf),
    /// The folder is on a network file system.
    #[error("{path} is on {kind}, where several processes cannot share a database safely")]
    Network {
        /// Path of the folder.
        path: PathBuf,
        /// Kind of file system.
        kind: &'static str,
    },
    /// The folder belongs to another user.
    #[error("{path} belongs to another user (number {owner})")]
    NotYours {
        /// Path of the folder.
        path: PathBuf,
        /// User id of the owner.
        owner: u32,
    },
    /// An applied migration differs from the one in this program.
    #[error("migration {0} was applied in another form than this claude-memory has")]
    EditedMigration(String),
    /// The linked SQLite has a bug that corrupts databases with several processes.
    #[error(
        "this build links SQLite {0}, older than 3.51.3, which can corrupt a database that several processes write"
    )]
    OldSqlite(String),
    /// A file operation failed.
    #[error("cannot {operation} {path}: {source}")]
    Io {
        /// Operation that failed; completes "cannot …".
        operation: &'static str,
        /// Path it was applied to.
        path: PathBuf,
        /// Error of the operating system.
        source: Arc<std::io::Error>,
    },
    /// An SQLite call failed.
    #[error("cannot {operation}: {source}")]
    Sqlite {
        /// Operation that failed; completes "cannot …".
        operation: &'static str,
        /// Error from rusqlite.
        source: Arc<rusqlite::Error>,
    },
    /// A stored text fails its checksum, or a structure of the database is inconsistent.
    #[error("stored text is damaged: {0}")]
    Damaged(String),
    /// A page of the database fails its checksum.
    #[error("cannot {operation}: a page of the database does not match its checksum")]
    DamagedPage {
        /// Operation that failed; completes "cannot …".
        operation: &'static str,
    },
    /// A write panicked; nothing of it was stored.
    #[error("a bug stopped this write, nothing of it was kept: {0}")]
    Panicked(String),
    /// The database file was removed or replaced while it was open.
    #[error("nothing was stored: the database {0} was removed or replaced while it was open")]
    Removed(PathBuf),
    /// An earlier failure made further writes unsafe.
    #[error("writing has stopped because an earlier write failed in a way that may have lost data: {0}")]
    Poisoned(String),
    /// The writer thread has ended.
    #[error("the writing thread has ended")]
    Closed,
}

/// Result of a store operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Placeholder for an operation that was not named.
const UNNAMED_OPERATION: &str = "use the database";

impl From<rusqlite::Error> for Error {
    fn from(source: rusqlite::Error) -> Self {
        Self::from_sqlite(UNNAMED_OPERATION, source)
    }
}

impl Error {
    /// Classifies an SQLite error. `operation` completes "cannot …".
    pub(super) fn from_sqlite(operation: &'static str, source: rusqlite::Error) -> Self {
        let extended = source.sqlite_error().map_or(0, |error| error.extended_code);
        if extended == rusqlite::ffi::SQLITE_IOERR_DATA {
            return Self::DamagedPage { operation };
        }
        match damaged_message(&source) {
            Some(message) => Self::Damaged(message),
            None => Self::Sqlite { operation, source: Arc::new(source) },
        }
    }

    /// Sets the operation of an error that does not name one yet.
    pub(super) fn with_operation(mut self, doing: &'static str) -> Self {
        if let Self::Sqlite { operation, .. } | Self::DamagedPage { operation } = &mut self
            && *operation == UNNAMED_OPERATION
        {
            *operation = doing;
        }
        self
    }

    pub(super) fn from_io(operation: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { operation, path: path.to_owned(), source: Arc::new(source) }
    }

    /// Returns the stable error code.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Missing(_) => FailureCode::NotFound,
            Self::TooNew { .. } => FailureCode::TooNew,
            Self::Foreign(_) | Self::Network { .. } | Self::NotYours { .. } => FailureCode::InvalidInput,
            Self::Damaged(_) | Self::DamagedPage { .. } => FailureCode::Corrupt,
            Self::Poisoned(_) | Self::Removed(_) => FailureCode::Poisoned,
            Self::EditedMigration(_) | Self::OldSqlite(_) | Self::Panicked(_) | Self::Closed => FailureCode::Internal,
            Self::ReadOnly(_) => FailureCode::Unavailable,
            Self::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::FileTooLarge => FailureCode::DiskFull,
                _ => FailureCode::Unavailable,
            },
            Self::Sqlite { source, .. } => match source.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => FailureCode::Busy,
                Some(ErrorCode::DiskFull) => FailureCode::DiskFull,
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => FailureCode::Corrupt,
                Some(
                    ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::PermissionDenied
                    | ErrorCode::SystemIoFailure,
                ) => FailureCode::Unavailable,
                _ => FailureCode::Internal,
            },
        }
    }

    /// Returns advice on what to do about the error.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Missing(_) => {
                "run `claude-memory import claude-code` to read your history, or `claude-memory demo` to see it work"
            }
            Self::TooNew { .. } => "install the newer claude-memory; nothing was changed",
            Self::Foreign(_) => "name another folder with --home",
            Self::ReadOnly(_) => "make it writable for you, or name another folder with --home",
            Self::Network { .. } => "name a folder on a disk of this machine with --home",
            Self::NotYours { .. } => "run it as that user, or name a folder of your own with --home",
            Self::Damaged(_) => "run `claude-memory status`; the other messages can still be read",
            Self::DamagedPage { .. } => {
                "the disk changed it, or another program wrote to the database; keep a copy of the folder and import your history into a new one with --home"
            }
            Self::Removed(_) => {
                "restart this session (or `claude-memory serve`), then do it again: it opens the folder that is there then, or makes a new one"
            }
            Self::Poisoned(_) => "restart this process; what was acknowledged is kept",
            Self::EditedMigration(_) | Self::OldSqlite(_) | Self::Panicked(_) | Self::Closed => {
                "please report this as a bug"
            }
            Self::Io { .. } | Self::Sqlite { .. } => match self.code() {
                FailureCode::Busy => "another process is writing; try again in a moment",
                FailureCode::DiskFull => {
                    "free some space and run the same command again; it continues where it stopped"
                }
                FailureCode::Corrupt => "stop writing to this store and keep a copy of the folder",
                FailureCode::Unavailable => {
                    "check that the folder exists and that you may write to it, or name another with --home"
                }
                _ => return None,
            },
        };
        Some(text.to_owned())
    }

    /// Returns true if the connection must not write again. After a failed fsync the kernel may have dropped the pages
    /// (PostgreSQL's lesson of 2018); after corruption every write can spread it.
    pub(super) fn poisons_connection(&self) -> bool {
        const IOERR_FSYNC: i32 = 1034;
        const IOERR_DIR_FSYNC: i32 = 1290;
        match self {
            Self::Sqlite { source, .. } => {
                let extended = source.sqlite_error().map_or(0, |error| error.extended_code);
                matches!(extended, IOERR_FSYNC | IOERR_DIR_FSYNC)
                    || source.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt)
            }
            _ => false,
        }
    }
}

/// Text by which [`super::frames`] marks a frame that fails its checksum, inside an SQL function's error.
pub(super) const DAMAGED_FRAME: &str = "damaged frame";

fn damaged_message(error: &rusqlite::Error) -> Option<String> {
    let text = error.to_string();
    text.contains(DAMAGED_FRAME).then_some(text)
}

//! What can go wrong with the database, classified. rusqlite's errors never leave this room unclassified.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::domain::Code;

/// A failure of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// There is no store yet.
    #[error("there is no memory at {0} yet")]
    Missing(PathBuf),
    /// It was written by a newer program.
    #[error("the store at {path} has schema {found}, this claude-memory understands up to {known}")]
    TooNew {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The file is something else.
    #[error("{0} is a SQLite database of another program")]
    Foreign(PathBuf),
    /// The folder can be read, not written.
    #[error("cannot write to {0}: its folder can only be read")]
    ReadOnly(PathBuf),
    /// The folder lies on another machine.
    #[error("{path} is on {kind}, where several processes cannot share a database safely")]
    Network {
        /// The folder.
        path: PathBuf,
        /// The file system.
        kind: &'static str,
    },
    /// The folder belongs to somebody else.
    #[error("{path} belongs to another user (number {owner})")]
    NotYours {
        /// The folder.
        path: PathBuf,
        /// Its owner.
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
    /// The operating system refused.
    #[error("cannot {operation} {path}: {source}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// SQLite refused.
    #[error("cannot {operation}: {source}")]
    Sqlite {
        /// What was tried.
        operation: &'static str,
        /// Why.
        source: Arc<rusqlite::Error>,
    },
    /// A stored text fails its checksum.
    #[error("stored text is damaged: {0}")]
    Damaged(String),
    /// A page of the database fails its checksum.
    #[error("cannot {operation}: a page of the database does not match its checksum")]
    DamagedPage {
        /// What was tried.
        operation: &'static str,
    },
    /// A panic was caught while writing; nothing of that write was kept.
    #[error("a bug stopped this write, nothing of it was kept: {0}")]
    Panicked(String),
    /// Another file, or none, has the name of the database that is open.
    #[error("nothing was stored: the database {0} was removed or replaced while it was open")]
    Removed(PathBuf),
    /// An earlier failure made writing unsafe.
    #[error("writing has stopped because an earlier write failed in a way that may have lost data: {0}")]
    Poisoned(String),
    /// The writing thread is gone.
    #[error("the writing thread has ended")]
    Closed,
}

/// Shorthand in this room.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Classifies an error of SQLite. `operation` completes "cannot …".
    pub(super) fn sqlite(operation: &'static str, source: rusqlite::Error) -> Self {
        let extended = source.sqlite_error().map_or(0, |error| error.extended_code);
        if extended == rusqlite::ffi::SQLITE_IOERR_DATA {
            return Self::DamagedPage { operation };
        }
        match damaged(&source) {
            Some(message) => Self::Damaged(message),
            None => Self::Sqlite { operation, source: Arc::new(source) },
        }
    }

    pub(super) fn io(operation: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { operation, path: path.to_owned(), source: Arc::new(source) }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Missing(_) => Code::NotFound,
            Self::TooNew { .. } => Code::TooNew,
            Self::Foreign(_) | Self::Network { .. } | Self::NotYours { .. } => Code::InvalidInput,
            Self::Damaged(_) | Self::DamagedPage { .. } => Code::Corrupt,
            Self::Poisoned(_) | Self::Removed(_) => Code::Poisoned,
            Self::EditedMigration(_) | Self::OldSqlite(_) | Self::Panicked(_) | Self::Closed => Code::Internal,
            Self::ReadOnly(_) => Code::Unavailable,
            Self::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::FileTooLarge => Code::DiskFull,
                _ => Code::Unavailable,
            },
            Self::Sqlite { source, .. } => match source.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Code::Busy,
                Some(ErrorCode::DiskFull) => Code::DiskFull,
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Code::Corrupt,
                Some(
                    ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::PermissionDenied
                    | ErrorCode::SystemIoFailure,
                ) => Code::Unavailable,
                _ => Code::Internal,
            },
        }
    }

    /// What to do about it.
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
                Code::Busy => "another process is writing; try again in a moment",
                Code::DiskFull => "free some space and run the same command again; it continues where it stopped",
                Code::Corrupt => "stop writing to this store and keep a copy of the folder",
                Code::Unavailable => {
                    "check that the folder exists and that you may write to it, or name another with --home"
                }
                _ => return None,
            },
        };
        Some(text.to_owned())
    }

    /// Whether the connection that saw this must not write again: after a failed fsync the kernel may have dropped the
    /// pages (PostgreSQL's lesson of 2018), after corruption every write can spread it.
    pub(super) fn poisons(&self) -> bool {
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

/// The words with which [`super::frames`] reports a frame that fails its checksum, inside an SQL function's error.
pub(super) const DAMAGED: &str = "damaged frame";

fn damaged(error: &rusqlite::Error) -> Option<String> {
    let text = error.to_string();
    text.contains(DAMAGED).then_some(text)
}

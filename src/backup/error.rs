//! Errors of backups and maintenance.

use std::path::{Path, PathBuf};

use crate::domain::{Failure, FailureCode};
use crate::{memory, store};

/// Error of this module.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Error of the memory.
    #[error(transparent)]
    Memory(#[from] memory::Error),
    /// An operation of the operating system failed.
    #[error("cannot {operation} {path}: {source}")]
    Io {
        /// Verb that completes "cannot …".
        operation: &'static str,
        /// Path of the operation.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// A backup is damaged or not one of ours.
    #[error("the backup {path} cannot be used: {why}")]
    BadBackup {
        /// Path of the backup.
        path: PathBuf,
        /// Description of the fault.
        why: String,
    },
    /// Another process holds a lock or uses the store.
    #[error("{0}")]
    Busy(String),
    /// A copy cannot be opened, for the reason given.
    #[error("{0}")]
    Unopened(String),
    /// The request is invalid.
    #[error("{message}")]
    Invalid {
        /// Description of the mistake.
        message: String,
        /// Advice on how to correct it.
        hint: &'static str,
    },
}

/// Result of this module.
pub type Result<T> = std::result::Result<T, Error>;

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Memory(error.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { code: error.code(), hint: error.hint(), message: error.to_string() }
    }
}

impl Error {
    /// Wraps an error of the operating system. `operation` completes "cannot …".
    pub(super) fn from_io(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }

    pub(super) fn bad_backup(path: &Path, why: impl Into<String>) -> Self {
        Self::BadBackup { path: path.to_owned(), why: why.into() }
    }

    /// Returns the stable error code.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Memory(error) => error.code(),
            Self::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::FileTooLarge => FailureCode::DiskFull,
                std::io::ErrorKind::NotFound => FailureCode::NotFound,
                _ => FailureCode::Unavailable,
            },
            Self::BadBackup { .. } => FailureCode::Corrupt,
            Self::Busy(_) => FailureCode::Busy,
            Self::Unopened(_) => FailureCode::Unavailable,
            Self::Invalid { .. } => FailureCode::InvalidInput,
        }
    }

    /// Returns advice on what to do about the error.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Memory(error) => error.hint(),
            Self::Io { .. } => match self.code() {
                FailureCode::DiskFull => Some("free some disk space and run it again".to_owned()),
                FailureCode::NotFound => None,
                _ => Some("check the path and its permissions".to_owned()),
            },
            Self::BadBackup { .. } => {
                Some("use an older one, see `claude-memory backup list`; nothing was changed".to_owned())
            }
            Self::Unopened(_) => None,
            Self::Busy(_) => Some("try again when it has finished".to_owned()),
            Self::Invalid { hint, .. } => Some((*hint).to_owned()),
        }
    }
}

//! What can go wrong for an operator.

use std::path::{Path, PathBuf};

use crate::domain::Code;
use crate::memory;

/// A failure of this room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine.
    #[error(transparent)]
    Memory(#[from] memory::Error),
    /// The operating system refused.
    #[error("cannot {operation} {path}: {source}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A backup is not what it should be.
    #[error("the backup {path} cannot be used: {why}")]
    BadBackup {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Somebody else is at it.
    #[error("{0}")]
    Busy(String),
    /// A program of the system refused, or is not there.
    #[error("{0}")]
    Program(String),
    /// Something that was looked at is not as it should be.
    #[error("{0}")]
    Finding(String),
    /// The request is wrong.
    #[error("{message}")]
    Invalid {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: &'static str,
    },
}

/// Shorthand of this room.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// For an error of the operating system. `operation` completes "cannot …".
    pub(super) fn io(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }

    pub(super) fn bad(path: &Path, why: impl Into<String>) -> Self {
        Self::BadBackup { path: path.to_owned(), why: why.into() }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Memory(error) => error.code(),
            Self::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::FileTooLarge => Code::DiskFull,
                std::io::ErrorKind::NotFound => Code::NotFound,
                _ => Code::Unavailable,
            },
            Self::BadBackup { .. } | Self::Finding(_) => Code::Corrupt,
            Self::Program(_) => Code::Unavailable,
            Self::Busy(_) => Code::Busy,
            Self::Invalid { .. } => Code::InvalidInput,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Memory(error) => error.hint(),
            Self::Io { .. } => match self.code() {
                Code::DiskFull => Some("free some space and run it again".to_owned()),
                Code::NotFound => None,
                _ => Some("check the path and its permissions".to_owned()),
            },
            Self::BadBackup { .. } => {
                Some("take an older one: `claude-memory backup list`; nothing was changed".to_owned())
            }
            Self::Program(_) => None,
            Self::Finding(_) => Some("run `claude-memory doctor --deep`".to_owned()),
            Self::Busy(_) => Some("try again when it has ended".to_owned()),
            Self::Invalid { hint, .. } => Some((*hint).to_owned()),
        }
    }
}

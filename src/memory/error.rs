//! Error type of the engine: errors of the modules below it, and its own.

use std::io;
use std::path::Path;

use crate::domain::{Failure, FailureCode, Retry};
use crate::{embed, repository, store};

/// A failure of the engine.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Error of the database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Error of reading a repository.
    #[error(transparent)]
    Repository(#[from] repository::Error),
    /// Error of the embedding model.
    #[error(transparent)]
    Embed(#[from] embed::Error),
    /// Request that cannot be carried out as given.
    #[error("{message}")]
    Invalid {
        /// Description of the fault.
        message: String,
        /// Suggested action, if there is one.
        hint: Option<String>,
    },
    /// Named object that does not exist.
    #[error("{message}")]
    NotFound {
        /// Description of the missing object.
        message: String,
        /// Suggested action, if there is one.
        hint: Option<String>,
    },
    /// A file of the user cannot be read or written.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// File or folder.
        path: String,
        /// Reason given by the system.
        why: String,
    },
    /// Another process is already doing this work.
    #[error("{0}")]
    Busy(String),
}

/// Result type of this module.
pub type Result<T> = std::result::Result<T, Error>;

/// Fragments of system messages that mean the disk is full.
const DISK_FULL_MESSAGES: [&str; 4] = ["No space left", "not enough space", "quota exceeded", "File too large"];

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { code: error.code(), hint: error.hint(), message: error.to_string() }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Error::from(error).into()
    }
}

impl Error {
    pub(super) fn invalid_input(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), hint: None }
    }

    /// Returns a closure that adds the path to a system error, for `map_err`.
    pub(crate) fn path_error(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |error| Self::Unreadable { path: path.display().to_string(), why: error.to_string() }
    }

    /// Returns the stable error code.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Repository(error) => error.code(),
            Self::Embed(_) | Self::Unreadable { .. } => FailureCode::Unavailable,
            Self::Invalid { .. } => FailureCode::InvalidInput,
            Self::NotFound { .. } => FailureCode::NotFound,
            Self::Busy(_) => FailureCode::Busy,
        }
    }

    /// Returns a suggested action.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Repository(error) => error.hint().map(str::to_owned),
            Self::Embed(error) => Some(error.hint()),
            Self::Invalid { hint, .. } | Self::NotFound { hint, .. } => hint.clone(),
            Self::Unreadable { why, .. } if DISK_FULL_MESSAGES.iter().any(|text| why.contains(text)) => {
                Some("free some space and try again; nothing was lost".to_owned())
            }
            Self::Unreadable { .. } => Some("check the path and its permissions".to_owned()),
            Self::Busy(_) => Some("it will be done by that process; nothing is lost".to_owned()),
        }
    }

    /// Returns the retry advice for this error.
    pub fn retry(&self) -> Retry {
        self.code().retry_advice()
    }
}

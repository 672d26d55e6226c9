//! The engine's error: the rooms below it, and what it decides itself.

use crate::domain::{Code, Retry};
use crate::{embed, store};

/// A failure of the engine.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The encoder.
    #[error(transparent)]
    Embed(#[from] embed::Error),
    /// The request is wrong.
    #[error("{message}")]
    Invalid {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The named thing does not exist.
    #[error("{message}")]
    NotFound {
        /// What was looked for.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A file of the user cannot be read.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// The file or folder.
        path: String,
        /// Why.
        why: String,
    },
    /// Another process does the same work.
    #[error("{0}")]
    Busy(String),
}

/// Shorthand of this room.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), hint: None }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Embed(_) | Self::Unreadable { .. } => Code::Unavailable,
            Self::Invalid { .. } => Code::InvalidInput,
            Self::NotFound { .. } => Code::NotFound,
            Self::Busy(_) => Code::Busy,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Embed(error) => Some(error.hint()),
            Self::Invalid { hint, .. } | Self::NotFound { hint, .. } => hint.clone(),
            Self::Unreadable { .. } => Some("check the path and its permissions".to_owned()),
            Self::Busy(_) => Some("it will be done by that process; nothing is lost".to_owned()),
        }
    }

    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        self.code().retry()
    }
}

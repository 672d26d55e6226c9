//! Errors of synchronisation with other copies of the memory. No message holds a password or a key.

use crate::domain::{Failure, FailureCode};
use crate::{memory, store};

/// Error of this module.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address or a setting of it is wrong.
    #[error("{message}")]
    Invalid {
        /// Description of the mistake.
        message: String,
        /// Advice on how to correct it.
        hint: &'static str,
    },
    /// A target does not answer or returns an error.
    #[error("{target}: {why}")]
    Target {
        /// `postgres` or `qdrant`.
        target: &'static str,
        /// Error message of the target.
        why: String,
    },
    /// A target answers but rejects the data for its content.
    #[error("{target} rejected the data: {why}")]
    Refused {
        /// `postgres` or `qdrant`.
        target: &'static str,
        /// Error message of the target, without the rejected data.
        why: String,
    },
    /// A bundle file is malformed or cannot be written.
    #[error("{0}")]
    File(String),
    /// Error of the local store.
    #[error(transparent)]
    Memory(#[from] memory::Error),
}

/// Result of this module.
pub type Result<T> = std::result::Result<T, Error>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { code: error.code(), hint: error.hint(), message: error.to_string() }
    }
}

impl Error {
    /// Returns the stable error code.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Invalid { .. } => FailureCode::InvalidInput,
            Self::Target { .. } | Self::Refused { .. } => FailureCode::Unavailable,
            Self::File(_) => FailureCode::Corrupt,
            Self::Memory(error) => error.code(),
        }
    }

    /// Returns advice on what to do about the error.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Invalid { hint, .. } => Some((*hint).to_owned()),
            Self::Target { .. } => {
                Some("check that the server runs and accepts your credentials; nothing was changed here".to_owned())
            }
            Self::Refused { .. } => Some("nothing was changed here; see the server's log for details".to_owned()),
            Self::File(_) => Some("create it again with `claude-memory sync bundle export`".to_owned()),
            Self::Memory(error) => error.hint(),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Memory(error.into())
    }
}

/// Formats an error with its causes: the outer text alone says little.
#[cfg(feature = "production")]
pub(super) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

//! What can go wrong with another place of the memory. No message holds a password or a key.

use crate::domain::Code;
use crate::memory;

/// A failure of this room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address, or what goes with it, is wrong.
    #[error("{message}")]
    Invalid {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: &'static str,
    },
    /// A target does not answer, or refuses.
    #[error("{target}: {why}")]
    Target {
        /// postgres or qdrant.
        target: &'static str,
        /// What it says.
        why: String,
    },
    /// A target answers, and does not take something for what it holds.
    #[error("{target} refuses it: {why}")]
    Refused {
        /// postgres or qdrant.
        target: &'static str,
        /// What it says, without what it was about.
        why: String,
    },
    /// A file is not what it should be, or cannot be written.
    #[error("{0}")]
    File(String),
    /// The local store.
    #[error(transparent)]
    Memory(#[from] memory::Error),
}

/// Shorthand of this room.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Invalid { .. } => Code::InvalidInput,
            Self::Target { .. } | Self::Refused { .. } => Code::Unavailable,
            Self::File(_) => Code::Corrupt,
            Self::Memory(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Invalid { hint, .. } => Some((*hint).to_owned()),
            Self::Target { .. } => Some("look whether it runs and lets you in; nothing here was changed".to_owned()),
            Self::Refused { .. } => Some("nothing here was changed; the server's log says more".to_owned()),
            Self::File(_) => Some("make it again with `claude-memory sync bundle export`".to_owned()),
            Self::Memory(error) => error.hint(),
        }
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        // Data exceptions, violated constraints, exceeded limits (postgresql.org, appendix A): another try would end the same way.
        let refused =
            error.as_db_error().filter(|db| ["22", "23", "54"].iter().any(|class| db.code().code().starts_with(class)));
        if let Some(db) = refused {
            return Self::Refused { target: "postgres", why: format!("{} ({})", db.message(), db.code().code()) };
        }
        Self::Target { target: "postgres", why: whole(&error) }
    }
}

/// With the causes: the outer text alone says little.
pub(super) fn whole(error: &dyn std::error::Error) -> String {
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

//! Why a configuration is not touched.

use std::io;
use std::path::PathBuf;

use super::Client;

/// A failure of this room. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not what the client itself could read.
    #[error("{path} cannot be parsed: {why}; it was left as it is")]
    Unparsable {
        /// The file.
        path: PathBuf,
        /// Where and why.
        why: String,
    },
    /// Something else stands where the entry belongs.
    #[error("{path}: {key} is not {expected}; it was left as it is")]
    Shape {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// The client has no such scope.
    #[error("{client} has no scope {scope}")]
    NoScope {
        /// The client.
        client: Client,
        /// The scope.
        scope: super::Scope,
    },
    /// The user has no home folder.
    #[error("this user has no home folder")]
    NoHome,
    /// Somebody wrote the file between reading and writing it.
    #[error("{path} was changed by another program at this moment")]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// Shorthand of this room.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check the path and its permissions",
            Self::Unparsable { .. } => "repair the file, or move it away if the client does not need it",
            Self::Shape { .. } => "put that key right, then try again",
            Self::NoScope { .. } => "only claude-code has scopes other than user",
            Self::NoHome => "set HOME",
            Self::Changed { .. } => "try again; close the client if it happens again",
        }
    }
}

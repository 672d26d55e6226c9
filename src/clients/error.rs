//! Errors of reading or changing a client's configuration.

use std::io;
use std::path::PathBuf;

use super::McpClient;
use crate::domain::{Failure, FailureCode};

/// Failure to install or uninstall. The file of the error is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// Verb and object before the path in the message, for example `write`.
        action: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// I/O error from the system.
        source: io::Error,
    },
    /// The file is not what the client itself could read.
    #[error("cannot parse {path}: {why}; the file was not changed")]
    Unparsable {
        /// Path of the file.
        path: PathBuf,
        /// Position and cause, from the parser.
        why: String,
    },
    /// A key of the file has a value of another type than the entry needs.
    #[error("{path}: {key} is not {expected}; the file was not changed")]
    Shape {
        /// Path of the file.
        path: PathBuf,
        /// Key in the file, or a name for the whole file.
        key: String,
        /// Expected type, with an article: `an object`.
        expected: &'static str,
    },
    /// The client has no such scope.
    #[error("{client} has no scope {scope}")]
    NoScope {
        /// Client that was named.
        client: McpClient,
        /// Scope that it lacks.
        scope: super::InstallScope,
    },
    /// The plugin of Claude Code has the server and the hooks already: every session would get both twice.
    #[error("the plugin {plugin} is enabled in {path}; it has the same tools and hooks")]
    PluginEnabled {
        /// Name and marketplace of the plugin.
        plugin: String,
        /// Settings file that enables it.
        path: PathBuf,
    },
    /// The user has no home folder.
    #[error("this user has no home folder")]
    NoHome,
    /// Another program wrote the file between reading and writing it.
    #[error("{path} was changed by another program in the meantime")]
    Changed {
        /// Path of the file.
        path: PathBuf,
    },
}

/// Result with the error of this module.
pub type Result<T> = std::result::Result<T, Error>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.code(), error.to_string(), Some(error.hint()))
    }
}

impl Error {
    /// Returns the stable error code.
    pub const fn code(&self) -> FailureCode {
        match self {
            Self::Io { .. } | Self::NoHome => FailureCode::Unavailable,
            Self::Changed { .. } => FailureCode::Busy,
            Self::Unparsable { .. } | Self::Shape { .. } | Self::NoScope { .. } | Self::PluginEnabled { .. } => {
                FailureCode::InvalidInput
            }
        }
    }

    /// Returns a hint for the user on how to fix the error.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check the path and its permissions",
            Self::Unparsable { .. } => "repair the file, or move it away if the client does not need it",
            Self::Shape { .. } => "correct that key, then try again",
            Self::NoScope { .. } => "only claude-code has scopes other than user",
            Self::PluginEnabled { .. } => {
                "use one of the two: keep the plugin, or run `claude plugin uninstall` with its name and install again"
            }
            Self::NoHome => "set HOME",
            Self::Changed { .. } => "try again; close the client if it happens again",
        }
    }
}

//! Errors of reading a repository, each with what to do.

use std::path::PathBuf;

use crate::domain::{Failure, FailureCode};

/// A failure to read a repository.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The program git cannot be started.
    #[error("cannot run git: {0}")]
    NoGit(String),
    /// The folder belongs to no repository.
    #[error("{} is not in a git repository", .0.display())]
    NoRepository(PathBuf),
    /// The repository has no commit.
    #[error("the repository has no commit yet")]
    NoCommit,
    /// A file that lies outside the repository.
    #[error("{} is outside the repository {}", path.display(), top.display())]
    Outside {
        /// The file.
        path: PathBuf,
        /// Top folder of the repository.
        top: PathBuf,
    },
    /// A name that stands for no commit.
    #[error("`{0}` names no commit of this repository")]
    NoSuchCommit(String),
    /// A path that the commit does not have.
    #[error("`{0}` is not in the last commit")]
    NoSuchPath(String),
    /// A line number after the end of the file.
    #[error("`{path}` has {lines} lines")]
    NoSuchLine {
        /// The file.
        path: String,
        /// Its number of lines.
        lines: String,
    },
    /// Objects that a shallow or partial clone does not have.
    #[error("the clone lacks objects that are needed: {0}")]
    Incomplete(String),
    /// Git said nothing for too long.
    #[error("git {command} gave no answer in {seconds} seconds")]
    TooSlow {
        /// Subcommand of git.
        command: &'static str,
        /// Time that it had.
        seconds: u64,
    },
    /// Git printed more than is read.
    #[error("git {0} printed more than is read")]
    TooLarge(&'static str),
    /// The process was asked to end.
    #[error("stopped by a signal")]
    Stopped,
    /// Any other failure, with the first words of git.
    #[error("git {command} failed: {message}")]
    Failed {
        /// Subcommand of git.
        command: &'static str,
        /// First line that git printed.
        message: String,
    },
}

/// Result type of this module.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Returns the stable error code.
    pub const fn code(&self) -> FailureCode {
        match self {
            Self::NoGit(_)
            | Self::Incomplete(_)
            | Self::TooSlow { .. }
            | Self::TooLarge(_)
            | Self::Stopped
            | Self::Failed { .. } => FailureCode::Unavailable,
            Self::NoRepository(_) | Self::NoSuchCommit(_) | Self::NoSuchPath(_) => FailureCode::NotFound,
            Self::NoCommit | Self::Outside { .. } | Self::NoSuchLine { .. } => FailureCode::InvalidInput,
        }
    }

    /// Returns a suggested action.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoGit(_) => Some("install git, or add its folder to PATH"),
            Self::NoRepository(_) => Some("run it in a checkout, or name a file of one"),
            Self::NoCommit => Some("commit something first; `why --staged` needs a commit too"),
            Self::Outside { .. } => Some("name a file of this repository, or run it in the other one"),
            Self::NoSuchCommit(_) => Some("name a commit by its id, a branch or a tag"),
            Self::NoSuchPath(_) => Some("name a file that is committed; `why --staged` reads what is staged"),
            Self::NoSuchLine { .. } => Some("name a line of the file as it is now"),
            Self::Incomplete(_) => Some("fetch them with `git fetch --unshallow` or `git fetch --refetch`"),
            Self::TooSlow { .. } | Self::TooLarge(_) => Some("name one commit or one line instead"),
            Self::Stopped => None,
            Self::Failed { .. } => Some("run `git fsck` to see whether the repository is damaged"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.code(), error.to_string(), error.hint())
    }
}

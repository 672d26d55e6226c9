//! A failure as every adapter reports it. The errors of the modules become one of these; the command line, the tools and
//! HTTP each render it in one place.

use std::io;
use std::path::Path;

use super::FailureCode;

/// Class, description and advice of a failure.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Class of the failure, which determines exit code, HTTP status and JSON-RPC code.
    pub code: FailureCode,
    /// Description of the failure: the operation and its object.
    pub message: String,
    /// Advice for the caller, if there is any.
    pub hint: Option<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)?;
        self.hint.iter().try_for_each(|hint| write!(formatter, "; {hint}"))
    }
}

impl Failure {
    /// Creates a failure.
    pub fn new(code: FailureCode, message: impl Into<String>, hint: Option<&str>) -> Self {
        Self { code, message: message.into(), hint: hint.map(str::to_owned) }
    }

    /// Creates a failure of a wrong request, whose message says how to correct it.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(FailureCode::InvalidInput, message, None)
    }

    /// Creates a failure of a wrong request, with advice on how to correct it.
    pub fn invalid_arguments(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: FailureCode::InvalidInput, message: message.into(), hint: Some(hint.into()) }
    }

    /// Wraps an error of the operating system. `operation` completes "cannot …".
    pub fn from_io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| {
            let (code, hint) = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge => {
                    (FailureCode::DiskFull, Some("free some disk space and run it again"))
                }
                io::ErrorKind::NotFound => (FailureCode::NotFound, None),
                _ => (FailureCode::Unavailable, Some("check the path and its permissions")),
            };
            Self::new(code, format!("cannot {operation} {}: {error}", path.display()), hint)
        }
    }

    /// Returns true if another process holds what is needed.
    pub const fn is_busy(&self) -> bool {
        matches!(self.code, FailureCode::Busy)
    }
}

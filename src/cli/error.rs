//! How a failure ends the process: one line what, one line what to do, and the exit code of its class.

use std::process::ExitCode;

use super::output::Output;
use crate::domain::Code;
use crate::{clients, config, mcp, memory, ops, sync};

/// A command's failure.
#[derive(Debug)]
pub(super) struct Failure {
    code: Code,
    message: String,
    hint: Option<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)?;
        self.hint.iter().try_for_each(|hint| write!(formatter, "; {hint}"))
    }
}

impl Failure {
    pub(super) fn new(code: Code, message: impl Into<String>, hint: Option<&str>) -> Self {
        Self { code, message: message.into(), hint: hint.map(str::to_owned) }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidInput, message, None)
    }

    pub(super) const fn is_busy(&self) -> bool {
        matches!(self.code, Code::Busy)
    }

    /// Tells it and gives the exit code.
    pub(super) fn report(&self, output: Output) -> ExitCode {
        if output.is_json() {
            let mut error = serde_json::json!({ "code": self.code.name(), "message": self.message });
            if let (Some(hint), Some(object)) = (&self.hint, error.as_object_mut()) {
                object.insert("hint".to_owned(), hint.clone().into());
            }
            output.json(&serde_json::json!({ "error": error }));
        } else {
            output.error(&format!("error: {}", self.message));
            if let Some(hint) = &self.hint {
                output.error(&format!("hint: {hint}"));
            }
        }
        ExitCode::from(self.code.exit())
    }
}

impl From<memory::Error> for Failure {
    fn from(error: memory::Error) -> Self {
        Self { code: error.code(), hint: error.hint(), message: error.to_string() }
    }
}

impl From<ops::Error> for Failure {
    fn from(error: ops::Error) -> Self {
        Self { code: error.code(), hint: error.hint(), message: error.to_string() }
    }
}

impl From<sync::Error> for Failure {
    fn from(error: sync::Error) -> Self {
        Self { code: error.code(), hint: error.hint(), message: error.to_string() }
    }
}

impl From<mcp::Failure> for Failure {
    fn from(error: mcp::Failure) -> Self {
        Self { code: error.code, hint: error.hint, message: error.message }
    }
}

impl From<clients::Error> for Failure {
    fn from(error: clients::Error) -> Self {
        let code = match error {
            clients::Error::Io { .. } | clients::Error::NoHome => Code::Unavailable,
            clients::Error::Changed { .. } => Code::Busy,
            _ => Code::InvalidInput,
        };
        let hint = error.hint();
        Self::new(code, error.to_string(), Some(hint))
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        let (code, hint) = match &error {
            config::Error::Read { .. } => (Code::Unavailable, "check that you may read it"),
            _ => (Code::InvalidInput, "`claude-memory config show --origin` lists every setting"),
        };
        Self::new(code, error.to_string(), Some(hint))
    }
}

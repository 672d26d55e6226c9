//! From the engine's errors to tool results that the model can act on.

use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock, ErrorCode};

use crate::bridge::Panicked;
use crate::domain::Code;
use crate::domain::text::{one_line, visible};
use crate::{memory, ops, sync};

/// Characters of a message or a hint.
const MOST_CHARACTERS: usize = 500;

/// A tool's outcome that is not an answer.
#[derive(Debug)]
pub struct Failure {
    /// Its class.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    /// The arguments are wrong.
    pub(super) fn arguments(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: Code::InvalidInput, message: message.into(), hint: Some(hint.into()) }
    }

    /// A protocol error, where the protocol has no other form for it.
    pub(super) fn into_protocol(self) -> ErrorData {
        let code = match self.code {
            Code::InvalidInput | Code::NotFound => ErrorCode::INVALID_PARAMS,
            _ => ErrorCode::INTERNAL_ERROR,
        };
        let hint = self.hint.map(|hint| serde_json::json!({ "hint": hint }));
        ErrorData::new(code, format!("{}: {}", self.code.name(), brief(&self.message)), hint)
    }

    /// A result with `isError`, so that the model reads message and hint; a protocol error would be hidden from it.
    pub(super) fn into_result(self) -> CallToolResult {
        let hint = self.hint.map(|hint| format!("\nhint: {}", brief(&hint))).unwrap_or_default();
        let message = brief(&self.message);
        CallToolResult::error(vec![ContentBlock::text(format!("{}: {message}{hint}", self.code.name()))])
    }
}

/// What was asked may be repeated in a message, but not at length and not with what acts on a reader.
fn brief(text: &str) -> String {
    visible::safe(&one_line(text, MOST_CHARACTERS)).into_owned()
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

impl From<Panicked> for Failure {
    fn from(error: Panicked) -> Self {
        Self { code: Code::Internal, message: error.to_string(), hint: Some("please report this as a bug".to_owned()) }
    }
}

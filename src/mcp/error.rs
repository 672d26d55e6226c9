//! Rendering of failures as tool results that a model can act on, and as JSON-RPC errors.

use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock, ErrorCode};

use crate::domain::text::{sanitise, to_one_line};
use crate::domain::{Failure, FailureCode};

/// Maximum characters of a message or a hint.
const MAX_MESSAGE_CHARACTERS: usize = 500;

/// Converts to a JSON-RPC error, for methods whose results cannot carry an error.
pub(super) fn protocol_error(failure: Failure) -> ErrorData {
    let code = match failure.code {
        FailureCode::InvalidInput | FailureCode::NotFound => ErrorCode::INVALID_PARAMS,
        _ => ErrorCode::INTERNAL_ERROR,
    };
    let hint = failure.hint.map(|hint| serde_json::json!({ "hint": hint }));
    ErrorData::new(code, format!("{}: {}", failure.code.name(), shorten_message(&failure.message)), hint)
}

/// Converts to a result with `isError`, so that the model reads message and hint. Clients hide JSON-RPC errors from the
/// model.
pub(super) fn error_result(failure: Failure) -> CallToolResult {
    let hint = failure.hint.map(|hint| format!("\nhint: {}", shorten_message(&hint))).unwrap_or_default();
    let message = shorten_message(&failure.message);
    CallToolResult::error(vec![ContentBlock::text(format!("{}: {message}{hint}", failure.code.name()))])
}

/// Shortens and sanitizes a message, which may repeat untrusted input.
fn shorten_message(text: &str) -> String {
    sanitise::sanitise_text(&to_one_line(text, MAX_MESSAGE_CHARACTERS)).into_owned()
}

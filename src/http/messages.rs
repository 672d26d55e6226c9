//! Bodies of MCP requests: damaged JSON is repaired before the protocol layer sees it, and an invalid message is
//! answered with a JSON-RPC error. The rules for messages are in `mcp::envelope`.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use crate::domain::limits;
use crate::mcp::envelope::{CheckedMessage, RpcError, check_message};

/// Checks and repairs the JSON body of a POST before it is handled.
pub(super) async fn check_body(request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !is_json(request.headers()) {
        return next.run(request).await;
    }
    let (mut head, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, limits::REQUEST_BYTES).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "the request is too large\n").into_response();
    };
    match check_message(&bytes) {
        CheckedMessage::Message { text, .. } => {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
            next.run(Request::from_parts(head, Body::from(text))).await
        }
        CheckedMessage::Refused(refusals) => rpc_error_response(&refusals),
        CheckedMessage::Ignored if bytes.trim_ascii().is_empty() => {
            rpc_error_response(&[RpcError { id: Value::Null, code: -32700, message: "the body is empty".to_owned() }])
        }
        CheckedMessage::Ignored => StatusCode::ACCEPTED.into_response(),
    }
}

/// Returns true if the Content-Type is `application/json`.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let named = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = named.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// Returns the error response: one error, or an array of them for a batch.
fn rpc_error_response(refusals: &[RpcError]) -> Response {
    let body = match refusals {
        [only] => only.to_json(),
        several => several.iter().map(RpcError::to_json).collect(),
    };
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

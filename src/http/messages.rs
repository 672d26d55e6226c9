//! Bodies of MCP requests: damaged JSON is repaired before the protocol layer sees it, and what is no message is answered with an
//! error of JSON-RPC. Does not own what makes a message.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use crate::domain::limits;
use crate::mcp::envelope::{Checked, Refusal, check};

/// Checks the body of a request before it is handled.
pub(super) async fn check_body(request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !is_json(request.headers()) {
        return next.run(request).await;
    }
    let (mut head, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, limits::REQUEST_BYTES).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "the request is too large\n").into_response();
    };
    match check(&bytes) {
        Checked::Message { text, .. } => {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
            next.run(Request::from_parts(head, Body::from(text))).await
        }
        Checked::Refused(refusals) => refuse(&refusals),
        Checked::Ignored if bytes.trim_ascii().is_empty() => {
            refuse(&[Refusal { id: Value::Null, code: -32700, message: "the body is empty".to_owned() }])
        }
        Checked::Ignored => StatusCode::ACCEPTED.into_response(),
    }
}

/// Whether a body is said to be JSON.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let named = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = named.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// One error, or a list of them where several requests were sent at once.
fn refuse(refusals: &[Refusal]) -> Response {
    let body = match refusals {
        [only] => only.to_json(),
        several => several.iter().map(Refusal::to_json).collect(),
    };
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

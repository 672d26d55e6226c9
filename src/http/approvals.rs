//! Routes for decisions that only the user makes: deletions that agents requested, consent to inject agents' notes,
//! suggestions that are dismissed. Also lists what was injected into sessions.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::json_response;
use super::messages::is_json;
use crate::domain::{Failure, MessageId};
use crate::mcp::Server;
use crate::mcp::tools::{confirm_deletion, preview_messages};
use crate::mcp::wire::injections::InjectionEntry;
use crate::memory::ForgetRequest;

/// Maximum number of injections listed.
const MAX_INJECTIONS: usize = 100;

pub(super) fn build_routes(server: Server) -> Router {
    Router::new()
        .route("/api/forget-requests", get(list_forget_requests))
        .route("/api/forget-requests/{code}", post(decide_forget_request))
        .route("/api/consent", post(record_consent))
        .route("/api/suggestions/dismiss", post(dismiss_suggestion))
        .route("/api/injections", get(list_injections))
        .with_state(server)
}

/// Lists the deletions that wait for the user's confirmation, each with a preview.
async fn list_forget_requests(State(server): State<Server>) -> Response {
    let found = server.run_for_page(|memory, caller| {
        let mut requests = Vec::new();
        for request in memory.waiting_forget_requests(caller.now)? {
            let shown = preview_messages(memory, &request.ids)?;
            requests.push(json!({
                "code": request.code,
                "ts": request.at.to_string(),
                "session_id": request.session,
                "messages": request.ids.len(),
                "include_backups": request.include_backups,
                "preview": shown,
            }));
        }
        Ok(json!({ "requests": requests }))
    });
    json_response(found.await)
}

#[derive(Deserialize)]
struct ForgetDecision {
    /// True to delete, false to discard the request.
    confirm: bool,
    /// Also delete from backups. Defaults to the value in the request.
    include_backups: Option<bool>,
}

async fn decide_forget_request(
    State(server): State<Server>,
    Path(code): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(ForgetDecision { confirm, include_backups }) = parse_body(&headers, &body) else { return bad_request() };
    let done = server.run_for_page(move |memory, caller| {
        let request = memory.find_forget_request(&code, caller.now)?;
        if !confirm {
            memory.discard_forget_request(&request)?;
            return Ok(json!({ "discarded": request.ids.len() }));
        }
        let include_backups = include_backups.unwrap_or(request.include_backups);
        let request = ForgetRequest { include_backups, ..request };
        let receipt = confirm_deletion(memory, &request, None, caller.now)?;
        Ok(json!({ "receipt": receipt }))
    });
    json_response(done.await)
}

#[derive(Deserialize)]
struct NotesConsent {
    ids: Vec<String>,
}

/// Records the user's consent to inject notes that agents saved.
async fn record_consent(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(NotesConsent { ids }) = parse_body(&headers, &body) else { return bad_request() };
    let done = server.run_for_page(move |memory, _| {
        let ids: Result<Vec<MessageId>, Failure> = ids.iter().map(|id| Ok(memory.resolve_id(id)?)).collect();
        memory.consent_to_notes(&ids?)?;
        Ok(Value::Null)
    });
    json_response(done.await)
}

#[derive(Deserialize)]
struct SuggestionDismissal {
    id: String,
}

/// Dismisses a suggestion.
async fn dismiss_suggestion(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(SuggestionDismissal { id }) = parse_body(&headers, &body) else { return bad_request() };
    let done = server.run_for_page(move |memory, caller| {
        let suggestion = memory.find_suggestion(memory.resolve_id(&id)?, caller.now)?;
        memory.dismiss_suggestion(&suggestion, caller.now)?;
        Ok(Value::Null)
    });
    json_response(done.await)
}

async fn list_injections(State(server): State<Server>) -> Response {
    let found = server.run_for_page(|memory, _| {
        let mut entries = Vec::new();
        for injection in memory.all_injections()?.iter().take(MAX_INJECTIONS) {
            entries.push(InjectionEntry::from_injection(memory, injection)?);
        }
        Ok(json!({ "injections": entries }))
    });
    json_response(found.await)
}

/// Parses a JSON body. The required Content-Type is one that a form of another site cannot send (CSRF).
fn parse_body<T: for<'a> Deserialize<'a>>(headers: &HeaderMap, body: &Bytes) -> Option<T> {
    serde_json::from_slice(body).ok().filter(|_| is_json(headers))
}

fn bad_request() -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "message": "send a JSON body with Content-Type: application/json" })))
        .into_response()
}

//! API routes of the web page. Tools are called by name, so that the page and a model get the same answers; data that
//! no tool returns has a route of its own here.

use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

use super::connections::ConnectionPool;
use super::credentials::{Credentials, Grant};
use super::messages::is_json;
use super::rejection::Rejection;
use super::token::Scope;
use crate::config::{LayeredSettings, env};
use crate::domain::query::{ReadRequest, Selection};
use crate::domain::time::DAY_MS;
use crate::domain::{Failure, FailureCode, PartKind, Timestamp, json};
use crate::mcp::wire::{GetAnswer, HealthAnswer};
use crate::mcp::{Access, Server, tools};
use crate::monitor::alerts;
use crate::monitor::thresholds::{self, ThresholdRow};
use crate::render::{Block, parse_part};
use crate::report::{ChartSeries, capacity};
use crate::sync::{self, TargetStatus};

/// Token budget of one saved memory: all of it.
const NOTE_TOKENS: usize = 250_000;
/// Saved memories per page of the list.
const NOTES_PER_PAGE: usize = 50;
/// Maximum number of past alerts in the response.
const MAX_PAST_ALERTS: usize = 50;

/// Shared state of the API routes.
#[derive(Clone)]
struct ApiState {
    server: Server,
    doors: Arc<Credentials>,
    pool: ConnectionPool,
}

pub(super) fn build_routes(server: Server, doors: Arc<Credentials>, pool: ConnectionPool) -> Router {
    Router::new()
        .route("/api/session", post(open_session))
        .route("/api/tickets", post(issue_ticket))
        .route("/api/tools/{name}", post(call_tool))
        .route("/api/notes", get(list_notes))
        .route("/api/activity", get(get_activity))
        .route("/api/sources", get(list_sources))
        .route("/api/state", get(get_state))
        .route("/api/settings", get(get_settings))
        .with_state(ApiState { server, doors, pool })
}

/// Returns an error response with code, message and hint; the status follows from the code.
fn error_response(failure: &Failure) -> Response {
    let status = match failure.code {
        FailureCode::InvalidInput => StatusCode::BAD_REQUEST,
        FailureCode::NotFound => StatusCode::NOT_FOUND,
        FailureCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = json!({ "code": failure.code.name(), "message": failure.message, "hint": failure.hint });
    (status, Json(body)).into_response()
}

pub(super) fn json_response(outcome: Result<impl Serialize, Failure>) -> Response {
    match outcome {
        Ok(value) => Json(value).into_response(),
        Err(failure) => error_response(&failure),
    }
}

#[derive(Deserialize)]
struct TicketRequest {
    ticket: String,
}

/// Exchanges a ticket for a session key. The only API route that needs no key.
async fn open_session(State(inside): State<ApiState>, Json(TicketRequest { ticket }): Json<TicketRequest>) -> Response {
    match inside.doors.exchange_ticket(&ticket) {
        Some(key) => Json(json!({ "key": key })).into_response(),
        None => {
            (StatusCode::UNAUTHORIZED, Json(json!({ "message": "this ticket was used or expired" }))).into_response()
        }
    }
}

async fn issue_ticket(State(inside): State<ApiState>) -> Response {
    Json(json!({ "ticket": inside.doors.issue_ticket() })).into_response()
}

async fn call_tool(
    State(inside): State<ApiState>,
    Extension(grant): Extension<Grant>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !is_json(&headers) {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the arguments must be application/json\n").into_response();
    }
    match json::parse_lenient(&body) {
        // Who changes something here acts as the person (decision 33).
        Ok((arguments, _)) if grant.scope != Scope::Admin && tools::needed_access(&name, &arguments) > Access::Read => {
            inside.pool.record(Rejection::Scope(Scope::Admin));
            Rejection::Scope(Scope::Admin).to_response()
        }
        Ok((arguments, _)) => json_response(inside.server.call_for_page(name, arguments).await),
        Err(error) => {
            let message = format!("the arguments are not valid JSON: {error}");
            error_response(&Failure { code: FailureCode::InvalidInput, message, hint: None })
        }
    }
}

#[derive(Deserialize)]
struct NotesQuery {
    from: Option<usize>,
}

#[derive(Serialize)]
struct NoteItem {
    id: String,
    text: String,
    /// The text as a document.
    blocks: Vec<Block>,
    kind: Option<String>,
    title: Option<String>,
    topic: Option<String>,
    tags: Vec<String>,
    pinned: bool,
    expires_at: Option<String>,
    ts: String,
    project: String,
    /// True if the note is injected only after the user consents.
    waits: bool,
}

async fn list_notes(State(inside): State<ApiState>, Query(page): Query<NotesQuery>) -> Response {
    let from = page.from.unwrap_or(0);
    let listed = inside.server.run_for_page(move |memory, caller| {
        let mut listed = Vec::new();
        let waiting = memory.notes_without_consent(None, caller.now)?;
        let waits = |id| waiting.iter().any(|note| note.excerpt.id == id);
        for (id, note) in memory.snapshot()?.list_notes(caller.now, from, NOTES_PER_PAGE)? {
            let what = Selection::Messages { ids: vec![id], around: 0 };
            let read = memory.read_messages(&ReadRequest { what, include_tools: true, max_tokens: NOTE_TOKENS })?;
            for conversation in GetAnswer::from(read).conversations {
                listed.extend(conversation.messages.into_iter().map(|message| {
                    let text: String = message.parts.iter().map(|part| part.text.as_str()).collect();
                    NoteItem {
                        id: message.id,
                        blocks: parse_part(PartKind::Note, None, &text),
                        text,
                        kind: note.kind.clone(),
                        title: note.title.clone(),
                        topic: note.topic_key.clone(),
                        tags: note.tags.clone(),
                        pinned: note.pin,
                        expires_at: note.expires_at.map(|at| at.to_string()),
                        ts: message.ts,
                        project: conversation.project.to_string(),
                        waits: waits(id),
                    }
                }));
            }
        }
        Ok(listed)
    });
    json_response(listed.await.map(|notes| json!({ "more": notes.len() == NOTES_PER_PAGE, "notes": notes })))
}

#[derive(Deserialize)]
struct ActivityQuery {
    days: Option<i64>,
}

/// Returns message and session counts per day and per project.
async fn get_activity(State(inside): State<ApiState>, Query(span): Query<ActivityQuery>) -> Response {
    let days = span.days.unwrap_or(371).clamp(1, 3_660);
    let found = inside.server.run_for_page(move |memory, caller| {
        let today = caller.now.to_milliseconds().div_euclid(DAY_MS);
        let from = Timestamp::from_milliseconds((today - days + 1) * DAY_MS);
        let until = Timestamp::from_milliseconds((today + 1) * DAY_MS);
        let said = memory.snapshot()?.daily_activity(from, until)?;
        let said: Vec<Value> = said
            .iter()
            .map(|day| {
                let date = Timestamp::from_milliseconds(day.day * DAY_MS).to_string();
                json!({ "day": date.get(..10), "messages": day.messages, "sessions": day.sessions })
            })
            .collect();
        let shares = memory.snapshot()?.project_activity(from, until, 12)?.into_iter();
        let labels = memory.project_labels()?;
        let shares = shares.map(|share| {
            let label = labels.get(&share.row).unwrap_or(&share.project);
            json!({ "project": share.project, "label": label, "messages": share.messages, "sessions": share.sessions })
        });
        let today = caller.now.to_string();
        Ok(json!({ "today": today.get(..10), "days": said, "projects": shares.collect::<Vec<_>>() }))
    });
    json_response(found.await)
}

/// Lists the sources of conversations, for the filter beside the search field.
async fn list_sources(State(inside): State<ApiState>) -> Response {
    let found = inside.server.run_for_page(|memory, _| Ok(memory.snapshot()?.list_sources()?));
    json_response(found.await.map(|sources| json!({ "sources": sources })))
}

#[derive(Serialize)]
struct StateResponse {
    health: HealthAnswer,
    level: &'static str,
    thresholds: Vec<ThresholdRow>,
    open_alerts: Vec<alerts::AlertLine>,
    past_alerts: Vec<alerts::AlertLine>,
    targets: Vec<TargetStatus>,
    charts: Vec<ChartSeries>,
    forecast: Value,
}

async fn get_state(State(inside): State<ApiState>) -> Response {
    let found = inside.server.run_for_page(|memory, caller| {
        let paths = memory.paths();
        let readings = thresholds::measure_all(memory, paths, &memory.settings().thresholds, &env::test_readings())?;
        let lines = alerts::read_log(&paths.alerts_log()).unwrap_or_default();
        let open: Vec<alerts::AlertLine> = alerts::open_alerts(&lines).into_iter().cloned().collect();
        let past = lines.into_iter().rev().filter(|line| !open.contains(line)).take(MAX_PAST_ALERTS).collect();
        let report = capacity::capacity_report(memory, paths, caller.now)?;
        let targets = sync::target_statuses(memory, caller.now)?;
        let targets = targets.into_iter().filter(|target| target.configured && target.up.is_some()).collect();
        Ok(StateResponse {
            health: HealthAnswer::gather_health(memory, caller.transcripts.as_deref(), caller.now)?,
            level: thresholds::worst_level(&readings).name(),
            thresholds: readings.iter().map(ThresholdRow::from).collect(),
            open_alerts: open,
            past_alerts: past,
            targets,
            charts: report.charts,
            forecast: json!(report.forecast),
        })
    });
    json_response(found.await)
}

/// Returns the effective settings with the origin of each. No setting holds a secret.
async fn get_settings(State(inside): State<ApiState>) -> Response {
    let found = inside.server.run_for_page(|memory, _| {
        let file = memory.paths().config_file();
        let layered = LayeredSettings::load_file(&file).map_err(|error| Failure {
            code: FailureCode::InvalidInput,
            message: error.to_string(),
            hint: None,
        })?;
        let values = layered.values.iter();
        let values =
            values.map(|value| json!({ "key": value.key, "value": value.value, "origin": value.origin.to_string() }));
        Ok(json!({ "file": file, "home": memory.paths().home(), "settings": values.collect::<Vec<_>>() }))
    });
    json_response(found.await)
}

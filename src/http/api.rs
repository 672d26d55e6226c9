//! What the page asks. Tools are asked by their names, so that the page and a model get the same answers; what no tool tells is here.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

use super::doors::Doors;
use super::messages::is_json;
use crate::config::{Layered, env};
use crate::domain::query::{Reading, Selection};
use crate::domain::time::DAY_MS;
use crate::domain::{Code, Timestamp, json};
use crate::mcp::wire::{GetAnswer, HealthAnswer};
use crate::mcp::{Failure, Server};
use crate::ops::alerts;
use crate::ops::report::{Series, capacity};
use crate::ops::thresholds::{self, Row};
use crate::sync::{self, TargetRow};

/// Messages of a conversation that are read at once.
const MESSAGES: usize = 100;
/// Estimated tokens of them, about a megabyte; the rest is asked for again.
const TOKENS: usize = 250_000;
/// Saved memories that are listed at once.
const NOTES: usize = 50;
/// Past alerts that are shown.
const ALERTS: usize = 50;

/// What the routes are answered from.
#[derive(Clone)]
struct Inside {
    server: Server,
    doors: Arc<Doors>,
}

pub(super) fn routes(server: Server, doors: Arc<Doors>) -> Router {
    Router::new()
        .route("/api/session", post(enter))
        .route("/api/tickets", post(ticket))
        .route("/api/tools/{name}", post(tool))
        .route("/api/conversation", get(conversation))
        .route("/api/notes", get(notes))
        .route("/api/activity", get(activity))
        .route("/api/sources", get(sources))
        .route("/api/state", get(state))
        .route("/api/settings", get(settings))
        .with_state(Inside { server, doors })
}

/// What went wrong, for a person.
fn failed(failure: &Failure) -> Response {
    let status = match failure.code {
        Code::InvalidInput => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = json!({ "code": failure.code.name(), "message": failure.message, "hint": failure.hint });
    (status, Json(body)).into_response()
}

fn answer(outcome: Result<impl Serialize, Failure>) -> Response {
    match outcome {
        Ok(value) => Json(value).into_response(),
        Err(failure) => failed(&failure),
    }
}

#[derive(Deserialize)]
struct Ticket {
    ticket: String,
}

/// A key for a ticket. The only route of these that wants no key.
async fn enter(State(inside): State<Inside>, Json(Ticket { ticket }): Json<Ticket>) -> Response {
    match inside.doors.redeem(&ticket) {
        Some(key) => Json(json!({ "key": key })).into_response(),
        None => {
            (StatusCode::UNAUTHORIZED, Json(json!({ "message": "this ticket is used up or too old" }))).into_response()
        }
    }
}

async fn ticket(State(inside): State<Inside>) -> Response {
    Json(json!({ "ticket": inside.doors.ticket() })).into_response()
}

async fn tool(State(inside): State<Inside>, Path(name): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_json(&headers) {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the arguments must be application/json\n").into_response();
    }
    match json::parse(&body) {
        Ok((arguments, _)) => answer(inside.server.ask(name, arguments).await),
        Err(error) => {
            let message = format!("the arguments are not valid JSON: {error}");
            failed(&Failure { code: Code::InvalidInput, message, hint: None })
        }
    }
}

#[derive(Deserialize)]
struct Conversation {
    /// A session, read from a place on …
    session: Option<String>,
    from: Option<usize>,
    /// … or a message, with what was said around it.
    message: Option<String>,
}

async fn conversation(State(inside): State<Inside>, Query(asked): Query<Conversation>) -> Response {
    let what = match (asked.session, asked.message.as_deref().map(str::parse)) {
        (Some(session), None) => Selection::Session { session, from: asked.from.unwrap_or(0), count: MESSAGES },
        (None, Some(Ok(id))) => Selection::Messages { ids: vec![id], around: MESSAGES / 2 },
        _ => {
            let message = "name a session, or a message by its id".to_owned();
            return failed(&Failure { code: Code::InvalidInput, message, hint: None });
        }
    };
    let reading = Reading { what, include_tools: true, max_tokens: TOKENS };
    answer(inside.server.look(move |memory, _| Ok(GetAnswer::from(memory.read(&reading)?))).await)
}

#[derive(Deserialize)]
struct Page {
    from: Option<usize>,
}

#[derive(Serialize)]
struct Note {
    id: String,
    text: String,
    kind: Option<String>,
    title: Option<String>,
    topic: Option<String>,
    tags: Vec<String>,
    pinned: bool,
    expires_at: Option<String>,
    ts: String,
    project: String,
}

async fn notes(State(inside): State<Inside>, Query(page): Query<Page>) -> Response {
    let from = page.from.unwrap_or(0);
    let listed = inside.server.look(move |memory, caller| {
        let mut listed = Vec::new();
        for (id, note) in memory.notes(caller.now, from, NOTES)? {
            let what = Selection::Messages { ids: vec![id], around: 0 };
            let read = memory.read(&Reading { what, include_tools: true, max_tokens: TOKENS })?;
            for conversation in GetAnswer::from(read).conversations {
                listed.extend(conversation.messages.into_iter().map(|message| Note {
                    id: message.id,
                    text: message.parts.into_iter().map(|part| part.text).collect(),
                    kind: note.kind.clone(),
                    title: note.title.clone(),
                    topic: note.topic_key.clone(),
                    tags: note.tags.clone(),
                    pinned: note.pin,
                    expires_at: note.expires_at.map(|at| at.to_string()),
                    ts: message.ts,
                    project: conversation.project.clone(),
                }));
            }
        }
        Ok(listed)
    });
    answer(listed.await.map(|notes| json!({ "more": notes.len() == NOTES, "notes": notes })))
}

#[derive(Deserialize)]
struct Span {
    days: Option<i64>,
}

/// How much was said on which day, and in which project.
async fn activity(State(inside): State<Inside>, Query(span): Query<Span>) -> Response {
    let days = span.days.unwrap_or(371).clamp(1, 3_660);
    let found = inside.server.look(move |memory, caller| {
        let today = caller.now.milliseconds().div_euclid(DAY_MS);
        let from = Timestamp::from_milliseconds((today - days + 1) * DAY_MS);
        let until = Timestamp::from_milliseconds((today + 1) * DAY_MS);
        let said = memory.days(from, until)?;
        let said: Vec<Value> = said
            .iter()
            .map(|day| {
                let date = Timestamp::from_milliseconds(day.day * DAY_MS).to_string();
                json!({ "day": date.get(..10), "messages": day.messages, "sessions": day.sessions })
            })
            .collect();
        let shares = memory.shares(from, until, 12)?.into_iter();
        let shares = shares
            .map(|share| json!({ "project": share.project, "messages": share.messages, "sessions": share.sessions }));
        let today = caller.now.to_string();
        Ok(json!({ "today": today.get(..10), "days": said, "projects": shares.collect::<Vec<_>>() }))
    });
    answer(found.await)
}

/// Where conversations come from, for the choice beside the search.
async fn sources(State(inside): State<Inside>) -> Response {
    let found = inside.server.look(|memory, _| Ok(memory.sources()?));
    answer(found.await.map(|sources| json!({ "sources": sources })))
}

#[derive(Serialize)]
struct Standing {
    health: HealthAnswer,
    level: &'static str,
    thresholds: Vec<Row>,
    open_alerts: Vec<alerts::Line>,
    past_alerts: Vec<alerts::Line>,
    targets: Vec<TargetRow>,
    charts: Vec<Series>,
    forecast: Value,
}

async fn state(State(inside): State<Inside>) -> Response {
    let found = inside.server.look(|memory, caller| {
        let paths = memory.paths();
        let readings = thresholds::read(memory, paths, &memory.settings().thresholds, &env::readings())?;
        let lines = alerts::lines(&paths.alerts_log()).unwrap_or_default();
        let open: Vec<alerts::Line> = alerts::open(&lines).into_iter().cloned().collect();
        let past = lines.into_iter().rev().filter(|line| !open.contains(line)).take(ALERTS).collect();
        let report = capacity::capacity(memory, paths, caller.now)?;
        let targets = sync::standing(memory, caller.now)?;
        let targets = targets.into_iter().filter(|target| target.configured && target.up.is_some()).collect();
        Ok(Standing {
            health: HealthAnswer::gather(memory, caller.transcripts.as_deref(), caller.now)?,
            level: thresholds::worst(&readings).name(),
            thresholds: readings.iter().map(Row::from).collect(),
            open_alerts: open,
            past_alerts: past,
            targets,
            charts: report.charts,
            forecast: json!(report.forecast),
        })
    });
    answer(found.await)
}

/// The settings in force and where they come from. No setting holds a secret.
async fn settings(State(inside): State<Inside>) -> Response {
    let found = inside.server.look(|memory, _| {
        let file = memory.paths().config();
        let layered = Layered::load(&file).map_err(|error| Failure {
            code: Code::InvalidInput,
            message: error.to_string(),
            hint: None,
        })?;
        let values = layered.values.iter();
        let values =
            values.map(|value| json!({ "key": value.key, "value": value.value, "origin": value.origin.to_string() }));
        Ok(json!({ "file": file, "home": memory.paths().home(), "settings": values.collect::<Vec<_>>() }))
    });
    answer(found.await)
}

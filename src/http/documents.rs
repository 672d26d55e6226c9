//! Routes that answer with documents: a conversation, search results and today's work, rendered and with the query
//! marked, so that the page has no syntax of its own to read.

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::api::json_response;
use crate::domain::query::{ReadRequest, Selection};
use crate::domain::text::highlight::Highlighter;
use crate::domain::text::outgoing::SafeText;
use crate::domain::time::DAY_MS;
use crate::domain::{Failure, FailureCode, PartKind};
use crate::mcp::Server;
use crate::mcp::wire::sessions::SessionEntry;
use crate::mcp::wire::{GetAnswer, GetPart};
use crate::memory::{ERROR_DAYS, RecentWork, RepeatedError};
use crate::render::{Block, mark_blocks, parse_part, render_excerpt};

/// Messages returned per request for a conversation.
const PAGE_MESSAGES: usize = 100;
/// Token budget of such a response, about a megabyte of text. The page requests the rest separately.
const PAGE_TOKENS: usize = 250_000;
/// Sessions whose open work is shown.
const RECENT_SESSIONS: usize = 16;
/// Errors that are listed.
const MAX_ERRORS: usize = 5;
/// Characters of a quotation that are read for an excerpt.
const EXCERPT_CHARS: usize = 400;

pub(super) fn build_routes(server: Server) -> Router {
    Router::new()
        .route("/api/conversation", get(get_conversation))
        .route("/api/search", get(search_messages))
        .route("/api/today", get(get_today))
        .route("/api/errors", get(list_repeated_errors))
        .with_state(server)
}

#[derive(Deserialize)]
struct ConversationQuery {
    /// Session to read, starting at `from` …
    session: Option<String>,
    from: Option<usize>,
    /// … or the id of a message to read with the messages around it.
    message: Option<String>,
    /// Query whose words are marked, and the terms that found something.
    q: Option<String>,
    w: Option<String>,
}

async fn get_conversation(State(server): State<Server>, Query(asked): Query<ConversationQuery>) -> Response {
    let what = match (asked.session, asked.message.as_deref().map(str::parse)) {
        (Some(session), None) => Selection::Session { session, from: asked.from.unwrap_or(0), count: PAGE_MESSAGES },
        (None, Some(Ok(id))) => Selection::Messages { ids: vec![id], around: PAGE_MESSAGES / 2 },
        _ => {
            let message = "name a session, or a message by its id".to_owned();
            return json_response(Err::<Value, _>(Failure { code: FailureCode::InvalidInput, message, hint: None }));
        }
    };
    let reading = ReadRequest { what, include_tools: true, max_tokens: PAGE_TOKENS };
    let (query, terms) = (asked.q.unwrap_or_default(), asked.w.unwrap_or_default());
    let found = server.run_for_page(move |memory, _| {
        let terms: Vec<String> = terms.split_whitespace().map(str::to_owned).collect();
        let highlighter = Highlighter::from_query(&query, &terms);
        Ok(render_answer(&GetAnswer::from(memory.read_messages(&reading)?), &highlighter))
    });
    json_response(found.await)
}

/// Returns an answer with the document of each part, and the number of marks in each message.
fn render_answer(answer: &GetAnswer, highlighter: &Highlighter) -> Value {
    let mut value = json!(answer);
    let messages = answer.conversations.iter().flat_map(|conversation| &conversation.messages);
    let conversations = value.get_mut("conversations").and_then(Value::as_array_mut).into_iter().flatten();
    let rendered = conversations.filter_map(|conversation| conversation.get_mut("messages")?.as_array_mut()).flatten();
    for (message, rendered) in messages.zip(rendered) {
        let mut marks = 0;
        let parts = rendered.get_mut("parts").and_then(Value::as_array_mut).into_iter().flatten();
        for (part, rendered) in message.parts.iter().zip(parts) {
            let (blocks, count) = render_part(part, highlighter);
            marks += count;
            if let Some(fields) = rendered.as_object_mut() {
                fields.insert("blocks".to_owned(), json!(blocks));
            }
        }
        if let Some(fields) = rendered.as_object_mut().filter(|_| marks > 0) {
            fields.insert("marks".to_owned(), json!(marks));
        }
    }
    value
}

fn render_part(part: &GetPart, highlighter: &Highlighter) -> (Vec<Block>, usize) {
    let kind = PartKind::from_name(&part.kind).unwrap_or(PartKind::Text);
    let mut blocks = parse_part(kind, part.tool.as_ref().map(SafeText::as_str), part.text.as_str());
    let marks = mark_blocks(&mut blocks, highlighter);
    (blocks, marks)
}

#[derive(Deserialize)]
struct SearchQuery {
    q: String,
    project: Option<String>,
    after: Option<String>,
    before: Option<String>,
    role: Option<String>,
    source: Option<String>,
    kind: Option<String>,
    mode: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Searches as the tool does; each result has its snippet, question and answer as marked runs.
async fn search_messages(State(server): State<Server>, Query(asked): Query<SearchQuery>) -> Response {
    let mut arguments = Map::new();
    let texts = [
        ("query", Some(asked.q.clone())),
        ("project", asked.project),
        ("after", asked.after),
        ("before", asked.before),
        ("mode", asked.mode),
        ("cursor", asked.cursor),
    ];
    arguments.extend(texts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))));
    let lists = [("roles", asked.role), ("sources", asked.source), ("kinds", asked.kind)];
    arguments.extend(lists.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!([value?])))));
    arguments.insert("limit".to_owned(), json!(asked.limit.unwrap_or(10)));
    arguments.insert("max_tokens".to_owned(), json!(12_000));
    let found = server.call_for_page("memory_search".to_owned(), Value::Object(arguments)).await;
    json_response(found.map(|answer| render_results(answer, &asked.q)))
}

fn render_results(mut answer: Value, query: &str) -> Value {
    let beyond = answer.pointer("/beyond/results");
    let results = answer.get("results").into_iter().chain(beyond).filter_map(Value::as_array).flatten();
    let terms = results.filter_map(|hit| hit.pointer("/match/terms")?.as_array()).flatten();
    let terms: Vec<String> = terms.filter_map(Value::as_str).map(str::to_owned).collect();
    let highlighter = Highlighter::from_query(query, &terms);
    for path in ["/results", "/beyond/results"] {
        for hit in answer.pointer_mut(path).and_then(Value::as_array_mut).into_iter().flatten() {
            render_hit(hit, &highlighter);
        }
    }
    answer
}

fn render_hit(hit: &mut Value, highlighter: &Highlighter) {
    let is_prose = !matches!(hit.get("kind").and_then(Value::as_str), Some("tool_use" | "tool_result" | "meta"));
    let add_spans = |holder: &mut Value, field: &str, is_prose: bool| {
        let spans = holder.get(field).and_then(Value::as_str).map(|text| render_excerpt(text, is_prose, highlighter));
        if let (Some(fields), Some(spans)) = (holder.as_object_mut(), spans) {
            fields.insert("spans".to_owned(), json!(spans));
        }
    };
    add_spans(hit, "snippet", is_prose);
    for name in ["asked", "answered"] {
        if let Some(quote) = hit.get_mut(name) {
            add_spans(quote, "text", true);
        }
    }
}

/// Returns the newest sessions with what is open in them, and how many there were today and this week.
async fn get_today(State(server): State<Server>) -> Response {
    let found = server.run_for_page(|memory, caller| {
        let work = memory.recent_work(RECENT_SESSIONS)?;
        Ok(json!({ "now": caller.now.to_string(), "sessions": work.into_iter().map(render_work).collect::<Vec<_>>() }))
    });
    json_response(found.await)
}

fn render_work(work: RecentWork) -> Value {
    let spans = |text: Option<&str>| {
        text.map(|text| {
            let text: String = text.chars().take(EXCERPT_CHARS).collect();
            render_excerpt(&text, true, &Highlighter::default())
        })
    };
    let steps = work.steps.iter().map(|step| json!({ "text": step.content, "status": step.status }));
    json!({
        "source": work.session.source,
        "asked": spans(work.request.as_ref().map(|said| said.text.as_str())),
        "said": spans(work.last.as_ref().map(|said| said.text.as_str())),
        "steps": steps.collect::<Vec<_>>(),
        "session": SessionEntry::from(work.session),
    })
}

async fn list_repeated_errors(State(server): State<Server>) -> Response {
    let found = server.run_for_page(|memory, caller| {
        let after = caller.now.minus_milliseconds(ERROR_DAYS * DAY_MS);
        let errors = memory.repeated_errors(Some(after), MAX_ERRORS, caller.now)?;
        let rows = errors.into_iter().map(|error: RepeatedError| {
            json!({
                "text": render_excerpt(&error.text, false, &Highlighter::default()),
                "query": error.text,
                "times": error.times,
                "sessions": error.sessions,
                "weeks": error.weeks,
                "ts": error.last.to_string(),
                "id": error.message.to_string(),
                "project": error.project,
            })
        });
        Ok(json!({ "errors": rows.collect::<Vec<_>>() }))
    });
    json_response(found.await)
}

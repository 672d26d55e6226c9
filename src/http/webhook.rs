//! Webhook receiver for Alertmanager: `POST /webhook`, `/webhook/{severity}`; `GET /webhook` answers a liveness probe.
//! Has the same access control as the other routes, on a port of its own.
//!
//! Without a token only the test alert of a runbook is answered, which has a status and nothing else. It is not
//! recorded, so that no program of this machine can write into the log.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use super::connections::{ConnectionPool, serve_connections};
use super::credentials::Grant;
use super::guard::Guard;
use super::rejection::Rejection;
use super::token::{Scope, TokenSet};
use super::with_guard;
use crate::config::env;
use crate::domain::limits;
use crate::monitor::alerts::{self, AlertLine, AlertLog};

const SEVERITIES: [&str; 3] = ["critical", "warning", "info"];

/// Example path of every route, for tests that call each of them.
pub const WEBHOOK_ROUTES: [&str; 2] = ["/webhook", "/webhook/critical"];

/// Callback that notifies of new alerts.
pub type AlertCallback = Box<dyn Fn(&[AlertLine]) + Send + Sync>;

struct WebhookState {
    log: Arc<AlertLog>,
    tell: AlertCallback,
    pool: ConnectionPool,
}

/// Receives alerts until `stop` completes.
pub async fn serve_webhook(
    listener: TcpListener,
    tokens: TokenSet,
    pool: ConnectionPool,
    log: Arc<AlertLog>,
    tell: AlertCallback,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let guard = Guard::new(tokens, pool.clone(), listener.local_addr()?.port(), Vec::new()).for_webhook();
    let routes = Router::new()
        .route("/webhook", get(answer_probe).post(receive_alerts))
        .route("/webhook/{severity}", get(answer_probe).post(receive_with_severity))
        .layer(DefaultBodyLimit::max(limits::ALERT_BYTES))
        .with_state(Arc::new(WebhookState { log, tell, pool: pool.clone() }));
    serve_connections(listener, &pool, with_guard(routes, guard), stop).await;
    Ok(())
}

async fn answer_probe() -> &'static str {
    "alive\n"
}

async fn receive_alerts(
    State(hook): State<Arc<WebhookState>>,
    grant: Option<Extension<Grant>>,
    body: Bytes,
) -> Response {
    if grant.is_none() {
        return answer_test(&hook, &body);
    }
    record_alerts(hook, None, body).await
}

/// Answers a test alert without a token; everything else is refused.
fn answer_test(hook: &WebhookState, body: &[u8]) -> Response {
    if alerts::parse_payload(body).is_ok_and(|payload| payload.is_bare_test()) {
        return "the webhook works; this test has no token and was not recorded\n".into_response();
    }
    hook.pool.record(Rejection::Token(Scope::Webhook));
    Rejection::Token(Scope::Webhook).to_response()
}

async fn receive_with_severity(
    State(hook): State<Arc<WebhookState>>,
    Path(severity): Path<String>,
    body: Bytes,
) -> Response {
    match SEVERITIES.into_iter().find(|known| *known == severity) {
        Some(severity) => record_alerts(hook, Some(severity), body).await,
        None => (StatusCode::NOT_FOUND, "critical, warning or info\n").into_response(),
    }
}

/// Logs the alerts of a request and notifies of new ones. Answers 200 only after the log is on disk: the sender retries
/// otherwise.
async fn record_alerts(hook: Arc<WebhookState>, severity: Option<&'static str>, body: Bytes) -> Response {
    let payload = match alerts::parse_payload(&body) {
        Ok(payload) => payload,
        Err(why) => return (StatusCode::BAD_REQUEST, why + "\n").into_response(),
    };
    let log = Arc::clone(&hook.log);
    let written =
        tokio::task::spawn_blocking(move || log.append_payload(&payload, severity, env::current_time())).await;
    match written {
        Ok(Ok(new)) => {
            new.iter().for_each(|line| tracing::warn!(alert = line.alertname, status = line.status, "alert received"));
            (hook.tell)(&new);
            format!("{} new\n", new.len()).into_response()
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "failed to write alert to the log");
            (StatusCode::SERVICE_UNAVAILABLE, "the alert could not be written to the log\n").into_response()
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "a bug stopped this request\n").into_response(),
    }
}

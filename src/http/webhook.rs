//! Where Alertmanager hands alerts over: `POST /webhook`, `/webhook/{severity}`; `GET /webhook` says it is alive. Behind the same
//! guard as everything else, on a port of its own.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use super::guard::Guard;
use super::{guarded, token::Token};
use crate::config::env;
use crate::domain::limits;
use crate::ops::alerts::{self, Line, Log};

const SEVERITIES: [&str; 3] = ["critical", "warning", "info"];

/// Every route, for tests that try each of them.
pub const WEBHOOK_ROUTES: [&str; 2] = ["/webhook", "/webhook/critical"];

/// Who is told of new alerts.
pub type Tell = Box<dyn Fn(&[Line]) + Send + Sync>;

struct Hook {
    log: Arc<Log>,
    tell: Tell,
}

/// Takes alerts in until `stop` ends.
///
/// # Errors
/// When listening fails.
pub async fn webhook(
    listener: TcpListener,
    token: Token,
    log: Arc<Log>,
    tell: Tell,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let guard = Guard::new(token, listener.local_addr()?.port(), Vec::new());
    let routes = Router::new()
        .route("/webhook", get(alive).post(any))
        .route("/webhook/{severity}", get(alive).post(of_severity))
        .layer(DefaultBodyLimit::max(limits::ALERT_BYTES))
        .with_state(Arc::new(Hook { log, tell }));
    axum::serve(listener, guarded(routes, guard)).with_graceful_shutdown(stop).await
}

async fn alive() -> &'static str {
    "alive\n"
}

async fn any(State(hook): State<Arc<Hook>>, body: Bytes) -> Response {
    take(hook, None, body).await
}

async fn of_severity(State(hook): State<Arc<Hook>>, Path(severity): Path<String>, body: Bytes) -> Response {
    match SEVERITIES.into_iter().find(|known| *known == severity) {
        Some(severity) => take(hook, Some(severity), body).await,
        None => (StatusCode::NOT_FOUND, "critical, warning or info\n").into_response(),
    }
}

/// 200 only when the line is on the disk: whoever sends tries again otherwise.
async fn take(hook: Arc<Hook>, severity: Option<&'static str>, body: Bytes) -> Response {
    let payload = match alerts::parse(&body) {
        Ok(payload) => payload,
        Err(why) => return (StatusCode::BAD_REQUEST, why + "\n").into_response(),
    };
    let log = Arc::clone(&hook.log);
    let written = tokio::task::spawn_blocking(move || log.write(&payload, severity, env::now())).await;
    match written {
        Ok(Ok(new)) => {
            new.iter()
                .for_each(|line| tracing::warn!(alert = line.alertname, status = line.status, "an alert came in"));
            (hook.tell)(&new);
            format!("{} new\n", new.len()).into_response()
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "an alert could not be written down");
            (StatusCode::SERVICE_UNAVAILABLE, "it could not be written down\n").into_response()
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "a bug stopped this request\n").into_response(),
    }
}

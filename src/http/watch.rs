//! What an operator and a monitoring system ask: `/livez`, `/readyz`, `/health`, `/metrics`. Owns the routes and how old an
//! answer may be; what is measured is owned by `ops::metrics`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Serialize;

use crate::bridge::Desk;
use crate::config::{Settings, env};
use crate::mcp::wire::HealthCheck;
use crate::memory::{self, Memory};
use crate::ops::metrics::{Metrics, Readings};
use crate::ops::watch;

/// Counting everything in a large store takes a while: a number may be so old.
const READINGS_AGE: Duration = Duration::from_secs(10);
/// As old may the word be that the store can be read and written.
const READY_AGE: Duration = Duration::from_secs(1);
/// Checks without which nothing works.
const VITAL: [&str; 2] = ["store", "words"];

/// What the routes are answered from.
pub struct Watch {
    /// The memory.
    pub desk: Desk<Memory, memory::Error>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The settings in force.
    pub settings: Box<dyn Fn() -> Arc<Settings> + Send + Sync>,
    /// Where Claude Code keeps its transcripts.
    pub transcripts: Option<PathBuf>,
    /// When the service began.
    pub started: Instant,
    /// The last looks.
    pub looked: Looked,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// What was looked up last, and when.
#[derive(Debug, Default)]
pub struct Looked {
    readings: Mutex<Option<(Instant, Readings)>>,
    ready: Mutex<Option<(Instant, Result<(), String>)>>,
}

#[derive(Serialize)]
struct Health {
    /// healthy, degraded or unhealthy.
    status: &'static str,
    service: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    timestamp: String,
    checks: Vec<HealthCheck>,
}

pub(super) fn routes(watch: Arc<Watch>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/health", get(health))
        .route("/metrics", get(page))
        .with_state(watch)
}

async fn readyz(State(watch): State<Arc<Watch>>) -> Response {
    let inner = Arc::clone(&watch);
    let ready = watch.desk.run(move |memory| inner.is_ready(memory)).await;
    match ready {
        Ok(Ok(Ok(()))) => "ready\n".into_response(),
        Ok(Ok(Err(why))) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
        // Where and why in full is for the log and for `doctor`.
        Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", error.code().name())).into_response(),
        Err(panicked) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{panicked}\n")).into_response(),
    }
}

async fn health(State(watch): State<Arc<Watch>>) -> Response {
    let inner = Arc::clone(&watch);
    let checks = watch.desk.run(move |memory| inner.checks(memory)).await;
    let (checks, unhealthy) = match checks {
        Ok(Ok(Ok(checks))) => {
            let unhealthy = checks.iter().any(|check| !check.ok && VITAL.contains(&check.name));
            (checks.into_iter().map(HealthCheck::from).collect(), unhealthy)
        }
        Ok(Ok(Err(error)) | Err(error)) => (vec![broken(&error)], true),
        Err(panicked) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, format!("{panicked}\n")).into_response();
        }
    };
    let degraded = checks.iter().any(|check: &HealthCheck| !check.ok);
    let status = match (unhealthy, degraded) {
        (true, _) => "unhealthy",
        (false, true) => "degraded",
        (false, false) => "healthy",
    };
    let answer = Health {
        status,
        service: "claude-memory",
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: watch.started.elapsed().as_secs(),
        timestamp: env::now().to_string(),
        checks,
    };
    let code = if unhealthy { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, axum::Json(answer)).into_response()
}

async fn page(State(watch): State<Arc<Watch>>) -> Response {
    let inner = Arc::clone(&watch);
    match watch.desk.run(move |memory| inner.page(memory)).await {
        Ok(Ok(Ok(text))) => ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Ok(Ok(Err(error)) | Err(error)) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", error.code().name())).into_response()
        }
        Err(panicked) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{panicked}\n")).into_response(),
    }
}

fn broken(error: &memory::Error) -> HealthCheck {
    HealthCheck { name: "store".to_owned(), ok: false, finding: error.to_string(), fix: error.hint() }
}

impl Watch {
    fn checks(&self, memory: &Memory) -> memory::Result<Vec<memory::Check>> {
        self.metrics.count("health_checks");
        let now = env::now();
        let (health, backlog) = (memory.health(now)?, memory.backlog(self.transcripts.as_deref(), now)?);
        let alerts = watch::check(memory, &health, backlog, now)?;
        let mut checks = health.checks;
        checks.extend([backlog.check(), alerts]);
        Ok(checks)
    }

    /// Whether the store can be read and written: a row is added to.
    fn is_ready(&self, memory: &Memory) -> Result<(), String> {
        let mut ready = self.looked.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, outcome)) = ready.as_ref()
            && at.elapsed() < READY_AGE
        {
            return outcome.clone();
        }
        let outcome =
            memory.add_counters(vec![("ready_probes".to_owned(), 1)]).map_err(|error| error.code().name().to_owned());
        *ready = Some((Instant::now(), outcome.clone()));
        outcome
    }

    fn page(&self, memory: &Memory) -> memory::Result<String> {
        let now = env::now();
        let mut looked = self.looked.readings.lock().unwrap_or_else(PoisonError::into_inner);
        let readings = match looked.take().filter(|(at, _)| at.elapsed() < READINGS_AGE) {
            Some((at, readings)) => (at, readings),
            None => (Instant::now(), Readings::read(memory, &(self.settings)(), self.transcripts.as_deref(), now)?),
        };
        let up = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let text = self.metrics.page(memory, &readings.1, up, now);
        *looked = Some(readings);
        text
    }
}

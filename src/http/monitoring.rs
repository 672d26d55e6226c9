//! Monitoring routes: `/livez`, `/readyz`, `/health`, `/metrics`, and how long their answers are cached. The metrics
//! themselves are defined in `monitor::metrics`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Serialize;

use super::credentials::Grant;
use crate::bridge::EngineHandle;
use crate::config::{Settings, env};
use crate::mcp::wire::HealthCheck;
use crate::memory::{self, Memory};
use crate::monitor::alert_evaluation;
use crate::monitor::metrics::{Metrics, Readings};

/// Cache lifetime of the metric readings: counting a large store takes a while.
const READINGS_AGE: Duration = Duration::from_secs(10);
/// Cache lifetime of the readiness probe.
const READY_AGE: Duration = Duration::from_secs(1);
/// Cache lifetime of the health that is told without a token: the checks read the store.
const PUBLIC_HEALTH_AGE: Duration = Duration::from_secs(5);
/// Checks whose failure makes the service unhealthy instead of degraded.
const VITAL_CHECKS: [&str; 2] = ["store", "words"];

/// Shared state of the monitoring routes.
pub struct MonitoringState {
    /// Handle to the engine, which opens it on first use.
    pub desk: EngineHandle<Memory, memory::Error>,
    /// Counters of this process.
    pub metrics: Arc<Metrics>,
    /// Returns the settings in force, which a reload may change.
    pub settings: Box<dyn Fn() -> Arc<Settings> + Send + Sync>,
    /// Folder of Claude Code's transcripts.
    pub transcripts: Option<PathBuf>,
    /// Start of the service, for the uptime.
    pub started: Instant,
    /// Cached results of earlier requests.
    pub looked: ProbeCache,
}

impl std::fmt::Debug for MonitoringState {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// Cached readings and readiness, each with the time it was taken.
#[derive(Debug, Default)]
pub struct ProbeCache {
    readings: Mutex<Option<(Instant, Readings)>>,
    ready: Mutex<Option<(Instant, Result<(), String>)>>,
    /// True if healthy. Requests wait for one that checks, without a thread each.
    public_health: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

#[derive(Serialize)]
struct HealthResponse {
    /// One of `healthy`, `degraded`, `unhealthy`.
    status: &'static str,
    service: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    timestamp: String,
    checks: Vec<HealthCheck>,
}

pub(super) fn build_routes(watch: Arc<MonitoringState>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(serve_readyz))
        .route("/health", get(serve_health))
        .route("/metrics", get(serve_metrics))
        .with_state(watch)
}

async fn serve_readyz(State(watch): State<Arc<MonitoringState>>) -> Response {
    let inner = Arc::clone(&watch);
    let ready = watch.desk.run_blocking(move |memory| inner.probe_readiness(memory)).await;
    match ready {
        Ok(Ok(Ok(()))) => "ready\n".into_response(),
        Ok(Ok(Err(why))) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
        // The full error is in the log and in `doctor`.
        Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", error.code().name())).into_response(),
        Err(panicked) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{panicked}\n")).into_response(),
    }
}

/// Answers with all checks; without a token with the status only.
async fn serve_health(State(watch): State<Arc<MonitoringState>>, grant: Option<Extension<Grant>>) -> Response {
    if grant.is_none() {
        return serve_public_health(&watch).await;
    }
    let inner = Arc::clone(&watch);
    let checks = watch.desk.run_blocking(move |memory| inner.run_checks(memory)).await;
    let (checks, unhealthy) = match checks {
        Ok(Ok(Ok(checks))) => {
            let unhealthy = has_vital_failure(&checks);
            (checks.into_iter().map(HealthCheck::from).collect(), unhealthy)
        }
        Ok(Ok(Err(error)) | Err(error)) => (vec![failed_store_check(&error)], true),
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
    let answer = HealthResponse {
        status,
        service: "claude-memory",
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: watch.started.elapsed().as_secs(),
        timestamp: env::current_time().to_string(),
        checks,
    };
    let code = if unhealthy { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, axum::Json(answer)).into_response()
}

/// Answers `healthy` or `unhealthy` and nothing else.
async fn serve_public_health(watch: &Arc<MonitoringState>) -> Response {
    let mut known = watch.looked.public_health.lock().await;
    let recent = known.filter(|(at, _)| at.elapsed() < PUBLIC_HEALTH_AGE);
    let healthy = if let Some((_, healthy)) = recent {
        healthy
    } else {
        let inner = Arc::clone(watch);
        let checks = watch.desk.run_blocking(move |memory| inner.run_checks(memory)).await;
        let healthy = matches!(checks, Ok(Ok(Ok(checks))) if !has_vital_failure(&checks));
        *known = Some((Instant::now(), healthy));
        healthy
    };
    drop(known);
    let (code, status) =
        if healthy { (StatusCode::OK, "healthy") } else { (StatusCode::SERVICE_UNAVAILABLE, "unhealthy") };
    (code, axum::Json(serde_json::json!({ "status": status }))).into_response()
}

fn has_vital_failure(checks: &[memory::CheckResult]) -> bool {
    checks.iter().any(|check| !check.ok && VITAL_CHECKS.contains(&check.name))
}

async fn serve_metrics(State(watch): State<Arc<MonitoringState>>) -> Response {
    let inner = Arc::clone(&watch);
    match watch.desk.run_blocking(move |memory| inner.render_metrics(memory)).await {
        Ok(Ok(Ok(text))) => ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Ok(Ok(Err(error)) | Err(error)) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", error.code().name())).into_response()
        }
        Err(panicked) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{panicked}\n")).into_response(),
    }
}

fn failed_store_check(error: &memory::Error) -> HealthCheck {
    HealthCheck { name: "store".to_owned(), ok: false, finding: error.to_string(), fix: error.hint() }
}

impl MonitoringState {
    fn run_checks(&self, memory: &Memory) -> memory::Result<Vec<memory::CheckResult>> {
        self.metrics.count_event("health_checks");
        let now = env::current_time();
        let (health, backlog) = (memory.check_health(now)?, memory.import_backlog(self.transcripts.as_deref(), now)?);
        let alerts = alert_evaluation::check_alerts(memory, &health, backlog, now)?;
        let mut checks = health.checks;
        checks.extend([backlog.backlog_check(), alerts]);
        Ok(checks)
    }

    /// Probes readiness by incrementing a counter in the store: `Ok` if it can be read and written, else the error
    /// code.
    fn probe_readiness(&self, memory: &Memory) -> Result<(), String> {
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

    fn render_metrics(&self, memory: &Memory) -> memory::Result<String> {
        let now = env::current_time();
        let mut looked = self.looked.readings.lock().unwrap_or_else(PoisonError::into_inner);
        let readings = match looked.take().filter(|(at, _)| at.elapsed() < READINGS_AGE) {
            Some((at, readings)) => (at, readings),
            None => (Instant::now(), Readings::read_all(memory, &(self.settings)(), self.transcripts.as_deref(), now)?),
        };
        let up = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let text = self.metrics.render_page(memory, &readings.1, up, now);
        *looked = Some(readings);
        text
    }
}

//! Rejections of requests and connections: their responses, their counters and their log lines. Each reason is logged at
//! most once a minute, with the number since the last line, so that an attack does not fill the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::header::{CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::token::Scope;
use crate::monitor::metrics::Metrics;

/// Shortest time between two log lines of one reason.
const LOG_PAUSE: Duration = Duration::from_mins(1);

/// Reason for rejecting a request or closing a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejection {
    /// Two headers that may be there once, or a request target with another host.
    Ambiguous,
    Host,
    Origin,
    /// No token, or a wrong one. Holds the scope that the route needs.
    Token(Scope),
    /// A token that does not open the route. Holds the scope that the route needs.
    Scope(Scope),
    Size,
    /// The body ended early.
    Incomplete,
    /// The body was not complete in time.
    SlowBody,
    /// Too many requests with a token at once.
    Busy,
    /// Too many connections with a token at once.
    Connections,
    /// A connection without a token was closed for a newer one.
    Displaced,
    /// A connection sent no complete request in time.
    Silent,
    /// A connection could not be accepted.
    Accept,
}

impl Rejection {
    /// Returns the name of the counter in the store.
    const fn counter(self) -> &'static str {
        match self {
            Self::Ambiguous => "http_rejected/ambiguous",
            Self::Host => "http_rejected/host",
            Self::Origin => "http_rejected/origin",
            Self::Token(_) => "http_rejected/token",
            Self::Scope(_) => "http_rejected/scope",
            Self::Size => "http_rejected/size",
            Self::Incomplete => "http_rejected/incomplete",
            Self::SlowBody => "http_rejected/slow_body",
            Self::Busy => "http_rejected/busy",
            Self::Connections => "http_rejected/connections",
            Self::Displaced => "http_rejected/displaced",
            Self::Silent => "http_rejected/silent",
            Self::Accept => "http_rejected/accept",
        }
    }

    /// Returns what the log says.
    const fn describe(self) -> &'static str {
        match self {
            Self::Ambiguous => "requests with an ambiguous head were refused",
            Self::Host => "requests with a foreign Host header were refused",
            Self::Origin => "requests of foreign web pages were refused",
            Self::Token(_) => "requests without a valid token were refused",
            Self::Scope(_) => "requests with a token of another scope were refused",
            Self::Size => "requests that are too large were refused",
            Self::Incomplete => "requests whose body ended early were refused",
            Self::SlowBody => "requests whose body did not arrive in time were refused",
            Self::Busy => "requests were refused because too many run at once",
            Self::Connections => "requests were refused because too many connections are open",
            Self::Displaced => "connections without a token were closed because too many are open",
            Self::Silent => "connections without a token were closed because they sent no complete request in time",
            Self::Accept => "connections could not be accepted; are there enough file descriptors (ulimit -n)?",
        }
    }

    /// Builds the response to a rejected request.
    pub(super) fn to_response(self) -> Response {
        let text = |status: StatusCode, text: &str| (status, format!("{text}\n")).into_response();
        match self {
            Self::Ambiguous => text(
                StatusCode::BAD_REQUEST,
                "Host, Origin and Authorization may each be there once, and name this server",
            ),
            Self::Host => text(StatusCode::FORBIDDEN, "the Host header does not name this server"),
            Self::Origin => text(StatusCode::FORBIDDEN, "this origin is not allowed"),
            Self::Token(needed) => {
                let mut response = text(
                    StatusCode::UNAUTHORIZED,
                    &format!(
                        "a bearer token is needed; `claude-memory token list` names its file (scope {})",
                        needed.name()
                    ),
                );
                let challenge = HeaderValue::from_static("Bearer realm=\"claude-memory\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
                response
            }
            Self::Scope(needed) => {
                let name = needed.name();
                text(StatusCode::FORBIDDEN, &format!("this token does not open this route; it needs the scope {name}"))
            }
            Self::Size => text(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large"),
            Self::Incomplete => text(StatusCode::BAD_REQUEST, "the body ended early"),
            Self::SlowBody => closing(text(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
            Self::Busy => retrying(text(StatusCode::SERVICE_UNAVAILABLE, "too many requests at once")),
            Self::Connections | Self::Displaced | Self::Silent | Self::Accept => {
                closing(retrying(text(StatusCode::SERVICE_UNAVAILABLE, "too many connections at once")))
            }
        }
    }
}

fn retrying(mut response: Response) -> Response {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Counts rejections in the metrics and logs them at a bounded rate.
#[derive(Debug)]
pub(super) struct RejectionLog {
    metrics: Arc<Metrics>,
    /// Time of the last line of each reason, and rejections since then.
    lines: Mutex<BTreeMap<&'static str, (Instant, u64)>>,
}

impl RejectionLog {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, lines: Mutex::default() }
    }

    /// Records one rejection.
    pub(super) fn record(&self, rejection: Rejection) {
        self.metrics.count_event(rejection.counter());
        if let Some(count) = self.count_for_line(rejection.counter(), Instant::now()) {
            tracing::warn!(count, "{}", rejection.describe());
        }
    }

    /// Counts one more. Returns the number for a log line, if one is due.
    fn count_for_line(&self, counter: &'static str, now: Instant) -> Option<u64> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((at, count)) = lines.get_mut(counter) else {
            lines.insert(counter, (now, 0));
            return Some(1);
        };
        *count += 1;
        if now.duration_since(*at) < LOG_PAUSE {
            return None;
        }
        *at = now;
        Some(std::mem::take(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_logged_once_a_minute_with_the_number_since() {
        let log = RejectionLog::new(Arc::default());
        let start = Instant::now();
        assert_eq!(log.count_for_line("a", start), Some(1));
        let quiet = (1..60).filter_map(|second| log.count_for_line("a", start + Duration::from_secs(second))).count();
        assert_eq!(quiet, 0);
        assert_eq!(log.count_for_line("b", start), Some(1), "another reason has its own line");
        assert_eq!(log.count_for_line("a", start + LOG_PAUSE), Some(60));
        assert_eq!(log.count_for_line("a", start + LOG_PAUSE * 2), Some(1));
    }
}

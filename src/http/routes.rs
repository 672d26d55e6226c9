//! Which scope each route needs, and which routes need no token.

use axum::http::Method;

use super::page::FILES;
use super::token::Scope;
use crate::domain::limits;

/// Routes of one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RouteSet {
    /// MCP, the page, metrics and health.
    Service,
    /// Alerts.
    Webhook,
}

impl RouteSet {
    /// Returns the maximum bytes of a request body.
    pub(super) const fn most_bytes(self) -> usize {
        match self {
            Self::Service => limits::REQUEST_BYTES,
            Self::Webhook => limits::ALERT_BYTES,
        }
    }
}

/// Returns true for requests that need no token: whether the service lives, the page's files, the exchange of a ticket
/// for a key, and the test alert of a runbook, which is checked but not recorded.
pub(super) fn is_public(routes: RouteSet, method: &Method, path: &str) -> bool {
    match (routes, method) {
        (RouteSet::Service, &Method::GET | &Method::HEAD) => {
            ["/livez", "/health"].contains(&path) || FILES.iter().any(|(file, ..)| *file == path)
        }
        (RouteSet::Service, &Method::POST) => path == "/api/session",
        (RouteSet::Webhook, &Method::POST) => path == "/webhook",
        _ => false,
    }
}

/// Returns the scope that a request needs. The tools check their rights themselves.
pub(super) fn needed_scope(method: &Method, path: &str) -> Scope {
    let reads = [Method::GET, Method::HEAD].contains(method);
    match path {
        "/livez" | "/readyz" | "/health" | "/metrics" => Scope::Metrics,
        "/webhook" => Scope::Webhook,
        "/mcp" | "/mcp/" => Scope::Read,
        "/api/settings" => Scope::Admin,
        _ if path.starts_with("/webhook/") => Scope::Webhook,
        _ if path.starts_with("/api/tools/") => Scope::Read,
        _ if path.starts_with("/api/") && reads => Scope::Read,
        _ if FILES.iter().any(|(file, ..)| *file == path) && reads => Scope::Metrics,
        _ => Scope::Admin,
    }
}

/// Returns true for routes that a session key of the page does not open: a key that gets tickets would outlive its tab.
pub(super) fn is_for_tokens_only(path: &str) -> bool {
    path == "/api/tickets"
}

//! Who may come in: the name that a request is addressed to, the page that it comes from, the token that it brings.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, HOST, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::doors::Doors;
use super::page::FILES;
use super::token::Token;
use crate::domain::limits;

/// The rules of one server.
#[derive(Debug)]
pub struct Guard {
    doors: Arc<Doors>,
    hosts: Vec<String>,
    origins: Vec<String>,
    has_page: bool,
    inside: AtomicUsize,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Host,
    Origin,
    Token,
    Size,
    Crowd,
}

impl Guard {
    /// A server on `port` is addressed by the names of loopback with that port and by no other: a page whose name was
    /// pointed to this machine is told apart by it (DNS rebinding).
    ///
    /// Its own pages may talk to it, and those of `origins`.
    pub fn new(token: Token, port: u16, mut origins: Vec<String>) -> Self {
        let hosts = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{port}")).to_vec();
        origins.extend(hosts.iter().map(|host| format!("http://{host}")));
        let doors = Arc::new(Doors::new(token));
        Self { doors, hosts, origins, has_page: false, inside: AtomicUsize::new(0) }
    }

    /// What opens it.
    pub(super) fn doors(&self) -> Arc<Doors> {
        Arc::clone(&self.doors)
    }

    /// The same, which also lets everybody on this machine have the files of the page.
    pub(super) const fn with_page(mut self) -> Self {
        self.has_page = true;
        self
    }

    /// The names that it may be addressed by.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// The origins of pages that may talk to it.
    pub fn origins(&self) -> &[String] {
        &self.origins
    }

    /// Whether a request with these headers is kept out.
    pub fn refuses(&self, headers: &HeaderMap) -> bool {
        self.judge(headers, false).is_err()
    }

    /// `open`: nobody has to say who he is.
    fn judge(&self, headers: &HeaderMap, open: bool) -> Result<(), Refusal> {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("\u{0}"));
        if !text(HOST).is_some_and(|host| self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))) {
            return Err(Refusal::Host);
        }
        if text(ORIGIN).is_some_and(|origin| !self.origins.iter().any(|known| known == origin)) {
            return Err(Refusal::Origin);
        }
        let bearer = text(AUTHORIZATION).and_then(|value| value.split_once(' '));
        match bearer {
            _ if open => {}
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && self.doors.opens(token.trim()) => {}
            _ => return Err(Refusal::Token),
        }
        let length = text(axum::http::header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
        if length.is_some_and(|length| length > limits::REQUEST_BYTES) {
            return Err(Refusal::Size);
        }
        Ok(())
    }
}

impl Refusal {
    fn answer(self) -> Response {
        match self {
            Self::Host => (StatusCode::FORBIDDEN, "this name is not one of this server\n").into_response(),
            Self::Origin => (StatusCode::FORBIDDEN, "this origin is not allowed\n").into_response(),
            Self::Token => {
                let challenge = [(WWW_AUTHENTICATE, "Bearer realm=\"claude-memory\"")];
                (StatusCode::UNAUTHORIZED, challenge, "a bearer token is needed; it is in http.token\n").into_response()
            }
            Self::Size => (StatusCode::PAYLOAD_TOO_LARGE, "the request is too large\n").into_response(),
            Self::Crowd => {
                (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], "too many requests at once\n").into_response()
            }
        }
    }
}

/// Counts a request as long as it is worked on.
struct Inside(Arc<Guard>);

impl Inside {
    fn enter(guard: Arc<Guard>) -> Option<Self> {
        let entered = guard.inside.fetch_add(1, Ordering::Relaxed) < limits::REQUESTS;
        let inside = Self(guard);
        entered.then_some(inside)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a browser asks for before it can show a key: the files of the page, and a key for a ticket.
fn is_open(method: &Method, path: &str) -> bool {
    match *method {
        Method::GET | Method::HEAD => FILES.iter().any(|(file, ..)| *file == path),
        Method::POST => path == "/api/session",
        _ => false,
    }
}

/// Lets a request through or refuses it.
pub(super) async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let open = guard.has_page && is_open(request.method(), request.uri().path());
    let mut response = match (guard.judge(request.headers(), open), Inside::enter(guard)) {
        (Err(refusal), _) => refusal.answer(),
        (Ok(()), None) => Refusal::Crowd.answer(),
        (Ok(()), Some(_inside)) => next.run(request).await,
    };
    // What is quoted from a memory is never taken for a page, and stays in no cache.
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn each_rule_refuses_alone() {
        let guard = Guard::new(Token::new("secret"), 8080, vec!["http://localhost:3000".to_owned()]);
        let good = ("authorization", "Bearer secret");
        let host = ("host", "127.0.0.1:8080");
        assert_eq!(guard.judge(&headers(&[good, host]), false), Ok(()));
        assert_eq!(
            guard.judge(&headers(&[good, ("host", "LOCALHOST:8080"), ("origin", "http://localhost:3000")]), false),
            Ok(())
        );
        for wrong in ["evil.example", "127.0.0.1", "127.0.0.1:8081", "127.0.0.1:8080.evil.example", ""] {
            assert_eq!(guard.judge(&headers(&[good, ("host", wrong)]), false), Err(Refusal::Host), "{wrong}");
        }
        assert_eq!(guard.judge(&headers(&[good]), false), Err(Refusal::Host));
        for wrong in ["http://localhost:3001", "null", "https://evil.example"] {
            assert_eq!(guard.judge(&headers(&[good, host, ("origin", wrong)]), false), Err(Refusal::Origin), "{wrong}");
        }
        for wrong in ["secret", "Bearer", "Bearer wrong", "Basic secret", "Bearer secret2"] {
            assert_eq!(guard.judge(&headers(&[host, ("authorization", wrong)]), false), Err(Refusal::Token), "{wrong}");
        }
        assert_eq!(guard.judge(&headers(&[good, host, ("content-length", "4194305")]), false), Err(Refusal::Size));
        assert_eq!(guard.judge(&headers(&[good, host, ("content-length", "4194304")]), false), Ok(()));
    }

    #[test]
    fn a_crowd_is_told_to_come_back() {
        let guard = Arc::new(Guard::new(Token::new("x"), 1, Vec::new()));
        let inside: Vec<_> = (0..limits::REQUESTS).map(|_| Inside::enter(Arc::clone(&guard)).unwrap()).collect();
        assert!(Inside::enter(Arc::clone(&guard)).is_none());
        drop(inside);
        assert!(Inside::enter(guard).is_some());
    }
}

//! Access control: checks the Host header, the Origin, the token and its scope, the size and the time of the body, and
//! the number of concurrent requests. `routes` says which scope a route needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::Response;

use super::connections::{Connection, ConnectionPool, to_seconds};
use super::credentials::{Credentials, Grant};
use super::rejection::Rejection;
use super::routes::{self, RouteSet};
use super::token::{Scope, TokenSet};
use crate::domain::limits;

/// Access rules of one server.
#[derive(Debug)]
pub struct Guard {
    doors: Arc<Credentials>,
    pool: ConnectionPool,
    hosts: Vec<String>,
    origins: Vec<String>,
    routes: RouteSet,
    inside: AtomicUsize,
}

impl Guard {
    /// Creates the access rules of a server on `port`.
    ///
    /// The Host header must be a loopback name with that port and nothing else, which defeats DNS rebinding (a foreign
    /// name pointed at this machine). Allowed origins are the server's own and those in `origins`.
    pub fn new(tokens: TokenSet, pool: ConnectionPool, port: u16, mut origins: Vec<String>) -> Self {
        let hosts = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{port}")).to_vec();
        origins.extend(hosts.iter().map(|host| format!("http://{host}")));
        let doors = Arc::new(Credentials::new(tokens));
        Self { doors, pool, hosts, origins, routes: RouteSet::Service, inside: AtomicUsize::new(0) }
    }

    /// Guards the routes of the webhook instead of those of the service.
    pub(super) const fn for_webhook(mut self) -> Self {
        self.routes = RouteSet::Webhook;
        self
    }

    /// Returns the credentials that requests are checked against.
    pub(super) fn shared_credentials(&self) -> Arc<Credentials> {
        Arc::clone(&self.doors)
    }

    /// Accepted values of the Host header.
    pub fn allowed_hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Origins whose pages may call the server.
    pub fn allowed_origins(&self) -> &[String] {
        &self.origins
    }

    /// Returns true if a request with these headers is refused by every route.
    pub fn refuses_headers(&self, headers: &HeaderMap) -> bool {
        self.check_place(&Uri::default(), headers).is_err()
            || self.find_grant(headers).ok().flatten().is_none()
            || check_length(headers, limits::REQUEST_BYTES).is_err()
    }

    /// Checks that a request is meant for this server and comes from no page of another.
    fn check_place(&self, target: &Uri, headers: &HeaderMap) -> Result<(), Rejection> {
        let is_known = |host: &str| self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
        let host = single_header(headers, &HOST)?;
        if !host.is_some_and(is_known) {
            return Err(Rejection::Host);
        }
        // A target may name a host too; RFC 9112 gives it precedence over the header.
        if !target.authority().map(Authority::as_str).is_none_or(is_known) {
            return Err(Rejection::Ambiguous);
        }
        match single_header(headers, &ORIGIN)? {
            Some(origin) if !self.origins.iter().any(|known| known == origin) => Err(Rejection::Origin),
            _ => Ok(()),
        }
    }

    /// Returns what the token of a request allows, `None` if there is no valid one.
    fn find_grant(&self, headers: &HeaderMap) -> Result<Option<Grant>, Rejection> {
        let bearer = single_header(headers, &AUTHORIZATION)?.and_then(|value| value.split_once(' '));
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        Ok(bearer.and_then(|(_, token)| self.doors.find_grant(token.trim())))
    }

    /// Checks the head of a request; returns what it may do, `None` if it is let in without a token.
    fn check_head(&self, request: &Request) -> Result<Option<Grant>, Rejection> {
        let (headers, method, path) = (request.headers(), request.method(), request.uri().path());
        self.check_place(request.uri(), headers)?;
        let needed = routes::needed_scope(method, path);
        match self.find_grant(headers)? {
            // Also where none is needed: its sender expects more than the public answer.
            None if headers.contains_key(AUTHORIZATION) => Err(Rejection::Token(needed)),
            None if routes::is_public(self.routes, method, path) => Ok(None),
            None => Err(Rejection::Token(needed)),
            Some(grant) if !grant.scope.includes(needed) => Err(Rejection::Scope(needed)),
            Some(grant) if grant.is_key && routes::is_for_tokens_only(path) => Err(Rejection::Scope(Scope::Admin)),
            Some(grant) => Ok(Some(grant)),
        }
    }
}

/// Returns the value of a header that may be there once. Two of them could be read differently by another program.
fn single_header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Rejection> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(|value| value.to_str().unwrap_or("\u{0}"));
    if values.next().is_some() { Err(Rejection::Ambiguous) } else { Ok(first) }
}

/// Checks the size that a request announces.
fn check_length(headers: &HeaderMap, most: usize) -> Result<(), Rejection> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > most) { Err(Rejection::Size) } else { Ok(()) }
}

/// Counts a request as in flight until dropped.
struct InFlight(Arc<Guard>);

impl InFlight {
    fn admit_request(guard: Arc<Guard>) -> Result<Self, Rejection> {
        let entered = guard.inside.fetch_add(1, Ordering::Relaxed) < limits::REQUESTS;
        let inside = Self(guard);
        if entered { Ok(inside) } else { Err(Rejection::Busy) }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lets a request through or refuses it.
pub(super) async fn check_request(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let pool = guard.pool.clone();
    let mut response = admit_request(guard, request, next).await.unwrap_or_else(|rejection| {
        pool.record(rejection);
        rejection.to_response()
    });
    // Quoted memories must not be sniffed as HTML and must not be cached.
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Checks head and body of a request, and runs it. Without a token only little is read, and it takes none of the places
/// of [`limits::REQUESTS`].
async fn admit_request(guard: Arc<Guard>, request: Request, next: Next) -> Result<Response, Rejection> {
    let grant = guard.check_head(&request)?;
    let connection = request.extensions().get::<Arc<Connection>>().cloned();
    let (mut head, body) = request.into_parts();
    let (most_bytes, _in_flight) = if grant.is_none() {
        (limits::ANONYMOUS_REQUEST_BYTES, None)
    } else {
        connection.map_or(Ok(()), |connection| connection.authenticate())?;
        (guard.routes.most_bytes(), Some(InFlight::admit_request(Arc::clone(&guard))?))
    };
    let bytes = match check_length(&head.headers, most_bytes) {
        Ok(()) => read_body(body, most_bytes).await,
        Err(rejection) => Err(rejection),
    };
    let bytes = bytes.map_err(|rejection| match rejection {
        // A sender of real alerts has to learn that it lacks a token, not that they are too large without one.
        Rejection::Size if grant.is_none() && guard.routes == RouteSet::Webhook => Rejection::Token(Scope::Webhook),
        other => other,
    })?;
    if let Some(grant) = grant {
        head.extensions.insert(grant);
    }
    Ok(next.run(Request::from_parts(head, Body::from(bytes))).await)
}

/// Reads a body of at most `most` bytes, within [`limits::BODY_SECONDS`].
async fn read_body(body: Body, most: usize) -> Result<Bytes, Rejection> {
    let mut request = Request::new(body);
    DefaultBodyLimit::max(most).apply(&mut request);
    let read = tokio::time::timeout(to_seconds(limits::BODY_SECONDS), Bytes::from_request(request, &())).await;
    read.map_err(|_| Rejection::SlowBody)?.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => Rejection::Size,
        _ => Rejection::Incomplete,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        let origins = vec!["http://localhost:3000".to_owned()];
        Guard::new(TokenSet::with_admin_token("secret"), ConnectionPool::new(Arc::default()), 8080, origins)
    }

    /// Checks the head of `GET /metrics` at `target` with these headers.
    fn check_head(target: &str, pairs: &[(&'static str, &str)]) -> Result<Option<Grant>, Rejection> {
        let mut request = axum::http::Request::get(target);
        for (name, value) in pairs {
            request = request.header(*name, *value);
        }
        guard().check_head(&request.body(Body::empty()).unwrap())
    }

    const GOOD: (&str, &str) = ("authorization", "Bearer secret");
    const HERE: (&str, &str) = ("host", "127.0.0.1:8080");

    #[test]
    fn each_rule_refuses_alone() {
        let admin = Ok(Some(Grant { scope: Scope::Admin, is_key: false }));
        assert_eq!(check_head("/metrics", &[GOOD, HERE]), admin);
        let page = [GOOD, ("host", "LOCALHOST:8080"), ("origin", "http://localhost:3000")];
        assert_eq!(check_head("/metrics", &page), admin);
        for wrong in ["evil.example", "127.0.0.1", "127.0.0.1:8081", "127.0.0.1:8080.evil.example", ""] {
            assert_eq!(check_head("/metrics", &[GOOD, ("host", wrong)]), Err(Rejection::Host), "{wrong}");
        }
        assert_eq!(check_head("/metrics", &[GOOD]), Err(Rejection::Host));
        for wrong in ["http://localhost:3001", "null", "https://evil.example"] {
            assert_eq!(check_head("/metrics", &[GOOD, HERE, ("origin", wrong)]), Err(Rejection::Origin), "{wrong}");
        }
        for wrong in ["secret", "Bearer", "Bearer wrong", "Basic secret", "Bearer secret2"] {
            let refused = check_head("/metrics", &[HERE, ("authorization", wrong)]);
            assert_eq!(refused, Err(Rejection::Token(Scope::Metrics)), "{wrong}");
            let refused = check_head("/livez", &[HERE, ("authorization", wrong)]);
            assert_eq!(refused, Err(Rejection::Token(Scope::Metrics)), "{wrong}");
        }
        assert_eq!(check_head("/livez", &[HERE]), Ok(None));
        let headers =
            |length: &str| [("content-length".parse().unwrap(), length.parse().unwrap())].into_iter().collect();
        assert_eq!(check_length(&headers("4194304"), limits::REQUEST_BYTES), Ok(()));
        assert_eq!(check_length(&headers("4194305"), limits::REQUEST_BYTES), Err(Rejection::Size));
    }

    #[test]
    fn a_head_that_two_programs_could_read_differently_is_refused() {
        let evil = ("host", "evil.example");
        for twice in [
            [GOOD, HERE, HERE],
            [GOOD, HERE, evil],
            [GOOD, evil, HERE],
            [GOOD, HERE, GOOD],
            [HERE, GOOD, ("authorization", "Bearer other")],
        ] {
            assert_eq!(check_head("/metrics", &twice), Err(Rejection::Ambiguous), "{twice:?}");
        }
        let origin = ("origin", "http://localhost:3000");
        assert_eq!(check_head("/metrics", &[GOOD, HERE, origin, origin]), Err(Rejection::Ambiguous));
        assert_eq!(check_head("http://evil.example/metrics", &[GOOD, HERE]), Err(Rejection::Ambiguous));
        assert!(check_head("http://localhost:8080/metrics", &[GOOD, HERE]).is_ok());
    }

    #[test]
    fn a_crowd_is_told_to_come_back() {
        let guard = Arc::new(guard());
        let inside: Vec<_> =
            (0..limits::REQUESTS).map(|_| InFlight::admit_request(Arc::clone(&guard)).unwrap()).collect();
        assert_eq!(InFlight::admit_request(Arc::clone(&guard)).err(), Some(Rejection::Busy));
        drop(inside);
        assert!(InFlight::admit_request(guard).is_ok());
    }
}

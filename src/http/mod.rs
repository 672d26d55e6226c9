//! HTTP server on loopback: its routes and its access control.
//!
//! Every route needs a token of a scope that opens it, except those in `routes::is_public`, which hold no data. A request
//! with another Host, or from an origin that is not allowed, is refused before its token is checked. There is no CORS:
//! no page of another origin can read a response. The answers themselves come from `mcp`, `memory`, `monitor` and `report`.

mod api;
mod approvals;
mod connections;
mod credentials;
mod documents;
mod guard;
mod messages;
mod monitoring;
mod page;
mod rejection;
mod routes;
mod token;
mod webhook;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Extension, Request};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::any;
use axum::{Router, middleware};
use tokio::net::{TcpListener, TcpSocket};

use crate::domain::limits;
use crate::mcp::{Access, HttpLimits, Server, build_http_service};
use credentials::Grant;
use rejection::Rejection;

pub use connections::ConnectionPool;
pub use guard::Guard;
pub use monitoring::{MonitoringState, ProbeCache};
pub use page::FILES;
pub use token::{Scope, TokenSet, rotate_token};
pub use webhook::{WEBHOOK_ROUTES, serve_webhook};

/// Address, tokens and allowed origins of the HTTP server.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Address to listen on; must be loopback.
    pub address: SocketAddr,
    /// Tokens, one of which a request must carry.
    pub tokens: TokenSet,
    /// Connections of all sockets.
    pub pool: ConnectionPool,
    /// Additional origins whose pages may call the server.
    pub origins: Vec<String>,
}

/// Server whose socket is bound and that does not serve requests yet.
#[derive(Debug)]
pub struct BoundServer {
    listener: TcpListener,
    options: HttpOptions,
}

impl BoundServer {
    /// Binds the socket.
    ///
    /// # Errors
    /// When the address is not loopback or cannot be bound.
    pub fn new(options: HttpOptions) -> io::Result<Self> {
        Ok(Self { listener: bind_loopback(options.address)?, options })
    }

    /// Returns the bound address, with the port that the system chose if the configured one is 0.
    pub fn bound_address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves requests until `stop` completes. Requests in flight are finished first.
    pub async fn serve_requests(
        self,
        server: Server,
        watch: MonitoringState,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let port = self.bound_address()?.port();
        let pool = self.options.pool;
        let guard = Guard::new(self.options.tokens, pool.clone(), port, self.options.origins);
        let (hosts, origins) = (guard.allowed_hosts().to_vec(), guard.allowed_origins().to_vec());
        let door = HttpLimits { hosts, origins, most_bytes: limits::REQUEST_BYTES };
        let api = api::build_routes(server.clone(), guard.shared_credentials(), pool.clone())
            .merge(approvals::build_routes(server.clone()))
            .merge(documents::build_routes(server.clone()));
        let (mcp, end_streams) = build_mcp_routes(&server, &door);
        let routes = monitoring::build_routes(Arc::new(watch)).merge(api).merge(page::build_routes()).merge(mcp);
        let router = with_guard(routes, guard);
        let stop = async move {
            stop.await;
            end_streams();
        };
        connections::serve_connections(self.listener, &pool, router, stop).await;
        Ok(())
    }
}

/// Builds the route of MCP, and a function that closes its open streams. Each right has a service of its own, so that a
/// token can neither list tools that it may not call, nor join a session that another one opened.
fn build_mcp_routes(server: &Server, door: &HttpLimits) -> (Router, impl Fn() + Send + 'static) {
    let (read, end_read) = build_http_service(server.restrict_to(Access::Read), door);
    let (write, end_write) = build_http_service(server.restrict_to(Access::Write), door);
    let (admin, end_admin) = build_http_service(server.restrict_to(Access::Admin), door);
    let services = Arc::new((read, write, admin));
    let answer = move |Extension(grant): Extension<Grant>, request: Request| {
        let services = Arc::clone(&services);
        async move {
            let response = match grant.scope.memory_access() {
                Some(Access::Read) => services.0.handle(request).await,
                Some(Access::Write) => services.1.handle(request).await,
                Some(Access::Admin) => services.2.handle(request).await,
                None => return Rejection::Scope(Scope::Read).to_response(),
            };
            response.map(Body::new)
        }
    };
    let routes = Router::new().route("/mcp", any(answer.clone())).route("/mcp/", any(answer));
    let end_streams = move || {
        end_read();
        end_write();
        end_admin();
    };
    (routes.layer(middleware::from_fn(messages::check_body)), end_streams)
}

/// Binds a socket on a loopback address.
///
/// # Errors
/// `InvalidInput` when the address is not loopback; otherwise the error of binding.
pub fn bind_loopback(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a loopback address"));
    }
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // As `TcpListener::bind` does, which has a shorter backlog: a restart must not wait for old connections.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Connections that may wait to be accepted. When there are more, clients try again after a second.
const BACKLOG: u32 = 4096;

/// Example path of every route that needs a token, for tests that call each of them.
pub const ROUTES: [&str; 18] = [
    "/mcp",
    "/readyz",
    "/metrics",
    "/api/tickets",
    "/api/tools/memory_save",
    "/api/conversation",
    "/api/search",
    "/api/today",
    "/api/errors",
    "/api/notes",
    "/api/forget-requests",
    "/api/forget-requests/00000000",
    "/api/consent",
    "/api/injections",
    "/api/activity",
    "/api/sources",
    "/api/state",
    "/api/settings",
];

/// Wraps the routes, including the 404 fallback, in the access control.
fn with_guard(routes: Router, guard: Guard) -> Router {
    routes
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is no such route\n").into_response() })
        .layer(DefaultBodyLimit::max(limits::REQUEST_BYTES))
        .layer(middleware::from_fn_with_state(Arc::new(guard), guard::check_request))
}

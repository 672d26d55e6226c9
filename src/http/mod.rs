//! HTTP on loopback: who may come in, and which routes there are.
//!
//! Every route wants the token, but for the page's files, which say nothing, and the one that takes a ticket; a request that is addressed to another name, or comes from a page that is not allowed, is
//! refused before the token is looked at. There is no CORS: no page of another origin can read an answer. Does not own
//! what the routes answer.

mod api;
mod doors;
mod guard;
mod messages;
mod page;
mod token;
mod watch;
mod webhook;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::IntoResponse as _;
use tokio::net::TcpListener;

use crate::domain::limits;
use crate::mcp::{Door, Server, streamable};

pub use guard::Guard;
pub use page::FILES;
pub use token::{Token, load_or_create};
pub use watch::{Looked, Watch};
pub use webhook::{Tell, WEBHOOK_ROUTES, webhook};

/// What the server listens on and whom it lets in.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; loopback.
    pub address: SocketAddr,
    /// What a request has to bring.
    pub token: Token,
    /// Origins of pages that may talk to it.
    pub origins: Vec<String>,
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    options: Options,
}

impl Bound {
    /// Listens.
    ///
    /// # Errors
    /// When the address is not loopback or cannot be had.
    pub async fn new(options: Options) -> io::Result<Self> {
        Ok(Self { listener: listen(options.address).await?, options })
    }

    /// Where it listens; the port is the one that was given out when 0 was asked for.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop` ends; requests that are being worked on are finished.
    ///
    /// # Errors
    /// When listening fails.
    pub async fn serve(
        self,
        server: Server,
        watch: Watch,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let port = self.address()?.port();
        let guard = Guard::new(self.options.token, port, self.options.origins).with_page();
        let (hosts, origins) = (guard.hosts().to_vec(), guard.origins().to_vec());
        let door = Door { hosts, origins, most_bytes: limits::REQUEST_BYTES };
        let api = api::routes(server.clone(), guard.doors());
        let (mcp, end_streams) = streamable(server, &door);
        let mcp = Router::new().nest_service("/mcp", mcp).layer(middleware::from_fn(messages::check_body));
        let routes = watch::routes(Arc::new(watch)).merge(api).merge(page::routes()).merge(mcp);
        let router = guarded(routes, guard);
        let stop = async move {
            stop.await;
            end_streams();
        };
        axum::serve(self.listener, router).with_graceful_shutdown(stop).await
    }
}

/// Listens on an address of this machine only.
///
/// # Errors
/// When it is none, or cannot be had.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not an address of this machine only"));
    }
    TcpListener::bind(address).await
}

/// Every route, for tests that try each of them. What is not here is answered as if it were not there.
pub const ROUTES: [&str; 13] = [
    "/mcp",
    "/livez",
    "/readyz",
    "/health",
    "/metrics",
    "/api/tickets",
    "/api/tools/memory_save",
    "/api/conversation",
    "/api/notes",
    "/api/activity",
    "/api/sources",
    "/api/state",
    "/api/settings",
];

/// The routes; the guard stands before all of them, also before those that do not exist.
fn guarded(routes: Router, guard: Guard) -> Router {
    routes
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is no such route\n").into_response() })
        .layer(DefaultBodyLimit::max(limits::REQUEST_BYTES))
        .layer(middleware::from_fn_with_state(Arc::new(guard), guard::check))
}

//! Connections of the HTTP servers. Accepts them, speaks HTTP/1 on them, and bounds their number and their time, so that
//! those who have no token cannot use up what those who have one need: file descriptors and places for requests.
//!
//! A connection is anonymous until a request on it showed a token. Anonymous connections end after some seconds; a new
//! one displaces the oldest when there are too many. All sockets of the process share one pool.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::rejection::{Rejection, RejectionLog};
use crate::domain::limits;
use crate::monitor::metrics::Metrics;

/// Pause after a connection could not be accepted, which most often means that there are no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Open connections of all sockets.
#[derive(Debug, Clone)]
pub struct ConnectionPool(Arc<SharedPool>);

#[derive(Debug)]
struct SharedPool {
    open: Mutex<OpenConnections>,
    log: RejectionLog,
}

#[derive(Debug, Default)]
struct OpenConnections {
    /// Those that have not shown a token, oldest first.
    anonymous: Vec<Arc<Connection>>,
    authenticated: usize,
}

/// One connection, as its requests see it.
#[derive(Debug)]
pub(super) struct Connection {
    address: IpAddr,
    pool: ConnectionPool,
    is_authenticated: AtomicBool,
    /// True after the first response.
    is_answered: AtomicBool,
    displaced: Notify,
}

/// Removes a connection from its pool when it ends.
struct OpenGuard(Arc<Connection>);

impl ConnectionPool {
    /// Creates an empty pool. Rejections are counted in `metrics`.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(SharedPool { open: Mutex::default(), log: RejectionLog::new(metrics) }))
    }

    /// Counts and logs a rejection.
    pub(super) fn record(&self, rejection: Rejection) {
        self.0.log.record(rejection);
    }

    /// Adds a connection, and displaces another if there are too many.
    fn add_connection(&self, address: IpAddr) -> OpenGuard {
        let connection = Arc::new(Connection {
            address,
            pool: self.clone(),
            is_authenticated: AtomicBool::new(false),
            is_answered: AtomicBool::new(false),
            displaced: Notify::new(),
        });
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let displaced = open.make_room(address);
        open.anonymous.push(Arc::clone(&connection));
        drop(open);
        if displaced {
            self.record(Rejection::Displaced);
        }
        OpenGuard(connection)
    }

    /// Closes the oldest anonymous connection, to free its descriptor.
    fn displace_oldest(&self) {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !open.anonymous.is_empty() {
            open.anonymous.remove(0).displaced.notify_one();
        }
    }
}

impl OpenConnections {
    /// Displaces a connection if another one of this address would be too many. Returns true if it did.
    fn make_room(&mut self, address: IpAddr) -> bool {
        let of_address = |wanted: IpAddr| self.anonymous.iter().filter(|open| open.address == wanted).count();
        let from = if of_address(address) >= limits::ANONYMOUS_PER_ADDRESS {
            address
        } else if self.anonymous.len() >= limits::ANONYMOUS_CONNECTIONS {
            // The address with the most loses one, so that many connections of one displace none of another.
            let busiest = self.anonymous.iter().map(|open| open.address).max_by_key(|of| of_address(*of));
            busiest.unwrap_or(address)
        } else {
            return false;
        };
        if let Some(oldest) = self.anonymous.iter().position(|open| open.address == from) {
            self.anonymous.remove(oldest).displaced.notify_one();
        }
        true
    }
}

impl Connection {
    /// Marks the connection as one that showed a token.
    ///
    /// # Errors
    /// [`Rejection::Connections`] when too many did.
    pub(super) fn authenticate(self: &Arc<Self>) -> Result<(), Rejection> {
        if self.is_authenticated.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut open = self.pool.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.authenticated >= limits::AUTHENTICATED_CONNECTIONS {
            return Err(Rejection::Connections);
        }
        open.authenticated += 1;
        open.anonymous.retain(|other| !Arc::ptr_eq(other, self));
        self.is_authenticated.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for OpenGuard {
    fn drop(&mut self) {
        let mut open = self.0.pool.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if self.0.is_authenticated.load(Ordering::Relaxed) {
            open.authenticated -= 1;
        } else {
            open.anonymous.retain(|other| !Arc::ptr_eq(other, &self.0));
        }
    }
}

/// Serves the connections of a socket until `stop` completes. Requests in flight are finished first.
pub(super) async fn serve_connections(
    listener: TcpListener,
    pool: &ConnectionPool,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let (ending, ended) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let (stream, address) = tokio::select! {
            () = &mut stop => break,
            accepted = accept_connection(&listener, pool) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let open = pool.add_connection(address.ip());
        connections.spawn(serve_connection(stream, open, router.clone(), ended.clone()));
        // Before the next one is accepted, the runtime looks what has arrived on this one (first yield) and reads it
        // (second). So a token that was sent at once is seen before the connection can be displaced, and a displaced one
        // closes its descriptor.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }
    drop(listener);
    ending.send_replace(true);
    while connections.join_next().await.is_some() {}
}

/// Accepts the next connection. Errors are counted and waited out.
async fn accept_connection(listener: &TcpListener, pool: &ConnectionPool) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_peer(&error) => {}
            Err(_) => {
                pool.record(Rejection::Accept);
                pool.displace_oldest();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Returns true for errors of the one connection that was about to be accepted.
fn is_of_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn serve_connection(stream: TcpStream, open: OpenGuard, router: Router, mut ended: watch::Receiver<bool>) {
    let connection = &open.0;
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Arc::clone(connection));
        let answer = router.call(request);
        async {
            let response = answer.await;
            connection.is_answered.store(true, Ordering::Relaxed);
            response
        }
    });
    let served = http_builder().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    let deadline = tokio::time::sleep(to_seconds(limits::ANONYMOUS_SECONDS));
    tokio::pin!(deadline);
    let (mut in_time, mut ending) = (true, false);
    loop {
        tokio::select! {
            outcome = served.as_mut() => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            () = connection.displaced.notified() => return,
            () = &mut deadline, if in_time => {
                in_time = false;
                if !connection.is_authenticated.load(Ordering::Relaxed) {
                    if !connection.is_answered.load(Ordering::Relaxed) {
                        connection.pool.record(Rejection::Silent);
                    }
                    return;
                }
            }
            _ = ended.changed(), if !ending => {
                ending = true;
                if !connection.is_authenticated.load(Ordering::Relaxed) {
                    return;
                }
                served.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Builds the protocol: HTTP/1 only, whichever features other crates turn on.
fn http_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(to_seconds(limits::HEAD_SECONDS))
        .max_header_size(limits::HEAD_BYTES)
        .max_headers(limits::HEADERS);
    builder
}

/// Converts a limit in seconds.
pub(super) const fn to_seconds(limit: usize) -> Duration {
    Duration::from_secs(limit as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> ConnectionPool {
        ConnectionPool::new(Arc::default())
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    fn count_of(pool: &ConnectionPool, wanted: IpAddr) -> usize {
        let open = pool.0.open.lock().unwrap();
        open.anonymous.iter().filter(|open| open.address == wanted).count()
    }

    /// Adds a connection; returns true as well if another was displaced.
    fn add(pool: &ConnectionPool, address: IpAddr) -> (OpenGuard, bool) {
        let before = pool.0.open.lock().unwrap().anonymous.len();
        let added = pool.add_connection(address);
        let after = pool.0.open.lock().unwrap().anonymous.len();
        (added, after == before)
    }

    #[test]
    fn one_address_displaces_its_own_oldest_connection() {
        let pool = pool();
        let mut open: Vec<OpenGuard> = Vec::new();
        for _ in 0..limits::ANONYMOUS_PER_ADDRESS {
            let (guard, displaced) = add(&pool, address(1));
            assert!(!displaced);
            open.push(guard);
        }
        let (_other, displaced) = add(&pool, address(2));
        assert!(!displaced, "another address has room");
        let (_newest, displaced) = add(&pool, address(1));
        assert!(displaced);
        assert_eq!(count_of(&pool, address(1)), limits::ANONYMOUS_PER_ADDRESS);
        let anonymous = pool.0.open.lock().unwrap().anonymous.clone();
        assert!(!anonymous.iter().any(|other| Arc::ptr_eq(other, &open[0].0)), "the oldest had to go");
    }

    #[test]
    fn the_busiest_address_loses_a_connection_when_all_together_are_too_many() {
        let pool = pool();
        let mut open = Vec::new();
        for number in 0..limits::ANONYMOUS_CONNECTIONS {
            // Two addresses share most places, a third has one.
            let last = if number == 0 { 3 } else { 1 + u8::try_from(number % 2).unwrap() };
            open.push(add(&pool, address(last)));
        }
        assert!(open.iter().all(|(_, displaced)| !displaced));
        let (_newest, displaced) = add(&pool, address(4));
        assert!(displaced);
        assert_eq!((count_of(&pool, address(3)), count_of(&pool, address(4))), (1, 1));
        assert_eq!(pool.0.open.lock().unwrap().anonymous.len(), limits::ANONYMOUS_CONNECTIONS);
    }

    #[test]
    fn connections_with_a_token_are_bounded_and_never_displaced() {
        let pool = pool();
        let mut open = Vec::new();
        for _ in 0..limits::AUTHENTICATED_CONNECTIONS {
            let (guard, displaced) = add(&pool, address(1));
            assert!(!displaced);
            assert_eq!(guard.0.authenticate(), Ok(()));
            assert_eq!(guard.0.authenticate(), Ok(()), "counted once");
            open.push(guard);
        }
        let (one_more, _) = add(&pool, address(1));
        assert_eq!(one_more.0.authenticate(), Err(Rejection::Connections));
        open.pop();
        assert_eq!(one_more.0.authenticate(), Ok(()));
        drop((open, one_more));
        let left = pool.0.open.lock().unwrap();
        assert_eq!((left.authenticated, left.anonymous.len()), (0, 0));
    }
}

//! Stdio transport: serves over stdin and stdout until stdin ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::transport::async_rw::AsyncRwTransport;

use super::Server;
use super::background::Worker;
use super::line_filter::LineFilter;
use crate::domain::limits;

/// Interval of the check that the parent process is alive.
#[cfg(unix)]
const PARENT_CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// Time that requests in flight may take after stdin has ended.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// Serves until stdin ends, the peer disconnects or the parent process dies.
///
/// Background embedding starts some seconds later, so that a session that never searches costs nothing.
///
/// # Errors
/// When the runtime cannot be created or the protocol handshake fails.
pub fn serve_stdio(server: Server, make_vectors: bool) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(16).build()?;
    let stop = Arc::new(AtomicBool::new(false));
    let worker = Worker::start_thread(server.desk.clone(), server.metrics(), make_vectors, Arc::clone(&stop))?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = serve_transport(server) => outcome,
            () = wait_parent_exit() => Ok(()),
        }
    });
    stop.store(true, Ordering::Relaxed);
    worker.join_within(SHUTDOWN_GRACE);
    runtime.shutdown_timeout(SHUTDOWN_GRACE);
    outcome
}

async fn serve_transport(server: Server) -> std::io::Result<()> {
    let ((requests, answers), lines) = LineFilter::spawn_tasks(tokio::io::stdin(), tokio::io::stdout());
    // `lines` already bounds the length, without the line feed.
    let transport = AsyncRwTransport::new_server(requests, answers).with_max_line_length(limits::LINE_BYTES + 1);
    let outcome = match server.serve(transport).await {
        Ok(running) => running.waiting().await.map(drop).map_err(std::io::Error::other),
        // A client that disconnects before its first message is not a failure.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(std::io::Error::other(error)),
    };
    // A client that no longer reads must not delay the exit.
    let _ = tokio::time::timeout(SHUTDOWN_GRACE, lines.finish_writing()).await;
    outcome
}

/// Returns when the parent process has died. Another of its children may keep the other end of stdin open.
#[cfg(unix)]
async fn wait_parent_exit() {
    let parent = std::os::unix::process::parent_id();
    let mut looks = tokio::time::interval(PARENT_CHECK_INTERVAL);
    while std::os::unix::process::parent_id() == parent {
        looks.tick().await;
    }
}

/// Never returns: Windows closes the handles of a process that ends and does not give its children another parent.
#[cfg(not(unix))]
async fn wait_parent_exit() {
    std::future::pending().await
}

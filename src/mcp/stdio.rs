//! Serving over stdin and stdout until stdin ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::transport::async_rw::AsyncRwTransport;

use super::Server;
use super::background::Worker;
use super::lines::Lines;
use crate::domain::limits;

/// Between two looks at who the parent is.
#[cfg(unix)]
const LOOK: Duration = Duration::from_secs(2);
/// How long requests that are being worked on may take after stdin has ended.
const GRACE: Duration = Duration::from_secs(2);

/// Serves until stdin ends, the peer goes away or the parent process dies. Making vectors in the background starts some seconds later, so that a
/// session that never asks costs nothing.
///
/// # Errors
/// When the runtime cannot be made or the protocol cannot be begun.
pub fn run(server: Server, make_vectors: bool) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(16).build()?;
    let stop = Arc::new(AtomicBool::new(false));
    let worker = Worker::start(server.desk.clone(), server.metrics(), make_vectors, Arc::clone(&stop))?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = serve(server) => outcome,
            () = orphaned() => Ok(()),
        }
    });
    stop.store(true, Ordering::Relaxed);
    worker.finish(GRACE);
    runtime.shutdown_timeout(GRACE);
    outcome
}

async fn serve(server: Server) -> std::io::Result<()> {
    let ((requests, answers), lines) = Lines::start(tokio::io::stdin(), tokio::io::stdout());
    // What `lines` lets through is read; its bound is without the end of the line.
    let transport = AsyncRwTransport::new_server(requests, answers).with_max_line_length(limits::LINE_BYTES + 1);
    let outcome = match server.serve(transport).await {
        Ok(running) => running.waiting().await.map(drop).map_err(std::io::Error::other),
        // A client that goes away before it has said anything is not a failure.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(std::io::Error::other(error)),
    };
    // A client that reads no more does not hold the end up.
    let _ = tokio::time::timeout(GRACE, lines.finish()).await;
    outcome
}

/// Returns when the process that started this one has died. Its end of stdin may stay open in another process that it started.
#[cfg(unix)]
async fn orphaned() {
    let parent = std::os::unix::process::parent_id();
    let mut looks = tokio::time::interval(LOOK);
    while std::os::unix::process::parent_id() == parent {
        looks.tick().await;
    }
}

/// Windows closes the handles of a process that ends, and has no other parent to give its children to.
#[cfg(not(unix))]
async fn orphaned() {
    std::future::pending().await
}

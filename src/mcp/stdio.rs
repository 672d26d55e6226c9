//! Serving over stdin and stdout until stdin ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rmcp::ServiceExt as _;

use super::{Server, background};

/// How long requests that are being worked on may take after stdin has ended.
const GRACE: Duration = Duration::from_secs(2);

/// Serves until stdin ends or the peer goes away. Making vectors in the background starts some seconds later, so that a
/// session that never asks costs nothing.
///
/// # Errors
/// When the runtime cannot be made or the protocol cannot be begun.
pub fn run(server: Server, make_vectors: bool) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(16).build()?;
    let stop = Arc::new(AtomicBool::new(false));
    let worker = background::start(server.desk.clone(), make_vectors, Arc::clone(&stop))?;
    let outcome = runtime.block_on(async {
        let running = server.serve(rmcp::transport::stdio()).await;
        match running {
            Ok(running) => running.waiting().await.map(drop).map_err(std::io::Error::other),
            // A client that goes away before it has said anything is not a failure.
            Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(error) => Err(std::io::Error::other(error)),
        }
    });
    stop.store(true, Ordering::Relaxed);
    worker.finish(GRACE);
    runtime.shutdown_timeout(GRACE);
    outcome
}

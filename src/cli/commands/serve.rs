//! `serve`: the long-running process. MCP over Streamable HTTP.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::mcp::{Prepared, context, prepare};
use crate::cli::error::Failure;
use crate::cli::progress::stop_on_interrupt;
use crate::cli::session::Session;
use crate::domain::Code;
use crate::http::{Bound, Looked, Options, Watch, listen, load_or_create, webhook};
use crate::mcp::{Context, Server, Worker};
use crate::ops::alerts::Log;

/// Between two looks at whether to stop.
const LOOK: Duration = Duration::from_millis(50);
/// Requests that are being worked on may take so long after a signal.
const GRACE: Duration = Duration::from_secs(2);

/// Serve MCP over Streamable HTTP on this machine, with metrics, health and a webhook for alerts
///
/// MCP at /mcp, and /metrics, /health, /readyz, /livez; alerts at /webhook on a port of its own. All of it with a bearer token from the file http.token in the data folder, which is made at the first time. Only
/// addresses of this machine; Host and Origin are looked at. Ends with SIGTERM or Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Register it with Claude Code:\n  claude mcp add --transport http claude-memory http://127.0.0.1:8080/mcp \
    --header \"Authorization: Bearer $(cat ~/.local/share/claude-memory/http.token)\""
)]
pub(in crate::cli) struct Args {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Where Alertmanager hands alerts over (/webhook), or `off`
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    webhook: String,
    /// Origin of a page that may talk to it, for example `http://localhost:3000`; may be given several times
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Tools to offer: core, full or admin [default: setting mcp.profile]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let Prepared { desk, profile, make_vectors } = prepare(args.profile.as_deref(), session)?;
    let token_file = session.paths()?.http_token();
    let token = load_or_create(&token_file).map_err(|error| {
        Failure::new(Code::Unavailable, format!("the token in {} cannot be used: {error}", token_file.display()), None)
    })?;
    // Where this process was started says nothing about its callers.
    let server = Server::new(desk.clone(), Context { directory: None, session: None, ..context() }, profile);
    let stop = stop_on_interrupt(session.output);
    let ended = Arc::new(AtomicBool::new(false));
    let failed = |error: std::io::Error| {
        Failure::new(Code::Unavailable, format!("cannot serve on {}: {error}", args.http), hint_of(&error))
    };
    let worker = Worker::start(desk.clone(), server.metrics(), make_vectors, Arc::clone(&ended)).map_err(failed)?;
    let watch = Watch {
        desk,
        metrics: server.metrics(),
        paths: session.paths()?,
        transcripts: context().transcripts,
        started: Instant::now(),
        looked: Looked::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(16).build();
    let runtime = runtime.map_err(failed)?;
    let hook: Option<SocketAddr> =
        match args.webhook.as_str() {
            "off" => None,
            address => Some(address.parse().map_err(|_| {
                Failure::invalid(format!("--webhook is {address:?}; 127.0.0.1:8081 or `off` is meant"))
            })?),
        };
    let log = hook.map(|_| Log::open(session.paths()?.alerts_log()).map_err(failed)).transpose()?;
    let hook_token = token.clone();
    let options = Options { address: args.http, token, origins: args.origins.clone() };
    let outcome = runtime.block_on(async {
        let bound = Bound::new(options).await?;
        let address = bound.address()?;
        let hook = match hook {
            // Said with its own address: the other one may well be free.
            Some(address) => Some(
                listen(address)
                    .await
                    .map_err(|error| std::io::Error::new(error.kind(), format!("the webhook's {address}: {error}")))?,
            ),
            None => None,
        };
        session.output.say(&format!("MCP at http://{address}/mcp, token in {}", token_file.display()));
        let served = bound.serve(server, watch, stopped(Arc::clone(&stop)));
        let Some((listener, log)) = hook.zip(log) else { return served.await };
        session.output.say(&format!("alerts at http://{}/webhook", listener.local_addr()?));
        let (served, hooked) = tokio::join!(served, webhook(listener, hook_token, log, stopped(stop)));
        served.and(hooked)
    });
    ended.store(true, Ordering::Relaxed);
    worker.finish(GRACE);
    runtime.shutdown_timeout(GRACE);
    outcome.map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}

async fn stopped(stop: Arc<AtomicBool>) {
    let mut looks = tokio::time::interval(LOOK);
    while !stop.load(Ordering::Relaxed) {
        looks.tick().await;
    }
}

fn hint_of(error: &std::io::Error) -> Option<&'static str> {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => Some(
            "another program listens there: `ss -ltnp` (Linux) or `lsof -iTCP -sTCP:LISTEN` tells which; or choose --http 127.0.0.1:PORT",
        ),
        std::io::ErrorKind::InvalidInput => {
            Some("listen on 127.0.0.1 or [::1]; reach it from elsewhere through an SSH tunnel")
        }
        _ => None,
    }
}

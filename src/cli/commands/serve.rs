//! `serve`: runs the long-running service.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::mcp::{ServerParts, build_context, prepare_server};
use crate::cli::invocation::Invocation;
use crate::cli::signals;
use crate::config::{LayeredSettings, Paths, SearchBackend};
use crate::domain::{Failure, FailureCode};
use crate::http::TokenSet;
use crate::import::Source;
use crate::mcp::{CallContext, Server};
use crate::service::{self, ServiceSetup};
use crate::sync::RemoteMemory;

/// Run the service: MCP over HTTP on this machine, metrics, health checks and a webhook for alerts
///
/// Serves MCP (Streamable HTTP) at /mcp, and /metrics, /health, /readyz, /livez; alerts at /webhook on a separate port.
/// Requests need a bearer token from a file in the data folder, which is created at the first start: http.token for
/// everything, others for metrics, webhook, read and write only (`claude-memory token list`). Without a token /livez
/// answers, and /health says only healthy or unhealthy. Only loopback addresses are allowed, and Host and Origin are
/// checked. The service also imports transcripts as they are written, computes embeddings, runs backups and the monthly
/// maintenance when they are due, and evaluates the alerts. SIGHUP reloads configuration and tokens; SIGTERM or Ctrl-C
/// ends it within two seconds.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory serve\n  claude-memory serve --http 127.0.0.1:9080 --webhook off\n\nRegister it with Claude Code:\n  claude mcp add --transport http claude-memory http://127.0.0.1:8080/mcp \
    --header \"Authorization: Bearer $(cat ~/.local/share/claude-memory/http.token)\""
)]
pub(in crate::cli) struct ServeArgs {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Address of the webhook for Alertmanager (/webhook), or `off`
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    webhook: String,
    /// Origin of a web page that may call the service, for example `http://localhost:3000`; may be given several times
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Source of search results: local, or production for everything all machines sent to sync.postgres and sync.qdrant
    /// [default: setting serve.backend]
    #[arg(long, value_name = "BACKEND", value_parser = ["local", "production"])]
    backend: Option<String>,
    /// Tools to offer: core, full or admin [default: setting mcp.profile]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
}

/// Loads the bearer tokens that requests need; creates those that are missing.
pub(super) fn load_tokens(paths: &Paths) -> Result<TokenSet, Failure> {
    TokenSet::load_or_create(paths).map_err(|error| Failure::new(FailureCode::Unavailable, error.to_string(), None))
}

pub(in crate::cli) fn run(args: &ServeArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let ServerParts { desk, profile, structured, make_vectors } = prepare_server(args.profile.as_deref(), session)?;
    let paths = session.resolve_paths()?;
    let tokens = load_tokens(&paths)?;
    let webhook = match args.webhook.as_str() {
        "off" => None,
        address => Some(address.parse().map_err(|_| {
            Failure::invalid_input(format!(
                "invalid --webhook {address:?}; use an address such as 127.0.0.1:8081, or `off`"
            ))
        })?),
    };
    let settings = session.load_settings(&paths)?.settings;
    let from_production = match args.backend.as_deref() {
        Some(name) => name == "production",
        None => settings.serve.backend == SearchBackend::Production,
    };
    let remote = if from_production { Some(Arc::new(RemoteMemory::from_settings(&settings.sync)?)) } else { None };
    let (output, file, logging) = (session.output, paths.config_file(), session.logging.clone());
    let reload = move || {
        let layered = LayeredSettings::load_file(&file).map_err(|error| error.to_string())?;
        layered.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        logging.set_file_filter(&layered.settings.log.filter)?;
        Ok(layered.settings)
    };
    service::run(&ServiceSetup {
        // Folder and session of this process are not those of its callers.
        server: Server::new(
            desk.clone(),
            CallContext { directory: None, session: None, remote, ..build_context() },
            profile,
            structured,
        ),
        desk,
        settings,
        transcripts: build_context().transcripts,
        followed: list_followed_folders(),
        paths,
        make_vectors,
        http: args.http,
        webhook,
        origins: args.origins.clone(),
        tokens,
        say: Box::new(move |text| output.print_message(text)),
        reload: Box::new(reload),
    })
    .map_err(|error| Failure::new(FailureCode::Unavailable, error.to_string(), listen_hint(&error)))?;
    signals::exit_immediately()
}

fn listen_hint(error: &std::io::Error) -> Option<&'static str> {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => Some(
            "another program uses this port: `ss -ltnp` (Linux) or `lsof -iTCP -sTCP:LISTEN` shows which; or choose --http 127.0.0.1:PORT",
        ),
        std::io::ErrorKind::InvalidInput => {
            Some("listen on 127.0.0.1 or [::1]; reach it from elsewhere through an SSH tunnel")
        }
        _ => None,
    }
}

/// Lists the folders with transcripts of every agent, which the service follows.
fn list_followed_folders() -> Vec<(Source, PathBuf)> {
    let folders = |source: Source| {
        // Of Claude Code's folders only the one with transcripts grows.
        if source == Source::CLAUDE_CODE {
            source.default_folder().into_iter().collect()
        } else {
            source.default_folders()
        }
    };
    Source::growing().flat_map(|source| folders(source).into_iter().map(move |folder| (source, folder))).collect()
}

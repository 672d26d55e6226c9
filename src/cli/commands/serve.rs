//! `serve`: the long-running process.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use super::import::folder_of;
use super::mcp::{Prepared, context, prepare};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::signals;
use crate::config::{Backend, Layered, Paths};
use crate::domain::Code;
use crate::http::{Token, load_or_create};
use crate::import::Source;
use crate::mcp::{Context, Server};
use crate::service::{self, Setup};
use crate::sync::Remote;

/// Serve MCP over Streamable HTTP on this machine, with metrics, health and a webhook for alerts
///
/// MCP at /mcp, and /metrics, /health, /readyz, /livez; alerts at /webhook on a port of its own. All of it with a bearer token from
/// the file http.token in the data folder, which is made at the first time. Only addresses of this machine; Host and Origin are
/// looked at. Meanwhile it reads transcripts as they are written, makes vectors, backups and the monthly round when they are due,
/// and watches what the alerts are about. SIGHUP reads configuration and token again; SIGTERM or Ctrl-C ends it within two seconds.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory serve\n  claude-memory serve --http 127.0.0.1:9080 --webhook off\n\nRegister it with Claude Code:\n  claude mcp add --transport http claude-memory http://127.0.0.1:8080/mcp \
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
    /// Where searches are answered from: local, or production for what all machines have sent to sync.postgres and sync.qdrant
    /// [default: setting serve.backend]
    #[arg(long, value_name = "BACKEND", value_parser = ["local", "production"])]
    backend: Option<String>,
    /// Tools to offer: core, full or admin [default: setting mcp.profile]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
}

/// What a request has to bring, made if it is not there.
pub(super) fn token(paths: &Paths) -> Result<Token, Failure> {
    let file = paths.http_token();
    load_or_create(&file).map_err(|error| {
        Failure::new(Code::Unavailable, format!("the token in {} cannot be used: {error}", file.display()), None)
    })
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let Prepared { desk, profile, make_vectors } = prepare(args.profile.as_deref(), session)?;
    let paths = session.paths()?;
    let token = token(&paths)?;
    let webhook =
        match args.webhook.as_str() {
            "off" => None,
            address => Some(address.parse().map_err(|_| {
                Failure::invalid(format!("--webhook is {address:?}; 127.0.0.1:8081 or `off` is meant"))
            })?),
        };
    let settings = session.settings(&paths)?.settings;
    let from_production = match args.backend.as_deref() {
        Some(name) => name == "production",
        None => settings.serve.backend == Backend::Production,
    };
    let remote = if from_production { Some(Arc::new(Remote::configured(&settings.sync)?)) } else { None };
    let (output, file, logging) = (session.output, paths.config(), session.logging.clone());
    let reload = move || {
        let layered = Layered::load(&file).map_err(|error| error.to_string())?;
        layered.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        logging.filter(&layered.settings.log.filter)?;
        Ok(layered.settings)
    };
    service::run(&Setup {
        // Where this process was started says nothing about its callers.
        server: Server::new(desk.clone(), Context { directory: None, session: None, remote, ..context() }, profile),
        desk,
        settings,
        transcripts: context().transcripts,
        followed: Source::GROWING.into_iter().filter_map(|source| Some((source, folder_of(source)?))).collect(),
        paths,
        make_vectors,
        http: args.http,
        webhook,
        origins: args.origins.clone(),
        token,
        say: Box::new(move |text| output.say(text)),
        reload: Box::new(reload),
    })
    .map_err(|error| Failure::new(Code::Unavailable, error.to_string(), hint_of(&error)))?;
    signals::leave()
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

//! `mcp`: the MCP server on stdin and stdout.

use std::process::ExitCode;

use crate::bridge::Desk;
use crate::cli::error::Failure;
use crate::cli::session::{Session, ids};
use crate::cli::signals;
use crate::config::{Settings, env};
use crate::domain::Code;
use crate::mcp::{Context, Profile, Server, run as serve};
use crate::memory::{self, Memory};
use crate::store::Open;

/// Serve the memory to Claude over MCP on stdin and stdout
///
/// Started by the client, one process per session, ends when stdin ends. Nothing is opened until the first call.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory mcp\n  claude-memory mcp --profile full\n\n\
    Register it with Claude Code or another client: claude-memory install")]
pub(in crate::cli) struct Args {
    /// Tools to offer: core, full or admin [default: setting mcp.profile]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let Prepared { desk, profile, make_vectors } = prepare(args.profile.as_deref(), session)?;
    serve(Server::new(desk, context(), profile), make_vectors)
        .map_err(|error| Failure::new(Code::Unavailable, format!("the MCP connection failed: {error}"), None))?;
    signals::leave()
}

/// What a server is made of, over whichever transport.
pub(super) struct Prepared {
    /// Opens the memory at the first call.
    pub(super) desk: Desk<Memory, memory::Error>,
    /// The tools that are asked for.
    pub(super) profile: Profile,
    /// Whether missing vectors are made in the background.
    pub(super) make_vectors: bool,
}

/// Opens the memory at the first call, with the settings of now.
pub(super) fn desk(session: &Session) -> Result<(Desk<Memory, memory::Error>, Settings), Failure> {
    let paths = session.paths()?;
    let settings = session.settings(&paths)?.settings;
    let inner = settings.clone();
    let desk = Desk::new(move || Memory::open(&paths, inner.clone(), Open::Create, ids(), env::now()));
    Ok((desk, settings))
}

pub(super) fn prepare(profile: Option<&str>, session: &Session) -> Result<Prepared, Failure> {
    let (desk, settings) = desk(session)?;
    let name = profile.unwrap_or(&settings.mcp.profile);
    let profile = Profile::from_name(name)
        .ok_or_else(|| Failure::invalid(format!("profile is {name:?}; it must be core, full or admin")))?;
    let make_vectors = settings.mcp.index && settings.embed.model != "off";
    Ok(Prepared { desk, profile, make_vectors })
}

/// What this process knows about its caller.
pub(super) fn context() -> Context {
    Context {
        directory: env::project_folder(),
        session: env::session(),
        transcripts: env::claude_folder().map(|folder| folder.join("projects")),
        now: env::now,
        remote: None,
    }
}

//! `mcp`: runs the MCP server on stdin and stdout.

use std::process::ExitCode;

use crate::bridge::EngineHandle;
use crate::cli::invocation::{Invocation, id_generator};
use crate::cli::signals;
use crate::config::{Settings, env};
use crate::domain::{Failure, FailureCode};
use crate::mcp::{CallContext, Profile, Server, serve_stdio as serve};
use crate::memory::{self, Memory};
use crate::store::OpenMode;

/// Run the MCP server on stdin and stdout
///
/// Started by the client, one process per session; ends when stdin ends. Opens nothing until the first call.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory mcp\n  claude-memory mcp --profile full\n\n\
    Register it with Claude Code or another client: claude-memory install")]
pub(in crate::cli) struct McpArgs {
    /// Tools to offer: core, full or admin [default: setting mcp.profile]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
}

pub(in crate::cli) fn run(args: &McpArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let ServerParts { desk, profile, structured, make_vectors } = prepare_server(args.profile.as_deref(), session)?;
    serve(Server::new(desk, build_context(), profile, structured), make_vectors)
        .map_err(|error| Failure::new(FailureCode::Unavailable, format!("the MCP connection failed: {error}"), None))?;
    signals::exit_immediately()
}

/// Parts of an MCP server that do not depend on the transport.
pub(super) struct ServerParts {
    /// Handle that opens the memory at the first call.
    pub(super) desk: EngineHandle<Memory, memory::Error>,
    /// Set of tools to offer.
    pub(super) profile: Profile,
    pub(super) structured: bool,
    /// True if missing embeddings are computed in the background.
    pub(super) make_vectors: bool,
}

/// Returns a handle that opens the memory at the first call, and the current settings, which it uses.
pub(super) fn build_engine_handle(
    session: &Invocation,
) -> Result<(EngineHandle<Memory, memory::Error>, Settings), Failure> {
    let paths = session.resolve_paths()?;
    let settings = session.load_settings(&paths)?.settings;
    let inner = settings.clone();
    let desk = EngineHandle::new(move || {
        Memory::open(&paths, inner.clone(), OpenMode::Create, id_generator(), env::current_time())
    });
    Ok((desk, settings))
}

pub(super) fn prepare_server(profile: Option<&str>, session: &Invocation) -> Result<ServerParts, Failure> {
    let (desk, settings) = build_engine_handle(session)?;
    let name = profile.unwrap_or(&settings.mcp.profile);
    let profile = Profile::from_name(name)
        .ok_or_else(|| Failure::invalid_input(format!("unknown profile {name:?}; use core, full or admin")))?;
    let make_vectors = settings.mcp.index && settings.embed.model != "off";
    Ok(ServerParts { desk, profile, structured: settings.mcp.structured, make_vectors })
}

/// Builds the context of tool calls from the environment of this process.
pub(super) fn build_context() -> CallContext {
    CallContext {
        directory: env::project_folder(),
        session: env::session_id(),
        transcripts: env::claude_folder().map(|folder| folder.join("projects")),
        now: env::current_time,
        remote: None,
    }
}

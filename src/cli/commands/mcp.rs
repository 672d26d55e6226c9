//! `mcp`: the MCP server on stdin and stdout.

use std::process::ExitCode;

use crate::bridge::Desk;
use crate::cli::error::Failure;
use crate::cli::session::{Session, ids};
use crate::config::env;
use crate::domain::Code;
use crate::mcp::{Context, Server, run as serve};
use crate::memory::Memory;
use crate::store::Open;

/// Serve the memory to Claude over MCP on stdin and stdout
///
/// Started by the client, one process per session, ends when stdin ends. Nothing is opened until the first call.
#[derive(Debug, clap::Args)]
#[command(after_help = "Register it with Claude Code:\n  claude mcp add -s user claude-memory -- claude-memory mcp")]
pub(in crate::cli) struct Args {}

pub(in crate::cli) fn run(Args {}: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let paths = session.paths()?;
    let settings = session.settings(&paths)?.settings;
    let make_vectors = settings.mcp.index && settings.embed.model != "off";
    let desk = Desk::new(move || Memory::open(&paths, settings.clone(), Open::Create, ids(), env::now()));
    let context = Context { directory: env::project_folder(), now: env::now };
    serve(Server::new(desk, context), make_vectors)
        .map_err(|error| Failure::new(Code::Unavailable, format!("the MCP connection failed: {error}"), None))?;
    Ok(ExitCode::SUCCESS)
}

//! `handoff`: a session, handed over to the next one.

use std::process::ExitCode;

use super::tool::{self, Arguments};
use crate::cli::error::Failure;
use crate::cli::session::Session;

/// Say what a session was asked, what it left open and how it ended
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory handoff\n  claude-memory handoff 545308f1")]
pub(in crate::cli) struct Args {
    /// Its id or the first six characters [default: the newest session of this project]
    #[arg(value_name = "SESSION")]
    session: Option<String>,
    /// all, current, or a project's name, number or path
    #[arg(long, short, default_value = "current")]
    project: String,
}

pub(in crate::cli) fn run(args: Args, session: &Session) -> Result<ExitCode, Failure> {
    let project = if args.session.is_some() { "all".to_owned() } else { args.project };
    let arguments = Arguments::default().with("session_id", args.session).with("project", Some(project));
    tool::call(session, "memory_handoff", arguments)
}

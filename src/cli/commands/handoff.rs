//! `handoff`: summary of a session for the next one.

use std::process::ExitCode;

use super::tool::{self, ToolCallArguments};
use crate::cli::invocation::Invocation;
use crate::domain::Failure;

/// Show what a session was asked to do, what is still open and how it ended
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory handoff\n  claude-memory handoff 545308f1")]
pub(in crate::cli) struct HandoffArgs {
    /// Session id, or its first six characters [default: the newest session of this project]
    #[arg(value_name = "SESSION")]
    session: Option<String>,
    /// Project: all, current, or a name, number or path
    #[arg(long, short, default_value = "current")]
    project: String,
}

pub(in crate::cli) fn run(args: HandoffArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let project = if args.session.is_some() { "all".to_owned() } else { args.project };
    let arguments =
        ToolCallArguments::default().with_argument("session_id", args.session).with_argument("project", Some(project));
    tool::call_tool(session, "memory_handoff", arguments)
}

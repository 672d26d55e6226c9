//! `handoff`: summary of a session for the next one.

use std::process::ExitCode;

use super::history_answer::HistoryPrinter;
use super::tool::{self, ToolCallArguments};
use crate::cli::invocation::Invocation;
use crate::cli::last_results;
use crate::domain::Failure;

/// Show what a session was asked to do, what is still open and how it ended
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory handoff\n  claude-memory handoff 545308f1")]
pub(in crate::cli) struct HandoffArgs {
    /// Number of a result, session id or its first four characters [default: the newest session of this project]
    #[arg(value_name = "SESSION")]
    session: Option<String>,
    /// Project: all, current, or a name, number or path
    #[arg(long, short, default_value = "current")]
    project: String,
}

pub(in crate::cli) fn run(args: HandoffArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let paths = session.resolve_paths()?;
    let wanted = args.session.as_ref().map(|text| last_results::resolve_session(&paths, text)).transpose()?;
    let project = if args.session.is_some() { "all".to_owned() } else { args.project };
    let arguments =
        ToolCallArguments::default().with_argument("session_id", wanted).with_argument("project", Some(project));
    tool::call_and_print(session, "memory_handoff", arguments, |found| {
        HistoryPrinter::new(session).print_handoff(found)
    })
}

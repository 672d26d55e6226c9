//! `context`: knowledge from earlier sessions to start a task with.

use std::process::ExitCode;

use super::tool::{self, ToolCallArguments};
use crate::cli::invocation::Invocation;
use crate::domain::Failure;

/// Gather what earlier sessions say about a task, its files and its error
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory context \"make the pool size configurable\" --file src/pool.rs")]
pub(in crate::cli) struct ContextArgs {
    /// Task to do
    task: String,
    /// File that the task concerns; may be given several times
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<String>,
    /// Error message to solve
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// Maximum tokens of the answer
    #[arg(long, default_value_t = 1200, value_name = "N")]
    max_tokens: usize,
    /// Amount of detail: conservative, balanced or comprehensive
    #[arg(long, default_value = "balanced")]
    style: String,
    /// Project: all, current, or a name, number or path
    #[arg(long, short, default_value = "all")]
    project: String,
}

pub(in crate::cli) fn run(args: ContextArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let arguments = ToolCallArguments::default()
        .with_argument("task", Some(args.task))
        .with_argument("files", Some(args.files))
        .with_argument("error", args.error)
        .with_argument("max_tokens", Some(args.max_tokens))
        .with_argument("style", Some(args.style))
        .with_argument("project", Some(args.project));
    tool::call_search_tool(session, "memory_context", "items", arguments)
}

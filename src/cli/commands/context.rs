//! `context`: what a task should start with.

use std::process::ExitCode;

use super::tool::{self, Arguments};
use crate::cli::error::Failure;
use crate::cli::session::Session;

/// Gather what earlier sessions say about a task, its files and its error
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory context \"make the pool size configurable\" --file src/pool.rs")]
pub(in crate::cli) struct Args {
    /// What is to be done
    task: String,
    /// A file that it concerns; may be given several times
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<String>,
    /// An error message to be overcome
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// Tokens of the answer
    #[arg(long, default_value_t = 1200, value_name = "N")]
    max_tokens: usize,
    /// conservative, balanced or comprehensive
    #[arg(long, default_value = "balanced")]
    style: String,
    /// all, current, or a project's name, number or path
    #[arg(long, short, default_value = "all")]
    project: String,
}

pub(in crate::cli) fn run(args: Args, session: &Session) -> Result<ExitCode, Failure> {
    let arguments = Arguments::default()
        .with("task", Some(args.task))
        .with("files", Some(args.files))
        .with("error", args.error)
        .with("max_tokens", Some(args.max_tokens))
        .with("style", Some(args.style))
        .with("project", Some(args.project));
    tool::call(session, "memory_context", arguments)
}

//! `blame`: edits of a file with the requests they were made for.

use std::process::ExitCode;

use super::history_answer::HistoryPrinter;
use super::tool::{self, ToolCallArguments};
use crate::cli::invocation::Invocation;
use crate::domain::Failure;

/// List the edits of a file and the request behind each
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory blame src/pool.rs")]
pub(in crate::cli) struct BlameArgs {
    /// Path of the file, or the end of it
    file: String,
    /// Project: all, current, or a name, number or path
    #[arg(long, short, default_value = "all")]
    project: String,
    /// Number of requests to list, 1 to 50
    #[arg(long, short = 'n', default_value_t = 10)]
    limit: usize,
}

pub(in crate::cli) fn run(args: BlameArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let arguments = ToolCallArguments::default()
        .with_argument("file", Some(args.file))
        .with_argument("project", Some(args.project))
        .with_argument("limit", Some(args.limit));
    tool::call_and_print(session, "memory_blame", arguments, |found| HistoryPrinter::new(session).print_edits(found))
}

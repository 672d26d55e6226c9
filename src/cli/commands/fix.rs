//! `fix`: earlier occurrences of an error and their solutions.

use std::io::Read as _;
use std::process::ExitCode;

use super::history_answer::HistoryPrinter;
use super::tool::{self, ToolCallArguments};
use crate::cli::invocation::Invocation;
use crate::domain::Failure;

/// Find earlier occurrences of an error and how they were solved
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory fix \"E0382: use of moved value\"\n  cargo test 2>&1 | claude-memory fix -"
)]
pub(in crate::cli) struct FixArgs {
    /// Error message as printed, or - to read it from stdin
    error: String,
    /// Project: all, current, or a name, number or path
    #[arg(long, short, default_value = "all")]
    project: String,
    /// Number of occurrences to list, 1 to 20
    #[arg(long, short = 'n', default_value_t = 3)]
    limit: usize,
}

pub(in crate::cli) fn run(args: FixArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let mut error = args.error;
    if error == "-" {
        error.clear();
        std::io::stdin()
            .read_to_string(&mut error)
            .map_err(|why| Failure::invalid_input(format!("cannot read stdin: {why}")))?;
    }
    let arguments = ToolCallArguments::default()
        .with_argument("error", Some(error))
        .with_argument("project", Some(args.project))
        .with_argument("limit", Some(args.limit));
    tool::call_and_print(session, "memory_fix", arguments, |found| HistoryPrinter::new(session).print_fixes(found))
}

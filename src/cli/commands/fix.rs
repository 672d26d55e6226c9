//! `fix`: how an error was overcome before.

use std::io::Read as _;
use std::process::ExitCode;

use super::tool::{self, Arguments};
use crate::cli::error::Failure;
use crate::cli::session::Session;

/// Find earlier occurrences of an error and what was said when it was overcome
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory fix \"E0382: use of moved value\"\n  cargo test 2>&1 | claude-memory fix -"
)]
pub(in crate::cli) struct Args {
    /// The error message as it was printed, or - to read it from stdin
    error: String,
    /// all, current, or a project's name, number or path
    #[arg(long, short, default_value = "all")]
    project: String,
    /// Occurrences to list, 1 to 20
    #[arg(long, short = 'n', default_value_t = 3)]
    limit: usize,
}

pub(in crate::cli) fn run(args: Args, session: &Session) -> Result<ExitCode, Failure> {
    let mut error = args.error;
    if error == "-" {
        error.clear();
        std::io::stdin()
            .read_to_string(&mut error)
            .map_err(|why| Failure::invalid(format!("cannot read stdin: {why}")))?;
    }
    let arguments = Arguments::default()
        .with("error", Some(error))
        .with("project", Some(args.project))
        .with("limit", Some(args.limit));
    tool::call(session, "memory_fix", arguments)
}

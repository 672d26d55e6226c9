//! `blame`: why a file is as it is.

use std::process::ExitCode;

use super::tool::{self, Arguments};
use crate::cli::error::Failure;
use crate::cli::session::Session;

/// List the edits of a file with the request each was made for
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory blame src/pool.rs")]
pub(in crate::cli) struct Args {
    /// Path, or the end of one
    file: String,
    /// all, current, or a project's name, number or path
    #[arg(long, short, default_value = "all")]
    project: String,
    /// Requests to list, 1 to 50
    #[arg(long, short = 'n', default_value_t = 10)]
    limit: usize,
}

pub(in crate::cli) fn run(args: Args, session: &Session) -> Result<ExitCode, Failure> {
    let arguments = Arguments::default()
        .with("file", Some(args.file))
        .with("project", Some(args.project))
        .with("limit", Some(args.limit));
    tool::call(session, "memory_blame", arguments)
}

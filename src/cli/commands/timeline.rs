//! `timeline`: the sessions in order of time.

use std::process::ExitCode;

use super::tool::{self, Arguments};
use crate::cli::error::Failure;
use crate::cli::session::Session;

/// List sessions in order of time, newest first
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory timeline --project current\n  claude-memory timeline --after \"last week\" --file src/pool.rs"
)]
pub(in crate::cli) struct Args {
    /// all, current, or a project's name, number or path
    #[arg(long, short, default_value = "all")]
    project: String,
    /// Not before: 2026-01-22, yesterday, "last week", 上周
    #[arg(long, value_name = "TIME")]
    after: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// Around the session of this message
    #[arg(long, value_name = "ID")]
    around: Option<String>,
    /// What was talked about
    #[arg(long, value_name = "TEXT", conflicts_with = "around")]
    query: Option<String>,
    /// Only sessions that touched this file
    #[arg(long, value_name = "PATH", conflicts_with = "around")]
    file: Option<String>,
    /// Sessions to list, 1 to 50
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// The next page, as the last one printed it
    #[arg(long)]
    cursor: Option<String>,
}

pub(in crate::cli) fn run(args: Args, session: &Session) -> Result<ExitCode, Failure> {
    let chosen = args.query.is_some() || args.file.is_some();
    let arguments = Arguments::default()
        .with("project", Some(args.project))
        .with("after", args.after)
        .with("before", args.before)
        .with("limit", Some(args.limit))
        .with("cursor", args.cursor);
    if chosen {
        return tool::call(session, "memory_sessions", arguments.with("query", args.query).with("file", args.file));
    }
    tool::call(session, "memory_timeline", arguments.with("anchor_id", args.around))
}

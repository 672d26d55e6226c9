//! `timeline`: lists sessions by time.

use std::process::ExitCode;

use super::tool::{self, ToolCallArguments};
use crate::cli::invocation::Invocation;
use crate::domain::Failure;

/// List sessions, newest first
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory timeline --project current\n  claude-memory timeline --after \"last week\" --file src/pool.rs"
)]
pub(in crate::cli) struct TimelineArgs {
    /// Project: all, current, or a name, number or path
    #[arg(long, short, default_value = "all")]
    project: String,
    /// Only sessions from this time on: 2026-01-22, yesterday, "last week", 上周
    #[arg(long, value_name = "TIME")]
    after: Option<String>,
    /// Only sessions before this time
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// List sessions around the session of this message
    #[arg(long, value_name = "ID")]
    around: Option<String>,
    /// Only sessions about this
    #[arg(long, value_name = "TEXT", conflicts_with = "around")]
    query: Option<String>,
    /// Only sessions that touched this file
    #[arg(long, value_name = "PATH", conflicts_with = "around")]
    file: Option<String>,
    /// Number of sessions to list, 1 to 50
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Cursor of the next page, as printed at the end of the previous one
    #[arg(long)]
    cursor: Option<String>,
}

pub(in crate::cli) fn run(args: TimelineArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let chosen = args.query.is_some() || args.file.is_some();
    let arguments = ToolCallArguments::default()
        .with_argument("project", Some(args.project))
        .with_argument("after", args.after)
        .with_argument("before", args.before)
        .with_argument("limit", Some(args.limit))
        .with_argument("cursor", args.cursor);
    if chosen {
        return tool::call_tool(
            session,
            "memory_sessions",
            arguments.with_argument("query", args.query).with_argument("file", args.file),
        );
    }
    tool::call_tool(session, "memory_timeline", arguments.with_argument("anchor_id", args.around))
}

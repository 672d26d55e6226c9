//! `timeline`: lists sessions by time.

use std::process::ExitCode;

use serde_json::Value;

use super::session_list::{ListedSession, print_sessions};
use super::tool::{self, ToolCallArguments};
use crate::cli::calendar::Calendar;
use crate::cli::invocation::Invocation;
use crate::cli::last_results;
use crate::cli::palette::Tone;
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
    /// List sessions around the session of this message: an id, or the number of a search result
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
    let around = args.around.map(|id| last_results::resolve_reference(&session.resolve_paths()?, &id)).transpose()?;
    let arguments = ToolCallArguments::default()
        .with_argument("project", Some(args.project))
        .with_argument("after", args.after)
        .with_argument("before", args.before)
        .with_argument("limit", Some(args.limit))
        .with_argument("cursor", args.cursor);
    let (name, arguments) = if chosen {
        ("memory_sessions", arguments.with_argument("query", args.query).with_argument("file", args.file))
    } else {
        ("memory_timeline", arguments.with_argument("anchor_id", around))
    };
    tool::call_and_print(session, name, arguments, |found| print_timeline(found, session))
}

/// Prints the sessions of an answer; returns false if there are none.
fn print_timeline(found: &Value, session: &Invocation) -> bool {
    let sessions = found.get("sessions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let sessions: Vec<ListedSession> = sessions.iter().map(ListedSession::from_value).collect();
    if sessions.is_empty() {
        session.output.print_line("No session.");
        return false;
    }
    print_sessions(&sessions, &Calendar::at(session.now), session);
    let palette = session.output.error_palette();
    let mut next = vec!["Open one: claude-memory show 1".to_owned()];
    if let Some(cursor) = found.get("next_cursor").and_then(Value::as_str) {
        next.insert(0, format!("More: the same command with --cursor {cursor}"));
    }
    session.output.print_message("");
    next.iter().for_each(|line| session.output.print_message(&palette.paint(Tone::Meta, line)));
    true
}

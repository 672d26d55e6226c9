//! `decisions`: lists suggestions, confirms and dismisses them.

use std::process::ExitCode;

use clap::Subcommand;

use super::tool::{self, ToolCallArguments};
use crate::cli::invocation::Invocation;
use crate::config::env;
use crate::domain::Failure;
use crate::mcp::wire::SaveAnswer;
use crate::store::OpenMode;

/// List what you decided, corrected or ruled, and confirm it
///
/// Rules find these turns among your own words, in English and Chinese; a short "yes" is listed with the proposal before
/// it. They are suggestions: nothing is injected before you or an agent confirms it, which saves a note.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  claude-memory decisions --project current --since \"last month\"\n  \
    claude-memory decisions \"connection pool\" --state in_force\n  claude-memory decisions confirm 3a90c1d2"
)]
pub(in crate::cli) struct DecisionsArgs {
    #[command(subcommand)]
    what: Option<DecisionsCommand>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Subcommand)]
enum DecisionsCommand {
    /// Save a suggestion as a note
    Confirm(ConfirmArgs),
    /// Stop listing a suggestion; `--status dismissed` still lists it, and confirming it undoes this
    Dismiss {
        /// Id of the suggestion
        id: String,
    },
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only suggestions about this
    subject: Option<String>,
    /// Project: all, current, or a name, number or path
    #[arg(long, short, default_value = "all")]
    project: String,
    /// Only from this time on: 2026-01-22, yesterday, "last week", 上周
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Kind: decision, correction or rule
    #[arg(long)]
    kind: Option<String>,
    /// State: in_force, replaced or reverted
    #[arg(long)]
    state: Option<String>,
    /// Status: suggested, confirmed or dismissed [default: suggested and confirmed]
    #[arg(long)]
    status: Option<String>,
    /// Number of suggestions to list, 1 to 50
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Number of suggestions to skip
    #[arg(long, default_value_t = 0)]
    from: usize,
}

#[derive(Debug, clap::Args)]
struct ConfirmArgs {
    /// Id of the suggestion
    id: String,
    /// Where it holds: project or everywhere [default: as listed]
    #[arg(long)]
    scope: Option<String>,
    /// Id of a note that it replaces; may be given several times
    #[arg(long, value_name = "ID")]
    supersedes: Vec<String>,
}

pub(in crate::cli) fn run(args: DecisionsArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    match args.what {
        Some(DecisionsCommand::Confirm(args)) => {
            let arguments = ToolCallArguments::default()
                .with_argument("confirm", Some(args.id))
                .with_argument("scope", args.scope)
                .with_argument("supersedes", Some(args.supersedes));
            tool::call_tool(session, "memory_decisions", arguments)
        }
        Some(DecisionsCommand::Dismiss { id }) => dismiss(&id, session),
        None => list(args.list, session),
    }
}

fn list(args: ListArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let arguments = ToolCallArguments::default()
        .with_argument("subject", args.subject)
        .with_argument("project", Some(args.project))
        .with_argument("since", args.since)
        .with_argument("kind", args.kind)
        .with_argument("state", args.state)
        .with_argument("status", args.status)
        .with_argument("limit", Some(args.limit))
        .with_argument("from", Some(args.from));
    tool::call_search_tool(session, "memory_decisions", "suggestions", arguments)
}

fn dismiss(id: &str, session: &Invocation) -> Result<ExitCode, Failure> {
    if env::runs_in_agent() {
        return Err(Failure::invalid_input("only the user dismisses a suggestion; run this in a terminal of your own"));
    }
    let memory = session.open_memory(OpenMode::Existing)?;
    let suggestion = memory.find_suggestion(memory.resolve_id(id)?, session.now)?;
    let saved = SaveAnswer::from(memory.dismiss_suggestion(&suggestion, session.now)?);
    if session.output.is_json() {
        session.output.print_json(&saved);
    } else {
        session.output.print_line(&format!("dismissed {}", suggestion.turn.id));
    }
    Ok(ExitCode::SUCCESS)
}

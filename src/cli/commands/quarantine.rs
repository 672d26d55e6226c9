//! `quarantine`: hides messages from search and injection without deleting them.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use crate::cli::invocation::Invocation;
use crate::domain::Failure;
use crate::domain::text::{sanitise, to_one_line};
use crate::store::OpenMode;

/// Maximum number of messages listed.
const MAX_LISTED: usize = 1_000;

/// Hide messages from every answer, for example text from a file with planted instructions
///
/// Nothing is lost: `list` shows them, `release` makes them visible again, and `forget` deletes them permanently.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory quarantine add 545308f1\n  claude-memory quarantine list")]
pub(in crate::cli) struct QuarantineArgs {
    #[command(subcommand)]
    action: QuarantineAction,
}

#[derive(Debug, Subcommand)]
enum QuarantineAction {
    /// Hide messages from now on
    Add {
        /// Message ids, or session ids (the first four characters are enough)
        #[arg(value_name = "ID", required_unless_present = "source")]
        what: Vec<String>,
        /// Hide everything from this source: claude-code, saved, or an imported transcript or folder
        #[arg(long, value_name = "SOURCE", conflicts_with = "what")]
        source: Option<String>,
        /// Reason, shown by `list`
        #[arg(long, default_value = "asked for", value_name = "TEXT")]
        reason: String,
    },
    /// List hidden messages and the reason for each
    List,
    /// Make messages visible again
    Release {
        /// Message ids, or session ids
        #[arg(value_name = "ID", required_unless_present = "all")]
        what: Vec<String>,
        /// Release all messages in quarantine
        #[arg(long, conflicts_with = "what")]
        all: bool,
    },
}

#[derive(Serialize)]
struct QuarantineChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantined: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    released: Option<u64>,
}

#[derive(Serialize)]
struct QuarantineEntry {
    id: String,
    session_id: String,
    since: String,
    reason: String,
    text: String,
}

pub(in crate::cli) fn run(args: QuarantineArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    match args.action {
        QuarantineAction::Add { what, source, reason } => {
            let ids = match &source {
                Some(source) => memory.messages_of_source(source)?,
                None => memory.resolve_messages(&what)?,
            };
            let done = memory.quarantine_messages(ids, &reason, session.now)?;
            print_change(
                session,
                &QuarantineChange { quarantined: Some(done), released: None },
                done,
                "quarantined messages",
            );
        }
        QuarantineAction::Release { what, all } => {
            let ids = if all {
                memory.list_quarantined(usize::MAX)?.into_iter().map(|kept| kept.id).collect()
            } else {
                memory.resolve_messages(&what)?
            };
            let done = memory.release_messages(ids, session.now)?;
            print_change(
                session,
                &QuarantineChange { quarantined: None, released: Some(done) },
                done,
                "released messages",
            );
        }
        QuarantineAction::List => {
            let entries = memory.list_quarantined(MAX_LISTED)?.into_iter().map(|kept| QuarantineEntry {
                id: kept.id.to_string(),
                session_id: kept.session,
                since: kept.since.to_string(),
                reason: kept.reason,
                text: to_one_line(&sanitise::sanitise_text(&kept.text), 100),
            });
            let entries: Vec<QuarantineEntry> = entries.collect();
            if session.output.is_json() {
                session.output.print_json(&serde_json::json!({ "messages": entries }));
            } else {
                for entry in &entries {
                    session
                        .output
                        .print_line(&format!("{}  {}  ({})\n    {}", entry.id, entry.since, entry.reason, entry.text));
                }
                session.output.print_message(&format!("listed messages: {}", entries.len()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_change(session: &Invocation, changed: &QuarantineChange, count: u64, what: &str) {
    if session.output.is_json() {
        session.output.print_json(changed);
    } else {
        session.output.print_line(&format!("{what}: {count}"));
    }
}

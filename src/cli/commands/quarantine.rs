//! `quarantine`: keeps messages out of every answer without losing them.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::domain::text::{one_line, visible};
use crate::store::Open;

/// Messages that are listed at most.
const SHOWN: usize = 1_000;

/// Keep messages out of every answer, for example what came from a file that planted instructions
///
/// Nothing is lost: they can be looked at with `list` and let in again with `release`, and `forget` takes them out for good.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory quarantine add 545308f1\n  claude-memory quarantine list")]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Keep messages out from now on
    Add {
        /// Ids of messages, or of sessions (the first six characters are enough)
        #[arg(value_name = "ID", required_unless_present = "source")]
        what: Vec<String>,
        /// Everything that came from here: claude-code, saved, or a transcript or folder that was imported
        #[arg(long, value_name = "SOURCE", conflicts_with = "what")]
        source: Option<String>,
        /// Why
        #[arg(long, default_value = "asked for", value_name = "TEXT")]
        reason: String,
    },
    /// What is kept out, and why
    List,
    /// Let messages into answers again
    Release {
        /// Ids of messages, or of sessions
        #[arg(value_name = "ID", required_unless_present = "all")]
        what: Vec<String>,
        /// Everything
        #[arg(long, conflicts_with = "what")]
        all: bool,
    },
}

#[derive(Serialize)]
struct Changed {
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantined: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    released: Option<u64>,
}

#[derive(Serialize)]
struct Entry {
    id: String,
    session_id: String,
    since: String,
    reason: String,
    text: String,
}

pub(in crate::cli) fn run(args: Args, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    match args.action {
        Action::Add { what, source, reason } => {
            let ids = match &source {
                Some(source) => memory.messages_from(source)?,
                None => memory.named(&what)?,
            };
            let done = memory.quarantine(ids, &reason, session.now)?;
            tell(session, &Changed { quarantined: Some(done), released: None }, done, "are kept out of answers");
        }
        Action::Release { what, all } => {
            let ids = if all {
                memory.quarantined(usize::MAX)?.into_iter().map(|kept| kept.id).collect()
            } else {
                memory.named(&what)?
            };
            let done = memory.release(ids, session.now)?;
            tell(session, &Changed { quarantined: None, released: Some(done) }, done, "can be found again");
        }
        Action::List => {
            let entries = memory.quarantined(SHOWN)?.into_iter().map(|kept| Entry {
                id: kept.id.to_string(),
                session_id: kept.session,
                since: kept.since.to_string(),
                reason: kept.reason,
                text: one_line(&visible::safe(&kept.text), 100),
            });
            let entries: Vec<Entry> = entries.collect();
            if session.output.is_json() {
                session.output.json(&serde_json::json!({ "messages": entries }));
            } else {
                for entry in &entries {
                    session
                        .output
                        .line(&format!("{}  {}  ({})\n    {}", entry.id, entry.since, entry.reason, entry.text));
                }
                session.output.say(&format!("{} messages are kept out of answers", entries.len()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(session: &Session, changed: &Changed, count: u64, what: &str) {
    if session.output.is_json() {
        session.output.json(changed);
    } else {
        session.output.line(&format!("{count} messages {what}"));
    }
}

//! `injections`: lists the memories injected into sessions.

use std::process::ExitCode;

use jiff::tz::TimeZone;

use crate::cli::invocation::Invocation;
use crate::domain::text::outgoing::SafeText;
use crate::domain::{Failure, FailureCode, Timestamp};
use crate::mcp::wire::injections::InjectionEntry;
use crate::store::OpenMode;

/// List the memories injected into sessions: when, why, how many tokens, and whether the reply used them
///
/// Hooks inject memories when a session starts, at a prompt, after a compaction, when a command fails, before an edit
/// and when a subagent starts. "used" means that the reply contains distinctive words of the memory that the prompt did
/// not contain.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory injections\n  claude-memory injections 545308f1 --json")]
pub(in crate::cli) struct InjectionsArgs {
    /// Session id, or at least its first four characters [default: all sessions]
    session: Option<String>,
    /// Number of injections to list, newest first
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
}

pub(in crate::cli) fn run(args: &InjectionsArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let mut all = memory.all_injections()?;
    if let Some(wanted) = &args.session {
        all.retain(|injection| injection.session.starts_with(wanted.as_str()));
        if all.is_empty() {
            let hint = "`claude-memory injections` lists all";
            return Err(Failure::new(
                FailureCode::NotFound,
                format!("no injections into session {wanted:?}"),
                Some(hint),
            ));
        }
    }
    let limit = args.limit.max(1);
    let more = all.len().saturating_sub(limit);
    all.truncate(limit);
    let mut entries = Vec::new();
    for injection in &all {
        entries.push(InjectionEntry::from_injection(&memory, injection)?);
    }
    if session.output.is_json() {
        session.output.print_json(&entries);
        return Ok(ExitCode::SUCCESS);
    }
    let zone = TimeZone::system();
    for (injection, entry) in all.iter().zip(&entries) {
        let at = Timestamp::from_milliseconds(injection.at_ms).format_minute(&zone);
        let session_id = SafeText::single_line(&entry.session_id, 60);
        session.output.print_line(&format!(
            "{at}  {}  {} tokens  session {session_id}",
            SafeText::single_line(&entry.moment, 40),
            entry.tokens
        ));
        for item in &entry.items {
            let used = match item.used {
                Some(true) => "used",
                Some(false) => "not used",
                None => "no reply yet",
            };
            session.output.print_line(&format!("  {used:<12} {} ({})", item.begins, item.why));
        }
    }
    if entries.is_empty() {
        session.output.print_message("no injections yet; `claude-memory install --hooks` turns them on");
    }
    if more > 0 {
        session.output.print_message(&format!("older injections not shown: {more}; use --limit {}", limit + more));
    }
    Ok(ExitCode::SUCCESS)
}

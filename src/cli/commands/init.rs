//! `init`: creates or upgrades the memory, imports the histories on this machine, and shows first searches.

use std::collections::HashSet;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use jiff::tz::TimeZone;

use super::{format_bytes, group_digits, import, status};
use crate::cli::invocation::Invocation;
use crate::domain::text::{sanitise, to_one_line};
use crate::domain::{Detail, Failure, Query};
use crate::import::Source;
use crate::memory::{CLEANUP_DAYS, Memory};
use crate::store::{OpenMode, SessionFilter};

/// Number of example searches.
const EXAMPLE_SEARCHES: usize = 3;
/// Number of newest sessions from which the example searches are chosen.
const CANDIDATE_SESSIONS: usize = 100;

/// Create or upgrade the memory, find the histories on this machine and import them
///
/// Safe to run at any time. Rebuilds the keyword index if its rules have changed. On a terminal it asks before it
/// imports anything.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory init\n  claude-memory init --yes\n  claude-memory --home /srv/memory init --verify"
)]
pub(in crate::cli) struct InitArgs {
    /// Also check the whole database and compare the keyword index with every text
    #[arg(long)]
    verify: bool,
    /// Import the histories without asking
    #[arg(long, short)]
    yes: bool,
}

pub(in crate::cli) fn run(args: &InitArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Create)?;
    if memory.refresh_keyword_index()? {
        session.output.print_message("rebuilt the keyword index");
    }
    if args.verify {
        memory.snapshot()?.verify_index()?;
        session.output.print_message("database and keyword index: no errors found");
    }
    session.output.print_message(&format!("the memory is ready: {}", session.resolve_paths()?.home().display()));
    if session.output.is_json() {
        status::print_status(&memory, session)?;
        return Ok(ExitCode::SUCCESS);
    }
    let found = find_histories(&memory, session)?;
    if !found.is_empty() && (args.yes || confirm_import(session)) {
        for source in found {
            session.output.print_line("");
            let code = import::import_default_folders(source, session)?;
            if code != ExitCode::SUCCESS {
                return Ok(code);
            }
        }
    }
    session.output.print_line("");
    status::print_status(&memory, session)?;
    print_example_searches(&memory, session)?;
    session.output.print_line("\nNext:");
    for (command, what) in [
        ("claude-memory embed", "prepare semantic search"),
        ("claude-memory install --hooks", "connect it to Claude Code; --dry-run shows the changes"),
        ("claude-memory serve", "keep it up to date; `claude-memory open` shows it in the browser"),
    ] {
        session.output.print_line(&format!("  {command:<32}{what}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the histories found on this machine and returns their sources.
fn find_histories(memory: &Memory, session: &Invocation) -> Result<Vec<Source>, Failure> {
    let mut found = Vec::new();
    for source in Source::growing().chain(Source::databases().filter(|source| !source.is_growing())) {
        let Some(folder) = source.default_folder() else { continue };
        let Ok((files, _)) = source.find_transcripts(&folder) else { continue };
        if files.is_empty() {
            continue;
        }
        if found.is_empty() {
            session.output.print_line("\nHistories on this machine:");
        }
        let bytes = files.iter().map(|file| file.size).sum();
        let count = group_digits(files.len() as u64);
        let what = if source.is_database() { "databases" } else { "transcripts" };
        session.output.print_line(&format!(
            "  {:<20}{what}: {count}, {}, in {}",
            source.name(),
            format_bytes(bytes),
            folder.display()
        ));
        if source == Source::CLAUDE_CODE {
            let deadline = memory.import_backlog(Some(&folder), session.now)?.deadline_check(CLEANUP_DAYS);
            session.output.print_line(&format!("  {:<20}{}", "", deadline.finding));
        }
        found.push(source);
    }
    Ok(found)
}

/// Asks whether to import; without a terminal, prints how to do it and returns false.
fn confirm_import(session: &Invocation) -> bool {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        session.output.print_message("run `claude-memory init --yes` to import them");
        return false;
    }
    let mut stderr = std::io::stderr();
    // If the question cannot be printed, it is not answered either.
    let _ = write!(stderr, "Import them now? The files are not changed. [Y/n] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes")
}

/// Prints example searches over the user's own history, taken from titles of the newest sessions.
fn print_example_searches(memory: &Memory, session: &Invocation) -> Result<(), Failure> {
    let mut projects = HashSet::new();
    let sessions = memory.list_sessions(&SessionFilter::default(), None, CANDIDATE_SESSIONS)?;
    let mut shown = 0;
    for one in sessions.iter().filter(|one| one.source != "saved" && !one.title.trim().is_empty()) {
        if shown == EXAMPLE_SEARCHES || !projects.insert(one.project.clone()) {
            continue;
        }
        let words: Vec<&str> = one.title.split_whitespace().take(6).collect();
        let asked = sanitise::sanitise_text(&to_one_line(&words.join(" "), 60)).replace(['"', '$', '`', '\\', '!'], "");
        let query = Query { limit: 1, detail: Detail::Snippet, ..Query::for_text(asked.clone()) };
        let Some(hit) = memory.search(&query, session.now)?.hits.into_iter().next() else { continue };
        if shown == 0 {
            session.output.print_line("\nSearches in your own history:");
        }
        shown += 1;
        session.output.print_line(&format!("  claude-memory search \"{asked}\""));
        let at = hit.at.format_minute(&TimeZone::system());
        let text = sanitise::sanitise_text(&to_one_line(&hit.snippet, 90)).into_owned();
        session.output.print_line(&format!("    {at} · {} · {text}", hit.project));
    }
    Ok(())
}

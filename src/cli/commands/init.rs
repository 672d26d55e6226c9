//! `init`: creates or upgrades the store, checks what it needs, and shows a newcomer what there is to remember.

use std::collections::HashSet;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use jiff::tz::TimeZone;

use super::{grouped, import, sized, status};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::domain::text::{one_line, visible};
use crate::domain::{Detail, Query};
use crate::import::Source;
use crate::memory::{CLEANUP_DAYS, Memory};
use crate::store::{Open, SessionFilter};

/// Searches that are shown.
const SEARCHES: usize = 3;
/// Sessions among which they are chosen.
const SESSIONS: usize = 100;

/// Create or upgrade the memory, find the histories on this machine and read them
///
/// Safe to run at any time. Rebuilds the word index if its rules have changed. On a terminal it asks before it reads anything.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory init\n  claude-memory init --yes\n  claude-memory --home /srv/memory init --verify"
)]
pub(in crate::cli) struct Args {
    /// Also check the whole database and compare the word index with every text
    #[arg(long)]
    verify: bool,
    /// Read the histories without asking
    #[arg(long, short)]
    yes: bool,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Create)?;
    if memory.refresh_words()? {
        session.output.say("rebuilt the word index");
    }
    if args.verify {
        memory.verify()?;
        session.output.say("database and word index are whole");
    }
    session.output.say(&format!("memory is ready at {}", session.paths()?.home().display()));
    if session.output.is_json() {
        status::tell(&memory, session)?;
        return Ok(ExitCode::SUCCESS);
    }
    let found = histories(&memory, session)?;
    if !found.is_empty() && (args.yes || agreed(session)) {
        for source in found {
            session.output.line("");
            let code = import::read_all(source, session)?;
            if code != ExitCode::SUCCESS {
                return Ok(code);
            }
        }
    }
    session.output.line("");
    status::tell(&memory, session)?;
    searches(&memory, session)?;
    session.output.line("\nNext:");
    for (command, what) in [
        ("claude-memory embed", "makes it searchable by meaning"),
        ("claude-memory install --hooks", "lets Claude Code use it; shows what it changes first"),
        ("claude-memory serve", "keeps it up to date; `claude-memory open` shows it in the browser"),
    ] {
        session.output.line(&format!("  {command:<32}{what}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Says which histories there are; returns those that have something.
fn histories(memory: &Memory, session: &Session) -> Result<Vec<Source>, Failure> {
    let mut found = Vec::new();
    for source in Source::GROWING.into_iter().chain(Source::PEERS) {
        let Some(folder) = import::folder_of(source) else { continue };
        let Ok((files, _)) = source.discover(&folder) else { continue };
        if files.is_empty() {
            continue;
        }
        if found.is_empty() {
            session.output.line("\nHistories on this machine:");
        }
        let bytes = files.iter().map(|file| file.size).sum();
        let count = grouped(files.len() as u64);
        let what = if Source::PEERS.contains(&source) { "databases" } else { "transcripts" };
        session.output.line(&format!(
            "  {:<20}{count} {what}, {}, in {}",
            source.name(),
            sized(bytes),
            folder.display()
        ));
        if source == Source::ClaudeCode {
            let deadline = memory.backlog(Some(&folder), session.now)?.deadline(CLEANUP_DAYS);
            session.output.line(&format!("  {:<20}{}", "", deadline.finding));
        }
        found.push(source);
    }
    Ok(found)
}

/// Asks, where somebody can answer.
fn agreed(session: &Session) -> bool {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        session.output.say("run `claude-memory init --yes` to read them");
        return false;
    }
    let mut stderr = std::io::stderr();
    // Who cannot see the question does not answer it.
    let _ = write!(stderr, "Read them now? Nothing is changed in them. [Y/n] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes")
}

/// Shows searches over the user's own history: what the newest sessions of some projects began with.
fn searches(memory: &Memory, session: &Session) -> Result<(), Failure> {
    let mut projects = HashSet::new();
    let sessions = memory.sessions(&SessionFilter::default(), None, SESSIONS)?;
    let mut shown = 0;
    for one in sessions.iter().filter(|one| one.source != "saved" && !one.title.trim().is_empty()) {
        if shown == SEARCHES || !projects.insert(one.project.clone()) {
            continue;
        }
        let words: Vec<&str> = one.title.split_whitespace().take(6).collect();
        let asked = visible::safe(&one_line(&words.join(" "), 60)).replace(['"', '$', '`', '\\', '!'], "");
        let query = Query { limit: 1, detail: Detail::Snippet, ..Query::about(asked.clone()) };
        let Some(hit) = memory.search(&query, session.now)?.hits.into_iter().next() else { continue };
        if shown == 0 {
            session.output.line("\nSearches in your own history:");
        }
        shown += 1;
        session.output.line(&format!("  claude-memory search \"{asked}\""));
        let at = hit.at.to_minute(&TimeZone::system());
        let text = visible::safe(&one_line(&hit.snippet, 90)).into_owned();
        session.output.line(&format!("    {at} · {} · {text}", hit.project));
    }
    Ok(())
}

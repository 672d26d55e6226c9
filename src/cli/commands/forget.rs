//! `forget`: takes messages or a whole session out for good.

use std::process::ExitCode;

use serde::Serialize;

use super::grouped;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::config::env;
use crate::domain::MessageId;
use crate::domain::query::{Reading, Selection};
use crate::domain::text::{first_words, visible};
use crate::memory::Memory;
use crate::ops::backup;
use crate::store::Open;

/// What a preview shows of a text. An agent may run this: what it prints is in the agent's transcript then.
const FIRST_WORDS: usize = 12;
const FIRST_CHARACTERS: usize = 90;

/// Take messages out for good: text, words, vectors; an import does not bring them back
///
/// Shows what would go; does it with --yes. The transcripts of Claude Code itself are not touched.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory forget 545308f1              # what would go\n  claude-memory forget 545308f1 --yes        # it goes"
)]
pub(in crate::cli) struct Args {
    /// Ids of messages (from `search`), or of sessions (the first six characters are enough)
    #[arg(value_name = "ID", required_unless_present = "source")]
    what: Vec<String>,
    /// Everything that came from here: claude-code, saved, or a transcript or folder that was imported
    #[arg(long, value_name = "SOURCE", conflicts_with = "what")]
    source: Option<String>,
    /// Do it
    #[arg(long)]
    yes: bool,
    /// Take it out of the backups in the data folder too: each is restored, cleaned and made anew
    #[arg(long)]
    rewrite_backups: bool,
    /// Why; kept with the mark that stops imports from bringing it back
    #[arg(long, default_value = "asked for", value_name = "TEXT")]
    reason: String,
}

#[derive(Serialize)]
struct Preview {
    would_forget: usize,
    ids: Vec<String>,
}

#[derive(Serialize)]
struct Receipt {
    forgotten: u64,
    parts: u64,
    vectors: u64,
    searched: u64,
    found_in: Vec<String>,
    log_emptied: bool,
    /// Backups that may still hold it.
    backups: Vec<String>,
    rewritten_backups: Vec<String>,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    let ids = match &args.source {
        Some(source) => memory.messages_from(source)?,
        None => memory.named(&args.what)?,
    };
    let ids = memory.going_with(ids)?;
    if !args.yes {
        preview(&ids, &memory, session)?;
        return Ok(ExitCode::SUCCESS);
    }
    let paths = session.paths()?;
    let receipt = match env::session() {
        Some(caller) => memory.forget_for(Some(&caller), ids.clone(), &args.reason, session.now)?,
        None => memory.forget(ids.clone(), &args.reason, session.now)?,
    };
    let mut rewritten = Vec::new();
    let mut kept = Vec::new();
    if args.rewrite_backups {
        rewritten = backup::forget(&memory, &paths, &ids, &args.reason, session.now)?;
    } else {
        kept.extend(backup::files(&paths.backups())?.iter().map(|kept| kept.display().to_string()));
    }
    let clean = receipt.found_in.is_empty() && receipt.log_emptied;
    if session.output.is_json() {
        session.output.json(&Receipt {
            forgotten: receipt.messages,
            parts: receipt.parts,
            vectors: receipt.vectors,
            searched: receipt.searched,
            found_in: receipt.found_in.iter().map(|path| path.display().to_string()).collect(),
            log_emptied: receipt.log_emptied,
            backups: kept.clone(),
            rewritten_backups: rewritten.iter().map(|path| path.display().to_string()).collect(),
        });
    } else {
        session.output.line(&format!(
            "{} messages with {} parts and {} vectors are gone; {} pieces of them were searched for in all files, {} found",
            grouped(receipt.messages),
            grouped(receipt.parts),
            grouped(receipt.vectors),
            grouped(receipt.searched),
            receipt.found_in.len()
        ));
    }
    if !rewritten.is_empty() {
        session.output.say(&format!("{} backups were made anew without it", rewritten.len()));
    }
    if !kept.is_empty() {
        let advice = "with --rewrite-backups they are made anew without it";
        session.output.say(&format!(
            "note: {} backups in {} may still hold it; {advice}",
            kept.len(),
            paths.backups().display()
        ));
    }
    for path in &receipt.found_in {
        session.output.say(&format!("warning: {} still holds a piece", path.display()));
    }
    if !receipt.log_emptied {
        session.output.say("warning: another process reads at this moment; run `claude-memory init` when it has ended");
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn preview(ids: &[MessageId], memory: &Memory, session: &Session) -> Result<(), Failure> {
    if session.output.is_json() {
        session.output.json(&Preview { would_forget: ids.len(), ids: ids.iter().map(ToString::to_string).collect() });
        return Ok(());
    }
    for id in ids.iter().take(20) {
        let what = Selection::Messages { ids: vec![*id], around: 0 };
        let Ok(transcript) = memory.read(&Reading { what, include_tools: true, max_tokens: 100 }) else {
            session.output.line(&format!("{id}  (in quarantine)"));
            continue;
        };
        let messages = transcript.conversations.iter().flat_map(|conversation| &conversation.messages);
        for part in messages.flat_map(|message| &message.parts) {
            let begins = first_words(&part.text, FIRST_WORDS, FIRST_CHARACTERS);
            session.output.line(&format!("{id}  {}", visible::safe(&begins)));
        }
    }
    if ids.len() > 20 {
        session.output.line(&format!("… and {} more", ids.len() - 20));
    }
    session.output.say(&format!("{} messages would be forgotten; add --yes to do it", ids.len()));
    Ok(())
}

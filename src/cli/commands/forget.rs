//! `forget`: deletes messages or whole sessions permanently.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use super::forget_requests::{self, RequestAction};
use super::group_digits;
use crate::backup;
use crate::backup::deletion::{self, ComparedPlace, DeletionOrder, DeletionReport, PlaceState, Requester};
use crate::cli::invocation::Invocation;
use crate::config::env;
use crate::domain::query::{ReadRequest, Selection};
use crate::domain::text::{first_words, sanitise};
use crate::domain::{Failure, MessageId};
use crate::mcp::wire::changes::DeletionPlace;
use crate::memory::{self, Memory};
use crate::store::{CopyPolicy, OpenMode};

/// Limits of a preview line. An agent may run this, and its transcript then contains what is printed.
const PREVIEW_WORDS: usize = 12;
const PREVIEW_CHARACTERS: usize = 90;

/// Delete messages permanently: text, index entries and embeddings; later imports do not restore them
///
/// Shows what would be deleted; deletes with --yes. Backups lose the messages too: with the next backup, or now with
/// --rewrite-backups. The receipt names every copy that was compared, and says what is incomplete. Claude Code's own
/// transcripts are not changed.
///
/// Exits with 0 if nothing is left or only backups wait for their turn, with 1 if a piece is left or a copy could not be
/// compared.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command")]
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory forget 545308f1              # what would be deleted\n  claude-memory forget 545308f1 --yes        # delete it\n  claude-memory forget --rewrite-backups     # finish earlier deletions in all backups now\n  claude-memory forget --waiting             # what agents asked to delete"
)]
pub(in crate::cli) struct ForgetArgs {
    /// Message ids (from `search`), or session ids (the first four characters are enough)
    #[arg(value_name = "ID", required_unless_present_any = ["source", "waiting", "confirm", "discard", "rewrite_backups"])]
    what: Vec<String>,
    /// Delete everything from this source: claude-code, saved, or an imported transcript or folder
    #[arg(long, value_name = "SOURCE", conflicts_with = "what")]
    source: Option<String>,
    /// List deletions that agents asked for and that need your confirmation
    #[arg(long, conflicts_with_all = ["what", "source"])]
    waiting: bool,
    /// Show what an agent asked to delete, ask you, and delete it
    #[arg(long, value_name = "CODE", conflicts_with_all = ["what", "source", "waiting"])]
    confirm: Option<String>,
    /// Discard an agent's request; nothing is deleted
    #[arg(long, value_name = "CODE", conflicts_with_all = ["what", "source", "waiting", "confirm"])]
    discard: Option<String>,
    /// Delete without asking
    #[arg(long)]
    yes: bool,
    /// Delete from backups now: each is restored, cleaned and written again. Without ID: everything deleted earlier
    #[arg(long)]
    rewrite_backups: bool,
    /// Leave the messages in backups that exist, until `forget --rewrite-backups`
    #[arg(long, conflicts_with = "rewrite_backups")]
    keep_backups: bool,
    /// File with the age identity that opens encrypted backups [default: setting backup.identity_file]
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Reason for the deletion; stored with the tombstone that stops imports from restoring the messages
    #[arg(long, default_value = "asked for", value_name = "TEXT")]
    reason: String,
}

impl ForgetArgs {
    /// Returns what is to be done with the requests of agents; `None` if the command is about messages.
    fn request_action(&self) -> Option<RequestAction<'_>> {
        match (&self.confirm, &self.discard) {
            (Some(code), _) => Some(RequestAction::Confirm { code, yes: self.yes }),
            (None, Some(code)) => Some(RequestAction::Discard { code }),
            (None, None) => self.waiting.then_some(RequestAction::List),
        }
    }
}

#[derive(Serialize)]
struct ForgetPreviewOutput {
    would_forget: usize,
    ids: Vec<String>,
}

#[derive(Serialize)]
struct ForgetSummary {
    forgotten: u64,
    parts: u64,
    vectors: u64,
    /// Pieces of the texts that were searched for.
    searched: usize,
    /// Texts that other messages have too, so that their bytes stay.
    shared: u64,
    found_in: Vec<String>,
    log_emptied: bool,
    /// True if every copy on this machine was compared and contains nothing.
    complete: bool,
    incomplete: Vec<String>,
    places: Vec<DeletionPlace>,
    /// Backups that may still contain the deleted messages.
    backups: Vec<String>,
    rewritten_backups: Vec<String>,
}

pub(in crate::cli) fn run(args: &ForgetArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    if let Some(action) = args.request_action() {
        return forget_requests::run(action, &memory, session);
    }
    if args.rewrite_backups && env::runs_in_agent() {
        // The backups are what the user has against a mistake of an agent.
        let hint = "run it in your own terminal, outside the agent's session";
        return Err(Failure::invalid_input(format!("an agent cannot delete from backups: {hint}")));
    }
    if args.what.is_empty() && args.source.is_none() {
        let report = deletion::finish_deletions(&memory, args.identity.as_deref(), session.now)?;
        return Ok(print_report(&report, session));
    }
    let ids = memory.snapshot()?.with_superseded(args.resolve_targets(&memory, session)?)?;
    if !args.yes {
        print_preview(&ids, &memory, session)?;
        return Ok(ExitCode::SUCCESS);
    }
    let caller = env::session_id();
    let keeps = args.keep_backups || env::runs_in_agent();
    let order = DeletionOrder {
        ids,
        reason: &args.reason,
        requester: caller.as_deref().map_or(Requester::Person, |caller| Requester::Agent(Some(caller))),
        copies: if keeps { CopyPolicy::Keep } else { CopyPolicy::Remove },
        backups_now: args.rewrite_backups,
        identity: args.identity.as_deref(),
    };
    let report = deletion::delete_everywhere(&memory, &order, session.now)?;
    Ok(print_report(&report, session))
}

impl ForgetArgs {
    /// Resolves the messages to delete. What was deleted before counts while copies may still contain it.
    fn resolve_targets(&self, memory: &Memory, session: &Invocation) -> Result<Vec<MessageId>, Failure> {
        if let Some(source) = &self.source {
            return Ok(memory.messages_of_source(source)?);
        }
        match memory.resolve_messages(&self.what) {
            Err(error @ memory::Error::NotFound { .. }) => {
                let deleted = memory.deleted_messages_named(&self.what)?;
                let copies = backup::find_copies(memory, memory.paths(), session.now)?;
                let is_left = copies.iter().any(|copy| copy.pending + copy.kept > 0);
                if deleted.is_empty() || !is_left { Err(error.into()) } else { Ok(deleted) }
            }
            resolved => Ok(resolved?),
        }
    }
}

/// Prints the receipt of a deletion; returns the exit code.
fn print_report(report: &DeletionReport, session: &Invocation) -> ExitCode {
    let (receipt, reasons) = (&report.receipt, report.incomplete_reasons());
    let display = |path: &Path| path.display().to_string();
    if session.output.is_json() {
        session.output.print_json(&ForgetSummary {
            forgotten: receipt.messages,
            parts: receipt.parts,
            vectors: receipt.vectors,
            searched: receipt.pieces.stored.len(),
            shared: receipt.shared,
            found_in: report.places.iter().flat_map(|place| &place.found_in).map(|path| display(path)).collect(),
            log_emptied: receipt.log_emptied,
            complete: reasons.is_empty(),
            incomplete: reasons,
            places: report.places.iter().map(DeletionPlace::from).collect(),
            backups: report.pending_backups().map(display).collect(),
            rewritten_backups: report.rewritten_backups().map(display).collect(),
        });
    } else {
        session.output.print_line(&format!(
            "deleted messages: {}, parts: {}, embeddings: {}; pieces of them searched for: {}",
            group_digits(receipt.messages),
            group_digits(receipt.parts),
            group_digits(receipt.vectors),
            group_digits(receipt.pieces.stored.len() as u64)
        ));
        if receipt.shared > 0 {
            session
                .output
                .print_line(&format!("texts that other messages have too, and that stay: {}", receipt.shared));
        }
        for place in &report.places {
            session.output.print_line(&format_place(place));
        }
        session.output.print_line(if reasons.is_empty() { "complete" } else { "incomplete:" });
        reasons.iter().for_each(|reason| session.output.print_line(&format!("  {reason}")));
    }
    if report.pending_backups().next().is_some() && !report.has_failed() {
        session
            .output
            .print_message("the listed backups are cleaned by the next backup; --rewrite-backups does it now");
    }
    if report.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn format_place(place: &ComparedPlace) -> String {
    let (kind, path) = (place.kind.name(), place.path.display());
    match place.state {
        PlaceState::Compared if place.files > 0 => {
            let (files, found) = (group_digits(place.files), place.found_in.len());
            format!("  compared   {kind} {path} (files: {files}, with a piece: {found})")
        }
        ref state => format!("  {:<10} {kind} {path}", state.name()),
    }
}

fn print_preview(ids: &[MessageId], memory: &Memory, session: &Invocation) -> Result<(), Failure> {
    if session.output.is_json() {
        session.output.print_json(&ForgetPreviewOutput {
            would_forget: ids.len(),
            ids: ids.iter().map(ToString::to_string).collect(),
        });
        return Ok(());
    }
    for id in ids.iter().take(20) {
        let what = Selection::Messages { ids: vec![*id], around: 0 };
        let Ok(transcript) = memory.read_messages(&ReadRequest { what, include_tools: true, max_tokens: 100 }) else {
            session.output.print_line(&format!("{id}  (quarantined)"));
            continue;
        };
        let messages = transcript.conversations.iter().flat_map(|conversation| &conversation.messages);
        for part in messages.flat_map(|message| &message.parts) {
            let begins = first_words(&part.text, PREVIEW_WORDS, PREVIEW_CHARACTERS);
            session.output.print_line(&format!("{id}  {}", sanitise::sanitise_text(&begins)));
        }
    }
    if ids.len() > 20 {
        session.output.print_line(&format!("… and {} more", ids.len() - 20));
    }
    session.output.print_message(&format!("messages to delete: {}; add --yes to delete them", ids.len()));
    Ok(())
}

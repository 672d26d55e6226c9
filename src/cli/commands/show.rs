//! `show`: prints a session, or the messages around a hit, verbatim.

use std::process::ExitCode;

use jiff::tz::TimeZone;

use super::build_runtime;
use super::search::{describe_author, describe_place};
use crate::cli::invocation::Invocation;
use crate::domain::Failure;
use crate::domain::query::{ReadRequest, Selection};
use crate::domain::text::outgoing::SafeText;
use crate::mcp::wire::GetAnswer;
use crate::memory::{Memory, TranscriptExcerpt};
use crate::store::OpenMode;
use crate::sync::{RemoteMemory, ScratchMemory};

/// Show a message with its neighbours, or a whole session, verbatim
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory show 545308f1\n  claude-memory show 8ff50e87-5b47-818c-963a-b9521cec8a8f --tools"
)]
pub(in crate::cli) struct ShowArgs {
    /// Message id (from `search`), or session id (its first six characters are enough)
    #[arg(value_name = "ID")]
    what: String,
    /// Number of neighbours on both sides of a message
    #[arg(long, default_value_t = 3)]
    around: usize,
    /// First message of a session to show, counted from 0
    #[arg(long, default_value_t = 0, value_name = "N")]
    from: usize,
    /// Maximum number of messages of a session to show
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Also show tool calls, tool output and reasoning
    #[arg(long)]
    tools: bool,
    /// Read from the shared database to which all machines send (setting sync.postgres)
    #[arg(long)]
    remote: bool,
}

pub(in crate::cli) fn run(args: &ShowArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let own = session.open_memory(if args.remote { OpenMode::Create } else { OpenMode::Existing })?;
    let fetched = if args.remote { fetch_remote_session(&own, &args.what, session)? } else { None };
    let memory = fetched.as_deref().unwrap_or(&own);
    let what = match args.what.parse() {
        // A session id of Claude Code is a UUID too; only messages have those versions of ours.
        Ok(id) if memory.snapshot()?.find_message(id)?.is_some() => {
            Selection::Messages { ids: vec![id], around: args.around }
        }
        _ if is_message_prefix(memory, &args.what)? => {
            Selection::Messages { ids: vec![memory.resolve_id(&args.what)?], around: args.around }
        }
        _ => {
            Selection::Session { session: args.what.clone(), from: args.from, count: args.count.unwrap_or(usize::MAX) }
        }
    };
    let transcript = memory.read_messages(&ReadRequest { what, include_tools: args.tools, max_tokens: usize::MAX })?;
    if session.output.is_json() {
        session.output.print_json(&GetAnswer::from(transcript));
    } else {
        print_transcript(&transcript, session);
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns true if a text is the beginning of one message's id and of no session's id.
fn is_message_prefix(memory: &Memory, what: &str) -> Result<bool, Failure> {
    let Ok(id) = memory.resolve_id(what) else { return Ok(false) };
    Ok(memory.find_session(what).is_err() && memory.snapshot()?.find_message(id)?.is_some())
}

/// Fetches the session around a message from the shared database.
fn fetch_remote_session(own: &Memory, what: &str, session: &Invocation) -> Result<Option<ScratchMemory>, Failure> {
    let Ok(id) = what.parse() else {
        return Err(Failure::invalid_input("--remote needs a message id, as `search --remote` prints it"));
    };
    let remote = RemoteMemory::from_settings(&own.settings().sync)?;
    Ok(build_runtime()?.block_on(remote.conversation_of(own, id, session.now))?)
}

fn print_transcript(transcript: &TranscriptExcerpt, session: &Invocation) {
    let (zone, output) = (TimeZone::system(), session.output);
    for conversation in &transcript.conversations {
        let head = &conversation.head;
        output.print_line(&format!(
            "{} · {}{} · messages: {} · session {}",
            SafeText::single_line(&head.title, 80),
            SafeText::single_line(&head.project, 200),
            describe_place(head.has_unsigned_place),
            head.messages,
            SafeText::single_line(&head.session, 200)
        ));
        if let Some(original) = &head.forked_from {
            output.print_line(&format!("forked from session {original}, which contains the shared messages"));
        }
        if head.prompts_only {
            output.print_line("only the prompts of this session are available: Claude Code deleted the rest");
        }
        for message in &conversation.messages {
            let side = if message.sidechain { " (side conversation)" } else { "" };
            let about = if message.at_estimated { "about " } else { "" };
            output.print_line(&format!(
                "\n── {} {} · {about}{}{side} · {}",
                message.position,
                message.role.name(),
                message.at.format_minute(&zone),
                message.id
            ));
            for part in &message.parts {
                if let Some(tool) = &part.tool {
                    output.print_line(&format!("[{} {}]", part.kind.name(), SafeText::single_line(tool, 80)));
                }
                let author = describe_author(part.origin, part.said_by.as_deref());
                if !author.is_empty() {
                    output.print_line(author.trim_start());
                }
                output.print_line(SafeText::multi_line(&part.text).trim_end());
            }
        }
    }
}

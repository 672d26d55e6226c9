//! `show`: a conversation, or the messages around a hit, verbatim.

use std::process::ExitCode;

use jiff::tz::TimeZone;

use super::runtime;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::domain::query::{Reading, Selection};
use crate::domain::text::{one_line, visible};
use crate::mcp::wire::GetAnswer;
use crate::memory::{Memory, Transcript};
use crate::store::Open;
use crate::sync::{Fetched, Remote};

/// Read a message with its neighbours, or a whole session, verbatim
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory show 545308f1\n  claude-memory show 8ff50e87-5b47-818c-963a-b9521cec8a8f --tools"
)]
pub(in crate::cli) struct Args {
    /// Id of a message (from `search`), or of a session (its first six characters are enough)
    #[arg(value_name = "ID")]
    what: String,
    /// Neighbours on both sides of a message
    #[arg(long, default_value_t = 3)]
    around: usize,
    /// First message of a session, from 0
    #[arg(long, default_value_t = 0, value_name = "N")]
    from: usize,
    /// At most this many messages of a session
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Tool calls, tool output and reasoning too
    #[arg(long)]
    tools: bool,
    /// Read it where all machines have sent it (setting sync.postgres)
    #[arg(long)]
    remote: bool,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let own = session.open(if args.remote { Open::Create } else { Open::Existing })?;
    let fetched = if args.remote { fetch(&own, &args.what, session)? } else { None };
    let memory = fetched.as_deref().unwrap_or(&own);
    let what = match args.what.parse() {
        // A session id of Claude Code is a UUID too; only messages have those versions of ours.
        Ok(id) if memory.knows_message(id)? => Selection::Messages { ids: vec![id], around: args.around },
        _ => {
            Selection::Session { session: args.what.clone(), from: args.from, count: args.count.unwrap_or(usize::MAX) }
        }
    };
    let transcript = memory.read(&Reading { what, include_tools: args.tools, max_tokens: usize::MAX })?;
    if session.output.is_json() {
        session.output.json(&GetAnswer::from(transcript));
    } else {
        print(&transcript, session);
    }
    Ok(ExitCode::SUCCESS)
}

/// The conversation of a message that all machines can see.
fn fetch(own: &Memory, what: &str, session: &Session) -> Result<Option<Fetched>, Failure> {
    let Ok(id) = what.parse() else {
        return Err(Failure::invalid("--remote reads around a message: give its id, as `search --remote` prints it"));
    };
    let remote = Remote::configured(&own.settings().sync)?;
    Ok(runtime()?.block_on(remote.conversation_of(own, id, session.now))?)
}

fn print(transcript: &Transcript, session: &Session) {
    let (zone, output) = (TimeZone::system(), session.output);
    for conversation in &transcript.conversations {
        let head = &conversation.head;
        output.line(&format!(
            "{} · {} · {} messages · session {}",
            one_line(&visible::safe(&head.title), 80),
            visible::safe(&head.project),
            head.messages,
            one_line(&visible::safe(&head.session), 200)
        ));
        if let Some(original) = &head.forked_from {
            output.line(&format!("forked from session {original}: what both share stands there"));
        }
        if head.prompts_only {
            output.line("only the prompts of this session are known: Claude Code deleted the rest");
        }
        for message in &conversation.messages {
            let side = if message.sidechain { " (side conversation)" } else { "" };
            let about = if message.at_estimated { "about " } else { "" };
            output.line(&format!(
                "\n── {} {} · {about}{}{side} · {}",
                message.position,
                message.role.name(),
                message.at.to_minute(&zone),
                message.id
            ));
            for part in &message.parts {
                if let Some(tool) = &part.tool {
                    output.line(&format!("[{} {}]", part.kind.name(), one_line(&visible::safe(tool), 80)));
                }
                output.line(visible::safe(&part.text).trim_end());
            }
        }
    }
}

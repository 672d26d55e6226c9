//! `show`: prints a session, or the messages around a hit, verbatim.

use std::process::ExitCode;

use super::build_runtime;
use super::search_results::describe_place;
use crate::cli::calendar::Calendar;
use crate::cli::invocation::Invocation;
use crate::cli::last_results;
use crate::cli::layout::wrap_text;
use crate::cli::output::CliOutput;
use crate::cli::palette::Tone;
use crate::cli::speaker::Speaker;
use crate::domain::query::{ReadRequest, Selection};
use crate::domain::text::counts::format_count;
use crate::domain::text::outgoing::SafeText;
use crate::domain::{Failure, Origin};
use crate::mcp::wire::GetAnswer;
use crate::memory::{Memory, SessionMessages, TranscriptExcerpt};
use crate::render::{layout_blocks, parse_part, to_ansi};
use crate::store::{MessageText, OpenMode, PartText};
use crate::sync::{RemoteMemory, ScratchMemory};

/// Show a message with its neighbours, or a whole session, verbatim
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory show 1                # the first of the last results\n  claude-memory show 545308f1\n  claude-memory show 8ff50e87-5b47-818c-963a-b9521cec8a8f --tools"
)]
pub(in crate::cli) struct ShowArgs {
    /// Number of a result, message id or session id (the first four characters are enough)
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
    let wanted = last_results::resolve_reference(&session.resolve_paths()?, &args.what)?;
    let what = match wanted.parse() {
        // A session id of Claude Code is a UUID too; only messages have those versions of ours.
        Ok(id) if memory.snapshot()?.find_message(id)?.is_some() => {
            Selection::Messages { ids: vec![id], around: args.around }
        }
        _ if is_message_prefix(memory, &wanted)? => {
            Selection::Messages { ids: vec![memory.resolve_id(&wanted)?], around: args.around }
        }
        _ => Selection::Session { session: wanted.clone(), from: args.from, count: args.count.unwrap_or(usize::MAX) },
    };
    let is_excerpt = matches!(what, Selection::Messages { .. });
    let transcript = memory.read_messages(&ReadRequest { what, include_tools: args.tools, max_tokens: usize::MAX })?;
    if session.output.is_json() {
        session.output.print_json(&GetAnswer::from(transcript));
    } else {
        print_transcript(&transcript, is_excerpt, session);
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

/// Most characters of a title, and of the name of a project or tool.
const MAX_TITLE_CHARS: usize = 200;
const MAX_NAME_CHARS: usize = 80;

fn print_transcript(transcript: &TranscriptExcerpt, is_excerpt: bool, session: &Invocation) {
    let (calendar, output) = (Calendar::at(session.now), session.output);
    for conversation in &transcript.conversations {
        print_head(conversation, &calendar, output);
        for message in &conversation.messages {
            print_message(message, &conversation.head.source, &calendar, output);
        }
        if is_excerpt && conversation.messages.len() < conversation.head.messages {
            let id: String = conversation.head.session.chars().take(SHORT_SESSION).collect();
            let id = SafeText::single_line(&id, MAX_NAME_CHARS);
            let hint = format!("\nThe whole session: claude-memory show {id}");
            output.print_message(&output.error_palette().paint(Tone::Meta, &hint));
        }
    }
}

/// Characters of a session's id that tell it apart.
const SHORT_SESSION: usize = 8;

/// Prints title, project and times of a session.
fn print_head(conversation: &SessionMessages, calendar: &Calendar, output: CliOutput) {
    let (head, palette) = (&conversation.head, output.palette());
    for line in wrap_text(&SafeText::single_line(&head.title, MAX_TITLE_CHARS), output.columns()) {
        output.print_line(&palette.paint(Tone::Title, &line));
    }
    let about = format!(
        "{} · {}, {}–{} · {} · session {}",
        describe_place(head.has_unsigned_place),
        calendar.format_day(head.started_at),
        calendar.format_clock(head.started_at),
        calendar.format_clock(head.ended_at),
        format_count(head.messages as u64, "message"),
        SafeText::single_line(&head.session, MAX_TITLE_CHARS)
    );
    let project = SafeText::single_line(&head.project, MAX_TITLE_CHARS);
    output.print_line(&format!(
        "{} {project}{}",
        palette.paint_project(&head.project),
        palette.paint(Tone::Meta, &about)
    ));
    if let Some(original) = &head.forked_from {
        output.print_line(&format!("forked from session {original}, which contains the shared messages"));
    }
    if head.prompts_only {
        output.print_line("only the prompts of this session are available: Claude Code deleted the rest");
    }
}

fn print_message(message: &MessageText, source: &str, calendar: &Calendar, output: CliOutput) {
    let palette = output.palette();
    let side = if message.sidechain { " · side conversation" } else { "" };
    let about = if message.at_estimated { "about " } else { "" };
    let time = format!("{about}{}{side} · {}", calendar.format_clock(message.at), message.id.short_form());
    let speaker = Speaker::of_role(message.role, source);
    output.print_line(&format!("\n{} {}", speaker.paint(palette), palette.paint(Tone::Meta, &time)));
    for part in &message.parts {
        if let Some(tool) = &part.tool {
            let tool = format!("[{} {}]", part.kind.name(), SafeText::single_line(tool, MAX_NAME_CHARS));
            output.print_line(&palette.paint(Tone::Meta, &tool));
        }
        if part.origin == Origin::Elsewhere {
            let author = Speaker::of_text(part.origin, part.kind, source, part.said_by.as_deref());
            output.print_line(&format!("said by {}", author.paint(palette)));
        }
        print_part(part, output);
    }
}

/// Prints a part: rendered on a terminal, verbatim elsewhere.
fn print_part(part: &PartText, output: CliOutput) {
    if !output.is_terminal() {
        output.print_line(SafeText::multi_line(&part.text).trim_end());
        return;
    }
    let blocks = parse_part(part.kind, part.tool.as_deref(), &part.text);
    for line in layout_blocks(&blocks, output.columns(), usize::MAX) {
        let plain = || line.iter().map(|span| span.text.as_str()).collect::<String>();
        output.print_line(&if output.palette().is_coloured() { to_ansi(&line) } else { plain() });
    }
}

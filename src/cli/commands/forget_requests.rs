//! `forget --waiting`, `--confirm`, `--discard`: deletions that agents asked for and that only the user can confirm.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use jiff::tz::TimeZone;
use serde::Serialize;

use super::group_digits;
use crate::cli::invocation::Invocation;
use crate::config::env;
use crate::domain::Failure;
use crate::domain::query::{ReadRequest, Selection};
use crate::domain::text::outgoing::SafeText;
use crate::mcp::tools::confirm_deletion;
use crate::memory::{ForgetRequest, Memory};

/// Action on the deletions that agents asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum RequestAction<'a> {
    List,
    /// Show the request, ask unless `yes`, and delete.
    Confirm {
        code: &'a str,
        yes: bool,
    },
    Discard {
        code: &'a str,
    },
}

#[derive(Serialize)]
struct WaitingForgetRequest {
    code: String,
    asked_at: String,
    session_id: Option<String>,
    messages: usize,
    include_backups: bool,
}

impl From<&ForgetRequest> for WaitingForgetRequest {
    fn from(request: &ForgetRequest) -> Self {
        Self {
            code: request.code.clone(),
            asked_at: request.at.to_string(),
            session_id: request.session.clone(),
            messages: request.ids.len(),
            include_backups: request.include_backups,
        }
    }
}

pub(super) fn run(action: RequestAction<'_>, memory: &Memory, session: &Invocation) -> Result<ExitCode, Failure> {
    match action {
        RequestAction::Confirm { code, yes } => confirm_request(code, yes, memory, session),
        RequestAction::Discard { code } => {
            let request = memory.find_forget_request(code, session.now)?;
            memory.discard_forget_request(&request)?;
            session.output.print_message(&format!("request discarded; kept {}", count_messages(&request)));
            Ok(ExitCode::SUCCESS)
        }
        RequestAction::List => list_requests(memory, session),
    }
}

fn list_requests(memory: &Memory, session: &Invocation) -> Result<ExitCode, Failure> {
    let waiting = memory.waiting_forget_requests(session.now)?;
    if session.output.is_json() {
        session.output.print_json(&waiting.iter().map(WaitingForgetRequest::from).collect::<Vec<_>>());
        return Ok(ExitCode::SUCCESS);
    }
    for request in &waiting {
        let backups = if request.include_backups { ", backups included" } else { "" };
        session.output.print_line(&format!("{}  {}  {}{backups}", request.code, request.at, count_messages(request)));
    }
    session.output.print_message(match waiting.len() {
        0 => "no deletion request is waiting",
        _ => "review and decide: `claude-memory forget --confirm CODE` or `--discard CODE`",
    });
    Ok(ExitCode::SUCCESS)
}

/// Shows what would be deleted, asks for confirmation, and deletes.
fn confirm_request(code: &str, yes: bool, memory: &Memory, session: &Invocation) -> Result<ExitCode, Failure> {
    let request = memory.find_forget_request(code, session.now)?;
    if env::runs_in_agent() {
        // The agent that asked must not answer.
        let hint = "run it in your own terminal, outside the agent's session";
        return Err(Failure::invalid_input(format!("an agent cannot confirm its own deletion request: {hint}")));
    }
    if !yes {
        show_request(&request, memory, session)?;
        if !std::io::stdin().is_terminal() {
            return Err(Failure::invalid_input("nothing was deleted: confirm on a terminal, or add --yes"));
        }
        let _ = write!(std::io::stderr(), "Delete {}? [y/N] ", count_messages(&request));
        let mut answer = String::new();
        let _ = std::io::stdin().read_line(&mut answer);
        if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            session.output.print_message("nothing was deleted");
            return Ok(ExitCode::FAILURE);
        }
    }
    let done = confirm_deletion(memory, &request, None, session.now)?;
    let verified = done.verified;
    if session.output.is_json() {
        session.output.print_json(&done);
    } else {
        let found = if verified {
            "no file contains a piece of them any more"
        } else {
            "a file may still contain a piece of them"
        };
        session.output.print_line(&format!("deleted messages: {}; {found}", group_digits(done.messages)));
        done.incomplete.iter().for_each(|reason| session.output.print_line(&format!("incomplete: {reason}")));
    }
    // Backups that the request left out are no failure.
    let is_done = verified && (done.complete || !request.include_backups);
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints each message for the user who decides; their terminal is in no agent's transcript.
fn show_request(request: &ForgetRequest, memory: &Memory, session: &Invocation) -> Result<(), Failure> {
    for id in &request.ids {
        let what = Selection::Messages { ids: vec![*id], around: 0 };
        let Ok(read) = memory.read_messages(&ReadRequest { what, include_tools: true, max_tokens: 200 }) else {
            session.output.print_line(&format!("{}  (deleted meanwhile)", id.short_form()));
            continue;
        };
        for message in read.conversations.iter().flat_map(|conversation| &conversation.messages) {
            let text = message.parts.first().map_or("", |part| part.text.as_str());
            let (at, role) = (message.at.format_minute(&TimeZone::system()), message.role.name());
            session.output.print_line(&format!(
                "{}  {at}  {role}  {}",
                id.short_form(),
                SafeText::single_line(text, 100)
            ));
        }
    }
    Ok(())
}

fn count_messages(request: &ForgetRequest) -> String {
    match request.ids.len() {
        1 => "1 message".to_owned(),
        count => format!("{} messages", group_digits(count as u64)),
    }
}

//! `memory_forget`: deletes memories permanently in two steps: a preview that returns a code, then the deletion with
//! that code.

use std::fmt::Write as _;

use rmcp::model::{Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::quotation::{quote_labelled, short_id};
use super::{
    ToolOutcome, build_quoting_reply, build_tool, format_minute, parse_arguments, parse_time, resolve_ids,
    session_label,
};
use crate::backup;
use crate::backup::deletion::{self, DeletionOrder, Requester};
use crate::domain::query::{ReadRequest, Selection};
use crate::domain::text::counts::format_count;
use crate::domain::text::first_words;
use crate::domain::{Detail, Failure, MessageId, Query, Timestamp, limits};
use crate::mcp::caller::Caller;
use crate::mcp::wire::changes::{DeletionPlace, DeletionReceipt, ForgetAnswer, ForgetPreview};
use crate::mcp::wire::outgoing::{SafeText, sanitize_name};
use crate::memory;
use crate::memory::{ForgetRequest, MAX_MODEL_DELETIONS, Memory};
use crate::store::CopyPolicy;

const USAGE: &str =
    "name `ids`, a `session_id`, a `query`, or `project` with `before`; then give the `code` of the preview";
/// Messages in a preview: as many as a model may delete.
const PREVIEW_MESSAGES: usize = MAX_MODEL_DELETIONS;
/// Length of a preview. It stays in the transcript of the calling session, so it holds just enough to recognise the
/// text.
const FIRST_WORDS: usize = 8;
const FIRST_CHARACTERS: usize = 60;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ForgetToolInput {
    /// From search results.
    ids: Option<Vec<String>>,
    /// A whole session with its subagents.
    session_id: Option<String>,
    /// Everything that matches, at most 20.
    query: Option<String>,
    /// With `before`: everything of this project up to then.
    project: Option<String>,
    /// Date or RFC 3339.
    before: Option<String>,
    /// Delete it from the backups too; the user has to confirm that.
    include_backups: Option<bool>,
    /// Of a preview, alone: deletes what it showed.
    code: Option<String>,
}

pub(super) fn define_tool() -> Tool {
    build_tool::<ForgetToolInput, ForgetAnswer>(
        "memory_forget",
        "Forget",
        "Deletes memories for good; imports do not bring them back. Use it only when the user asks to forget something. The first \
         call shows what would be deleted and gives a code; show that to the user, and call again with the code when they \
         agree. More than 20 messages a day, a project or backups wait for the user, who confirms them outside of this session.",
        ToolAnnotations::new().read_only(false).destructive(true).idempotent(true).open_world(false),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: ForgetToolInput = parse_arguments(arguments, USAGE)?;
    let answer = match arguments.code.as_deref() {
        Some(code) => delete_previewed(memory, caller, &arguments, code)?,
        None => preview_deletion(memory, caller, &arguments)?,
    };
    let text = render_forget(&answer);
    build_quoting_reply(&answer, &text)
}

/// Previews a deletion and stores the request under a code.
fn preview_deletion(memory: &Memory, caller: &Caller, arguments: &ForgetToolInput) -> Result<ForgetAnswer, Failure> {
    let ids = memory.snapshot()?.with_superseded(arguments.resolve_targets(memory, caller)?)?;
    let mut answer =
        ForgetAnswer { matched: ids.len(), preview: preview_messages(memory, &ids)?, ..ForgetAnswer::default() };
    if ids.is_empty() {
        return Ok(answer);
    }
    let backups = arguments.include_backups.unwrap_or(false);
    let session = caller.session.as_deref();
    let request = memory.request_deletion(ids, arguments.project.is_some(), backups, session, caller.now)?;
    answer.waits_for_person = request.waits_for_person;
    answer.code = Some(request.code);
    Ok(answer)
}

/// Deletes the messages of a stored request, within the daily limit for models.
fn delete_previewed(
    memory: &Memory,
    caller: &Caller,
    arguments: &ForgetToolInput,
    code: &str,
) -> Result<ForgetAnswer, Failure> {
    if arguments.names_target() {
        return Err(Failure::invalid_arguments(
            "`code` stands alone",
            "it names what its preview showed; nothing was deleted",
        ));
    }
    let request = memory.find_forget_request(code, caller.now)?;
    if request.waits_for_person {
        return Err(Failure::invalid_arguments(
            format!("{}: waiting for the user; nothing was deleted", format_count(request.ids.len() as u64, "message")),
            format!("the user confirms with `claude-memory forget --confirm {code}`, or on the page"),
        ));
    }
    // Deletions since the preview count too.
    let by_now = memory.deleted_by_models(caller.now) + request.ids.len();
    if !caller.is_person {
        if by_now > MAX_MODEL_DELETIONS {
            return Err(Failure::invalid_arguments(
                format!(
                    "agents delete at most {MAX_MODEL_DELETIONS} messages a day without the user; nothing was deleted"
                ),
                "the user deletes with `claude-memory forget ID`; ask for a preview again and it waits for them",
            ));
        }
        memory.record_deletion_by_model(request.ids.len(), caller.now)?;
    }
    let done = confirm_deletion(memory, &request, caller.session.as_deref(), caller.now)?;
    Ok(ForgetAnswer { matched: request.ids.len(), receipt: Some(done), ..ForgetAnswer::default() })
}

/// Executes a stored request on behalf of the session that made it, and removes the request.
///
/// # Errors
/// When nothing of it is left (the request is removed), or the store cannot be written. A backup that cannot be cleaned
/// is named in the receipt.
pub fn confirm_deletion(
    memory: &Memory,
    request: &ForgetRequest,
    session: Option<&str>,
    now: Timestamp,
) -> Result<DeletionReceipt, Failure> {
    let shown = |path: &std::path::Path| path.display().to_string();
    // The session that made the request has the preview in its transcript, which is deleted too.
    let order = DeletionOrder {
        ids: request.ids.clone(),
        reason: "asked for by tool call",
        requester: Requester::Agent(request.session.as_deref().or(session)),
        copies: if request.include_backups { CopyPolicy::Remove } else { CopyPolicy::Keep },
        backups_now: request.include_backups,
        identity: None,
    };
    let report = match deletion::delete_everywhere(memory, &order, now) {
        Err(backup::Error::Memory(memory::Error::NotFound { .. })) => {
            memory.discard_forget_request(request)?;
            return Err(Failure::invalid_arguments(
                "nothing of it is left; the request is discarded",
                "there is nothing to do",
            ));
        }
        done => done?,
    };
    memory.discard_forget_request(request)?;
    let (receipt, incomplete) = (&report.receipt, report.incomplete_reasons());
    Ok(DeletionReceipt {
        messages: receipt.messages,
        parts: receipt.parts,
        vectors: receipt.vectors,
        repeats: receipt.repeats,
        verified: receipt.searched.found_in.is_empty() && receipt.searched.unreadable.is_empty() && receipt.log_emptied,
        complete: incomplete.is_empty(),
        incomplete,
        places: report.places.iter().map(DeletionPlace::from).collect(),
        remaining_hits: report.places.iter().flat_map(|place| &place.found_in).map(|path| shown(path)).collect(),
        backups: report.pending_backups().map(shown).collect(),
        rewritten_backups: report.rewritten_backups().map(shown).collect(),
    })
}

impl ForgetToolInput {
    const fn names_target(&self) -> bool {
        let narrows = self.before.is_some() || self.include_backups.is_some();
        self.ids.is_some() || self.session_id.is_some() || self.query.is_some() || self.project.is_some() || narrows
    }

    fn resolve_targets(&self, memory: &Memory, caller: &Caller) -> Result<Vec<MessageId>, Failure> {
        match (&self.ids, &self.session_id, &self.query, &self.project) {
            (Some(ids), None, None, None) => {
                let ids = resolve_ids(memory, ids, USAGE)?;
                for id in &ids {
                    if memory.snapshot()?.find_message(*id)?.is_none() {
                        return Err(Failure::invalid_arguments(
                            format!("there is no message {id}"),
                            "use the ids that a search returned; nothing was deleted",
                        ));
                    }
                }
                Ok(ids)
            }
            (None, Some(session), None, None) => Ok(memory.messages_of_session(session)?),
            (None, None, Some(query), None) => find_matching(memory, query, caller),
            (None, None, None, Some(project)) => {
                let before = parse_time(self.before.as_deref(), caller.now, USAGE)?
                    .ok_or_else(|| Failure::invalid_arguments("`before` is missing", USAGE))?;
                let projects = memory.resolve_projects(project, caller.directory.as_deref())?.ok_or_else(|| {
                    Failure::invalid_arguments("\"all\" projects at once is too much", "name one project at a time")
                })?;
                Ok(memory.snapshot()?.messages_before(&projects, before, limits::FORGET_MESSAGES)?)
            }
            _ => Err(Failure::invalid_arguments("exactly one way of naming what to forget is needed", USAGE)),
        }
    }
}

fn find_matching(memory: &Memory, query: &str, caller: &Caller) -> Result<Vec<MessageId>, Failure> {
    let query = Query { limit: PREVIEW_MESSAGES, detail: Detail::Index, ..Query::for_text(query) };
    Ok(memory.search(&query, caller.now)?.hits.into_iter().map(|hit| hit.id).collect())
}

/// Describes the first of the messages by their first words.
pub fn preview_messages(memory: &Memory, ids: &[MessageId]) -> Result<Vec<ForgetPreview>, Failure> {
    let mut shown = Vec::new();
    for id in ids.iter().take(PREVIEW_MESSAGES) {
        let what = Selection::Messages { ids: vec![*id], around: 0 };
        let transcript = memory.read_messages(&ReadRequest { what, include_tools: true, max_tokens: 200 })?;
        for conversation in transcript.conversations {
            shown.extend(conversation.messages.into_iter().map(|message| {
                let text = message.parts.first().map_or("", |part| part.text.as_str());
                ForgetPreview {
                    id: message.id.to_string(),
                    session_id: message.session,
                    ts: message.at.to_string(),
                    project: sanitize_name(&conversation.head.project),
                    role: message.role.name().to_owned(),
                    first_words: SafeText::single_line(
                        &first_words(text, FIRST_WORDS, FIRST_CHARACTERS),
                        FIRST_CHARACTERS + 1,
                    ),
                }
            }));
        }
    }
    Ok(shown)
}

fn render_forget(answer: &ForgetAnswer) -> String {
    let mut text = match (&answer.receipt, &answer.code) {
        (Some(done), _) => format!(
            "Deleted {} with {} and {}; {}.\n",
            format_count(done.messages, "message"),
            format_count(done.parts, "part"),
            format_count(done.vectors, "vector"),
            if done.verified { "no file of the store holds a piece of them" } else { "a file may still hold a piece" }
        ),
        (None, Some(code)) if answer.waits_for_person => format!(
            "{} would be deleted; nothing was deleted yet. This waits for the user: tell them to look at it and run \
             `claude-memory forget --confirm {code}` (or --discard {code}), or to use the page.\n",
            format_count(answer.matched as u64, "message")
        ),
        (None, Some(code)) => format!(
            "{} would be deleted; nothing was deleted yet. Show them to the user; when they agree, call memory_forget \
             with code \"{code}\" alone. For only some of them call it with their `ids` first.\n",
            format_count(answer.matched as u64, "message")
        ),
        (None, None) => "Nothing matches.\n".to_owned(),
    };
    if let Some(done) = answer.receipt.as_ref().filter(|done| !done.complete) {
        text.push_str("The deletion is incomplete:\n");
        for reason in &done.incomplete {
            let _ = writeln!(text, "- {reason}");
        }
    }
    if let Some(repeats) = answer.receipt.as_ref().map(|done| done.repeats).filter(|repeats| *repeats > 0) {
        let _ = writeln!(text, "{repeats} of them only repeated the others in this session.");
    }
    for message in &answer.preview {
        let (when, session) = (format_minute(&message.ts), session_label(&message.session_id));
        let _ = writeln!(text, "- {when} · {} · session {session}", message.project);
        let _ = writeln!(
            text,
            "{}",
            quote_labelled(&format!("{} {}", message.role, short_id(&message.id)), &message.first_words)
        );
    }
    if answer.receipt.is_none() && answer.matched > answer.preview.len() {
        let _ = writeln!(text, "and {} more", answer.matched - answer.preview.len());
    }
    text
}

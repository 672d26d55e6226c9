//! `memory_forget`: takes memories out for good, after showing what would go.

use std::fmt::Write as _;

use rmcp::model::{Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, define, ids_of, minute, parse, quoting, time_of};
use crate::domain::query::{Reading, Selection};
use crate::domain::text::{first_words, visible};
use crate::domain::{Detail, MessageId, Query, limits};
use crate::mcp::caller::Caller;
use crate::mcp::error::Failure;
use crate::mcp::wire::changes::{ForgetAnswer, ForgetDone, ForgetPreview};
use crate::memory::Memory;
use crate::ops::backup;

const USAGE: &str = "name `ids`, a `session_id`, a `query` (then the ids you confirm), or `project` with `before`";
/// Messages that are shown.
const SHOWN: usize = 20;
/// What is shown of a text stays in the transcript of the session that asks: enough to know the text by, and no more.
const FIRST_WORDS: usize = 8;
const FIRST_CHARACTERS: usize = 60;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// From search results.
    ids: Option<Vec<String>>,
    /// A whole session with its subagents.
    session_id: Option<String>,
    /// Shows what matches; nothing goes without `confirm_ids`.
    query: Option<String>,
    /// Those of the matches that shall go.
    confirm_ids: Option<Vec<String>>,
    /// With `before`: everything of this project up to then.
    project: Option<String>,
    /// Date or RFC 3339.
    before: Option<String>,
    /// Default true: only show.
    dry_run: Option<bool>,
    /// Take it out of the backups too.
    include_backups: Option<bool>,
}

pub(super) fn definition() -> Tool {
    define::<Arguments, ForgetAnswer>(
        "memory_forget",
        "Forget",
        "Takes memories out for good; imports do not bring them back. Use it only when the user asks to forget something. \
         Shows what would go first; call again with dry_run false when the user agrees.",
        ToolAnnotations::new().read_only(false).destructive(true).idempotent(true).open_world(false),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let arguments: Arguments = parse(arguments, USAGE)?;
    let dry_run = arguments.dry_run.unwrap_or(true);
    let ids = memory.going_with(arguments.ids_meant(memory, caller, dry_run)?)?;
    let mut answer = ForgetAnswer { dry_run, matched: ids.len(), preview: preview(memory, &ids)?, receipt: None };
    if !dry_run && !ids.is_empty() {
        const WHY: &str = "asked for by tool call";
        let (paths, rewrite) = (memory.paths(), arguments.include_backups.unwrap_or(false));
        let receipt = memory.forget_for(caller.session.as_deref(), ids.clone(), WHY, caller.now)?;
        let shown = |path: &std::path::PathBuf| path.display().to_string();
        let (mut rewritten, mut kept) = (Vec::new(), Vec::new());
        if rewrite {
            rewritten.extend(backup::forget(memory, paths, &ids, WHY, caller.now)?.iter().map(shown));
        } else {
            kept.extend(backup::files(&paths.backups())?.iter().map(shown));
        }
        answer.receipt = Some(ForgetDone {
            messages: receipt.messages,
            parts: receipt.parts,
            vectors: receipt.vectors,
            repeats: receipt.repeats,
            verified: receipt.found_in.is_empty() && receipt.log_emptied,
            remaining_hits: receipt.found_in.iter().map(shown).collect(),
            backups: kept,
            rewritten_backups: rewritten,
        });
    }
    let text = render(&answer);
    quoting(&answer, &text)
}

impl Arguments {
    fn ids_meant(&self, memory: &Memory, caller: &Caller, dry_run: bool) -> Result<Vec<MessageId>, Failure> {
        match (&self.ids, &self.session_id, &self.query, &self.project) {
            (Some(ids), None, None, None) => {
                let ids = ids_of(ids, USAGE)?;
                for id in &ids {
                    if !memory.knows_message(*id)? {
                        return Err(Failure::arguments(
                            format!("there is no message {id}"),
                            "use the ids that a search returned; nothing was taken out",
                        ));
                    }
                }
                Ok(ids)
            }
            (None, Some(session), None, None) => Ok(memory.messages_of_session(session)?),
            (None, None, Some(query), None) => match &self.confirm_ids {
                Some(ids) => ids_of(ids, USAGE),
                None if dry_run => matching(memory, query, caller),
                None => Err(Failure::arguments("a query alone takes nothing out", "name the ids in `confirm_ids`")),
            },
            (None, None, None, Some(project)) => {
                let before = time_of(self.before.as_deref(), caller.now, USAGE)?
                    .ok_or_else(|| Failure::arguments("`before` is missing", USAGE))?;
                let projects = memory.resolve_projects(project, caller.directory.as_deref())?.ok_or_else(|| {
                    Failure::arguments("\"all\" projects at once is too much", "name one project at a time")
                })?;
                Ok(memory.messages_before(&projects, before, limits::FORGET_MESSAGES)?)
            }
            _ => Err(Failure::arguments("exactly one way of naming what to forget is needed", USAGE)),
        }
    }
}

fn matching(memory: &Memory, query: &str, caller: &Caller) -> Result<Vec<MessageId>, Failure> {
    let query = Query { limit: SHOWN, detail: Detail::Index, ..Query::about(query) };
    Ok(memory.search(&query, caller.now)?.hits.into_iter().map(|hit| hit.id).collect())
}

fn preview(memory: &Memory, ids: &[MessageId]) -> Result<Vec<ForgetPreview>, Failure> {
    let mut shown = Vec::new();
    for id in ids.iter().take(SHOWN) {
        let what = Selection::Messages { ids: vec![*id], around: 0 };
        let transcript = memory.read(&Reading { what, include_tools: true, max_tokens: 200 })?;
        for conversation in transcript.conversations {
            shown.extend(conversation.messages.into_iter().map(|message| {
                let text = message.parts.first().map_or("", |part| part.text.as_str());
                ForgetPreview {
                    id: message.id.to_string(),
                    session_id: message.session,
                    ts: message.at.to_string(),
                    project: conversation.head.project.clone(),
                    role: message.role.name().to_owned(),
                    first_words: visible::safe(&first_words(text, FIRST_WORDS, FIRST_CHARACTERS)).into_owned(),
                }
            }));
        }
    }
    Ok(shown)
}

fn render(answer: &ForgetAnswer) -> String {
    let mut text = match &answer.receipt {
        Some(done) => format!(
            "{} messages with {} parts and {} vectors are gone; {}.\n",
            done.messages,
            done.parts,
            done.vectors,
            if done.verified { "no file of the store holds a piece of them" } else { "a file may still hold a piece" }
        ),
        None if answer.matched == 0 => "Nothing matches.\n".to_owned(),
        None => format!("{} messages would be forgotten; nothing was taken out yet.\n", answer.matched),
    };
    if let Some(kept) = answer.receipt.as_ref().map(|done| done.backups.len()).filter(|kept| *kept > 0) {
        let _ = writeln!(text, "{kept} backups may still hold them; with include_backups they are made anew without.");
    }
    if let Some(repeats) = answer.receipt.as_ref().map(|done| done.repeats).filter(|repeats| *repeats > 0) {
        let _ = writeln!(text, "{repeats} of them only repeated the others in this session.");
    }
    for message in &answer.preview {
        let ForgetPreview { id, session_id, ts, project, role, first_words } = message;
        let _ =
            writeln!(text, "- {} · {project} · {role} · session {session_id}\n   {id}\n   > {first_words}", minute(ts));
    }
    if answer.matched > answer.preview.len() {
        let _ = writeln!(text, "and {} more", answer.matched - answer.preview.len());
    }
    text
}

//! MCP tools: each file holds the arguments, the definition and the implementation of one. The command line calls the
//! same functions, so that people and models get the same answers.

mod aliases;
mod backup;
mod blame;
mod context;
mod decisions;
mod fix;
mod forget;
mod get;
mod handoff;
mod health;
mod import;
mod maintain;
mod ping;
mod project_edit;
mod projects;
mod quotation;
mod results;
mod save;
mod search;
mod sessions;
mod stats;
mod timeline;
mod update;
mod why;

use std::path::Path;

use jiff::tz::TimeZone;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::access::Access;
use super::arguments::coerce_arguments;
use super::caller::Caller;
use super::profile::Profile;
use super::schema;
use crate::domain::text::fence::fence_text;
use crate::domain::text::{sanitise, tokens};
use crate::domain::{Failure, MessageId, Timestamp, date_bound, own_output};
use crate::mcp::wire::outgoing::{SafeText, sanitize_name};
use crate::memory::Memory;

pub use context::render_pack;
pub use forget::{confirm_deletion, preview_messages};

/// Answer of a tool: structured data, and the same content as text.
#[derive(Debug)]
pub struct Reply {
    /// Structured data that conforms to the tool's output schema.
    pub value: Value,
    /// Text for models, for people and for clients that show only text.
    pub text: String,
    /// True if the text quotes stored messages and has to be fenced before a model reads it.
    quotes: bool,
}

type ToolOutcome = Result<Reply, Failure>;

struct ToolEntry {
    name: &'static str,
    profile: Profile,
    definition: fn() -> Tool,
    call: fn(&Memory, &Caller, Value) -> ToolOutcome,
}

macro_rules! entries {
    ($($profile:ident { $($name:literal => $tool:ident,)* })*) => {
        &[$($(ToolEntry { name: $name, profile: Profile::$profile, definition: $tool::define_tool, call: $tool::run_tool },)*)*]
    };
}

/// Registry of all tools, in a fixed order.
const TOOLS: &[ToolEntry] = entries! {
    Core {
        "memory_search" => search,
        "memory_get" => get,
        "memory_timeline" => timeline,
        "memory_context" => context,
        "memory_fix" => fix,
        "memory_handoff" => handoff,
        "memory_save" => save,
        "memory_forget" => forget,
    }
    Full {
        "memory_projects" => projects,
        "memory_health" => health,
        "memory_blame" => blame,
        "memory_why" => why,
        "memory_sessions" => sessions,
        "memory_decisions" => decisions,
        "memory_update" => update,
        "memory_stats" => stats,
        "memory_import" => import,
        "ping" => ping,
    }
    Admin {
        "memory_project_edit" => project_edit,
        "memory_backup" => backup,
        "memory_maintain" => maintain,
    }
};

/// Tools that can be called in every profile, listed or not, because runbooks name them.
const ALWAYS_CALLABLE: [&str; 3] = ["memory_health", "memory_projects", "ping"];

/// Tools that Claude Code loads at start. It hides others behind its tool search, which models rarely use.
const LOADED_AT_START: [&str; 3] = ["memory_search", "memory_context", "memory_get"];

/// Returns the tool definitions of a profile, with output schemas only if `structured`.
///
/// Output schemas are for programs: a client that knows one passes the data to its model and drops the fenced text.
pub fn define_tools(profile: Profile, structured: bool) -> Vec<Tool> {
    let offered = TOOLS.iter().filter(|entry| entry.profile <= profile);
    offered
        .map(|entry| {
            let mut tool = (entry.definition)();
            if !structured {
                tool.output_schema = None;
            }
            tool.with_meta(client_metadata(entry.name))
        })
        .collect()
}

/// Maximum number of unknown arguments named in the note of an answer.
const MAX_NAMED_ARGUMENTS: usize = 5;

/// Builds the metadata for Claude Code: load the tool at start or find it by a search hint, and the maximum result
/// size.
fn client_metadata(name: &str) -> MetaObject {
    let mut meta = serde_json::Map::new();
    if LOADED_AT_START.contains(&name) {
        meta.insert("anthropic/alwaysLoad".to_owned(), true.into());
    } else {
        let hint = format!("memory history earlier sessions {}", name.trim_start_matches("memory_").replace('_', " "));
        meta.insert("anthropic/searchHint".to_owned(), hint.into());
    }
    meta.insert("anthropic/maxResultSizeChars".to_owned(), MAX_RESULT_CHARACTERS.into());
    MetaObject(meta)
}

/// Maximum characters of an answer: the largest token budget at six characters each.
const MAX_RESULT_CHARACTERS: usize = 300_000;

/// Returns true if the tool needs the memory to be open; only `ping` does not.
pub(super) fn needs_memory(name: &str) -> bool {
    name != "ping"
}

/// Answers `ping` without opening the memory.
pub(super) fn answer_ping(arguments: Value) -> ToolOutcome {
    ping::reply_pong(arguments)
}

/// Returns true if a tool, or an alias for a tool of the predecessor, has this name.
pub fn tool_exists(name: &str) -> bool {
    TOOLS.iter().any(|entry| entry.name == name) || aliases::resolve_alias(name, &Value::Null).is_some()
}

/// Returns the rights that a call of a tool needs; an unknown one needs only the first.
pub fn needed_access(name: &str, arguments: &Value) -> Access {
    if let Some((tool, arguments)) = aliases::resolve_alias(name, arguments) {
        return needed_access(tool, &arguments);
    }
    let Some(entry) = TOOLS.iter().find(|entry| entry.name == name) else { return Access::Read };
    let hints = (entry.definition)().annotations.unwrap_or_default();
    match (hints.read_only_hint, hints.destructive_hint) {
        (Some(true), _) => Access::Read,
        (_, Some(false)) if entry.profile < Profile::Admin => Access::Write,
        _ => Access::Admin,
    }
}

/// Calls a tool by its name or by its predecessor's name; `None` if the profile has no such tool.
///
/// Unknown arguments are ignored with a note, but a tool that can delete refuses them.
pub fn call_tool(
    memory: &Memory,
    caller: &Caller,
    profile: Profile,
    name: &str,
    arguments: Value,
) -> Option<Result<Reply, Failure>> {
    if let Some((tool, arguments)) = aliases::resolve_alias(name, &arguments) {
        return call_tool(memory, caller, Profile::Admin, tool, arguments);
    }
    let offered = TOOLS.iter().filter(|entry| entry.profile <= profile || ALWAYS_CALLABLE.contains(&entry.name));
    let entry = offered.into_iter().find(|entry| entry.name == name)?;
    let tool = (entry.definition)();
    Some(coerce_arguments(&tool.input_schema, arguments).and_then(|(arguments, unknown)| {
        let can_delete = tool.annotations.as_ref().is_none_or(|hints| hints.destructive_hint != Some(false));
        let can_delete = can_delete && tool.annotations.is_none_or(|hints| hints.read_only_hint != Some(true));
        if let (Some(field), true) = (unknown.first(), can_delete) {
            // The unknown field may have been meant to limit the deletion.
            return Err(Failure::invalid_arguments(
                format!("unknown field `{field}`"),
                "leave it out, or see the tool's arguments",
            ));
        }
        let mut reply = (entry.call)(memory, caller, arguments)?;
        if !unknown.is_empty() {
            let named = unknown.get(..MAX_NAMED_ARGUMENTS).unwrap_or(&unknown).join(", ");
            let more = if unknown.len() > MAX_NAMED_ARGUMENTS { " and others" } else { "" };
            reply.text.insert_str(0, &format!("note: {name} has no argument {named}{more}; ignored\n"));
        }
        Ok(reply)
    }))
}

impl Reply {
    /// Returns the text for a model, fenced if it quotes stored messages.
    pub(super) fn into_text(self) -> String {
        if self.quotes { fence_text(&self.text) } else { self.text }
    }

    /// Converts to a tool result: text, plus the data if `structured`.
    ///
    /// Not the default, because Claude Code and Codex pass only the data to their models if there is any, without the
    /// fences.
    pub(super) fn into_result(mut self, structured: bool) -> CallToolResult {
        let value = std::mem::take(&mut self.value);
        let content = vec![ContentBlock::text(self.into_text())];
        if structured {
            let mut result = CallToolResult::structured(value);
            result.content = content;
            return result;
        }
        CallToolResult::success(content)
    }
}

/// Builds a tool definition with schemas generated from the argument and answer types.
fn build_tool<A: JsonSchema, R: JsonSchema>(
    name: &'static str,
    title: &str,
    description: &'static str,
    annotations: ToolAnnotations,
) -> Tool {
    Tool::new(name, description, schema::generate_schema::<A>())
        .with_title(title)
        .with_raw_output_schema(schema::generate_schema::<R>())
        .with_annotations(annotations)
}

/// Returns the annotations of a read-only tool that stays on this machine.
fn read_only_annotations() -> ToolAnnotations {
    ToolAnnotations::new().read_only(true).idempotent(true).open_world(false)
}

/// Returns the annotations of a tool that writes but never deletes.
fn additive_annotations() -> ToolAnnotations {
    ToolAnnotations::new().read_only(false).destructive(false).idempotent(true).open_world(false)
}

/// Deserializes the arguments. The failure carries `usage` as a hint, so that a model can correct its call.
fn parse_arguments<A: DeserializeOwned>(arguments: Value, usage: &str) -> Result<A, Failure> {
    serde_json::from_value(arguments).map_err(|error| Failure::invalid_arguments(error.to_string(), usage))
}

/// Builds an answer that quotes no stored message.
fn build_reply(structured: &impl Serialize, text: &str) -> ToolOutcome {
    let value = serde_json::to_value(structured)
        .map_err(|error| Failure::invalid_arguments(error.to_string(), "please report this as a bug"))?;
    // Ids, names of tools and paths come from transcripts and may hold what acts on a terminal.
    Ok(Reply { value, text: sanitise::sanitise_text(text).into_owned(), quotes: false })
}

/// Builds an answer that quotes stored messages.
fn build_quoting_reply(structured: &impl Serialize, text: &str) -> ToolOutcome {
    build_reply(structured, text).map(|reply| Reply { quotes: true, ..reply })
}

/// Formats an RFC 3339 time as `2026-01-22 05:17`.
fn format_minute(ts: &str) -> String {
    ts.get(..16).unwrap_or(ts).replace('T', " ")
}

/// Returns the share of an answer's token budget that is left for quoted texts.
fn text_budget(asked: Option<usize>, default: usize, most: usize) -> usize {
    asked.unwrap_or(default).clamp(MIN_ANSWER_TOKENS, most).saturating_sub(FRAME_TOKENS)
}

/// Minimum token budget of an answer.
const MIN_ANSWER_TOKENS: usize = 150;
/// Tokens reserved for everything but the texts: headings, fences, the session.
const FRAME_TOKENS: usize = 120;

/// Estimates the tokens of a quoting answer, fences included.
fn estimate_tokens(text: &str) -> usize {
    tokens::estimate_tokens(&fence_text(text))
}

/// Shortens a session id for the text of an answer. Structured data keeps the whole id, which calls need.
fn session_label(id: &str) -> SafeText {
    sanitize_name(&quotation::short_id(id))
}

fn resolve_ids(memory: &Memory, ids: &[String], usage: &str) -> Result<Vec<MessageId>, Failure> {
    let resolve = |id: &String| {
        let found = memory.resolve_id(id.trim_start_matches(own_output::URI_PREFIX)).map_err(Failure::from);
        found.map_err(|failure| Failure { hint: failure.hint.or_else(|| Some(usage.to_owned())), ..failure })
    };
    ids.iter().map(resolve).collect()
}

fn parse_time(text: Option<&str>, now: Timestamp, usage: &str) -> Result<Option<Timestamp>, Failure> {
    let read = |text| {
        date_bound::parse_date_bound(text, now, &TimeZone::system())
            .map_err(|why| Failure::invalid_arguments(why, usage))
    };
    text.map(read).transpose()
}

/// Resolves a project argument to row ids; `None` means all projects.
fn resolve_project_rows(
    memory: &Memory,
    wanted: Option<&str>,
    directory: Option<&Path>,
) -> Result<Option<Vec<i64>>, Failure> {
    Ok(match wanted {
        Some(wanted) => memory.resolve_projects(wanted, directory)?,
        None => None,
    })
}

fn check_range(value: Option<usize>, default: usize, least: usize, most: usize, name: &str) -> Result<usize, Failure> {
    match value {
        Some(value) if value < least || value > most => Err(Failure::invalid_arguments(
            format!("{name} is {value}"),
            format!("{name} must be between {least} and {most}"),
        )),
        Some(value) => Ok(value),
        None => Ok(default),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rights_that_each_tool_needs_are_chosen_on_purpose() {
        let needing = |access: Access| -> Vec<&str> {
            TOOLS.iter().map(|entry| entry.name).filter(|name| needed_access(name, &Value::Null) == access).collect()
        };
        assert_eq!(needing(Access::Write), ["memory_save", "memory_decisions", "memory_update", "memory_import"]);
        let admin = ["memory_forget", "memory_project_edit", "memory_backup", "memory_maintain"];
        assert_eq!(needing(Access::Admin), admin);
        assert_eq!(needing(Access::Read).len(), TOOLS.len() - 4 - admin.len());
        // The names of the predecessor's tools need what the tools need that they stand for.
        for name in own_output::OWN_TOOLS.into_iter().chain(own_output::SHARED_TOOLS) {
            let resolved = aliases::resolve_alias(name, &Value::Null);
            let tool = resolved.as_ref().map_or(name, |(tool, _)| *tool);
            assert_eq!(needed_access(name, &Value::Null), needed_access(tool, &Value::Null), "{name}");
        }
    }

    #[test]
    fn imports_know_every_tool_by_name() {
        let listed: Vec<&str> = own_output::OWN_TOOLS.into_iter().chain(own_output::SHARED_TOOLS).collect();
        for entry in TOOLS {
            assert!(listed.contains(&entry.name), "domain::mark does not list {}", entry.name);
        }
        for name in &listed {
            assert!(tool_exists(name), "domain::mark lists {name}, which is no tool");
            assert_eq!(listed.iter().filter(|other| other == &name).count(), 1, "{name} is listed twice");
        }
    }
}

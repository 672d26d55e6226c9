//! The tools. Each file has its arguments, its definition and its call. The command line calls the same functions, so that
//! people and models get the same answers.

mod aliases;
mod backup;
mod blame;
mod context;
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
mod save;
mod search;
mod sessions;
mod stats;
mod timeline;
mod update;

use std::path::Path;

use jiff::tz::TimeZone;
use rmcp::model::{CallToolResult, ContentBlock, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::arguments::conform;
use super::caller::Caller;
use super::error::Failure;
use super::profile::Profile;
use super::schema;
use crate::domain::text::fence::fenced;
use crate::domain::text::{one_line, visible};
use crate::domain::{MessageId, Timestamp, mark, moment};
use crate::memory::Memory;

pub use context::render as render_pack;
pub use search::{cursor_at, offset_of};

/// Characters of the id of a session in a text.
const SESSION_CHARACTERS: usize = 200;

/// What a tool answers: data, and the same as text.
#[derive(Debug)]
pub struct Reply {
    /// By the tool's output schema.
    pub value: Value,
    /// For people, and for clients that show only text.
    pub text: String,
    /// Whether the text quotes what was once said, and has to be marked as such before a model reads it.
    quotes: bool,
}

type Outcome = Result<Reply, Failure>;

struct Entry {
    name: &'static str,
    profile: Profile,
    definition: fn() -> Tool,
    call: fn(&Memory, &Caller, Value) -> Outcome,
}

macro_rules! entries {
    ($($profile:ident { $($name:literal => $tool:ident,)* })*) => {
        &[$($(Entry { name: $name, profile: Profile::$profile, definition: $tool::definition, call: $tool::call },)*)*]
    };
}

/// All tools, in a fixed order.
const ENTRIES: &[Entry] = entries! {
    Core {
        "memory_search" => search,
        "memory_get" => get,
        "memory_timeline" => timeline,
        "memory_context" => context,
        "memory_save" => save,
        "memory_forget" => forget,
        "memory_projects" => projects,
        "memory_health" => health,
    }
    Full {
        "memory_blame" => blame,
        "memory_fix" => fix,
        "memory_sessions" => sessions,
        "memory_update" => update,
        "memory_stats" => stats,
        "memory_handoff" => handoff,
        "memory_import" => import,
        "ping" => ping,
    }
    Admin {
        "memory_project_edit" => project_edit,
        "memory_backup" => backup,
        "memory_maintain" => maintain,
    }
};

/// The definitions of a profile.
pub fn definitions(profile: Profile) -> Vec<Tool> {
    ENTRIES.iter().filter(|entry| entry.profile <= profile).map(|entry| (entry.definition)()).collect()
}

/// Whether a call by this name can be answered without a memory.
pub(super) fn needs_memory(name: &str) -> bool {
    name != "ping"
}

/// Answers `ping`.
pub(super) fn ping(arguments: Value) -> Outcome {
    ping::answer(arguments)
}

/// Whether there is a tool of this name, or one that the predecessor had.
pub fn exists(name: &str) -> bool {
    ENTRIES.iter().any(|entry| entry.name == name) || aliases::resolve(name, &Value::Null).is_some()
}

/// Calls a tool by name, or by the name that the predecessor had for it; `None` if there is none in this profile.
pub fn call(
    memory: &Memory,
    caller: &Caller,
    profile: Profile,
    name: &str,
    arguments: Value,
) -> Option<Result<Reply, Failure>> {
    if let Some((tool, arguments)) = aliases::resolve(name, &arguments) {
        return call(memory, caller, Profile::Admin, tool, arguments);
    }
    let offered = ENTRIES.iter().filter(|entry| entry.profile <= profile);
    let entry = offered.into_iter().find(|entry| entry.name == name)?;
    Some((entry.call)(memory, caller, arguments))
}

impl Reply {
    /// As text for a model. What is quoted is put between marks.
    pub(super) fn into_text(self) -> String {
        if self.quotes { fenced(&self.text) } else { self.text }
    }

    /// As a tool result.
    pub(super) fn into_result(mut self) -> CallToolResult {
        let mut result = CallToolResult::structured(std::mem::take(&mut self.value));
        result.content = vec![ContentBlock::text(self.into_text())];
        result
    }
}

/// A definition with schemas made from the argument and answer types.
fn define<A: JsonSchema, R: JsonSchema>(
    name: &'static str,
    title: &str,
    description: &'static str,
    annotations: ToolAnnotations,
) -> Tool {
    Tool::new(name, description, schema::of::<A>())
        .with_title(title)
        .with_raw_output_schema(schema::of::<R>())
        .with_annotations(annotations)
}

/// A tool that changes nothing and reaches nothing outside this machine.
fn reading() -> ToolAnnotations {
    ToolAnnotations::new().read_only(true).idempotent(true).open_world(false)
}

/// A tool that adds and loses nothing.
fn adding() -> ToolAnnotations {
    ToolAnnotations::new().read_only(false).destructive(false).idempotent(true).open_world(false)
}

/// Reads the arguments; a wrong one is told to the model together with what would be right.
fn parse<A: DeserializeOwned + JsonSchema>(arguments: Value, usage: &str) -> Result<A, Failure> {
    let arguments = conform(&schema::of::<A>(), arguments)?;
    serde_json::from_value(arguments).map_err(|error| Failure::arguments(error.to_string(), usage))
}

/// An answer that says nothing that was once said.
fn answer(structured: &impl Serialize, text: &str) -> Outcome {
    let value = serde_json::to_value(structured)
        .map_err(|error| Failure::arguments(error.to_string(), "please report this as a bug"))?;
    // Ids, names of tools and paths come from transcripts and may hold what acts on a terminal.
    Ok(Reply { value, text: visible::safe(text).into_owned(), quotes: false })
}

/// An answer that quotes.
fn quoting(structured: &impl Serialize, text: &str) -> Outcome {
    answer(structured, text).map(|reply| Reply { quotes: true, ..reply })
}

/// `2026-01-22 05:17` of an RFC 3339 time.
fn minute(ts: &str) -> String {
    ts.get(..16).unwrap_or(ts).replace('T', " ")
}

/// Indented, every line marked as a quotation.
fn quote(text: &str) -> String {
    format!("   > {}", text.trim_end().replace('\n', "\n   > "))
}

/// The id of a session on one line.
fn session_label(id: &str) -> String {
    one_line(id, SESSION_CHARACTERS)
}

fn ids_of(ids: &[String], usage: &str) -> Result<Vec<MessageId>, Failure> {
    let ids: Result<Vec<MessageId>, String> =
        ids.iter().map(|id| id.trim_start_matches(mark::URI_PREFIX).parse()).collect();
    ids.map_err(|why| Failure::arguments(why, usage))
}

fn time_of(text: Option<&str>, now: Timestamp, usage: &str) -> Result<Option<Timestamp>, Failure> {
    let read = |text| moment::parse(text, now, &TimeZone::system()).map_err(|why| Failure::arguments(why, usage));
    text.map(read).transpose()
}

/// The rows of the projects that an argument names; all by default.
fn projects_of(memory: &Memory, wanted: Option<&str>, directory: Option<&Path>) -> Result<Option<Vec<i64>>, Failure> {
    Ok(match wanted {
        Some(wanted) => memory.resolve_projects(wanted, directory)?,
        None => None,
    })
}

fn within(value: Option<usize>, default: usize, least: usize, most: usize, name: &str) -> Result<usize, Failure> {
    match value {
        Some(value) if value < least || value > most => {
            Err(Failure::arguments(format!("{name} is {value}"), format!("{name} must be between {least} and {most}")))
        }
        Some(value) => Ok(value),
        None => Ok(default),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_know_every_tool_by_name() {
        let listed: Vec<&str> = mark::OWN_TOOLS.into_iter().chain(mark::SHARED_TOOLS).collect();
        for entry in ENTRIES {
            assert!(listed.contains(&entry.name), "domain::mark does not list {}", entry.name);
        }
        for name in &listed {
            assert!(exists(name), "domain::mark lists {name}, which is no tool");
            assert_eq!(listed.iter().filter(|other| other == &name).count(), 1, "{name} is listed twice");
        }
    }
}

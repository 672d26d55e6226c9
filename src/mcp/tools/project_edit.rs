//! `memory_project_edit`: puts right which project something belongs to.

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, adding, answer, define, parse};
use crate::mcp::caller::Caller;
use crate::mcp::error::Failure;
use crate::mcp::wire::sessions::ProjectEdited;
use crate::memory::{Memory, Moved};

const USAGE: &str = "for example {\"action\": \"merge\", \"project\": \"shop-old\", \"into\": \"shop\"}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// rename, merge or split.
    #[schemars(with = "Action")]
    action: String,
    /// Name, number or path; for split the folder that becomes a project.
    project: String,
    /// For merge: the project that takes everything.
    into: Option<String>,
    /// For rename, and for split if it shall not be the folder's.
    name: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum Action {
    Rename,
    Merge,
    Split,
}

pub(super) fn definition() -> Tool {
    define::<Arguments, ProjectEdited>(
        "memory_project_edit",
        "Edit projects",
        "Renames a project, merges two, or splits a folder off. Use it only when the user asks for it.",
        adding(),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let arguments: Arguments = parse(arguments, USAGE)?;
    let directory = caller.directory.as_deref();
    let missing = |what: &str| Failure::arguments(format!("{what} is missing"), USAGE);
    let (done, Moved { messages, into }) = match arguments.action.as_str() {
        "rename" => {
            let name = arguments.name.as_deref().ok_or_else(|| missing("name"))?;
            let into = memory.rename_project(&arguments.project, name, directory)?;
            ("renamed", Moved { messages: 0, into })
        }
        "merge" => {
            let into = arguments.into.as_deref().ok_or_else(|| missing("into"))?;
            ("merged", memory.merge_projects(&arguments.project, into, directory, caller.now)?)
        }
        "split" => {
            let name = arguments.name.as_deref();
            ("split", memory.split_project(&arguments.project, name, directory, caller.now)?)
        }
        other => return Err(Failure::arguments(format!("action is {other:?}"), "it must be rename, merge or split")),
    };
    let edited = ProjectEdited { done: done.to_owned(), id: into.id.to_string(), name: into.name, moved: messages };
    let text = format!("{done}: project {} {:?} ({} messages moved)", edited.id, edited.name, edited.moved);
    answer(&edited, &text)
}

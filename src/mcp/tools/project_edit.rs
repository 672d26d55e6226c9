//! `memory_project_edit`: renames, merges and splits projects.

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{ToolOutcome, additive_annotations, build_reply, build_tool, parse_arguments};
use crate::domain::Failure;
use crate::domain::names::{choose_value, names};
use crate::domain::text::counts::format_count;
use crate::mcp::caller::Caller;
use crate::mcp::schema::NameOf;
use crate::mcp::wire::outgoing::sanitize_name;
use crate::mcp::wire::sessions::ProjectEditAnswer;
use crate::memory::{Memory, ProjectMove};

const USAGE: &str = "for example {\"action\": \"merge\", \"project\": \"shop-old\", \"into\": \"shop\"}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProjectEditToolInput {
    /// rename, merge or split.
    #[schemars(with = "NameOf<ProjectEditAction>")]
    action: String,
    /// Name, number or path; for split the folder that becomes a project.
    project: String,
    /// For merge: the project that takes everything.
    into: Option<String>,
    /// For rename, and for split if it shall not be the folder's.
    name: Option<String>,
}

/// Edit of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProjectEditAction {
    Rename,
    Merge,
    Split,
}

names!(ProjectEditAction { Rename: "rename"; Merge: "merge"; Split: "split"; });

pub(super) fn define_tool() -> Tool {
    build_tool::<ProjectEditToolInput, ProjectEditAnswer>(
        "memory_project_edit",
        "Edit projects",
        "Renames a project, merges two, or splits a folder off. Use it only when the user asks for it.",
        additive_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: ProjectEditToolInput = parse_arguments(arguments, USAGE)?;
    let directory = caller.directory.as_deref();
    let missing = |what: &str| Failure::invalid_arguments(format!("{what} is missing"), USAGE);
    let (done, ProjectMove { messages, into }) =
        match choose_value("action", &arguments.action, &ProjectEditAction::ALL)? {
            ProjectEditAction::Rename => {
                let name = arguments.name.as_deref().ok_or_else(|| missing("name"))?;
                let into = memory.rename_project(&arguments.project, name, directory)?;
                ("renamed", ProjectMove { messages: 0, into })
            }
            ProjectEditAction::Merge => {
                let into = arguments.into.as_deref().ok_or_else(|| missing("into"))?;
                ("merged", memory.merge_projects(&arguments.project, into, directory, caller.now)?)
            }
            ProjectEditAction::Split => {
                let name = arguments.name.as_deref();
                ("split", memory.split_project(&arguments.project, name, directory, caller.now)?)
            }
        };
    let edited = ProjectEditAnswer {
        done: done.to_owned(),
        id: into.id.to_string(),
        name: sanitize_name(&into.name),
        moved: messages,
    };
    let text = format!(
        "{done}: project {} {} ({} moved)",
        edited.id,
        edited.name,
        format_count(edited.moved as u64, "message")
    );
    build_reply(&edited, &text)
}

//! `memory_projects`: which projects are known.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, define, parse, quoting, reading};
use crate::mcp::caller::Caller;
use crate::mcp::error::Failure;
use crate::mcp::wire::sessions::{ProjectEntry, ProjectsAnswer};
use crate::memory::Memory;

const USAGE: &str = "everything is optional, for example {\"action\": \"show\", \"query\": \"shop\"}";
/// Projects of one answer.
const MOST: usize = 100;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Default list.
    #[schemars(with = "Option<Action>")]
    action: Option<String>,
    /// Part of a name or path; for show: the name, number or path.
    query: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum Action {
    List,
    Current,
    Show,
}

pub(super) fn definition() -> Tool {
    define::<Arguments, ProjectsAnswer>(
        "memory_projects",
        "Projects",
        "Lists the projects that memories come from. Use it when a project's name is needed as a filter.",
        reading(),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let arguments: Arguments = parse(arguments, USAGE)?;
    let directory = caller.directory.as_deref();
    let query = arguments.query.as_deref().map(str::trim).filter(|query| !query.is_empty());
    let mut found = match arguments.action.as_deref() {
        None | Some("list") => memory.project_summaries("all", directory)?,
        Some("current") => memory.project_summaries("current", directory)?,
        Some("show") => {
            let wanted = query.ok_or_else(|| Failure::arguments("which project?", "name it in `query`"))?;
            memory.project_summaries(wanted, directory)?
        }
        Some(other) => {
            return Err(Failure::arguments(format!("action is {other:?}"), "it must be list, current or show"));
        }
    };
    if let (Some(query), None | Some("list")) = (query, arguments.action.as_deref()) {
        let query = query.to_lowercase();
        found.retain(|summary| {
            let project = &summary.project;
            project.name.to_lowercase().contains(&query) || project.root.to_lowercase().contains(&query)
        });
    }
    let here = memory.projects_here(directory);
    let total = found.len();
    let projects = found.into_iter().take(MOST).map(|summary| ProjectEntry::new(summary, &here)).collect();
    let answer = ProjectsAnswer { projects, total };
    let text = render(&answer);
    quoting(&answer, &text)
}

fn render(found: &ProjectsAnswer) -> String {
    let mut text = String::new();
    for project in &found.projects {
        let here = if project.current { " (this one)" } else { "" };
        let last = project.last.as_deref().and_then(|last| last.get(..10)).unwrap_or("never");
        let _ = writeln!(
            text,
            "{} {}{here} · {} · {} sessions, {} messages, {} saved · last {last}",
            project.id, project.name, project.root, project.sessions, project.messages, project.saved
        );
        if let Some(remote) = &project.remote {
            let _ = writeln!(text, "   remote {remote}");
        }
        if found.projects.len() == 1 {
            for directory in &project.directories {
                let _ = writeln!(text, "   folder {directory}");
            }
        }
    }
    if found.projects.is_empty() {
        text.push_str("No project.\n");
    } else if found.total > found.projects.len() {
        let _ = writeln!(text, "and {} more; narrow it with `query`", found.total - found.projects.len());
    }
    text
}

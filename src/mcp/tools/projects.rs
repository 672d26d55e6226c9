//! `memory_projects`: lists the known projects.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{ToolOutcome, build_quoting_reply, build_tool, parse_arguments, read_only_annotations};
use crate::domain::Failure;
use crate::domain::names::{choose_value, names};
use crate::domain::text::counts::format_count;
use crate::mcp::caller::Caller;
use crate::mcp::schema::NameOf;
use crate::mcp::wire::sessions::{ProjectEntry, ProjectsAnswer};
use crate::memory::Memory;
use crate::store::ProjectSummary;

const USAGE: &str = "everything is optional, for example {\"action\": \"show\", \"query\": \"shop\"}";
/// Maximum number of projects in an answer.
const MAX_PROJECTS: usize = 100;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProjectsToolInput {
    /// Default list.
    #[schemars(with = "Option<NameOf<ProjectsAction>>")]
    action: Option<String>,
    /// Part of a name or path; for show: the name, number or path.
    query: Option<String>,
}

/// Work of the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProjectsAction {
    List,
    Current,
    Show,
}

names!(ProjectsAction { List: "list"; Current: "current"; Show: "show"; });

pub(super) fn define_tool() -> Tool {
    build_tool::<ProjectsToolInput, ProjectsAnswer>(
        "memory_projects",
        "Projects",
        "Lists the projects that memories come from. Use it when a project's name is needed as a filter.",
        read_only_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: ProjectsToolInput = parse_arguments(arguments, USAGE)?;
    let directory = caller.directory.as_deref();
    let query = arguments.query.as_deref().map(str::trim).filter(|query| !query.is_empty());
    let action = choose_value("action", arguments.action.as_deref().unwrap_or("list"), &ProjectsAction::ALL)?;
    let mut found = match action {
        ProjectsAction::List => memory.project_summaries("all", directory)?,
        ProjectsAction::Current => memory.project_summaries("current", directory)?,
        ProjectsAction::Show => {
            let wanted = query.ok_or_else(|| Failure::invalid_arguments("which project?", "name it in `query`"))?;
            memory.project_summaries(wanted, directory)?
        }
    };
    if let (Some(query), ProjectsAction::List) = (query, action) {
        let query = query.to_lowercase();
        found.retain(|summary| {
            let project = &summary.project;
            project.name.to_lowercase().contains(&query) || project.root.to_lowercase().contains(&query)
        });
    }
    let here = memory.current_projects(directory);
    let total = found.len();
    let labels = memory.project_labels()?;
    let renamed = memory.find_renamed_projects(&memory.project_summaries("all", directory)?)?;
    let entry = |summary: ProjectSummary| {
        let row = summary.project.id;
        let into = renamed.iter().find(|renamed| renamed.from == row).map(|renamed| renamed.into);
        ProjectEntry::new(&summary, &here).with_label(labels.get(&row), into)
    };
    let projects = found.into_iter().take(MAX_PROJECTS).map(entry).collect();
    let answer = ProjectsAnswer { projects, total };
    let text = render_projects(&answer);
    build_quoting_reply(&answer, &text)
}

fn render_projects(found: &ProjectsAnswer) -> String {
    let mut text = String::new();
    for project in &found.projects {
        let here = if project.current { " (this one)" } else { "" };
        let last = project.last.as_deref().and_then(|last| last.get(..10)).unwrap_or("never");
        let _ = writeln!(
            text,
            "{} {}{here} · {} · {}, {}, {} · last {last}",
            project.id,
            project.label,
            if project.root.is_empty() { "no folder" } else { project.root.as_str() },
            format_count(project.sessions, "session"),
            format_count(project.messages, "message"),
            format_count(project.saved, "saved note")
        );
        if let Some(into) = &project.renamed_to {
            let other = found.projects.iter().find(|other| other.id == *into);
            let name = other.map_or_else(|| into.clone(), |other| other.label.to_string());
            let _ = writeln!(
                text,
                "   its folder is gone, and {name} has its files; if it was renamed: claude-memory projects merge {} {into}",
                project.id
            );
        }
        if project.root.is_empty() {
            let _ = writeln!(
                text,
                "   sessions that name no folder, as in exports; if they belong to a project: claude-memory projects merge {} NAME",
                project.id
            );
        }
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

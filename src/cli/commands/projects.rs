//! `projects`: lists, renames, merges and splits projects.

use std::process::ExitCode;

use clap::Subcommand;

use super::tool::{self, ToolCallArguments};
use crate::cli::invocation::Invocation;
use crate::domain::Failure;

/// List projects, rename, merge and split them
///
/// A project is recognised by its common git folder and its remote, else by its path: worktrees and clones are one
/// project.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory projects\n  claude-memory projects merge shop-old shop")]
pub(in crate::cli) struct ProjectsArgs {
    #[command(subcommand)]
    action: Option<ProjectsAction>,
}

#[derive(Debug, Subcommand)]
enum ProjectsAction {
    /// List all projects, the one with the newest message first
    List {
        /// Part of a project's name or path
        query: Option<String>,
    },
    /// Show a project with its folders
    Show {
        /// Project: name, number or path [default: the current project]
        project: Option<String>,
    },
    /// Rename a project
    Rename {
        /// Project: name, number or path
        project: String,
        /// New name of the project
        name: String,
    },
    /// Move everything of one project into another
    Merge {
        /// Project to merge, which then no longer exists: name, number or path
        from: String,
        /// Project to merge into
        into: String,
    },
    /// Make a folder, with everything below it, a separate project
    Split {
        /// Folder of the new project
        folder: String,
        /// Name of the new project [default: name of the folder]
        #[arg(long)]
        name: Option<String>,
    },
}

pub(in crate::cli) fn run(args: ProjectsArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let arguments = ToolCallArguments::default();
    match args.action.unwrap_or(ProjectsAction::List { query: None }) {
        ProjectsAction::List { query } => {
            tool::call_tool(session, "memory_projects", arguments.with_argument("query", query))
        }
        ProjectsAction::Show { project } => {
            let action = if project.is_some() { "show" } else { "current" };
            tool::call_tool(
                session,
                "memory_projects",
                arguments.with_argument("action", Some(action)).with_argument("query", project),
            )
        }
        ProjectsAction::Rename { project, name } => edit_project(
            session,
            arguments
                .with_argument("action", Some("rename"))
                .with_argument("project", Some(project))
                .with_argument("name", Some(name)),
        ),
        ProjectsAction::Merge { from, into } => edit_project(
            session,
            arguments
                .with_argument("action", Some("merge"))
                .with_argument("project", Some(from))
                .with_argument("into", Some(into)),
        ),
        ProjectsAction::Split { folder, name } => edit_project(
            session,
            arguments
                .with_argument("action", Some("split"))
                .with_argument("project", Some(folder))
                .with_argument("name", name),
        ),
    }
}

fn edit_project(session: &Invocation, arguments: ToolCallArguments) -> Result<ExitCode, Failure> {
    tool::call_tool(session, "memory_project_edit", arguments)
}

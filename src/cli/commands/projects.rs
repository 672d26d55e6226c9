//! `projects`: which projects are known, and putting right what belongs to them.

use std::process::ExitCode;

use clap::Subcommand;

use super::tool::{self, Arguments};
use crate::cli::error::Failure;
use crate::cli::session::Session;

/// List projects, rename, merge and split them
///
/// A project is recognised by its common git folder and its remote, else by its path: worktrees and clones are one project.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory projects\n  claude-memory projects merge shop-old shop")]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// All projects, that with the newest message first
    List {
        /// Part of a name or path
        query: Option<String>,
    },
    /// One project with its folders
    Show {
        /// Name, number or path [default: the current one]
        project: Option<String>,
    },
    /// Give a project another name
    Rename {
        /// Name, number or path
        project: String,
        /// The new name
        name: String,
    },
    /// Move everything of one project into another
    Merge {
        /// The project that goes: name, number or path
        from: String,
        /// The project that takes everything
        into: String,
    },
    /// Make a folder, with everything below it, a project of its own
    Split {
        /// The folder
        folder: String,
        /// The name of the new project [default: that of the folder]
        #[arg(long)]
        name: Option<String>,
    },
}

pub(in crate::cli) fn run(args: Args, session: &Session) -> Result<ExitCode, Failure> {
    let arguments = Arguments::default();
    match args.action.unwrap_or(Action::List { query: None }) {
        Action::List { query } => tool::call(session, "memory_projects", arguments.with("query", query)),
        Action::Show { project } => {
            let action = if project.is_some() { "show" } else { "current" };
            tool::call(session, "memory_projects", arguments.with("action", Some(action)).with("query", project))
        }
        Action::Rename { project, name } => edit(
            session,
            arguments.with("action", Some("rename")).with("project", Some(project)).with("name", Some(name)),
        ),
        Action::Merge { from, into } => {
            edit(session, arguments.with("action", Some("merge")).with("project", Some(from)).with("into", Some(into)))
        }
        Action::Split { folder, name } => {
            edit(session, arguments.with("action", Some("split")).with("project", Some(folder)).with("name", name))
        }
    }
}

fn edit(session: &Session, arguments: Arguments) -> Result<ExitCode, Failure> {
    tool::call(session, "memory_project_edit", arguments)
}

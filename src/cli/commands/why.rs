//! `why`: the session and the request behind lines, commits and what is staged.

use std::process::ExitCode;

use super::tool::{self, ToolCallArguments};
use crate::cli::invocation::Invocation;
use crate::domain::Failure;

/// Show which session wrote a line or a commit, and the request behind it
///
/// Reads the git repository of the current folder. An attribution is proved, likely or unknown; unknown says why.
/// docs/provenance.md has the rule and how often it is right.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory why src/pool.rs:6\n  claude-memory why src/pool.rs\n  claude-memory why 4be1c20\n  claude-memory why main..HEAD\n  claude-memory why --staged"
)]
pub(in crate::cli) struct WhyArgs {
    /// PATH:LINE, PATH:LINE-LINE, PATH, a commit, or a range A..B
    #[arg(value_name = "TARGET", required_unless_present = "staged")]
    target: Option<String>,
    /// Explain what is staged, before it is a commit
    #[arg(long, conflicts_with = "target")]
    staged: bool,
}

pub(in crate::cli) fn run(args: WhyArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let arguments = ToolCallArguments::default();
    let arguments = match args.target {
        None => arguments.with_argument("staged", Some(args.staged)),
        Some(target) if is_path(&target) => arguments.with_argument("path", Some(target)),
        Some(target) => arguments.with_argument("commit", Some(target)),
    };
    tool::call_tool(session, "memory_why", arguments)
}

/// Returns true for what is a file rather than a commit. A name that is both is a file: `./` is not needed.
fn is_path(target: &str) -> bool {
    let folder = std::path::Path::new(".");
    let (path, lines) = crate::memory::split_location(target, folder);
    let is_range = target.contains("..") && !target.contains("../") && !target.contains("..\\");
    lines.is_some() || folder.join(&path).exists() || (!is_range && path.contains(['.', '\\']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_and_files_are_told_apart() {
        for path in ["src/a.rs:6", "Cargo.toml", "gone.rs", "../x/a.rs", "Makefile:3"] {
            assert!(is_path(path), "{path}");
        }
        for commit in ["4be1c20", "HEAD~1", "main..HEAD", "v1..", "feature/x"] {
            assert!(!is_path(commit), "{commit}");
        }
    }
}

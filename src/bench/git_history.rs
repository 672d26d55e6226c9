//! Reads the commits of a repository by running git, which reads only: no hook, pager, signature or external diff runs.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::domain::Timestamp;

/// Newest commits that are read, and files of each.
const MAX_COMMITS: &str = "--max-count=2000";
const MAX_FILES: usize = 8;
/// Separators of commits and of their fields, which no subject contains.
const COMMIT_SEPARATOR: char = '\u{1e}';
const FIELD_SEPARATOR: char = '\u{1f}';

/// A commit that is no merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) subject: String,
    /// Time at which it was written.
    pub(super) at: Timestamp,
    /// First files that it changed, relative to the repository.
    pub(super) files: Vec<String>,
}

/// Returns the newest commits of a span of time in the repository in a folder.
///
/// # Errors
/// A sentence, if git is missing or the folder is no repository.
pub(super) fn read_commits(folder: &Path, span: (Timestamp, Timestamp)) -> Result<Vec<Commit>, String> {
    let format = format!("--format={COMMIT_SEPARATOR}%at{FIELD_SEPARATOR}%s");
    let (since, until) = (format!("--since={}", span.0), format!("--until={}", span.1));
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args([
            "-c",
            "log.showSignature=false",
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.quotePath=false",
            "log",
            "--all",
        ])
        .args(["--no-merges", "--no-ext-diff", "--no-textconv", "--name-only", MAX_COMMITS, &since, &until, &format])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run git: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("git log in {}: {}", folder.display(), said.lines().next().unwrap_or("failed")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).split(COMMIT_SEPARATOR).filter_map(parse_commit).collect())
}

fn parse_commit(text: &str) -> Option<Commit> {
    let (head, files) = text.split_once('\n').unwrap_or((text, ""));
    let (seconds, subject) = head.split_once(FIELD_SEPARATOR)?;
    let files = files.lines().filter(|line| !line.is_empty()).take(MAX_FILES).map(str::to_owned).collect();
    let at = Timestamp::from_milliseconds(seconds.parse::<i64>().ok()?.checked_mul(1000)?);
    Some(Commit { subject: subject.to_owned(), at, files })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_of_a_log() {
        let commit = parse_commit("1767614400\u{1f}Retry the upload\n\nsrc/up load.rs\n文档/说明.md\n").unwrap();
        assert_eq!((commit.subject.as_str(), commit.at.to_milliseconds()), ("Retry the upload", 1_767_614_400_000));
        assert_eq!(commit.files, ["src/up load.rs", "文档/说明.md"]);
        assert_eq!((parse_commit(""), parse_commit("x\u{1f}y")), (None, None));
    }
}

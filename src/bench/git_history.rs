//! Reads the commits of a repository by running git. The repository may be hostile: nothing that its configuration names
//! runs (no hook, pager, signature, external diff or fetch of missing objects), and time and output are bounded.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::domain::Timestamp;

/// Newest commits that are read, and files of each.
const MAX_COMMITS: &str = "--max-count=2000";
const MAX_FILES: usize = 8;
/// Bytes of output that are read, and the time that git gets: a file of the repository may be a FIFO.
const MAX_OUTPUT: u64 = 64 << 20;
const MAX_TIME: Duration = Duration::from_secs(30);
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
    let mut command = Command::new("git");
    // No protocol is allowed, so a partial clone fetches nothing: that would run a program that its configuration names.
    command.envs([("GIT_ALLOW_PROTOCOL", "none"), ("GIT_NO_LAZY_FETCH", "1"), ("GIT_TERMINAL_PROMPT", "0")]);
    command.arg("-C").arg(folder);
    for setting in ["log.showSignature=false", "log.mailmap=false", "core.fsmonitor=false", "core.quotePath=false"] {
        command.args(["-c", setting]);
    }
    command.args(["--no-pager", "log", "--all", "--no-merges", "--no-mailmap", "--no-ext-diff", "--no-textconv"]);
    command.args(["--name-only", MAX_COMMITS, &since, &until, &format]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let child = command.spawn().map_err(|error| format!("cannot run git: {error}"))?;
    let text = read_output(child).map_err(|why| format!("git log in {}: {why}", folder.display()))?;
    Ok(text.split(COMMIT_SEPARATOR).filter_map(parse_commit).collect())
}

/// Returns what a process prints, and ends it.
///
/// # Errors
/// A reason: it fails, or takes longer than [`MAX_TIME`].
fn read_output(mut child: Child) -> Result<String, String> {
    let (sender, received) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let outcome = output.take(MAX_OUTPUT).read_to_end(&mut bytes).map(|_| bytes);
            // Nobody waits any more if it took too long.
            let _ = sender.send(outcome);
        });
    }
    let read = received.recv_timeout(MAX_TIME);
    if read.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let bytes =
        read.map_err(|_| format!("no answer in {} seconds", MAX_TIME.as_secs()))?.map_err(|error| error.to_string())?;
    if !status.success() {
        return Err("it is no repository that git can read".to_owned());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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

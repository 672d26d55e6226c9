//! Blame: the commit, path and number under which each line of a file was written.

use std::collections::HashMap;

use super::error::{Error, Result};
use super::isolated::Repository;
use super::quoted_path::unquote_path;
use crate::domain::Timestamp;

/// Bytes of the blame of a file.
const MAX_BLAME_BYTES: u64 = 512 << 20;

/// A line with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlamedLine {
    /// Number in the file now, from 1.
    pub number: u32,
    /// Text without its end.
    pub text: String,
    /// Commit that wrote it; only zeros if it is not committed.
    pub commit: String,
    /// Path of the file in that commit.
    pub path: String,
    /// Number of the line in that commit.
    pub original: u32,
    /// Time of the commit's author.
    pub author_at: Timestamp,
    /// Name of the author.
    pub author: String,
    /// Subject of the commit.
    pub subject: String,
    /// True at the edge of a shallow clone, where older commits are unknown.
    pub is_boundary: bool,
}

impl BlamedLine {
    /// Returns true for a line that no commit has.
    pub fn is_uncommitted(&self) -> bool {
        self.commit.bytes().all(|digit| digit == b'0')
    }
}

/// Facts about a commit, which blame prints once.
#[derive(Debug, Clone, Default)]
struct BlamedCommit {
    author_at: Option<Timestamp>,
    author: String,
    subject: String,
    is_boundary: bool,
}

impl Repository {
    /// Returns the origin of the lines `first..=last` of a file, or of all. With a work tree it is the file as it is
    /// now, otherwise that of HEAD. Ignores whitespace and follows moves inside a commit.
    ///
    /// # Errors
    /// [`Error::NoSuchPath`], [`Error::NoSuchLine`], errors of git.
    pub fn blame_file(&self, path: &str, lines: Option<(u32, u32)>, commit: Option<&str>) -> Result<Vec<BlamedLine>> {
        let range = lines.map(|(first, last)| format!("-L{first},{last}"));
        let mut arguments = vec!["--porcelain", "-w", "-M", "-C"];
        arguments.extend(range.as_deref());
        arguments.extend(commit.or_else(|| self.work_tree().is_none().then_some("HEAD")));
        arguments.extend(["--", path]);
        let output = self.command("blame").with_arguments(arguments).read_all(MAX_BLAME_BYTES);
        let bytes = output.map_err(|error| match error {
            Error::Failed { message, .. } => blame_failure(message, path),
            other => other,
        })?;
        Ok(parse_blame(&bytes))
    }
}

fn blame_failure(message: String, path: &str) -> Error {
    if message.contains("no such path") || message.contains("Cannot lstat") || message.contains("cannot stat") {
        return Error::NoSuchPath(path.to_owned());
    }
    match message.split_once(" has only ") {
        Some((_, lines)) => Error::NoSuchLine {
            path: path.to_owned(),
            lines: lines.split_whitespace().next().unwrap_or("fewer").to_owned(),
        },
        None => Error::Failed { command: "blame", message },
    }
}

fn parse_blame(bytes: &[u8]) -> Vec<BlamedLine> {
    let mut commits: HashMap<String, BlamedCommit> = HashMap::new();
    // A path follows a commit until another is given for it.
    let mut paths: HashMap<String, String> = HashMap::new();
    let mut lines = Vec::new();
    let mut current: Option<(String, u32, u32)> = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Some(text) = line.strip_prefix(b"\t") {
            let Some((commit, original, number)) = current.take() else { continue };
            let facts = commits.entry(commit.clone()).or_default();
            lines.push(BlamedLine {
                number,
                text: String::from_utf8_lossy(text.strip_suffix(b"\r").unwrap_or(text)).into_owned(),
                path: paths.get(&commit).cloned().unwrap_or_default(),
                original,
                author_at: facts.author_at.unwrap_or(Timestamp::from_milliseconds(0)),
                author: facts.author.clone(),
                subject: facts.subject.clone(),
                is_boundary: facts.is_boundary,
                commit,
            });
            continue;
        }
        match &current {
            None => current = parse_entry(line),
            Some((commit, ..)) => {
                let facts = commits.entry(commit.clone()).or_default();
                if let Some(path) = line.strip_prefix(b"filename ") {
                    paths.insert(commit.clone(), unquote_path(path));
                } else if let Some(seconds) = line.strip_prefix(b"author-time ") {
                    let seconds = String::from_utf8_lossy(seconds).parse::<i64>().ok();
                    facts.author_at =
                        seconds.and_then(|seconds| seconds.checked_mul(1000)).map(Timestamp::from_milliseconds);
                } else if let Some(name) = line.strip_prefix(b"author ") {
                    facts.author = String::from_utf8_lossy(name).into_owned();
                } else if let Some(subject) = line.strip_prefix(b"summary ") {
                    facts.subject = String::from_utf8_lossy(subject).into_owned();
                } else if line == b"boundary" {
                    facts.is_boundary = true;
                }
            }
        }
    }
    lines
}

/// Parses `<id> <line in the commit> <line now> [<lines>]`.
fn parse_entry(line: &[u8]) -> Option<(String, u32, u32)> {
    let text = String::from_utf8_lossy(line);
    let mut fields = text.split(' ');
    let id = fields.next().filter(|id| id.len() >= 40 && id.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    Some((id.to_owned(), fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNCOMMITTED: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn facts_are_printed_once_and_hold_for_all_lines_of_a_commit() {
        let one = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        let text = format!(
            "{one} 7 1 1\nauthor Ann\nauthor-time 1767614400\nsummary Retry\nfilename old.rs\n\tlet a;\n{UNCOMMITTED} 2 2 1\nauthor Not Committed Yet\nfilename new.rs\n\t\tb\n{one} 9 3 1\n\tc\r\n"
        );
        let lines = parse_blame(text.as_bytes());
        let seen: Vec<_> =
            lines.iter().map(|line| (line.number, line.original, line.path.as_str(), line.text.as_str())).collect();
        assert_eq!(seen, [(1, 7, "old.rs", "let a;"), (2, 2, "new.rs", "\tb"), (3, 9, "old.rs", "c")]);
        assert!(lines[1].is_uncommitted() && lines[2].subject == "Retry");
    }
}

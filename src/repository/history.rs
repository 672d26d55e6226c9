//! Commits in the order of a list: their heads, and their patches. Does not own the parser of patches.

use std::io::BufReader;
use std::ops::ControlFlow;

use super::commit_head::{CommitHead, HEAD_FORMAT, HEAD_MARK, parse_head};
use super::error::{Error, Result};
use super::isolated::Repository;
use super::patch::{CommitPatch, PatchReader};
use crate::domain::Timestamp;

/// Bytes of a log without patches, and with them.
const MAX_HEAD_BYTES: u64 = 1 << 30;
const MAX_PATCH_BYTES: u64 = 16 << 30;
/// Commits that may be left out because the clone lacks their files.
const MAX_BROKEN: usize = 100;
/// Bytes of the staged change.
const MAX_STAGED_BYTES: u64 = 256 << 20;
/// Options of every patch: without context, ignoring whitespace, following renames, without programs of the repository.
const PATCH_OPTIONS: [&str; 7] = ["-p", "-U0", "-w", "-M", "--no-ext-diff", "--no-textconv", "--submodule=short"];

impl Repository {
    /// Returns the newest commits that a revision or range reaches, newest first in the order of git, at most `limit`.
    ///
    /// # Errors
    /// Those of git; [`Error::NoSuchCommit`] for a range that names none.
    pub fn list_commits(&self, range: &str, limit: usize) -> Result<Vec<CommitHead>> {
        let limit = format!("--max-count={limit}");
        let arguments =
            ["--no-mailmap", "--no-show-signature", HEAD_FORMAT, limit.as_str(), "--end-of-options", range, "--"];
        let output = self.command("log").with_arguments(arguments).read_all(MAX_HEAD_BYTES);
        let bytes = output.map_err(|error| match error {
            Error::Failed { message, .. } if is_unknown_revision(&message) => Error::NoSuchCommit(range.to_owned()),
            other => other,
        })?;
        Ok(bytes.split(|byte| *byte == b'\n').filter_map(|line| parse_head(line.strip_prefix(HEAD_MARK)?)).collect())
    }

    /// Returns the commits of all refs that were made in a span of time, newest first, at most `limit`, each with the
    /// first files that it changes, at most `files`. Merges are left out.
    ///
    /// # Errors
    /// Errors of git.
    pub fn list_changed_files(
        &self,
        (since, until): (Timestamp, Timestamp),
        limit: usize,
        files: usize,
    ) -> Result<Vec<(CommitHead, Vec<String>)>> {
        let refs = self.list_refs()?.into_iter().map(|(_, id)| id).chain([self.head().to_owned()]);
        let input = refs.collect::<Vec<_>>().join("\n") + "\n";
        let bounds = [format!("--max-count={limit}"), format!("--since={since}"), format!("--until={until}")];
        let options = ["--stdin", "--no-merges", "--name-only", "--no-mailmap", "--no-show-signature"];
        let options = options.into_iter().chain(["--no-ext-diff", "--no-textconv", HEAD_FORMAT]);
        let command = self.command("log").with_arguments(options.chain(bounds.iter().map(String::as_str)));
        let bytes = command.with_input(input.into_bytes()).read_all(MAX_HEAD_BYTES)?;
        let parse = |record: &[u8]| {
            let text = String::from_utf8_lossy(record);
            let mut lines = text.lines();
            let head = parse_head(lines.next()?.as_bytes())?;
            Some((head, lines.filter(|line| !line.is_empty()).take(files).map(str::to_owned).collect()))
        };
        Ok(bytes.split(|byte| HEAD_MARK.contains(byte)).filter_map(parse).collect())
    }

    /// Reads the patches of commits in the order given, until `read` breaks. A commit whose files the clone lacks is left
    /// out, up to [`MAX_BROKEN`] of them.
    ///
    /// # Errors
    /// Errors of git.
    pub fn read_patches(&self, ids: &[String], read: &mut dyn FnMut(CommitPatch) -> ControlFlow<()>) -> Result<()> {
        let (mut rest, mut broken) = (ids, 0);
        while !rest.is_empty() {
            let mut received = 0_usize;
            let run = self.read_patch_run(rest, &mut |patch| {
                received += 1;
                read(patch)
            });
            match run {
                Err(Error::Incomplete(message)) if broken < MAX_BROKEN => {
                    broken += 1;
                    tracing::warn!(commit = rest.get(received.saturating_sub(1)), message, "a commit cannot be read");
                    // It came in part, or not at all: then it is the first of the next run.
                    rest = rest.get(received.max(1)..).unwrap_or(&[]);
                }
                other => return other,
            }
        }
        Ok(())
    }

    fn read_patch_run(&self, ids: &[String], read: &mut dyn FnMut(CommitPatch) -> ControlFlow<()>) -> Result<()> {
        let arguments = ["--no-walk=unsorted", "--stdin", "--no-mailmap", "--cc", HEAD_FORMAT];
        let command = self.command("log").with_arguments(arguments.iter().chain(&PATCH_OPTIONS));
        let output = command.with_input((ids.join("\n") + "\n").into_bytes()).start(MAX_PATCH_BYTES)?;
        let mut reader = PatchReader::new(BufReader::with_capacity(256 << 10, output));
        let outcome = loop {
            match reader.next_commit() {
                Ok(Some(patch)) => {
                    if read(patch).is_break() {
                        reader.into_input().into_inner().abandon();
                        return Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        reader.into_input().into_inner().finish(outcome)
    }

    /// Returns the change that is staged, as a commit without an id made at `now`.
    ///
    /// # Errors
    /// Errors of git.
    pub fn read_staged(&self, now: Timestamp) -> Result<CommitPatch> {
        let command = self.command("diff").with_variable("GIT_INDEX_FILE", self.index_file());
        let output = command.with_arguments(["--cached"].iter().chain(&PATCH_OPTIONS)).start(MAX_STAGED_BYTES)?;
        let head = CommitHead {
            id: String::new(),
            parents: Vec::new(),
            author_at: now,
            committer_at: now,
            author: String::new(),
            committer_email: String::new(),
            subject: String::new(),
        };
        let mut reader = PatchReader::new(BufReader::new(output));
        let patch = reader.read_files(head);
        let (patch, outcome) = match patch {
            Ok(patch) => (Some(patch), Ok(())),
            Err(error) => (None, Err(error)),
        };
        reader.into_input().into_inner().finish(outcome)?;
        patch.ok_or(Error::NoCommit)
    }

    /// Returns the messages of the commits that refs reach, by id; those of the commits themselves, without patches.
    ///
    /// # Errors
    /// Errors of git.
    pub fn read_messages(&self, refs: &[String]) -> Result<Vec<(String, String)>> {
        let arguments = ["--stdin", "--no-mailmap", "-z", "--format=%H%n%B"];
        let command = self.command("log").with_arguments(arguments);
        let bytes = command.with_input((refs.join("\n") + "\n").into_bytes()).read_all(MAX_HEAD_BYTES)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let split = |record: &str| record.split_once('\n').map(|(id, body)| (id.to_owned(), body.to_owned()));
        Ok(text.split('\0').filter_map(split).collect())
    }

    /// Returns the paths of the files of a commit.
    ///
    /// # Errors
    /// Errors of git.
    pub fn list_files(&self, commit: &str) -> Result<Vec<String>> {
        let arguments = ["-r", "-z", "--name-only", "--end-of-options", commit];
        let bytes = self.command("ls-tree").with_arguments(arguments).read_all(MAX_HEAD_BYTES)?;
        let names = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
    }

    /// Returns the contents of files of a commit, by path. Files that it lacks are left out.
    ///
    /// # Errors
    /// Errors of git.
    pub fn read_files(&self, commit: &str, paths: &[String]) -> Result<Vec<(String, Vec<u8>)>> {
        // A line ends a name, so a path with one cannot be asked for.
        let paths: Vec<&String> = paths.iter().filter(|path| !path.contains('\n')).collect();
        let input = paths.iter().fold(String::new(), |input, path| input + commit + ":" + path.as_str() + "\n");
        let command = self.command("cat-file").with_arguments(["--batch"]).with_input(input.into_bytes());
        let bytes = command.read_all(MAX_HEAD_BYTES)?;
        let mut files = Vec::with_capacity(paths.len());
        let mut rest = bytes.as_slice();
        for path in paths {
            let Some(end) = memchr::memchr(b'\n', rest) else { break };
            let (head, after) = (rest.get(..end).unwrap_or(&[]), rest.get(end + 1..).unwrap_or(&[]));
            let head = String::from_utf8_lossy(head).into_owned();
            let size = head.rsplit(' ').next().and_then(|size| size.parse::<usize>().ok());
            // `<name> missing` has no size and no content.
            let Some(size) = size.filter(|_| !head.ends_with(" missing")) else {
                rest = after;
                continue;
            };
            files.push((path.clone(), after.get(..size).unwrap_or(&[]).to_vec()));
            rest = after.get(size + 1..).unwrap_or(&[]);
        }
        Ok(files)
    }
}

fn is_unknown_revision(message: &str) -> bool {
    ["unknown revision", "bad revision", "ambiguous argument", "Invalid revision range"]
        .iter()
        .any(|text| message.contains(text))
}

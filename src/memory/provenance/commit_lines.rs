//! The lines of a commit as the matching sees them: hashed, with what identifies a squash and a generated file. Does not
//! own the hash (`domain::edit`) or the patch (`repository`).

use crate::domain::Timestamp;
use crate::domain::edit::{LineChange, LineHasher};
use crate::repository::{CommitPatch, FilePatch};

/// Names of files that programs write, whole or at their end.
const GENERATED_NAMES: [&str; 14] = [
    "go.sum",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "Cargo.lock",
    "poetry.lock",
    "uv.lock",
    "Pipfile.lock",
    "composer.lock",
    "Gemfile.lock",
    "flake.lock",
    "gradle.lockfile",
];
const GENERATED_ENDINGS: [&str; 6] = [".min.js", ".min.css", ".map", ".pb.go", ".snap", ".svg"];
/// Address with which a host commits a merged or squashed pull request.
const HOST_ADDRESSES: [&str; 2] = ["noreply@github.com", "noreply@gitlab.com"];

/// A file of a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ChangedFile {
    /// Path after the commit, else before it.
    pub(super) path: String,
    /// Path before a renaming.
    pub(super) old_path: Option<String>,
    /// True if the commit adds it.
    pub(super) is_new: bool,
    /// True if a program writes it, so that its lines say nothing.
    pub(super) is_generated: bool,
}

/// A changed line of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChangedLine {
    /// Index of its file.
    pub(super) file: usize,
    pub(super) change: LineChange,
    /// Number after the commit; 0 for a removed line.
    pub(super) number: u32,
    /// Hash; `None` for a line that says too little.
    pub(super) hash: Option<i64>,
}

/// A commit with its hashed lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommitLines {
    pub(super) id: String,
    pub(super) author_at: Timestamp,
    pub(super) subject: String,
    pub(super) is_squash: bool,
    pub(super) files: Vec<ChangedFile>,
    pub(super) lines: Vec<ChangedLine>,
}

impl CommitLines {
    /// Hashes the lines of a patch. The lines of files that it deletes are left out: deleting says nothing of who wrote.
    pub(super) fn from_patch(patch: CommitPatch, hasher: &LineHasher) -> Self {
        let CommitPatch { head, files, .. } = patch;
        let is_squash = !head.is_merge()
            && (HOST_ADDRESSES.contains(&head.committer_email.as_str()) || ends_with_number(&head.subject));
        let mut commit = Self {
            id: head.id,
            author_at: head.author_at,
            subject: head.subject,
            is_squash,
            files: Vec::with_capacity(files.len()),
            lines: Vec::new(),
        };
        for file in files {
            commit.add_file(file, hasher);
        }
        commit
    }

    fn add_file(&mut self, patch: FilePatch, hasher: &LineHasher) {
        let FilePatch { old_path, new_path, added, removed } = patch;
        let Some(path) = new_path else { return };
        let file = self.files.len();
        let is_generated = is_generated(&path);
        let is_new = old_path.is_none();
        let old_path = old_path.filter(|old| *old != path);
        self.files.push(ChangedFile { path, old_path, is_new, is_generated });
        self.lines.extend(added.into_iter().map(|line| ChangedLine {
            file,
            change: LineChange::Inserted,
            number: line.number,
            hash: hasher.hash_line(&line.text),
        }));
        let removed = removed.iter().filter_map(|line| hasher.hash_line(line));
        let removed =
            removed.map(|hash| ChangedLine { file, change: LineChange::Removed, number: 0, hash: Some(hash) });
        self.lines.extend(removed);
    }

    /// Returns the hashes of the lines that may tell sessions apart, each once, sorted.
    pub(super) fn telling_hashes(&self) -> Vec<i64> {
        let telling = self.lines.iter().filter(|line| self.is_telling(line));
        let mut hashes: Vec<i64> = telling.filter_map(|line| line.hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes
    }

    /// Returns true for a line with a hash in a file that people and models write.
    pub(super) fn is_telling(&self, line: &ChangedLine) -> bool {
        line.hash.is_some() && self.files.get(line.file).is_some_and(|file| !file.is_generated)
    }
}

impl ChangedFile {
    /// Returns true if an edit of `path`, as the tool call names it, is one of this file. Worktrees and checkouts that
    /// are gone are folders before the path in the repository.
    pub(super) fn is_edited_by(&self, path: &str) -> bool {
        let ends =
            |inside: &str| path.strip_suffix(inside).is_some_and(|before| before.is_empty() || before.ends_with('/'));
        ends(&self.path) || self.old_path.as_deref().is_some_and(ends)
    }
}

fn is_generated(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    GENERATED_NAMES.contains(&name) || GENERATED_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Returns true for a subject that ends with the number of a pull request: `Retry uploads (#12)`.
fn ends_with_number(subject: &str) -> bool {
    let number = subject.trim_end().strip_suffix(')').and_then(|rest| rest.rsplit_once("(#"));
    number.is_some_and(|(_, digits)| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_matches_at_a_folder_only() {
        let file = ChangedFile {
            path: "src/pool.rs".to_owned(),
            old_path: Some("src/p.rs".to_owned()),
            ..ChangedFile::default()
        };
        for path in ["src/pool.rs", "/work/shop/src/pool.rs", "/tmp/wt/src/p.rs"] {
            assert!(file.is_edited_by(path), "{path}");
        }
        for path in ["pool.rs", "/work/xsrc/pool.rs", "/work/src/carpool.rs", ""] {
            assert!(!file.is_edited_by(path), "{path}");
        }
    }

    #[test]
    fn squashes_and_generated_files_are_known_by_name() {
        assert!(
            ends_with_number("Retry uploads (#12)") && !ends_with_number("Fix (#x)") && !ends_with_number("Fix #12")
        );
        assert!(is_generated("a/go.sum") && is_generated("web/app.min.js") && !is_generated("src/lock.rs"));
    }
}

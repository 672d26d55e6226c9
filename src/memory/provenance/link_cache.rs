//! Cache of the links of one repository: a file in the folder `index` that may be deleted at any moment. Read by
//! position, so that one commit costs one look-up. Does not own what is in a link.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::linked_commit::LinkedCommit;
use crate::disk::SectionFile;
use crate::domain::ContentHash;
use crate::store::EditState;

/// Kind and version of the file. A new rule is a new version: links are then made again.
const TAG: [u8; 8] = *b"links  1";

/// Beginning of the names of the files.
const PREFIX: &str = "links-";

/// State that the links were made from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct LinkState {
    /// Last commit of the repository.
    pub(super) head: String,
    generation: i64,
    key: String,
    read_until: Option<String>,
    pub(super) newest_part: i64,
    /// True if commits older than those were left out.
    pub(super) is_cut: bool,
}

/// Position of a commit: id, author's date, offset and length of its entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Position(String, i64, usize, usize);

/// Links of a repository, read from the file as they are asked for.
#[derive(Debug)]
pub struct LinkCache {
    file: SectionFile,
    pub(super) state: LinkState,
    positions: Vec<Position>,
    by_id: HashMap<String, usize>,
}

impl LinkState {
    pub(super) fn new(head: &str, edits: &EditState, is_cut: bool) -> Self {
        Self {
            head: head.to_owned(),
            generation: edits.generation,
            key: edits.key.clone(),
            read_until: edits.read_until.clone(),
            newest_part: edits.newest_part,
            is_cut,
        }
    }

    /// Returns true if links of this state hold but for what came later.
    pub(super) fn can_grow_to(&self, edits: &EditState) -> bool {
        self.generation == edits.generation
            && self.key == edits.key
            && self.read_until == edits.read_until
            && self.newest_part <= edits.newest_part
    }
}

/// Returns the path of the cache of a checkout, or of a bare repository. Worktrees have other histories.
pub(super) fn cache_file(index_folder: &Path, folder: &Path) -> PathBuf {
    let key = ContentHash::of_text(&folder.display().to_string());
    let digits = crate::domain::hash::to_hex(key.0.get(..8).unwrap_or(&[]));
    index_folder.join(format!("{PREFIX}{digits}.bin"))
}

/// Removes the caches of all repositories.
///
/// # Errors
/// Any I/O error but a missing folder.
pub(super) fn remove_caches(index_folder: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(index_folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

impl LinkCache {
    /// Opens the cache; `None` if there is none that can be read.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let file = SectionFile::open(path, TAG).ok()?;
        let state: LinkState = serde_json::from_slice(file.read_section(0).ok()?).ok()?;
        let positions: Vec<Position> = serde_json::from_slice(file.read_section(1).ok()?).ok()?;
        let by_id = positions.iter().enumerate().map(|(at, position)| (position.0.clone(), at)).collect();
        Some(Self { file, state, positions, by_id })
    }

    /// Writes commits, in the order of their author's dates, and opens them.
    ///
    /// # Errors
    /// Any I/O error.
    pub(super) fn write(path: &Path, state: &LinkState, commits: &[LinkedCommit]) -> io::Result<Self> {
        let mut entries = Vec::new();
        let mut positions = Vec::with_capacity(commits.len());
        for commit in commits {
            let start = entries.len();
            serde_json::to_writer(&mut entries, commit)?;
            positions.push(Position(commit.id.clone(), commit.author_ms, start, entries.len() - start));
        }
        let (head, table) = (serde_json::to_vec(state)?, serde_json::to_vec(&positions)?);
        SectionFile::write_sections(path, TAG, &[&head, &table, &entries])?;
        Self::open(path).ok_or_else(|| io::Error::other("the cache of links cannot be read back"))
    }

    /// Returns the entry of a commit; `None` if it is older than the first session or not in the history.
    pub fn find_commit(&self, id: &str) -> Option<LinkedCommit> {
        self.read_entry(self.positions.get(*self.by_id.get(id)?)?)
    }

    /// Returns true if the cache has a commit.
    pub(super) fn has_commit(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// Returns ids and author's dates of all commits, oldest first.
    pub(super) fn dates(&self) -> impl Iterator<Item = (&str, i64)> {
        self.positions.iter().map(|position| (position.0.as_str(), position.1))
    }

    /// Returns the entries of all commits whose author's date is before a time, oldest first.
    pub(super) fn commits_before(&self, author_ms: i64) -> Vec<LinkedCommit> {
        let before = self.positions.iter().filter(|position| position.1 < author_ms);
        before.filter_map(|position| self.read_entry(position)).collect()
    }

    fn read_entry(&self, position: &Position) -> Option<LinkedCommit> {
        let bytes = self.file.read_part(2, position.2..position.2.checked_add(position.3)?).ok()?;
        serde_json::from_slice(bytes).ok()
    }
}

//! Projects whose folder was renamed or moved: without a remote nothing tells that two folders are one project, but the
//! files of both do. Finds such pairs; merging them is the decision of a person.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::domain::directory::is_within;
use crate::memory::{Memory, Result};
use crate::store::ProjectSummary;

/// Files of a project that are compared.
const MAX_FILES: usize = 2_000;
/// Fewest files with the same path below both folders.
const MIN_SHARED: usize = 3;
/// Least share of the older project's files that are shared, in percent.
const MIN_PERCENT: usize = 30;

/// Project that another one may continue under a new folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenamedProject {
    /// Row of the project whose folder is gone.
    pub from: i64,
    /// Row of the project that may be the same.
    pub into: i64,
    /// Number of files with the same path below both folders.
    pub shared_files: usize,
}

impl Memory {
    /// Finds projects without a remote whose folder is gone, and of each the project that goes on with its files.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn find_renamed_projects(&self, projects: &[ProjectSummary]) -> Result<Vec<RenamedProject>> {
        let is_gone = |summary: &&ProjectSummary| {
            let project = &summary.project;
            project.remote.is_none() && !project.root.is_empty() && !Path::new(&project.root).is_dir()
        };
        let mut renamed = Vec::new();
        let mut known: HashMap<i64, HashSet<String>> = HashMap::new();
        for gone in projects.iter().filter(is_gone) {
            let files = self.relative_files(gone)?;
            let mut best: Option<RenamedProject> = None;
            for other in projects.iter().filter(|other| may_continue(gone, other)) {
                let theirs = match known.entry(other.project.id) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) => entry.insert(self.relative_files(other)?),
                };
                let shared = theirs.intersection(&files).count();
                let is_better = best.as_ref().is_none_or(|best| best.shared_files < shared);
                if shared >= MIN_SHARED && shared * 100 >= files.len() * MIN_PERCENT && is_better {
                    best = Some(RenamedProject { from: gone.project.id, into: other.project.id, shared_files: shared });
                }
            }
            renamed.extend(best);
        }
        Ok(renamed)
    }

    /// Returns the paths of a project's files below its folder.
    fn relative_files(&self, summary: &ProjectSummary) -> Result<HashSet<String>> {
        let root = &summary.project.root;
        let files = self.snapshot()?.project_files(summary.project.id, MAX_FILES)?;
        let below = files.iter().filter(|file| is_within(file, root));
        Ok(below.filter_map(|file| file.get(root.len()..)).map(|rest| rest.replace('\\', "/")).collect())
    }
}

/// Returns true if a project may go on with another one: it has a folder elsewhere, and began after the other did.
fn may_continue(gone: &ProjectSummary, other: &ProjectSummary) -> bool {
    let began = |summary: &ProjectSummary| summary.span.map(|(first, _)| first);
    let root = &other.project.root;
    other.project.id != gone.project.id
        && !root.is_empty()
        && began(other) > began(gone)
        && !is_within(root, &gone.project.root)
        && !is_within(&gone.project.root, root)
}

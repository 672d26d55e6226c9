//! Linking commits one after another: looks up the edits of their lines, matches, and remembers the lines used up. Does
//! not own which commits (`links`) or the rule.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::commit_lines::CommitLines;
use super::linked_commit::LinkedCommit;
use super::matching::{CandidateEdit, Candidates, CommitMatch, EditsByLine, PrintedId, SpentLine, match_commit};
use crate::domain::Timestamp;
use crate::domain::edit::{LineChange, LineHasher};
use crate::memory::Result;
use crate::repository::CommitPatch;
use crate::store::{EditedLine, Snapshot, Store, StoredCommit, StoredEdit};

/// Digits of an id by which printed commits are found; git prints at least so many.
const ID_DIGITS: usize = 7;

/// Links commits in the order of their author's dates.
#[derive(Debug)]
pub struct Linker<'store> {
    store: &'store Store,
    hasher: LineHasher,
    edits: HashMap<i64, Option<Rc<CandidateEdit>>>,
    sessions: HashSet<Rc<str>>,
    printed: PrintedIndex,
    spent: HashSet<SpentLine>,
    /// Sessions that are treated as if they were not stored.
    left_out: HashSet<String>,
}

/// Printed commits by the beginning of the id and by subject.
#[derive(Debug, Default)]
struct PrintedIndex {
    all: Vec<PrintedId>,
    by_id: HashMap<String, Vec<usize>>,
    by_subject: HashMap<String, Vec<usize>>,
}

impl<'store> Linker<'store> {
    /// Creates a linker that knows all printed commits.
    ///
    /// # Errors
    /// Errors of the store.
    pub(super) fn new(store: &'store Store, hasher: LineHasher) -> Result<Self> {
        let (first, last) = (Timestamp::from_milliseconds(0), Timestamp::from_milliseconds(i64::MAX));
        let stored = store.snapshot()?.printed_commits(first, last)?;
        let mut sessions = HashSet::new();
        let printed = PrintedIndex::new(&stored, &mut sessions);
        let (edits, spent, left_out) = (HashMap::new(), HashSet::new(), HashSet::new());
        Ok(Self { store, hasher, edits, sessions, printed, spent, left_out })
    }

    /// Treats sessions as if they were not stored. For benchmarks.
    pub fn leave_out(&mut self, sessions: HashSet<String>) {
        self.left_out = sessions;
    }

    /// Marks the lines of a commit that was linked earlier as used up.
    pub(super) fn spend_lines(&mut self, commit: &LinkedCommit) {
        self.spent.extend(commit.spent_lines());
    }

    /// Links a commit and uses its lines up.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn link_patch(&mut self, patch: CommitPatch) -> Result<LinkedCommit> {
        self.link_patch_except(patch, &HashSet::new()).map(|(linked, _)| linked)
    }

    /// Links a commit and uses its lines up. Also links it as if some sessions had not been imported, if there are any.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn link_patch_except(
        &mut self,
        patch: CommitPatch,
        without: &HashSet<String>,
    ) -> Result<(LinkedCommit, Option<LinkedCommit>)> {
        let commit = CommitLines::from_patch(patch, &self.hasher);
        let edits = self.read_candidates(&commit.telling_hashes())?;
        let mut printed = self.printed.find(&commit);
        printed.retain(|one| !self.left_out.contains(&*one.session));
        let matched = self.match_lines(&commit, &edits, &printed);
        let other = (!without.is_empty()).then(|| {
            let keeps = |session: &Rc<str>| !without.contains(&**session);
            let mut fewer = edits.clone();
            fewer.values_mut().for_each(|edits| edits.retain(|edit| keeps(&edit.session)));
            let printed: Vec<PrintedId> = printed.iter().filter(|one| keeps(&one.session)).cloned().collect();
            LinkedCommit::from_match(&commit, &self.match_lines(&commit, &fewer, &printed))
        });
        self.spent.extend(matched.spent.iter().copied());
        Ok((LinkedCommit::from_match(&commit, &matched), other))
    }

    fn match_lines(&self, commit: &CommitLines, edits: &EditsByLine, printed: &[PrintedId]) -> CommitMatch {
        match_commit(commit, &Candidates { edits, printed, spent: &self.spent })
    }

    /// Returns the latest edit that inserted a line into a file between two times.
    ///
    /// # Errors
    /// Errors of the store.
    pub(super) fn find_edit_of_line(
        &mut self,
        text: &str,
        path: &str,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Option<Rc<CandidateEdit>>> {
        let Some(hash) = self.hasher.hash_line(text) else { return Ok(None) };
        let file = super::commit_lines::ChangedFile { path: path.to_owned(), ..Default::default() };
        let edits = self.read_candidates(&[hash])?.remove(&(hash, LineChange::Inserted)).unwrap_or_default();
        let of_file = edits.into_iter().filter(|edit| edit.at >= from && edit.at <= to);
        let of_file = of_file.filter(|edit| edit.paths.iter().any(|path| file.is_edited_by(path)));
        Ok(of_file.max_by_key(|edit| (edit.at, edit.message, edit.part)))
    }

    fn read_candidates(&mut self, hashes: &[i64]) -> Result<EditsByLine> {
        let snapshot = self.store.snapshot()?;
        let lines = snapshot.find_edited_lines(hashes)?;
        self.read_parts(&snapshot, &lines)?;
        let mut found = EditsByLine::new();
        for EditedLine { hash, part, change } in lines {
            if let Some(Some(edit)) = self.edits.get(&part)
                && !self.left_out.contains(&*edit.session)
            {
                found.entry((hash, change)).or_default().push(Rc::clone(edit));
            }
        }
        Ok(found)
    }

    /// Reads the calls that are not known yet.
    fn read_parts(&mut self, snapshot: &Snapshot<'_>, lines: &[EditedLine]) -> Result<()> {
        let mut parts: Vec<i64> =
            lines.iter().map(|line| line.part).filter(|part| !self.edits.contains_key(part)).collect();
        parts.sort_unstable();
        parts.dedup();
        for edit in snapshot.read_edits(&parts)? {
            let candidate = self.make_candidate(&edit);
            self.edits.insert(candidate.part, Some(Rc::new(candidate)));
        }
        for part in parts {
            self.edits.entry(part).or_insert(None);
        }
        Ok(())
    }

    fn make_candidate(&mut self, edit: &StoredEdit) -> CandidateEdit {
        let paths = edit.paths.iter().map(|path| full_path(path, &edit.directory)).collect();
        let session = edit.parent_session.as_deref().unwrap_or(&edit.session);
        let session = intern(&mut self.sessions, session);
        CandidateEdit { part: edit.part, message: edit.message, session, at: edit.at, paths }
    }
}

impl PrintedIndex {
    fn new(stored: &[StoredCommit], sessions: &mut HashSet<Rc<str>>) -> Self {
        let mut index = Self::default();
        for (at, one) in stored.iter().enumerate() {
            let session = intern(sessions, one.parent_session.as_deref().unwrap_or(&one.session));
            index.by_id.entry(one.id.chars().take(ID_DIGITS).collect()).or_default().push(at);
            index.by_subject.entry(one.subject.clone()).or_default().push(at);
            index.all.push(PrintedId { session, at: one.at, id: one.id.clone(), subject: one.subject.clone() });
        }
        index
    }

    /// Returns the printed commits that may be this one, oldest first.
    fn find(&self, commit: &CommitLines) -> Vec<PrintedId> {
        let digits: String = commit.id.chars().take(ID_DIGITS).collect();
        let by_id = self.by_id.get(&digits).into_iter().flatten();
        let mut found: Vec<usize> =
            by_id.chain(self.by_subject.get(&commit.subject).into_iter().flatten()).copied().collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|at| self.all.get(at).cloned()).collect()
    }
}

/// Returns the shared copy of a session's id.
fn intern(sessions: &mut HashSet<Rc<str>>, session: &str) -> Rc<str> {
    if let Some(known) = sessions.get(session) {
        return Rc::clone(known);
    }
    let shared: Rc<str> = Rc::from(session);
    sessions.insert(Rc::clone(&shared));
    shared
}

/// Returns a path with slashes; a relative one below the directory in which the call ran.
fn full_path(path: &str, directory: &str) -> String {
    let path = path.replace('\\', "/");
    let is_full = path.starts_with('/') || path.get(1..3) == Some(":/");
    let joined = if is_full { path } else { format!("{}/{path}", directory.replace('\\', "/").trim_end_matches('/')) };
    if !joined.contains("/.") {
        return joined;
    }
    let mut names: Vec<&str> = Vec::new();
    for name in joined.split('/') {
        match name {
            "." => {}
            ".." => {
                names.pop();
            }
            other => names.push(other),
        }
    }
    names.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_calls_become_full_ones() {
        assert_eq!(full_path("/w/src/a.rs", "/x"), "/w/src/a.rs");
        assert_eq!(full_path("src/a.rs", "/w/"), "/w/src/a.rs");
        assert_eq!(full_path("../src/./a.rs", "/w/sub"), "/w/src/a.rs");
        assert_eq!(full_path(r"C:\w\src\a.rs", "/x"), "C:/w/src/a.rs");
        assert_eq!(full_path(r"src\a.rs", r"C:\w"), "C:/w/src/a.rs");
        assert_eq!(full_path("/w/.github/a.yml", "/x"), "/w/.github/a.yml");
    }
}

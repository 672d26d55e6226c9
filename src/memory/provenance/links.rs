//! Links of a whole repository: which commits are linked, which links hold and which are made again after a commit, an
//! import or a deletion.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;

use super::link_cache::{LinkCache, LinkState, cache_file, remove_caches};
use super::linked_commit::LinkedCommit;
use super::linker::Linker;
use crate::domain::{Timestamp, hash};
use crate::memory::{Error, Memory, Result};
use crate::repository::{CommitHead, Repository, ScratchRoot};
use crate::store::EditState;

/// Newest commits that are linked. Older ones of a longer history are linked alone when they are asked for.
const MAX_COMMITS: usize = 20_000;
/// Milliseconds after a call in which its result may come, which can take the call's lines back.
const RESULT_DELAY_MS: i64 = 600_000;

/// Progress of linking: commits done and in all.
pub type LinkProgress<'a> = &'a mut dyn FnMut(usize, usize);

impl Memory {
    /// Opens the repository that a folder lies in.
    ///
    /// # Errors
    /// What git says about it.
    pub fn open_repository(&self, folder: &Path) -> Result<Repository> {
        let scratch = ScratchRoot { root: self.index_folder.join("git"), name: hash::random_hex() };
        Ok(Repository::open(folder, &scratch)?)
    }

    /// Creates a linker over all stored edits.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn open_linker(&self) -> Result<Linker<'_>> {
        Linker::new(&self.store, self.line_hasher()?)
    }

    /// Returns the links of a repository, after making those that are missing.
    ///
    /// # Errors
    /// Errors of the store, of git, or of writing the cache.
    pub fn refresh_links(&self, repository: &Repository, progress: LinkProgress<'_>) -> Result<LinkCache> {
        let path = cache_file(&self.index_folder, repository.work_tree().unwrap_or_else(|| repository.common_folder()));
        let edits = self.store.snapshot()?.edit_state()?;
        let known = LinkCache::open(&path).filter(|cache| cache.state.can_grow_to(&edits));
        let since_import = known.as_ref().map(|cache| self.changed_since(cache, &edits)).transpose()?;
        if let (Some(cache), Some(since)) = (&known, since_import)
            && cache.state.head == repository.head()
            && cache.dates().all(|(_, author_ms)| author_ms < since)
        {
            return known.ok_or_else(|| Error::invalid_input("the cache of links vanished"));
        }
        let heads = self.list_linkable(repository)?;
        let is_cut = heads.len() >= MAX_COMMITS;
        let since = match (&known, since_import) {
            (Some(cache), Some(since)) => since.min(history_change(cache, &heads)),
            _ => i64::MIN,
        };
        let kept = known.map_or_else(Vec::new, |cache| cache.commits_before(since));
        let commits = self.link_heads(repository, &heads, kept, progress)?;
        let state = LinkState::new(repository.head(), &edits, is_cut);
        LinkCache::write(&path, &state, &commits).map_err(Error::path_error(&path))
    }

    /// Removes the links of all repositories, which are made again when they are asked for.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub(in crate::memory) fn remove_link_caches(&self) -> Result<()> {
        remove_caches(&self.index_folder).map_err(Error::path_error(&self.index_folder))
    }

    /// Links a commit that the history of HEAD does not have, or that is older than what is linked.
    ///
    /// # Errors
    /// Errors of the store or of git.
    pub(super) fn link_alone(&self, repository: &Repository, id: &str) -> Result<Option<LinkedCommit>> {
        let mut linker = self.open_linker()?;
        let mut linked = None;
        repository.read_patches(&[id.to_owned()], &mut |patch| {
            linked = Some(linker.link_patch(patch));
            ControlFlow::Break(())
        })?;
        linked.transpose()
    }

    /// Returns the commits of HEAD that a stored session may have written, by author's date.
    ///
    /// # Errors
    /// Errors of the store or of git.
    pub fn list_linkable(&self, repository: &Repository) -> Result<Vec<CommitHead>> {
        let first = self.first_session()?;
        let mut heads = repository.list_commits(repository.head(), MAX_COMMITS)?;
        heads.retain(|head| first.is_some_and(|first| head.author_at >= first) && !repository.is_boundary(head));
        heads.sort_by(|a, b| (a.author_at, &a.id).cmp(&(b.author_at, &b.id)));
        Ok(heads)
    }

    /// Returns the time of the first message of all sessions.
    pub(super) fn first_session(&self) -> Result<Option<Timestamp>> {
        Ok(self.store.snapshot()?.session_spans()?.iter().map(|span| span.first).min())
    }

    /// Returns the author's date from which links have to be made again because of messages that came later.
    fn changed_since(&self, cache: &LinkCache, edits: &EditState) -> Result<i64> {
        if cache.state.newest_part == edits.newest_part {
            return Ok(i64::MAX);
        }
        let snapshot = self.store.snapshot()?;
        let Some(earliest) = snapshot.earliest_part_after(cache.state.newest_part)? else { return Ok(i64::MAX) };
        let since = earliest.to_milliseconds().saturating_sub(RESULT_DELAY_MS);
        // A session may print a commit that was written long before: after a rebase or an amend.
        let printed = snapshot.printed_commits(earliest, Timestamp::from_milliseconds(i64::MAX))?;
        let new: HashSet<&str> =
            printed.iter().filter(|one| one.part > cache.state.newest_part).map(|one| one.id.as_str()).collect();
        let named = cache.dates().filter(|(id, _)| new.iter().any(|printed| id.starts_with(printed)));
        Ok(named.map(|(_, author_ms)| author_ms).chain([since]).min().unwrap_or(since))
    }

    fn link_heads(
        &self,
        repository: &Repository,
        heads: &[CommitHead],
        mut commits: Vec<LinkedCommit>,
        progress: LinkProgress<'_>,
    ) -> Result<Vec<LinkedCommit>> {
        let listed: HashSet<&str> = heads.iter().map(|head| head.id.as_str()).collect();
        commits.retain(|commit| listed.contains(commit.id.as_str()));
        let kept: HashSet<&str> = commits.iter().map(|commit| commit.id.as_str()).collect();
        let ids: Vec<String> =
            heads.iter().filter(|head| !kept.contains(head.id.as_str())).map(|head| head.id.clone()).collect();
        let mut linker = self.open_linker()?;
        commits.iter().for_each(|commit| linker.spend_lines(commit));
        let mut outcome = Ok(());
        repository.read_patches(&ids, &mut |patch| {
            match linker.link_patch(patch) {
                Ok(linked) => commits.push(linked),
                Err(error) => {
                    outcome = Err(error);
                    return ControlFlow::Break(());
                }
            }
            progress(commits.len(), heads.len());
            ControlFlow::Continue(())
        })?;
        outcome.map(|()| commits)
    }
}

/// Returns the author's date of the first commit that came into the history or left it.
fn history_change(cache: &LinkCache, heads: &[CommitHead]) -> i64 {
    let listed: HashSet<&str> = heads.iter().map(|head| head.id.as_str()).collect();
    let gone = cache.dates().filter(|(id, _)| !listed.contains(id)).map(|(_, author_ms)| author_ms);
    let new = heads.iter().filter(|head| !cache.has_commit(&head.id)).map(|head| head.author_at.to_milliseconds());
    gone.chain(new).min().unwrap_or(i64::MAX)
}

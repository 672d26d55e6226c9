//! Explanations: the attribution of lines, of a commit, of a range of commits and of what is staged. Does not own the request
//! behind an edit (`recall`) or how it is shown.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;

use super::link_cache::LinkCache;
use super::linked_commit::{LinkedCommit, LinkedSession};
use super::linker::Linker;
use super::matching::CandidateEdit;
use super::rule::{Grade, Ground, WINDOW_MS};
use super::silence::{Silence, SilenceReason};
use crate::domain::Timestamp;
use crate::memory::{Memory, Result};
use crate::repository::{BlamedLine, CommitHead, CommitPatch, Repository};
use crate::store::SessionSummary;

/// Commits of a range that are explained.
const MAX_RANGE: usize = 200;
/// Groups of a file that are explained.
const MAX_GROUPS: usize = 200;

/// Link of a line or a commit to a session, as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionLink {
    pub session: SessionSummary,
    pub grade: Grade,
    pub ground: Option<Ground>,
    /// Share of the commit's distinct text that the session wrote.
    pub share: f64,
    /// Milliseconds from its last edit to the author's date; negative after it.
    pub edit_age_ms: i64,
    /// Call that wrote the lines, or most of the commit.
    pub part: Option<i64>,
    /// True if the edit wrote the lines in another file.
    pub is_moved: bool,
}

/// Lines of a file with one attribution.
#[derive(Debug, Clone, PartialEq)]
pub struct LineGroup {
    /// First and last numbers of its runs of lines.
    pub ranges: Vec<(u32, u32)>,
    /// Number of lines.
    pub lines: usize,
    /// Commit that wrote them, or the newest of several; `None` if they are not committed.
    pub commit: Option<CommitName>,
    pub link: Option<SessionLink>,
    /// Reason, if there is no link.
    pub silence: Option<Silence>,
}

/// A commit as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitName {
    pub id: String,
    pub at: Timestamp,
    pub author: String,
    pub subject: String,
}

/// Attribution of the lines of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileExplanation {
    pub path: String,
    /// The lines, if some were asked for: number and text.
    pub shown: Vec<(u32, String)>,
    /// Most certain first, then newest.
    pub groups: Vec<LineGroup>,
    /// Lines of each grade, proved first.
    pub counts: [usize; 3],
}

/// Attribution of a commit, or of what is staged.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitExplanation {
    /// `None` for what is staged.
    pub commit: Option<CommitName>,
    /// Sessions with a grade, best first.
    pub links: Vec<SessionLink>,
    pub silence: Option<Silence>,
}

impl Memory {
    /// Explains the lines `lines` of a file, or all.
    ///
    /// # Errors
    /// Errors of the store or of git.
    pub fn explain_file(
        &self,
        repository: &Repository,
        path: &str,
        lines: Option<(u32, u32)>,
        now: Timestamp,
    ) -> Result<FileExplanation> {
        let links = self.refresh_links(repository, &mut |_, _| ())?;
        let blamed = repository.blame_file(path, lines, None)?;
        let hasher = self.line_hasher()?;
        let mut counts = [0; 3];
        let mut groups: Vec<LineGroup> = Vec::new();
        let mut by_key: BTreeMap<(String, Option<(i64, bool)>), usize> = BTreeMap::new();
        let mut commits: BTreeMap<String, Option<LinkedCommit>> = BTreeMap::new();
        let mut linker = None;
        let is_trivial = |line: &BlamedLine| hasher.hash_line(&line.text).is_none();
        // Braces and blank lines go with the lines around them, unless they are all that was asked about.
        let are_all_trivial = blamed.iter().all(is_trivial);
        for line in &blamed {
            if !commits.contains_key(&line.commit) {
                commits.insert(line.commit.clone(), self.find_linked(repository, &links, line)?);
            }
            let linked = commits.get(&line.commit).and_then(Option::as_ref);
            let is_trivial = is_trivial(line);
            let edit = self.find_uncommitted(line, &mut linker, now)?;
            let link = linked.and_then(|linked| linked.find_line(&line.path, line.original, is_trivial));
            let uncommitted_grade = if edit.is_some() { Grade::Likely } else { Grade::Unknown };
            let grade = link.map_or(uncommitted_grade, |link| link.grade);
            if let Some(count) = counts.get_mut(grade_index(grade)).filter(|_| !is_trivial || are_all_trivial) {
                *count += 1;
            }
            let part = link.map(|link| (link.part, link.is_moved)).or_else(|| Some((edit.as_ref()?.part, false)));
            let key = (line.commit.clone(), part);
            if let Some(group) = by_key.get(&key).and_then(|at| groups.get_mut(*at)) {
                group.add_line(line.number, grade);
            } else if groups.len() < MAX_GROUPS {
                by_key.insert(key, groups.len());
                let link = link.and_then(|link| self.make_link(link.session, grade, Some(link.part), link.is_moved));
                let link = link.or_else(|| self.link_uncommitted(edit.as_deref()?, now));
                groups.push(self.make_group(line, linked, link, (now, repository.is_shallow()))?);
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.order_key()));
        let shown = lines.map_or_else(Vec::new, |_| blamed.into_iter().map(|line| (line.number, line.text)).collect());
        Ok(FileExplanation { path: path.to_owned(), shown, groups, counts })
    }

    /// Explains a commit.
    ///
    /// # Errors
    /// Errors of the store or of git.
    pub fn explain_commit(&self, repository: &Repository, name: &str) -> Result<CommitExplanation> {
        let id = repository.resolve_commit(name)?;
        let links = self.refresh_links(repository, &mut |_, _| ())?;
        let head = repository.list_commits(&id, 1)?.into_iter().next();
        let head = head.ok_or_else(|| crate::repository::Error::NoSuchCommit(name.to_owned()))?;
        if repository.is_boundary(&head) {
            let silence = Some(Silence::without_sessions(SilenceReason::ShallowClone));
            return Ok(CommitExplanation { commit: Some(CommitName::from_head(&head)), links: Vec::new(), silence });
        }
        let linked = match links.find_commit(&id) {
            Some(linked) => Some(linked),
            None => self.link_alone(repository, &id)?,
        };
        self.explain_linked(Some(&head), head.author_at, linked.as_ref())
    }

    /// Explains the newest commits of a range such as `main..feature`, newest first.
    ///
    /// # Errors
    /// Errors of the store or of git.
    pub fn explain_range(&self, repository: &Repository, range: &str) -> Result<Vec<CommitExplanation>> {
        let links = self.refresh_links(repository, &mut |_, _| ())?;
        let ids = resolve_range(repository, range)?;
        let heads = repository.list_commits(&ids, MAX_RANGE)?;
        let missing: Vec<String> =
            heads.iter().filter(|head| !links.has_commit(&head.id)).map(|head| head.id.clone()).collect();
        let mut alone = BTreeMap::new();
        let mut linker = self.open_linker()?;
        let mut outcome = Ok(());
        repository.read_patches(&missing, &mut |patch| match linker.link_patch(patch) {
            Ok(linked) => {
                alone.insert(linked.id.clone(), linked);
                ControlFlow::Continue(())
            }
            Err(error) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
        })?;
        outcome?;
        let explain = |head: &CommitHead| {
            let linked = links.find_commit(&head.id).or_else(|| alone.get(&head.id).cloned());
            self.explain_linked(Some(head), head.author_at, linked.as_ref())
        };
        heads.iter().map(explain).collect()
    }

    /// Explains what is staged, before it is a commit.
    ///
    /// # Errors
    /// Errors of the store or of git.
    pub fn explain_staged(&self, repository: &Repository, now: Timestamp) -> Result<CommitExplanation> {
        let patch: CommitPatch = repository.read_staged(now)?;
        if patch.files.is_empty() {
            return Ok(CommitExplanation {
                commit: None,
                links: Vec::new(),
                silence: Some(Silence::without_sessions(SilenceReason::NoText)),
            });
        }
        let linked = self.open_linker()?.link_patch(patch)?;
        self.explain_linked(None, now, Some(&linked))
    }

    /// Returns the links of the commit that wrote a line; made now if the history of HEAD does not have it.
    fn find_linked(
        &self,
        repository: &Repository,
        links: &LinkCache,
        line: &BlamedLine,
    ) -> Result<Option<LinkedCommit>> {
        if line.is_uncommitted() {
            return Ok(None);
        }
        match links.find_commit(&line.commit) {
            None if links.state.is_cut && self.first_session()?.is_some_and(|first| line.author_at >= first) => {
                self.link_alone(repository, &line.commit)
            }
            found => Ok(found),
        }
    }

    /// Returns the last edit with the text of a line that is not committed. The linker is made when it is needed.
    fn find_uncommitted<'memory>(
        &'memory self,
        line: &BlamedLine,
        linker: &mut Option<Linker<'memory>>,
        now: Timestamp,
    ) -> Result<Option<Rc<CandidateEdit>>> {
        if !line.is_uncommitted() {
            return Ok(None);
        }
        let linker = match linker {
            Some(linker) => linker,
            None => linker.insert(self.open_linker()?),
        };
        linker.find_edit_of_line(&line.text, &line.path, (now.minus_milliseconds(WINDOW_MS), now))
    }

    fn make_group(
        &self,
        line: &BlamedLine,
        linked: Option<&LinkedCommit>,
        link: Option<SessionLink>,
        at: (Timestamp, bool),
    ) -> Result<LineGroup> {
        let (now, is_shallow) = at;
        let commit = (!line.is_uncommitted()).then(|| CommitName {
            id: line.commit.clone(),
            at: line.author_at,
            author: line.author.clone(),
            subject: line.subject.clone(),
        });
        let silence = match &link {
            Some(_) => None,
            None if line.is_boundary && is_shallow => Some(Silence::without_sessions(SilenceReason::ShallowClone)),
            None => {
                let at = commit.as_ref().map_or(now, |commit| commit.at);
                Some(self.explain_silence(at, Some(&line.path), linked)?)
            }
        };
        Ok(LineGroup { ranges: vec![(line.number, line.number)], lines: 1, commit, link, silence })
    }

    /// Returns the attribution of a line that is not committed to the last edit with its text.
    fn link_uncommitted(&self, edit: &CandidateEdit, now: Timestamp) -> Option<SessionLink> {
        Some(SessionLink {
            session: self.find_session(&edit.session).ok()?,
            grade: Grade::Likely,
            ground: Some(Ground::Uncommitted),
            share: 0.0,
            edit_age_ms: now.to_milliseconds().saturating_sub(edit.at.to_milliseconds()),
            part: Some(edit.part),
            is_moved: false,
        })
    }

    fn explain_linked(
        &self,
        head: Option<&CommitHead>,
        at: Timestamp,
        linked: Option<&LinkedCommit>,
    ) -> Result<CommitExplanation> {
        let graded = linked.into_iter().flat_map(|linked| linked.sessions.iter().enumerate());
        let graded = graded.filter(|(_, link)| link.grade() > Grade::Unknown);
        let links: Vec<SessionLink> = graded
            .filter_map(|(index, link)| {
                self.make_link(link, link.grade(), linked.and_then(|linked| linked.main_part(index)), false)
            })
            .collect();
        let silence = if links.is_empty() { Some(self.explain_silence(at, None, linked)?) } else { None };
        Ok(CommitExplanation { commit: head.map(CommitName::from_head), links, silence })
    }

    /// Returns a link with its session; `None` if the session is not stored any more.
    fn make_link(&self, link: &LinkedSession, grade: Grade, part: Option<i64>, is_moved: bool) -> Option<SessionLink> {
        Some(SessionLink {
            session: self.find_session(&link.session).ok()?,
            grade,
            ground: link.ground(),
            share: link.share,
            edit_age_ms: link.edit_age_ms,
            part,
            is_moved,
        })
    }
}

/// Position of a grade in the counts of a file.
const fn grade_index(grade: Grade) -> usize {
    match grade {
        Grade::Proved => 0,
        Grade::Likely => 1,
        Grade::Unknown => 2,
    }
}

/// Returns a range with ids in place of names, which git is given without any ref.
fn resolve_range(repository: &Repository, range: &str) -> Result<String> {
    let name_or_head = |name: &str| if name.is_empty() { "HEAD".to_owned() } else { name.to_owned() };
    for dots in ["...", ".."] {
        if let Some((from, to)) = range.split_once(dots) {
            let from = repository.resolve_commit(&name_or_head(from))?;
            let to = repository.resolve_commit(&name_or_head(to))?;
            return Ok(format!("{from}{dots}{to}"));
        }
    }
    Ok(repository.resolve_commit(range)?)
}

/// Splits `PATH:LINE` or `PATH:LINE-LINE`. A path that exists as it is given is one, whatever it ends with.
pub fn split_location(text: &str, folder: &Path) -> (String, Option<(u32, u32)>) {
    let whole = (text.to_owned(), None);
    if folder.join(text).exists() {
        return whole;
    }
    let Some((path, numbers)) = text.rsplit_once(':').filter(|(path, _)| !path.is_empty()) else { return whole };
    parse_lines(numbers).map_or(whole, |lines| (path.to_owned(), Some(lines)))
}

/// Parses `6` or `4-6`.
pub fn parse_lines(text: &str) -> Option<(u32, u32)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse::<u32>().ok()?, last.trim().parse::<u32>().ok()?);
    (first > 0 && first <= last).then_some((first, last))
}

impl CommitName {
    fn from_head(head: &CommitHead) -> Self {
        Self { id: head.id.clone(), at: head.author_at, author: head.author.clone(), subject: head.subject.clone() }
    }
}

impl LineGroup {
    fn add_line(&mut self, number: u32, grade: Grade) {
        self.lines += 1;
        if let Some(link) = &mut self.link {
            link.grade = link.grade.max(grade);
        }
        match self.ranges.last_mut().filter(|(_, last)| last.saturating_add(1) == number) {
            Some((_, last)) => *last = number,
            None => self.ranges.push((number, number)),
        }
    }

    /// Returns the grade of the group.
    pub fn grade(&self) -> Grade {
        self.link.as_ref().map_or(Grade::Unknown, |link| link.grade)
    }

    fn order_key(&self) -> (Grade, usize, Option<Timestamp>) {
        (self.grade(), self.lines, self.commit.as_ref().map(|commit| commit.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_follow_a_path_after_a_colon() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("odd:7")).unwrap();
        assert_eq!(split_location("src/a.rs:6", folder.path()), ("src/a.rs".to_owned(), Some((6, 6))));
        assert_eq!(split_location("src/a.rs:4-6", folder.path()), ("src/a.rs".to_owned(), Some((4, 6))));
        for whole in ["src/a.rs", "odd:7", "src/a.rs:", "src/a.rs:0", "src/a.rs:6-4", ":6", r"C:\work"] {
            assert_eq!(split_location(whole, folder.path()), (whole.to_owned(), None));
        }
    }
}

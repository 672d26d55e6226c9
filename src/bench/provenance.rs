//! Precision and recall of the links between commits and sessions, against the sessions that trailers name, with
//! controls for false links. Reads the store and the repositories; writes neither.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::Error;
use super::provenance_labels::{Labels, read_labels};
use super::provenance_lines::{LineScores, score_lines};
use super::report::round_figure;
use super::score::ratio;
use crate::domain::{ContentHash, Timestamp};
use crate::memory::{Grade, Ground, LinkedCommit, LinkedSession, Memory};
use crate::repository::{CommitHead, CommitPatch, Repository};
use crate::store::{SessionSpan, StoredEdit};

/// Window before a commit, and tolerance after its author's date, in which a session must have edited a file of it.
const WINDOW_MS: i64 = 14 * 86_400_000;
const TOLERANCE_MS: i64 = 120_000;
/// Time that may lie between the end of a session and the commit: people read before they commit.
const ENDED_BEFORE_MS: i64 = 3_600_000;
/// Draws of half of the sessions.
const DRAWS: u8 = 3;

/// Choices of a run.
#[derive(Debug, Clone)]
pub struct ProvenanceOptions {
    /// Repository to link.
    pub repository: PathBuf,
    /// Repository that no stored session worked on.
    pub foreign: Option<PathBuf>,
    /// Reads the sessions that trailers name.
    pub use_trailers: bool,
    /// Runs blame over all files of HEAD.
    pub with_lines: bool,
}

/// Links of one grade, and those that a label confirms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LinkScores {
    pub links: usize,
    pub right: usize,
}

/// Scores of commits.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct CommitScores {
    /// Commits with a label whose session is stored.
    pub labelled: usize,
    /// Labelled commits of which such a session edited a file before, and lasts until an hour before at least.
    pub reachable: usize,
    pub proved: LinkScores,
    pub likely: LinkScores,
    /// Share of the reachable commits that are proved for a labelled session.
    pub recall_reachable: f64,
}

/// Links that must not be there.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LinkControls {
    /// Commits linked as proved with their labelled sessions left out, and their number.
    pub own_session_removed: LinkScores,
    /// Proved links with half of the sessions left out, and those that a label confirms, over three draws.
    pub half_removed: LinkScores,
    /// Commits of a foreign repository, with dates among the sessions, and those linked at any grade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign: Option<ForeignScores>,
    /// Commits without a label, and those proved.
    pub unlabelled: ForeignScores,
}

/// Commits and those that are linked.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct ForeignScores {
    pub commits: usize,
    pub proved: usize,
    pub likely: usize,
}

/// A labelled commit whose proved session is not labelled, or that is reachable and not proved.
#[derive(Debug, Clone, Serialize)]
pub struct DisputedCommit {
    pub commit: String,
    pub subject: String,
    /// wrong or missed.
    pub fault: &'static str,
    pub labels: Vec<String>,
    /// Session, grade and ground of the best link.
    pub linked: Option<(String, &'static str, Option<&'static str>)>,
    pub share: f64,
    pub rare_lines: usize,
}

/// Report of a run.
#[derive(Debug, Clone, Serialize)]
pub struct ProvenanceReport {
    pub commits: CommitScores,
    pub lines: LineScores,
    pub controls: LinkControls,
    /// Milliseconds for a commit of the whole pass, git included.
    pub milliseconds_per_commit: f64,
    /// Labelled commits to be read by a person.
    pub disputed: Vec<DisputedCommit>,
}

/// Everything that scoring needs of the store and the repository.
struct LabelledHistory {
    heads: Vec<CommitHead>,
    labels: Labels,
    /// Last time of each session.
    ends: HashMap<String, Timestamp>,
    /// Edits of each session: time and paths.
    edits: HashMap<String, Vec<(Timestamp, Vec<String>)>>,
    spans: Vec<SessionSpan>,
}

/// Links the commits of a repository and scores the links.
///
/// # Errors
/// Errors of the store or of git.
pub fn measure_provenance(
    memory: &Memory,
    options: &ProvenanceOptions,
    progress: &mut dyn FnMut(&str, usize, usize),
) -> Result<ProvenanceReport, Error> {
    let repository = memory.open_repository(&options.repository)?;
    let ground = LabelledHistory::read(memory, &repository, options.use_trailers)?;
    let started = Instant::now();
    let pass = link_history(memory, &repository, &ground, progress)?;
    let spent_ms = started.elapsed().as_secs_f64() * 1000.0;
    let per_commit = if pass.commits.is_empty() {
        0.0
    } else {
        spent_ms / f64::from(u32::try_from(pass.commits.len()).unwrap_or(1))
    };
    let reachable: HashSet<&str> = pass.reachable.iter().map(String::as_str).collect();
    let (commits, disputed) = score_commits(&ground, &pass.commits, &reachable);
    let controls = LinkControls {
        own_session_removed: pass.own_removed,
        half_removed: score_halves(memory, &repository, &ground, progress)?,
        foreign: options.foreign.as_ref().map(|folder| link_foreign(memory, folder, &ground)).transpose()?,
        unlabelled: score_unlabelled(&ground, &pass.commits),
    };
    let lines = if options.with_lines {
        score_lines(&repository, &pass.commits, &ground.labels, &reachable, &mut |done, total| {
            progress("blaming files", done, total);
        })?
    } else {
        LineScores::default()
    };
    Ok(ProvenanceReport { commits, lines, controls, milliseconds_per_commit: round_figure(per_commit), disputed })
}

impl LabelledHistory {
    fn read(memory: &Memory, repository: &Repository, use_trailers: bool) -> Result<Self, Error> {
        let labels =
            if use_trailers { read_labels(repository).map_err(crate::memory::Error::from)? } else { Labels::new() };
        let snapshot = memory.snapshot()?;
        let spans = snapshot.session_spans().map_err(crate::memory::Error::from)?;
        let ends = spans.iter().map(|span| (span.session.clone(), span.last)).collect();
        let parts = snapshot.list_edit_parts().map_err(crate::memory::Error::from)?;
        let mut edits: HashMap<String, Vec<(Timestamp, Vec<String>)>> = HashMap::new();
        for edit in snapshot.read_edits(&parts).map_err(crate::memory::Error::from)? {
            let StoredEdit { parent_session, session, at, paths, .. } = edit;
            edits.entry(parent_session.unwrap_or(session)).or_default().push((at, paths));
        }
        Ok(Self { heads: memory.list_linkable(repository)?, labels, ends, edits, spans })
    }

    /// Returns the stored sessions that a label names for a commit.
    fn stored_labels(&self, commit: &str) -> BTreeSet<&str> {
        let named = self.labels.get(commit).into_iter().flatten();
        named.filter(|session| self.ends.contains_key(*session)).map(String::as_str).collect()
    }

    /// Returns true if a labelled session edited a file of a commit in the days before and lasts until the commit.
    fn is_reachable(&self, patch: &CommitPatch) -> bool {
        let at = patch.head.author_at;
        let (from, to) = (at.minus_milliseconds(WINDOW_MS), at.minus_milliseconds(-TOLERANCE_MS));
        let paths: Vec<&str> = patch
            .files
            .iter()
            .flat_map(|file| [file.new_path.as_deref(), file.old_path.as_deref()])
            .flatten()
            .collect();
        let touches = |edited: &str| paths.iter().any(|path| edited.ends_with(path));
        self.stored_labels(&patch.head.id).into_iter().any(|session| {
            let edits = self.edits.get(session).into_iter().flatten();
            let has_edited = edits
                .filter(|(at, _)| *at >= from && *at <= to)
                .any(|(_, paths)| paths.iter().any(|path| touches(path)));
            has_edited && self.ends.get(session).is_some_and(|end| *end >= at.minus_milliseconds(ENDED_BEFORE_MS))
        })
    }
}

/// Links of a whole history.
struct LinkedHistory {
    commits: Vec<LinkedCommit>,
    reachable: Vec<String>,
    own_removed: LinkScores,
}

fn link_history(
    memory: &Memory,
    repository: &Repository,
    ground: &LabelledHistory,
    progress: &mut dyn FnMut(&str, usize, usize),
) -> Result<LinkedHistory, Error> {
    let mut pass = LinkedHistory { commits: Vec::new(), reachable: Vec::new(), own_removed: LinkScores::default() };
    let mut linker = memory.open_linker()?;
    let ids: Vec<String> = ground.heads.iter().map(|head| head.id.clone()).collect();
    let mut outcome = Ok(());
    let read = repository.read_patches(&ids, &mut |patch| {
        if ground.is_reachable(&patch) {
            pass.reachable.push(patch.head.id.clone());
        }
        let own: HashSet<String> = ground.stored_labels(&patch.head.id).into_iter().map(str::to_owned).collect();
        match linker.link_patch_except(patch, &own) {
            Ok((linked, without)) => {
                if let Some(without) = without {
                    pass.own_removed.links += 1;
                    pass.own_removed.right += usize::from(has_grade(&without, Grade::Proved));
                }
                pass.commits.push(linked);
            }
            Err(error) => {
                outcome = Err(error);
                return ControlFlow::Break(());
            }
        }
        progress("linking commits", pass.commits.len(), ids.len());
        ControlFlow::Continue(())
    });
    read.map_err(crate::memory::Error::from)?;
    outcome?;
    // Here `right` counts the links that remain, which are wrong unless the label is.
    Ok(pass)
}

fn has_grade(linked: &LinkedCommit, grade: Grade) -> bool {
    linked.sessions.iter().any(|link| link.grade() == grade)
}

fn score_commits(
    ground: &LabelledHistory,
    commits: &[LinkedCommit],
    reachable: &HashSet<&str>,
) -> (CommitScores, Vec<DisputedCommit>) {
    let subjects: BTreeMap<&str, &str> =
        ground.heads.iter().map(|head| (head.id.as_str(), head.subject.as_str())).collect();
    let mut scores = CommitScores { reachable: reachable.len(), ..CommitScores::default() };
    let mut found = 0;
    let mut disputed = Vec::new();
    for linked in commits {
        let labels = ground.stored_labels(&linked.id);
        if labels.is_empty() {
            continue;
        }
        scores.labelled += 1;
        let all = ground.labels.get(&linked.id);
        let is_labelled = |session: &str| all.is_some_and(|all| all.contains(session));
        let best = linked.best_session();
        let is_right = best.is_some_and(|best| is_labelled(&best.session));
        let score = match best.map(LinkedSession::grade) {
            Some(Grade::Proved) => Some(&mut scores.proved),
            Some(Grade::Likely) => Some(&mut scores.likely),
            _ => None,
        };
        if let Some(score) = score {
            score.links += 1;
            score.right += usize::from(is_right);
        }
        let is_proved = best.is_some_and(|best| best.grade() == Grade::Proved);
        let is_reachable = reachable.contains(linked.id.as_str());
        found += usize::from(is_reachable && is_proved && is_right);
        let fault = match (is_proved, is_right) {
            (true, false) => "wrong",
            (false, _) if is_reachable => "missed",
            _ => continue,
        };
        let top = linked.sessions.first();
        disputed.push(DisputedCommit {
            commit: linked.id.clone(),
            subject: subjects.get(linked.id.as_str()).map_or_else(String::new, |subject| (*subject).to_owned()),
            fault,
            labels: labels.into_iter().map(str::to_owned).collect(),
            linked: top.map(|top| (top.session.clone(), top.grade().name(), top.ground().map(Ground::name))),
            share: top.map_or(0.0, |top| top.share),
            rare_lines: top.map_or(0, |top| top.rare_lines),
        });
    }
    if !reachable.is_empty() {
        scores.recall_reachable = round_figure(ratio(found, reachable.len()));
    }
    (scores, disputed)
}

fn score_unlabelled(ground: &LabelledHistory, commits: &[LinkedCommit]) -> ForeignScores {
    let mut scores = ForeignScores::default();
    for linked in commits.iter().filter(|linked| !ground.labels.contains_key(&linked.id)) {
        scores.count_commit(linked);
    }
    scores
}

impl ForeignScores {
    fn count_commit(&mut self, linked: &LinkedCommit) {
        self.commits += 1;
        match linked.best_session().map(LinkedSession::grade) {
            Some(Grade::Proved) => self.proved += 1,
            Some(Grade::Likely) => self.likely += 1,
            _ => {}
        }
    }
}

/// Links the history with half of the sessions left out, several times.
fn score_halves(
    memory: &Memory,
    repository: &Repository,
    ground: &LabelledHistory,
    progress: &mut dyn FnMut(&str, usize, usize),
) -> Result<LinkScores, Error> {
    let mut scores = LinkScores::default();
    let ids: Vec<String> = ground.heads.iter().map(|head| head.id.clone()).collect();
    for draw in 0..DRAWS {
        progress("leaving half of the sessions out", usize::from(draw), usize::from(DRAWS));
        let is_left_out = |session: &str| ContentHash::of_parts(&[&[draw], session.as_bytes()]).short_key() & 1 == 0;
        let left_out: HashSet<String> =
            ground.spans.iter().map(|span| span.session.clone()).filter(|session| is_left_out(session)).collect();
        let mut linker = memory.open_linker()?;
        linker.leave_out(left_out);
        let mut outcome = Ok(());
        let read = repository.read_patches(&ids, &mut |patch| match linker.link_patch(patch) {
            Ok(linked) => {
                let best = linked.best_session().filter(|best| best.grade() == Grade::Proved);
                if let (Some(best), Some(labels)) = (best, ground.labels.get(&linked.id)) {
                    scores.links += 1;
                    scores.right += usize::from(labels.contains(&best.session));
                }
                ControlFlow::Continue(())
            }
            Err(error) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
        });
        read.map_err(crate::memory::Error::from)?;
        outcome?;
    }
    Ok(scores)
}

/// Links the commits of a repository that no session worked on, each dated at one of the stored edits.
fn link_foreign(memory: &Memory, folder: &Path, ground: &LabelledHistory) -> Result<ForeignScores, Error> {
    let repository = memory.open_repository(folder)?;
    let heads = repository.list_commits(repository.head(), 2_000).map_err(crate::memory::Error::from)?;
    let ids: Vec<String> = heads.into_iter().map(|head| head.id).collect();
    let mut times: Vec<Timestamp> = ground.edits.values().flatten().map(|(at, _)| *at).collect();
    times.sort_unstable();
    let mut linker = memory.open_linker()?;
    let mut scores = ForeignScores::default();
    let mut outcome = Ok(());
    let read = repository.read_patches(&ids, &mut |mut patch| {
        let draw = usize::try_from(ContentHash::of_text(&patch.head.id).short_key()).unwrap_or(0);
        if let Some(at) = times.get(draw.checked_rem(times.len()).unwrap_or(0)) {
            patch.head.author_at = at.minus_milliseconds(-60_000);
        }
        match linker.link_patch(patch) {
            Ok(linked) => scores.count_commit(&linked),
            Err(error) => {
                outcome = Err(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    });
    read.map_err(crate::memory::Error::from)?;
    outcome?;
    Ok(scores)
}

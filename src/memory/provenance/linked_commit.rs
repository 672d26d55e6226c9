//! A commit with its links, as the cache keeps it: sessions with grade and ground, runs of lines, lines used up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::commit_lines::CommitLines;
use super::matching::{AttributedLine, CommitMatch, SpentLine};
use super::rule::{Grade, Ground};
use crate::domain::Timestamp;
use crate::domain::edit::LineChange;

/// Share of a commit above which its session is taken to have written the trivial lines too.
const WHOLE_COMMIT: f64 = 0.8;

/// A commit that was matched with the stored edits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkedCommit {
    pub id: String,
    /// Author's date in milliseconds.
    pub author_ms: i64,
    /// Distinct lines that may tell sessions apart; none in a merge without conflicts.
    pub telling_lines: usize,
    /// Sessions that explain something of it, best first; those of grade unknown too.
    pub sessions: Vec<LinkedSession>,
    /// Lines with their edits, by file and number.
    pub files: Vec<LinkedFile>,
    /// Lines of edits that it used up: part, hash, and true for an inserted one.
    pub(super) spent: Vec<(i64, i64, bool)>,
}

/// A session and what it explains of a commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkedSession {
    /// Id of the session in its source.
    pub session: String,
    grade: String,
    ground: Option<String>,
    /// Share of the commit's distinct text.
    pub share: f64,
    /// Distinct rare lines.
    pub rare_lines: usize,
    /// Milliseconds from its last edit to the author's date.
    pub edit_age_ms: i64,
}

/// Lines of one file of a commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkedFile {
    pub path: String,
    pub(super) runs: Vec<LineRun>,
}

/// Neighbouring lines from one edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LineRun {
    first: u32,
    last: u32,
    /// Row id of the call.
    part: i64,
    /// Index in the commit's sessions.
    session: usize,
    is_moved: bool,
}

/// Edit behind a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineLink<'a> {
    pub part: i64,
    pub session: &'a LinkedSession,
    pub grade: Grade,
    /// True if the edit wrote the line in another file.
    pub is_moved: bool,
}

impl LinkedSession {
    /// Returns the grade of the link.
    pub fn grade(&self) -> Grade {
        Grade::from_name(&self.grade).unwrap_or_default()
    }

    /// Returns the ground of the grade.
    pub fn ground(&self) -> Option<Ground> {
        self.ground.as_deref().and_then(Ground::from_name)
    }
}

impl LinkedCommit {
    /// Makes the entry of a commit that was matched.
    pub(super) fn from_match(commit: &CommitLines, matched: &CommitMatch) -> Self {
        let sessions = matched.sessions.iter().map(|link| LinkedSession {
            session: link.session.to_string(),
            grade: link.grade.name().to_owned(),
            ground: link.ground.map(|ground| ground.name().to_owned()),
            share: (link.evidence.share * 1000.0).round() / 1000.0,
            rare_lines: link.evidence.rare_lines,
            edit_age_ms: link.evidence.edit_age_ms,
        });
        let spent = matched.spent.iter().map(|line| (line.part, line.hash, line.change == LineChange::Inserted));
        Self {
            id: commit.id.clone(),
            author_ms: commit.author_at.to_milliseconds(),
            telling_lines: commit.telling_hashes().len(),
            sessions: sessions.collect(),
            files: collect_files(commit, matched),
            spent: spent.collect(),
        }
    }

    /// Returns the lines of edits that the commit used up.
    pub(super) fn spent_lines(&self) -> impl Iterator<Item = SpentLine> + '_ {
        let change = |is_inserted| if is_inserted { LineChange::Inserted } else { LineChange::Removed };
        self.spent.iter().map(move |(part, hash, is_inserted)| SpentLine {
            part: *part,
            hash: *hash,
            change: change(*is_inserted),
        })
    }

    /// Returns the author's date.
    pub const fn author_at(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.author_ms)
    }

    /// Returns the best link of the commit, if it has a grade.
    pub fn best_session(&self) -> Option<&LinkedSession> {
        self.sessions.first().filter(|link| link.grade() > Grade::Unknown)
    }

    /// Returns the call that wrote most lines of a session's part of the commit, the earlier of equals.
    pub(super) fn main_part(&self, session: usize) -> Option<i64> {
        let mut lines: BTreeMap<i64, u32> = BTreeMap::new();
        for run in self.files.iter().flat_map(|file| &file.runs).filter(|run| run.session == session) {
            *lines.entry(run.part).or_default() += run.last.saturating_sub(run.first).saturating_add(1);
        }
        lines.into_iter().max_by_key(|(part, lines)| (*lines, std::cmp::Reverse(*part))).map(|(part, _)| part)
    }

    /// Returns the edit behind a line, as the commit numbers it. A line without text of its own is likely at most.
    pub fn find_line(&self, path: &str, number: u32, is_trivial: bool) -> Option<LineLink<'_>> {
        let file = self.files.iter().find(|file| file.path == path)?;
        let at = file.runs.partition_point(|run| run.last < number);
        let run = file.runs.get(at).filter(|run| run.first <= number)?;
        let session = self.sessions.get(run.session)?;
        let is_certain = session.grade() == Grade::Proved && !run.is_moved && !is_trivial;
        let grade = if is_certain { Grade::Proved } else { session.grade().min(Grade::Likely) };
        (grade > Grade::Unknown).then_some(LineLink { part: run.part, session, grade, is_moved: run.is_moved })
    }
}

fn collect_files(commit: &CommitLines, matched: &CommitMatch) -> Vec<LinkedFile> {
    let mut files: Vec<LinkedFile> =
        commit.files.iter().map(|file| LinkedFile { path: file.path.clone(), runs: Vec::new() }).collect();
    let is_linked = |session: usize| matched.sessions.get(session).is_some_and(|link| link.grade > Grade::Unknown);
    let is_whole =
        |session: usize| matched.sessions.get(session).is_some_and(|link| link.evidence.share >= WHOLE_COMMIT);
    let mut earlier: Option<(usize, &AttributedLine)> = None;
    for (line, attribution) in commit.lines.iter().zip(&matched.attributions) {
        let Some(file) = files.get_mut(line.file) else { continue };
        if line.change == LineChange::Removed {
            continue;
        }
        // A brace or a blank line belongs to the edit of the line before it, if one session wrote nearly everything.
        let inherited = earlier
            .filter(|(file, attribution)| *file == line.file && line.hash.is_none() && is_whole(attribution.session));
        let attribution = attribution.as_ref().or_else(|| inherited.map(|(_, attribution)| attribution));
        let Some(attribution) = attribution.filter(|attribution| is_linked(attribution.session)) else { continue };
        earlier = Some((line.file, attribution));
        let run = LineRun {
            first: line.number,
            last: line.number,
            part: attribution.edit.part,
            session: attribution.session,
            is_moved: attribution.is_moved,
        };
        match file.runs.last_mut().filter(|last| last.continues_with(&run)) {
            Some(last) => last.last = run.last,
            None => file.runs.push(run),
        }
    }
    files.retain(|file| !file.runs.is_empty());
    files
}

impl LineRun {
    const fn continues_with(&self, next: &Self) -> bool {
        self.last.saturating_add(1) == next.first
            && self.part == next.part
            && self.session == next.session
            && self.is_moved == next.is_moved
    }
}

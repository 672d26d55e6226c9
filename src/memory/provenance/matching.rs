//! Matching: which edit each line of a commit comes from, and what each session explains of it. Pure; the order in which
//! sessions were imported has no influence.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use super::commit_lines::{ChangedLine, CommitLines};
use super::rule::{
    Evidence, Grade, Ground, PRINTED_EARLY_MS, PRINTED_ID_LATE_MS, PRINTED_SUBJECT_LATE_MS, RARE_EDITS, TOLERANCE_MS,
    WINDOW_MS, grade_evidence, weigh_line,
};
use crate::domain::edit::LineChange;
use crate::domain::{MessageId, Timestamp};

/// Rare lines by which a file is recognised that was renamed between its edit and the commit.
const RENAMED_LINES: usize = 8;

/// An edit that may have written a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CandidateEdit {
    /// Row id of the call.
    pub(super) part: i64,
    pub(super) message: MessageId,
    /// Id of the session; of a subagent that of the session that started it.
    pub(super) session: Rc<str>,
    pub(super) at: Timestamp,
    /// Full paths of the files that it edited, with slashes.
    pub(super) paths: Vec<String>,
}

/// Edits by the hash of a line and the direction of the change.
pub(super) type EditsByLine = HashMap<(i64, LineChange), Vec<Rc<CandidateEdit>>>;

/// A commit that git printed in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PrintedId {
    pub(super) session: Rc<str>,
    pub(super) at: Timestamp,
    /// Beginning of the id.
    pub(super) id: String,
    pub(super) subject: String,
}

/// A line of an edit that was used up by a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SpentLine {
    pub(super) part: i64,
    pub(super) hash: i64,
    pub(super) change: LineChange,
}

/// Edits, printed commits and used lines that a commit is matched with.
#[derive(Debug)]
pub(super) struct Candidates<'a> {
    /// Edits by line, each once.
    pub(super) edits: &'a EditsByLine,
    /// Printed commits that may be this one, oldest first.
    pub(super) printed: &'a [PrintedId],
    /// Lines that earlier commits used up.
    pub(super) spent: &'a HashSet<SpentLine>,
}

/// Link between a commit and a session.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SessionMatch {
    pub(super) session: Rc<str>,
    pub(super) grade: Grade,
    pub(super) ground: Option<Ground>,
    pub(super) evidence: Evidence,
}

/// Result of matching a commit.
#[derive(Debug, Clone, Default)]
pub(super) struct CommitMatch {
    /// Sessions that explain something, best first.
    pub(super) sessions: Vec<SessionMatch>,
    /// For each line of the commit its edit, the session's index above, and whether the path is the same.
    pub(super) attributions: Vec<Option<AttributedLine>>,
    /// Lines that this commit used up.
    pub(super) spent: Vec<SpentLine>,
}

/// Edit that a line comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttributedLine {
    pub(super) edit: Rc<CandidateEdit>,
    /// Index of the session.
    pub(super) session: usize,
    /// True if the edit was made in another file.
    pub(super) is_moved: bool,
}

/// A distinct line of a commit: file, direction, hash.
type LineKey = (usize, LineChange, i64);

/// A distinct line with what may explain it.
#[derive(Debug)]
struct Piece {
    key: LineKey,
    weight: f64,
    is_rare: bool,
    /// Latest usable edit of each session.
    by_session: BTreeMap<Rc<str>, Rc<CandidateEdit>>,
}

/// Matches a commit with the edits before it.
pub(super) fn match_commit(commit: &CommitLines, candidates: &Candidates<'_>) -> CommitMatch {
    let printed = find_printed(commit, candidates.printed);
    let pieces = collect_pieces(commit, candidates, &printed);
    let total: f64 = pieces.iter().map(|piece| piece.weight).sum();
    let mut outcome = CommitMatch { attributions: vec![None; commit.lines.len()], ..CommitMatch::default() };
    let mut taken: HashMap<LineKey, (Rc<CandidateEdit>, usize)> = HashMap::new();
    let mut waiting: HashSet<Rc<str>> = pieces.iter().flat_map(|piece| piece.by_session.keys().cloned()).collect();
    while let Some((session, explained)) = best_session(&pieces, &waiting, &taken) {
        waiting.remove(&session);
        let index = outcome.sessions.len();
        for piece in pieces.iter().filter(|piece| !taken.contains_key(&piece.key)).collect::<Vec<_>>() {
            if let Some(edit) = piece.by_session.get(&session) {
                taken.insert(piece.key, (Rc::clone(edit), index));
            }
        }
        let printed = printed.get(&session).and_then(|printed| printed.ground);
        let evidence = Evidence {
            share: if total > 0.0 { explained.weight / total } else { 0.0 },
            weight: explained.weight,
            rare_lines: explained.rare,
            edit_age_ms: commit.author_at.to_milliseconds().saturating_sub(explained.last.to_milliseconds()),
            printed,
            is_squash: commit.is_squash,
        };
        let (grade, ground) = grade_evidence(&evidence);
        outcome.sessions.push(SessionMatch { session, grade, ground, evidence });
    }
    add_printed_only(&mut outcome, &printed, commit);
    assign_lines(commit, &taken, &mut outcome);
    assign_moved_lines(commit, candidates, &mut outcome);
    outcome
}

/// Times at which a session printed a commit.
#[derive(Debug, Clone, Copy, Default)]
struct PrintedBy {
    /// Ground, if it is printed so soon that the session is the author.
    ground: Option<Ground>,
    /// Time of printing by a session that carried the commit over later: rebase, cherry-pick, amend.
    carried_at: Option<Timestamp>,
}

fn find_printed(commit: &CommitLines, printed: &[PrintedId]) -> BTreeMap<Rc<str>, PrintedBy> {
    let mut by_session: BTreeMap<Rc<str>, PrintedBy> = BTreeMap::new();
    for one in printed {
        let delay = one.at.to_milliseconds().saturating_sub(commit.author_at.to_milliseconds());
        let is_id = commit.id.starts_with(&one.id);
        let is_subject = !one.subject.is_empty() && one.subject == commit.subject;
        let ground = if is_id && (PRINTED_EARLY_MS..=PRINTED_ID_LATE_MS).contains(&delay) {
            Some(Ground::PrintedId)
        } else if is_subject && (PRINTED_EARLY_MS..=PRINTED_SUBJECT_LATE_MS).contains(&delay) {
            Some(Ground::PrintedSubject)
        } else {
            None
        };
        let is_carrier = is_id && delay > PRINTED_ID_LATE_MS;
        if ground.is_none() && !is_carrier {
            continue;
        }
        let entry = by_session.entry(Rc::clone(&one.session)).or_default();
        entry.ground = match (entry.ground, ground) {
            (Some(Ground::PrintedId), _) | (_, None) => entry.ground,
            _ => ground,
        };
        if is_carrier {
            entry.carried_at = entry.carried_at.max(Some(one.at));
        }
    }
    by_session
}

fn collect_pieces(
    commit: &CommitLines,
    candidates: &Candidates<'_>,
    printed: &BTreeMap<Rc<str>, PrintedBy>,
) -> Vec<Piece> {
    let renames = find_renames(commit, candidates, printed);
    let mut seen = HashSet::new();
    let mut pieces = Vec::new();
    for line in commit.lines.iter().filter(|line| commit.is_telling(line)) {
        let (Some(hash), Some(file)) = (line.hash, commit.files.get(line.file)) else { continue };
        let key = (line.file, line.change, hash);
        if !seen.insert(key) {
            continue;
        }
        let edits = candidates.edits.get(&(hash, line.change)).map_or(&[][..], Vec::as_slice);
        let known = edits.iter().filter(|edit| is_before(edit, commit, printed)).count();
        let mut by_session: BTreeMap<Rc<str>, Rc<CandidateEdit>> = BTreeMap::new();
        for edit in edits.iter().filter(|edit| is_usable(edit, commit, printed)) {
            let is_here =
                |path: &String| file.is_edited_by(path) || renames.contains(&(line.file, &*edit.session, path));
            if is_spent(edit, hash, line.change, candidates) || !edit.paths.iter().any(is_here) {
                continue;
            }
            match by_session.get(&edit.session) {
                Some(known) if order_of(known) >= order_of(edit) => {}
                _ => {
                    by_session.insert(Rc::clone(&edit.session), Rc::clone(edit));
                }
            }
        }
        pieces.push(Piece { key, weight: weigh_line(known), is_rare: known <= RARE_EDITS, by_session });
    }
    pieces
}

/// Finds files that a session wrote under another name before the commit added them: most of their rare lines are from
/// its edits of one other path. Returns file, session and that path.
fn find_renames<'a>(
    commit: &CommitLines,
    candidates: &Candidates<'a>,
    printed: &BTreeMap<Rc<str>, PrintedBy>,
) -> HashSet<(usize, &'a str, &'a String)> {
    let mut rare: HashMap<usize, usize> = HashMap::new();
    let mut written: HashMap<(usize, &'a str, &'a String), HashSet<i64>> = HashMap::new();
    let mut seen = HashSet::new();
    for line in commit.lines.iter().filter(|line| commit.is_telling(line) && line.change == LineChange::Inserted) {
        let (Some(hash), Some(file)) = (line.hash, commit.files.get(line.file).filter(|file| file.is_new)) else {
            continue;
        };
        let edits: &'a [Rc<CandidateEdit>] = candidates.edits.get(&(hash, line.change)).map_or(&[], Vec::as_slice);
        let known = edits.iter().filter(|edit| is_before(edit, commit, printed)).count();
        if known > RARE_EDITS || !seen.insert((line.file, hash)) {
            continue;
        }
        *rare.entry(line.file).or_default() += 1;
        let usable = edits.iter().filter(|edit| is_usable(edit, commit, printed));
        for edit in usable.filter(|edit| !is_spent(edit, hash, line.change, candidates)) {
            for path in edit.paths.iter().filter(|path| !file.is_edited_by(path)) {
                written.entry((line.file, &*edit.session, path)).or_default().insert(hash);
            }
        }
    }
    let is_most =
        |file: usize, lines: usize| lines >= RENAMED_LINES && lines * 2 >= rare.get(&file).copied().unwrap_or(0);
    written.into_iter().filter(|((file, ..), lines)| is_most(*file, lines.len())).map(|(key, _)| key).collect()
}

/// Returns true if an earlier commit used a line of an edit up.
fn is_spent(edit: &CandidateEdit, hash: i64, change: LineChange, candidates: &Candidates<'_>) -> bool {
    candidates.spent.contains(&SpentLine { part: edit.part, hash, change })
}

/// Order of edits in time, the same on every machine.
fn order_of(edit: &CandidateEdit) -> (Timestamp, MessageId, i64) {
    (edit.at, edit.message, edit.part)
}

/// Returns true if an edit was made before the commit; for a session that carried it over, before that.
fn is_before(edit: &CandidateEdit, commit: &CommitLines, printed: &BTreeMap<Rc<str>, PrintedBy>) -> bool {
    let own_end = commit.author_at.minus_milliseconds(-TOLERANCE_MS);
    let carried = printed.get(&edit.session).and_then(|printed| printed.carried_at);
    edit.at <= carried.map_or(own_end, |carried| carried.max(own_end))
}

fn is_usable(edit: &CandidateEdit, commit: &CommitLines, printed: &BTreeMap<Rc<str>, PrintedBy>) -> bool {
    is_before(edit, commit, printed) && edit.at >= commit.author_at.minus_milliseconds(WINDOW_MS)
}

/// Sum of what a session explains among the lines that are not taken.
#[derive(Debug, Clone, Copy)]
struct Explained {
    weight: f64,
    rare: usize,
    last: Timestamp,
}

/// Returns the session that explains most of what is not taken; of equals the one with the later edit.
fn best_session(
    pieces: &[Piece],
    waiting: &HashSet<Rc<str>>,
    taken: &HashMap<LineKey, (Rc<CandidateEdit>, usize)>,
) -> Option<(Rc<str>, Explained)> {
    let mut sums: BTreeMap<&Rc<str>, Explained> = BTreeMap::new();
    for piece in pieces.iter().filter(|piece| !taken.contains_key(&piece.key)) {
        for (session, edit) in piece.by_session.iter().filter(|(session, _)| waiting.contains(*session)) {
            let sum = sums.entry(session).or_insert(Explained { weight: 0.0, rare: 0, last: edit.at });
            sum.weight += piece.weight;
            sum.rare += usize::from(piece.is_rare);
            sum.last = sum.last.max(edit.at);
        }
    }
    let better = |a: &Explained, b: &Explained| a.weight.total_cmp(&b.weight).then(a.last.cmp(&b.last));
    let best = sums.into_iter().max_by(|(first, a), (second, b)| better(a, b).then_with(|| second.cmp(first)));
    best.map(|(session, explained)| (Rc::clone(session), explained))
}

/// Adds sessions that printed the commit and explain none of its lines, such as of a merge or after `sed`.
fn add_printed_only(outcome: &mut CommitMatch, printed: &BTreeMap<Rc<str>, PrintedBy>, commit: &CommitLines) {
    for (session, by) in printed.iter().filter(|(_, by)| by.ground.is_some()) {
        if outcome.sessions.iter().any(|known| known.session == *session) {
            continue;
        }
        let evidence = Evidence { printed: by.ground, is_squash: commit.is_squash, ..Evidence::default() };
        let (grade, ground) = grade_evidence(&evidence);
        outcome.sessions.push(SessionMatch { session: Rc::clone(session), grade, ground, evidence });
    }
    // The session that printed the commit is its author, whatever others wrote of it before.
    outcome.sessions.sort_by(|a, b| {
        let by_print = b.evidence.printed.is_some().cmp(&a.evidence.printed.is_some());
        let by_weight = b.evidence.weight.total_cmp(&a.evidence.weight);
        b.grade.cmp(&a.grade).then(by_print).then(by_weight).then_with(|| a.session.cmp(&b.session))
    });
}

fn assign_lines(commit: &CommitLines, taken: &HashMap<LineKey, (Rc<CandidateEdit>, usize)>, outcome: &mut CommitMatch) {
    // Indexes changed when the sessions were sorted.
    let index_of: HashMap<Rc<str>, usize> =
        outcome.sessions.iter().enumerate().map(|(index, link)| (Rc::clone(&link.session), index)).collect();
    let mut spent = HashSet::new();
    for (line, attribution) in commit.lines.iter().zip(&mut outcome.attributions) {
        let Some((edit, _)) = line.hash.and_then(|hash| taken.get(&(line.file, line.change, hash))) else { continue };
        let Some(session) = index_of.get(&edit.session).copied() else { continue };
        *attribution = Some(AttributedLine { edit: Rc::clone(edit), session, is_moved: false });
        let is_linked = outcome.sessions.get(session).is_some_and(|link| link.grade > Grade::Unknown);
        if let (Some(hash), true) = (line.hash, is_linked) {
            spent.insert(SpentLine { part: edit.part, hash, change: line.change });
        }
    }
    outcome.spent = spent.into_iter().collect();
    outcome.spent.sort_unstable();
}

/// Finds the edits of rare lines that the linked sessions wrote in another file.
fn assign_moved_lines(commit: &CommitLines, candidates: &Candidates<'_>, outcome: &mut CommitMatch) {
    let linked: HashMap<Rc<str>, usize> = outcome
        .sessions
        .iter()
        .enumerate()
        .filter(|(_, link)| link.grade > Grade::Unknown)
        .map(|(index, link)| (Rc::clone(&link.session), index))
        .collect();
    let nobody = BTreeMap::new();
    let is_open = |line: &ChangedLine, attribution: &Option<AttributedLine>| {
        attribution.is_none() && line.change == LineChange::Inserted && commit.is_telling(line)
    };
    for (line, attribution) in commit.lines.iter().zip(&mut outcome.attributions) {
        if !is_open(line, attribution) {
            continue;
        }
        let edits =
            line.hash.and_then(|hash| candidates.edits.get(&(hash, line.change))).map_or(&[][..], Vec::as_slice);
        let known = edits.iter().filter(|edit| is_before(edit, commit, &nobody)).count();
        if known == 0 || known > RARE_EDITS {
            continue;
        }
        let usable = edits.iter().filter(|edit| is_usable(edit, commit, &nobody) && linked.contains_key(&edit.session));
        let latest = usable.max_by_key(|edit| order_of(edit));
        *attribution = latest.and_then(|edit| {
            let session = *linked.get(&edit.session)?;
            Some(AttributedLine { edit: Rc::clone(edit), session, is_moved: true })
        });
    }
}

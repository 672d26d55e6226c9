//! Tests of matching: who is linked, which edit a line is from, which lines count, and that order has no influence.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::commit_lines::{ChangedFile, ChangedLine, CommitLines};
use super::matching::{CandidateEdit, Candidates, CommitMatch, PrintedId, SpentLine, match_commit};
use super::rule::{Grade, Ground};
use crate::domain::edit::LineChange;
use crate::domain::{MessageId, Timestamp};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// The author's date of every commit.
const AT: i64 = 100 * DAY;

/// Edits under construction: part, session, time before the commit, path, hashes.
#[derive(Default)]
struct Edits(Vec<(Rc<CandidateEdit>, Vec<i64>)>);

impl Edits {
    fn with(
        mut self,
        part: i64,
        session: &str,
        before: i64,
        path: &str,
        hashes: impl IntoIterator<Item = i64>,
    ) -> Self {
        let edit = CandidateEdit {
            part,
            message: MessageId::for_imported("test", session, &part.to_string()),
            session: Rc::from(session),
            at: Timestamp::from_milliseconds(AT - before),
            paths: vec![format!("/work/shop/{path}")],
        };
        self.0.push((Rc::new(edit), hashes.into_iter().collect()));
        self
    }

    fn index(&self) -> HashMap<(i64, LineChange), Vec<Rc<CandidateEdit>>> {
        let mut index: HashMap<(i64, LineChange), Vec<Rc<CandidateEdit>>> = HashMap::new();
        for (edit, hashes) in &self.0 {
            for hash in hashes {
                index.entry((*hash, LineChange::Inserted)).or_default().push(Rc::clone(edit));
            }
        }
        index
    }
}

/// A commit that added lines with these hashes to one file.
fn commit(path: &str, hashes: impl IntoIterator<Item = i64>) -> CommitLines {
    let line = |(at, hash): (usize, i64)| ChangedLine {
        file: 0,
        change: LineChange::Inserted,
        number: u32::try_from(at).unwrap() + 1,
        hash: Some(hash),
    };
    CommitLines {
        id: "4be1c20d00000000000000000000000000000000".to_owned(),
        author_at: Timestamp::from_milliseconds(AT),
        subject: "Fewer connections".to_owned(),
        is_squash: false,
        files: vec![ChangedFile { path: path.to_owned(), ..ChangedFile::default() }],
        lines: hashes.into_iter().enumerate().map(line).collect(),
    }
}

fn run_match(commit: &CommitLines, edits: &Edits, printed: &[PrintedId], spent: &[SpentLine]) -> CommitMatch {
    let spent: HashSet<SpentLine> = spent.iter().copied().collect();
    match_commit(commit, &Candidates { edits: &edits.index(), printed, spent: &spent })
}

fn links(matched: &CommitMatch) -> Vec<(&str, Grade, Option<Ground>)> {
    matched.sessions.iter().map(|link| (&*link.session, link.grade, link.ground)).collect()
}

fn printed(session: &str, after: i64, id: &str) -> PrintedId {
    PrintedId {
        session: Rc::from(session),
        at: Timestamp::from_milliseconds(AT + after),
        id: id.to_owned(),
        subject: "Fewer connections".to_owned(),
    }
}

#[test]
fn the_session_that_explains_most_takes_its_lines_first_and_its_latest_edit() {
    let edits = Edits::default()
        .with(1, "a", 20 * MINUTE, "src/pool.rs", 0..6)
        .with(2, "a", 10 * MINUTE, "src/pool.rs", 4..8)
        .with(3, "b", 5 * MINUTE, "src/pool.rs", 6..9)
        .with(4, "c", 5 * MINUTE, "src/other.rs", 0..10);
    let matched = run_match(&commit("src/pool.rs", 0..10), &edits, &[], &[]);
    assert_eq!(links(&matched)[0], ("a", Grade::Proved, Some(Ground::Share)));
    let parts: Vec<i64> = matched
        .attributions
        .iter()
        .map(|one| one.as_ref().filter(|one| !one.is_moved).map_or(0, |one| one.edit.part))
        .collect();
    assert_eq!(parts, [1, 1, 1, 1, 2, 2, 2, 2, 3, 0]);
}

#[test]
fn the_order_of_edits_has_no_influence() {
    let mut edits = Edits::default();
    for part in 0..12_i64 {
        let session = ["a", "b", "c"][usize::try_from(part % 3).unwrap()];
        edits = edits.with(part, session, (part / 4) * MINUTE, "x.rs", part..part + 7);
    }
    let whole = commit("x.rs", 0..18);
    let first = run_match(&whole, &edits, &[], &[]);
    for turn in 1..12 {
        edits.0.rotate_left(1);
        let other = run_match(&whole, &edits, &[], &[]);
        assert_eq!((links(&other), &other.attributions), (links(&first), &first.attributions), "turned {turn} times");
        assert_eq!(other.spent, first.spent);
    }
}

#[test]
fn only_edits_of_the_days_before_count_and_lines_count_once() {
    let whole = commit("x.rs", 0..6);
    let at = |before| Edits::default().with(1, "a", before, "x.rs", 0..6);
    let grade = |before| run_match(&whole, &at(before), &[], &[]).sessions.first().map(|link| link.grade);
    assert_eq!(grade(MINUTE), Some(Grade::Proved));
    assert_eq!(grade(-2 * MINUTE), Some(Grade::Proved), "clocks differ");
    assert_eq!(grade(-3 * MINUTE), None);
    assert_eq!(grade(2 * DAY), Some(Grade::Likely));
    assert_eq!(grade(15 * DAY), None);
    let first = run_match(&whole, &at(MINUTE), &[], &[]);
    assert_eq!(first.spent.len(), 6);
    assert!(run_match(&whole, &at(MINUTE), &[], &first.spent).sessions.is_empty());
}

#[test]
fn a_commit_printed_late_names_its_carrier() {
    let whole = commit("x.rs", 0..6);
    let author = Edits::default().with(1, "author", 5 * MINUTE, "x.rs", 0..6);
    let late = [printed("carrier", 2 * 60 * MINUTE, "4be1c20")];
    assert_eq!(links(&run_match(&whole, &author, &late, &[])), [("author", Grade::Proved, Some(Ground::NearlyAll))]);
    // A carrier that amended the commit wrote some of it after the author's date.
    let amended = author.with(2, "carrier", -60 * MINUTE, "x.rs", 6..16);
    let matched = run_match(&commit("x.rs", 0..16), &amended, &late, &[]);
    assert_eq!(matched.sessions[0].session, Rc::from("carrier"));
    assert!(
        matched.sessions.iter().all(|link| link.grade == Grade::Proved || &*link.session == "author"),
        "{matched:?}"
    );
    // Printed at once it names its author, whatever others wrote before.
    let soon = [printed("author", MINUTE, "4be1c20d"), printed("nobody", MINUTE, "4be1c20e")];
    let other = Edits::default().with(1, "other", DAY * 2, "x.rs", 0..6);
    let soon = run_match(&whole, &other, &soon, &[]);
    assert_eq!(links(&soon)[0], ("author", Grade::Proved, Some(Ground::PrintedId)));
    // The subject alone, and too late for it.
    let mut subject = vec![printed("author", MINUTE, "aaaaaaa")];
    let found = run_match(&whole, &Edits::default(), &subject, &[]);
    assert_eq!(links(&found), [("author", Grade::Proved, Some(Ground::PrintedSubject))]);
    subject[0].at = Timestamp::from_milliseconds(AT + 91_000);
    assert!(run_match(&whole, &Edits::default(), &subject, &[]).sessions.is_empty());
}

#[test]
fn rare_lines_of_another_file_are_likely_and_common_ones_are_not() {
    let edits = Edits::default().with(1, "a", MINUTE, "new.rs", 0..6).with(2, "a", 10 * MINUTE, "old.rs", 6..8).with(
        3,
        "stranger",
        10 * MINUTE,
        "old.rs",
        8..9,
    );
    let matched = run_match(&commit("new.rs", 0..9), &edits, &[], &[]);
    let moved: Vec<bool> =
        matched.attributions.iter().map(|one| one.as_ref().is_some_and(|one| one.is_moved)).collect();
    assert_eq!(moved, [false, false, false, false, false, false, true, true, false]);
    // A line that hundreds of edits have proves nothing.
    let mut common = Edits::default();
    for part in 0..400 {
        common = common.with(part, &format!("s{part}"), MINUTE * (part + 1), "x.rs", 0..1);
    }
    let matched = run_match(&commit("x.rs", 0..1), &common, &[], &[]);
    assert!(matched.sessions.iter().all(|link| link.grade < Grade::Proved));
}

#[test]
fn a_file_that_was_renamed_before_its_commit_is_recognised() {
    let edits = Edits::default().with(1, "a", 9 * MINUTE, "clean.rs", 0..12);
    let mut added = commit("cleanup.rs", 0..14);
    assert!(run_match(&added, &edits, &[], &[]).sessions.is_empty(), "an existing file");
    added.files[0].is_new = true;
    assert_eq!(links(&run_match(&added, &edits, &[], &[])), [("a", Grade::Proved, Some(Ground::Share))]);
    added.lines.truncate(7);
    assert!(run_match(&added, &edits, &[], &[]).sessions.is_empty(), "too few lines");
    let spent: Vec<SpentLine> = (0..12).map(|hash| SpentLine { part: 1, hash, change: LineChange::Inserted }).collect();
    let mut copied = commit("copy.rs", 0..14);
    copied.files[0].is_new = true;
    assert!(run_match(&copied, &edits, &[], &spent).sessions.is_empty(), "copied from an earlier commit");
}

#[test]
fn a_squash_needs_eight_rare_lines() {
    let edits = Edits::default().with(1, "a", 3 * DAY, "x.rs", 0..8).with(2, "b", 3 * DAY, "x.rs", 8..15);
    let mut squash = commit("x.rs", 0..200);
    assert!(links(&run_match(&squash, &edits, &[], &[])).iter().all(|link| link.1 < Grade::Proved));
    squash.is_squash = true;
    let matched = run_match(&squash, &edits, &[], &[]);
    assert_eq!(links(&matched)[0], ("a", Grade::Proved, Some(Ground::Squashed)));
    assert_eq!(links(&matched)[1], ("b", Grade::Likely, Some(Ground::FewLines)));
}

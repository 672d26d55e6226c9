//! The rule that grades a link between a commit and a session: pure arithmetic over what the session explains of the
//! commit. docs/provenance.md has its figures. Does not own how lines are matched.

use crate::domain::names::names;

/// Certainty of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Grade {
    /// Nothing is known.
    #[default]
    Unknown,
    /// More likely than not. Never exported.
    Likely,
    /// As good as certain.
    Proved,
}

names!(Grade { Unknown: "unknown"; Likely: "likely"; Proved: "proved"; });

/// Ground of a grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ground {
    /// The session printed the commit's id when it was made.
    PrintedId,
    /// The session printed the commit's subject when the change was made.
    PrintedSubject,
    /// The session's recent edits hold most of the commit's distinct text.
    Share,
    /// The session's edits hold nearly all of the commit, within an hour before.
    NearlyAll,
    /// The session is one of several that wrote the commit.
    Contributor,
    /// The session is one of several that wrote a squashed commit.
    Squashed,
    /// The session's edits hold a part of the commit's distinct text.
    LargeShare,
    /// The session's edits hold a few distinct lines.
    FewLines,
    /// The line is not committed, and its edit is the last one with the text.
    Uncommitted,
}

names!(Ground {
    PrintedId: "printed_id"; PrintedSubject: "printed_subject"; Share: "share"; NearlyAll: "nearly_all";
    Contributor: "contributor"; Squashed: "squashed"; LargeShare: "large_share"; FewLines: "few_lines"; Uncommitted: "uncommitted";
});

/// Number of edits that a line's frequency is measured against. Fixed, so that what is imported later does not change an
/// earlier link.
const POPULATION: f64 = 4096.0;
/// Most edits with a line that is still called rare.
pub(super) const RARE_EDITS: usize = 3;
/// Window before a commit in which its edits were made, and tolerance after its author's date.
pub(super) const WINDOW_MS: i64 = 14 * DAY_MS;
pub(super) const TOLERANCE_MS: i64 = 120_000;
/// Times between the author's date and the moment at which the author's session prints the commit.
pub(super) const PRINTED_EARLY_MS: i64 = -30_000;
pub(super) const PRINTED_ID_LATE_MS: i64 = 300_000;
pub(super) const PRINTED_SUBJECT_LATE_MS: i64 = 90_000;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// Facts about a session and a commit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evidence {
    /// Share of the commit's weight that the session's edits explain, 0 to 1.
    pub share: f64,
    /// That weight, in nats.
    pub weight: f64,
    /// Distinct rare lines among them.
    pub rare_lines: usize,
    /// Milliseconds between the last of those edits and the author's date; negative after it.
    pub edit_age_ms: i64,
    /// Ground of a commit that the session printed.
    pub printed: Option<Ground>,
    /// True for a commit that several were squashed into.
    pub is_squash: bool,
}

/// Returns the weight of a line that so many edits have, in nats.
pub(super) fn weigh_line(edits: usize) -> f64 {
    let edits = f64::from(u32::try_from(edits.max(1)).unwrap_or(u32::MAX));
    (POPULATION / edits).ln_1p()
}

/// Grades a link, with its ground.
pub(super) fn grade_evidence(evidence: &Evidence) -> (Grade, Option<Ground>) {
    let Evidence { share, weight, rare_lines, edit_age_ms, printed, is_squash } = *evidence;
    let proofs = [
        (printed.is_some(), printed.unwrap_or(Ground::PrintedId)),
        (share >= 0.9 && weight >= 8.0 && edit_age_ms < HOUR_MS, Ground::NearlyAll),
        (share >= 0.5 && weight >= 11.0 && edit_age_ms < DAY_MS, Ground::Share),
        (share >= 0.1 && rare_lines >= 8 && edit_age_ms < 3 * DAY_MS, Ground::Contributor),
        (is_squash && rare_lines >= 8, Ground::Squashed),
    ];
    let signs = [
        (share >= 0.3 && edit_age_ms < 7 * DAY_MS, Ground::LargeShare),
        (share >= 0.03 && rare_lines >= 4, Ground::FewLines),
    ];
    let find = |grounds: &[(bool, Ground)]| grounds.iter().find(|(holds, _)| *holds).map(|(_, ground)| *ground);
    match (find(&proofs), find(&signs)) {
        (Some(ground), _) => (Grade::Proved, Some(ground)),
        (None, Some(ground)) => (Grade::Likely, Some(ground)),
        (None, None) => (Grade::Unknown, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grade(share: f64, weight: f64, rare_lines: usize, hours: i64) -> (Grade, Option<Ground>) {
        grade_evidence(&Evidence { share, weight, rare_lines, edit_age_ms: hours * HOUR_MS, ..Evidence::default() })
    }

    #[test]
    fn each_ground_holds_at_its_bound_and_not_below() {
        assert_eq!(grade(0.5, 11.0, 2, 23), (Grade::Proved, Some(Ground::Share)));
        assert_eq!(grade(0.5, 11.0, 2, 24), (Grade::Likely, Some(Ground::LargeShare)));
        assert_eq!(grade(0.49, 100.0, 7, 1), (Grade::Likely, Some(Ground::LargeShare)));
        assert_eq!(grade(0.9, 8.0, 1, 0), (Grade::Proved, Some(Ground::NearlyAll)));
        assert_eq!(grade(0.9, 8.0, 1, 1), (Grade::Likely, Some(Ground::LargeShare)));
        assert_eq!(grade(0.1, 70.0, 8, 71), (Grade::Proved, Some(Ground::Contributor)));
        assert_eq!(grade(0.1, 70.0, 8, 72), (Grade::Likely, Some(Ground::FewLines)));
        assert_eq!(grade(0.09, 70.0, 8, 300), (Grade::Likely, Some(Ground::FewLines)));
        assert_eq!(grade(0.02, 70.0, 8, 300), (Grade::Unknown, None));
        assert_eq!(grade(0.3, 3.0, 0, 7 * 24), (Grade::Unknown, None));
        let printed = Evidence { printed: Some(Ground::PrintedSubject), ..Evidence::default() };
        assert_eq!(grade_evidence(&printed), (Grade::Proved, Some(Ground::PrintedSubject)));
        let squashed = Evidence { share: 0.01, rare_lines: 8, is_squash: true, ..Evidence::default() };
        assert_eq!(grade_evidence(&squashed), (Grade::Proved, Some(Ground::Squashed)));
    }

    #[test]
    fn a_rare_line_weighs_more_than_a_common_one() {
        assert!(weigh_line(1) > 8.0 && weigh_line(1) < 8.4);
        assert!((weigh_line(0) - weigh_line(1)).abs() < f64::EPSILON);
        assert!(weigh_line(400) < weigh_line(2) / 2.0);
    }
}

//! Precision and recall of the rules that suggest decisions, corrections and standing rules, against turns labelled by
//! hand.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::formats::read_person_turns;
use super::report::round_figure;
use super::score::ratio;
use super::{Error, disk_error};
use crate::domain::text::statement::{StatementKind, read_turn};

/// A labelled turn: the id of its record and what it states.
#[derive(Deserialize)]
struct LabelledTurn {
    message: String,
    labels: Vec<String>,
}

/// Agreement of rules and labels for one kind of statement.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct KindScore {
    /// Turns that have the label.
    pub labelled: usize,
    /// Turns that the rules suggest.
    pub suggested: usize,
    /// Turns that have the label and are suggested.
    pub right: usize,
    /// Share of the suggested turns that have the label.
    pub precision: f64,
    /// Share of the labelled turns that are suggested.
    pub recall: f64,
}

/// Report of one run.
#[derive(Debug, Clone, Serialize)]
pub struct SuggestionReport {
    /// Labelled turns that were found in the transcripts.
    pub turns: usize,
    /// Labelled turns that were not found, which are not counted.
    pub missing: usize,
    /// Scores by kind; `any` is for decisions, corrections and rules together.
    pub kinds: BTreeMap<&'static str, KindScore>,
}

impl KindScore {
    fn count_turn(&mut self, is_labelled: bool, is_suggested: bool) {
        self.labelled += usize::from(is_labelled);
        self.suggested += usize::from(is_suggested);
        self.right += usize::from(is_labelled && is_suggested);
    }

    fn compute_shares(&mut self) {
        let share = |of: usize| if of == 0 { 0.0 } else { round_figure(ratio(self.right, of)) };
        (self.precision, self.recall) = (share(self.suggested), share(self.labelled));
    }
}

/// Reads the labels of `file`, one JSON object {message, labels} a line, and scores the rules on these turns of the
/// transcripts below `folder`.
///
/// # Errors
/// A file that cannot be read, or a line that is no label.
pub fn score_suggestions(folder: &Path, file: &Path) -> Result<SuggestionReport, Error> {
    let text = std::fs::read_to_string(file).map_err(disk_error(file))?;
    let turns = read_person_turns(folder)?;
    let mut report = SuggestionReport { turns: 0, missing: 0, kinds: BTreeMap::new() };
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let malformed = |error: serde_json::Error| Error::Format {
            path: file.to_owned(),
            line: number + 1,
            message: error.to_string(),
        };
        let labelled: LabelledTurn = serde_json::from_str(line).map_err(malformed)?;
        let Some(turn) = turns.get(&labelled.message) else {
            report.missing += 1;
            continue;
        };
        report.turns += 1;
        report.count_turn(&labelled.labels, &read_turn(turn).kinds);
    }
    report.kinds.values_mut().for_each(KindScore::compute_shares);
    Ok(report)
}

impl SuggestionReport {
    fn count_turn(&mut self, labels: &[String], stated: &[StatementKind]) {
        let labels: Vec<StatementKind> = labels.iter().filter_map(|label| StatementKind::from_name(label)).collect();
        for kind in StatementKind::ALL {
            let score = self.kinds.entry(kind.name()).or_default();
            score.count_turn(labels.contains(&kind), stated.contains(&kind));
        }
        let any = |kinds: &[StatementKind]| kinds.iter().any(|kind| *kind != StatementKind::Assent);
        self.kinds.entry("any").or_default().count_turn(any(&labels), any(stated));
    }
}

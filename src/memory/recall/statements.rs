//! Statements among the newest turns of the person, with what it takes to compare two of them: terms and embedding.

use std::collections::HashSet;

use crate::domain::text::statement::{StatementKind, TurnReading, read_proposal, read_turn};
use crate::domain::text::terms::TermExtractor;
use crate::domain::text::{byte_prefix, contradiction};
use crate::domain::{MessageId, Origin};
use crate::memory::Result;
use crate::store::{PersonTurn, Snapshot, TurnFilter, term_number};

/// Newest statements that are kept: bounds memory and the comparison of all pairs.
const MAX_STATEMENTS: usize = 1_000;
/// Cosine from which two texts are on the same subject, and from which one says the other again.
const SUBJECT_COSINE: f32 = 0.6;
const SAME_COSINE: f32 = 0.85;
/// Share of common terms among those of both, for texts without embeddings.
const SUBJECT_SHARE: f32 = 0.35;
const SAME_SHARE: f32 = 0.6;
/// Fewest distinct terms of a text that can be compared: "use this" says nothing.
const MIN_TERMS: usize = 3;
/// Bytes of a text that are compared clause by clause.
const MAX_COMPARED_BYTES: usize = 600;
/// Terms of a text that are compared: a statement is short, what is pasted beside it may not be.
const MAX_TERMS: usize = 100;
/// Time after a statement in which "no, remove it again" is about it, whatever its words.
const ANSWER_MS: i64 = 30 * 60 * 1000;

/// What a turn of the person states.
pub(in crate::memory) struct Statement {
    pub(in crate::memory) turn: PersonTurn,
    /// What it says: no assent, and no kind if it only takes another statement back.
    pub(in crate::memory) reading: TurnReading,
    /// Proposal of a model that the turn agrees with, and its message.
    pub(in crate::memory) proposal: Option<(MessageId, String)>,
    /// Sorted numbers of its terms; of the proposal, if there is one.
    terms: Vec<i64>,
    vector: Option<Vec<f32>>,
}

impl Statement {
    /// Returns true if both say the same in other words or the same ones.
    pub(in crate::memory) fn says_same(&self, other: &Self) -> bool {
        self.is_near(other, SAME_COSINE, SAME_SHARE) && !self.differs_in_value(other)
    }

    /// Returns true if the texts deny each other or give another value: "use tabs" and "use spaces" are two statements.
    fn differs_in_value(&self, other: &Self) -> bool {
        let text = |statement: &Self| {
            let proposal = statement.proposal.as_ref().map(|(_, text)| text.as_str());
            byte_prefix(proposal.unwrap_or(&statement.turn.text), MAX_COMPARED_BYTES).to_owned()
        };
        contradiction::contradicts(&text(self), &text(other))
    }

    /// Returns true if both are on the same subject of one project.
    pub(in crate::memory) fn is_on_subject_of(&self, other: &Self) -> bool {
        self.turn.project.0 == other.turn.project.0 && self.is_near(other, SUBJECT_COSINE, SUBJECT_SHARE)
    }

    /// Returns true if it follows the other statement in its session, soon enough to be an answer to it.
    pub(in crate::memory) fn follows(&self, other: &Self) -> bool {
        let passed = self.turn.at.to_milliseconds() - other.turn.at.to_milliseconds();
        self.turn.conversation == other.turn.conversation && (0..=ANSWER_MS).contains(&passed)
    }

    fn is_near(&self, other: &Self, least_cosine: f32, least_share: f32) -> bool {
        let (shorter, longer) = if self.terms.len() <= other.terms.len() { (self, other) } else { (other, self) };
        if shorter.terms.len() < MIN_TERMS {
            return false;
        }
        if let (Some(left), Some(right)) = (&self.vector, &other.vector) {
            return left.iter().zip(right).map(|(left, right)| left * right).sum::<f32>() >= least_cosine;
        }
        let shared = shorter.terms.iter().filter(|term| longer.terms.binary_search(term).is_ok()).count();
        share(shared, shorter.terms.len() + longer.terms.len() - shared) >= least_share
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of terms of a turn")]
fn share(part: usize, whole: usize) -> f32 {
    part as f32 / whole.max(1) as f32
}

/// Reads the statements among the selected turns, newest first, and whether older ones were left out. `model` is the row
/// of the embedding model.
pub(in crate::memory) fn read_statements_of(
    snapshot: &Snapshot<'_>,
    wanted: &TurnFilter,
    model: Option<i64>,
) -> Result<(Vec<Statement>, bool)> {
    let (mut stated, mut seen, mut is_partial) = (Vec::new(), HashSet::new(), false);
    let examined = snapshot.each_person_turn(wanted, |turn| {
        if stated.len() == MAX_STATEMENTS {
            is_partial = true;
            return;
        }
        let reading = read_turn(&turn.text);
        if (reading.takes_back || !reading.kinds.is_empty()) && seen.insert(turn.id) {
            stated.push((turn, reading));
        }
    })?;
    let extractor = TermExtractor::default();
    let mut statements = Vec::with_capacity(stated.len());
    for (turn, reading) in stated {
        let mut statement = Statement { turn, reading, proposal: None, terms: Vec::new(), vector: None };
        let mut passage = statement.turn.passage;
        if statement.reading.kinds == [StatementKind::Assent] {
            let answered = snapshot.text_answered_by(&statement.turn)?.filter(|text| text.origin == Origin::Model);
            let proposal = answered.and_then(|text| Some((text.id, text.passage, read_proposal(&text.text)?)));
            let Some((id, passage_of_proposal, text)) = proposal else { continue };
            passage = passage_of_proposal;
            statement.reading.kinds = vec![StatementKind::Decision];
            statement.proposal = Some((id, text));
        }
        let compared = statement.proposal.as_ref().map_or(statement.turn.text.as_str(), |(_, text)| text.as_str());
        extractor.for_each_term(compared, &mut |term| {
            if statement.terms.len() < MAX_TERMS {
                statement.terms.push(term_number(term));
            }
        });
        statement.terms.sort_unstable();
        statement.terms.dedup();
        if let (Some(model), Some(passage)) = (model, passage) {
            statement.vector = snapshot.vector_of_passage(model, passage)?;
        }
        statements.push(statement);
    }
    Ok((statements, is_partial || (wanted.id.is_none() && examined == wanted.limit)))
}

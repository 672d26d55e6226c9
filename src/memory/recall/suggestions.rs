//! Suggestions: turns that rules read as a decision, a correction or a rule. Found on request among the newest turns of
//! the person, never injected. Owns what belongs together: statements that are repeated, replaced or taken back. What was
//! made of a suggestion is in `suggestion_notes`.

use std::collections::{HashMap, HashSet};

use crate::domain::names::names;
use crate::domain::query::MinOverlap;
use crate::domain::text::statement::StatementKind;
use crate::domain::{Detail, Filter, MessageId, PartKind, Query, Role, Timestamp};
use crate::memory::recall::statements::{Statement, read_statements_of};
use crate::memory::recall::suggestion_notes::{DISMISSED_KIND, TurnNotes};
use crate::memory::write::projects::project_labels;
use crate::memory::{Memory, Result};
use crate::store::{PersonTurn, TurnFilter};

/// Newest turns that are examined.
const MAX_TURNS: usize = 5_000;
/// Hits of a search for a subject that are looked up among the suggestions.
const SUBJECT_HITS: usize = 50;
/// A subject needs less than what is injected unasked: a person reads the list.
const SUBJECT_OVERLAP: MinOverlap = MinOverlap { weight: 1.0, share: 0.3, log_odds: Some(-1.0) };

/// Where a statement holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SuggestionScope {
    /// In the project in which it was said.
    #[default]
    Project,
    /// In all projects: it says so, or was said in several.
    Everywhere,
}

/// Whether a statement still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SuggestionState {
    /// Nothing is known that changed it.
    #[default]
    InForce,
    /// A later decision on the same subject, or a later note, replaced it.
    Replaced,
    /// A later turn took it back.
    Reverted,
}

/// What was made of a suggestion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SuggestionStatus {
    /// Found by rules, confirmed by nobody.
    #[default]
    Suggested,
    /// Saved as a note by a person or an agent.
    Confirmed,
    /// Dismissed by the person.
    Dismissed,
}

names!(SuggestionScope { Project: "project"; Everywhere: "everywhere"; });
names!(SuggestionState { InForce: "in_force"; Replaced: "replaced"; Reverted: "reverted"; });
names!(SuggestionStatus { Suggested: "suggested"; Confirmed: "confirmed"; Dismissed: "dismissed"; });

/// Conditions that a listed suggestion meets. Empty lists exclude nothing.
#[derive(Debug, Clone, Default)]
pub struct SuggestionFilter {
    /// Row ids of the projects; `None` for all.
    pub projects: Option<Vec<i64>>,
    pub since: Option<Timestamp>,
    /// What it is about, found by an ordinary search.
    pub subject: Option<String>,
    pub kinds: Vec<StatementKind>,
    pub states: Vec<SuggestionState>,
    pub statuses: Vec<SuggestionStatus>,
    /// Number of suggestions to skip.
    pub offset: usize,
    /// Maximum number of suggestions.
    pub limit: usize,
}

/// A turn that rules read as a decision, a correction or a rule.
#[derive(Debug, Clone)]
pub struct Suggestion {
    /// The turn, verbatim.
    pub turn: PersonTurn,
    /// Rule, decision, correction: at least one.
    pub kinds: Vec<StatementKind>,
    /// Proposal of a model that the turn agrees with, and its message.
    pub proposal: Option<(MessageId, String)>,
    pub scope: SuggestionScope,
    pub state: SuggestionState,
    pub status: SuggestionStatus,
    /// Number of turns that say it.
    pub times: usize,
    /// Number of sessions in which it was said.
    pub sessions: usize,
    /// Message that replaced it or took it back.
    pub later: Option<MessageId>,
    /// Note that was made of it.
    pub note: Option<MessageId>,
}

/// Page of suggestions, newest first.
#[derive(Debug, Clone, Default)]
pub struct SuggestionPage {
    pub suggestions: Vec<Suggestion>,
    /// Number of suggestions that meet the filter.
    pub total: usize,
    /// True if older turns were not examined.
    pub is_partial: bool,
}

impl Memory {
    /// Returns the suggestions that meet a filter, newest first.
    pub fn list_suggestions(&self, filter: &SuggestionFilter, now: Timestamp) -> Result<SuggestionPage> {
        let about = match &filter.subject {
            Some(subject) => Some(self.messages_about(subject, filter, now)?),
            None => None,
        };
        let model = self.current_model_ref().map(|(row, ..)| row);
        let snapshot = self.store.snapshot()?;
        let turns = TurnFilter { projects: filter.projects.clone(), since: filter.since, id: None, limit: MAX_TURNS };
        let (statements, is_partial) = read_statements_of(&snapshot, &turns, model)?;
        let mut suggestions = join_statements(statements, &TurnNotes::read(&snapshot)?);
        suggestions.retain(|suggestion| filter.allows(suggestion, about.as_ref()));
        let total = suggestions.len();
        let labels = project_labels(&snapshot)?;
        let page = suggestions.into_iter().skip(filter.offset).take(filter.limit);
        let page = page.map(|suggestion| self.finish_suggestion(suggestion, &labels)).collect::<Result<_>>()?;
        Ok(SuggestionPage { suggestions: page, total, is_partial })
    }

    /// Returns the messages that an ordinary search finds about a subject.
    fn messages_about(&self, subject: &str, filter: &SuggestionFilter, now: Timestamp) -> Result<HashSet<MessageId>> {
        let query = Query {
            filter: Filter {
                projects: filter.projects.clone(),
                after: filter.since,
                roles: vec![Role::User, Role::Assistant],
                kinds: vec![PartKind::Text],
                ..Filter::default()
            },
            limit: SUBJECT_HITS,
            detail: Detail::Index,
            worth: Some(SUBJECT_OVERLAP),
            ..Query::for_text(subject)
        };
        Ok(self.search(&query, now)?.hits.into_iter().map(|hit| hit.id).collect())
    }

    /// Redacts the texts of a suggestion and labels its project.
    fn finish_suggestion(&self, mut suggestion: Suggestion, labels: &HashMap<i64, String>) -> Result<Suggestion> {
        let turn = &mut suggestion.turn;
        turn.text = self.redact_text(std::mem::take(&mut turn.text))?;
        if let Some(label) = labels.get(&turn.project.0) {
            turn.project.1.clone_from(label);
        }
        if let Some((_, text)) = &mut suggestion.proposal {
            *text = self.redact_text(std::mem::take(text))?;
        }
        Ok(suggestion)
    }

    /// Returns the suggestion of one turn, compared with no other; `None` if the turn states nothing or does not exist.
    pub(in crate::memory) fn suggestion_of_turn(&self, id: MessageId) -> Result<Option<Suggestion>> {
        let snapshot = self.store.snapshot()?;
        let turns = TurnFilter { id: Some(id), limit: 1, ..TurnFilter::default() };
        let (statements, _) = read_statements_of(&snapshot, &turns, None)?;
        let found = join_statements(statements, &TurnNotes::read(&snapshot)?).pop();
        found.map(|suggestion| self.finish_suggestion(suggestion, &HashMap::new())).transpose()
    }
}

impl SuggestionFilter {
    fn allows(&self, suggestion: &Suggestion, about: Option<&HashSet<MessageId>>) -> bool {
        let is_about = about.is_none_or(|ids| {
            ids.contains(&suggestion.turn.id) || suggestion.proposal.as_ref().is_some_and(|(id, _)| ids.contains(id))
        });
        is_about
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| suggestion.kinds.contains(kind)))
            && (self.states.is_empty() || self.states.contains(&suggestion.state))
            && (self.statuses.is_empty() || self.statuses.contains(&suggestion.status))
    }
}

/// A statement with those before it that say the same.
struct Repeated {
    newest: Statement,
    times: usize,
    sessions: HashSet<i64>,
    projects: HashSet<i64>,
    state: SuggestionState,
    later: Option<MessageId>,
}

/// Makes suggestions of statements, newest first: those that say the same are one, those that a later statement changes
/// are marked.
fn join_statements(statements: Vec<Statement>, notes: &TurnNotes) -> Vec<Suggestion> {
    let mut kept: Vec<Repeated> = Vec::new();
    for statement in statements {
        let same = kept.iter_mut().find(|repeated| {
            !repeated.newest.reading.takes_back
                && !statement.reading.takes_back
                && repeated.newest.says_same(&statement)
        });
        if let Some(repeated) = same {
            repeated.times += 1;
            repeated.sessions.insert(statement.turn.conversation);
            repeated.projects.insert(statement.turn.project.0);
            continue;
        }
        let (state, later) = find_later(&statement, &kept);
        kept.push(Repeated {
            times: 1,
            sessions: HashSet::from([statement.turn.conversation]),
            projects: HashSet::from([statement.turn.project.0]),
            newest: statement,
            state,
            later,
        });
    }
    kept.into_iter()
        .filter(|repeated| !repeated.newest.reading.kinds.is_empty())
        .map(|one| suggest(one, notes))
        .collect()
}

/// Returns how the newer statements change one, and the message of the oldest that does.
fn find_later(statement: &Statement, newer: &[Repeated]) -> (SuggestionState, Option<MessageId>) {
    for (index, later) in newer.iter().enumerate().rev() {
        let later_statement = &later.newest;
        let is_answer = index + 1 == newer.len() && later_statement.follows(statement);
        let is_on_subject = later_statement.is_on_subject_of(statement);
        if later_statement.reading.takes_back && (is_answer || is_on_subject) {
            return (SuggestionState::Reverted, Some(later_statement.turn.id));
        }
        let decides = |statement: &Statement| statement.reading.kinds.contains(&StatementKind::Decision);
        if is_on_subject && later_statement.reading.changes && decides(later_statement) && decides(statement) {
            return (SuggestionState::Replaced, Some(later_statement.turn.id));
        }
    }
    (SuggestionState::InForce, None)
}

fn suggest(repeated: Repeated, notes: &TurnNotes) -> Suggestion {
    let Repeated { newest, times, sessions, projects, mut state, later } = repeated;
    let everywhere = projects.len() > 1 || newest.reading.is_everywhere;
    let mut kinds = newest.reading.kinds;
    let is_rule = kinds.contains(&StatementKind::Rule) || (sessions.len() > 1 && newest.proposal.is_none());
    kinds.retain(|kind| *kind != StatementKind::Rule);
    if is_rule {
        kinds.insert(0, StatementKind::Rule);
    }
    let note = notes.of_turn(newest.turn.id);
    let status = match note {
        None => SuggestionStatus::Suggested,
        Some(note) if note.kind == DISMISSED_KIND => SuggestionStatus::Dismissed,
        Some(_) => SuggestionStatus::Confirmed,
    };
    if status == SuggestionStatus::Confirmed && note.is_some_and(|note| note.is_superseded) {
        state = SuggestionState::Replaced;
    }
    Suggestion {
        turn: newest.turn,
        kinds,
        proposal: newest.proposal,
        scope: if everywhere { SuggestionScope::Everywhere } else { SuggestionScope::Project },
        state,
        status,
        times,
        sessions: sessions.len(),
        later,
        note: note.filter(|_| status == SuggestionStatus::Confirmed).map(|note| note.id),
    }
}

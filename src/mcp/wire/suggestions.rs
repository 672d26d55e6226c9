//! JSON types of the answer of decisions.

use schemars::JsonSchema;
use serde::Serialize;

use super::outgoing::{SafeText, sanitize_name};
use super::{SaveAnswer, trust_level};
use crate::domain::Origin;
use crate::memory::{Suggestion, SuggestionPage};

/// The answer of `memory_decisions`: a page of suggestions, or the note that one became.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DecisionsAnswer {
    /// Newest first.
    pub suggestions: Vec<SuggestionEntry>,
    /// Number that meet the filter.
    pub total: usize,
    /// Pass it as `from` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<usize>,
    /// Older turns were not examined.
    pub partial: bool,
    /// The note that was saved by `confirm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<SaveAnswer>,
}

/// A turn that rules read as a decision, a correction or a rule.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SuggestionEntry {
    /// For `confirm` and `memory_get`.
    pub id: String,
    /// Session it was said in.
    pub session_id: String,
    /// Project name.
    pub project: SafeText,
    /// decision, correction, rule.
    pub kinds: Vec<String>,
    /// suggested (by rules only), confirmed or dismissed.
    pub status: String,
    /// `in_force`, replaced or reverted.
    pub state: String,
    /// project or everywhere.
    pub scope: String,
    /// Turns that say it.
    pub times: usize,
    /// Sessions in which it was said.
    pub sessions: usize,
    /// RFC 3339, UTC.
    pub ts: String,
    /// The turn, verbatim.
    pub text: SafeText,
    /// person, or suspicious: reads like an instruction to you.
    pub trust: String,
    /// What the model had proposed when the user agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<SafeText>,
    /// Message of the proposal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal_id: Option<String>,
    /// Message that replaced it or took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub later: Option<String>,
    /// Saved memory that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl From<Suggestion> for SuggestionEntry {
    fn from(suggestion: Suggestion) -> Self {
        let (proposal_id, proposal) = suggestion.proposal.unzip();
        // A suspicious proposal makes the pair suspicious.
        let judged = format!("{}\n{}", proposal.as_deref().unwrap_or(""), suggestion.turn.text);
        Self {
            id: suggestion.turn.id.to_string(),
            session_id: suggestion.turn.session,
            project: sanitize_name(&suggestion.turn.project.1),
            kinds: suggestion.kinds.iter().map(|kind| kind.name().to_owned()).collect(),
            status: suggestion.status.name().to_owned(),
            state: suggestion.state.name().to_owned(),
            scope: suggestion.scope.name().to_owned(),
            times: suggestion.times,
            sessions: suggestion.sessions,
            ts: suggestion.turn.at.to_string(),
            text: SafeText::multi_line(&suggestion.turn.text),
            trust: trust_level(Origin::Person, &judged).to_owned(),
            proposal: proposal.as_deref().map(SafeText::multi_line),
            proposal_id: proposal_id.map(|id| id.to_string()),
            later: suggestion.later.map(|id| id.to_string()),
            note: suggestion.note.map(|id| id.to_string()),
        }
    }
}

impl DecisionsAnswer {
    /// Builds the answer of a page that began at the offset `from`.
    pub fn from_page(page: SuggestionPage, from: usize) -> Self {
        let end = from + page.suggestions.len();
        Self {
            total: page.total,
            next: (end < page.total).then_some(end),
            partial: page.is_partial,
            suggestions: page.suggestions.into_iter().map(SuggestionEntry::from).collect(),
            saved: None,
        }
    }
}

//! JSON type of the request behind an edit.

use schemars::JsonSchema;
use serde::Serialize;

use super::history::ExcerptEntry;
use super::outgoing::{SafeText, sanitize_title};
use super::trust_level;
use crate::domain::Origin;
use crate::memory::{EditRequest, RequestText};

/// Request behind an edit, with what was said just before it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RequestEntry {
    /// The person's turns, oldest first: the last request and what followed it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<ExcerptEntry>,
    /// Text that a short turn refers to in the agent's answer before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refers_to: Option<ExcerptEntry>,
    /// Task of the subagent that made the edit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<ExcerptEntry>,
    /// The agent's last words before the edit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<ExcerptEntry>,
    /// Title of the plan that was carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<SafeText>,
    /// Message with the edit, for `memory_get`.
    pub edit: String,
}

impl From<EditRequest> for RequestEntry {
    fn from(request: EditRequest) -> Self {
        let person = |text| to_excerpt(text, Origin::Person);
        let model = |text| to_excerpt(text, Origin::Model);
        Self {
            turns: request.turns.iter().map(person).collect(),
            refers_to: request.referred.as_ref().map(model),
            task: request.task.as_ref().map(model),
            said: request.explanation.as_ref().map(model),
            plan: request.plan_title.as_deref().map(sanitize_title),
            edit: request.edit.message.to_string(),
        }
    }
}

impl RequestEntry {
    /// Returns the texts with their labels, in the order in which they are read.
    pub fn labelled(&self) -> impl Iterator<Item = (&'static str, &ExcerptEntry)> {
        let turns = self.turns.iter().map(|turn| ("asked", turn));
        let refers = self.refers_to.iter().map(|text| ("about", text));
        let task = self.task.iter().map(|text| ("task", text));
        turns.chain(refers).chain(task).chain(self.said.iter().map(|text| ("said", text)))
    }
}

fn to_excerpt(said: &RequestText, origin: Origin) -> ExcerptEntry {
    ExcerptEntry {
        id: said.id.to_string(),
        ts: said.at.to_string(),
        trust: trust_level(origin, &said.text).to_owned(),
        said_by: None,
        text: SafeText::multi_line(&said.text),
    }
}

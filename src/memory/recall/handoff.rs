//! Session handoff: requests, open steps and last texts for the next session, quoted from the session itself; no model
//! writes a summary.

use serde::Deserialize;

use crate::domain::text::prompt;
use crate::domain::{Origin, PartKind};
use crate::memory::{Error, Memory, Result};
use crate::store::{Excerpt, ExcerptQuery, SessionFilter, SessionSummary};

/// Maximum number of requests: the first one and the last of the others.
const MAX_REQUESTS: usize = 12;
/// Last texts of the model that are included.
const LAST_TEXTS: usize = 3;
/// Texts of a person that are read, and that are examined for the last request.
const MAX_TEXTS: usize = 1000;
const LAST_REQUESTS: usize = 6;

/// Step of the model's to-do list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TodoStep {
    /// Description of the step.
    pub content: String,
    /// Status: `pending`, `in_progress` or `completed`.
    pub status: String,
}

/// Handoff of one session.
#[derive(Debug, Clone)]
pub struct Handoff {
    /// Session that the handoff describes.
    pub session: SessionSummary,
    /// Requests of the person: the first, then the last ones, in order.
    pub requests: Vec<Excerpt>,
    /// Number of requests omitted between the first and the others.
    pub left_out: usize,
    /// Unfinished steps of the model's to-do list as last written.
    pub open: Vec<TodoStep>,
    /// Summary written by the client when it last compacted the session.
    pub summary: Option<Excerpt>,
    /// Last texts of the model, oldest first.
    pub last: Vec<Excerpt>,
}

impl Memory {
    /// Returns the handoff of a session: the one with this id or prefix, else the newest of these projects that is not
    /// `current`.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such session.
    pub fn build_handoff(
        &self,
        session: Option<&str>,
        projects: Option<Vec<i64>>,
        current: Option<&str>,
    ) -> Result<Handoff> {
        let session = if let Some(wanted) = session {
            self.find_session(wanted)?
        } else {
            let filter = SessionFilter { projects, ..SessionFilter::default() };
            let newest = self.list_sessions(&filter, None, 8)?;
            let other = newest.into_iter().find(|session| Some(session.session.as_str()) != current);
            other.ok_or_else(|| Error::NotFound {
                message: "there is no earlier session here".to_owned(),
                hint: Some("name a session, or project \"all\"".to_owned()),
            })?
        };
        let excerpts = |wanted| self.redacted_excerpts(session.row, &wanted);
        let all = excerpts(prose_query(&[PartKind::Text], &[Origin::Person], false, MAX_TEXTS))?;
        let mut requests: Vec<Excerpt> =
            all.into_iter().filter(|request| !prompt::is_small_talk(&request.text)).collect();
        let left_out = requests.len().saturating_sub(MAX_REQUESTS);
        if left_out > 0 {
            requests.drain(1..=left_out);
        }
        let mut last = self.last_model_texts(session.row, LAST_TEXTS)?;
        last.reverse();
        let open = self.open_steps(session.row)?;
        let summary = excerpts(prose_query(&[PartKind::Summary], &[], true, 1))?.pop();
        Ok(Handoff { session, requests, left_out, open, summary, last })
    }
}

fn prose_query<'a>(kinds: &'a [PartKind], origins: &'a [Origin], newest_first: bool, limit: usize) -> ExcerptQuery<'a> {
    ExcerptQuery { kinds, origins, newest_first, limit, ..ExcerptQuery::default() }
}

impl Memory {
    pub(in crate::memory) fn redacted_excerpts(
        &self,
        conversation: i64,
        wanted: &ExcerptQuery<'_>,
    ) -> Result<Vec<Excerpt>> {
        let found = self.store.snapshot()?.read_excerpts(conversation, wanted)?;
        found.into_iter().map(|excerpt| self.redact_excerpt(excerpt)).collect()
    }

    /// Returns the last request of the person.
    pub(in crate::memory) fn last_request(&self, conversation: i64) -> Result<Option<Excerpt>> {
        let last = self
            .redacted_excerpts(conversation, &prose_query(&[PartKind::Text], &[Origin::Person], true, LAST_REQUESTS))?;
        Ok(last.into_iter().find(|request| !prompt::is_small_talk(&request.text)))
    }

    /// Returns the last texts of the model, newest first.
    pub(in crate::memory) fn last_model_texts(&self, conversation: i64, limit: usize) -> Result<Vec<Excerpt>> {
        self.redacted_excerpts(conversation, &prose_query(&[PartKind::Text], &[Origin::Model], true, limit))
    }

    /// Returns the unfinished steps of the model's to-do list as last written.
    pub(in crate::memory) fn open_steps(&self, conversation: i64) -> Result<Vec<TodoStep>> {
        Ok(self.todo_steps(conversation)?.into_iter().filter(TodoStep::is_open).collect())
    }

    /// Returns the steps of the model's to-do list as last written.
    pub(in crate::memory) fn todo_steps(&self, conversation: i64) -> Result<Vec<TodoStep>> {
        let wanted =
            ExcerptQuery { tools: &["TodoWrite"], ..prose_query(&[PartKind::ToolUse], &[Origin::Model], true, 1) };
        let last = self.redacted_excerpts(conversation, &wanted)?.pop();
        Ok(last.map(|call| parse_steps(&call.text)).unwrap_or_default())
    }
}

impl TodoStep {
    /// Returns true if the step is not finished.
    pub fn is_open(&self) -> bool {
        self.status != "completed"
    }
}

/// Returns the steps of a `TodoWrite` call.
fn parse_steps(call: &str) -> Vec<TodoStep> {
    let list = call.lines().find_map(|line| line.strip_prefix("todos: "));
    list.and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_left_to_do() {
        let call =
            r#"todos: [{"content":"a","status":"completed"},{"content":"b","status":"in_progress","activeForm":"x"}]"#;
        let open: Vec<TodoStep> = parse_steps(call).into_iter().filter(TodoStep::is_open).collect();
        assert_eq!(open, [TodoStep { content: "b".to_owned(), status: "in_progress".to_owned() }]);
        assert!(parse_steps("todos: nonsense").is_empty());
    }
}

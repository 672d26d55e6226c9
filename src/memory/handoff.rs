//! Handing a session over to the next one: what was asked, what is left to do, where it ended. Taken from its own words;
//! no model writes a summary.

use serde::Deserialize;

use super::{Error, Memory, Result};
use crate::domain::text::prompt;
use crate::domain::{Kind, Origin};
use crate::store::{Excerpt, SessionFilter, SessionSummary, Wanted};

/// Requests that are handed over: the first one and the last of the others.
const MOST_REQUESTS: usize = 12;
/// Texts of the model from the end.
const LAST_TEXTS: usize = 3;
/// Texts of a person that are read, and that are looked through for the last request.
const MOST_TEXTS: usize = 1000;
const LAST_REQUESTS: usize = 6;

/// One step of the list that the model kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Step {
    /// What is to be done.
    pub content: String,
    /// pending, `in_progress` or completed.
    pub status: String,
}

/// A session handed over.
#[derive(Debug, Clone)]
pub struct Handoff {
    /// The session.
    pub session: SessionSummary,
    /// What the person asked: the first request, then the last ones, in order.
    pub requests: Vec<Excerpt>,
    /// Requests between the first and the others that are left out.
    pub left_out: usize,
    /// The model's list as it was last written, what is done left out.
    pub open: Vec<Step>,
    /// The summary that the client wrote when it last compacted the session.
    pub summary: Option<Excerpt>,
    /// The last things that the model said, in order.
    pub last: Vec<Excerpt>,
}

impl Memory {
    /// Hands over a session: the one named by its id or the beginning of it, else the newest of these projects that is not
    /// `current`.
    ///
    /// # Errors
    /// When there is no such session.
    pub fn handoff(&self, session: Option<&str>, projects: Option<Vec<i64>>, current: Option<&str>) -> Result<Handoff> {
        let session = if let Some(wanted) = session {
            self.session_named(wanted)?
        } else {
            let filter = SessionFilter { projects, ..SessionFilter::default() };
            let newest = self.sessions(&filter, None, 8)?;
            let other = newest.into_iter().find(|session| Some(session.session.as_str()) != current);
            other.ok_or_else(|| Error::NotFound {
                message: "there is no earlier session here".to_owned(),
                hint: Some("name a session, or project \"all\"".to_owned()),
            })?
        };
        let excerpts = |wanted| self.clean_excerpts(session.row, &wanted);
        let all = excerpts(said(&[Kind::Text], &[Origin::Person], false, MOST_TEXTS))?;
        let mut requests: Vec<Excerpt> =
            all.into_iter().filter(|request| !prompt::is_small_talk(&request.text)).collect();
        let left_out = requests.len().saturating_sub(MOST_REQUESTS);
        if left_out > 0 {
            requests.drain(1..=left_out);
        }
        let mut last = self.last_said(session.row, LAST_TEXTS)?;
        last.reverse();
        let open = self.open_steps(session.row)?;
        let summary = excerpts(said(&[Kind::Summary], &[], true, 1))?.pop();
        Ok(Handoff { session, requests, left_out, open, summary, last })
    }
}

fn said<'a>(kinds: &'a [Kind], origins: &'a [Origin], newest_first: bool, limit: usize) -> Wanted<'a> {
    Wanted { kinds, origins, newest_first, limit, ..Wanted::default() }
}

impl Memory {
    fn clean_excerpts(&self, conversation: i64, wanted: &Wanted<'_>) -> Result<Vec<Excerpt>> {
        let found = self.store.excerpts(conversation, wanted)?;
        found.into_iter().map(|excerpt| self.clean_excerpt(excerpt)).collect()
    }

    /// The last thing that a person asked for.
    pub(super) fn last_request(&self, conversation: i64) -> Result<Option<Excerpt>> {
        let last = self.clean_excerpts(conversation, &said(&[Kind::Text], &[Origin::Person], true, LAST_REQUESTS))?;
        Ok(last.into_iter().find(|request| !prompt::is_small_talk(&request.text)))
    }

    /// The last things that the model said, the newest first.
    pub(super) fn last_said(&self, conversation: i64, limit: usize) -> Result<Vec<Excerpt>> {
        self.clean_excerpts(conversation, &said(&[Kind::Text], &[Origin::Model], true, limit))
    }

    /// What the model's list had not done when it was last written.
    pub(super) fn open_steps(&self, conversation: i64) -> Result<Vec<Step>> {
        let wanted = Wanted { tools: &["TodoWrite"], ..said(&[Kind::ToolUse], &[], true, 1) };
        let last = self.clean_excerpts(conversation, &wanted)?.pop();
        Ok(last.map(|call| open_steps(&call.text)).unwrap_or_default())
    }
}

/// The steps of a `TodoWrite` call that are not done.
fn open_steps(call: &str) -> Vec<Step> {
    let list = call.lines().find_map(|line| line.strip_prefix("todos: "));
    let steps: Vec<Step> = list.and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default();
    steps.into_iter().filter(|step| step.status != "completed").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_left_to_do() {
        let call =
            r#"todos: [{"content":"a","status":"completed"},{"content":"b","status":"in_progress","activeForm":"x"}]"#;
        assert_eq!(open_steps(call), [Step { content: "b".to_owned(), status: "in_progress".to_owned() }]);
        assert!(open_steps("todos: nonsense").is_empty());
    }
}

//! Lists sessions in order of time, with titles redacted.

use std::collections::HashMap;

use crate::domain::{AskedPeriod, MessageId};
use crate::memory::{Error, Memory, Result};
use crate::store::{SessionCursor, SessionFilter, SessionSummary};

impl Memory {
    /// Returns sessions in the order of the filter, after `place`.
    pub fn list_sessions(
        &self,
        filter: &SessionFilter,
        place: Option<SessionCursor>,
        limit: usize,
    ) -> Result<Vec<SessionSummary>> {
        let snapshot = self.store.snapshot()?;
        let mut sessions = snapshot.list_sessions(filter, place, limit)?;
        let labels = if sessions.is_empty() {
            HashMap::new()
        } else {
            crate::memory::write::projects::project_labels(&snapshot)?
        };
        for session in &mut sessions {
            if let Some(label) = labels.get(&session.project_row) {
                session.project.clone_from(label);
            }
            session.title = self.redact_text(std::mem::take(&mut session.title))?;
        }
        Ok(sessions)
    }

    /// Returns the sessions of a period that a question names, newest first, and whether there are more.
    pub fn sessions_in_period(
        &self,
        period: &AskedPeriod,
        projects: Option<Vec<i64>>,
        limit: usize,
    ) -> Result<(Vec<SessionSummary>, bool)> {
        let filter = SessionFilter {
            projects,
            after: Some(period.after),
            before: Some(period.before),
            ..SessionFilter::default()
        };
        let mut sessions = self.list_sessions(&filter, None, limit + 1)?;
        let more = sessions.len() > limit;
        sessions.truncate(limit);
        Ok((sessions, more))
    }

    /// Returns the list cursor of a message's session.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such message.
    pub fn session_cursor(&self, id: MessageId) -> Result<SessionCursor> {
        let found = self.store.snapshot()?.find_message(id)?;
        found.map(|(head, _)| (head.started_at, head.row)).ok_or_else(|| Error::NotFound {
            message: format!("there is no message {id}"),
            hint: Some("use the ids that a search returned".to_owned()),
        })
    }

    /// Returns a session by its id or a prefix of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such session.
    pub fn find_session(&self, wanted: &str) -> Result<SessionSummary> {
        let missing = || Error::NotFound {
            message: format!("there is no session {wanted:?}"),
            hint: Some("use the session_id of a search result, or at least its first four characters".to_owned()),
        };
        let head = self.store.snapshot()?.find_conversation(wanted)?.ok_or_else(missing)?;
        let filter = SessionFilter { subagents: true, ..SessionFilter::default() };
        let near = self.list_sessions(&filter, Some((head.started_at, head.row + 1)), 1)?;
        near.into_iter().find(|session| session.row == head.row).ok_or_else(missing)
    }
}

//! Sessions in order of time. A thin door to the store: titles are cleaned on the way out.

use super::{Error, Memory, Result};
use crate::domain::{MessageId, Timestamp};
use crate::store::{SessionFilter, SessionPlace, SessionSummary};

impl Memory {
    /// Sessions in the order of the filter, those after `place` in it.
    ///
    /// # Errors
    /// When reading fails.
    pub fn sessions(
        &self,
        filter: &SessionFilter,
        place: Option<SessionPlace>,
        limit: usize,
    ) -> Result<Vec<SessionSummary>> {
        let mut sessions = self.store.sessions(filter, place, limit)?;
        for session in &mut sessions {
            session.title = self.clean_text(std::mem::take(&mut session.title))?;
        }
        Ok(sessions)
    }

    /// The session of a message as a place in the list.
    ///
    /// # Errors
    /// When there is no such message.
    pub fn place_of(&self, id: MessageId) -> Result<SessionPlace> {
        let found = self.store.find_message(id)?;
        found.map(|(head, _)| (head.started_at, head.row)).ok_or_else(|| Error::NotFound {
            message: format!("there is no message {id}"),
            hint: Some("use the ids that a search returned".to_owned()),
        })
    }

    /// A session by its id or the beginning of it.
    ///
    /// # Errors
    /// When there is no such session.
    pub fn session_named(&self, wanted: &str) -> Result<SessionSummary> {
        let missing = || Error::NotFound {
            message: format!("there is no session {wanted:?}"),
            hint: Some("use the session_id of a search result, or at least its first six characters".to_owned()),
        };
        let head = self.store.find_conversation(wanted)?.ok_or_else(missing)?;
        let filter = SessionFilter { subagents: true, ..SessionFilter::default() };
        let near = self.sessions(&filter, Some((head.started_at, head.row + 1)), 1)?;
        near.into_iter().find(|session| session.row == head.row).ok_or_else(missing)
    }

    /// The messages of some projects before a moment, at most `limit`, oldest first.
    ///
    /// # Errors
    /// When reading fails.
    pub fn messages_before(&self, projects: &[i64], before: Timestamp, limit: usize) -> Result<Vec<MessageId>> {
        Ok(self.store.messages_before(projects, before, limit)?)
    }
}

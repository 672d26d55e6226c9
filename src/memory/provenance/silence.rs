//! Reasons why the attribution of a line or commit is unknown. An answer says which silence it is and guesses nothing.

use super::linked_commit::LinkedCommit;
use crate::domain::Timestamp;
use crate::domain::names::names;
use crate::memory::{Memory, Result};
use crate::store::{SessionFilter, SessionSummary};

/// Days before a commit in which sessions are looked for.
const WINDOW_MS: i64 = super::rule::WINDOW_MS;
/// Sessions that are looked at.
const MAX_SESSIONS: usize = 20;

/// Reason why an attribution is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SilenceReason {
    /// The commit is older than the first stored message.
    BeforeHistory,
    /// The clone does not have the commit that wrote the line.
    ShallowClone,
    /// The edits of an older store are still being read.
    NotReadYet,
    /// No stored session used the file in the days before the commit.
    NoSession,
    /// The sessions that used the file end before the commit.
    EndsBefore,
    /// One session used the file and did not write these lines.
    OtherLines,
    /// Several sessions used the file and none wrote these lines for certain.
    SeveralSessions,
    /// The change has no line that could tell sessions apart.
    NoText,
}

names!(SilenceReason {
    BeforeHistory: "before_history"; ShallowClone: "shallow_clone"; NotReadYet: "not_read_yet"; NoSession: "no_session";
    EndsBefore: "transcript_ends_before"; OtherLines: "other_lines"; SeveralSessions: "several_sessions"; NoText: "no_text";
});

/// Reason with the sessions that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    pub reason: SilenceReason,
    /// Sessions that used the file, newest first.
    pub sessions: Vec<SessionSummary>,
}

impl Silence {
    pub(super) const fn without_sessions(reason: SilenceReason) -> Self {
        Self { reason, sessions: Vec::new() }
    }
}

impl Memory {
    /// Returns the reason why lines of a file, written by a commit, have no attribution.
    ///
    /// # Errors
    /// Errors of the store.
    pub(super) fn explain_silence(
        &self,
        author_at: Timestamp,
        path: Option<&str>,
        linked: Option<&LinkedCommit>,
    ) -> Result<Silence> {
        let snapshot = self.store.snapshot()?;
        if snapshot.edit_state()?.read_until.is_some() {
            return Ok(Silence::without_sessions(SilenceReason::NotReadYet));
        }
        if self.first_session()?.is_none_or(|first| author_at < first) {
            return Ok(Silence::without_sessions(SilenceReason::BeforeHistory));
        }
        let Some(path) = path else {
            let reason = match linked.map_or(0, |linked| linked.sessions.len()) {
                0 if linked.is_some_and(|linked| linked.telling_lines == 0) => SilenceReason::NoText,
                0 => SilenceReason::NoSession,
                1 => SilenceReason::OtherLines,
                _ => SilenceReason::SeveralSessions,
            };
            let named = linked.into_iter().flat_map(|linked| &linked.sessions).take(3);
            let sessions = named.filter_map(|link| self.find_session(&link.session).ok()).collect();
            return Ok(Silence { reason, sessions });
        };
        let filter = SessionFilter {
            file: Some(path.to_owned()),
            after: Some(author_at.minus_milliseconds(WINDOW_MS)),
            before: Some(author_at),
            ..SessionFilter::default()
        };
        let sessions = self.list_sessions(&filter, None, MAX_SESSIONS)?;
        let reason = match sessions.as_slice() {
            [] => SilenceReason::NoSession,
            all if all.iter().all(|session| session.ended_at < author_at) => SilenceReason::EndsBefore,
            [_] => SilenceReason::OtherLines,
            _ => SilenceReason::SeveralSessions,
        };
        Ok(Silence { reason, sessions: sessions.into_iter().take(3).collect() })
    }
}

//! Work that a person comes back to: the newest sessions with their last request and their unfinished steps, and errors that
//! occurred in several sessions. Quoted from the sessions; nothing is summarised.

use std::collections::{BTreeMap, BTreeSet};

use super::handoff::TodoStep;
use crate::domain::text::signature::{error_signature, reported_error};
use crate::domain::time::DAY_MS;
use crate::domain::{MessageId, PartKind, Timestamp};
use crate::memory::{Memory, Result};
use crate::store::{Excerpt, ExcerptQuery, SessionFilter, SessionSummary};

/// Newest sessions that are searched for errors, and outputs that are read of each.
const ERROR_SESSIONS: usize = 60;
const OUTPUTS_PER_SESSION: usize = 80;
/// Days whose occurrences are counted by week.
pub const ERROR_DAYS: i64 = 84;

/// A session with what is open in it.
#[derive(Debug, Clone)]
pub struct RecentWork {
    pub session: SessionSummary,
    /// Last request of the person.
    pub request: Option<Excerpt>,
    /// Last text of the model.
    pub last: Option<Excerpt>,
    /// Steps of the model's to-do list as last written, finished ones too.
    pub steps: Vec<TodoStep>,
}

/// An error that occurred in several sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatedError {
    /// The line that names it, as it occurred last.
    pub text: String,
    pub times: usize,
    pub sessions: usize,
    /// Occurrences in each of the last weeks, oldest first.
    pub weeks: Vec<usize>,
    pub last: Timestamp,
    /// Message of the last occurrence.
    pub message: MessageId,
    /// Project of the last occurrence.
    pub project: String,
}

impl Memory {
    /// Returns the newest sessions, each with what is open in it.
    pub fn recent_work(&self, limit: usize) -> Result<Vec<RecentWork>> {
        let mut work = Vec::new();
        for session in self.list_sessions(&SessionFilter::default(), None, limit)? {
            work.push(RecentWork {
                request: self.last_request(session.row)?,
                last: self.last_model_texts(session.row, 1)?.pop(),
                steps: self.todo_steps(session.row)?,
                session,
            });
        }
        work.sort_by_key(|work| std::cmp::Reverse(work.session.ended_at));
        Ok(work)
    }

    /// Returns the errors of tools that occurred in more than one of the newest sessions since `after`, most frequent
    /// first, at most `limit`.
    pub fn repeated_errors(
        &self,
        after: Option<Timestamp>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<RepeatedError>> {
        let filter = SessionFilter { after, ..SessionFilter::default() };
        let mut found: BTreeMap<String, (RepeatedError, BTreeSet<i64>)> = BTreeMap::new();
        for session in self.list_sessions(&filter, None, ERROR_SESSIONS)? {
            let wanted = ExcerptQuery {
                kinds: &[PartKind::ToolResult],
                newest_first: true,
                limit: OUTPUTS_PER_SESSION,
                ..ExcerptQuery::default()
            };
            for output in self.redacted_excerpts(session.row, &wanted)? {
                let Some(line) = reported_error(&output.text) else { continue };
                let key = error_signature(line);
                if key.trim().is_empty() {
                    continue;
                }
                let (error, sessions) =
                    found.entry(key).or_insert_with(|| (new_error(line, &output, &session), BTreeSet::new()));
                count_occurrence(error, line, &output, &session, now);
                sessions.insert(session.row);
                error.sessions = sessions.len();
            }
        }
        let mut errors: Vec<RepeatedError> = found.into_values().map(|(error, _)| error).collect();
        errors.retain(|error| error.sessions > 1);
        errors.sort_by_key(|error| std::cmp::Reverse((error.sessions, error.times, error.last)));
        errors.truncate(limit);
        Ok(errors)
    }
}

fn new_error(line: &str, output: &Excerpt, session: &SessionSummary) -> RepeatedError {
    RepeatedError {
        text: line.to_owned(),
        times: 0,
        sessions: 0,
        weeks: vec![0; usize::try_from(ERROR_DAYS / 7).unwrap_or(0)],
        last: output.at,
        message: output.id,
        project: session.project.clone(),
    }
}

fn count_occurrence(error: &mut RepeatedError, line: &str, output: &Excerpt, session: &SessionSummary, now: Timestamp) {
    error.times += 1;
    if output.at > error.last {
        line.clone_into(&mut error.text);
        error.last = output.at;
        error.message = output.id;
        error.project.clone_from(&session.project);
    }
    let weeks_ago = (now.to_milliseconds() - output.at.to_milliseconds()).max(0) / (7 * DAY_MS);
    let place = error.weeks.len().checked_sub(1 + usize::try_from(weeks_ago).unwrap_or(usize::MAX - 1));
    if let Some(count) = place.and_then(|place| error.weeks.get_mut(place)) {
        *count += 1;
    }
}

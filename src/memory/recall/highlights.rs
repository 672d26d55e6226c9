//! What is worth seeing first in a history that was just imported: errors that were met more than once.

use std::collections::{HashMap, HashSet};

use crate::domain::text::signature::{error_signature, find_error_report};
use crate::domain::{PartKind, Timestamp};
use crate::memory::{Memory, Result};
use crate::store::{ExcerptQuery, SessionFilter};

/// Newest sessions whose outputs are read.
const MAX_SESSIONS: usize = 120;
/// Outputs of one session that are read.
const MAX_OUTPUTS: usize = 120;

/// Error that was met more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatedError {
    /// Line that reports it, as it was met last.
    pub line: String,
    /// Number of outputs that report it.
    pub times: usize,
    /// Number of sessions in which it was met.
    pub sessions: usize,
    /// Time of the last one.
    pub last: Timestamp,
}

impl Memory {
    /// Finds errors that tools reported more than once in the newest sessions, those of most sessions first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn find_repeated_errors(&self, limit: usize) -> Result<Vec<RepeatedError>> {
        let sessions = self.list_sessions(&SessionFilter::default(), None, MAX_SESSIONS)?;
        let snapshot = self.snapshot()?;
        let mut met: HashMap<String, (RepeatedError, HashSet<i64>)> = HashMap::new();
        for session in &sessions {
            let wanted = ExcerptQuery {
                kinds: &[PartKind::ToolResult],
                newest_first: true,
                limit: MAX_OUTPUTS,
                ..ExcerptQuery::default()
            };
            for output in snapshot.read_excerpts(session.row, &wanted)? {
                let Some(line) = find_error_report(&output.text) else { continue };
                let (known, rows) = met.entry(error_signature(line)).or_insert_with(|| {
                    let first = RepeatedError { line: line.to_owned(), times: 0, sessions: 0, last: output.at };
                    (first, HashSet::new())
                });
                known.times += 1;
                rows.insert(session.row);
                known.last = known.last.max(output.at);
            }
        }
        let mut repeated: Vec<RepeatedError> = met
            .into_values()
            .map(|(error, rows)| RepeatedError { sessions: rows.len(), ..error })
            .filter(|error| error.times > 1)
            .collect();
        repeated
            .sort_by_key(|error| (std::cmp::Reverse((error.sessions, error.times, error.last)), error.line.clone()));
        repeated.truncate(limit);
        for error in &mut repeated {
            error.line = self.redact_text(std::mem::take(&mut error.line))?;
        }
        Ok(repeated)
    }
}

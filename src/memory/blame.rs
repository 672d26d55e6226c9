//! Why a file is as it is: the edits that were made to it, each with the request it was made for and what was said about it.

use super::{Memory, Result};
use crate::domain::text::prompt;
use crate::domain::{Kind, MessageId, Origin, Timestamp};
use crate::store::{Excerpt, SessionFilter, SessionSummary, Wanted};

/// Tools that change files.
pub(super) const EDITORS: [&str; 6] = ["Edit", "Write", "MultiEdit", "NotebookEdit", "Update", "apply_patch"];
/// Sessions that are looked through.
const MOST_SESSIONS: usize = 40;
/// Edits of one session that are looked at.
const MOST_EDITS: usize = 200;
/// What was said before an edit is looked through so far.
const LOOKED_BACK: usize = 6;

/// What was done to a file for one request.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The session.
    pub session: SessionSummary,
    /// When the first of them was made.
    pub at: Timestamp,
    /// The branch at that moment.
    pub git_branch: Option<String>,
    /// What the person had asked for; for a subagent its task.
    pub request: Option<Excerpt>,
    /// What the model said just before.
    pub explanation: Option<Excerpt>,
    /// The messages that hold the edits.
    pub edits: Vec<MessageId>,
}

/// The history of a file.
#[derive(Debug, Clone, Default)]
pub struct Blame {
    /// Newest first.
    pub edits: Vec<Edit>,
    /// Sessions that named the file and did not change it, newest first.
    pub readers: Vec<SessionSummary>,
}

impl Memory {
    /// The edits of a file, newest first, at most `limit` requests.
    ///
    /// # Errors
    /// When the file's name is blank or reading fails.
    pub fn blame(&self, file: &str, projects: Option<Vec<i64>>, limit: usize) -> Result<Blame> {
        let file = file.trim();
        if file.is_empty() {
            return Err(super::Error::invalid("the file is not named"));
        }
        let filter =
            SessionFilter { projects, file: Some(file.to_owned()), subagents: true, ..SessionFilter::default() };
        let mut blame = Blame::default();
        for session in self.sessions(&filter, None, MOST_SESSIONS)? {
            let edits = self.edits_of(&session, file)?;
            if edits.is_empty() {
                blame.readers.push(session);
            }
            blame.edits.extend(edits);
            if blame.edits.len() >= limit {
                break;
            }
        }
        blame.edits.sort_by_key(|edit| std::cmp::Reverse(edit.at));
        blame.edits.truncate(limit);
        Ok(blame)
    }

    fn edits_of(&self, session: &SessionSummary, file: &str) -> Result<Vec<Edit>> {
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
        let calls = self.store.excerpts(
            session.row,
            &Wanted {
                kinds: &[Kind::ToolUse],
                tools: &EDITORS,
                holding: Some(name),
                newest_first: true,
                limit: MOST_EDITS,
                ..Wanted::default()
            },
        )?;
        let mut found: Vec<Edit> = Vec::new();
        for call in calls.into_iter().filter(|call| changes(&call.text, file)) {
            let request = self.said_before(session.row, Origin::Person, &call)?;
            let known = found.last_mut().filter(|edit| {
                edit.request.as_ref().map(|request| request.id) == request.as_ref().map(|request| request.id)
            });
            let explanation = self.said_before(session.row, Origin::Model, &call)?;
            // Newest first: what was said before the first edit of a request is seen last, and stands.
            if let Some(edit) = known {
                edit.edits.push(call.id);
                edit.at = call.at;
                edit.explanation = explanation.or(edit.explanation.take());
            } else {
                found.push(Edit {
                    session: session.clone(),
                    at: call.at,
                    git_branch: call.git_branch.clone(),
                    request,
                    explanation,
                    edits: vec![call.id],
                });
            }
        }
        Ok(found)
    }

    fn said_before(&self, conversation: i64, origin: Origin, call: &Excerpt) -> Result<Option<Excerpt>> {
        let wanted = Wanted {
            kinds: &[Kind::Text],
            origins: &[origin],
            // The text and the call of one message have one time.
            before: Some(call.at.minus(-1)),
            newest_first: true,
            limit: LOOKED_BACK,
            ..Wanted::default()
        };
        // "yes, do that" is not what was asked for.
        let mut said = self.store.excerpts(conversation, &wanted)?.into_iter();
        let found = said.find(|excerpt| !prompt::is_small_talk(&excerpt.text));
        found.map(|excerpt| self.clean_excerpt(excerpt)).transpose()
    }

    pub(super) fn clean_excerpt(&self, mut excerpt: Excerpt) -> Result<Excerpt> {
        excerpt.text = self.clean_text(excerpt.text)?;
        Ok(excerpt)
    }
}

/// Whether an editing call names this file as the one it changes, and does not merely mention it. Calls are kept as lines
/// `argument: value`.
fn changes(call: &str, file: &str) -> bool {
    const OPENINGS: [&str; 5] =
        ["file_path: ", "notebook_path: ", "*** Update File: ", "*** Add File: ", "*** Delete File: "];
    let named = |line: &str| OPENINGS.iter().find_map(|opening| line.strip_prefix(opening).map(str::to_owned));
    call.lines().filter_map(named).any(|path| {
        let rest = path.trim_end().strip_suffix(file);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(['/', '\\']) || file.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_is_no_edit() {
        assert!(changes("file_path: /work/src/pool.rs\nold_string: a", "src/pool.rs"));
        assert!(changes("replace_all: false\nfile_path: /work/src/pool.rs", "pool.rs"));
        assert!(!changes("file_path: /work/src/carpool.rs", "pool.rs"));
        assert!(!changes("file_path: /work/notes.md\nnew_string: see pool.rs", "pool.rs"));
        assert!(changes("*** Begin Patch\n*** Update File: src/pool.rs\n@@", "src/pool.rs"));
    }
}

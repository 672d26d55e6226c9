//! Change history of a file: its edits, each with the request behind it and the explanation given.

use crate::domain::text::prompt;
use crate::domain::{MessageId, Origin, PartKind, Timestamp};
use crate::memory::{Grade, Memory, Result};
use crate::store::{Excerpt, ExcerptQuery, SessionFilter, SessionSummary};

/// Tools that change files.
pub(in crate::memory) const EDIT_TOOLS: [&str; 6] =
    ["Edit", "Write", "MultiEdit", "NotebookEdit", "Update", "apply_patch"];
/// Maximum number of sessions examined.
const MAX_SESSIONS: usize = 40;
/// Maximum number of edits examined in one session.
const MAX_EDITS: usize = 200;
/// Texts before an edit among which its request and explanation are searched.
const MAX_LOOKBACK: usize = 6;

/// Edits of a file made for one request.
#[derive(Debug, Clone)]
pub struct BlameEdit {
    /// Session that made the edits.
    pub session: SessionSummary,
    /// Time of the first edit.
    pub at: Timestamp,
    /// Git branch at that time.
    pub git_branch: Option<String>,
    /// Request of the person; for a subagent, its task.
    pub request: Option<Excerpt>,
    /// Last text of the model before the edits.
    pub explanation: Option<Excerpt>,
    /// Messages that contain the edits.
    pub edits: Vec<MessageId>,
    /// Certainty that lines of the file now are from these edits; unknown without a repository.
    pub grade: Grade,
    /// Number of those lines.
    pub lines: usize,
}

/// The history of a file.
#[derive(Debug, Clone, Default)]
pub struct Blame {
    /// Edits by request, newest first.
    pub edits: Vec<BlameEdit>,
    /// Sessions that mention the file without editing it, newest first.
    pub readers: Vec<SessionSummary>,
}

impl Memory {
    /// Returns the edits of a file, newest first, for at most `limit` requests.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::memory::Error::Invalid) if the file name is blank.
    pub fn blame_file(&self, file: &str, projects: Option<Vec<i64>>, limit: usize) -> Result<Blame> {
        let file = file.trim();
        if file.is_empty() {
            return Err(crate::memory::Error::invalid_input("the file is not named"));
        }
        let filter =
            SessionFilter { projects, file: Some(file.to_owned()), subagents: true, ..SessionFilter::default() };
        let mut blame = Blame::default();
        for session in self.list_sessions(&filter, None, MAX_SESSIONS)? {
            let edits = self.edits_in_session(&session, file)?;
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

    fn edits_in_session(&self, session: &SessionSummary, file: &str) -> Result<Vec<BlameEdit>> {
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
        let calls = self.store.snapshot()?.read_excerpts(
            session.row,
            &ExcerptQuery {
                kinds: &[PartKind::ToolUse],
                tools: &EDIT_TOOLS,
                holding: Some(name),
                newest_first: true,
                limit: MAX_EDITS,
                ..ExcerptQuery::default()
            },
        )?;
        let mut found: Vec<BlameEdit> = Vec::new();
        for call in calls.into_iter().filter(|call| edits_file(&call.text, file)) {
            let request = self.last_text_before(session.row, Origin::Person, &call)?;
            let known = found.last_mut().filter(|edit| {
                edit.request.as_ref().map(|request| request.id) == request.as_ref().map(|request| request.id)
            });
            let explanation = self.last_text_before(session.row, Origin::Model, &call)?;
            // Edits come newest first, so the explanation before the first edit of a request is seen last and is kept.
            if let Some(edit) = known {
                edit.edits.push(call.id);
                edit.at = call.at;
                edit.explanation = explanation.or(edit.explanation.take());
            } else {
                found.push(BlameEdit {
                    session: session.clone(),
                    at: call.at,
                    git_branch: call.git_branch.clone(),
                    request,
                    explanation,
                    edits: vec![call.id],
                    grade: Grade::Unknown,
                    lines: 0,
                });
            }
        }
        Ok(found)
    }

    fn last_text_before(&self, conversation: i64, origin: Origin, call: &Excerpt) -> Result<Option<Excerpt>> {
        let wanted = ExcerptQuery {
            kinds: &[PartKind::Text],
            origins: &[origin],
            // The text and the tool call of one message have the same time.
            before: Some(call.at.minus_milliseconds(-1)),
            newest_first: true,
            limit: MAX_LOOKBACK,
            ..ExcerptQuery::default()
        };
        // Small talk such as "yes, do that" is not the request.
        let mut said = self.store.snapshot()?.read_excerpts(conversation, &wanted)?.into_iter();
        let found = said.find(|excerpt| !prompt::is_small_talk(&excerpt.text));
        found.map(|excerpt| self.redact_excerpt(excerpt)).transpose()
    }

    pub(in crate::memory) fn redact_excerpt(&self, mut excerpt: Excerpt) -> Result<Excerpt> {
        excerpt.text = self.redact_text(excerpt.text)?;
        Ok(excerpt)
    }
}

/// Returns true if a tool call edits this file rather than merely mentions it. Calls are stored as lines `argument:
/// value`.
fn edits_file(call: &str, file: &str) -> bool {
    const PATH_PREFIXES: [&str; 5] =
        ["file_path: ", "notebook_path: ", "*** Update File: ", "*** Add File: ", "*** Delete File: "];
    let named = |line: &str| PATH_PREFIXES.iter().find_map(|opening| line.strip_prefix(opening).map(str::to_owned));
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
        assert!(edits_file("file_path: /work/src/pool.rs\nold_string: a", "src/pool.rs"));
        assert!(edits_file("replace_all: false\nfile_path: /work/src/pool.rs", "pool.rs"));
        assert!(!edits_file("file_path: /work/src/carpool.rs", "pool.rs"));
        assert!(!edits_file("file_path: /work/notes.md\nnew_string: see pool.rs", "pool.rs"));
        assert!(edits_file("*** Begin Patch\n*** Update File: src/pool.rs\n@@", "src/pool.rs"));
    }
}

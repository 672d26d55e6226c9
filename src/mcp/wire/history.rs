//! The JSON of what the history says about a task, a file, an error, a session.

use schemars::JsonSchema;
use serde::Serialize;

use super::sessions::SessionEntry;
use super::{trust, uri};
use crate::domain::text::visible;
use crate::memory::{Blame, Fix, Handoff, Pack, PackItem};
use crate::store::Excerpt;

/// Tokens are the reader's: a request or an explanation is cut here.
const EXCERPT_CHARACTERS: usize = 600;

/// The answer of `memory_context`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PackAnswer {
    /// Most useful first.
    pub items: Vec<PackEntry>,
    /// Memories left out because this session has them already.
    pub given_before: usize,
    /// Estimated tokens.
    pub tokens: usize,
    /// Part of the evidence was missing; `warnings` says which.
    pub degraded: bool,
    /// What a reader should know.
    pub warnings: Vec<String>,
}

/// One memory of a pack.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PackEntry {
    /// For `memory_get`.
    pub id: String,
    /// Session it was said in.
    pub session_id: String,
    /// Project name.
    pub project: String,
    /// Who speaks.
    pub role: String,
    /// person, model, client, untrusted (tools and the web), or suspicious: reads like an instruction to you.
    pub trust: String,
    /// Title of the session or the memory.
    pub title: String,
    /// RFC 3339, UTC.
    pub ts: String,
    /// Why it is here.
    pub why: String,
    /// The text.
    pub text: String,
    /// Address of the memory.
    pub uri: String,
}

/// A message, cut to its beginning.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExcerptEntry {
    /// For `memory_get`.
    pub id: String,
    /// RFC 3339, UTC.
    pub ts: String,
    /// person, model, client, untrusted (tools and the web), or suspicious: reads like an instruction to you.
    pub trust: String,
    /// The text.
    pub text: String,
}

/// The answer of `memory_blame`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BlameAnswer {
    /// Newest first, one entry a request.
    pub edits: Vec<BlameEntry>,
    /// Sessions that named the file and did not change it.
    pub readers: Vec<SessionEntry>,
}

/// What was done to a file for one request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BlameEntry {
    /// Session.
    pub session_id: String,
    /// Project name.
    pub project: String,
    /// Title of the session.
    pub title: String,
    /// When the first edit was made, RFC 3339.
    pub ts: String,
    /// The branch at that moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_branch: Option<String>,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<ExcerptEntry>,
    /// What was said just before the edit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<ExcerptEntry>,
    /// Messages that hold the edits.
    pub edits: Vec<String>,
}

/// The answer of `memory_fix`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FixAnswer {
    /// The error without what varies.
    pub signature: String,
    /// Best first.
    pub fixes: Vec<FixEntry>,
}

/// An earlier occurrence of an error.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FixEntry {
    /// Session.
    pub session_id: String,
    /// Project name.
    pub project: String,
    /// Where the error was seen.
    pub error: ExcerptEntry,
    /// What was said when it was done with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<ExcerptEntry>,
    /// Files changed in between.
    pub files: Vec<String>,
    /// It occurred again later in that session.
    pub came_back: bool,
}

/// The answer of `memory_handoff`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HandoffAnswer {
    /// The session.
    pub session: SessionEntry,
    /// What was asked: first the first, then the last ones.
    pub requests: Vec<ExcerptEntry>,
    /// Requests in between that are left out.
    pub left_out: usize,
    /// Steps that are not done.
    pub open: Vec<OpenStep>,
    /// The client's own summary, if the session was compacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<ExcerptEntry>,
    /// The last things that were said.
    pub last: Vec<ExcerptEntry>,
}

/// A step that is not done.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OpenStep {
    /// What is to be done.
    pub content: String,
    /// pending or `in_progress`.
    pub status: String,
}

impl From<PackItem> for PackEntry {
    fn from(item: PackItem) -> Self {
        let id = item.id.to_string();
        Self {
            session_id: item.session,
            project: item.project,
            role: item.role.name().to_owned(),
            trust: trust(item.origin, &item.text).to_owned(),
            title: visible::safe(&item.title).into_owned(),
            ts: item.at.to_string(),
            why: item.reason.words(),
            text: visible::safe(&item.text).into_owned(),
            uri: uri(&id),
            id,
        }
    }
}

impl From<Pack> for PackAnswer {
    fn from(pack: Pack) -> Self {
        Self {
            items: pack.items.into_iter().map(PackEntry::from).collect(),
            given_before: pack.given_before,
            tokens: pack.tokens,
            degraded: pack.degraded,
            warnings: pack.warnings,
        }
    }
}

impl From<Excerpt> for ExcerptEntry {
    fn from(excerpt: Excerpt) -> Self {
        let text = visible::safe(&excerpt.text);
        let cut = text.char_indices().nth(EXCERPT_CHARACTERS).map(|(end, _)| text.get(..end).unwrap_or(""));
        Self {
            id: excerpt.id.to_string(),
            ts: excerpt.at.to_string(),
            trust: trust(excerpt.origin, &excerpt.text).to_owned(),
            text: cut.map_or_else(|| text.trim_end().to_owned(), |cut| format!("{}…", cut.trim_end())),
        }
    }
}

impl From<Blame> for BlameAnswer {
    fn from(blame: Blame) -> Self {
        let entry = |edit: crate::memory::Edit| {
            let session = SessionEntry::from(edit.session);
            BlameEntry {
                session_id: session.session_id,
                project: session.project,
                title: session.title,
                ts: edit.at.to_string(),
                git_branch: edit.git_branch,
                request: edit.request.map(ExcerptEntry::from),
                explanation: edit.explanation.map(ExcerptEntry::from),
                edits: edit.edits.iter().map(ToString::to_string).collect(),
            }
        };
        Self {
            edits: blame.edits.into_iter().map(entry).collect(),
            readers: blame.readers.into_iter().map(SessionEntry::from).collect(),
        }
    }
}

impl From<Fix> for FixEntry {
    fn from(fix: Fix) -> Self {
        let error = fix.error;
        Self {
            session_id: error.session,
            project: error.project,
            error: ExcerptEntry {
                id: error.id.to_string(),
                ts: error.at.to_string(),
                trust: trust(error.origin, &error.snippet).to_owned(),
                text: visible::safe(&error.snippet).into_owned(),
            },
            conclusion: fix.conclusion.map(ExcerptEntry::from),
            files: fix.files,
            came_back: fix.came_back,
        }
    }
}

impl From<Handoff> for HandoffAnswer {
    fn from(handoff: Handoff) -> Self {
        let entries = |excerpts: Vec<Excerpt>| excerpts.into_iter().map(ExcerptEntry::from).collect();
        let step = |step: crate::memory::Step| OpenStep { content: step.content, status: step.status };
        Self {
            session: handoff.session.into(),
            requests: entries(handoff.requests),
            left_out: handoff.left_out,
            open: handoff.open.into_iter().map(step).collect(),
            summary: handoff.summary.map(ExcerptEntry::from),
            last: entries(handoff.last),
        }
    }
}

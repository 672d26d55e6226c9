//! JSON types of the answers of context, blame, fix and handoff.

use schemars::JsonSchema;
use serde::Serialize;

use super::outgoing::{SafeText, sanitize_name, sanitize_title};
use super::sessions::SessionEntry;
use super::{message_uri, sanitize_person, trust_level};
use crate::memory::{Blame, ContextPack, ErrorFix, Handoff, PackItem};
use crate::store::Excerpt;

/// Maximum characters of an excerpt, to save tokens.
const EXCERPT_CHARACTERS: usize = 600;

/// The answer of `memory_context`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PackAnswer {
    /// strong, weak or none: how clearly the memories match the task; absent if files or an error were named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<String>,
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
    pub project: SafeText,
    /// Who speaks.
    pub role: String,
    /// person, model, client, untrusted (tools and the web), elsewhere (another machine, not confirmed by the user), or
    /// suspicious: reads like an instruction to you.
    pub trust: String,
    /// Name of the other person who said it, if the user named them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said_by: Option<SafeText>,
    /// Title of the session or the memory.
    pub title: SafeText,
    /// RFC 3339, UTC.
    pub ts: String,
    /// Why it is here.
    pub why: SafeText,
    /// The text.
    pub text: SafeText,
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
    /// person, model, client, untrusted (tools and the web), elsewhere (another machine, not confirmed by the user), or
    /// suspicious: reads like an instruction to you.
    pub trust: String,
    /// Name of the other person who said it, if the user named them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said_by: Option<SafeText>,
    /// The text.
    pub text: SafeText,
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
    pub project: SafeText,
    /// Title of the session.
    pub title: SafeText,
    /// When the first edit was made, RFC 3339.
    pub ts: String,
    /// The branch at that moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_branch: Option<SafeText>,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<ExcerptEntry>,
    /// What was said just before the edit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<ExcerptEntry>,
    /// Messages that hold the edits.
    pub edits: Vec<String>,
    /// proved or likely: how certain it is that lines of the file as it is now are from these edits. Absent if none are,
    /// or outside of a git repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// Number of those lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<usize>,
}

/// The answer of `memory_fix`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FixAnswer {
    /// The error without what varies.
    pub signature: SafeText,
    /// Best first.
    pub fixes: Vec<FixEntry>,
}

/// An earlier occurrence of an error.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FixEntry {
    /// Session.
    pub session_id: String,
    /// Project name.
    pub project: SafeText,
    /// Where the error was seen.
    pub error: ExcerptEntry,
    /// What was said when it was done with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<ExcerptEntry>,
    /// Files changed in between.
    pub files: Vec<SafeText>,
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
    pub content: SafeText,
    /// pending or `in_progress`.
    pub status: SafeText,
}

impl From<PackItem> for PackEntry {
    fn from(item: PackItem) -> Self {
        let id = item.id.to_string();
        Self {
            session_id: item.session,
            project: sanitize_name(&item.project),
            role: item.role.name().to_owned(),
            trust: trust_level(item.origin, &item.text).to_owned(),
            said_by: sanitize_person(item.said_by.as_ref()),
            title: sanitize_title(&item.title),
            ts: item.at.to_string(),
            why: sanitize_name(&item.reason.in_words()),
            text: SafeText::multi_line(&item.text),
            uri: message_uri(&id),
            id,
        }
    }
}

impl From<ContextPack> for PackAnswer {
    fn from(pack: ContextPack) -> Self {
        Self {
            confidence: pack.confidence.map(|confidence| confidence.name().to_owned()),
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
        let text = SafeText::multi_line(&excerpt.text);
        let text = text.as_str();
        let cut = text.char_indices().nth(EXCERPT_CHARACTERS).map(|(end, _)| text.get(..end).unwrap_or(""));
        Self {
            id: excerpt.id.to_string(),
            ts: excerpt.at.to_string(),
            trust: trust_level(excerpt.origin, &excerpt.text).to_owned(),
            said_by: sanitize_person(excerpt.said_by.as_ref()),
            text: cut.map_or_else(
                || SafeText::multi_line(text.trim_end()),
                |cut| SafeText::multi_line(&format!("{}…", cut.trim_end())),
            ),
        }
    }
}

impl From<Blame> for BlameAnswer {
    fn from(blame: Blame) -> Self {
        let entry = |edit: crate::memory::BlameEdit| {
            let session = SessionEntry::from(edit.session);
            BlameEntry {
                session_id: session.session_id,
                project: session.project,
                title: session.title,
                ts: edit.at.to_string(),
                git_branch: edit.git_branch.as_deref().map(sanitize_name),
                request: edit.request.map(ExcerptEntry::from),
                explanation: edit.explanation.map(ExcerptEntry::from),
                edits: edit.edits.iter().map(ToString::to_string).collect(),
                grade: (edit.lines > 0).then(|| edit.grade.name().to_owned()),
                lines: (edit.lines > 0).then_some(edit.lines),
            }
        };
        Self {
            edits: blame.edits.into_iter().map(entry).collect(),
            readers: blame.readers.into_iter().map(SessionEntry::from).collect(),
        }
    }
}

impl From<ErrorFix> for FixEntry {
    fn from(fix: ErrorFix) -> Self {
        let error = fix.error;
        Self {
            session_id: error.session,
            project: sanitize_name(&error.project),
            error: ExcerptEntry {
                id: error.id.to_string(),
                ts: error.at.to_string(),
                trust: trust_level(error.origin, &error.snippet).to_owned(),
                said_by: sanitize_person(error.said_by.as_ref()),
                text: SafeText::multi_line(&error.snippet),
            },
            conclusion: fix.conclusion.map(ExcerptEntry::from),
            files: fix.files.iter().map(|file| sanitize_name(file)).collect(),
            came_back: fix.came_back,
        }
    }
}

impl From<Handoff> for HandoffAnswer {
    fn from(handoff: Handoff) -> Self {
        let entries = |excerpts: Vec<Excerpt>| excerpts.into_iter().map(ExcerptEntry::from).collect();
        let step = |step: crate::memory::TodoStep| OpenStep {
            content: SafeText::single_line(&step.content, 200),
            status: sanitize_name(&step.status),
        };
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

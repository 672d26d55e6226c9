//! JSON types of sessions and projects.

use schemars::JsonSchema;
use serde::Serialize;

use super::outgoing::{SafeText, sanitize_name, sanitize_title};
use crate::domain::Timestamp;
use crate::store::{ProjectSummary, SessionSummary};

/// One session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SessionEntry {
    /// For `memory_get`.
    pub session_id: String,
    /// Project name.
    pub project: SafeText,
    /// Its title.
    pub title: SafeText,
    /// First message, RFC 3339.
    pub started_at: String,
    /// Last message, RFC 3339.
    pub ended_at: String,
    /// The day it began, UTC.
    pub day: String,
    /// Messages, without subagents.
    pub messages: u64,
    /// Subagents that it started.
    pub subagents: u64,
    /// The branch it ended on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_branch: Option<SafeText>,
    /// Some of the files it touched.
    pub files: Vec<SafeText>,
    /// How many there are.
    pub files_total: u64,
}

impl From<SessionSummary> for SessionEntry {
    fn from(session: SessionSummary) -> Self {
        let started_at = session.started_at.to_string();
        Self {
            session_id: session.session,
            project: sanitize_name(&session.project),
            title: sanitize_title(&session.title),
            day: started_at.get(..10).unwrap_or_default().to_owned(),
            started_at,
            ended_at: session.ended_at.to_string(),
            messages: session.messages,
            subagents: session.subagents,
            git_branch: session.git_branch.as_deref().map(sanitize_name),
            files: session.files.iter().map(|file| sanitize_name(file)).collect(),
            files_total: session.files_total,
        }
    }
}

/// The answer of `memory_timeline` and `memory_sessions`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionsAnswer {
    /// In order, newest first.
    pub sessions: Vec<SessionEntry>,
    /// Pass it as `cursor` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One project.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProjectEntry {
    /// Its number here.
    pub id: String,
    /// Its name.
    pub name: SafeText,
    /// Its root folder.
    pub root: SafeText,
    /// URL of `origin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<SafeText>,
    /// Folders in which something was said.
    pub directories: Vec<SafeText>,
    /// Whether it is the one of this session.
    pub current: bool,
    /// Sessions, without subagents.
    pub sessions: u64,
    /// Messages.
    pub messages: u64,
    /// Memories saved on purpose.
    pub saved: u64,
    /// First message, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// Last message, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

impl ProjectEntry {
    /// Converts a summary; `here` holds the row ids of the current project.
    pub fn new(summary: &ProjectSummary, here: &[i64]) -> Self {
        let (first, last): (Option<Timestamp>, Option<Timestamp>) = summary.span.unzip();
        Self {
            current: here.contains(&summary.project.id),
            id: summary.project.id.to_string(),
            name: sanitize_name(&summary.project.name),
            root: sanitize_name(&summary.project.root),
            remote: summary.project.remote.as_deref().map(sanitize_name),
            directories: summary.directories.iter().map(|directory| sanitize_name(directory)).collect(),
            sessions: summary.sessions,
            messages: summary.messages,
            saved: summary.notes,
            first: first.map(|at| at.to_string()),
            last: last.map(|at| at.to_string()),
        }
    }
}

/// The answer of `memory_projects`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProjectsAnswer {
    /// That with the newest message first.
    pub projects: Vec<ProjectEntry>,
    /// How many there are; fewer may be listed.
    pub total: usize,
}

/// The answer of `memory_project_edit`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProjectEditAnswer {
    /// renamed, merged or split.
    pub done: String,
    /// The project as it is now.
    pub id: String,
    /// Its name.
    pub name: SafeText,
    /// Messages that moved.
    pub moved: usize,
}

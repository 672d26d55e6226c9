//! JSON types of sessions and projects.

use schemars::JsonSchema;
use serde::Serialize;

use super::outgoing::{SafeText, sanitize_name, sanitize_title};
use crate::domain::{AskedPeriod, PeriodUse, Timestamp};
use crate::memory::{self, Memory};
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

/// Most sessions of a period in an answer.
const MAX_PERIOD_SESSIONS: usize = 50;

/// Period that a query names in words: yesterday, last Friday, 三月份.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PeriodAnswer {
    /// Words of the question that name the period.
    pub words: String,
    /// Start of its first day: RFC 3339, UTC.
    pub after: String,
    /// End of its last day, exclusive.
    pub before: String,
    /// timeline (nothing else is asked: `sessions` answers), filter (the results are of the period) or unused (nothing
    /// of the period answers the query; the results are of any time).
    pub usage: String,
    /// Sessions of the period, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<SessionEntry>,
    /// There are more sessions; `memory_timeline` with these times lists them.
    pub more: bool,
    #[serde(skip)]
    #[schemars(skip)]
    asked: AskedPeriod,
}

impl From<AskedPeriod> for PeriodAnswer {
    fn from(asked: AskedPeriod) -> Self {
        Self {
            words: asked.words.clone(),
            after: asked.after.to_string(),
            before: asked.before.to_string(),
            usage: asked.usage.name().to_owned(),
            sessions: Vec::new(),
            more: false,
            asked,
        }
    }
}

impl PeriodAnswer {
    /// Adds the sessions of the period, if they are what the query asks for.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) fn add_sessions(&mut self, memory: &Memory, projects: Option<Vec<i64>>) -> memory::Result<()> {
        if self.asked.usage == PeriodUse::Timeline {
            let (sessions, more) = memory.sessions_in_period(&self.asked, projects, MAX_PERIOD_SESSIONS)?;
            self.sessions = sessions.into_iter().map(SessionEntry::from).collect();
            self.more = more;
        }
        Ok(())
    }
}

/// One project.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProjectEntry {
    /// Its number here.
    pub id: String,
    /// Its name.
    pub name: SafeText,
    /// The shortest name that no other project has.
    pub label: SafeText,
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
    /// Number of a project that may be the same under a new folder: the folder of this one is gone, and the other has
    /// its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_to: Option<String>,
}

impl ProjectEntry {
    /// Adds the label, if the project shares its name, and the project that it may have become.
    pub fn with_label(mut self, label: Option<&String>, renamed_to: Option<i64>) -> Self {
        if let Some(label) = label {
            self.label = sanitize_name(label);
        }
        self.renamed_to = renamed_to.map(|row| row.to_string());
        self
    }

    /// Converts a summary; `here` holds the row ids of the current project.
    pub fn new(summary: &ProjectSummary, here: &[i64]) -> Self {
        let (first, last): (Option<Timestamp>, Option<Timestamp>) = summary.span.unzip();
        Self {
            current: here.contains(&summary.project.id),
            id: summary.project.id.to_string(),
            name: sanitize_name(&summary.project.name),
            label: sanitize_name(&summary.project.name),
            renamed_to: None,
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

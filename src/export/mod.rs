//! Exports sessions: as files for people, and as Claude Code transcripts. Owns the layout; reading has already decided
//! what may be shown.

mod html;
mod markdown;
pub mod transcript;

use std::collections::HashSet;

use crate::domain::file_name::path_component;
use crate::domain::text::{byte_prefix, sanitise};
use crate::domain::{PartKind, Role};
use crate::memory::SessionMessages;
use crate::store::{MessageText, PartText};

/// Format of an exported session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    Markdown,
    /// One self-contained HTML file without scripts.
    Html,
}

impl ExportFormat {
    /// Returns the file extension.
    pub const fn file_extension(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
        }
    }

    /// Renders a session.
    pub fn render_session(self, conversation: &SessionMessages) -> String {
        match self {
            Self::Markdown => markdown::render_session(conversation),
            Self::Html => html::render_session(conversation),
        }
    }

    /// Renders the list of exported files: day, project, title, messages.
    pub fn render_index(self, files: &[ExportedFile]) -> String {
        match self {
            Self::Markdown => markdown::render_index(files),
            Self::Html => html::render_index(files),
        }
    }
}

/// Characters of an id that distinguish most sessions of one day and title.
const SHORT_ID: usize = 8;
/// Maximum bytes of a title in a file name: with day, longest id and extension a name has at most 255.
const TITLE_BYTES: usize = 110;

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedFile {
    /// Name of the file.
    pub name: String,
    /// Title of the session.
    pub title: String,
    pub project: String,
    /// Day the session began.
    pub day: String,
    /// Number of messages.
    pub messages: usize,
}

/// File names used in one export.
#[derive(Debug, Default)]
pub struct FileNames {
    /// Names in lower case: some file systems ignore case.
    taken: HashSet<String>,
}

impl FileNames {
    /// Chooses a file name for a session that no other one has.
    pub fn choose_name(&mut self, conversation: &SessionMessages, format: ExportFormat) -> String {
        let short: String =
            conversation.head.session.chars().filter(char::is_ascii_alphanumeric).take(SHORT_ID).collect();
        let name = file_name(conversation, &short, format);
        if self.taken.insert(name.to_lowercase()) {
            return name;
        }
        let name = file_name(conversation, &path_component(&conversation.head.session), format);
        self.taken.insert(name.to_lowercase());
        name
    }
}

/// Builds a file name from the session's day, words of its title, and its id.
fn file_name(conversation: &SessionMessages, id: &str, format: ExportFormat) -> String {
    let head = &conversation.head;
    let words: String = sanitise::sanitise_text(&head.title)
        .chars()
        .map(|letter| if letter.is_alphanumeric() { letter } else { ' ' })
        .take(60)
        .collect();
    let words = words.split_whitespace().take(8).collect::<Vec<_>>().join("-");
    let day = head.started_at.to_string();
    let parts = [day.get(..10).unwrap_or(""), byte_prefix(&words, TITLE_BYTES).trim_end_matches('-'), id];
    let name: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{}.{}", name.join("-"), format.file_extension())
}

/// Returns the heading of a message.
fn speaker_heading(message: &MessageText) -> &'static str {
    match message.role {
        Role::User => "User",
        Role::Assistant => "Assistant",
        Role::Tool => "Tool",
        Role::System => "System",
    }
}

/// Returns the heading of a part; `None` for ordinary text.
fn part_heading(part: &PartText) -> Option<String> {
    let tool = part.tool.as_deref().unwrap_or("tool");
    match part.kind {
        PartKind::Text | PartKind::Note => None,
        PartKind::Summary => Some("Summary".to_owned()),
        PartKind::Thinking => Some("Reasoning".to_owned()),
        PartKind::ToolUse => Some(tool.to_owned()),
        PartKind::ToolResult => Some(format!("{tool}: output")),
        PartKind::Meta => Some("From the client".to_owned()),
        PartKind::Earlier => Some("Earlier version".to_owned()),
    }
}

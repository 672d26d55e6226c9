//! Conversations as files for people, and as Claude Code wrote them. Owns how they look; what may be shown was decided when they were read.

mod html;
mod markdown;
pub mod transcript;

use std::collections::HashSet;

use crate::domain::file_name::path_component;
use crate::domain::text::{prefix, visible};
use crate::domain::{Kind, Role};
use crate::memory::Conversation;
use crate::store::{MessageText, PartText};

/// How a conversation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Markdown.
    Markdown,
    /// One HTML file that needs nothing else, and no script.
    Html,
}

impl Format {
    /// The ending of its files.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
        }
    }

    /// A conversation.
    pub fn conversation(self, conversation: &Conversation) -> String {
        match self {
            Self::Markdown => markdown::conversation(conversation),
            Self::Html => html::conversation(conversation),
        }
    }

    /// A list of files: name, title, project, day, messages.
    pub fn index(self, files: &[Entry]) -> String {
        match self {
            Self::Markdown => markdown::index(files),
            Self::Html => html::index(files),
        }
    }
}

/// Letters of an id that tell most conversations of one day and title apart.
const SHORT_ID: usize = 8;
/// Bytes of a title in a name: with the day, the longest id and the ending a name has at most 255.
const TITLE_BYTES: usize = 110;

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The title of the conversation.
    pub title: String,
    /// Its project.
    pub project: String,
    /// The day it began.
    pub day: String,
    /// How many messages it has.
    pub messages: usize,
}

/// The names that the files of one export have.
#[derive(Debug, Default)]
pub struct FileNames {
    /// In lower case: some file systems tell no difference.
    taken: HashSet<String>,
}

impl FileNames {
    /// Chooses a name for the file of a conversation that no other one has.
    pub fn choose(&mut self, conversation: &Conversation, format: Format) -> String {
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

/// The name of the file of a conversation: its day, words of its title, and its id.
fn file_name(conversation: &Conversation, id: &str, format: Format) -> String {
    let head = &conversation.head;
    let words: String = visible::safe(&head.title)
        .chars()
        .map(|letter| if letter.is_alphanumeric() { letter } else { ' ' })
        .take(60)
        .collect();
    let words = words.split_whitespace().take(8).collect::<Vec<_>>().join("-");
    let day = head.started_at.to_string();
    let parts = [day.get(..10).unwrap_or(""), prefix(&words, TITLE_BYTES).trim_end_matches('-'), id];
    let name: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{}.{}", name.join("-"), format.ending())
}

/// What stands above a message.
fn speaker(message: &MessageText) -> &'static str {
    match message.role {
        Role::User => "User",
        Role::Assistant => "Assistant",
        Role::Tool => "Tool",
        Role::System => "System",
    }
}

/// What stands above a part that is not said; `None` for one that is.
fn heading(part: &PartText) -> Option<String> {
    let tool = part.tool.as_deref().unwrap_or("tool");
    match part.kind {
        Kind::Text | Kind::Note => None,
        Kind::Summary => Some("Summary".to_owned()),
        Kind::Thinking => Some("Reasoning".to_owned()),
        Kind::ToolUse => Some(tool.to_owned()),
        Kind::ToolResult => Some(format!("{tool}: output")),
        Kind::Meta => Some("From the client".to_owned()),
        Kind::Earlier => Some("Earlier version".to_owned()),
    }
}

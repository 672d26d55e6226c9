//! Input of the engine, from an importer or a save: one message with its parts, not stored yet.
//! Does not own parsing (module `import`) or rows (module `store`).

use super::Timestamp;
use super::names::names;
use super::text::redact::RedactionCounts;

/// Author of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    User,
    Assistant,
    /// Output of a tool that the model called.
    Tool,
    /// The client program itself.
    System,
}

/// Content type of a message part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PartKind {
    /// Prose typed by the person or written by the model.
    Text,
    /// The model's reasoning.
    Thinking,
    /// A call of a tool: its name and arguments.
    ToolUse,
    /// Output that a tool returned.
    ToolResult,
    /// A summary that the client wrote when it compacted the session.
    Summary,
    /// Text that the client inserted in the user's name: command output, caveats, reminders.
    Meta,
    /// A memory saved on purpose.
    Note,
    /// An earlier version of another part of the message: kept, neither shown nor searched.
    Earlier,
}

/// Provenance of a text; decides how far it may be trusted when it is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Typed by the person.
    Person,
    /// Written by the model.
    Model,
    /// Came out of a tool: a file, a command, a server.
    Tool,
    /// Came from a web page or a search.
    Web,
    /// Written by the client program.
    Client,
    /// Came from another machine that the person here has not confirmed as their own.
    Elsewhere,
}

names!(Role { User = 1, "user"; Assistant = 2, "assistant"; Tool = 3, "tool"; System = 4, "system"; });
names!(PartKind {
    Text = 1, "text"; Thinking = 2, "thinking"; ToolUse = 3, "tool_use"; ToolResult = 4, "tool_result";
    Summary = 5, "summary"; Meta = 6, "meta"; Note = 7, "note"; Earlier = 8, "earlier";
});
names!(Origin {
    Person = 1, "person"; Model = 2, "model"; Tool = 3, "tool"; Web = 4, "web"; Client = 5, "client";
    Elsewhere = 6, "elsewhere";
});

impl Origin {
    /// Returns the provenance of a tool's output, judged by the name of the tool.
    ///
    /// A tool that reads the web says so in its name (`WebFetch`, `web_search`, `mcp__playwright__browser_snapshot`). A
    /// search through files does not count.
    pub fn from_tool_name(name: Option<&str>) -> Self {
        let name = name.unwrap_or_default().to_lowercase();
        let is_web = ["web", "fetch", "brows"].iter().any(|word| name.contains(word));
        if is_web { Self::Web } else { Self::Tool }
    }
}

impl PartKind {
    /// Kinds that a search can be limited to.
    pub const OFFERED: [Self; 7] =
        [Self::Text, Self::Thinking, Self::ToolUse, Self::ToolResult, Self::Summary, Self::Meta, Self::Note];

    /// Returns true for kinds that get an embedding.
    ///
    /// Tool traffic is most of the bytes of real history and little of its meaning, so only keyword search finds it
    /// (docs/decisions/0006).
    pub const fn is_embedded(self) -> bool {
        matches!(self, Self::Text | Self::Summary | Self::Note)
    }

    /// Returns true for kinds that a reader gets without asking for tool traffic and reasoning.
    pub const fn is_visible_by_default(self) -> bool {
        matches!(self, Self::Text | Self::Summary | Self::Note)
    }

    /// Returns true for kinds that the messages before and after belong to. Each note stands alone.
    pub const fn is_prose(self) -> bool {
        matches!(self, Self::Text | Self::Summary)
    }
}

/// One part of a message: a block of a transcript record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftPart {
    /// Identifies the part inside its message, the same at every import.
    pub external_key: String,
    pub kind: PartKind,
    /// Provenance of the text.
    pub origin: Origin,
    /// The verbatim text.
    pub text: String,
    /// Name of the tool, for tool calls and results.
    pub tool: Option<String>,
}

/// One message, or some parts of one: parts of the same message may arrive in several drafts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Identifies the message inside its session: the API message id, or the record's uuid.
    pub external_id: String,
    /// The message before it in the conversation tree.
    pub parent_external_id: Option<String>,
    /// Identifies the session inside the source.
    pub session: String,
    /// The session that started this one (subagents).
    pub parent_session: Option<String>,
    /// The session whose history this one continues (forks).
    pub forked_from: Option<String>,
    pub role: Role,
    pub at: Timestamp,
    /// True if the record has no timestamp; `at` is then that of a neighbour or of the file.
    pub at_estimated: bool,
    /// Working directory of the session at that moment.
    pub cwd: Option<String>,
    /// Git branch at that moment.
    pub git_branch: Option<String>,
    /// Name of the model that wrote it.
    pub model: Option<String>,
    /// True for a message of a side conversation (a subagent inside the main transcript).
    pub sidechain: bool,
    /// Paths of files that its tool calls name.
    pub files: Vec<String>,
    /// Line of the source file, from 1.
    pub line: u64,
    /// The parts, in order.
    pub parts: Vec<DraftPart>,
    /// Number of secrets redacted in the parts, by rule.
    pub redacted: RedactionCounts,
    /// Metadata of a note; its text is in the parts.
    pub note: Option<Box<DraftNote>>,
    /// Tokens used by this message.
    pub usage: Option<Usage>,
    /// Keys of tool calls of the session that this message reports as failed.
    pub failed_calls: Vec<String>,
}

/// Token counts of one model answer, as the client recorded them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input tokens that were not cached.
    pub input: u64,
    /// Tokens written by the model.
    pub output: u64,
    /// Input tokens read from the cache.
    pub cache_read: u64,
    /// Input tokens written to the cache.
    pub cache_write: u64,
}

impl Draft {
    /// Creates a message without parts.
    pub fn new(session: &str, external_id: &str, role: Role, at: Timestamp) -> Self {
        Self {
            external_id: external_id.to_owned(),
            parent_external_id: None,
            session: session.to_owned(),
            parent_session: None,
            forked_from: None,
            role,
            at,
            at_estimated: false,
            cwd: None,
            git_branch: None,
            model: None,
            sidechain: false,
            files: Vec::new(),
            line: 0,
            parts: Vec::new(),
            redacted: RedactionCounts::new(),
            note: None,
            usage: None,
            failed_calls: Vec::new(),
        }
    }
}

/// A memory saved on purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftNote {
    /// The text to remember. Must not be blank.
    pub text: String,
    /// Category: decision, fact, preference, instruction, todo. Default `note`.
    pub kind: Option<String>,
    pub title: Option<String>,
    /// Key of the topic: saving again under the same key replaces the earlier text.
    pub topic_key: Option<String>,
    pub tags: Vec<String>,
    /// Files that the note is about.
    pub files: Vec<String>,
    /// Working directory whose project it belongs to.
    pub cwd: Option<String>,
    /// Earlier memories that it replaces.
    pub supersedes: Vec<super::MessageId>,
    /// True to pin the note: it is injected when a session of its project starts.
    pub pin: bool,
    /// Time after which the note is no longer returned.
    pub expires_at: Option<Timestamp>,
    /// True if a model saved it, not a person: it is trusted as far as a model is.
    pub by_model: bool,
    /// Origin of the tool output that a model copied it from, if it did.
    pub copied_from: Option<Origin>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_of_the_web_are_known_by_their_names() {
        for web in ["WebFetch", "web_search", "google_web_search", "mcp__playwright__browser_snapshot", "fetch"] {
            assert_eq!(Origin::from_tool_name(Some(web)), Origin::Web, "{web}");
        }
        for local in ["Bash", "search_file_content", "Grep", "mcp__jira__search"] {
            assert_eq!(Origin::from_tool_name(Some(local)), Origin::Tool, "{local}");
        }
        assert_eq!(Origin::from_tool_name(None), Origin::Tool);
    }
}

//! What an importer or a save hands to the engine: one message with its parts, not stored yet.
//! Does not own parsing (room `import`) or rows (room `store`).

use super::Timestamp;
use super::text::redact::Counts;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
    /// Output of a tool that the model called.
    Tool,
    /// The client program itself.
    System,
}

/// What a part of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Prose typed by the person or written by the model.
    Text,
    /// The model's reasoning.
    Thinking,
    /// A call of a tool: its name and arguments.
    ToolUse,
    /// What a tool returned.
    ToolResult,
    /// A summary that the client wrote when it compacted the conversation.
    Summary,
    /// Text that the client put into the user's mouth: command output, caveats, reminders.
    Meta,
    /// Something saved on purpose.
    Note,
    /// An earlier version of another part of the message: kept, not shown, found by exact search only.
    Earlier,
}

/// Who vouches for a text; decides how far it may be trusted when it is handed back.
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
}

macro_rules! names {
    ($type:ident { $($variant:ident = $number:literal, $name:literal;)+ }) => {
        impl $type {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The number stored in the database; never reused.
            pub const fn number(self) -> i64 { match self { $(Self::$variant => $number),+ } }
            /// From the stored number.
            pub const fn from_number(number: i64) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }
            /// The name used in JSON and on the command line.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name),+ } }
            /// From its name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

names!(Role { User = 1, "user"; Assistant = 2, "assistant"; Tool = 3, "tool"; System = 4, "system"; });
names!(Kind {
    Text = 1, "text"; Thinking = 2, "thinking"; ToolUse = 3, "tool_use"; ToolResult = 4, "tool_result";
    Summary = 5, "summary"; Meta = 6, "meta"; Note = 7, "note"; Earlier = 8, "earlier";
});
names!(Origin { Person = 1, "person"; Model = 2, "model"; Tool = 3, "tool"; Web = 4, "web"; Client = 5, "client"; });

impl Origin {
    /// Who vouches for what a tool returned: a tool that reaches into the web says so in its name (`WebFetch`, `web_search`,
    /// `mcp__playwright__browser_snapshot`). A search through files is none.
    pub fn of_tool(name: Option<&str>) -> Self {
        let name = name.unwrap_or_default().to_lowercase();
        let is_web = ["web", "fetch", "brows"].iter().any(|word| name.contains(word));
        if is_web { Self::Web } else { Self::Tool }
    }
}

impl Kind {
    /// Whether parts of this kind get a vector. Tool traffic is most of the bytes of real history and little of
    /// its meaning, so it is found by word only (docs/decisions/0006).
    pub const fn is_embedded(self) -> bool {
        matches!(self, Self::Text | Self::Summary | Self::Note)
    }

    /// Whether it is read without asking for what tools did and what was thought.
    pub const fn is_said(self) -> bool {
        matches!(self, Self::Text | Self::Summary | Self::Note)
    }

    /// Whether what was said before and after belongs to a text of this kind. Each note stands alone.
    pub const fn is_prose(self) -> bool {
        matches!(self, Self::Text | Self::Summary)
    }
}

/// One part of a message: a block of a transcript record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftPart {
    /// Identifies the part inside its message, the same at every import.
    pub external_key: String,
    /// What it is.
    pub kind: Kind,
    /// Who vouches for it.
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
    /// Who speaks.
    pub role: Role,
    /// When.
    pub at: Timestamp,
    /// Whether the record has no time of its own and `at` is that of a neighbour or of the file.
    pub at_estimated: bool,
    /// Working directory of the session at that moment.
    pub cwd: Option<String>,
    /// Git branch at that moment.
    pub git_branch: Option<String>,
    /// Model that wrote it.
    pub model: Option<String>,
    /// Part of a side conversation (a subagent inside the main transcript).
    pub sidechain: bool,
    /// Files that its tool calls name.
    pub files: Vec<String>,
    /// Line of the source file, from 1.
    pub line: u64,
    /// The parts, in order.
    pub parts: Vec<DraftPart>,
    /// Secrets that were taken out of them, by rule.
    pub redacted: Counts,
    /// What it says about itself where it was saved on purpose; the text is in the parts.
    pub note: Option<Box<Note>>,
    /// Tokens that it cost.
    pub usage: Option<Usage>,
}

/// Tokens of one answer of a model, as the client wrote them down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Read by the model and not cached.
    pub input: u64,
    /// Written by the model.
    pub output: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written to the cache.
    pub cache_write: u64,
}

impl Draft {
    /// A message of a session that says nothing yet.
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
            redacted: Counts::new(),
            note: None,
            usage: None,
        }
    }
}

/// A memory saved on purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// The text to remember. Must not be blank.
    pub text: String,
    /// A word for what it is: decision, fact, preference, instruction, todo. Default `note`.
    pub kind: Option<String>,
    /// A heading.
    pub title: Option<String>,
    /// Saving again under the same key replaces the earlier text.
    pub topic_key: Option<String>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Files it speaks of.
    pub files: Vec<String>,
    /// Working directory whose project it belongs to.
    pub cwd: Option<String>,
    /// Earlier memories that it replaces.
    pub supersedes: Vec<super::MessageId>,
    /// Keep at hand.
    pub pin: bool,
    /// Not returned after this moment.
    pub expires_at: Option<Timestamp>,
    /// A model saved it, not a person: it is trusted as far as a model is.
    pub by_model: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_of_the_web_are_known_by_their_names() {
        for web in ["WebFetch", "web_search", "google_web_search", "mcp__playwright__browser_snapshot", "fetch"] {
            assert_eq!(Origin::of_tool(Some(web)), Origin::Web, "{web}");
        }
        for local in ["Bash", "search_file_content", "Grep", "mcp__jira__search"] {
            assert_eq!(Origin::of_tool(Some(local)), Origin::Tool, "{local}");
        }
        assert_eq!(Origin::of_tool(None), Origin::Tool);
    }
}

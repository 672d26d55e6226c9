//! The document tree of a part: blocks of prose, code, edits, lists of tasks, commands and their output. Owns the types
//! and their JSON form, which the page draws. Knows no syntax and no medium.

use serde::Serialize;

/// A block of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    Paragraph {
        spans: Vec<Span>,
    },
    Heading {
        /// 1 to 6.
        level: u8,
        spans: Vec<Span>,
    },
    List {
        /// First number; absent for a list of bullets.
        #[serde(skip_serializing_if = "Option::is_none")]
        start: Option<u64>,
        items: Vec<ListItem>,
    },
    Table {
        columns: Vec<Alignment>,
        head: Vec<Vec<Span>>,
        rows: Vec<Vec<Vec<Span>>>,
    },
    Quote {
        blocks: Vec<Block>,
    },
    Rule,
    Code {
        /// As the author named it; may be empty.
        language: String,
        lines: Vec<CodeLine>,
    },
    Edit(EditBlock),
    Tasks {
        items: Vec<TaskItem>,
    },
    /// A command that was run.
    Command {
        lines: Vec<CodeLine>,
        #[serde(skip_serializing_if = "String::is_empty")]
        purpose: String,
    },
    /// A step that only looks: reading a file, searching, fetching.
    Lookup {
        kind: LookupKind,
        subject: String,
    },
    /// Any other call of a tool, with its arguments as they were recorded.
    Call {
        subject: String,
        text: String,
    },
    Output(ToolOutput),
    /// An image that was not kept.
    Image {
        label: String,
    },
    /// Text that is shown as it stands.
    Plain {
        text: String,
    },
}

/// An item of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListItem {
    /// Present for an item with a check box.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<bool>,
    pub blocks: Vec<Block>,
}

/// A run of characters with one look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "looks are independent of each other")]
pub struct Span {
    pub text: String,
    #[serde(skip_serializing_if = "is_false")]
    pub strong: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub emphasis: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub struck: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub code: bool,
    /// An address with `http` or `https`; nothing else becomes a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// True for words that were searched for.
    #[serde(skip_serializing_if = "is_false")]
    pub mark: bool,
}

impl Span {
    /// Creates a span of plain text.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// Alignment of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alignment {
    Left,
    Center,
    Right,
}

/// Class of a token of source code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TokenClass {
    #[serde(rename = "")]
    Plain,
    #[serde(rename = "key")]
    Keyword,
    #[serde(rename = "str")]
    Literal,
    #[serde(rename = "num")]
    Number,
    #[serde(rename = "com")]
    Comment,
    #[serde(rename = "fn")]
    Function,
    #[serde(rename = "type")]
    TypeName,
}

/// A token of source code: class and text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeToken(pub TokenClass, pub String);

/// The tokens of one line.
pub type CodeLine = Vec<CodeToken>;

/// The change of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EditBlock {
    pub path: String,
    pub change: EditOperation,
    /// Lines added and removed.
    pub added: usize,
    pub removed: usize,
    pub lines: Vec<DiffLine>,
    /// Lines left out after the last one, because the edit is very long.
    #[serde(skip_serializing_if = "is_zero")]
    pub hidden: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
const fn is_zero(value: &usize) -> bool {
    *value == 0
}

/// Kind of change of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EditOperation {
    Changed,
    Written,
    Deleted,
}

/// One line of a diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiffLine {
    pub sign: DiffSign,
    /// Numbers in the old and the new file, where the record has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<usize>,
    pub tokens: CodeLine,
}

/// Sign of a line in a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum DiffSign {
    #[serde(rename = " ")]
    Same,
    #[serde(rename = "+")]
    Added,
    #[serde(rename = "-")]
    Removed,
    /// A cut between two places of the file.
    #[serde(rename = "@")]
    Gap,
}

/// An item of a list of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskItem {
    pub state: TaskState,
    pub text: String,
}

/// State of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    Open,
    Doing,
    Done,
}

/// Output of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolOutput {
    /// Present if the output names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Number of lines in all.
    pub lines: usize,
    pub text: String,
    /// Lines left out at the end.
    #[serde(skip_serializing_if = "is_zero")]
    pub hidden: usize,
}

/// Kind of a step that only looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LookupKind {
    Read,
    Search,
    List,
    Fetch,
}

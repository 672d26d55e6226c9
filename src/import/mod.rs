//! Reads histories of other programs as [`Draft`]s, one file per source. Does not own storage.

mod archive;
mod chatgpt;
mod chatgpt_content;
mod chatgpt_tree;
mod claude_ai;
mod claude_ai_projects;
pub mod claude_code;
mod claude_files;
mod claude_history;
mod codex;
mod content;
mod dating;
mod detect;
mod discover;
mod draft_builder;
mod elements;
mod encoding;
mod export;
mod gemini;
mod generic;
mod generic_message;
mod jsonl;
mod lines;
mod peers;
mod project_folder;
mod record_source;
mod source;

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use crate::domain::{Draft, Timestamp};

pub use detect::{detect, suggest};
pub use discover::Transcript;
pub use lines::Position;
pub use project_folder::directory_of_slug;
pub use source::Source;

/// A record that could not be read, or not as a whole; the rest of its file is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

impl BadLine {
    /// A record over the bound.
    fn too_long(path: &Path, line: u64, bytes: u64) -> Self {
        let why = format!(
            "record of {} MiB is over the limit and was passed over; to import it, run again with --rescan and a larger --max-line-mib",
            bytes >> 20
        );
        Self { path: path.to_owned(), line, why }
    }
}

impl std::fmt::Display for BadLine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 {
            write!(formatter, "{}: {}", self.path.display(), self.why)
        } else {
            write!(formatter, "{}:{}: {}", self.path.display(), self.line, self.why)
        }
    }
}

/// What a record of a source holds. Each record gives exactly one item that is counted in the [`Ledger`]; titles and
/// warnings come beside it.
///
/// [`Ledger`]: crate::domain::Ledger
#[derive(Debug)]
pub enum Item {
    /// A message, or part of one.
    Draft(Box<Draft>),
    /// A record of a known type that holds no conversation: its type.
    Bookkeeping(Cow<'static, str>),
    /// A record of a type that is not known: its type, and its words if it has any.
    NotUnderstood(String, Option<Box<Draft>>),
    /// Our own output, which is never imported.
    Own,
    /// A record that cannot be read: nothing of it was kept.
    Bad(BadLine),
    /// Something a person should know about a record that is counted as another item, or about the file. Not counted.
    Warning(BadLine),
    /// The title of a session. Not counted.
    Title(Title),
}

/// A title of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    /// The session it names.
    pub session: SessionRef,
    /// The title.
    pub title: String,
    /// Who chose it; a title of a higher rank is not replaced by one of a lower rank.
    pub rank: TitleRank,
}

/// How a title names its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionRef {
    /// By its id.
    Id(String),
    /// By the key of one of its parts, which may stand in another file.
    PartKey(String),
}

/// Who chose a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TitleRank {
    /// A model or the client, from what was said.
    Generated,
    /// A person.
    Chosen,
}

impl Item {
    /// The title of a session that the client made.
    pub fn title(session: &str, title: &str) -> Self {
        let session = SessionRef::Id(session.to_owned());
        Self::Title(Title { session, title: title.to_owned(), rank: TitleRank::Generated })
    }
}

/// How files are read.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// Longest record in bytes; longer ones are reported and passed over.
    pub longest: usize,
    /// The time of the import. What a running session has not finished is left for the next time.
    pub now: Timestamp,
}

/// Where reading a file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Everything before it was read.
    pub position: Position,
    /// Whether nothing was left for the next time.
    pub complete: bool,
}

impl End {
    /// The end of a file that was read as a whole.
    pub const fn complete(position: Position) -> Self {
        Self { position, complete: true }
    }
}

/// A file that is being read.
pub trait Records: Send {
    /// Tells each item with the position after it, until it is told to stop or nothing more comes. A position that is told
    /// several times says that items before it will be told again when reading goes on there.
    ///
    /// # Errors
    /// When reading fails.
    fn each(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<End>;
}

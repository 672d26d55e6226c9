//! Foreign transcripts → [`Draft`]s. A codec: one file per source. Knows nothing of storage.

mod chatgpt;
mod claude_ai;
pub mod claude_code;
mod claude_code_record;
mod codex;
mod discover;
mod elements;
mod export;
mod gemini;
mod jsonl;
mod lines;
mod peers;
mod source;
mod turn;

use std::io;
use std::path::PathBuf;

use crate::domain::Draft;

pub use discover::Transcript;
pub use lines::Position;
pub use source::Source;

/// One line that could not be read; the rest of its file goes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
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

/// What one line of a source holds.
#[derive(Debug)]
pub enum Item {
    /// A message, or part of one.
    Draft(Box<Draft>),
    /// The name that the client gave to a session.
    Title {
        /// The session.
        session: String,
        /// Its name.
        title: String,
    },
    /// A record that holds no conversation: bookkeeping of the client.
    Skipped,
    /// Our own output, which is never taken in again.
    Own,
    /// A line that cannot be read.
    Bad(BadLine),
}

/// A file that is being read.
pub trait Records: Send {
    /// Tells each item with the position after it, until it is told to stop or nothing more comes; returns where it ended.
    ///
    /// # Errors
    /// When reading fails.
    fn each(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<Position>;
}

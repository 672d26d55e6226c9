//! Files of lines of JSON. Owns reading the lines; what a record holds belongs to the client that wrote it.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::lines::{Line, Lines};
use super::{BadLine, End, Item, Position, ReadOptions, Records, Transcript};
use crate::domain::json::{self, Found};

/// Makes items of the records of one file.
pub(super) trait Client: Send {
    /// What a record holds, or why it cannot be read. `line` counts from 1.
    fn record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String>;

    /// Whether an object is a record of this client rather than a part of one: where reading goes on behind a damaged one.
    fn is_record(value: &Value) -> bool {
        value.get("type").is_some() && value.get("timestamp").is_some()
    }

    /// What is left when all records were read.
    fn end(&mut self) -> Vec<Item> {
        Vec::new()
    }
}

/// A file of lines that is being read. Always from its start: what a record means may stand in an earlier one.
pub(super) struct Lined<C> {
    lines: Lines,
    path: PathBuf,
    client: C,
    /// Whether nobody is writing the file any more.
    settled: bool,
}

impl<C: Client> Lined<C> {
    pub(super) fn open(transcript: &Transcript, options: ReadOptions, client: C) -> io::Result<Self> {
        let lines = Lines::open(&transcript.path, Position::default(), options.longest)?;
        Ok(Self::over(lines, &transcript.path, client, transcript.is_settled(options.now)))
    }

    /// Lines that are not read from the file as it stands.
    pub(super) fn over(lines: Lines, path: &Path, client: C, settled: bool) -> Self {
        Self { lines, path: path.to_owned(), client, settled }
    }

    /// Items of the line in the buffer.
    fn items(&mut self, line: u64) -> Vec<Item> {
        let mut items = Vec::new();
        for found in json::read_records(&self.lines.buffer, C::is_record) {
            let (value, warning) = match found {
                Found::Whole(value) | Found::Repaired(value) => (Some(value), None),
                Found::Partial(value) => (Some(value), Some("cut off; what is left of it is kept".to_owned())),
                Found::Unreadable(error) => (None, Some(format!("not a JSON record, skipped: {error}"))),
            };
            let bad = |why| BadLine { path: self.path.clone(), line, why };
            let read = value.map(|value| self.client.record(value, line));
            match (read, warning) {
                (Some(Ok(read)), warning) => {
                    items.extend(warning.map(|why| Item::Warning(bad(why))));
                    items.extend(read);
                }
                (Some(Err(why)), _) | (None, Some(why)) => items.push(Item::Bad(bad(why))),
                (None, None) => {}
            }
        }
        items
    }

    /// Items of a last line without a line end. Its writer may still be at it.
    fn unfinished(&mut self, line: u64) -> Vec<Item> {
        let found = json::read_records(&self.lines.buffer, C::is_record);
        let whole = found.iter().all(|found| matches!(found, Found::Whole(_) | Found::Repaired(_)));
        if whole || self.settled {
            let items = self.items(line);
            self.lines.accept_unfinished();
            return items;
        }
        let why = "last line is unfinished; it will be read when its writer has finished it".to_owned();
        vec![Item::Warning(BadLine { path: self.path.clone(), line, why })]
    }
}

impl<C: Client> Records for Lined<C> {
    fn each(mut self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<End> {
        let mut complete = true;
        loop {
            let step = self.lines.next()?;
            let line = self.lines.position.line + u64::from(step == Line::Unfinished);
            let items = match step {
                Line::End => break,
                Line::TooLong(bytes) => vec![Item::Bad(BadLine::too_long(&self.path, line, bytes))],
                Line::Complete => self.items(line),
                Line::Unfinished => {
                    let before = self.lines.position;
                    let items = self.unfinished(line);
                    complete = self.lines.position != before;
                    items
                }
            };
            for item in items {
                if !tell(item, self.lines.position) {
                    return Ok(End { position: self.lines.position, complete: false });
                }
            }
            if step == Line::Unfinished {
                break;
            }
        }
        for item in self.client.end() {
            if !tell(item, self.lines.position) {
                break;
            }
        }
        Ok(End { position: self.lines.position, complete })
    }
}

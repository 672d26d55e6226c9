//! Reads JSON lines files. Owns reading the lines; the client that wrote a record interprets it.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::lines::{LineOutcome, LineReader};
use super::{BadRecord, Item, Position, ReadEnd, ReadOptions, RecordStream, TranscriptFile};
use crate::domain::json::{self, RecordOutcome};

/// Converts the records of one file to items.
pub(super) trait RecordConverter: Send {
    /// Converts a record to items. The error is the reason it was skipped. `line` counts from 1.
    fn convert_record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String>;

    /// Returns true if an object is a record of this client rather than a part of one. Reading resumes at such an
    /// object after a damaged one.
    fn is_record(value: &Value) -> bool {
        value.get("type").is_some() && value.get("timestamp").is_some()
    }

    /// Returns the items that remain after the last record.
    fn remaining_items(&mut self) -> Vec<Item> {
        Vec::new()
    }
}

/// Reader of a JSON lines file. Always starts at the beginning, because the meaning of a record may depend on an
/// earlier one.
pub(super) struct JsonlReader<C> {
    lines: LineReader,
    path: PathBuf,
    client: C,
    /// True if the file is no longer being written.
    settled: bool,
}

impl<C: RecordConverter> JsonlReader<C> {
    pub(super) fn open(transcript: &TranscriptFile, options: ReadOptions, client: C) -> io::Result<Self> {
        let lines = LineReader::open(&transcript.path, Position::default(), options.longest)?;
        Ok(Self::from_lines(lines, &transcript.path, client, transcript.is_finished(options.now)))
    }

    /// Reads from `lines`, which need not be the raw bytes of the file, for example decompressed.
    pub(super) fn from_lines(lines: LineReader, path: &Path, client: C, settled: bool) -> Self {
        Self { lines, path: path.to_owned(), client, settled }
    }

    /// Converts the line in the buffer to items.
    fn convert_line(&mut self, line: u64) -> Vec<Item> {
        let mut items = Vec::new();
        for found in json::read_records(&self.lines.buffer, C::is_record) {
            let (value, warning) = match found {
                RecordOutcome::Whole(value) | RecordOutcome::Repaired(value) => (Some(value), None),
                RecordOutcome::Partial(value) => {
                    (Some(value), Some("record cut off; the readable part is kept".to_owned()))
                }
                RecordOutcome::Unreadable(error) => (None, Some(format!("not a JSON record, skipped: {error}"))),
            };
            let bad = |why| BadRecord { path: self.path.clone(), line, why };
            let read = value.map(|value| self.client.convert_record(value, line));
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

    /// Reads a last line without a line end, unless it is incomplete and may still be written.
    fn read_unfinished(&mut self, line: u64) -> Vec<Item> {
        let found = json::read_records(&self.lines.buffer, C::is_record);
        let whole = found.iter().all(|found| matches!(found, RecordOutcome::Whole(_) | RecordOutcome::Repaired(_)));
        if whole || self.settled {
            let items = self.convert_line(line);
            self.lines.accept_unfinished();
            return items;
        }
        let why = "last line is unfinished; it will be read when its writer has finished it".to_owned();
        vec![Item::Warning(BadRecord { path: self.path.clone(), line, why })]
    }
}

impl<C: RecordConverter> RecordStream for JsonlReader<C> {
    fn for_each_item(mut self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<ReadEnd> {
        let mut complete = true;
        loop {
            let step = self.lines.next()?;
            let line = self.lines.position.line + u64::from(step == LineOutcome::Unfinished);
            let items = match step {
                LineOutcome::End => break,
                LineOutcome::TooLong(bytes) => vec![Item::Bad(BadRecord::too_long(&self.path, line, bytes))],
                LineOutcome::Complete => self.convert_line(line),
                LineOutcome::Unfinished => {
                    let before = self.lines.position;
                    let items = self.read_unfinished(line);
                    complete = self.lines.position != before;
                    items
                }
            };
            for item in items {
                if !tell(item, self.lines.position) {
                    return Ok(ReadEnd { position: self.lines.position, complete: false });
                }
            }
            if step == LineOutcome::Unfinished {
                break;
            }
        }
        for item in self.client.remaining_items() {
            if !tell(item, self.lines.position) {
                break;
            }
        }
        Ok(ReadEnd { position: self.lines.position, complete })
    }
}

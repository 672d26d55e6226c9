//! Reads a file that is one JSON value. Such a file is written again as a whole, and a crash may cut it off.

use std::io;

use serde_json::Value;

use super::{BadRecord, Item, Position, ReadEnd, RecordStream, TranscriptFile};
use crate::disk;
use crate::domain::json;

/// Converts the value of a file to items. The error is the reason why nothing of it was read.
pub(super) type ConvertDocument = fn(&Value, &TranscriptFile) -> Result<Vec<Item>, String>;

/// Reader of a file that is one JSON value.
#[derive(Debug)]
pub(super) struct DocumentReader {
    pub(super) transcript: TranscriptFile,
    /// Maximum bytes of the file.
    pub(super) longest: usize,
    pub(super) convert: ConvertDocument,
}

impl RecordStream for DocumentReader {
    fn for_each_item(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<ReadEnd> {
        let Self { transcript, longest, convert } = *self;
        let read = |bytes: &[u8], bad: &dyn Fn(String) -> BadRecord| convert_bytes(bytes, &transcript, convert, bad);
        read_items(&transcript, longest, read, tell)
    }
}

/// Converts the bytes of a file. Of one that is cut off, what is before the cut is read.
fn convert_bytes(
    bytes: &[u8],
    transcript: &TranscriptFile,
    convert: ConvertDocument,
    bad: &dyn Fn(String) -> BadRecord,
) -> Vec<Item> {
    let (value, is_cut) = match json::parse_partial(bytes) {
        Ok(parsed) => parsed,
        Err(error) => return vec![Item::Bad(bad(format!("not JSON: {error}")))],
    };
    let warning = is_cut.then(|| bad("the file is cut off; everything before the cut is kept".to_owned()));
    match convert(&value, transcript) {
        Ok(items) => warning.map(Item::Warning).into_iter().chain(items).collect(),
        Err(why) => vec![Item::Bad(bad(why))],
    }
}

/// Passes the items that `convert` makes of the bytes to `tell`, until it returns false. `convert` is given what makes a
/// bad record of a reason. A file of more than `longest` bytes is one bad record.
pub(super) fn read_items(
    transcript: &TranscriptFile,
    longest: usize,
    convert: impl FnOnce(&[u8], &dyn Fn(String) -> BadRecord) -> Vec<Item>,
    tell: &mut dyn FnMut(Item, Position) -> bool,
) -> io::Result<ReadEnd> {
    let TranscriptFile { path, size, .. } = transcript;
    let position = Position { offset: *size, line: 0 };
    let bad = |why: String| BadRecord { path: path.clone(), line: 0, why };
    let items = if *size > longest as u64 {
        let why = format!("{} MiB is over the limit; see --max-line-mib and --rescan", size >> 20);
        vec![Item::Bad(bad(why))]
    } else {
        convert(&disk::read_foreign_file(path, longest as u64)?, &bad)
    };
    for item in items {
        if !tell(item, position) {
            break;
        }
    }
    Ok(ReadEnd::completed_at(position))
}

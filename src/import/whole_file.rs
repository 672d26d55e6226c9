//! Reads a file that is one JSON value. Such a file is written again as a whole, and a crash may cut it off.

use std::io;

use super::{BadRecord, Item, Position, ReadEnd, TranscriptFile};
use crate::disk;

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

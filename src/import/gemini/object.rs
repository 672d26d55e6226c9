//! Reads the older form of a transcript: one JSON object per file, rewritten as a whole. A crash may cut it off.

use std::io;

use super::super::jsonl::RecordConverter as _;
use super::super::{BadRecord, Item, Position, ReadEnd, RecordStream, TranscriptFile};
use super::Gemini;
use crate::disk;
use crate::domain::json::{self, RecordOutcome};

/// Reader of a file with one object.
#[derive(Debug)]
pub(super) struct ObjectFile {
    pub(super) transcript: TranscriptFile,
    pub(super) longest: usize,
}

impl RecordStream for ObjectFile {
    fn for_each_item(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<ReadEnd> {
        let TranscriptFile { path, size, .. } = &self.transcript;
        let position = Position { offset: *size, line: 0 };
        let bad = |why: String| BadRecord { path: path.clone(), line: 0, why };
        let mut items = Vec::new();
        if *size > self.longest as u64 {
            items
                .push(Item::Bad(bad(format!("{} MiB is over the limit; see --max-line-mib and --rescan", size >> 20))));
        } else {
            let mut gemini = Gemini::of_file(path);
            match read_object(&mut gemini, &disk::read_foreign_file(path, self.longest as u64)?) {
                Ok((read, warning)) => {
                    items.extend(warning.map(|why| Item::Warning(bad(why))));
                    items.extend(read);
                }
                Err(why) => items.push(Item::Bad(bad(why))),
            }
            items.extend(gemini.remaining_items());
        }
        for item in items {
            if !tell(item, position) {
                break;
            }
        }
        Ok(ReadEnd::completed_at(position))
    }
}

/// Reads an object or its readable part. Returns the items, and a warning if something is missing.
pub(super) fn read_object(gemini: &mut Gemini, bytes: &[u8]) -> Result<(Vec<Item>, Option<String>), String> {
    match json::parse_partial(bytes) {
        Ok((value, is_cut)) => {
            let warning = is_cut.then(|| "the file is cut off; everything before the cut is kept".to_owned());
            Ok((gemini.convert_record(value, 1)?, warning))
        }
        Err(error) => {
            let (mut items, mut is_any) = (Vec::new(), false);
            for found in json::read_records(bytes, Gemini::is_record) {
                if let RecordOutcome::Whole(value) | RecordOutcome::Repaired(value) | RecordOutcome::Partial(value) =
                    found
                {
                    is_any |= Gemini::is_record(&value);
                    items.extend(gemini.convert_record(value, 1).unwrap_or_default());
                }
            }
            if !is_any {
                return Err(format!("not JSON: {error}"));
            }
            Ok((items, Some(format!("damaged ({error}); what is whole is kept"))))
        }
    }
}

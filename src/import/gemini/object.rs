//! Reads the older form of a transcript: one JSON object per file, rewritten as a whole. A crash may cut it off.

use std::io;

use super::super::jsonl::RecordConverter as _;
use super::super::whole_file::read_items;
use super::super::{BadRecord, Item, Position, ReadEnd, RecordStream, TranscriptFile};
use super::Gemini;
use crate::domain::json::{self, RecordOutcome};

/// Reader of a file with one object.
#[derive(Debug)]
pub(super) struct ObjectFile {
    pub(super) transcript: TranscriptFile,
    pub(super) longest: usize,
}

impl RecordStream for ObjectFile {
    fn for_each_item(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<ReadEnd> {
        let convert = |bytes: &[u8], bad: &dyn Fn(String) -> BadRecord| {
            let mut gemini = Gemini::of_file(&self.transcript.path);
            let mut items = match read_object(&mut gemini, bytes) {
                Ok((read, warning)) => {
                    let warning = warning.map(|why| Item::Warning(bad(why)));
                    warning.into_iter().chain(read).collect()
                }
                Err(why) => vec![Item::Bad(bad(why))],
            };
            items.extend(gemini.remaining_items());
            items
        };
        read_items(&self.transcript, self.longest, convert, tell)
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

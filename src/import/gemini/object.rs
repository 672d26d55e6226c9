//! The older form of a transcript: one object in a file, rewritten as a whole. A crash may cut it off.

use std::io;

use super::super::jsonl::Client as _;
use super::super::{BadLine, End, Item, Position, Records, Transcript};
use super::Gemini;
use crate::domain::json::{self, Found};

/// A file with one object.
#[derive(Debug)]
pub(super) struct ObjectFile {
    pub(super) transcript: Transcript,
    pub(super) longest: usize,
}

impl Records for ObjectFile {
    fn each(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<End> {
        let Transcript { path, size, .. } = &self.transcript;
        let position = Position { offset: *size, line: 0 };
        let bad = |why: String| BadLine { path: path.clone(), line: 0, why };
        let mut items = Vec::new();
        if *size > self.longest as u64 {
            items
                .push(Item::Bad(bad(format!("{} MiB is over the limit; see --max-line-mib and --rescan", size >> 20))));
        } else {
            let mut gemini = Gemini::of_file(path);
            match read_object(&mut gemini, &std::fs::read(path)?) {
                Ok((read, warning)) => {
                    items.extend(warning.map(|why| Item::Warning(bad(why))));
                    items.extend(read);
                }
                Err(why) => items.push(Item::Bad(bad(why))),
            }
            items.extend(gemini.end());
        }
        for item in items {
            if !tell(item, position) {
                break;
            }
        }
        Ok(End::complete(position))
    }
}

/// Reads an object, or what is left of it: items, and a warning when something is missing.
pub(super) fn read_object(gemini: &mut Gemini, bytes: &[u8]) -> Result<(Vec<Item>, Option<String>), String> {
    match json::parse_partial(bytes) {
        Ok((value, is_cut)) => {
            let warning = is_cut.then(|| "the file ends too early; what stands before its end is kept".to_owned());
            Ok((gemini.record(value, 1)?, warning))
        }
        Err(error) => {
            let (mut items, mut is_any) = (Vec::new(), false);
            for found in json::read_records(bytes, Gemini::is_record) {
                if let Found::Whole(value) | Found::Repaired(value) | Found::Partial(value) = found {
                    is_any |= Gemini::is_record(&value);
                    items.extend(gemini.record(value, 1).unwrap_or_default());
                }
            }
            if !is_any {
                return Err(format!("not JSON: {error}"));
            }
            Ok((items, Some(format!("damaged ({error}); what is whole is kept"))))
        }
    }
}

//! Reads an export file: JSON, or a ZIP archive that holds it. Decides which files hold conversations and what is kept
//! of damaged ones; the service interprets the conversations.

use std::io::{self, BufRead, BufReader, Cursor, Read as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::archive::{self, Visitor};
use super::elements::{Element, ElementReader, find_record};
use super::encoding::{Utf8, read_head};
use super::{BadRecord, Item, Position, ReadEnd, ReadOptions, RecordStream, TranscriptFile};
use crate::disk::ForeignFile;
use crate::domain::json::{self, RecordOutcome};

/// Bytes at the start of a file that are examined for conversations.
pub(super) const HEAD_BYTES: u64 = 256 << 10;

/// Maximum nesting of objects and arrays around conversations, in files other programs wrote.
const MAX_WRAPPERS: u32 = 4;

/// A service whose exports can be read.
pub(super) trait ExportService: Send {
    /// Fields of an outer object whose values are conversations.
    fn record_fields(&self) -> &'static [&'static str] {
        &["conversations"]
    }

    /// Returns true if the name of an archive entry alone shows that it holds records.
    fn knows_file(&self, _name: &str) -> bool {
        false
    }

    /// Returns true if the start of a file shows that it holds this service's records.
    fn recognizes_head(&self, head: &[u8]) -> bool;

    /// Returns true if an object is a record of an export: a conversation or another object that [`Self::read_record`]
    /// understands.
    fn is_record(&self, value: &Value) -> bool;

    /// Returns true if an object is one message. The rest of a damaged conversation is read message by message.
    fn is_message(&self, value: &Value) -> bool;

    /// Converts a record, or a message of the last conversation, to items. The error is the reason it was skipped.
    /// `line` is the line the record starts on.
    fn read_record(&mut self, value: &Value, line: u64) -> Result<Vec<Item>, String>;
}

/// Reader of one export.
struct Export {
    path: PathBuf,
    longest: usize,
    service: Box<dyn ExportService>,
}

/// Opens an export of a service.
pub(super) fn open(
    transcript: &TranscriptFile,
    options: ReadOptions,
    service: Box<dyn ExportService>,
) -> io::Result<Box<dyn RecordStream>> {
    Ok(Box::new(Export { path: transcript.path.clone(), longest: options.longest, service }))
}

/// Returns true if a file is part of an export, by its name or content.
pub(super) fn is_export(path: &Path, recognizes: fn(&[u8]) -> bool) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let kind = Path::new(&name).extension().unwrap_or_default();
    is_conversations_file(&name) || kind == "zip" || (kind == "json" && head_matches(path, recognizes))
}

fn head_matches(path: &Path, recognizes: fn(&[u8]) -> bool) -> bool {
    ForeignFile::open(path).and_then(|file| read_head(file, HEAD_BYTES)).is_ok_and(|head| recognizes(&head))
}

fn is_conversations_file(name: &str) -> bool {
    let name = name.to_lowercase();
    let file = name.rsplit('/').next().unwrap_or(&name);
    let kind = Path::new(file).extension().unwrap_or_default();
    file.starts_with("conversations") && (kind == "json" || kind == "jsonl")
}

impl RecordStream for Export {
    fn for_each_item(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<ReadEnd> {
        let Self { path, longest, service } = *self;
        let mut file = BufReader::with_capacity(1 << 16, ForeignFile::open(&path)?);
        let is_archive = file.fill_buf()?.starts_with(archive::ZIP_MAGIC);
        let mut reading = ExportVisitor { longest, service, tell, position: Position::default(), found: 0 };
        let goes_on = if is_archive {
            archive::walk_entries(file, &path, &mut reading)?
        } else {
            reading.found += 1;
            reading.read_file(file, &path)?
        };
        if goes_on && reading.found == 0 {
            let why = "there is no conversations.json and no other file with conversations in this archive".to_owned();
            reading.pass_item(Item::Bad(BadRecord { path, line: 0, why }));
        }
        Ok(ReadEnd { position: reading.position, complete: goes_on })
    }
}

/// State while the files of one export are read.
struct ExportVisitor<'a> {
    longest: usize,
    service: Box<dyn ExportService>,
    tell: &'a mut dyn FnMut(Item, Position) -> bool,
    /// Bytes and lines read in all files so far.
    position: Position,
    /// Number of files with records.
    found: u64,
}

impl Visitor for ExportVisitor<'_> {
    fn rank_entry(&self, name: &str) -> Option<u8> {
        let kind = Path::new(name).extension()?;
        let is_json = kind.eq_ignore_ascii_case("json");
        match (is_conversations_file(name), is_json && self.service.knows_file(name)) {
            // Project names are read before the conversations that refer to them.
            (false, true) => Some(0),
            (true, _) => Some(1),
            (false, false) => is_json.then_some(2),
        }
    }

    fn visit_entry(&mut self, path: &Path, input: &mut dyn BufRead) -> io::Result<bool> {
        let name = path.to_string_lossy().replace('\\', "/");
        if is_conversations_file(&name) || self.service.knows_file(&name) {
            self.found += 1;
            return self.read_file(input, path);
        }
        let mut head = Vec::new();
        (&mut *input).take(HEAD_BYTES).read_to_end(&mut head)?;
        if self.service.recognizes_head(&read_head(&head[..], HEAD_BYTES)?) {
            self.found += 1;
            return self.read_file(Cursor::new(head).chain(input), path);
        }
        Ok(self.pass_item(Item::Bookkeeping("other file of the export".into())))
    }

    fn report_entry(&mut self, path: &Path, why: String) -> bool {
        self.found += 1;
        self.pass_item(Item::Bad(BadRecord { path: path.to_owned(), line: 0, why }))
    }
}

impl ExportVisitor<'_> {
    fn pass_item(&mut self, item: Item) -> bool {
        (self.tell)(item, self.position)
    }

    /// Reads one file and passes on its items. Returns `false` if no more are wanted.
    fn read_file(&mut self, input: impl BufRead, path: &Path) -> io::Result<bool> {
        let start = self.position.offset;
        let mut elements = ElementReader::new(Utf8::from_input(input)?, self.longest, self.service.record_fields());
        loop {
            let element = elements.next()?;
            let items = match element {
                Element::End => return Ok(true),
                Element::Whole(record, line) => match json::parse_lenient(&record) {
                    Ok((value, _)) => self.read_value(&value, line, path, elements.is_outside()),
                    Err(_) => self.read_damaged(record, line, path, &mut elements, "this conversation is damaged"),
                },
                Element::CutOff(record, line) => {
                    self.read_damaged(record, line, path, &mut elements, "the file ends within this conversation")
                }
                Element::Full(record, line) if self.find_next_record(&record).is_some() => {
                    self.read_damaged(record, line, path, &mut elements, "this conversation is damaged")
                }
                Element::Full(_, line) => {
                    let mib = elements.skip_record()? >> 20;
                    let why = format!("a conversation of {mib} MiB is over the limit; see --max-line-mib and --rescan");
                    vec![Item::Bad(BadRecord { path: path.to_owned(), line, why })]
                }
            };
            self.position = Position { offset: start + elements.position.offset, line: elements.position.line };
            for item in items {
                if !self.pass_item(item) {
                    return Ok(false);
                }
            }
        }
    }

    /// Converts an undamaged object to items: a record, or something around records.
    fn read_value(&mut self, value: &Value, line: u64, path: &Path, is_outside: bool) -> Vec<Item> {
        let mut records = Vec::new();
        find_records(value, &|value| self.service.is_record(value), MAX_WRAPPERS, &mut records);
        if records.is_empty() && is_outside {
            return vec![Item::Bookkeeping("other field of the export".into())];
        }
        if records.is_empty() {
            records.push(value);
        }
        records.into_iter().flat_map(|record| self.read_record(record, line, path)).collect()
    }

    fn read_record(&mut self, record: &Value, line: u64, path: &Path) -> Vec<Item> {
        let bad = |why| vec![Item::Bad(BadRecord { path: path.to_owned(), line, why })];
        self.service.read_record(record, line).unwrap_or_else(bad)
    }

    fn find_next_record(&self, damaged: &[u8]) -> Option<usize> {
        find_record(damaged, |value| self.service.is_record(value))
    }

    /// Converts the readable part of a damaged record to items. Reading resumes at the next record inside it.
    fn read_damaged<R: BufRead>(
        &mut self,
        mut damaged: Vec<u8>,
        line: u64,
        path: &Path,
        elements: &mut ElementReader<R>,
        what: &str,
    ) -> Vec<Item> {
        if let Some(next) = self.find_next_record(&damaged) {
            elements.put_back(damaged.get(next..).unwrap_or(&[]));
            damaged.truncate(next);
        }
        let is_record = |value: &Value| self.service.is_record(value) || self.service.is_message(value);
        let found = json::read_records(&damaged, is_record).into_iter().filter_map(|found| match found {
            RecordOutcome::Whole(value) | RecordOutcome::Repaired(value) | RecordOutcome::Partial(value) => Some(value),
            RecordOutcome::Unreadable(_) => None,
        });
        let left: Vec<Value> = found.filter(|value| is_record(value)).collect();
        let mut items: Vec<Item> = left.iter().flat_map(|record| self.read_record(record, line, path)).collect();
        let kept = items.iter().filter(|item| matches!(item, Item::Draft(_))).count();
        let bad = |why| BadRecord { path: path.to_owned(), line, why };
        if kept == 0 {
            vec![Item::Bad(bad(format!("{what}; nothing of it could be read")))]
        } else {
            let messages = if kept == 1 { "1 message".to_owned() } else { format!("{kept} messages") };
            items.push(Item::Warning(bad(format!("{what}; {messages} of it could be read"))));
            items
        }
    }
}

/// Collects the outermost records in a value.
fn find_records<'a>(value: &'a Value, is_record: &dyn Fn(&Value) -> bool, levels: u32, found: &mut Vec<&'a Value>) {
    if is_record(value) {
        found.push(value);
        return;
    }
    let Some(levels) = levels.checked_sub(1) else { return };
    match value {
        Value::Object(fields) => fields.values().for_each(|value| find_records(value, is_record, levels, found)),
        Value::Array(items) => items.iter().for_each(|value| find_records(value, is_record, levels, found)),
        _ => {}
    }
}

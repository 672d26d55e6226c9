//! The file of an export: JSON, or a ZIP archive that holds it. Owns which entries are conversations, and bad records; what a conversation
//! holds belongs to the source.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::claude_code::placed;
use super::elements::{Element, Elements};
use super::{BadLine, Item, Position, Records};

/// Reads a conversation: what it holds, or why it holds nothing that can be read. The number is the line where it begins.
pub(super) type Conversation = fn(&Value, u64, &Names) -> Result<Vec<Item>, String>;

/// Names of projects by their ids, as the export tells them beside the conversations.
pub(super) type Names = HashMap<String, String>;

/// More bytes than this in the list of projects are no list of names.
const MOST_NAMES: u64 = 64 << 20;

/// An export that is being read.
pub(super) struct Export {
    pub(super) path: PathBuf,
    pub(super) longest: usize,
    pub(super) conversation: Conversation,
}

/// Whether a file of an unpacked export holds conversations, or an archive may.
pub(super) fn is_export(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    is_conversations(&name) || Path::new(&name).extension().is_some_and(|kind| kind == "zip")
}

fn is_conversations(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let kind = Path::new(file).extension().unwrap_or_default();
    file.starts_with("conversations") && (kind == "json" || kind == "jsonl")
}

fn names(input: impl Read) -> Names {
    let Ok(Value::Array(projects)) = serde_json::from_reader(input.take(MOST_NAMES)) else { return Names::new() };
    let pair =
        |project: &Value| Some((project.get("uuid")?.as_str()?.to_owned(), project.get("name")?.as_str()?.to_owned()));
    projects.iter().filter_map(pair).collect()
}

impl Records for Export {
    fn each(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<Position> {
        let mut file = BufReader::with_capacity(1 << 16, File::open(&self.path)?);
        if !file.fill_buf()?.starts_with(b"PK") {
            let beside = self.path.with_file_name("projects.json");
            let names = File::open(beside).map(|file| names(BufReader::new(file))).unwrap_or_default();
            return Ok(self.conversations(file, &self.path, 0, &names, tell)?.0);
        }
        let damaged = |error: zip::result::ZipError| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
        let mut archive = zip::ZipArchive::new(file).map_err(damaged)?;
        let named = archive.file_names().map(|name| name.map(std::borrow::Cow::into_owned));
        let entries = named.collect::<Result<Vec<String>, _>>().map_err(damaged)?;
        let mut known = Names::new();
        for entry in entries.iter().filter(|entry| entry.rsplit('/').next() == Some("projects.json")) {
            known = names(archive.by_name(entry).map_err(damaged)?);
        }
        let (mut position, mut found) = (Position::default(), false);
        for entry in entries.iter().filter(|entry| is_conversations(&entry.to_lowercase())) {
            found = true;
            let input = BufReader::with_capacity(1 << 16, archive.by_name(entry).map_err(damaged)?);
            let (after, goes_on) = self.conversations(input, &self.path.join(entry), position.offset, &known, tell)?;
            position = after;
            if !goes_on {
                return Ok(position);
            }
        }
        if !found {
            let why = "there is no conversations.json in this archive".to_owned();
            tell(Item::Bad(BadLine { path: self.path.clone(), line: 0, why }), position);
        }
        Ok(position)
    }
}

impl Export {
    /// Tells what one file holds; `false` when nobody wants more.
    fn conversations(
        &self,
        input: impl BufRead,
        path: &Path,
        start: u64,
        names: &Names,
        tell: &mut dyn FnMut(Item, Position) -> bool,
    ) -> io::Result<(Position, bool)> {
        let mut elements = Elements::new(input, self.longest);
        loop {
            let bad = |line, why: String| vec![Item::Bad(BadLine { path: path.to_owned(), line, why })];
            let element = elements.next()?;
            let position = Position { offset: start + elements.position.offset, line: elements.position.line };
            let items = match element {
                Element::End => return Ok((position, true)),
                Element::TooLong(line, bytes) => {
                    let mib = bytes >> 20;
                    bad(line, format!("a conversation of {mib} MiB is over the limit; see --max-line-mib and --rescan"))
                }
                Element::CutOff(line) => bad(line, "the file ends within this conversation".to_owned()),
                Element::Whole(record, line) => match serde_json::from_slice::<Value>(&record) {
                    Ok(value) => (self.conversation)(&value, line, names).unwrap_or_else(|why| bad(line, why)),
                    Err(error) => bad(line, format!("not JSON, skipped: {}", placed(&error))),
                },
            };
            for item in items {
                if !tell(item, position) {
                    return Ok((position, false));
                }
            }
        }
    }
}

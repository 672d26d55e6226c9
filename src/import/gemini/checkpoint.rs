//! Reads checkpoints (`/chat save`), which are copies of a conversation. Only texts that no session of the project has
//! are kept.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::super::draft_builder::array_field;
use super::super::whole_file::read_items;
use super::super::{BadRecord, Item, Position, ReadEnd, RecordStream, TranscriptFile};
use super::{Gemini, paths, read_whole_file};
use crate::domain::ContentHash;
use crate::domain::json;

/// Reader of one checkpoint file.
#[derive(Debug)]
pub(super) struct CheckpointFile {
    pub(super) transcript: TranscriptFile,
    pub(super) longest: usize,
}

impl RecordStream for CheckpointFile {
    fn for_each_item(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<ReadEnd> {
        let convert = |bytes: &[u8], bad: &dyn Fn(String) -> BadRecord| match json::parse_partial(bytes) {
            Ok((value, is_cut)) => {
                let why = "the file is cut off; everything before the cut is kept".to_owned();
                let mut items: Vec<Item> = is_cut.then(|| Item::Warning(bad(why))).into_iter().collect();
                items.extend(self.read_checkpoint(&value));
                items
            }
            Err(error) => vec![Item::Bad(bad(format!("not JSON: {error}")))],
        };
        read_items(&self.transcript, self.longest, convert, tell)
    }
}

impl CheckpointFile {
    fn read_checkpoint(&self, value: &Value) -> Vec<Item> {
        let path = &self.transcript.path;
        let history = value.as_array().map_or_else(|| array_field(value, "history"), Vec::as_slice);
        let mut gemini = Gemini::of_file(path);
        gemini.session = Some(checkpoint_session(path));
        for content in history {
            let kind = if content.get("role").is_some_and(|role| role == "user") { "user" } else { "gemini" };
            gemini.read_message(&json!({ "type": kind, "content": content.get("parts") }), 1);
        }
        let known = read_known_texts(path, self.longest);
        let mut items: Vec<Item> =
            gemini.build_drafts().into_iter().map(|item| remove_known_texts(item, &known)).collect();
        if items.is_empty() {
            items.push(Item::Bookkeeping("checkpoint".into()));
        }
        items
    }
}

/// Builds a session id from project and file name. Checkpoints have no id, and those of different projects may have the
/// same name.
fn checkpoint_session(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let project = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    format!("{project}-{name}")
}

fn remove_known_texts(item: Item, known: &HashSet<ContentHash>) -> Item {
    let Item::Draft(mut draft) = item else { return item };
    draft.parts.retain(|part| !known.contains(&fingerprint_text(&part.text)));
    if draft.parts.is_empty() { Item::Bookkeeping("checkpoint".into()) } else { Item::Draft(draft) }
}

/// Collects the hashes of all texts in the project's sessions.
fn read_known_texts(checkpoint: &Path, longest: usize) -> HashSet<ContentHash> {
    let chats = paths::project_directory(checkpoint).map(|place| place.join("chats"));
    let entries = chats.and_then(|chats| std::fs::read_dir(chats).ok()).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path()).filter(|path| paths::is_transcript(path) && path.is_file());
    let mut known = HashSet::new();
    for file in files {
        for item in read_whole_file(&file, longest) {
            if let Item::Draft(draft) = item {
                known.extend(draft.parts.iter().map(|part| fingerprint_text(&part.text)));
            }
        }
    }
    known
}

fn fingerprint_text(text: &str) -> ContentHash {
    ContentHash::of_text(&text.split_whitespace().collect::<String>())
}

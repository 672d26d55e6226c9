//! Checkpoints (`/chat save`): copies of a conversation. Only what no session of the project says is read.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::super::draft_builder::list;
use super::super::{BadLine, End, Item, Position, Records, Transcript};
use super::{Gemini, places, read_whole};
use crate::domain::ContentHash;
use crate::domain::json;

/// A checkpoint.
#[derive(Debug)]
pub(super) struct CheckpointFile {
    pub(super) transcript: Transcript,
    pub(super) longest: usize,
}

impl Records for CheckpointFile {
    fn each(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<End> {
        let Transcript { path, size, .. } = &self.transcript;
        let position = Position { offset: *size, line: 0 };
        let bad = |why: String| BadLine { path: path.clone(), line: 0, why };
        let mut items = Vec::new();
        if *size > self.longest as u64 {
            items
                .push(Item::Bad(bad(format!("{} MiB is over the limit; see --max-line-mib and --rescan", size >> 20))));
        } else {
            match json::parse_partial(&std::fs::read(path)?) {
                Ok((value, is_cut)) => {
                    let why = "the file ends too early; what stands before its end is kept".to_owned();
                    items.extend(is_cut.then(|| Item::Warning(bad(why))));
                    items.extend(self.read(&value));
                }
                Err(error) => items.push(Item::Bad(bad(format!("not JSON: {error}")))),
            }
        }
        for item in items {
            if !tell(item, position) {
                break;
            }
        }
        Ok(End::complete(position))
    }
}

impl CheckpointFile {
    fn read(&self, value: &Value) -> Vec<Item> {
        let path = &self.transcript.path;
        let history = value.as_array().map_or_else(|| list(value, "history"), Vec::as_slice);
        let mut gemini = Gemini::of_file(path);
        gemini.session = Some(session_of(path));
        for content in history {
            let kind = if content.get("role").is_some_and(|role| role == "user") { "user" } else { "gemini" };
            gemini.read_message(&json!({ "type": kind, "content": content.get("parts") }), 1);
        }
        let known = known_texts(path, self.longest);
        let mut items: Vec<Item> = gemini.drafts().into_iter().map(|item| without_known(item, &known)).collect();
        if items.is_empty() {
            items.push(Item::Bookkeeping("checkpoint".into()));
        }
        items
    }
}

/// Checkpoints have no id. Those of different projects may have one name.
fn session_of(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let project = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    format!("{project}-{name}")
}

fn without_known(item: Item, known: &HashSet<ContentHash>) -> Item {
    let Item::Draft(mut draft) = item else { return item };
    draft.parts.retain(|part| !known.contains(&fingerprint(&part.text)));
    if draft.parts.is_empty() { Item::Bookkeeping("checkpoint".into()) } else { Item::Draft(draft) }
}

/// Texts of the sessions of the project.
fn known_texts(checkpoint: &Path, longest: usize) -> HashSet<ContentHash> {
    let chats = places::project_place(checkpoint).map(|place| place.join("chats"));
    let entries = chats.and_then(|chats| std::fs::read_dir(chats).ok()).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path()).filter(|path| places::is_transcript(path) && path.is_file());
    let mut known = HashSet::new();
    for file in files {
        for item in read_whole(&file, longest) {
            if let Item::Draft(draft) = item {
                known.extend(draft.parts.iter().map(|part| fingerprint(&part.text)));
            }
        }
    }
    known
}

fn fingerprint(text: &str) -> ContentHash {
    ContentHash::of(&text.split_whitespace().collect::<String>())
}

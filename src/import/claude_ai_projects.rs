//! Projects and memories in the export of claude.ai: instructions, documents, and what Claude remembers. They are nobody's
//! typed words for certain: a project may be shared or made by somebody else, and memories are written by the model.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use super::Item;
use super::content::{content_text, readable_strings};
use super::draft_builder::{ContentIds, DraftBuilder, first, label, list, when};
use crate::domain::{Kind, Origin, Role, Timestamp, json};

/// Names of projects by their ids.
pub(super) type Names = HashMap<String, String>;

/// Files of projects, and bytes of one, that are read for names alone.
const MAX_FILES: usize = 10_000;
const MAX_BYTES: u64 = 64 << 20;

/// Session of what Claude remembers outside projects.
const MEMORY: &str = "claude-ai-memory";

/// Returns whether an object is a project.
pub(super) fn is_project(value: &Value) -> bool {
    value.get("prompt_template").is_some() || value.get("docs").is_some_and(Value::is_array)
}

/// Returns whether an object holds memories.
pub(super) fn is_memories(value: &Value) -> bool {
    ["conversations_memory", "project_memories"].iter().any(|name| value.get(*name).is_some())
}

/// Names of the projects that lie beside a file of conversations. An archive has them inside.
pub(super) fn names_beside(path: &Path) -> Names {
    let mut names = Names::new();
    if !path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("json")) {
        return names;
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let folder = if folder.file_name().is_some_and(|name| name == "projects") { folder.parent() } else { Some(folder) };
    let Some(folder) = folder else { return names };
    let single = std::fs::read_dir(folder.join("projects")).into_iter().flatten().take(MAX_FILES);
    let single = single.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    for file in std::iter::once(folder.join("projects.json")).chain(single) {
        let mut bytes = Vec::new();
        let read = File::open(&file).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
        let parsed = read.ok().and_then(|_| json::parse(&bytes).ok());
        let Some((value, _)) = parsed else { continue };
        let projects = value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice);
        names.extend(projects.iter().filter_map(name_of));
    }
    names
}

fn name_of(project: &Value) -> Option<(String, String)> {
    Some((label(project, &["uuid", "id"])?, first(project, &["name", "title"])?.to_owned()))
}

/// Items of a project: its instructions and each of its documents, in a session of its own.
pub(super) fn read_project(value: &Value, line: u64, names: &mut Names) -> Vec<Item> {
    names.extend(name_of(value));
    let name = first(value, &["name", "title"]).unwrap_or("");
    let id = label(value, &["uuid", "id"]).unwrap_or_else(|| ContentIds::default().next_id(&[name]));
    let session = session_of(&id);
    let begun = when(value, &["created_at", "updated_at"]);
    let begin = |id: &str, role, at| {
        let mut builder = DraftBuilder::new(&session, id, role, at, line);
        builder.set_neighbor_time(begun);
        builder.draft().cwd = Some(name.to_owned()).filter(|name| !name.is_empty());
        builder
    };
    let mut about = begin("about", Role::System, begun);
    for part in ["description", "prompt_template"] {
        let text = value.get(part).map(content_text).unwrap_or_default();
        about.add_keyed_part(format!("about/{part}"), Kind::Text, Origin::Client, &text, None);
    }
    let mut items = vec![match about.finish() {
        Item::Bookkeeping(_) => Item::Bookkeeping("project without instructions".into()),
        item => item,
    }];
    let mut made = ContentIds::default();
    for document in list(value, "docs") {
        let file = first(document, &["filename", "file_name", "name"]);
        let text = document.get("content").map_or_else(|| readable_strings(document), content_text);
        let id = label(document, &["uuid", "id"]).unwrap_or_else(|| made.next_id(&[file.unwrap_or(""), &text]));
        let mut builder = begin(&id, Role::Tool, when(document, &["created_at", "updated_at"]));
        builder.add_part(Kind::ToolResult, Origin::Tool, &text, Some("project document"));
        builder.draft().files.extend(file.map(str::to_owned));
        items.push(builder.finish());
    }
    items.extend(Some(name).filter(|name| !name.is_empty()).map(|name| Item::title(&session, name)));
    items
}

fn session_of(project: &str) -> String {
    format!("project-{project}")
}

/// Items of the memories of an account. A memory that was written again is a new version of the same message.
pub(super) fn read_memories(value: &Value, line: u64, names: &Names, written: Option<Timestamp>) -> Vec<Item> {
    let account = label(value, &["account_uuid", "uuid"]).unwrap_or_default();
    let begin = |session: &str, id: &str, project: Option<&String>| {
        let mut builder =
            DraftBuilder::new(session, id, Role::Assistant, when(value, &["updated_at", "created_at"]), line);
        builder.set_neighbor_time(written);
        builder.draft().cwd = Some(project.map_or_else(|| "claude.ai".to_owned(), String::clone));
        builder
    };
    let mut items = Vec::new();
    let mut push = |mut builder: DraftBuilder, memory: &Value| {
        builder.add_part(Kind::Text, Origin::Model, &readable(memory), None);
        items.push(builder.finish());
    };
    for (name, memory) in value.as_object().into_iter().flatten() {
        match (name.as_str(), memory) {
            ("project_memories", Value::Object(projects)) => {
                for (project, memory) in projects {
                    push(begin(&session_of(project), "memory", names.get(project)), memory);
                }
            }
            ("account_uuid" | "uuid" | "created_at" | "updated_at", _) => {}
            _ if readable(memory).is_empty() => {}
            _ => push(begin(MEMORY, &format!("{account}/{name}"), None), memory),
        }
    }
    if items.is_empty() {
        items.push(Item::Bookkeeping("no memories".into()));
    }
    items.push(Item::title(MEMORY, "Memory of Claude"));
    items
}

fn readable(memory: &Value) -> String {
    memory.as_str().map_or_else(|| readable_strings(memory), str::to_owned)
}

//! Projects and memories in a claude.ai export: instructions, documents, and what Claude remembers. None of them counts
//! as typed by a person: a project may be shared or made by somebody else, and memories are written by the model.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::Item;
use super::content::{content_text, readable_strings};
use super::draft_builder::{ContentIds, DraftBuilder, array_field, first_field, first_label, first_time_field};
use crate::disk;
use crate::domain::{Origin, PartKind, Role, Timestamp, json};

/// Project names by project id.
pub(super) type ProjectNames = HashMap<String, String>;

/// Maximum number of project files, and bytes of each, that are read to learn project names.
const MAX_FILES: usize = 10_000;
const MAX_BYTES: u64 = 64 << 20;

/// Session that holds what Claude remembers outside projects.
const MEMORY: &str = "claude-ai-memory";

/// Returns true if an object is a project.
pub(super) fn is_project(value: &Value) -> bool {
    value.get("prompt_template").is_some() || value.get("docs").is_some_and(Value::is_array)
}

/// Returns true if an object holds memories.
pub(super) fn is_memories(value: &Value) -> bool {
    ["conversations_memory", "project_memories"].iter().any(|name| value.get(*name).is_some())
}

/// Reads the names of the projects that lie next to a file of conversations. In an archive they are read as entries
/// instead.
pub(super) fn read_sibling_names(path: &Path) -> ProjectNames {
    let mut names = ProjectNames::new();
    if !path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("json")) {
        return names;
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let folder = if folder.file_name().is_some_and(|name| name == "projects") { folder.parent() } else { Some(folder) };
    let Some(folder) = folder else { return names };
    let single = std::fs::read_dir(folder.join("projects")).into_iter().flatten().take(MAX_FILES);
    let single = single.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    for file in std::iter::once(folder.join("projects.json")).chain(single) {
        let head = disk::read_foreign_head(&file, MAX_BYTES);
        let parsed = head.ok().and_then(|bytes| json::parse_lenient(&bytes).ok());
        let Some((value, _)) = parsed else { continue };
        let projects = value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice);
        names.extend(projects.iter().filter_map(name_of));
    }
    names
}

fn name_of(project: &Value) -> Option<(String, String)> {
    Some((first_label(project, &["uuid", "id"])?, first_field(project, &["name", "title"])?.to_owned()))
}

/// Reads a project's instructions and documents, in a session of their own.
pub(super) fn read_project(value: &Value, line: u64, names: &mut ProjectNames) -> Vec<Item> {
    names.extend(name_of(value));
    let name = first_field(value, &["name", "title"]).unwrap_or("");
    let id = first_label(value, &["uuid", "id"]).unwrap_or_else(|| ContentIds::default().next_id(&[name]));
    let session = project_session(&id);
    let begun = first_time_field(value, &["created_at", "updated_at"]);
    let begin = |id: &str, role, at| {
        let mut builder = DraftBuilder::new(&session, id, role, at, line);
        builder.set_neighbor_time(begun);
        builder.draft_mut().cwd = Some(name.to_owned()).filter(|name| !name.is_empty());
        builder
    };
    let mut about = begin("about", Role::System, begun);
    for part in ["description", "prompt_template"] {
        let text = value.get(part).map(content_text).unwrap_or_default();
        about.add_keyed_part(format!("about/{part}"), PartKind::Text, Origin::Client, &text, None);
    }
    let mut items = vec![match about.finish() {
        Item::Bookkeeping(_) => Item::Bookkeeping("project without instructions".into()),
        item => item,
    }];
    let mut made = ContentIds::default();
    for document in array_field(value, "docs") {
        let file = first_field(document, &["filename", "file_name", "name"]);
        let text = document.get("content").map_or_else(|| readable_strings(document), content_text);
        let id = first_label(document, &["uuid", "id"]).unwrap_or_else(|| made.next_id(&[file.unwrap_or(""), &text]));
        let mut builder = begin(&id, Role::Tool, first_time_field(document, &["created_at", "updated_at"]));
        builder.add_part(PartKind::ToolResult, Origin::Tool, &text, Some("project document"));
        builder.draft_mut().files.extend(file.map(str::to_owned));
        items.push(builder.finish());
    }
    items.extend(Some(name).filter(|name| !name.is_empty()).map(|name| Item::generated_title(&session, name)));
    items
}

fn project_session(project: &str) -> String {
    format!("project-{project}")
}

/// Reads the memories of an account. A memory that was rewritten is a new version of the same message.
pub(super) fn read_memories(value: &Value, line: u64, names: &ProjectNames, written: Option<Timestamp>) -> Vec<Item> {
    let account = first_label(value, &["account_uuid", "uuid"]).unwrap_or_default();
    let begin = |session: &str, id: &str, project: Option<&String>| {
        let mut builder = DraftBuilder::new(
            session,
            id,
            Role::Assistant,
            first_time_field(value, &["updated_at", "created_at"]),
            line,
        );
        builder.set_neighbor_time(written);
        builder.draft_mut().cwd = Some(project.map_or_else(|| "claude.ai".to_owned(), String::clone));
        builder
    };
    let mut items = Vec::new();
    let mut push = |mut builder: DraftBuilder, memory: &Value| {
        builder.add_part(PartKind::Text, Origin::Model, &memory_text(memory), None);
        items.push(builder.finish());
    };
    for (name, memory) in value.as_object().into_iter().flatten() {
        match (name.as_str(), memory) {
            ("project_memories", Value::Object(projects)) => {
                for (project, memory) in projects {
                    push(begin(&project_session(project), "memory", names.get(project)), memory);
                }
            }
            ("account_uuid" | "uuid" | "created_at" | "updated_at", _) => {}
            _ if memory_text(memory).is_empty() => {}
            _ => push(begin(MEMORY, &format!("{account}/{name}"), None), memory),
        }
    }
    if items.is_empty() {
        items.push(Item::Bookkeeping("no memories".into()));
    }
    items.push(Item::generated_title(MEMORY, "Memory of Claude"));
    items
}

fn memory_text(memory: &Value) -> String {
    memory.as_str().map_or_else(|| readable_strings(memory), str::to_owned)
}

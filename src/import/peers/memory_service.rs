//! mcp-memory-service's database (`sqlite_vec.db`): texts that were saved on purpose, with their labels. What was deleted or replaced there
//! stays there. The layout is that of versions 8 to 12, read from a database that the program itself had made.

use serde_json::Value;

use super::tables::{Peer, Table};
use crate::domain::{Note, Role, json};
use crate::import::Item;
use crate::import::draft_builder::{DraftBuilder, field, first, when};

const TABLES: &[Table] = &[Table { name: "memories", sql: "SELECT * FROM memories ORDER BY rowid" }];
/// Where a text is filed that names no project.
const NO_PROJECT: &str = "mcp-memory-service";

/// Has no state: rows stand alone.
#[derive(Debug)]
pub(in crate::import) struct MemoryService;

impl Peer for MemoryService {
    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    fn row(&mut self, _table: &str, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        let gone = ["deleted_at", "superseded_by"].iter().any(|name| row.get(*name).is_some_and(|at| !at.is_null()));
        if gone {
            return Ok(vec![Item::Bookkeeping("deleted row".into())]);
        }
        let id = field(row, "content_hash").ok_or("no `content_hash`, skipped")?;
        let more = field(row, "metadata").and_then(|text| json::parse(text.as_bytes()).ok());
        let more = more.map_or(Value::Null, |(more, _)| more);
        let project = first(&more, &["project", "cwd", "project_path"]).unwrap_or(NO_PROJECT);
        let at = when(row, &["created_at", "created_at_iso"]);
        let mut builder = DraftBuilder::new(project, id, Role::User, at, count);
        let tags = field(row, "tags").unwrap_or("").split(',').map(str::trim).filter(|tag| !tag.is_empty());
        let note = Note {
            kind: field(row, "memory_type").map(str::to_owned),
            tags: tags.filter(|tag| *tag != "untagged").map(str::to_owned).collect(),
            ..Note::default()
        };
        builder.add_saved(field(row, "content").unwrap_or(""), note);
        builder.draft().cwd = Some(project.to_owned());
        Ok(vec![builder.finish()])
    }
}

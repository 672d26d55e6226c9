//! Reads mcp-memory-service's database (`sqlite_vec.db`): texts saved explicitly, with their labels. Rows deleted or
//! superseded there are not imported. The layout is that of versions 8 to 12, read from a database that the program
//! itself had made.

use serde_json::Value;

use crate::config::env;
use crate::domain::{DraftNote, Role, json};
use crate::import::Item;
use crate::import::draft_builder::{DraftBuilder, first_field, first_time_field, text_field};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules, has_name};
use crate::import::tables::{RowConverter, TableQuery, open};

/// The importer of mcp-memory-service's database.
pub(in crate::import) static MEMORY_SERVICE: Importer = Importer {
    name: "mcp-memory-service",
    kind: ImporterKind::Database(&[&["memories", "memory_embeddings"]]),
    help: ImporterHelp {
        command: "Import from mcp-memory-service: saved memories with their tags",
        path: "Database, or the folder with it [default: mcp-memory in this user's data folder]",
        hint: "name mcp-memory-service's database, usually ~/.local/share/mcp-memory/sqlite_vec.db",
    },
    default_folder: Some(|| env::data_folder().map(|data| data.join("mcp-memory"))),
    owns_file: |path| has_name(path, &["sqlite_vec.db"]),
    is_own_record: |_| false,
    reader_version: 1,
    open: |transcript, _, options| open(transcript, options, MemoryService),
    special: SpecialRules::NONE,
};

const TABLES: &[TableQuery] = &[TableQuery { name: "memories", sql: "SELECT * FROM memories ORDER BY rowid" }];
/// Project of texts that name none.
const NO_PROJECT: &str = "mcp-memory-service";

/// Stateless, because rows do not depend on each other.
#[derive(Debug)]
struct MemoryService;

impl RowConverter for MemoryService {
    fn table_queries(&self) -> &'static [TableQuery] {
        TABLES
    }

    fn convert_row(&mut self, _table: &str, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        let gone = ["deleted_at", "superseded_by"].iter().any(|name| row.get(*name).is_some_and(|at| !at.is_null()));
        if gone {
            return Ok(vec![Item::Bookkeeping("deleted row".into())]);
        }
        let id = text_field(row, "content_hash").ok_or("no `content_hash`, skipped")?;
        let more = text_field(row, "metadata").and_then(|text| json::parse_lenient(text.as_bytes()).ok());
        let more = more.map_or(Value::Null, |(more, _)| more);
        let project = first_field(&more, &["project", "cwd", "project_path"]).unwrap_or(NO_PROJECT);
        let at = first_time_field(row, &["created_at", "created_at_iso"]);
        let mut builder = DraftBuilder::new(project, id, Role::User, at, count);
        let tags = text_field(row, "tags").unwrap_or("").split(',').map(str::trim).filter(|tag| !tag.is_empty());
        let note = DraftNote {
            kind: text_field(row, "memory_type").map(str::to_owned),
            tags: tags.filter(|tag| *tag != "untagged").map(str::to_owned).collect(),
            ..DraftNote::default()
        };
        builder.add_note(text_field(row, "content").unwrap_or(""), note);
        builder.draft_mut().cwd = Some(project.to_owned());
        Ok(vec![builder.finish()])
    }
}

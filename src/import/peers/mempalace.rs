//! Reads MemPalace's database (`chroma.sqlite3`, or `sqlite_exact.sqlite3`): verbatim conversations, texts saved
//! explicitly, and pieces of files. Data derived from them (closets, assets) is left out. The layout is that of version
//! 3, read from both kinds of database that the program itself had made.

use std::path::PathBuf;

use serde_json::Value;

use crate::config::env;
use crate::domain::{DraftNote, Origin, PartKind, Role, json};
use crate::import::Item;
use crate::import::draft_builder::{DraftBuilder, parse_time, text_field};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules, has_name};
use crate::import::tables::{RowConverter, TableQuery, open};

/// The importer of mempalace's database.
pub(in crate::import) static MEMPALACE: Importer = Importer {
    name: "mempalace",
    kind: ImporterKind::Database(&[&["collections", "embeddings"], &["collections", "documents"]]),
    help: ImporterHelp {
        command: "Import from MemPalace: conversations, filed notes, pieces of files",
        path: "Palace folder [default: ~/.mempalace, else ~/.config/mempalace]",
        hint: "name the palace, usually ~/.mempalace/palace",
    },
    default_folder: Some(palace_folder),
    owns_file: |path| has_name(path, &["chroma.sqlite3", "sqlite_exact.sqlite3"]),
    is_own_record: |_| false,
    reader_version: 1,
    open: |transcript, _, options| open(transcript, options, MemPalace),
    special: SpecialRules::NONE,
};

/// Returns the folder of older versions if it exists, else that of newer ones.
fn palace_folder() -> Option<PathBuf> {
    let first = env::user_home().map(|home| home.join(".mempalace")).filter(|folder| folder.is_dir());
    first.or_else(|| env::config_folder().map(|config| config.join("mempalace")))
}

const TABLES: &[TableQuery] = &[
    TableQuery {
        name: "embeddings",
        sql: "SELECT e.embedding_id AS id, c.name AS collection, e.created_at AS created_at,
                (SELECT m.string_value FROM embedding_metadata m WHERE m.id = e.id AND m.key = 'chroma:document') AS document,
                (SELECT json_group_object(m.key, coalesce(m.string_value, m.int_value, m.float_value))
                 FROM embedding_metadata m WHERE m.id = e.id AND m.key <> 'chroma:document') AS metadata
              FROM embeddings e JOIN segments s ON s.id = e.segment_id JOIN collections c ON c.id = s.collection
              ORDER BY e.id",
    },
    TableQuery {
        name: "documents",
        sql: "SELECT d.id AS id, c.name AS collection, d.created_at AS created_at, d.document AS document,
                d.metadata_json AS metadata
              FROM documents d JOIN collections c ON c.id = d.collection_id ORDER BY d.rowid",
    },
];

/// Suffixes of collections that the program derives from the others.
const DERIVED: [&str; 2] = ["closets", "assets"];

/// Stateless, because rows do not depend on each other.
#[derive(Debug)]
struct MemPalace;

/// Splits a document into question and answer: the lines of a person start with `>`.
fn split_exchange(document: &str) -> (String, String) {
    let lines: Vec<&str> = document.lines().collect();
    let asked = lines.iter().take_while(|line| line.starts_with('>')).count();
    let (asked, answered) = lines.split_at(asked);
    let asked: Vec<&str> = asked.iter().map(|line| line.trim_start_matches('>').trim_start()).collect();
    (asked.join("\n"), answered.join("\n"))
}

impl RowConverter for MemPalace {
    fn table_queries(&self) -> &'static [TableQuery] {
        TABLES
    }

    fn convert_row(&mut self, _table: &str, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        let collection = text_field(row, "collection").unwrap_or("");
        let metadata = text_field(row, "metadata").unwrap_or("{}");
        // The text is kept even if its metadata cannot be read.
        let about = json::parse_lenient(metadata.as_bytes()).map_or(Value::Null, |(about, _)| about);
        let (mode, room) = (text_field(&about, "ingest_mode").unwrap_or(""), text_field(&about, "room").unwrap_or(""));
        if DERIVED.iter().any(|derived| collection.ends_with(derived)) || mode == "registry" || room == "_registry" {
            return Ok(vec![Item::Bookkeeping("closet".into())]);
        }
        let id = text_field(row, "id").ok_or("no id, skipped")?;
        let document = text_field(row, "document").unwrap_or("");
        let wing = text_field(&about, "wing");
        let file = text_field(&about, "source_file");
        let session = text_field(&about, "session_id").or(file).or(wing).unwrap_or("palace");
        let times = ["timestamp", "authored_at", "filed_at"].iter().find_map(|name| parse_time(about.get(*name)));
        let at = times.or_else(|| parse_time(row.get("created_at")));
        let begin = |id: &str, role| {
            let mut builder = DraftBuilder::new(session, id, role, at, count);
            builder.draft_mut().cwd = wing.map(str::to_owned);
            builder
        };
        let said = |id: &str, role, text: &str| {
            let mut builder = begin(id, role);
            builder.add_text(text);
            builder.finish()
        };
        // A file that was ingested, not something that was said or saved.
        let is_file = file.is_some() && about.get("source_mtime").is_some();
        Ok(match (mode, text_field(&about, "role")) {
            ("sweep", Some(role)) => {
                let text = document.split_once(": ").map_or(document, |(_, text)| text);
                vec![said(id, if role == "user" { Role::User } else { Role::Assistant }, text)]
            }
            ("convos", _) => {
                let (asked, answered) = split_exchange(document);
                // The times are equal, so the ids give the order.
                let both = [(id.to_owned(), Role::User, asked), (format!("{id}/answer"), Role::Assistant, answered)];
                let both = both.into_iter().filter(|(_, _, text)| !text.trim().is_empty());
                let both: Vec<Item> = both.map(|(id, role, text)| said(&id, role, &text)).collect();
                if both.is_empty() { vec![Item::Bookkeeping("empty message".into())] } else { both }
            }
            _ if is_file || mode == "extract" => {
                let mut builder = begin(id, Role::Tool);
                builder.draft_mut().files.extend(file.map(str::to_owned));
                builder.add_part(PartKind::ToolResult, Origin::Tool, document, Some("file"));
                vec![builder.finish()]
            }
            _ => {
                let mut builder = begin(id, Role::User);
                let tags = Some(room).filter(|room| !room.is_empty()).map(str::to_owned).into_iter().collect();
                builder.add_note(document, DraftNote { tags, ..DraftNote::default() });
                vec![builder.finish()]
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_is_a_question_and_its_answer() {
        let both = |asked: &str, answered: &str| (asked.to_owned(), answered.to_owned());
        assert_eq!(split_exchange("> why?\nbecause\n\n- of this"), both("why?", "because\n\n- of this"));
        assert_eq!(split_exchange("> first\n> second"), both("first\nsecond", ""));
        assert_eq!(split_exchange("only an answer"), both("", "only an answer"));
    }
}

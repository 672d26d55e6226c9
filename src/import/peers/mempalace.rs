//! MemPalace's database (`chroma.sqlite3`, or `sqlite_exact.sqlite3`): conversations word for word, texts that were filed on purpose, and
//! pieces of files. What it derived from them (closets, assets) is left out. The layout is that of version 3, read from both kinds of
//! database that the program itself had made.

use serde_json::Value;

use super::tables::{Peer, Table};
use crate::domain::{Kind, Note, Origin, Role, json};
use crate::import::Item;
use crate::import::draft_builder::{DraftBuilder, field, moment};

const TABLES: &[Table] = &[
    Table {
        name: "embeddings",
        sql: "SELECT e.embedding_id AS id, c.name AS collection, e.created_at AS created_at,
                (SELECT m.string_value FROM embedding_metadata m WHERE m.id = e.id AND m.key = 'chroma:document') AS document,
                (SELECT json_group_object(m.key, coalesce(m.string_value, m.int_value, m.float_value))
                 FROM embedding_metadata m WHERE m.id = e.id AND m.key <> 'chroma:document') AS metadata
              FROM embeddings e JOIN segments s ON s.id = e.segment_id JOIN collections c ON c.id = s.collection
              ORDER BY e.id",
    },
    Table {
        name: "documents",
        sql: "SELECT d.id AS id, c.name AS collection, d.created_at AS created_at, d.document AS document,
                d.metadata_json AS metadata
              FROM documents d JOIN collections c ON c.id = d.collection_id ORDER BY d.rowid",
    },
];

/// Endings of collections that the program derives from the others.
const DERIVED: [&str; 2] = ["closets", "assets"];

/// Has no state: rows stand alone.
#[derive(Debug)]
pub(in crate::import) struct MemPalace;

/// Where a question ends and its answer begins: the lines of a person start with `>`.
fn exchange(document: &str) -> (String, String) {
    let lines: Vec<&str> = document.lines().collect();
    let asked = lines.iter().take_while(|line| line.starts_with('>')).count();
    let (asked, answered) = lines.split_at(asked);
    let asked: Vec<&str> = asked.iter().map(|line| line.trim_start_matches('>').trim_start()).collect();
    (asked.join("\n"), answered.join("\n"))
}

impl Peer for MemPalace {
    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    fn row(&mut self, _table: &str, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        let collection = field(row, "collection").unwrap_or("");
        let metadata = field(row, "metadata").unwrap_or("{}");
        // The text is kept even where nothing is known about it.
        let about = json::parse(metadata.as_bytes()).map_or(Value::Null, |(about, _)| about);
        let (mode, room) = (field(&about, "ingest_mode").unwrap_or(""), field(&about, "room").unwrap_or(""));
        if DERIVED.iter().any(|derived| collection.ends_with(derived)) || mode == "registry" || room == "_registry" {
            return Ok(vec![Item::Bookkeeping("closet".into())]);
        }
        let id = field(row, "id").ok_or("no id, skipped")?;
        let document = field(row, "document").unwrap_or("");
        let wing = field(&about, "wing");
        let file = field(&about, "source_file");
        let session = field(&about, "session_id").or(file).or(wing).unwrap_or("palace");
        let times = ["timestamp", "authored_at", "filed_at"].iter().find_map(|name| moment(about.get(*name)));
        let at = times.or_else(|| moment(row.get("created_at")));
        let begin = |id: &str, role| {
            let mut builder = DraftBuilder::new(session, id, role, at, count);
            builder.draft().cwd = wing.map(str::to_owned);
            builder
        };
        let said = |id: &str, role, text: &str| {
            let mut builder = begin(id, role);
            builder.add_text(text);
            builder.finish()
        };
        // A file that was read in, not something that was said or saved.
        let is_file = file.is_some() && about.get("source_mtime").is_some();
        Ok(match (mode, field(&about, "role")) {
            ("sweep", Some(role)) => {
                let text = document.split_once(": ").map_or(document, |(_, text)| text);
                vec![said(id, if role == "user" { Role::User } else { Role::Assistant }, text)]
            }
            ("convos", _) => {
                let (asked, answered) = exchange(document);
                // Equal times: the order is that of the ids.
                let both = [(id.to_owned(), Role::User, asked), (format!("{id}/answer"), Role::Assistant, answered)];
                let both = both.into_iter().filter(|(_, _, text)| !text.trim().is_empty());
                let both: Vec<Item> = both.map(|(id, role, text)| said(&id, role, &text)).collect();
                if both.is_empty() { vec![Item::Bookkeeping("empty message".into())] } else { both }
            }
            _ if is_file || mode == "extract" => {
                let mut builder = begin(id, Role::Tool);
                builder.draft().files.extend(file.map(str::to_owned));
                builder.add_part(Kind::ToolResult, Origin::Tool, document, Some("file"));
                vec![builder.finish()]
            }
            _ => {
                let mut builder = begin(id, Role::User);
                let tags = Some(room).filter(|room| !room.is_empty()).map(str::to_owned).into_iter().collect();
                builder.add_saved(document, Note { tags, ..Note::default() });
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
        assert_eq!(exchange("> why?\nbecause\n\n- of this"), both("why?", "because\n\n- of this"));
        assert_eq!(exchange("> first\n> second"), both("first\nsecond", ""));
        assert_eq!(exchange("only an answer"), both("", "only an answer"));
    }
}

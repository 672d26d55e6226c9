//! Reads engram's database (`~/.engram/engram.db`, Gentleman-Programming/engram): notes saved explicitly, prompts, and
//! summaries of sessions. Rows deleted there are not imported. The layout is that of the program's source at version 1.

use std::collections::HashMap;

use serde_json::Value;

use crate::config::env;
use crate::domain::{DraftNote, Origin, PartKind, Role};
use crate::import::Item;
use crate::import::draft_builder::{DraftBuilder, first_time_field, integer_field, text_field};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules, has_name};
use crate::import::tables::{RowConverter, TableQuery, open};

/// The importer of engram's database.
pub(in crate::import) static ENGRAM: Importer = Importer {
    name: "engram",
    kind: ImporterKind::Database(&[&["observations", "user_prompts", "sessions"]]),
    help: ImporterHelp {
        command: "Import from engram: saved memories, prompts, summaries",
        path: "Database, or the folder with it [default: ~/.engram]",
        hint: "name engram's database, usually ~/.engram/engram.db",
    },
    default_folder: Some(|| env::user_home().map(|home| home.join(".engram"))),
    owns_file: |path| has_name(path, &["engram.db"]),
    is_own_record: |_| false,
    reader_version: 1,
    open: |transcript, _, options| open(transcript, options, Engram::default()),
    special: SpecialRules::NONE,
};

const TABLES: &[TableQuery] = &[
    TableQuery { name: "sessions", sql: "SELECT * FROM sessions ORDER BY rowid" },
    TableQuery { name: "observations", sql: "SELECT * FROM observations ORDER BY id" },
    TableQuery { name: "user_prompts", sql: "SELECT * FROM user_prompts ORDER BY id" },
];

/// State while one database is read.
#[derive(Debug, Default)]
struct Engram {
    /// Folder by session id.
    folders: HashMap<String, String>,
}

impl Engram {
    fn project_folder(&self, row: &Value, session: &str) -> Option<String> {
        self.folders.get(session).cloned().or_else(|| text_field(row, "project").map(str::to_owned))
    }
}

impl RowConverter for Engram {
    fn table_queries(&self) -> &'static [TableQuery] {
        TABLES
    }

    fn convert_row(&mut self, table: &str, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        if row.get("deleted_at").is_some_and(|at| !at.is_null()) {
            return Ok(vec![Item::Bookkeeping("deleted row".into())]);
        }
        if table == "sessions" {
            let session = text_field(row, "id").ok_or("no `id`, skipped")?;
            let folder = text_field(row, "directory").or_else(|| text_field(row, "project"));
            self.folders.extend(folder.map(|folder| (session.to_owned(), folder.to_owned())));
            let mut builder = DraftBuilder::new(
                session,
                "summary",
                Role::Assistant,
                first_time_field(row, &["ended_at", "started_at"]),
                count,
            );
            builder.add_part(PartKind::Summary, Origin::Model, text_field(row, "summary").unwrap_or(""), None);
            builder.draft_mut().cwd = folder.map(str::to_owned);
            return Ok(vec![builder.finish()]);
        }
        let session = text_field(row, "session_id").ok_or("no `session_id`, skipped")?;
        let kind = if table == "observations" { "observation" } else { "prompt" };
        let own = integer_field(row, "id").map(|id| format!("{kind}-{id}"));
        let id = text_field(row, "sync_id").map(str::to_owned).or(own).ok_or("neither `sync_id` nor `id`, skipped")?;
        let mut builder = DraftBuilder::new(session, &id, Role::User, first_time_field(row, &["created_at"]), count);
        let text = text_field(row, "content").unwrap_or("");
        if table == "observations" {
            let note = DraftNote {
                kind: text_field(row, "type").map(str::to_owned),
                title: text_field(row, "title").map(str::to_owned),
                topic_key: text_field(row, "topic_key").map(str::to_owned),
                tags: text_field(row, "scope")
                    .filter(|scope| *scope != "project")
                    .map(str::to_owned)
                    .into_iter()
                    .collect(),
                ..DraftNote::default()
            };
            builder.add_note(text, note);
        } else {
            builder.add_text(text);
        }
        builder.draft_mut().cwd = self.project_folder(row, session);
        Ok(vec![builder.finish()])
    }
}

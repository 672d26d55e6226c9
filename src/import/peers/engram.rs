//! engram's database (`~/.engram/engram.db`, Gentleman-Programming/engram): what was saved on purpose, prompts, and what sessions came to.
//! What was deleted there stays there. The layout is that of the program's source at version 1.

use std::collections::HashMap;

use serde_json::Value;

use super::tables::{Peer, Table};
use crate::domain::{Kind, Note, Origin, Role};
use crate::import::Item;
use crate::import::draft_builder::{DraftBuilder, field, number, when};

const TABLES: &[Table] = &[
    Table { name: "sessions", sql: "SELECT * FROM sessions ORDER BY rowid" },
    Table { name: "observations", sql: "SELECT * FROM observations ORDER BY id" },
    Table { name: "user_prompts", sql: "SELECT * FROM user_prompts ORDER BY id" },
];

/// The state of one database.
#[derive(Debug, Default)]
pub(in crate::import) struct Engram {
    /// Folder of each session.
    folders: HashMap<String, String>,
}

impl Engram {
    fn folder(&self, row: &Value, session: &str) -> Option<String> {
        self.folders.get(session).cloned().or_else(|| field(row, "project").map(str::to_owned))
    }
}

impl Peer for Engram {
    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    fn row(&mut self, table: &str, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        if row.get("deleted_at").is_some_and(|at| !at.is_null()) {
            return Ok(vec![Item::Bookkeeping("deleted row".into())]);
        }
        if table == "sessions" {
            let session = field(row, "id").ok_or("no `id`, skipped")?;
            let folder = field(row, "directory").or_else(|| field(row, "project"));
            self.folders.extend(folder.map(|folder| (session.to_owned(), folder.to_owned())));
            let mut builder =
                DraftBuilder::new(session, "summary", Role::Assistant, when(row, &["ended_at", "started_at"]), count);
            builder.add_part(Kind::Summary, Origin::Model, field(row, "summary").unwrap_or(""), None);
            builder.draft().cwd = folder.map(str::to_owned);
            return Ok(vec![builder.finish()]);
        }
        let session = field(row, "session_id").ok_or("no `session_id`, skipped")?;
        let kind = if table == "observations" { "observation" } else { "prompt" };
        let own = number(row, "id").map(|id| format!("{kind}-{id}"));
        let id = field(row, "sync_id").map(str::to_owned).or(own).ok_or("neither `sync_id` nor `id`, skipped")?;
        let mut builder = DraftBuilder::new(session, &id, Role::User, when(row, &["created_at"]), count);
        let text = field(row, "content").unwrap_or("");
        if table == "observations" {
            let note = Note {
                kind: field(row, "type").map(str::to_owned),
                title: field(row, "title").map(str::to_owned),
                topic_key: field(row, "topic_key").map(str::to_owned),
                tags: field(row, "scope").filter(|scope| *scope != "project").map(str::to_owned).into_iter().collect(),
                ..Note::default()
            };
            builder.add_saved(text, note);
        } else {
            builder.add_text(text);
        }
        builder.draft().cwd = self.folder(row, session);
        Ok(vec![builder.finish()])
    }
}

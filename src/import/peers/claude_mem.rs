//! claude-mem's database (`~/.claude-mem/claude-mem.db`): prompts word for word, what a model wrote about each step and each session.
//! The layout is that of versions 3 to 13, read from databases that the program itself had made.

use std::collections::HashMap;

use serde_json::Value;

use super::tables::{Peer, Table};
use crate::domain::{Kind, Origin, Role, Timestamp};
use crate::import::draft_builder::{DraftBuilder, first, labelled, lines, number, strings, when};
use crate::import::{Item, SessionRef, Title, TitleRank};

const TABLES: &[Table] = &[
    Table { name: "sdk_sessions", sql: "SELECT * FROM sdk_sessions ORDER BY id" },
    Table { name: "user_prompts", sql: "SELECT * FROM user_prompts ORDER BY id" },
    Table { name: "observations", sql: "SELECT * FROM observations ORDER BY id" },
    Table { name: "session_summaries", sql: "SELECT * FROM session_summaries ORDER BY id" },
];

/// The state of one database.
#[derive(Debug, Default)]
pub(in crate::import) struct ClaudeMem {
    /// Claude Code's session, by the tool's own.
    sessions: HashMap<String, String>,
    /// The project, by Claude Code's session.
    projects: HashMap<String, String>,
}

/// Claude Code's session: older versions call it otherwise.
fn session(row: &Value) -> Option<&str> {
    first(row, &["content_session_id", "claude_session_id"])
}

impl ClaudeMem {
    fn remember(&mut self, row: &Value) -> Result<Vec<Item>, String> {
        let session = session(row).ok_or("neither `content_session_id` nor `claude_session_id`, skipped")?;
        if let Some(own) = first(row, &["memory_session_id", "sdk_session_id"]) {
            self.sessions.insert(own.to_owned(), session.to_owned());
        }
        self.projects.extend(first(row, &["project"]).map(|project| (session.to_owned(), project.to_owned())));
        let title = first(row, &["custom_title"]);
        let named = |title: &str| Title {
            session: SessionRef::Id(session.to_owned()),
            title: title.to_owned(),
            rank: TitleRank::Chosen,
        };
        let title = title.map(|title| Item::Title(named(title)));
        Ok([Item::Bookkeeping("session of claude-mem".into())].into_iter().chain(title).collect())
    }

    fn written(&self, table: &str, row: &Value, count: u64) -> Result<DraftBuilder, String> {
        let own = first(row, &["memory_session_id", "sdk_session_id"]).ok_or("no `memory_session_id`, skipped")?;
        let session = self.sessions.get(own).map_or(own, String::as_str);
        let kind = if table == "observations" { "observation" } else { "summary" };
        let id = format!("{kind}-{}", number(row, "id").ok_or("no `id`, skipped")?);
        let mut builder = DraftBuilder::new(session, &id, Role::Assistant, at(row), count);
        let about = builder.draft();
        about.cwd = first(row, &["merged_into_project", "project"])
            .map(str::to_owned)
            .or_else(|| self.projects.get(session).cloned());
        about.model = first(row, &["generated_by_model"]).map(str::to_owned);
        for named in ["files_read", "files_modified", "files_edited"] {
            about.files.extend(strings(row, named));
        }
        Ok(builder)
    }
}

fn at(row: &Value) -> Option<Timestamp> {
    when(row, &["created_at_epoch", "created_at"])
}

impl Peer for ClaudeMem {
    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    fn row(&mut self, table: &str, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        match table {
            "sdk_sessions" => self.remember(row),
            "user_prompts" => {
                let session = session(row).ok_or("no session, skipped")?;
                let id = format!("prompt-{}", number(row, "id").ok_or("no `id`, skipped")?);
                let mut builder = DraftBuilder::new(session, &id, Role::User, at(row), count);
                builder.add_text(first(row, &["prompt_text"]).unwrap_or(""));
                builder.draft().cwd = self.projects.get(session).cloned();
                Ok(vec![builder.finish()])
            }
            "observations" => {
                let mut builder = self.written(table, row, count)?;
                let mut text = lines(row, &["title", "subtitle", "narrative", "text"]);
                for fact in strings(row, "facts") {
                    text.push_str("\n- ");
                    text.push_str(&fact);
                }
                builder.add_part(Kind::Summary, Origin::Model, &text, None);
                Ok(vec![builder.finish()])
            }
            _ => {
                let mut builder = self.written(table, row, count)?;
                let said = ["request", "investigated", "learned", "completed", "next_steps", "notes"];
                builder.add_part(Kind::Summary, Origin::Model, &labelled(row, &said), None);
                Ok(vec![builder.finish()])
            }
        }
    }
}

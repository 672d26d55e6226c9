//! Reads claude-mem's database (`~/.claude-mem/claude-mem.db`): verbatim prompts, and what a model wrote about each
//! step and each session. The layout is that of versions 3 to 13, read from databases that the program itself had made.

use std::collections::HashMap;

use serde_json::Value;

use crate::config::env;
use crate::domain::{Origin, PartKind, Role, Timestamp};
use crate::import::draft_builder::{
    DraftBuilder, first_field, first_time_field, integer_field, join_fields, join_labelled_fields, json_string_list,
};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules, has_name};
use crate::import::tables::{RowConverter, TableQuery, open};
use crate::import::{Item, SessionRef, SessionTitle, TitleRank};

/// The importer of claude-mem's database.
pub(in crate::import) static CLAUDE_MEM: Importer = Importer {
    name: "claude-mem",
    kind: ImporterKind::Database(&[&["sdk_sessions"]]),
    help: ImporterHelp {
        command: "Import from claude-mem: prompts, observations, summaries",
        path: "Database, or the folder with it [default: ~/.claude-mem]",
        hint: "name claude-mem's database, usually ~/.claude-mem/claude-mem.db",
    },
    default_folder: Some(|| env::user_home().map(|home| home.join(".claude-mem"))),
    owns_file: |path| has_name(path, &["claude-mem.db"]),
    is_own_record: |_| false,
    reader_version: 1,
    open: |transcript, _, options| open(transcript, options, ClaudeMem::default()),
    special: SpecialRules::NONE,
};

const TABLES: &[TableQuery] = &[
    TableQuery { name: "sdk_sessions", sql: "SELECT * FROM sdk_sessions ORDER BY id" },
    TableQuery { name: "user_prompts", sql: "SELECT * FROM user_prompts ORDER BY id" },
    TableQuery { name: "observations", sql: "SELECT * FROM observations ORDER BY id" },
    TableQuery { name: "session_summaries", sql: "SELECT * FROM session_summaries ORDER BY id" },
];

/// State while one database is read.
#[derive(Debug, Default)]
struct ClaudeMem {
    /// Claude Code's session id by claude-mem's own.
    sessions: HashMap<String, String>,
    /// Project by Claude Code's session id.
    projects: HashMap<String, String>,
}

/// Returns Claude Code's session id, which older versions name differently.
fn session_id(row: &Value) -> Option<&str> {
    first_field(row, &["content_session_id", "claude_session_id"])
}

impl ClaudeMem {
    fn read_session(&mut self, row: &Value) -> Result<Vec<Item>, String> {
        let session = session_id(row).ok_or("neither `content_session_id` nor `claude_session_id`, skipped")?;
        if let Some(own) = first_field(row, &["memory_session_id", "sdk_session_id"]) {
            self.sessions.insert(own.to_owned(), session.to_owned());
        }
        self.projects.extend(first_field(row, &["project"]).map(|project| (session.to_owned(), project.to_owned())));
        let title = first_field(row, &["custom_title"]);
        let named = |title: &str| SessionTitle {
            session: SessionRef::Id(session.to_owned()),
            title: title.to_owned(),
            rank: TitleRank::Chosen,
        };
        let title = title.map(|title| Item::Title(named(title)));
        Ok([Item::Bookkeeping("session of claude-mem".into())].into_iter().chain(title).collect())
    }

    fn start_generated(&self, table: &str, row: &Value, count: u64) -> Result<DraftBuilder, String> {
        let own =
            first_field(row, &["memory_session_id", "sdk_session_id"]).ok_or("no `memory_session_id`, skipped")?;
        let session = self.sessions.get(own).map_or(own, String::as_str);
        let kind = if table == "observations" { "observation" } else { "summary" };
        let id = format!("{kind}-{}", integer_field(row, "id").ok_or("no `id`, skipped")?);
        let mut builder = DraftBuilder::new(session, &id, Role::Assistant, row_time(row), count);
        let about = builder.draft_mut();
        about.cwd = first_field(row, &["merged_into_project", "project"])
            .map(str::to_owned)
            .or_else(|| self.projects.get(session).cloned());
        about.model = first_field(row, &["generated_by_model"]).map(str::to_owned);
        for named in ["files_read", "files_modified", "files_edited"] {
            about.files.extend(json_string_list(row, named));
        }
        Ok(builder)
    }
}

fn row_time(row: &Value) -> Option<Timestamp> {
    first_time_field(row, &["created_at_epoch", "created_at"])
}

impl RowConverter for ClaudeMem {
    fn table_queries(&self) -> &'static [TableQuery] {
        TABLES
    }

    fn convert_row(&mut self, table: &str, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        match table {
            "sdk_sessions" => self.read_session(row),
            "user_prompts" => {
                let session = session_id(row).ok_or("no session, skipped")?;
                let id = format!("prompt-{}", integer_field(row, "id").ok_or("no `id`, skipped")?);
                let mut builder = DraftBuilder::new(session, &id, Role::User, row_time(row), count);
                builder.add_text(first_field(row, &["prompt_text"]).unwrap_or(""));
                builder.draft_mut().cwd = self.projects.get(session).cloned();
                Ok(vec![builder.finish()])
            }
            "observations" => {
                let mut builder = self.start_generated(table, row, count)?;
                let mut text = join_fields(row, &["title", "subtitle", "narrative", "text"]);
                for fact in json_string_list(row, "facts") {
                    text.push_str("\n- ");
                    text.push_str(&fact);
                }
                builder.add_part(PartKind::Summary, Origin::Model, &text, None);
                Ok(vec![builder.finish()])
            }
            _ => {
                let mut builder = self.start_generated(table, row, count)?;
                let said = ["request", "investigated", "learned", "completed", "next_steps", "notes"];
                builder.add_part(PartKind::Summary, Origin::Model, &join_labelled_fields(row, &said), None);
                Ok(vec![builder.finish()])
            }
        }
    }
}

//! Reads episodic-memory's index (`~/.config/superpowers/conversation-index/db.sqlite`, obra/episodic-memory):
//! exchanges whose transcript is no longer in its archive, with their tool calls, and session summaries. The archive
//! itself holds Claude Code's transcripts and is read as such. The layout is that of the program's source.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::env;
use crate::domain::{Origin, PartKind, Role, json};
use crate::import::draft_builder::{DraftBuilder, first_time_field, join_labelled_fields, text_field};
use crate::import::importer::{ImportSteps, Importer, ImporterHelp, ImporterKind, SpecialRules, has_name};
use crate::import::tables::{RowConverter, TableQuery, open};
use crate::import::{Item, TranscriptFile, claude_code};

/// The importer of episodic-memory's database.
pub(in crate::import) static EPISODIC_MEMORY: Importer = Importer {
    name: "episodic-memory",
    kind: ImporterKind::Database(&[&["exchanges"]]),
    help: ImporterHelp {
        command: "Import from episodic-memory: its archive and its index",
        path: "Folder, or the index alone [default: ~/.config/superpowers]",
        hint: "name episodic-memory's folder, usually ~/.config/superpowers",
    },
    default_folder: Some(|| env::config_folder().map(|config| config.join("superpowers"))),
    owns_file: |path| has_name(path, &["db.sqlite"]),
    is_own_record: |_| false,
    reader_version: 1,
    open: |transcript, _, options| open(transcript, options, EpisodicMemory::new(transcript)),
    special: SpecialRules { steps: Some(import_steps), ..SpecialRules::NONE },
};

/// Lists what is read for a folder: the archive in it holds Claude Code's transcripts.
fn import_steps(path: &Path) -> ImportSteps {
    let archive = path.is_dir().then(|| (&claude_code::IMPORTER, path.to_owned()));
    archive.into_iter().chain([(&EPISODIC_MEMORY, path.to_owned())]).collect()
}

const TABLES: &[TableQuery] = &[
    TableQuery { name: "exchanges", sql: "SELECT * FROM exchanges ORDER BY timestamp, id" },
    TableQuery { name: "tool_calls", sql: "SELECT * FROM tool_calls ORDER BY timestamp, id" },
    TableQuery { name: "session_summaries", sql: "SELECT * FROM session_summaries ORDER BY timestamp, id" },
];

/// Session of an exchange, with its folder and branch.
#[derive(Debug, Clone)]
struct ExchangeSession {
    session: String,
    folder: Option<String>,
    branch: Option<String>,
}

/// State while one database is read.
#[derive(Debug)]
struct EpisodicMemory {
    /// Folder that holds index and archive.
    root: PathBuf,
    /// True for each named transcript that still exists, by its path.
    there: HashMap<String, bool>,
    /// Exchanges that are imported from the index, by id.
    exchanges: HashMap<String, ExchangeSession>,
}

impl EpisodicMemory {
    fn new(transcript: &TranscriptFile) -> Self {
        let root = transcript.path.parent().and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
        Self { root, there: HashMap::new(), exchanges: HashMap::new() }
    }

    /// Returns true if a transcript still exists. It is also found if the whole folder with the archive was moved.
    fn transcript_exists(&mut self, path: &str) -> bool {
        if let Some(there) = self.there.get(path) {
            return *there;
        }
        let moved = path
            .split_once("conversation-archive")
            .map(|(_, rest)| self.root.join("conversation-archive").join(rest.trim_start_matches(['/', '\\'])));
        let there = Path::new(path).is_file() || moved.is_some_and(|moved| moved.is_file());
        self.there.insert(path.to_owned(), there);
        there
    }

    fn read_exchange(&mut self, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        let id = text_field(row, "id").ok_or("no `id`, skipped")?;
        let archive = text_field(row, "archive_path").unwrap_or("");
        if self.transcript_exists(archive) {
            return Ok(vec![Item::Bookkeeping("known elsewhere".into())]);
        }
        let stem = Path::new(archive).file_stem().unwrap_or_default().to_string_lossy();
        let owned = |name: &str| text_field(row, name).map(str::to_owned);
        let place = ExchangeSession {
            session: owned("session_id").unwrap_or_else(|| stem.into_owned()),
            folder: owned("cwd").or_else(|| owned("project")),
            branch: owned("git_branch"),
        };
        let at = first_time_field(row, &["timestamp"]);
        let both = [
            ("user_message", Role::User, id.to_owned()),
            ("assistant_message", Role::Assistant, format!("{id}/answer")),
        ];
        let items = both.map(|(name, role, id)| {
            let mut builder = DraftBuilder::new(&place.session, &id, role, at, count);
            builder.add_text(text_field(row, name).unwrap_or(""));
            set_session_context(&mut builder, &place);
            builder.draft_mut().sidechain = row.get("is_sidechain").and_then(Value::as_i64) == Some(1);
            builder.finish()
        });
        self.exchanges.insert(id.to_owned(), place);
        Ok(items.into())
    }

    fn read_call(&self, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        let exchange = text_field(row, "exchange_id").ok_or("no `exchange_id`, skipped")?;
        let Some(place) = self.exchanges.get(exchange) else {
            return Ok(vec![Item::Bookkeeping("known elsewhere".into())]);
        };
        let id = text_field(row, "id").ok_or("no `id`, skipped")?;
        let at = first_time_field(row, &["timestamp"]);
        let mut builder = DraftBuilder::new(&place.session, id, Role::Assistant, at, count);
        let tool = text_field(row, "tool_name").unwrap_or("tool");
        let asked = text_field(row, "tool_input").map_or(Value::Null, |text| {
            json::parse_lenient(text.as_bytes()).map_or_else(|_| Value::String(text.to_owned()), |(asked, _)| asked)
        });
        builder.add_call(tool, &asked);
        builder.add_result(Some(tool), text_field(row, "tool_result").unwrap_or(""));
        set_session_context(&mut builder, place);
        Ok(vec![builder.finish()])
    }
}

fn set_session_context(builder: &mut DraftBuilder, place: &ExchangeSession) {
    let about = builder.draft_mut();
    about.cwd.clone_from(&place.folder);
    about.git_branch.clone_from(&place.branch);
}

impl RowConverter for EpisodicMemory {
    fn table_queries(&self) -> &'static [TableQuery] {
        TABLES
    }

    fn convert_row(&mut self, table: &str, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        match table {
            "exchanges" => self.read_exchange(row, count),
            "tool_calls" => self.read_call(row, count),
            _ => {
                let session = text_field(row, "session_id").ok_or("no `session_id`, skipped")?;
                let at = first_time_field(row, &["timestamp"]);
                let id = text_field(row, "id").unwrap_or("summary");
                let mut builder = DraftBuilder::new(session, id, Role::Assistant, at, count);
                builder.add_part(
                    PartKind::Summary,
                    Origin::Model,
                    &join_labelled_fields(row, &["one_liner", "detailed"]),
                    None,
                );
                builder.draft_mut().cwd = text_field(row, "project").map(str::to_owned);
                Ok(vec![builder.finish()])
            }
        }
    }
}

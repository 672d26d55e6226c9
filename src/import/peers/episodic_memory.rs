//! episodic-memory's index (`~/.config/superpowers/conversation-index/db.sqlite`, obra/episodic-memory): exchanges whose transcript is no
//! longer in its archive, with their tools, and what was written about sessions. The archive itself holds Claude Code's transcripts and is
//! read as such. The layout is that of the program's source.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::tables::{Peer, Table};
use crate::domain::{Kind, Origin, Role, json};
use crate::import::draft_builder::{DraftBuilder, field, labelled, when};
use crate::import::{Item, Transcript};

const TABLES: &[Table] = &[
    Table { name: "exchanges", sql: "SELECT * FROM exchanges ORDER BY timestamp, id" },
    Table { name: "tool_calls", sql: "SELECT * FROM tool_calls ORDER BY timestamp, id" },
    Table { name: "session_summaries", sql: "SELECT * FROM session_summaries ORDER BY timestamp, id" },
];

/// What is known of the session of an exchange.
#[derive(Debug, Clone)]
struct Place {
    session: String,
    folder: Option<String>,
    branch: Option<String>,
}

/// The state of one database.
#[derive(Debug)]
pub(in crate::import) struct EpisodicMemory {
    /// The folder that holds index and archive.
    root: PathBuf,
    /// Whether each transcript that is named is still there.
    there: HashMap<String, bool>,
    /// Exchanges that are read here.
    exchanges: HashMap<String, Place>,
}

impl EpisodicMemory {
    pub(in crate::import) fn new(transcript: &Transcript) -> Self {
        let root = transcript.path.parent().and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
        Self { root, there: HashMap::new(), exchanges: HashMap::new() }
    }

    /// Whether a transcript is in the archive, also where the whole folder was moved.
    fn is_there(&mut self, path: &str) -> bool {
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

    fn exchange(&mut self, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        let id = field(row, "id").ok_or("no `id`, skipped")?;
        let archive = field(row, "archive_path").unwrap_or("");
        if self.is_there(archive) {
            return Ok(vec![Item::Bookkeeping("known elsewhere".into())]);
        }
        let stem = Path::new(archive).file_stem().unwrap_or_default().to_string_lossy();
        let owned = |name: &str| field(row, name).map(str::to_owned);
        let place = Place {
            session: owned("session_id").unwrap_or_else(|| stem.into_owned()),
            folder: owned("cwd").or_else(|| owned("project")),
            branch: owned("git_branch"),
        };
        let at = when(row, &["timestamp"]);
        let both = [
            ("user_message", Role::User, id.to_owned()),
            ("assistant_message", Role::Assistant, format!("{id}/answer")),
        ];
        let items = both.map(|(name, role, id)| {
            let mut builder = DraftBuilder::new(&place.session, &id, role, at, count);
            builder.add_text(field(row, name).unwrap_or(""));
            placed(&mut builder, &place);
            builder.draft().sidechain = row.get("is_sidechain").and_then(Value::as_i64) == Some(1);
            builder.finish()
        });
        self.exchanges.insert(id.to_owned(), place);
        Ok(items.into())
    }

    fn call(&self, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        let exchange = field(row, "exchange_id").ok_or("no `exchange_id`, skipped")?;
        let Some(place) = self.exchanges.get(exchange) else {
            return Ok(vec![Item::Bookkeeping("known elsewhere".into())]);
        };
        let id = field(row, "id").ok_or("no `id`, skipped")?;
        let at = when(row, &["timestamp"]);
        let mut builder = DraftBuilder::new(&place.session, id, Role::Assistant, at, count);
        let tool = field(row, "tool_name").unwrap_or("tool");
        let asked = field(row, "tool_input").map_or(Value::Null, |text| {
            json::parse(text.as_bytes()).map_or_else(|_| Value::String(text.to_owned()), |(asked, _)| asked)
        });
        builder.add_call(tool, &asked);
        builder.add_result(Some(tool), field(row, "tool_result").unwrap_or(""));
        placed(&mut builder, place);
        Ok(vec![builder.finish()])
    }
}

fn placed(builder: &mut DraftBuilder, place: &Place) {
    let about = builder.draft();
    about.cwd.clone_from(&place.folder);
    about.git_branch.clone_from(&place.branch);
}

impl Peer for EpisodicMemory {
    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    fn row(&mut self, table: &str, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        match table {
            "exchanges" => self.exchange(row, count),
            "tool_calls" => self.call(row, count),
            _ => {
                let session = field(row, "session_id").ok_or("no `session_id`, skipped")?;
                let at = when(row, &["timestamp"]);
                let id = field(row, "id").unwrap_or("summary");
                let mut builder = DraftBuilder::new(session, id, Role::Assistant, at, count);
                builder.add_part(Kind::Summary, Origin::Model, &labelled(row, &["one_liner", "detailed"]), None);
                builder.draft().cwd = field(row, "project").map(str::to_owned);
                Ok(vec![builder.finish()])
            }
        }
    }
}

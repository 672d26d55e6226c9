//! Reads the threads of Zed's agent: `threads/threads.db`, a row of JSON for each thread, mostly compressed.

use std::io::Read as _;
use std::path::PathBuf;

use serde_json::Value;

use super::blocks::{CallNames, ContentAuthor, add_content, add_prose, result_text};
use crate::config::env;
use crate::domain::{Origin, PartKind, Role, Timestamp, json, limits};
use crate::import::content::content_text;
use crate::import::draft_builder::{DraftBuilder, array_field, first_field, first_time_field, text_field};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules, has_name};
use crate::import::tables::{self, RowConverter, TableQuery};
use crate::import::{Item, TranscriptFile};

/// The importer of Zed's threads.
pub(in crate::import) static ZED: Importer = Importer {
    name: "zed",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import the threads of Zed's agent",
        path: "threads.db, or the folder with it [default: threads in Zed's data folder]",
        hint: "name Zed's threads/threads.db",
    },
    default_folder: Some(threads_folder),
    owns_file: |path| has_name(path, &["threads.db"]),
    is_own_record: |_| false,
    reader_version: 1,
    open: |transcript: &TranscriptFile, _, options| {
        tables::open(transcript, options, Zed { longest: options.longest.max(limits::ROW_BYTES) })
    },
    // Other programs have a table of this name too: the database is known by its own.
    special: SpecialRules { tables: &[&["threads", "zed"]], ..SpecialRules::NONE },
};

/// Returns the folder of the threads: `~/.local/share/zed`, `~/Library/Application Support/Zed`, `%LOCALAPPDATA%`.
fn threads_folder() -> Option<PathBuf> {
    let name = if cfg!(target_os = "linux") { "zed" } else { "Zed" };
    env::data_folder().map(|folder| folder.join(name).join("threads"))
}

const TABLES: &[TableQuery] = &[TableQuery {
    name: "threads",
    // Bytes are handed over as text.
    sql: "SELECT *, CASE data_type WHEN 'json' THEN CAST(data AS TEXT) ELSE hex(data) END AS content FROM threads ORDER BY rowid",
}];

/// Converter of threads.
#[derive(Debug)]
struct Zed {
    /// Maximum bytes of a thread.
    longest: usize,
}

/// Properties that the messages of a thread share.
struct ThreadFacts<'a> {
    session: &'a str,
    parent: Option<&'a str>,
    at: Option<Timestamp>,
    folder: Option<String>,
    branch: Option<String>,
    model: Option<&'a str>,
}

impl Zed {
    /// Returns the JSON of a row.
    fn decode_content(&self, row: &Value) -> Result<Value, String> {
        let content = text_field(row, "content").ok_or("no `data`, skipped")?;
        let bytes = if text_field(row, "data_type") == Some("json") {
            content.as_bytes().to_vec()
        } else {
            let compressed = decode_hex(content).ok_or("`data` has no bytes, skipped")?;
            let decoder = zstd::stream::read::Decoder::new(&compressed[..]).map_err(|error| error.to_string())?;
            let mut bytes = Vec::new();
            // A few bytes may stand for gigabytes.
            let read = decoder.take(self.longest as u64 + 1).read_to_end(&mut bytes);
            read.map_err(|error| format!("`data` cannot be decompressed: {error}"))?;
            if bytes.len() > self.longest {
                return Err("thread is over the limit; see --max-line-mib".to_owned());
            }
            bytes
        };
        json::parse_partial(&bytes).map(|(value, _)| value).map_err(|error| format!("not JSON: {error}"))
    }
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().chunks(2).map(|pair| Some((digit(*pair.first()?)? << 4) | digit(*pair.get(1)?)?)).collect()
}

impl RowConverter for Zed {
    fn table_queries(&self) -> &'static [TableQuery] {
        TABLES
    }

    fn convert_row(&mut self, _: &str, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        let session = text_field(row, "id").ok_or("no `id`, skipped")?;
        let thread = self.decode_content(row)?;
        let folders = text_field(row, "folder_paths").and_then(|folders| folders.lines().next());
        let snapshot =
            array_field(thread.get("initial_project_snapshot").unwrap_or(&Value::Null), "worktree_snapshots");
        let worktree = snapshot.first().unwrap_or(&Value::Null);
        let branch = worktree.pointer("/git_state/current_branch").and_then(Value::as_str);
        let facts = ThreadFacts {
            session,
            parent: text_field(row, "parent_id"),
            at: first_time_field(&thread, &["updated_at"]).or_else(|| first_time_field(row, &["updated_at"])),
            folder: folders.or_else(|| text_field(worktree, "worktree_path")).map(str::to_owned),
            branch: branch.map(str::to_owned),
            model: thread.pointer("/model/model").and_then(Value::as_str),
        };
        let messages = array_field(&thread, "messages").iter().enumerate();
        let mut items: Vec<Item> =
            messages.map(|(place, message)| facts.build_message(place, message, count)).collect();
        if items.is_empty() {
            items.push(Item::Bookkeeping("thread without messages".into()));
        }
        let title = first_field(&thread, &["title", "summary"]).or_else(|| text_field(row, "summary"));
        items.extend(title.map(|title| Item::generated_title(session, title)));
        Ok(items)
    }
}

impl ThreadFacts<'_> {
    fn start_message(&self, id: &str, role: Role, line: u64) -> DraftBuilder {
        let mut builder = DraftBuilder::new(self.session, id, role, None, line);
        // A thread has the time of its last change only.
        builder.set_neighbor_time(self.at);
        let draft = builder.draft_mut();
        draft.cwd.clone_from(&self.folder);
        draft.git_branch.clone_from(&self.branch);
        draft.parent_session = self.parent.map(str::to_owned);
        draft.model = self.model.filter(|_| role == Role::Assistant).map(str::to_owned);
        builder
    }

    fn build_message(&self, place: usize, message: &Value, line: u64) -> Item {
        // The place is the id of an answer: an id of a person's message is its own.
        let by_place = format!("message-{place}");
        if let Some(user) = message.get("User") {
            let id = text_field(user, "id").unwrap_or(&by_place);
            let mut builder = self.start_message(id, Role::User, line);
            let author = if self.parent.is_some() { ContentAuthor::Model } else { ContentAuthor::Person };
            array_field(user, "content").iter().for_each(|block| add_user_block(&mut builder, block, author));
            return builder.finish();
        }
        if let Some(answer) = message.get("Agent") {
            let mut builder = self.start_message(&by_place, Role::Assistant, line);
            add_answer(&mut builder, answer);
            return builder.finish();
        }
        if text_field(message, "role").is_some() {
            return self.build_older_message(&by_place, message, line);
        }
        Item::Bookkeeping("mark of a thread".into())
    }

    /// Builds a message of version 0.2, with roles and segments.
    fn build_older_message(&self, id: &str, message: &Value, line: u64) -> Item {
        let is_prompt = text_field(message, "role") == Some("user");
        let role = if is_prompt { Role::User } else { Role::Assistant };
        let author = if is_prompt { ContentAuthor::Person } else { ContentAuthor::Model };
        let mut builder = self.start_message(id, role, line);
        let mut calls = CallNames::default();
        add_content(&mut builder, message.get("segments").unwrap_or(&Value::Null), author, &mut calls);
        for call in array_field(message, "tool_uses") {
            let tool = text_field(call, "name").unwrap_or("tool");
            calls.record_call(text_field(call, "id"), tool);
            builder.add_call(tool, call.get("input").unwrap_or(&Value::Null));
        }
        for result in array_field(message, "tool_results") {
            let tool = calls.find_tool(text_field(result, "tool_use_id"));
            builder.add_result(tool, &variant_text(result.get("content").unwrap_or(&Value::Null)));
        }
        let context = text_field(message, "context").unwrap_or("");
        builder.add_part(PartKind::Meta, Origin::Client, context, None);
        builder.finish()
    }
}

fn add_user_block(builder: &mut DraftBuilder, block: &Value, author: ContentAuthor) {
    if let Some(text) = block.get("Text").and_then(Value::as_str) {
        add_prose(builder, author, text);
    } else if let Some(mention) = block.get("Mention") {
        // A file or a page that the person mentioned, which the client put there.
        let text = text_field(mention, "content").unwrap_or("");
        builder.add_part(PartKind::Meta, Origin::Client, text, None);
    } else if block.get("Image").is_some() {
        builder.add_part(PartKind::Meta, Origin::Client, "[image]", None);
    } else {
        builder.add_part(PartKind::Meta, Origin::Client, &content_text(block), None);
    }
}

fn add_answer(builder: &mut DraftBuilder, answer: &Value) {
    let results = answer.get("tool_results").unwrap_or(&Value::Null);
    for block in array_field(answer, "content") {
        if let Some(text) = block.get("Text").and_then(Value::as_str) {
            add_prose(builder, ContentAuthor::Model, text);
        } else if let Some(thinking) = block.get("Thinking") {
            let text = text_field(thinking, "text").unwrap_or("");
            builder.add_part(PartKind::Thinking, Origin::Model, text, None);
        } else if let Some(call) = block.get("ToolUse") {
            let tool = text_field(call, "name").unwrap_or("tool");
            builder.add_call(tool, call.get("input").unwrap_or(&Value::Null));
            if let Some(result) = text_field(call, "id").and_then(|id| results.get(id)) {
                let content = result.get("content").filter(|content| !content.is_null());
                let text = content.or_else(|| result.get("output")).map(variant_text);
                builder.add_result(Some(tool), &text.unwrap_or_default());
            }
        } else if block.get("RedactedThinking").is_none() {
            builder.add_part(PartKind::Meta, Origin::Client, &content_text(block), None);
        }
    }
}

/// Returns the text of a content that is a string, or a variant with one.
fn variant_text(content: &Value) -> String {
    match content.get("Text") {
        Some(text) => content_text(text),
        None if content.get("Image").is_some() => "[image]".to_owned(),
        None => result_text(content),
    }
}

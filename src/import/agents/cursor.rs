//! Reads Cursor's chats from its key-value database (`globalStorage/state.vscdb`): a `composerData:` value for each chat
//! and a `bubbleId:` value for each message. The database also has keys and tokens of the user: only these two are read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::blocks::{ContentAuthor, add_prose, parse_arguments, read_usage, result_text};
use super::places::{editor_folders, path_of_uri};
use crate::domain::{Origin, PartKind, Role, Timestamp, json};
use crate::import::draft_builder::{
    DraftBuilder, array_field, first_field, first_time_field, integer_field, text_field,
};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules, has_name};
use crate::import::tables::{self, RowConverter, TableQuery};
use crate::import::{Item, SessionRef, SessionTitle, TitleRank};

/// The importer of Cursor's chats.
pub(in crate::import) static CURSOR: Importer = Importer {
    name: "cursor",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import Cursor's chats",
        path: "state.vscdb, or the folder with it [default: globalStorage in Cursor's User folder]",
        hint: "name Cursor's globalStorage/state.vscdb",
    },
    default_folder: Some(global_storage),
    owns_file: is_database,
    is_own_record: |_| false,
    reader_version: 1,
    open: |transcript, _, options| tables::open(transcript, options, Cursor::default()),
    special: SpecialRules { tables: &[&["cursorDiskKV"]], ..SpecialRules::NONE },
};

fn global_storage() -> Option<PathBuf> {
    editor_folders(&["Cursor"]).into_iter().next().map(|user| user.join("globalStorage"))
}

/// Returns true for the database of all workspaces; those of single ones hold no messages.
fn is_database(path: &Path) -> bool {
    let is_global = path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "globalStorage");
    has_name(path, &["state.vscdb"]) && is_global
}

const TABLES: &[TableQuery] = &[
    TableQuery {
        name: "chats",
        sql: "SELECT key, CAST(value AS TEXT) AS value FROM cursorDiskKV WHERE key >= 'composerData:' AND key < 'composerData;' ORDER BY rowid",
    },
    TableQuery {
        name: "messages",
        sql: "SELECT key, CAST(value AS TEXT) AS value FROM cursorDiskKV WHERE key >= 'bubbleId:' AND key < 'bubbleId;' ORDER BY rowid",
    },
];

/// Properties of a chat.
#[derive(Debug, Default)]
struct ComposerFacts {
    started: Option<Timestamp>,
    folder: Option<String>,
    model: Option<String>,
    parent: Option<String>,
}

/// State while the database is read.
#[derive(Debug, Default)]
struct Cursor {
    chats: HashMap<String, ComposerFacts>,
}

impl Cursor {
    fn read_chat(&mut self, id: &str, value: &Value, count: u64) -> Vec<Item> {
        let folder = ["/workspaceIdentifier/uri/fsPath", "/workspaceIdentifier/uri/path", "/workspaceIdentifier/uri"];
        let folder = folder.iter().find_map(|pointer| value.pointer(pointer)?.as_str()).map(path_of_uri);
        let facts = ComposerFacts {
            started: first_time_field(value, &["createdAt"]),
            folder: folder.or_else(|| find_folder(value)),
            model: value.pointer("/modelConfig/modelName").and_then(Value::as_str).map(str::to_owned),
            parent: value.pointer("/subagentInfo/parentComposerId").and_then(Value::as_str).map(str::to_owned),
        };
        self.chats.insert(id.to_owned(), facts);
        let mut items = vec![Item::Bookkeeping("chat".into())];
        // Older versions keep the messages in the chat.
        for (place, bubble) in array_field(value, "conversation").iter().enumerate() {
            let message = text_field(bubble, "bubbleId").map_or_else(|| place.to_string(), str::to_owned);
            items.push(self.read_bubble(id, &message, bubble, count));
        }
        items.extend(first_field(value, &["name"]).map(|title| {
            let session = SessionRef::Id(id.to_owned());
            Item::Title(SessionTitle { session, title: title.to_owned(), rank: TitleRank::Generated })
        }));
        items
    }

    fn read_bubble(&self, chat: &str, id: &str, bubble: &Value, count: u64) -> Item {
        let is_prompt = integer_field(bubble, "type") == Some(1);
        let role = if is_prompt { Role::User } else { Role::Assistant };
        let timing = bubble.get("timingInfo").unwrap_or(&Value::Null);
        let at = first_time_field(bubble, &["createdAt"])
            .or_else(|| first_time_field(timing, &["clientStartTime", "clientRpcSendTime"]));
        let mut builder = DraftBuilder::new(chat, id, role, at, count);
        let facts = self.chats.get(chat);
        builder.set_neighbor_time(facts.and_then(|facts| facts.started));
        let draft = builder.draft_mut();
        if let Some(facts) = facts {
            draft.cwd.clone_from(&facts.folder);
            draft.parent_session.clone_from(&facts.parent);
            draft.model = facts.model.clone().filter(|_| !is_prompt);
        }
        let counts = bubble.get("tokenCount").unwrap_or(&Value::Null);
        draft.usage = read_usage(counts, ["inputTokens", "outputTokens", "", ""], false).filter(|_| !is_prompt);
        let is_child = facts.is_some_and(|facts| facts.parent.is_some());
        // The prompt of a sub-agent is written by the model that started it.
        let author = if is_prompt && !is_child { ContentAuthor::Person } else { ContentAuthor::Model };
        let thinking = bubble
            .get("thinking")
            .map(|thinking| thinking.as_str().or_else(|| text_field(thinking, "text")).unwrap_or("").to_owned());
        builder.add_part(PartKind::Thinking, Origin::Model, &thinking.unwrap_or_default(), None);
        add_prose(&mut builder, author, text_field(bubble, "text").unwrap_or(""));
        if let Some(call) = bubble.get("toolFormerData").filter(|call| call.is_object()) {
            add_call(&mut builder, call);
        }
        builder.finish()
    }
}

/// Adds a call of a tool with its result, both of which are strings of JSON.
fn add_call(builder: &mut DraftBuilder, call: &Value) {
    let Some(tool) = text_field(call, "name") else { return };
    let arguments = ["rawArgs", "params"].iter().find_map(|name| call.get(*name)).unwrap_or(&Value::Null);
    builder.add_call(tool, &parse_arguments(arguments));
    let result = call.get("result").map(|result| result_text(&parse_arguments(result))).unwrap_or_default();
    let error = call.get("error").map(|error| result_text(&parse_arguments(error))).unwrap_or_default();
    builder.add_result(Some(tool), if result.is_empty() { &error } else { &result });
}

/// Finds the folder of a chat in the files that its context names; a chat has no other.
fn find_folder(chat: &Value) -> Option<String> {
    let selections = ["folderSelections", "fileSelections"];
    let all =
        selections.iter().flat_map(|name| chat.get("context").map_or(&[][..], |context| array_field(context, name)));
    let path = all.into_iter().find_map(|one| one.pointer("/uri/fsPath").and_then(Value::as_str))?;
    // The folder of a repository is above the files.
    let repository = Path::new(path).ancestors().find(|folder| folder.join(".git").exists());
    repository.or_else(|| Path::new(path).parent()).map(|folder| folder.display().to_string())
}

impl RowConverter for Cursor {
    fn table_queries(&self) -> &'static [TableQuery] {
        TABLES
    }

    fn convert_row(&mut self, table: &str, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        let key = text_field(row, "key").ok_or("no `key`, skipped")?;
        let Some(text) = text_field(row, "value").filter(|text| *text != "null") else {
            return Ok(vec![Item::Bookkeeping("empty value".into())]);
        };
        let (value, _) = json::parse_lenient(text.as_bytes()).map_err(|error| format!("not JSON: {error}"))?;
        let (_, id) = key.split_once(':').ok_or("a key without an id, skipped")?;
        if table == "chats" {
            return Ok(self.read_chat(id, &value, count));
        }
        let (chat, message) = id.split_once(':').ok_or("a key without the id of a message, skipped")?;
        Ok(vec![self.read_bubble(chat, message, &value, count)])
    }
}

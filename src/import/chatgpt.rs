//! Reads ChatGPT exports, in which each conversation is a tree of messages. All messages are kept; those off the path
//! to the current message form a side conversation. Messages that ChatGPT hides are counted but not kept, except for
//! its memory and the custom instructions.

use std::collections::HashSet;

use serde_json::Value;

use super::Item;
use super::chatgpt_content::{ContextKind, add_content, add_sources, context_text};
use super::chatgpt_tree::MessageTree;
use super::content::readable_strings;
use super::draft_builder::{
    ContentIds, DraftBuilder, array_field, first_field, first_label, first_time_field, text_field,
};
use super::export::{self, ExportService, is_export};
use super::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules};
use crate::domain::{Draft, Origin, PartKind, Role, Timestamp};

/// Project of all ChatGPT conversations.
const PROJECT: &str = "chatgpt";

/// Session that holds what ChatGPT remembers about its user.
const MEMORY: &str = "chatgpt-memory";

/// Session that holds the user's custom instructions.
const INSTRUCTIONS: &str = "chatgpt-instructions";

/// Fields with the time of a message or a conversation, best first.
const TIMES: [&str; 4] = ["create_time", "update_time", "created_at", "updated_at"];

/// The importer of ChatGPT's exports.
pub(super) static IMPORTER: Importer = Importer {
    name: "chatgpt",
    kind: ImporterKind::Files,
    help: ImporterHelp {
        command: "Import an export of ChatGPT",
        path: "ZIP file, its conversations.json, or the folder it was unpacked to",
        hint: "name the file that ChatGPT sent (Settings, Data controls, Export), zipped or not",
    },
    default_folder: None,
    owns_file: |path| is_export(path, is_chatgpt_head),
    is_own_record,
    reader_version: 2,
    open: |transcript, _, options| export::open(transcript, options, Box::<ChatGpt>::default()),
    special: SpecialRules::NONE,
};

/// State while one export is read.
#[derive(Debug, Default)]
struct ChatGpt {
    /// Session of the last conversation. Messages found after a damaged place are added to it.
    session: Option<String>,
    /// Ids of the memory and instruction texts read so far, because every conversation repeats them.
    contexts: HashSet<String>,
    /// Ids for conversations without one.
    ids: ContentIds,
}

/// Returns true for a record that only ChatGPT writes.
fn is_own_record(value: &Value) -> bool {
    is_mapping(value) || value.get("linear_conversation").is_some_and(Value::is_array)
}

/// Returns true if an object has ChatGPT nodes.
fn is_mapping(value: &Value) -> bool {
    match value.get("mapping") {
        Some(Value::Object(nodes)) => nodes.is_empty() || nodes.values().any(Value::is_object),
        Some(Value::Array(nodes)) => nodes.iter().any(|node| node.get("message").is_some()),
        _ => false,
    }
}

/// Returns true if the start of a file looks like ChatGPT conversations.
fn is_chatgpt_head(head: &[u8]) -> bool {
    let holds = |key: &[u8]| memchr::memmem::find(head, key).is_some();
    holds(b"\"linear_conversation\"") || (holds(b"\"mapping\"") && (holds(b"\"message\"") || holds(b"\"parent\"")))
}

impl ExportService for ChatGpt {
    fn recognizes_head(&self, head: &[u8]) -> bool {
        is_chatgpt_head(head)
    }

    fn is_record(&self, value: &Value) -> bool {
        let is_list = |name| value.get(name).is_some_and(Value::is_array);
        value.get("mapping").is_some_and(|nodes| nodes.is_object() || nodes.is_array())
            || is_list("linear_conversation")
            || (is_list("messages") && first_field(value, &["title", "conversation_id", "id"]).is_some())
    }

    fn is_message(&self, value: &Value) -> bool {
        let message = message_of(value);
        message.get("author").is_some() && message.get("content").is_some()
    }

    fn read_record(&mut self, value: &Value, line: u64) -> Result<Vec<Item>, String> {
        if let Some(tree) = Some(value).filter(|value| self.is_record(value)).and_then(MessageTree::from_conversation) {
            return Ok(self.read_conversation(value, &tree, line));
        }
        let Some(session) = self.session.clone() else {
            return Ok(vec![Item::NotUnderstood(record_kind(value).to_owned(), None)]);
        };
        if self.is_message(value) {
            let around = ChatGptContext { session: &session, line, parent: None, neighbor: None, is_side: false };
            return Ok(vec![self.read_message(message_of(value), text_field(value, "id").unwrap_or(""), &around)]);
        }
        let words = readable_strings(value);
        let draft = (!words.is_empty()).then(|| {
            let id = self.ids.next_id(&[&words]);
            let mut builder = DraftBuilder::new(&session, &id, Role::System, first_time_field(value, &TIMES), line);
            builder.add_part(PartKind::Text, Origin::Client, &words, None);
            builder.finish()
        });
        let draft = draft.and_then(|item| if let Item::Draft(draft) = item { Some(draft) } else { None });
        Ok(vec![Item::NotUnderstood(record_kind(value).to_owned(), draft)])
    }
}

/// Returns the message of a node, or the value itself if it is a message.
fn message_of(value: &Value) -> &Value {
    value.get("message").filter(|message| message.is_object()).unwrap_or(value)
}

/// Returns the type of a record, for reports.
fn record_kind(value: &Value) -> &str {
    first_field(value, &["type", "object", "kind"]).unwrap_or("object without conversation")
}

/// Context of a message that comes from its conversation.
struct ChatGptContext<'a> {
    session: &'a str,
    line: u64,
    parent: Option<String>,
    neighbor: Option<Timestamp>,
    is_side: bool,
}

impl ChatGpt {
    fn read_conversation(&mut self, value: &Value, tree: &MessageTree<'_>, line: u64) -> Vec<Item> {
        let session =
            first_label(value, &["conversation_id", "id", "uuid"]).unwrap_or_else(|| self.derive_session_id(tree));
        self.session = Some(session.clone());
        let ids = message_ids(tree);
        let begun = first_time_field(value, &["create_time", "created_at"])
            .or_else(|| tree.nodes.iter().filter_map(|node| first_time_field(node.message?, &TIMES)).min())
            .or_else(|| first_time_field(value, &["update_time", "updated_at"]));
        let mut times: Vec<Option<Timestamp>> = vec![begun; tree.nodes.len()];
        let mut items = Vec::with_capacity(tree.order.len() + 1);
        for (node, place) in tree.order.iter().filter_map(|place| Some((tree.nodes.get(*place)?, *place))) {
            // A message without a time gets that of its parent.
            let neighbor = node.parent.and_then(|parent| times.get(parent).copied()).flatten().or(begun);
            let at = node.message.and_then(|message| first_time_field(message, &TIMES)).or(neighbor);
            times.get_mut(place).into_iter().for_each(|time| *time = at);
            let Some(message) = node.message else {
                items.push(Item::Bookkeeping("node without message".into()));
                continue;
            };
            let parent = tree.ancestor_indexes(place).find(|place| {
                let message = tree.nodes.get(*place).and_then(|node| node.message);
                message.is_some_and(|message| !is_hidden(message) && context_text(message).is_none())
            });
            let id_of = |place: usize| ids.get(place).cloned();
            let parent = parent.and_then(id_of);
            let around = ChatGptContext { session: &session, line, parent, neighbor, is_side: node.is_side };
            items.push(self.read_message(message, &id_of(place).unwrap_or_default(), &around));
        }
        items.extend(text_field(value, "title").map(|title| Item::generated_title(&session, title)));
        items
    }

    /// Derives an id for a conversation without one from its first message.
    fn derive_session_id(&mut self, tree: &MessageTree<'_>) -> String {
        let first = tree.order.iter().filter_map(|place| tree.nodes.get(*place)).find(|node| node.message.is_some());
        let id = first.and_then(|node| text_field(node.message?, "id").or(node.id)).unwrap_or("");
        let words = first.and_then(|node| node.message).map(readable_strings).unwrap_or_default();
        format!("conversation-{}", self.ids.next_id(&[id, &words]))
    }

    fn read_message(&mut self, message: &Value, id: &str, around: &ChatGptContext<'_>) -> Item {
        if let Some((place, text)) = context_text(message) {
            return self.read_context(place, &text, message, around);
        }
        if is_hidden(message) {
            return Item::Bookkeeping("hidden message".into());
        }
        let made = Some(id)
            .filter(|id| !id.is_empty())
            .map_or_else(|| self.ids.next_id(&[&message.to_string()]), str::to_owned);
        let author = message.get("author").unwrap_or(&Value::Null);
        let role = match text_field(author, "role").or_else(|| first_field(message, &["role", "author"])) {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("tool") => Role::Tool,
            _ => Role::System,
        };
        let metadata = message.get("metadata").unwrap_or(&Value::Null);
        let mut builder =
            DraftBuilder::new(around.session, &made, role, first_time_field(message, &TIMES), around.line);
        builder.set_neighbor_time(around.neighbor);
        add_content(&mut builder, message, role, text_field(author, "name"));
        add_sources(&mut builder, metadata);
        let about = builder.draft_mut();
        about.parent_external_id.clone_from(&around.parent);
        about.cwd = Some(PROJECT.to_owned());
        about.model = text_field(metadata, "model_slug").map(str::to_owned);
        about.sidechain = around.is_side;
        let attached = array_field(metadata, "attachments").iter();
        about.files.extend(attached.filter_map(|file| text_field(file, "name").map(str::to_owned)));
        builder.finish()
    }

    /// Reads memory or instructions. Each has one session, and a text is kept once however many conversations repeat
    /// it.
    fn read_context(&mut self, place: ContextKind, text: &str, message: &Value, around: &ChatGptContext<'_>) -> Item {
        let id = ContentIds::default().next_id(&[text]);
        if text.trim().is_empty() || !self.contexts.insert(id.clone()) {
            return Item::Bookkeeping("repeated memory or instructions".into());
        }
        // ChatGPT adds its own text around the instructions.
        let (session, role, origin) = match place {
            ContextKind::Memory => (MEMORY, Role::Assistant, Origin::Model),
            ContextKind::Instructions => (INSTRUCTIONS, Role::System, Origin::Client),
        };
        let mut builder = DraftBuilder::new(session, &id, role, first_time_field(message, &TIMES), around.line);
        builder.set_neighbor_time(around.neighbor);
        builder.add_part(PartKind::Text, origin, text, None);
        let about: &mut Draft = builder.draft_mut();
        about.cwd = Some(PROJECT.to_owned());
        builder.finish()
    }
}

/// Returns one id per node: that of its message, else that of the node, else a hash of the content.
fn message_ids(tree: &MessageTree<'_>) -> Vec<String> {
    let (mut used, mut made) = (HashSet::new(), ContentIds::default());
    let mut id_of = |node: &super::chatgpt_tree::MessageNode<'_>| {
        let Some(message) = node.message else { return String::new() };
        let known = [first_label(message, &["id"]), node.id.map(str::to_owned)];
        let free = known.into_iter().flatten().find(|id| !used.contains(id));
        let id = free.unwrap_or_else(|| made.next_id(&[&readable_strings(message)]));
        used.insert(id.clone());
        id
    };
    tree.nodes.iter().map(&mut id_of).collect()
}

fn is_hidden(message: &Value) -> bool {
    let hidden = message.pointer("/metadata/is_visually_hidden_from_conversation").and_then(Value::as_bool);
    let weightless = message.get("weight").and_then(Value::as_f64).is_some_and(|weight| weight <= 0.0);
    hidden.unwrap_or(false) || weightless
}

#[cfg(test)]
#[path = "chatgpt_tests.rs"]
mod tests;

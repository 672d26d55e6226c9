//! The export of ChatGPT: each conversation a tree of messages. Everything that was said is kept; what is not on the way to
//! the current message is a side conversation. What ChatGPT hides is counted, not kept, except for its memory and the custom
//! instructions.

use std::collections::HashSet;

use serde_json::Value;

use super::Item;
use super::chatgpt_content::{Place, add_content, add_sources, context_text};
use super::chatgpt_tree::Tree;
use super::content::readable_strings;
use super::draft_builder::{ContentIds, DraftBuilder, field, first, label, list, when};
use super::export::Service;
use crate::domain::{Draft, Kind, Origin, Role, Timestamp};

/// Project of the conversations of this service.
const PROJECT: &str = "chatgpt";

/// Session of what ChatGPT has remembered about its user.
const MEMORY: &str = "chatgpt-memory";

/// Session of what the user told ChatGPT about themselves and about its answers.
const INSTRUCTIONS: &str = "chatgpt-instructions";

/// Fields with the time of a message or a conversation, best first.
const TIMES: [&str; 4] = ["create_time", "update_time", "created_at", "updated_at"];

/// The state of one export.
#[derive(Debug, Default)]
pub(super) struct ChatGpt {
    /// The last conversation: messages behind damage belong to it.
    session: Option<String>,
    /// Memory and instructions that were read; they stand in every conversation.
    contexts: HashSet<String>,
    /// Ids for conversations without one.
    ids: ContentIds,
}

/// Returns whether the start of a file shows conversations of ChatGPT.
pub(super) fn recognizes(head: &[u8]) -> bool {
    let holds = |key: &[u8]| memchr::memmem::find(head, key).is_some();
    holds(b"\"linear_conversation\"") || (holds(b"\"mapping\"") && (holds(b"\"message\"") || holds(b"\"parent\"")))
}

impl Service for ChatGpt {
    fn recognizes(&self, head: &[u8]) -> bool {
        recognizes(head)
    }

    fn is_record(&self, value: &Value) -> bool {
        let is_list = |name| value.get(name).is_some_and(Value::is_array);
        value.get("mapping").is_some_and(|nodes| nodes.is_object() || nodes.is_array())
            || is_list("linear_conversation")
            || (is_list("messages") && first(value, &["title", "conversation_id", "id"]).is_some())
    }

    fn is_message(&self, value: &Value) -> bool {
        let message = message_of(value);
        message.get("author").is_some() && message.get("content").is_some()
    }

    fn read_record(&mut self, value: &Value, line: u64) -> Result<Vec<Item>, String> {
        if let Some(tree) = Some(value).filter(|value| self.is_record(value)).and_then(Tree::build) {
            return Ok(self.read_conversation(value, &tree, line));
        }
        let Some(session) = self.session.clone() else {
            return Ok(vec![Item::NotUnderstood(kind_of(value).to_owned(), None)]);
        };
        if self.is_message(value) {
            let around = Around { session: &session, line, parent: None, neighbor: None, is_side: false };
            return Ok(vec![self.read_message(message_of(value), field(value, "id").unwrap_or(""), &around)]);
        }
        let words = readable_strings(value);
        let draft = (!words.is_empty()).then(|| {
            let id = self.ids.next_id(&[&words]);
            let mut builder = DraftBuilder::new(&session, &id, Role::System, when(value, &TIMES), line);
            builder.add_part(Kind::Text, Origin::Client, &words, None);
            builder.finish()
        });
        let draft = draft.and_then(|item| if let Item::Draft(draft) = item { Some(draft) } else { None });
        Ok(vec![Item::NotUnderstood(kind_of(value).to_owned(), draft)])
    }
}

/// The message of a node, or the message itself.
fn message_of(value: &Value) -> &Value {
    value.get("message").filter(|message| message.is_object()).unwrap_or(value)
}

/// Returns the type of a record, for reports.
fn kind_of(value: &Value) -> &str {
    first(value, &["type", "object", "kind"]).unwrap_or("object without conversation")
}

/// Facts about a message from its place in the conversation.
struct Around<'a> {
    session: &'a str,
    line: u64,
    parent: Option<String>,
    neighbor: Option<Timestamp>,
    is_side: bool,
}

impl ChatGpt {
    fn read_conversation(&mut self, value: &Value, tree: &Tree<'_>, line: u64) -> Vec<Item> {
        let session = label(value, &["conversation_id", "id", "uuid"]).unwrap_or_else(|| self.name_session(tree));
        self.session = Some(session.clone());
        let ids = message_ids(tree);
        let begun = when(value, &["create_time", "created_at"])
            .or_else(|| tree.nodes.iter().filter_map(|node| when(node.message?, &TIMES)).min())
            .or_else(|| when(value, &["update_time", "updated_at"]));
        let mut times: Vec<Option<Timestamp>> = vec![begun; tree.nodes.len()];
        let mut items = Vec::with_capacity(tree.order.len() + 1);
        for (node, place) in tree.order.iter().filter_map(|place| Some((tree.nodes.get(*place)?, *place))) {
            // A message without a time was said when its parent was.
            let neighbor = node.parent.and_then(|parent| times.get(parent).copied()).flatten().or(begun);
            let at = node.message.and_then(|message| when(message, &TIMES)).or(neighbor);
            times.get_mut(place).into_iter().for_each(|time| *time = at);
            let Some(message) = node.message else {
                items.push(Item::Bookkeeping("node without message".into()));
                continue;
            };
            let parent = tree.ancestors(place).find(|place| {
                let message = tree.nodes.get(*place).and_then(|node| node.message);
                message.is_some_and(|message| !is_hidden(message) && context_text(message).is_none())
            });
            let id_of = |place: usize| ids.get(place).cloned();
            let parent = parent.and_then(id_of);
            let around = Around { session: &session, line, parent, neighbor, is_side: node.is_side };
            items.push(self.read_message(message, &id_of(place).unwrap_or_default(), &around));
        }
        items.extend(field(value, "title").map(|title| Item::title(&session, title)));
        items
    }

    /// An id for a conversation without one, made of its first message.
    fn name_session(&mut self, tree: &Tree<'_>) -> String {
        let first = tree.order.iter().filter_map(|place| tree.nodes.get(*place)).find(|node| node.message.is_some());
        let id = first.and_then(|node| field(node.message?, "id").or(node.id)).unwrap_or("");
        let words = first.and_then(|node| node.message).map(readable_strings).unwrap_or_default();
        format!("conversation-{}", self.ids.next_id(&[id, &words]))
    }

    fn read_message(&mut self, message: &Value, id: &str, around: &Around<'_>) -> Item {
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
        let role = match field(author, "role").or_else(|| first(message, &["role", "author"])) {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("tool") => Role::Tool,
            _ => Role::System,
        };
        let metadata = message.get("metadata").unwrap_or(&Value::Null);
        let mut builder = DraftBuilder::new(around.session, &made, role, when(message, &TIMES), around.line);
        builder.set_neighbor_time(around.neighbor);
        add_content(&mut builder, message, role, field(author, "name"));
        add_sources(&mut builder, metadata);
        let about = builder.draft();
        about.parent_external_id.clone_from(&around.parent);
        about.cwd = Some(PROJECT.to_owned());
        about.model = field(metadata, "model_slug").map(str::to_owned);
        about.sidechain = around.is_side;
        let attached = list(metadata, "attachments").iter();
        about.files.extend(attached.filter_map(|file| field(file, "name").map(str::to_owned)));
        builder.finish()
    }

    /// Memory and instructions: one session each, every text once however many conversations repeat it.
    fn read_context(&mut self, place: Place, text: &str, message: &Value, around: &Around<'_>) -> Item {
        let id = ContentIds::default().next_id(&[text]);
        if text.trim().is_empty() || !self.contexts.insert(id.clone()) {
            return Item::Bookkeeping("repeated memory or instructions".into());
        }
        // The instructions come with words of ChatGPT around them.
        let (session, role, origin) = match place {
            Place::Memory => (MEMORY, Role::Assistant, Origin::Model),
            Place::Instructions => (INSTRUCTIONS, Role::System, Origin::Client),
        };
        let mut builder = DraftBuilder::new(session, &id, role, when(message, &TIMES), around.line);
        builder.set_neighbor_time(around.neighbor);
        builder.add_part(Kind::Text, origin, text, None);
        let about: &mut Draft = builder.draft();
        about.cwd = Some(PROJECT.to_owned());
        builder.finish()
    }
}

/// Ids of the messages of all nodes: their own, else that of the node, else made of what they hold.
fn message_ids(tree: &Tree<'_>) -> Vec<String> {
    let (mut used, mut made) = (HashSet::new(), ContentIds::default());
    let mut id_of = |node: &super::chatgpt_tree::Node<'_>| {
        let Some(message) = node.message else { return String::new() };
        let known = [label(message, &["id"]), node.id.map(str::to_owned)];
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

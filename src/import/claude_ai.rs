//! The export of claude.ai: conversations with their messages, flat or as a tree of attempts. Everything that was said is kept; what is not
//! on the way to the last message is a side conversation.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::Item;
use super::export::Names;
use super::turn::{Turn, field, list, moment, texts};
use crate::domain::{Kind, Origin, Role, Timestamp};

/// The parent of a first message, as some exports write it.
const ROOT: &str = "00000000-0000-4000-8000-000000000000";

pub(super) fn conversation(value: &Value, line: u64, names: &Names) -> Result<Vec<Item>, String> {
    let session = field(value, "uuid").ok_or("a conversation without `uuid`, skipped")?;
    let messages = value.get("chat_messages").and_then(Value::as_array);
    let messages = messages.ok_or_else(|| format!("conversation {session} has no list `chat_messages`, skipped"))?;
    let project = field(value, "project_uuid").and_then(|id| names.get(id)).map_or("claude.ai", String::as_str);
    let mut at = moment(value.get("created_at")).unwrap_or(Timestamp::from_milliseconds(0));
    let way = way(value, messages);
    let mut items = Vec::with_capacity(messages.len() + 1);
    for (number, message) in messages.iter().enumerate() {
        let role = match field(message, "sender") {
            Some("human") => Role::User,
            Some("assistant") => Role::Assistant,
            _ => Role::System,
        };
        at = moment(message.get("created_at")).unwrap_or(at);
        let numbered = format!("message-{number}");
        let id = field(message, "uuid").unwrap_or(&numbered);
        let mut turn = Turn::new(session, id, role, at, line);
        parts(&mut turn, message);
        let about = turn.about();
        about.parent_external_id =
            field(message, "parent_message_uuid").filter(|parent| *parent != ROOT).map(str::to_owned);
        about.cwd = Some(project.to_owned());
        about.model = field(value, "model").filter(|_| role == Role::Assistant).map(str::to_owned);
        about.sidechain = way.as_ref().is_some_and(|way| !way.contains(id));
        items.push(turn.item());
    }
    if let Some(title) = field(value, "name") {
        items.push(Item::Title { session: session.to_owned(), title: title.to_owned() });
    }
    Ok(items)
}

/// The messages from the last one back to the first; `None` where the export knows no tree.
fn way<'a>(value: &'a Value, messages: &'a [Value]) -> Option<HashSet<&'a str>> {
    let parents: HashMap<&str, &str> = messages
        .iter()
        .filter_map(|message| Some((field(message, "uuid")?, field(message, "parent_message_uuid")?)))
        .collect();
    let mut at = field(value, "current_leaf_message_uuid")?;
    let mut way = HashSet::new();
    while way.insert(at) {
        let Some(parent) = parents.get(at) else { break };
        at = parent;
    }
    Some(way)
}

fn parts(turn: &mut Turn, message: &Value) {
    let blocks = list(message, "content");
    for block in blocks {
        match field(block, "type").unwrap_or("text") {
            "thinking" => turn.part(Kind::Thinking, Origin::Model, field(block, "thinking").unwrap_or(""), None),
            "tool_use" => {
                turn.call(field(block, "name").unwrap_or("tool"), block.get("input").unwrap_or(&Value::Null));
            }
            "tool_result" => {
                turn.result(field(block, "name"), &block.get("content").map(texts).unwrap_or_default());
            }
            "token_budget" => {}
            _ => turn.said(field(block, "text").unwrap_or("")),
        }
    }
    // Older exports have the text only.
    if blocks.is_empty() {
        turn.said(field(message, "text").unwrap_or(""));
    }
    for attachment in list(message, "attachments") {
        let content = field(attachment, "extracted_content").unwrap_or("");
        turn.part(Kind::ToolResult, Origin::Tool, content, Some("attachment"));
    }
    let named = list(message, "attachments").iter().chain(list(message, "files"));
    turn.about().files.extend(named.filter_map(|file| field(file, "file_name").map(str::to_owned)));
}

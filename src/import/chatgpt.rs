//! The export of ChatGPT: each conversation a tree of messages. Everything that was said is kept; what is not on the way to the current
//! message is a side conversation, what the client hides is left out.

use std::collections::HashSet;

use serde_json::Value;

use super::Item;
use super::export::Names;
use super::turn::{Turn, field, first, lines, list, moment, texts};
use crate::domain::{Kind, Origin, Role, Timestamp};

pub(super) fn conversation(value: &Value, line: u64, _names: &Names) -> Result<Vec<Item>, String> {
    let session = first(value, &["conversation_id", "id"]).ok_or("a conversation without `id`, skipped")?;
    let nodes = value.get("mapping").and_then(Value::as_object);
    let nodes = nodes.ok_or_else(|| format!("conversation {session} has no `mapping`, skipped"))?;
    let mut way = HashSet::new();
    let mut at = field(value, "current_node");
    while let Some(node) = at.filter(|node| way.insert(*node)) {
        at = nodes.get(node).and_then(|node| field(node, "parent"));
    }
    let begun = moment(value.get("create_time")).unwrap_or(Timestamp::from_milliseconds(0));
    // In the order of the tree: a message comes after its parent, and has its time where it has none of its own.
    let mut waiting: Vec<(&str, Timestamp)> = nodes
        .iter()
        .filter(|(_, node)| field(node, "parent").is_none_or(|parent| !nodes.contains_key(parent)))
        .map(|(id, _)| (id.as_str(), begun))
        .collect();
    let (mut items, mut seen) = (Vec::new(), HashSet::new());
    while let Some((id, before)) = waiting.pop() {
        let Some(node) = nodes.get(id).filter(|_| seen.insert(id)) else { continue };
        let message = node.get("message").filter(|message| message.is_object());
        let at = message.and_then(|message| moment(message.get("create_time"))).unwrap_or(before);
        let children = list(node, "children").iter().rev();
        waiting.extend(children.filter_map(Value::as_str).map(|child| (child, at)));
        if let Some(message) = message {
            let on_the_way = way.is_empty() || way.contains(id);
            items.push(read(session, message, field(node, "parent"), at, line, on_the_way));
        }
    }
    if let Some(title) = field(value, "title") {
        items.push(Item::Title { session: session.to_owned(), title: title.to_owned() });
    }
    Ok(items)
}

fn read(session: &str, message: &Value, parent: Option<&str>, at: Timestamp, line: u64, on_the_way: bool) -> Item {
    let metadata = message.get("metadata").unwrap_or(&Value::Null);
    let hidden = metadata.get("is_visually_hidden_from_conversation").and_then(Value::as_bool).unwrap_or(false);
    let weightless = message.get("weight").and_then(Value::as_f64).is_some_and(|weight| weight <= 0.0);
    let Some(id) = field(message, "id").filter(|_| !hidden && !weightless) else { return Item::Skipped };
    let author = message.get("author").unwrap_or(&Value::Null);
    let role = match field(author, "role") {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        _ => Role::System,
    };
    let mut turn = Turn::new(session, id, role, at, line);
    content(&mut turn, message, role, field(author, "name"));
    let about = turn.about();
    about.parent_external_id = parent.map(str::to_owned);
    about.cwd = Some("chatgpt".to_owned());
    about.model = field(metadata, "model_slug").map(str::to_owned);
    about.sidechain = !on_the_way;
    about.files.extend(list(metadata, "attachments").iter().filter_map(|file| field(file, "name").map(str::to_owned)));
    turn.item()
}

fn content(turn: &mut Turn, message: &Value, role: Role, tool: Option<&str>) {
    let content = message.get("content").unwrap_or(&Value::Null);
    let text = content.get("parts").or_else(|| content.get("text")).map(texts).unwrap_or_default();
    match field(content, "content_type").unwrap_or("text") {
        "thoughts" => {
            for thought in list(content, "thoughts") {
                turn.part(Kind::Thinking, Origin::Model, &lines(thought, &["summary", "content"]), None);
            }
        }
        "reasoning_recap" => turn.part(Kind::Thinking, Origin::Model, field(content, "content").unwrap_or(""), None),
        "user_editable_context" => {
            let context = lines(content, &["user_profile", "user_instructions"]);
            turn.part(Kind::Meta, Origin::Client, &context, None);
        }
        // What is addressed to a tool is a call.
        "code" if role == Role::Assistant => {
            let tool = field(message, "recipient").filter(|recipient| *recipient != "all").unwrap_or("code");
            turn.call(tool, &Value::String(text));
        }
        "tether_browsing_display" | "tether_quote" | "sonic_webpage" => {
            turn.result(Some("web"), &lines(content, &["title", "result", "text"]));
        }
        _ if role == Role::Tool => turn.result(tool, &text),
        _ => turn.said(&text),
    }
}

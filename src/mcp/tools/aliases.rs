//! The names that the predecessor's tools had. They are not listed, and work in every profile: a client that was written
//! for it, or a model that remembers it, is answered.

use serde_json::{Map, Value, json};

use crate::domain::mark;

/// The tool that answers to an old name, and its arguments made from the old ones. A name that imports would not recognise as
/// ours has none.
pub(super) fn resolve(name: &str, arguments: &Value) -> Option<(&'static str, Value)> {
    if !mark::is_tool(name) {
        return None;
    }
    let text = |names: &[&str]| first(arguments, names);
    Some(match name {
        "memory_status" | "claude_memory_status" | "claude_memory_health" => ("memory_health", json!({})),
        "get_global_stats" => ("memory_stats", json!({})),
        "claude_memory_search" | "search_memories" => ("memory_search", search(arguments, text(&PROJECT))),
        "claude_memory_cross_project_search" | "get_cross_project_memories" => {
            ("memory_search", search(arguments, Some("all".into())))
        }
        "claude_memory_inject" => {
            let named = [("task", text(&QUERY)), ("max_tokens", text(&["max_tokens", "token_budget"]))];
            ("memory_context", object(named.into_iter().chain([("project", text(&PROJECT))])))
        }
        "get_recent_conversations" | "get_project_conversations" => {
            let default = (name == "get_project_conversations").then(|| Value::from("current"));
            let named = [("project", text(&PROJECT).or(default)), ("limit", limit(arguments))];
            ("memory_sessions", object(named))
        }
        "get_conversation_messages" => {
            let session = text(&["conversation_id", "session_id", "id"]);
            ("memory_get", object([("session_id", session), ("count", limit(arguments))]))
        }
        "store_conversation" => {
            let messages = arguments.get("messages").and_then(Value::as_array).map(|messages| talk(messages));
            let said = text(&["text", "content", "summary", "conversation"]).or(messages.map(Value::from));
            let named = [("text", said), ("title", text(&["title", "name"])), ("project", None)];
            ("memory_save", object(named))
        }
        _ => return None,
    })
}

const QUERY: [&str; 5] = ["query", "q", "task", "prompt", "text"];
const PROJECT: [&str; 4] = ["project", "project_id", "project_name", "project_path"];

fn search(arguments: &Value, project: Option<Value>) -> Value {
    object([("query", first(arguments, &QUERY)), ("limit", limit(arguments)), ("project", project)])
}

/// Kept within what the tool allows: an old client must not fail over it.
fn limit(arguments: &Value) -> Option<Value> {
    let limit = first(arguments, &["limit", "top_k", "max_results", "count"])?;
    Some(limit.as_u64().map_or(limit, |limit| limit.clamp(1, 50).into()))
}

fn first(arguments: &Value, names: &[&str]) -> Option<Value> {
    names.iter().find_map(|name| arguments.get(name).filter(|value| !value.is_null()).cloned())
}

fn object(fields: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}

fn talk(messages: &[Value]) -> String {
    let line = |message: &Value| {
        let of = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
        format!("{}: {}", of("role"), of("content"))
    };
    messages.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_arguments_become_new_ones() {
        let resolved = |name, arguments| resolve(name, &arguments).unwrap();
        assert_eq!(
            resolved("search_memories", json!({ "query": "x", "limit": 500, "project_id": null })),
            ("memory_search", json!({ "query": "x", "limit": 50 }))
        );
        assert_eq!(
            resolved("get_conversation_messages", json!({ "conversation_id": "abc", "limit": 5 })),
            ("memory_get", json!({ "session_id": "abc", "count": 5 }))
        );
        let stored = resolved("store_conversation", json!({ "messages": [{ "role": "user", "content": "hello" }] }));
        assert_eq!(stored, ("memory_save", json!({ "text": "user: hello" })));
        assert!(resolve("memory_search", &json!({})).is_none());
    }
}

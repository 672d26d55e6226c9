//! Aliases for the tools of the predecessor. They are not listed and work in every profile, for clients that were
//! written for it and models that remember it.

use serde_json::{Map, Value, json};

use crate::domain::own_output;

/// Maps an old name and its arguments to a tool of today. `None` for names that importers would not recognise as ours.
pub(super) fn resolve_alias(name: &str, arguments: &Value) -> Option<(&'static str, Value)> {
    if !own_output::is_known_tool(name) {
        return None;
    }
    let text = |names: &[&str]| first_present(arguments, names);
    Some(match name {
        "memory_status" | "claude_memory_status" | "claude_memory_health" => ("memory_health", json!({})),
        "get_global_stats" => ("memory_stats", json!({})),
        "claude_memory_search" | "search_memories" => ("memory_search", search_arguments(arguments, text(&PROJECT))),
        "claude_memory_cross_project_search" | "get_cross_project_memories" => {
            ("memory_search", search_arguments(arguments, Some("all".into())))
        }
        "claude_memory_inject" => {
            let named = [("task", text(&QUERY)), ("max_tokens", text(&["max_tokens", "token_budget"]))];
            ("memory_context", build_object(named.into_iter().chain([("project", text(&PROJECT))])))
        }
        "get_recent_conversations" | "get_project_conversations" => {
            let default = (name == "get_project_conversations").then(|| Value::from("current"));
            let named = [("project", text(&PROJECT).or(default)), ("limit", clamp_limit(arguments))];
            ("memory_sessions", build_object(named))
        }
        "get_conversation_messages" => {
            let session = text(&["conversation_id", "session_id", "id"]);
            ("memory_get", build_object([("session_id", session), ("count", clamp_limit(arguments))]))
        }
        "store_conversation" => {
            let messages = arguments.get("messages").and_then(Value::as_array).map(|messages| join_messages(messages));
            let said = text(&["text", "content", "summary", "conversation"]).or(messages.map(Value::from));
            let named = [("text", said), ("title", text(&["title", "name"])), ("project", None)];
            ("memory_save", build_object(named))
        }
        _ => return None,
    })
}

const QUERY: [&str; 5] = ["query", "q", "task", "prompt", "text"];
const PROJECT: [&str; 4] = ["project", "project_id", "project_name", "project_path"];

fn search_arguments(arguments: &Value, project: Option<Value>) -> Value {
    build_object([("query", first_present(arguments, &QUERY)), ("limit", clamp_limit(arguments)), ("project", project)])
}

/// Returns the limit, clamped to what the tool allows, so that an old client does not fail over it.
fn clamp_limit(arguments: &Value) -> Option<Value> {
    let limit = first_present(arguments, &["limit", "top_k", "max_results", "count"])?;
    Some(limit.as_u64().map_or(limit, |limit| limit.clamp(1, 50).into()))
}

fn first_present(arguments: &Value, names: &[&str]) -> Option<Value> {
    names.iter().find_map(|name| arguments.get(name).filter(|value| !value.is_null()).cloned())
}

fn build_object(fields: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}

fn join_messages(messages: &[Value]) -> String {
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
        let resolved = |name, arguments| resolve_alias(name, &arguments).unwrap();
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
        assert!(resolve_alias("memory_search", &json!({})).is_none());
    }
}

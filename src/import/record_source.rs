//! Which program wrote a record, by the fields that only its records have.

use serde_json::Value;

use super::Source;
use super::draft_builder::field;

/// Levels of objects and lists around the records of a file.
const MAX_LEVELS: u32 = 4;

/// Elements of a list that are looked at.
const MAX_ELEMENTS: usize = 8;

/// Types of Codex's records that stand in an envelope.
const CODEX: [&str; 8] = [
    "session_meta",
    "response_item",
    "event_msg",
    "turn_context",
    "compacted",
    "ghost_snapshot",
    "inter_agent_communication",
    "world_state",
];

/// Types of Codex's records without an envelope (2025).
const CODEX_FLAT: [&str; 4] = ["function_call", "function_call_output", "local_shell_call", "custom_tool_call"];

/// The program that wrote a record; `None` for records that any program may have written.
pub(super) fn source_of_record(value: &Value) -> Option<Source> {
    let has = |name: &str| value.get(name).is_some();
    let is_list = |name: &str| value.get(name).is_some_and(Value::is_array);
    let kind = field(value, "type").unwrap_or("");
    let is_project = has("prompt_template") && (has("uuid") || is_list("docs"));
    if is_list("chat_messages") || has("conversations_memory") || has("project_memories") || is_project {
        return Some(Source::ClaudeAi);
    }
    if is_mapping(value) || is_list("linear_conversation") {
        return Some(Source::ChatGpt);
    }
    if (CODEX.contains(&kind) && has("payload")) || is_flat_codex(value, kind) {
        return Some(Source::Codex);
    }
    let of_gemini = has("projectHash") || has("$set") || has("$rewindTo") || (kind == "gemini" && has("content"));
    if of_gemini || (has("sessionId") && is_gemini_session(value)) {
        return Some(Source::Gemini);
    }
    // Other programs have sessions and types too.
    let is_claude_code =
        ["parentUuid", "leafUuid", "operation", "customTitle", "agentName", "toolUseResult", "attachment"];
    let is_message = !kind.is_empty() && value.get("message").is_some_and(Value::is_object);
    let of_claude_code = (has("sessionId") && (is_message || is_claude_code.iter().any(|name| has(name))))
        || (kind == "summary" && has("leafUuid"))
        || (has("uuid") && has("parentUuid") && has("message"))
        || (kind == "file-history-snapshot" && has("snapshot"))
        || (has("display") && has("pastedContents"));
    of_claude_code.then_some(Source::ClaudeCode)
}

/// Returns whether an object has nodes of ChatGPT.
fn is_mapping(value: &Value) -> bool {
    match value.get("mapping") {
        Some(Value::Object(nodes)) => nodes.is_empty() || nodes.values().any(Value::is_object),
        Some(Value::Array(nodes)) => nodes.iter().any(|node| node.get("message").is_some()),
        _ => false,
    }
}

/// Returns whether an object with a session id is one of Gemini's: its messages have types, not roles.
fn is_gemini_session(value: &Value) -> bool {
    let messages = value.get("messages").and_then(Value::as_array);
    let typed = messages
        .is_some_and(|all| all.iter().any(|message| message.get("type").is_some() && message.get("role").is_none()));
    typed || value.get("messageId").is_some_and(Value::is_number)
}

fn is_flat_codex(value: &Value, kind: &str) -> bool {
    let has = |name: &str| value.get(name).is_some();
    let blocks = value.get("content").and_then(Value::as_array).into_iter().flatten();
    let mut kinds = blocks.filter_map(|block| field(block, "type"));
    let is_first = has("id") && has("timestamp") && has("instructions") && kind.is_empty();
    is_first
        || field(value, "record_type") == Some("state")
        || (CODEX_FLAT.contains(&kind) && has("call_id"))
        || (kind == "reasoning" && has("summary") && has("encrypted_content"))
        || (kind == "message" && kinds.any(|kind| kind == "input_text" || kind == "output_text"))
}

/// The program that wrote the records of a value: the value itself, or lists and objects in it.
pub(super) fn source_of_value(value: &Value) -> Option<Source> {
    find(value, MAX_LEVELS)
}

fn find(value: &Value, levels: u32) -> Option<Source> {
    let levels = levels.checked_sub(1)?;
    match value {
        Value::Object(fields) => source_of_record(value).or_else(|| {
            let inner = fields.values().filter(|value| value.is_array() || value.is_object());
            inner.take(MAX_ELEMENTS).find_map(|value| find(value, levels))
        }),
        Value::Array(items) => items.iter().take(MAX_ELEMENTS).find_map(|value| find(value, levels)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn records_name_their_programs() {
        let cases = [
            (json!({ "timestamp": "t", "type": "session_meta", "payload": {} }), Some(Source::Codex)),
            (json!({ "id": "x", "timestamp": "t", "instructions": null }), Some(Source::Codex)),
            (
                json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "x" }] }),
                Some(Source::Codex),
            ),
            (json!({ "type": "user", "sessionId": "s", "uuid": "u", "message": {} }), Some(Source::ClaudeCode)),
            (json!({ "type": "summary", "summary": "x", "leafUuid": "u" }), Some(Source::ClaudeCode)),
            (json!({ "display": "x", "pastedContents": {}, "timestamp": 1 }), Some(Source::ClaudeCode)),
            (json!({ "sessionId": "s", "projectHash": "h", "startTime": "t" }), Some(Source::Gemini)),
            (json!({ "sessionId": "s", "messages": [{ "type": "user", "content": "x" }] }), Some(Source::Gemini)),
            (json!({ "sessionId": "s", "messages": [{ "role": "user", "content": "x" }] }), None),
            (json!({ "sessionId": "s", "type": "user", "text": "x" }), None),
            (json!({ "id": "1", "type": "gemini", "content": "x" }), Some(Source::Gemini)),
            (json!({ "uuid": "c", "chat_messages": [] }), Some(Source::ClaudeAi)),
            (json!({ "title": "c", "mapping": {} }), Some(Source::ChatGpt)),
            (json!({ "role": "user", "content": "x" }), None),
            (json!({ "type": "message", "role": "user", "content": "x" }), None),
            (json!({ "session_id": "s", "ts": 1, "text": "x" }), None),
            (json!("x"), None),
        ];
        for (value, expected) in cases {
            assert_eq!(source_of_record(&value), expected, "{value}");
        }
        let wrapped = json!({ "count": 1, "data": { "conversations": [{ "mapping": {} }] } });
        assert_eq!(source_of_value(&wrapped), Some(Source::ChatGpt));
        assert_eq!(source_of_value(&json!([[[[[{ "mapping": {} }]]]]])), None);
    }
}

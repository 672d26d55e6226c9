//! Records that only Codex writes.

use serde_json::Value;

use crate::import::draft_builder::text_field;

/// Types of Codex records that have an envelope.
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

/// Types of Codex records without an envelope (2025).
const CODEX_FLAT: [&str; 4] = ["function_call", "function_call_output", "local_shell_call", "custom_tool_call"];

/// Returns true for a record that only Codex writes.
pub(super) fn is_own_record(value: &Value) -> bool {
    let kind = text_field(value, "type").unwrap_or("");
    (CODEX.contains(&kind) && value.get("payload").is_some()) || is_flat_codex(value, kind)
}

fn is_flat_codex(value: &Value, kind: &str) -> bool {
    let has = |name: &str| value.get(name).is_some();
    let blocks = value.get("content").and_then(Value::as_array).into_iter().flatten();
    let mut kinds = blocks.filter_map(|block| text_field(block, "type"));
    let is_first = has("id") && has("timestamp") && has("instructions") && kind.is_empty();
    is_first
        || text_field(value, "record_type") == Some("state")
        || (CODEX_FLAT.contains(&kind) && has("call_id"))
        || (kind == "reasoning" && has("summary") && has("encrypted_content"))
        || (kind == "message" && kinds.any(|kind| kind == "input_text" || kind == "output_text"))
}

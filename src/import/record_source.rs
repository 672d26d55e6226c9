//! Identifies the program that wrote a record by the fields that only its records have.

use serde_json::Value;

use super::Source;

/// Maximum nesting of objects and arrays around records.
const MAX_LEVELS: u32 = 4;

/// Maximum number of array elements or fields examined.
const MAX_ELEMENTS: usize = 8;

/// Returns the program that wrote a record; `None` for records any program may have written. The last row of the table
/// that claims a record has it: fields of the first rows are in records of others too.
pub(super) fn source_of_record(value: &Value) -> Option<Source> {
    Source::ALL.iter().rev().copied().find(|source| source.is_own_record(value))
}

/// Returns the program that wrote the records in a value: the value itself, or arrays and objects in it.
pub(super) fn source_of_value(value: &Value) -> Option<Source> {
    find_source(value, MAX_LEVELS)
}

fn find_source(value: &Value, levels: u32) -> Option<Source> {
    let levels = levels.checked_sub(1)?;
    match value {
        Value::Object(fields) => source_of_record(value).or_else(|| {
            let inner = fields.values().filter(|value| value.is_array() || value.is_object());
            inner.take(MAX_ELEMENTS).find_map(|value| find_source(value, levels))
        }),
        Value::Array(items) => items.iter().take(MAX_ELEMENTS).find_map(|value| find_source(value, levels)),
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
            (json!({ "timestamp": "t", "type": "session_meta", "payload": {} }), Some(Source::CODEX)),
            (json!({ "id": "x", "timestamp": "t", "instructions": null }), Some(Source::CODEX)),
            (
                json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "x" }] }),
                Some(Source::CODEX),
            ),
            (json!({ "type": "user", "sessionId": "s", "uuid": "u", "message": {} }), Some(Source::CLAUDE_CODE)),
            (json!({ "type": "summary", "summary": "x", "leafUuid": "u" }), Some(Source::CLAUDE_CODE)),
            (json!({ "display": "x", "pastedContents": {}, "timestamp": 1 }), Some(Source::CLAUDE_CODE)),
            (json!({ "sessionId": "s", "projectHash": "h", "startTime": "t" }), Some(Source::GEMINI)),
            (json!({ "sessionId": "s", "messages": [{ "type": "user", "content": "x" }] }), Some(Source::GEMINI)),
            (json!({ "sessionId": "s", "messages": [{ "role": "user", "content": "x" }] }), None),
            (json!({ "sessionId": "s", "type": "user", "text": "x" }), None),
            (json!({ "id": "1", "type": "gemini", "content": "x" }), Some(Source::GEMINI)),
            (json!({ "uuid": "c", "chat_messages": [] }), Source::from_name("claude-ai")),
            (json!({ "title": "c", "mapping": {} }), Source::from_name("chatgpt")),
            (json!({ "role": "user", "content": "x" }), None),
            (json!({ "type": "message", "role": "user", "content": "x" }), None),
            (json!({ "session_id": "s", "ts": 1, "text": "x" }), None),
            (json!("x"), None),
        ];
        for (value, expected) in cases {
            assert_eq!(source_of_record(&value), expected, "{value}");
        }
        let wrapped = json!({ "count": 1, "data": { "conversations": [{ "mapping": {} }] } });
        assert_eq!(source_of_value(&wrapped), Source::from_name("chatgpt"));
        assert_eq!(source_of_value(&json!([[[[[{ "mapping": {} }]]]]])), None);
    }
}

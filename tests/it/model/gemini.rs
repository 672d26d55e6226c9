//! The Gemini API of Google.

use serde_json::{Value, json};

use super::protocol::{Block, Heard, Protocol, list};

pub(super) fn heard(request: &Value) -> Vec<Heard> {
    let mut heard = Vec::new();
    for content in list(&request["contents"]) {
        if content["role"] != "user" {
            heard.push(Heard::Answer);
            continue;
        }
        for part in list(&content["parts"]) {
            if let Some(result) = part.get("functionResponse") {
                heard.push(Heard::Result(strings(&result["response"]).join("\n")));
            } else if let Some(text) = part["text"].as_str() {
                heard.push(Heard::Text(text.to_owned()));
            }
        }
    }
    heard
}

/// Every string in a response, whose form belongs to the client.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn offered(request: &Value) -> Vec<&str> {
    let functions = list(&request["tools"]).flat_map(|tool| list(&tool["functionDeclarations"]));
    functions.filter_map(|function| function["name"].as_str()).collect()
}

pub(super) fn events(request: &Value, blocks: &[Block]) -> String {
    let parts = blocks.iter().map(|block| match block {
        Block::Text(text) => json!({ "text": text }),
        Block::Thought(text) => json!({ "text": text, "thought": true }),
        Block::Call(tool, arguments) => {
            json!({ "functionCall": { "name": Protocol::Gemini.called(request, tool), "args": arguments } })
        }
        Block::Custom(tool, _) => panic!("{tool} takes arguments"),
    });
    let content = json!({ "role": "model", "parts": parts.collect::<Vec<_>>() });
    let usage = json!({ "promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2 });
    let chunk = json!({ "candidates": [{ "content": content, "finishReason": "STOP", "index": 0 }],
        "usageMetadata": usage, "modelVersion": "stub" });
    format!("data: {chunk}\r\n\r\n")
}

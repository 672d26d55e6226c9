//! The Messages API of Anthropic.

use serde_json::{Value, json};

use super::protocol::{Block, Heard, Protocol, list, named, number, text};

pub(super) fn heard(request: &Value) -> Vec<Heard> {
    let mut heard = Vec::new();
    for message in list(&request["messages"]) {
        if message["role"] != "user" {
            heard.push(Heard::Answer);
        } else if let Some(text) = message["content"].as_str() {
            heard.push(Heard::Text(text.to_owned()));
        }
        for block in list(&message["content"]).filter(|_| message["role"] == "user") {
            if block["type"] == "tool_result" {
                heard.push(Heard::Result(text(&block["content"])));
            } else if let Some(text) = block["text"].as_str() {
                heard.push(Heard::Text(text.to_owned()));
            }
        }
    }
    heard
}

pub(super) fn offered(request: &Value) -> Vec<&str> {
    list(&request["tools"]).filter_map(|tool| tool["name"].as_str()).collect()
}

pub(super) fn events(request: &Value, blocks: &[Block]) -> String {
    let calls = blocks.iter().any(|block| matches!(block, Block::Call(..)));
    let stop = if calls { "tool_use" } else { "end_turn" };
    let usage = json!({ "input_tokens": 10, "output_tokens": 10 });
    let number = number();
    let message = json!({ "id": format!("msg_{number}"), "type": "message", "role": "assistant", "content": [],
        "model": request["model"], "stop_reason": null, "stop_sequence": null, "usage": usage });
    let mut events = vec![json!({ "type": "message_start", "message": message })];
    for (index, block) in blocks.iter().enumerate() {
        let (start, deltas) = match block {
            Block::Text(text) => {
                (json!({ "type": "text", "text": "" }), vec![json!({ "type": "text_delta", "text": text })])
            }
            Block::Thought(text) => (
                json!({ "type": "thinking", "thinking": "", "signature": "" }),
                vec![
                    json!({ "type": "thinking_delta", "thinking": text }),
                    json!({ "type": "signature_delta", "signature": "c2ln" }),
                ],
            ),
            Block::Call(tool, input) => (
                json!({ "type": "tool_use", "id": format!("toolu_{number}_{index}"), "name": Protocol::Messages.called(request, tool), "input": {} }),
                vec![json!({ "type": "input_json_delta", "partial_json": input.to_string() })],
            ),
            Block::Custom(tool, _) => panic!("{tool} takes arguments"),
        };
        events.push(json!({ "type": "content_block_start", "index": index, "content_block": start }));
        let deltas =
            deltas.into_iter().map(|delta| json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        events.extend(deltas);
        events.push(json!({ "type": "content_block_stop", "index": index }));
    }
    let delta = json!({ "stop_reason": stop, "stop_sequence": null });
    events.push(json!({ "type": "message_delta", "delta": delta, "usage": usage }));
    events.push(json!({ "type": "message_stop" }));
    named(&events)
}

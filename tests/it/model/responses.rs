//! The Responses API of OpenAI.

use serde_json::{Value, json};

use super::protocol::{Block, Heard, list, named, number, text};

pub(super) fn heard(request: &Value) -> Vec<Heard> {
    let mut heard = Vec::new();
    for item in list(&request["input"]) {
        let kind = item["type"].as_str().unwrap_or_default();
        if kind.ends_with("_output") {
            heard.push(Heard::Result(text(&item["output"])));
        } else if item["role"] == "user" || kind == "agent_message" {
            for content in list(&item["content"]) {
                let texts = ["text", "encrypted_content"].into_iter().filter_map(|field| content[field].as_str());
                heard.extend(texts.map(|text| Heard::Text(text.to_owned())));
            }
        } else {
            heard.push(Heard::Answer);
        }
    }
    heard
}

pub(super) fn offered(request: &Value) -> Vec<&str> {
    tools(request).filter_map(|(_, tool)| tool["name"].as_str()).collect()
}

/// Tools with the namespace in which they are offered. The newest models are told of them by an item of the input.
fn tools(request: &Value) -> impl Iterator<Item = (Option<&str>, &Value)> {
    let offers = std::iter::once(&request["tools"]).chain(list(&request["input"]).map(|item| &item["tools"]));
    offers.flat_map(list).flat_map(|offer| {
        let inside = list(&offer["tools"]).map(|tool| (offer["name"].as_str(), tool));
        std::iter::once((None, offer)).chain(inside)
    })
}

pub(super) fn events(request: &Value, blocks: &[Block]) -> String {
    let answer = number();
    let items = blocks.iter().map(|block| {
        let id = number();
        match block {
            Block::Text(text) => json!({ "type": "message", "role": "assistant", "id": format!("msg_{id}"),
                "content": [{ "type": "output_text", "text": text }] }),
            Block::Thought(text) => json!({ "type": "reasoning", "id": format!("rs_{id}"), "encrypted_content": "sealed",
                "summary": [{ "type": "summary_text", "text": text }] }),
            Block::Custom(tool, input) => json!({ "type": "custom_tool_call", "id": format!("ctc_{id}"),
                "call_id": format!("call_{id}"), "name": tool, "input": input }),
            Block::Call(tool, arguments) => {
                let mut item = json!({ "type": "function_call", "id": format!("fc_{id}"), "call_id": format!("call_{id}"),
                    "name": tool, "arguments": arguments.to_string() });
                let offer = tools(request).find(|(_, offer)| offer["name"] == *tool);
                if let Some((Some(namespace), _)) = offer {
                    item["namespace"] = json!(namespace);
                }
                item
            }
        }
    });
    let usage = json!({ "input_tokens": 1, "output_tokens": 1, "total_tokens": 2 });
    let id = format!("resp_{answer}");
    let mut events = vec![json!({ "type": "response.created", "response": { "id": id } })];
    let done = |(index, item)| json!({ "type": "response.output_item.done", "output_index": index, "item": item });
    events.extend(items.enumerate().map(done));
    events.push(json!({ "type": "response.completed", "response": { "id": id, "usage": usage } }));
    named(&events)
}

//! The Chat Completions API of OpenAI.

use serde_json::{Value, json};

use super::protocol::{Block, Heard, Protocol, list, number, text};

pub(super) fn heard(request: &Value) -> Vec<Heard> {
    let said = list(&request["messages"]).filter_map(|message| match message["role"].as_str()? {
        "user" => Some(Heard::Text(text(&message["content"]))),
        "tool" => Some(Heard::Result(text(&message["content"]))),
        "assistant" => Some(Heard::Answer),
        _ => None,
    });
    said.collect()
}

pub(super) fn offered(request: &Value) -> Vec<&str> {
    list(&request["tools"]).filter_map(|tool| tool["function"]["name"].as_str()).collect()
}

pub(super) fn events(request: &Value, blocks: &[Block]) -> String {
    let number = number();
    let deltas = blocks.iter().enumerate().map(|(index, block)| match block {
        Block::Text(text) => json!({ "role": "assistant", "content": text }),
        Block::Thought(text) => json!({ "role": "assistant", "reasoning_content": text }),
        Block::Call(tool, arguments) => {
            let function = json!({ "name": Protocol::ChatCompletions.called(request, tool), "arguments": arguments.to_string() });
            let call = json!({ "index": index, "id": format!("call_{number}_{index}"), "type": "function", "function": function });
            json!({ "role": "assistant", "tool_calls": [call] })
        }
        Block::Custom(tool, _) => panic!("{tool} takes arguments"),
    });
    let calls = blocks.iter().any(|block| matches!(block, Block::Call(..)));
    let stop = if calls { "tool_calls" } else { "stop" };
    let choice = |delta: Value, stop: Option<&str>| json!([{ "index": 0, "delta": delta, "finish_reason": stop }]);
    let mut choices: Vec<Value> = deltas.map(|delta| choice(delta, None)).collect();
    choices.extend([choice(json!({}), Some(stop)), json!([])]);
    let usage = json!({ "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 });
    let chunks = choices.iter().map(|choices| {
        let chunk = json!({ "id": format!("chatcmpl-{number}"), "object": "chat.completion.chunk", "created": 1, "model": "stub",
            "choices": choices, "usage": usage });
        format!("data: {chunk}\n\n")
    });
    chunks.collect::<String>() + "data: [DONE]\n\n"
}

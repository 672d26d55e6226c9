//! Merges the records of one message. A later record may hold more than the one before, or the same in another form:
//! tool calls as `toolCalls` with their results, and after a resume as parts of the content. Nothing from an earlier
//! record is lost.

use serde_json::Value;

use super::super::content::{content_text, readable_strings};
use super::super::draft_builder::{array_field, join_fields, parse_time, text_field};
use crate::domain::{Timestamp, Usage};

/// A message merged from all its records.
#[derive(Debug, Default)]
pub(super) struct GeminiMessage {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) at: Option<Timestamp>,
    pub(super) model: Option<String>,
    pub(super) usage: Option<Usage>,
    pub(super) line: u64,
    pub(super) text: String,
    /// Texts that a later record replaced.
    pub(super) earlier: Vec<String>,
    /// Typed words, if the text is what a command or `@file` expanded them to.
    pub(super) typed: Option<String>,
    pub(super) thoughts: Vec<String>,
    pub(super) calls: Vec<GeminiCall>,
    /// Tool outputs that are separate from their calls.
    pub(super) responses: Vec<ToolResponse>,
    /// True if the user rewound to an earlier message.
    pub(super) is_rewound: bool,
}

/// A tool call with its outputs.
#[derive(Debug)]
pub(super) struct GeminiCall {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) arguments: Value,
    /// Output as it went to the model.
    pub(super) result: Option<String>,
    /// Output as it was shown on the screen.
    pub(super) shown: Option<String>,
}

/// A tool output that is separate from its call.
#[derive(Debug)]
pub(super) struct ToolResponse {
    pub(super) call: Option<String>,
    pub(super) name: String,
    pub(super) text: String,
}

/// Returns true if a record is a message.
pub(super) fn is_message(value: &Value) -> bool {
    let kinds = ["user", "gemini", "model", "assistant", "info", "error", "warning"];
    let is_known = text_field(value, "type").is_some_and(|kind| kinds.contains(&kind));
    is_known || (value.get("type").is_none_or(|kind| !kind.is_string()) && value.get("content").is_some())
}

/// Returns the time of a record.
pub(super) fn record_time(value: &Value) -> Option<Timestamp> {
    parse_time(value.get("timestamp"))
}

impl GeminiMessage {
    /// Creates a message from its first record.
    pub(super) fn from_record(id: String, value: &Value, line: u64) -> Self {
        let mut message = Self { id, line, ..Self::default() };
        message.merge_record(value);
        message
    }

    /// Merges another record of the message.
    pub(super) fn merge_record(&mut self, value: &Value) {
        self.is_rewound = false;
        let owned = |name: &str| text_field(value, name).map(str::to_owned);
        if self.kind.is_empty() {
            self.kind = owned("type").or_else(|| owned("role")).unwrap_or_default();
        }
        // A resume writes the time of the resume.
        self.at = self.at.or_else(|| record_time(value));
        self.model = owned("model").or_else(|| self.model.take());
        self.usage = value.get("tokens").and_then(read_usage).or(self.usage);
        let typed = value.get("displayContent").map(content_text).filter(|typed| !typed.trim().is_empty());
        self.typed = typed.or_else(|| self.typed.take());
        for thought in array_field(value, "thoughts") {
            let text = join_fields(thought, &["subject", "description"]);
            self.add_thought(if text.is_empty() { content_text(thought) } else { text });
        }
        self.read_content(value.get("content").or_else(|| value.get("parts")).unwrap_or(&Value::Null));
        let calls = array_field(value, "toolCalls");
        for call in calls {
            self.add_call(GeminiCall {
                id: text_field(call, "id").map(str::to_owned),
                name: text_field(call, "name").unwrap_or("tool").to_owned(),
                arguments: call.get("args").cloned().unwrap_or(Value::Null),
                result: own_result(call, calls).filter(|text| !text.trim().is_empty()),
                shown: call.get("resultDisplay").map(shown_text).filter(|text| !text.trim().is_empty()),
            });
        }
    }

    fn read_content(&mut self, content: &Value) {
        let parts = match content {
            Value::Array(parts) => parts.as_slice(),
            Value::Null => &[],
            one => std::slice::from_ref(one),
        };
        let mut texts = Vec::new();
        for part in parts {
            if let Some(call) = part.get("functionCall") {
                self.add_call(GeminiCall {
                    id: text_field(call, "id").map(str::to_owned),
                    name: text_field(call, "name").unwrap_or("tool").to_owned(),
                    arguments: call.get("args").cloned().unwrap_or(Value::Null),
                    result: None,
                    shown: None,
                });
            } else if let Some(response) = part.get("functionResponse") {
                self.add_response(ToolResponse {
                    call: text_field(response, "id").map(str::to_owned),
                    name: text_field(response, "name").unwrap_or("tool").to_owned(),
                    text: response_text(response.get("response").unwrap_or(response)),
                });
            } else if part.get("thought").is_some_and(|thought| thought == true) {
                self.add_thought(content_text(part));
            } else {
                texts.push(part_text(part));
            }
        }
        texts.retain(|text| !text.is_empty());
        self.add_text(texts.join("\n"));
    }

    /// Replaces the text with one that continues it. Any other text is a newer version, and the known one is kept as an
    /// earlier version.
    fn add_text(&mut self, text: String) {
        let (known, new) = (remove_whitespace(&self.text), remove_whitespace(&text));
        if known.starts_with(&new) {
            return;
        }
        let earlier = std::mem::replace(&mut self.text, text);
        if !new.starts_with(&known) {
            self.earlier.push(earlier);
        }
    }

    fn add_thought(&mut self, text: String) {
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let new = letters(&text);
        if !new.is_empty() && !self.thoughts.iter().any(|known| letters(known).contains(&new)) {
            self.thoughts.push(text);
        }
    }

    fn add_call(&mut self, call: GeminiCall) {
        let is_same = |known: &&mut GeminiCall| match (&known.id, &call.id) {
            (Some(known), Some(id)) => known == id,
            _ => known.name == call.name && known.arguments == call.arguments,
        };
        let Some(known) = self.calls.iter_mut().find(is_same) else { return self.calls.push(call) };
        known.id = known.id.take().or(call.id);
        known.result = call.result.or_else(|| known.result.take());
        known.shown = call.shown.or_else(|| known.shown.take());
        if known.arguments.is_null() {
            known.arguments = call.arguments;
        }
    }

    fn add_response(&mut self, response: ToolResponse) {
        let is_known = self.responses.iter().any(|known| known.call == response.call && known.text == response.text);
        if !is_known {
            self.responses.push(response);
        }
    }
}

/// Returns the output of a call. A resume may write the outputs of all calls of a message under each of them.
fn own_result(call: &Value, calls: &[Value]) -> Option<String> {
    let result = call.get("result")?;
    let Value::Array(outputs) = result else { return Some(response_text(result)) };
    let is_of_another = |output: &&Value| {
        let of = output.pointer("/functionResponse/id").and_then(Value::as_str);
        of.is_some_and(|of| {
            text_field(call, "id") != Some(of) && calls.iter().any(|other| text_field(other, "id") == Some(of))
        })
    };
    let own = outputs.iter().filter(|output| !is_of_another(output)).cloned().collect();
    Some(response_text(&Value::Array(own)))
}

/// Returns the text of one part of a content. An inline file yields `[file]`, a file reference its readable strings.
fn part_text(part: &Value) -> String {
    if part.get("inlineData").is_some() {
        return "[file]".to_owned();
    }
    if let Some(file) = part.get("fileData") {
        return readable_strings(file);
    }
    content_text(part)
}

/// Returns an output as it went to the model: `{"output": …}`, or a list of `functionResponse`.
pub(super) fn response_text(result: &Value) -> String {
    let of_one = |one: &Value| {
        let response = one.pointer("/functionResponse/response").or_else(|| one.get("functionResponse")).unwrap_or(one);
        let known = ["output", "error", "content"].iter().find_map(|name| response.get(*name));
        let text = known.map(content_text).unwrap_or_default();
        if !text.trim().is_empty() {
            return text;
        }
        if response.is_object() { readable_strings(response) } else { content_text(response) }
    };
    match result {
        Value::Array(list) => list.iter().map(of_one).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"),
        one => of_one(one),
    }
}

/// Returns an output as it was shown, if it is a string. A diff or a list repeats the call.
fn shown_text(shown: &Value) -> String {
    shown.as_str().map(str::to_owned).unwrap_or_default()
}

/// Removes all whitespace, because the records of one message break lines differently.
fn remove_whitespace(text: &str) -> String {
    text.split_whitespace().collect()
}

fn read_usage(tokens: &Value) -> Option<Usage> {
    let of = |name: &str| tokens.get(name).and_then(Value::as_u64).unwrap_or(0);
    let cache_read = of("cached");
    let usage = Usage {
        input: of("input").saturating_sub(cache_read),
        output: of("output") + of("thoughts"),
        cache_read,
        cache_write: 0,
    };
    (usage != Usage::default()).then_some(usage)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_record_of_a_message_loses_what_another_said() {
        let written = json!({ "type": "gemini", "timestamp": "2026-05-06T07:08:00Z", "content": "Let me look.", "model": "g",
            "thoughts": [{ "subject": "Plan", "description": "look first" }],
            "toolCalls": [{ "id": "c1", "name": "read_file", "args": { "path": "a" }, "resultDisplay": "shown",
                "result": [{ "functionResponse": { "id": "c1", "response": { "output": "the file" } } }] }] });
        let resumed = json!({ "type": "gemini", "timestamp": "2026-05-07T00:00:00Z", "content": [
            { "text": "**Plan** look first", "thought": true }, { "text": "Let me look." },
            { "functionCall": { "id": "c1", "name": "read_file", "args": { "path": "a" } } }] });
        for records in [[&written, &resumed], [&resumed, &written]] {
            let mut message = GeminiMessage::from_record("m".to_owned(), records[0], 1);
            message.merge_record(records[1]);
            assert_eq!((message.text.as_str(), message.thoughts.len(), message.calls.len()), ("Let me look.", 1, 1));
            let call = &message.calls[0];
            assert_eq!((call.result.as_deref(), call.shown.as_deref()), (Some("the file"), Some("shown")));
            assert!(message.earlier.is_empty());
        }
    }

    #[test]
    fn each_call_keeps_its_own_output_when_a_resume_writes_all_under_each() {
        let output =
            |id: &str| json!({ "functionResponse": { "id": id, "response": { "output": format!("out {id}") } } });
        let calls: Vec<Value> = ["a", "b"]
            .map(|id| json!({ "id": id, "name": "run", "result": [output("a"), output("b"), output("unknown")] }))
            .to_vec();
        let record = json!({ "type": "gemini", "content": "", "toolCalls": calls });
        let message = GeminiMessage::from_record("m".to_owned(), &record, 1);
        let results: Vec<_> = message.calls.iter().map(|call| call.result.as_deref().unwrap()).collect();
        assert_eq!(results, ["out a\nout unknown", "out b\nout unknown"]);
    }

    #[test]
    fn a_message_grows_and_a_shorter_record_takes_nothing_away() {
        let record = |text: &str| json!({ "type": "gemini", "content": text });
        let mut message = GeminiMessage::from_record("m".to_owned(), &record("half"), 1);
        message.merge_record(&record("half and whole"));
        message.merge_record(&record(""));
        message.merge_record(&record("half"));
        assert_eq!((message.text.as_str(), message.earlier.len()), ("half and whole", 0));
        message.merge_record(&record("another answer"));
        assert_eq!(
            (message.text.as_str(), &message.earlier[..]),
            ("another answer", &["half and whole".to_owned()][..])
        );
    }
}

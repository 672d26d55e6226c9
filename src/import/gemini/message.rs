//! One message of a journal, gathered from its records. A record may hold more than the one before, or the same in
//! another form: calls of tools as `toolCalls` with their results, and after a resume as parts of the content.
//! Nothing that an earlier record said is lost.

use serde_json::Value;

use super::super::content::{content_text, readable_strings};
use super::super::draft_builder::{field, lines, list};
use super::drafts::time_of;
use crate::domain::{Timestamp, Usage};

/// A message.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) at: Option<Timestamp>,
    pub(super) model: Option<String>,
    pub(super) usage: Option<Usage>,
    pub(super) line: u64,
    pub(super) text: String,
    /// Texts that a record replaced with others.
    pub(super) earlier: Vec<String>,
    /// The words that were typed, where the text is what a command or `@file` made of them.
    pub(super) typed: Option<String>,
    pub(super) thoughts: Vec<String>,
    pub(super) calls: Vec<Call>,
    /// Outputs of tools that stand apart from their calls.
    pub(super) responses: Vec<Response>,
    /// Set when the person went back to an earlier message.
    pub(super) is_rewound: bool,
}

/// A call of a tool.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) arguments: Value,
    /// The output as it went to the model.
    pub(super) result: Option<String>,
    /// The output as it was shown.
    pub(super) shown: Option<String>,
}

/// An output of a tool that stands apart from its call.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) call: Option<String>,
    pub(super) name: String,
    pub(super) text: String,
}

/// Recognises records of messages.
pub(super) fn is_message(value: &Value) -> bool {
    let kinds = ["user", "gemini", "model", "assistant", "info", "error", "warning"];
    let is_known = field(value, "type").is_some_and(|kind| kinds.contains(&kind));
    is_known || (value.get("type").is_none_or(|kind| !kind.is_string()) && value.get("content").is_some())
}

impl Message {
    /// Reads the first record of a message.
    pub(super) fn read(id: String, value: &Value, line: u64) -> Self {
        let mut message = Self { id, line, ..Self::default() };
        message.merge(value);
        message
    }

    /// Takes in another record of it.
    pub(super) fn merge(&mut self, value: &Value) {
        self.is_rewound = false;
        let owned = |name: &str| field(value, name).map(str::to_owned);
        if self.kind.is_empty() {
            self.kind = owned("type").or_else(|| owned("role")).unwrap_or_default();
        }
        // A resume writes the time of the resume.
        self.at = self.at.or_else(|| time_of(value));
        self.model = owned("model").or_else(|| self.model.take());
        self.usage = value.get("tokens").and_then(read_usage).or(self.usage);
        let typed = value.get("displayContent").map(content_text).filter(|typed| !typed.trim().is_empty());
        self.typed = typed.or_else(|| self.typed.take());
        for thought in list(value, "thoughts") {
            let text = lines(thought, &["subject", "description"]);
            self.add_thought(if text.is_empty() { content_text(thought) } else { text });
        }
        self.read_content(value.get("content").or_else(|| value.get("parts")).unwrap_or(&Value::Null));
        for call in list(value, "toolCalls") {
            self.add_call(Call {
                id: field(call, "id").map(str::to_owned),
                name: field(call, "name").unwrap_or("tool").to_owned(),
                arguments: call.get("args").cloned().unwrap_or(Value::Null),
                result: call.get("result").map(response_text).filter(|text| !text.trim().is_empty()),
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
                self.add_call(Call {
                    id: field(call, "id").map(str::to_owned),
                    name: field(call, "name").unwrap_or("tool").to_owned(),
                    arguments: call.get("args").cloned().unwrap_or(Value::Null),
                    result: None,
                    shown: None,
                });
            } else if let Some(response) = part.get("functionResponse") {
                self.add_response(Response {
                    call: field(response, "id").map(str::to_owned),
                    name: field(response, "name").unwrap_or("tool").to_owned(),
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

    /// A text that goes on where the known one ends replaces it. Any other text is the newer version.
    fn add_text(&mut self, text: String) {
        let (known, new) = (compact(&self.text), compact(&text));
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

    fn add_call(&mut self, call: Call) {
        let is_same = |known: &&mut Call| match (&known.id, &call.id) {
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

    fn add_response(&mut self, response: Response) {
        let is_known = self.responses.iter().any(|known| known.call == response.call && known.text == response.text);
        if !is_known {
            self.responses.push(response);
        }
    }
}

/// Text of one part of a content. A file is bytes, of which the name says something.
fn part_text(part: &Value) -> String {
    if part.get("inlineData").is_some() {
        return "[file]".to_owned();
    }
    if let Some(file) = part.get("fileData") {
        return readable_strings(file);
    }
    content_text(part)
}

/// Text of an output as it went to the model: `{"output": …}`, or a list of `functionResponse`.
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

/// Text of an output as it was shown. A difference of files or a list repeats what the call says.
fn shown_text(shown: &Value) -> String {
    shown.as_str().map(str::to_owned).unwrap_or_default()
}

/// A text without blanks: records of one message break lines differently.
fn compact(text: &str) -> String {
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
            let mut message = Message::read("m".to_owned(), records[0], 1);
            message.merge(records[1]);
            assert_eq!((message.text.as_str(), message.thoughts.len(), message.calls.len()), ("Let me look.", 1, 1));
            let call = &message.calls[0];
            assert_eq!((call.result.as_deref(), call.shown.as_deref()), (Some("the file"), Some("shown")));
            assert!(message.earlier.is_empty());
        }
    }

    #[test]
    fn a_message_grows_and_a_shorter_record_takes_nothing_away() {
        let record = |text: &str| json!({ "type": "gemini", "content": text });
        let mut message = Message::read("m".to_owned(), &record("half"), 1);
        message.merge(&record("half and whole"));
        message.merge(&record(""));
        message.merge(&record("half"));
        assert_eq!((message.text.as_str(), message.earlier.len()), ("half and whole", 0));
        message.merge(&record("another answer"));
        assert_eq!(
            (message.text.as_str(), &message.earlier[..]),
            ("another answer", &["half and whole".to_owned()][..])
        );
    }
}

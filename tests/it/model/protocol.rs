//! The protocols of language models, as far as a scripted model needs them: what a request says, which tools it offers, and
//! the stream of an answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::{chat_completions, gemini, messages, responses};

/// A protocol by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Anthropic's Messages API.
    Messages,
    /// The Responses API of OpenAI.
    Responses,
    /// The Chat Completions API of OpenAI, which most other services speak too.
    ChatCompletions,
    /// Google's Gemini API.
    Gemini,
}

/// A block of one answer of the model.
#[derive(Clone, Debug)]
pub(crate) enum Block {
    Text(String),
    Thought(String),
    /// A tool and its arguments.
    Call(&'static str, Value),
    /// A tool whose input is text.
    Custom(&'static str, String),
}

/// A part of a request of a client.
pub(crate) enum Heard {
    /// Something that a person or the client says.
    Text(String),
    /// The text of a tool result.
    Result(String),
    /// Something that the model said earlier.
    Answer,
}

impl Heard {
    pub(crate) fn into_result(self) -> Option<String> {
        match self {
            Self::Result(text) => Some(text),
            Self::Text(_) | Self::Answer => None,
        }
    }
}

/// Half of a surrogate pair in the answers of the model, until they are sent.
pub(crate) const HALF: &str = "\u{e000}";

impl Protocol {
    /// The protocol of a request for a stream.
    pub(super) fn of(line: &str, body: &Value) -> Option<Self> {
        if line.contains(":streamGenerateContent") {
            return Some(Self::Gemini);
        }
        let path = line.split([' ', '?']).nth(1).unwrap_or_default();
        let protocol = if path.ends_with("/messages") {
            Self::Messages
        } else if path.ends_with("/responses") {
            Self::Responses
        } else if path.ends_with("/chat/completions") {
            Self::ChatCompletions
        } else {
            return None;
        };
        (body["stream"] == true).then_some(protocol)
    }

    /// What a request says, in its order.
    pub(crate) fn heard(self, request: &Value) -> Vec<Heard> {
        match self {
            Self::Messages => messages::heard(request),
            Self::Responses => responses::heard(request),
            Self::ChatCompletions => chat_completions::heard(request),
            Self::Gemini => gemini::heard(request),
        }
    }

    /// Names of the tools that a request offers.
    fn offered(self, request: &Value) -> Vec<&str> {
        match self {
            Self::Messages => messages::offered(request),
            Self::Responses => responses::offered(request),
            Self::ChatCompletions => chat_completions::offered(request),
            Self::Gemini => gemini::offered(request),
        }
    }

    /// The name under which a request offers a tool: its own, or one with the server before it.
    pub(super) fn name_of<'a>(self, request: &'a Value, tool: &str) -> Option<&'a str> {
        let names = self.offered(request);
        let ends = |name: &&&str| name.strip_suffix(tool).is_some_and(|server| server.ends_with(['_', '-']));
        names.iter().find(|name| **name == tool).or_else(|| names.iter().find(ends)).copied()
    }

    /// The name by which a tool is called.
    pub(super) fn called<'a>(self, request: &'a Value, tool: &'a str) -> &'a str {
        self.name_of(request, tool).unwrap_or(tool)
    }

    /// The stream of an answer.
    pub(super) fn events(self, request: &Value, blocks: &[Block]) -> String {
        let events = match self {
            Self::Messages => messages::events(request, blocks),
            Self::Responses => responses::events(request, blocks),
            Self::ChatCompletions => chat_completions::events(request, blocks),
            Self::Gemini => gemini::events(request, blocks),
        };
        // The broken half of an emoji belongs in JSON.
        events.replace(HALF, "\\ud83d")
    }
}

/// How often the model was given results: calls made at once have one round.
pub(crate) fn rounds(heard: &[Heard]) -> usize {
    let (mut rounds, mut given) = (0, false);
    for part in heard {
        match part {
            Heard::Result(_) if !given => (rounds, given) = (rounds + 1, true),
            Heard::Answer => given = false,
            Heard::Result(_) | Heard::Text(_) => {}
        }
    }
    rounds
}

/// A number that no other answer of a model has.
pub(crate) fn number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Elements of a list in a request; none where there is no list.
pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The text of a content that is a string or a list of blocks.
pub(super) fn text(content: &Value) -> String {
    let texts = list(content).filter_map(|block| block["text"].as_str());
    content.as_str().map_or_else(|| texts.collect::<Vec<_>>().join("\n"), str::to_owned)
}

/// Server-sent events with names, which are their types.
pub(super) fn named(events: &[Value]) -> String {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

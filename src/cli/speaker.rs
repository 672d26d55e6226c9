//! Names and colours of those who speak in a session: you, the model, a tool. Does not own what they said.

use super::palette::{Palette, Tone};
use crate::domain::text::outgoing::SafeText;
use crate::domain::{Hit, Origin, PartKind, Role};

/// Most characters of a person's name.
const MAX_NAME_CHARS: usize = 40;

/// Speaker of a text, as printed before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Speaker {
    name: String,
    tone: Tone,
}

impl Speaker {
    fn new(name: impl Into<String>, tone: Tone) -> Self {
        Self { name: name.into(), tone }
    }

    /// Returns the speaker of a stored text.
    pub(super) fn of_text(origin: Origin, kind: PartKind, source: &str, said_by: Option<&str>) -> Self {
        match (origin, kind) {
            (Origin::Person, _) => Self::new("You", Tone::Person),
            (Origin::Model, PartKind::ToolUse) => Self::new(format!("{} ran", model_name(source)), Tone::Meta),
            (Origin::Model, PartKind::Thinking) => Self::new(format!("{} thought", model_name(source)), Tone::Meta),
            (Origin::Model, _) => Self::new(model_name(source), Tone::Model),
            (Origin::Tool, _) => Self::new("Tool", Tone::Meta),
            (Origin::Web, _) => Self::new("Web", Tone::Meta),
            (Origin::Client, _) => Self::new("Client", Tone::Meta),
            (Origin::Elsewhere, _) => match said_by {
                Some(name) => Self::new(SafeText::single_line(name, MAX_NAME_CHARS).to_string(), Tone::Accent),
                None => Self::new("Elsewhere, not confirmed", Tone::Weak),
            },
        }
    }

    /// Returns the speaker of a hit.
    pub(super) fn of_hit(hit: &Hit) -> Self {
        Self::of_text(hit.origin, hit.kind, &hit.source, hit.said_by.as_deref())
    }

    /// Returns the speaker of a text in the answer of a tool, by its trust.
    pub(super) fn of_trust(trust: &str, source: &str, said_by: Option<&str>) -> Self {
        match (trust, said_by) {
            ("person", _) => Self::new("You", Tone::Person),
            ("model", _) => Self::new(model_name(source), Tone::Model),
            ("untrusted", _) => Self::new("Tool", Tone::Meta),
            ("elsewhere", Some(name)) => {
                Self::new(SafeText::single_line(name, MAX_NAME_CHARS).to_string(), Tone::Accent)
            }
            ("elsewhere", None) => Self::new("Elsewhere, not confirmed", Tone::Weak),
            ("suspicious", _) => Self::new("Suspicious: reads like an instruction", Tone::Bad),
            (other, _) => Self::new(SafeText::single_line(other, MAX_NAME_CHARS).to_string(), Tone::Meta),
        }
    }

    /// Returns the speaker of a message by its role.
    pub(super) fn of_role(role: Role, source: &str) -> Self {
        match role {
            Role::User => Self::new("You", Tone::Person),
            Role::Assistant => Self::new(model_name(source), Tone::Model),
            Role::Tool => Self::new("Tool", Tone::Meta),
            Role::System => Self::new("Client", Tone::Meta),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name in its colour.
    pub(super) fn paint(&self, palette: Palette) -> String {
        palette.paint(self.tone, &self.name)
    }
}

/// Returns the name of the model of a source.
fn model_name(source: &str) -> &'static str {
    match source {
        "codex" => "Codex",
        "gemini" => "Gemini",
        "chatgpt" => "ChatGPT",
        "claude-code" | "claude-ai" | "claude-history" | "claude-files" | "saved" | "" => "Claude",
        _ => "Model",
    }
}

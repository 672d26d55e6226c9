//! Builds drafts part by part, and reads the fields of JSON records. Used by every importer.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Item;
use crate::domain::hash::to_hex;
use crate::domain::text::{prompt, to_one_line};
use crate::domain::{
    ContentHash, Draft, DraftNote, DraftPart, Origin, PartKind, Role, Timestamp, json, limits, own_output,
};

/// Maximum characters of a label, so that at four bytes each it stays within its byte limit.
const LABEL_CHARACTERS: usize = limits::NOTE_LABEL_BYTES / 4 - 1;

/// Builder of a [`Draft`].
#[derive(Debug)]
pub(super) struct DraftBuilder {
    draft: Draft,
    own: bool,
}

impl DraftBuilder {
    /// Starts a message. Without a time it gets that of a neighbour ([`super::estimated_times`]).
    pub(super) fn new(session: &str, id: &str, role: Role, at: impl Into<Option<Timestamp>>, line: u64) -> Self {
        let at = at.into().filter(|at| at.to_milliseconds() > 0);
        let draft = Draft {
            line,
            at_estimated: at.is_none(),
            ..Draft::new(session, id, role, at.unwrap_or(Timestamp::from_milliseconds(0)))
        };
        Self { draft, own: false }
    }

    /// Sets the time to that of a neighbour if the message has none.
    pub(super) const fn set_neighbor_time(&mut self, at: Option<Timestamp>) {
        if let (true, Some(at)) = (self.draft.at_estimated, at) {
            self.draft.at = at;
        }
    }

    /// Returns the draft for setting its other fields.
    pub(super) const fn draft_mut(&mut self) -> &mut Draft {
        &mut self.draft
    }

    /// Adds text of the speaker. Text that the client inserted into a person's message is split off
    /// ([`prompt::split_prompt`]).
    pub(super) fn add_text(&mut self, text: &str) {
        let (kind, origin) = match self.draft.role {
            Role::User => return self.add_prompt(text),
            Role::Assistant => (PartKind::Text, Origin::Model),
            Role::Tool => (PartKind::ToolResult, Origin::Tool),
            Role::System => (PartKind::Meta, Origin::Client),
        };
        self.add_part(kind, origin, text, None);
    }

    /// Adds a user message: the typed words, and separately what the client inserted.
    pub(super) fn add_prompt(&mut self, text: &str) {
        if own_output::is_own_output(text) {
            self.own = true;
            return;
        }
        for piece in prompt::split_prompt(text) {
            match piece {
                prompt::PromptPiece::Typed(typed) => self.add_part(PartKind::Text, Origin::Person, typed, None),
                prompt::PromptPiece::Client(added) => self.add_part(PartKind::Meta, Origin::Client, added, None),
            }
        }
    }

    /// Adds text typed by a person, for services that insert nothing of their own.
    pub(super) fn add_typed_text(&mut self, text: &str) {
        if own_output::is_own_output(text) {
            self.own = true;
            return;
        }
        self.add_part(PartKind::Text, Origin::Person, text, None);
    }

    /// Adds a tool call. Calls of our own tools are kept without their arguments.
    pub(super) fn add_call(&mut self, tool: &str, arguments: &Value) {
        let text = match arguments {
            // The arguments of our own tools repeat what is stored, or what is to be deleted.
            _ if own_output::is_own_tool(tool) => String::new(),
            Value::Object(fields) => format_arguments(fields),
            Value::Null => String::new(),
            other => value_text(other).into_owned(),
        };
        self.draft.files.extend(argument_files(arguments));
        // A call without arguments still happened.
        let text = if text.trim().is_empty() { tool } else { &text };
        self.add_part(PartKind::ToolUse, Origin::Model, text, Some(tool));
    }

    /// Adds a tool result. Our own output is left out.
    pub(super) fn add_result(&mut self, tool: Option<&str>, text: &str) {
        if tool.is_some_and(own_output::is_own_tool) || own_output::is_own_output(text) {
            self.own = true;
            return;
        }
        self.add_part(PartKind::ToolResult, Origin::from_tool_name(tool), text, tool);
    }

    /// Adds a note that was saved explicitly, attributed to the model because its author is unknown. Labels are
    /// truncated to their limit.
    pub(super) fn add_note(&mut self, text: &str, mut note: DraftNote) {
        let labels = [&mut note.kind, &mut note.title, &mut note.topic_key].into_iter().flatten();
        labels.chain(&mut note.tags).for_each(|label| *label = to_one_line(label, LABEL_CHARACTERS));
        note.tags.truncate(limits::NOTE_LABELS);
        self.add_part(PartKind::Note, Origin::Model, text, None);
        self.draft.note = Some(Box::new(note));
    }

    /// Adds any part. Its key is its index among all parts added, empty ones included.
    pub(super) fn add_part(&mut self, kind: PartKind, origin: Origin, text: &str, tool: Option<&str>) {
        let key = format!("{}/{}", self.draft.external_id, self.draft.parts.len());
        self.add_keyed_part(key, kind, origin, text, tool);
    }

    /// Adds a part with a key from the source, which must be the same at every import.
    pub(super) fn add_keyed_part(
        &mut self,
        key: String,
        kind: PartKind,
        origin: Origin,
        text: &str,
        tool: Option<&str>,
    ) {
        let (text, tool) = (text.to_owned(), tool.map(str::to_owned));
        self.draft.parts.push(DraftPart { external_key: key, kind, origin, text, tool });
    }

    /// Records that something was left out because it is our own output.
    pub(super) const fn exclude_own_output(&mut self) {
        self.own = true;
    }

    /// Returns the finished item. A message without text is bookkeeping.
    pub(super) fn finish(mut self) -> Item {
        self.draft.parts.retain(|part| !part.text.trim().is_empty());
        match (self.draft.parts.is_empty(), self.own) {
            (false, _) => Item::Draft(Box::new(self.draft)),
            (true, true) => Item::Own,
            (true, false) => Item::Bookkeeping("empty message".into()),
        }
    }
}

/// Returns the file paths in the arguments of a tool call.
pub(super) fn argument_files(arguments: &Value) -> impl Iterator<Item = String> {
    ["file_path", "path", "notebook_path"].into_iter().filter_map(|name| text_field(arguments, name).map(str::to_owned))
}

/// Generates content-based ids for records without one. Equal records are numbered, so a line inserted at the top
/// changes no id.
#[derive(Debug, Default)]
pub(super) struct ContentIds {
    seen: HashMap<ContentHash, u64>,
}

impl ContentIds {
    /// Returns the id of the next record with this content.
    pub(super) fn next_id(&mut self, content: &[&str]) -> String {
        let bytes: Vec<&[u8]> = content.iter().map(|text| text.as_bytes()).collect();
        let hash = ContentHash::of_parts(&bytes);
        let count = self.seen.entry(hash).or_default();
        *count += 1;
        let id = to_hex(&hash.0);
        if *count == 1 { format!("content-{id}") } else { format!("content-{id}-{count}") }
    }
}

/// Formats a value; a string without quotation marks.
pub(super) fn value_text(value: &Value) -> Cow<'_, str> {
    value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed)
}

/// Formats the arguments of a tool call as `name: value` lines, strings verbatim, so that words in them stay
/// searchable.
pub(super) fn format_arguments(fields: &Map<String, Value>) -> String {
    let lines = fields.iter().map(|(name, value)| format!("{name}: {}", value_text(value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the elements of an array field; empty if it is not an array.
pub(super) fn array_field<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Parses a time in any format clients write: RFC 3339 with or without a zone, or seconds, milliseconds, microseconds
/// or nanoseconds since 1970 as a number or a string of digits. A time without a zone is taken as UTC, which is what
/// databases write.
pub(super) fn parse_time(value: Option<&Value>) -> Option<Timestamp> {
    let since_1970 = |number: f64| {
        // Seconds until the year 5138, milliseconds from 1973 on, and so forth.
        let scales = [(1e11, 1e3), (1e14, 1.0), (1e17, 1e-3), (1e20, 1e-6)];
        let (_, scale) = scales.into_iter().find(|(limit, _)| number < *limit)?;
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the scales")]
        (number > 0.0).then(|| Timestamp::from_milliseconds((number * scale).round() as i64))
    };
    match value? {
        Value::String(text) => {
            let text = text.trim();
            let parsed = Timestamp::parse_rfc3339(text).or_else(|| Timestamp::parse_rfc3339(&format!("{text}Z")));
            parsed.or_else(|| since_1970(text.parse().ok()?))
        }
        Value::Number(number) => since_1970(number.as_f64()?),
        _ => None,
    }
}

/// Returns a string field unless it is empty.
pub(super) fn text_field<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Returns the first non-empty string among several fields.
pub(super) fn first_field<'a>(value: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| text_field(value, name))
}

/// Returns the first of several fields that parses as a time.
pub(super) fn first_time_field(value: &Value, names: &[&str]) -> Option<Timestamp> {
    names.iter().find_map(|name| parse_time(value.get(*name)))
}

/// Returns the first of several fields that is a non-blank string or a number, as text.
pub(super) fn first_label(value: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match value.get(*name)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// Joins the non-empty string fields, one per line.
pub(super) fn join_fields(value: &Value, names: &[&str]) -> String {
    names.iter().filter_map(|name| text_field(value, name)).collect::<Vec<_>>().join("\n")
}

/// Joins the non-empty string fields as `name: value` lines.
pub(super) fn join_labelled_fields(value: &Value, names: &[&str]) -> String {
    let labelled =
        names.iter().filter_map(|name| Some(format!("{}: {}", name.replace('_', " "), text_field(value, name)?)));
    labelled.collect::<Vec<_>>().join("\n")
}

/// Returns an integer field.
pub(super) fn integer_field(value: &Value, name: &str) -> Option<i64> {
    value.get(name).and_then(Value::as_i64)
}

/// Parses a string field that holds a JSON array. Any other text is returned as one element.
pub(super) fn json_string_list(value: &Value, name: &str) -> Vec<String> {
    let Some(text) = text_field(value, name) else { return Vec::new() };
    match json::parse_lenient(text.as_bytes()) {
        Ok((Value::Array(list), _)) => {
            list.iter().map(|one| value_text(one).into_owned()).filter(|one| !one.is_empty()).collect()
        }
        Ok((Value::Null, _)) => Vec::new(),
        _ => vec![text.to_owned()],
    }
}

//! What importers make drafts of: a message that grows part by part.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Item;
use crate::domain::text::one_line;
use crate::domain::{Draft, DraftPart, Kind, Note, Origin, Role, Timestamp, limits, mark};

/// Characters of a label: four bytes each are still within its bound.
const LABEL_CHARACTERS: usize = limits::NOTE_LABEL_BYTES / 4 - 1;

/// A message of a source that is not Claude Code.
#[derive(Debug)]
pub(super) struct Turn {
    draft: Draft,
    own: bool,
}

impl Turn {
    pub(super) fn new(session: &str, id: &str, role: Role, at: Timestamp, line: u64) -> Self {
        let draft = Draft { line, ..Draft::new(session, id, role, at) };
        Self { draft, own: false }
    }

    /// The draft, to fill in what is known of it.
    pub(super) const fn about(&mut self) -> &mut Draft {
        &mut self.draft
    }

    /// A text of whoever speaks.
    pub(super) fn said(&mut self, text: &str) {
        let (kind, origin) = match self.draft.role {
            Role::User => (Kind::Text, Origin::Person),
            Role::Assistant => (Kind::Text, Origin::Model),
            Role::Tool => (Kind::ToolResult, Origin::Tool),
            Role::System => (Kind::Meta, Origin::Client),
        };
        self.part(kind, origin, text, None);
    }

    /// What a tool was asked.
    pub(super) fn call(&mut self, tool: &str, arguments: &Value) {
        let text = match arguments {
            Value::Object(fields) => named(fields),
            Value::Null => String::new(),
            other => plain(other).into_owned(),
        };
        for name in ["file_path", "path", "notebook_path"] {
            self.draft.files.extend(field(arguments, name).map(str::to_owned));
        }
        // A call without arguments is still something that happened.
        let text = if text.trim().is_empty() { tool } else { &text };
        self.part(Kind::ToolUse, Origin::Model, text, Some(tool));
    }

    /// What a tool answered. Our own answers are left out.
    pub(super) fn result(&mut self, tool: Option<&str>, text: &str) {
        if tool.is_some_and(mark::is_own_tool) || mark::is_own_output(text) {
            self.own = true;
            return;
        }
        self.part(Kind::ToolResult, Origin::of_tool(tool), text, tool);
    }

    /// A text that was saved on purpose; a model said it, as far as anybody knows. Labels are cut to what labels may have.
    pub(super) fn saved(&mut self, text: &str, mut note: Note) {
        let labels = [&mut note.kind, &mut note.title, &mut note.topic_key].into_iter().flatten();
        labels.chain(&mut note.tags).for_each(|label| *label = one_line(label, LABEL_CHARACTERS));
        note.tags.truncate(limits::NOTE_LABELS);
        self.part(Kind::Note, Origin::Model, text, None);
        self.draft.note = Some(Box::new(note));
    }

    /// Any part. Its number is its key, also where a part before it says nothing.
    pub(super) fn part(&mut self, kind: Kind, origin: Origin, text: &str, tool: Option<&str>) {
        let external_key = format!("{}/{}", self.draft.external_id, self.draft.parts.len());
        let (text, tool) = (text.to_owned(), tool.map(str::to_owned));
        self.draft.parts.push(DraftPart { external_key, kind, origin, text, tool });
    }

    /// The item; a message that says nothing is none.
    pub(super) fn item(mut self) -> Item {
        self.draft.parts.retain(|part| !part.text.trim().is_empty());
        match (self.draft.parts.is_empty(), self.own) {
            (false, _) => Item::Draft(Box::new(self.draft)),
            (true, true) => Item::Own,
            (true, false) => Item::Skipped,
        }
    }
}

/// A value without the quotation marks of a string.
pub(super) fn plain(value: &Value) -> Cow<'_, str> {
    value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed)
}

/// Arguments of a tool call as `name: value` lines, strings verbatim, so that words in them are words.
pub(super) fn named(fields: &Map<String, Value>) -> String {
    let lines = fields.iter().map(|(name, value)| format!("{name}: {}", plain(value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Text out of a string, an object with `text` or `content`, or a list of such.
pub(super) fn texts(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(texts).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) => fields.get("text").or_else(|| fields.get("content")).map(texts).unwrap_or_default(),
        _ => String::new(),
    }
}

/// The elements of a field that is a list; none if it is not.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A moment: RFC 3339, seconds or milliseconds since 1970.
pub(super) fn moment(value: Option<&Value>) -> Option<Timestamp> {
    match value? {
        // A time without a zone is taken for UTC, which is what databases write.
        Value::String(text) => Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}Z"))),
        Value::Number(number) => {
            let number = number.as_f64().filter(|number| number.is_finite() && *number > 0.0)?;
            // Seconds until the year 5138, milliseconds from 1973 on.
            let milliseconds = if number < 1e11 { number * 1000.0 } else { number };
            #[expect(clippy::cast_possible_truncation, reason = "bounded by the check")]
            (milliseconds < 4e14).then(|| Timestamp::from_milliseconds(milliseconds.round() as i64))
        }
        _ => None,
    }
}

/// A field that is a string and says something.
pub(super) fn field<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The first of several fields that says something.
pub(super) fn first<'a>(value: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| field(value, name))
}

/// The first of several fields that is a moment; else the beginning of 1970.
pub(super) fn when(value: &Value, names: &[&str]) -> Timestamp {
    let at = names.iter().find_map(|name| moment(value.get(*name)));
    at.unwrap_or(Timestamp::from_milliseconds(0))
}

/// The fields that say something, a line each.
pub(super) fn lines(value: &Value, names: &[&str]) -> String {
    names.iter().filter_map(|name| field(value, name)).collect::<Vec<_>>().join("\n")
}

/// The fields that say something, a line each with its name before it.
pub(super) fn labelled(value: &Value, names: &[&str]) -> String {
    let labelled = names.iter().filter_map(|name| Some(format!("{}: {}", name.replace('_', " "), field(value, name)?)));
    labelled.collect::<Vec<_>>().join("\n")
}

/// A field that is a whole number.
pub(super) fn number(value: &Value, name: &str) -> Option<i64> {
    value.get(name).and_then(Value::as_i64)
}

/// The texts of a field that is a list written as JSON; what is no list is one text.
pub(super) fn strings(value: &Value, name: &str) -> Vec<String> {
    let Some(text) = field(value, name) else { return Vec::new() };
    match serde_json::from_str(text) {
        Ok(Value::Array(list)) => {
            list.iter().map(|one| plain(one).into_owned()).filter(|one| !one.is_empty()).collect()
        }
        Ok(Value::Null) => Vec::new(),
        _ => vec![text.to_owned()],
    }
}

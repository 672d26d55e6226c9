//! Building drafts part by part, and reading the fields of JSON records. Used by every importer.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Item;
use crate::domain::hash::hex;
use crate::domain::text::{one_line, prompt};
use crate::domain::{ContentHash, Draft, DraftPart, Kind, Note, Origin, Role, Timestamp, json, limits, mark};

/// Characters of a label: four bytes each are still within its bound.
const LABEL_CHARACTERS: usize = limits::NOTE_LABEL_BYTES / 4 - 1;

/// A message that grows part by part.
#[derive(Debug)]
pub(super) struct DraftBuilder {
    draft: Draft,
    own: bool,
}

impl DraftBuilder {
    /// Begins a message. Without a time it gets that of a neighbour ([`super::dating`]).
    pub(super) fn new(session: &str, id: &str, role: Role, at: impl Into<Option<Timestamp>>, line: u64) -> Self {
        let at = at.into().filter(|at| at.milliseconds() > 0);
        let draft = Draft {
            line,
            at_estimated: at.is_none(),
            ..Draft::new(session, id, role, at.unwrap_or(Timestamp::from_milliseconds(0)))
        };
        Self { draft, own: false }
    }

    /// Gives a message without a time that of a neighbour.
    pub(super) const fn set_neighbor_time(&mut self, at: Option<Timestamp>) {
        if let (true, Some(at)) = (self.draft.at_estimated, at) {
            self.draft.at = at;
        }
    }

    /// The draft, to fill in what is known of it.
    pub(super) const fn draft(&mut self) -> &mut Draft {
        &mut self.draft
    }

    /// Adds a text of the speaker. What the client put into a person's message is split off ([`prompt::split`]).
    pub(super) fn add_text(&mut self, text: &str) {
        let (kind, origin) = match self.draft.role {
            Role::User => return self.add_prompt(text),
            Role::Assistant => (Kind::Text, Origin::Model),
            Role::Tool => (Kind::ToolResult, Origin::Tool),
            Role::System => (Kind::Meta, Origin::Client),
        };
        self.add_part(kind, origin, text, None);
    }

    /// Adds what stands in the place of a person: the words that were typed, and apart from them what the client added.
    pub(super) fn add_prompt(&mut self, text: &str) {
        if mark::is_own_output(text) {
            self.own = true;
            return;
        }
        for piece in prompt::split(text) {
            match piece {
                prompt::Piece::Typed(typed) => self.add_part(Kind::Text, Origin::Person, typed, None),
                prompt::Piece::Client(added) => self.add_part(Kind::Meta, Origin::Client, added, None),
            }
        }
    }

    /// Adds words that a person typed, on a service that puts nothing else into their place.
    pub(super) fn add_typed(&mut self, text: &str) {
        if mark::is_own_output(text) {
            self.own = true;
            return;
        }
        self.add_part(Kind::Text, Origin::Person, text, None);
    }

    /// Adds a call of a tool.
    pub(super) fn add_call(&mut self, tool: &str, arguments: &Value) {
        let text = match arguments {
            // What our own tools are asked repeats what is stored, or what is to be deleted.
            _ if mark::is_own_tool(tool) => String::new(),
            Value::Object(fields) => named(fields),
            Value::Null => String::new(),
            other => plain(other).into_owned(),
        };
        self.draft.files.extend(named_files(arguments));
        // A call without arguments is still something that happened.
        let text = if text.trim().is_empty() { tool } else { &text };
        self.add_part(Kind::ToolUse, Origin::Model, text, Some(tool));
    }

    /// Adds the output of a tool. Our own output is left out.
    pub(super) fn add_result(&mut self, tool: Option<&str>, text: &str) {
        if tool.is_some_and(mark::is_own_tool) || mark::is_own_output(text) {
            self.own = true;
            return;
        }
        self.add_part(Kind::ToolResult, Origin::of_tool(tool), text, tool);
    }

    /// Adds a text that was saved on purpose; a model said it, as far as anybody knows. Labels are cut to their bound.
    pub(super) fn add_saved(&mut self, text: &str, mut note: Note) {
        let labels = [&mut note.kind, &mut note.title, &mut note.topic_key].into_iter().flatten();
        labels.chain(&mut note.tags).for_each(|label| *label = one_line(label, LABEL_CHARACTERS));
        note.tags.truncate(limits::NOTE_LABELS);
        self.add_part(Kind::Note, Origin::Model, text, None);
        self.draft.note = Some(Box::new(note));
    }

    /// Adds any part. Its key is its number, which an empty part before it has too.
    pub(super) fn add_part(&mut self, kind: Kind, origin: Origin, text: &str, tool: Option<&str>) {
        let key = format!("{}/{}", self.draft.external_id, self.draft.parts.len());
        self.add_keyed_part(key, kind, origin, text, tool);
    }

    /// Adds a part under a key of the source's own. The key is the same at every import.
    pub(super) fn add_keyed_part(&mut self, key: String, kind: Kind, origin: Origin, text: &str, tool: Option<&str>) {
        let (text, tool) = (text.to_owned(), tool.map(str::to_owned));
        self.draft.parts.push(DraftPart { external_key: key, kind, origin, text, tool });
    }

    /// Notes that something was left out because it is our own output.
    pub(super) const fn leave_out_own(&mut self) {
        self.own = true;
    }

    /// The item. A message without text is bookkeeping.
    pub(super) fn finish(mut self) -> Item {
        self.draft.parts.retain(|part| !part.text.trim().is_empty());
        match (self.draft.parts.is_empty(), self.own) {
            (false, _) => Item::Draft(Box::new(self.draft)),
            (true, true) => Item::Own,
            (true, false) => Item::Bookkeeping("empty message".into()),
        }
    }
}

/// Files that the arguments of a call name.
pub(super) fn named_files(arguments: &Value) -> impl Iterator<Item = String> {
    ["file_path", "path", "notebook_path"].into_iter().filter_map(|name| field(arguments, name).map(str::to_owned))
}

/// Ids for records that have none: made of what they say. Equal records are numbered, so a line put on top changes no id.
#[derive(Debug, Default)]
pub(super) struct ContentIds {
    seen: HashMap<ContentHash, u64>,
}

impl ContentIds {
    /// The id of the next record that says this.
    pub(super) fn next_id(&mut self, content: &[&str]) -> String {
        let bytes: Vec<&[u8]> = content.iter().map(|text| text.as_bytes()).collect();
        let hash = ContentHash::of_parts(&bytes);
        let count = self.seen.entry(hash).or_default();
        *count += 1;
        let id = hex(&hash.0);
        if *count == 1 { format!("content-{id}") } else { format!("content-{id}-{count}") }
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

/// The elements of a field that is a list; none if it is not.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A time as any client writes it: RFC 3339 with or without a zone, or seconds, milliseconds, microseconds or nanoseconds
/// since 1970 as a number or a string of digits. A time without a zone is taken for UTC, which is what databases write.
pub(super) fn moment(value: Option<&Value>) -> Option<Timestamp> {
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
            let parsed = Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}Z")));
            parsed.or_else(|| since_1970(text.parse().ok()?))
        }
        Value::Number(number) => since_1970(number.as_f64()?),
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

/// The first of several fields that is a moment.
pub(super) fn when(value: &Value, names: &[&str]) -> Option<Timestamp> {
    names.iter().find_map(|name| moment(value.get(*name)))
}

/// The first of several fields that is a text or a number and says something.
pub(super) fn label(value: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match value.get(*name)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
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
    match json::parse(text.as_bytes()) {
        Ok((Value::Array(list), _)) => {
            list.iter().map(|one| plain(one).into_owned()).filter(|one| !one.is_empty()).collect()
        }
        Ok((Value::Null, _)) => Vec::new(),
        _ => vec![text.to_owned()],
    }
}

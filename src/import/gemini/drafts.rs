//! Messages of a journal as drafts. Keys of parts name what a part is, so that a message keeps them when it grows.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::super::Item;
use super::super::draft_builder::{DraftBuilder, moment};
use super::Gemini;
use super::message::{Call, Message, Response};
use super::outputs::{is_own_output, output_texts};
use super::places;
use crate::domain::text::prompt::{self, Piece};
use crate::domain::{Kind, Origin, Role, Timestamp, mark};

/// Around the files that `@path` put into a prompt.
const FILES_START: &str = "--- Content from referenced files ---";
const FILES_END: &str = "--- End of content ---";
/// Opens the summary that replaces a compressed history.
const SNAPSHOT: &str = "<state_snapshot>";

/// Files named by calls that are looked at to find the folder of a project.
const MAX_FILES: usize = 200;

/// The time of a record.
pub(super) fn time_of(value: &Value) -> Option<Timestamp> {
    moment(value.get("timestamp"))
}

/// Properties that all messages of a file share.
struct About {
    session: String,
    parent: Option<String>,
    cwd: Option<String>,
    prompts_by: Origin,
}

impl Gemini {
    /// Every message, once.
    pub(super) fn drafts(&mut self) -> Vec<Item> {
        let mut messages = std::mem::take(&mut self.messages);
        attach_responses(&mut messages);
        let about = About {
            session: self.session_id(),
            parent: self.parent_session.clone(),
            cwd: self.project_folder(&messages),
            prompts_by: if self.is_subagent { Origin::Model } else { Origin::Person },
        };
        messages.iter().flat_map(|message| self.drafts_of(message, &about)).collect()
    }

    /// Earlier versions of a message first, then the message.
    fn drafts_of(&self, message: &Message, about: &About) -> Vec<Item> {
        let mut items = Vec::new();
        for earlier in &message.earlier {
            let mut builder = begin(message, about);
            add_text(&mut builder, message, earlier, about);
            items.push(builder.finish());
        }
        let mut builder = begin(message, about);
        for (place, thought) in message.thoughts.iter().enumerate() {
            let key = format!("{}/thought-{place}", message.id);
            builder.add_keyed_part(key, Kind::Thinking, Origin::Model, thought, None);
        }
        add_text(&mut builder, message, &message.text, about);
        for (place, call) in message.calls.iter().enumerate() {
            self.add_call(&mut builder, message, place, call);
        }
        for (place, response) in message.responses.iter().enumerate() {
            let key = response.call.clone().unwrap_or_else(|| place.to_string());
            self.add_output(
                &mut builder,
                &format!("{}/result-{key}", message.id),
                &response.name,
                &response.text,
                None,
            );
        }
        builder.draft().usage = message.usage;
        items.push(match builder.finish() {
            Item::Bookkeeping(_) => Item::Bookkeeping(format!("{} without text", message.kind).into()),
            item => item,
        });
        items
    }

    fn add_call(&self, builder: &mut DraftBuilder, message: &Message, place: usize, call: &Call) {
        let key = call.id.clone().unwrap_or_else(|| place.to_string());
        builder.add_call(&call.name, &call.arguments);
        if let Some(part) = builder.draft().parts.last_mut() {
            part.external_key = format!("{}/call-{key}", message.id);
        }
        let result = call.result.as_deref().unwrap_or("");
        let key = format!("{}/result-{key}", message.id);
        self.add_output(builder, &key, &call.name, result, call.shown.as_deref());
    }

    fn add_output(&self, builder: &mut DraftBuilder, key: &str, tool: &str, result: &str, shown: Option<&str>) {
        if mark::is_own_tool(tool) || is_own_output(result) || shown.is_some_and(is_own_output) {
            return builder.leave_out_own();
        }
        for (place, text) in output_texts(&self.path, result, shown).into_iter().enumerate() {
            let key = if place == 0 { key.to_owned() } else { format!("{key}-{place}") };
            builder.add_keyed_part(key, Kind::ToolResult, Origin::of_tool(Some(tool)), &text, Some(tool));
        }
    }

    /// The folder of the project, as the places around the file, the header, the first message or the calls tell.
    fn project_folder(&self, messages: &[Message]) -> Option<String> {
        let contexts = messages.iter().filter(|message| is_context(&message.text));
        let named = contexts.take(1).flat_map(|message| places::workspace_folders(&message.text));
        let candidates: Vec<String> = self.directories.iter().cloned().chain(named).collect();
        let calls = messages.iter().flat_map(|message| &message.calls);
        let strings =
            calls.filter_map(|call| call.arguments.as_object()).flat_map(Map::values).filter_map(Value::as_str);
        let files: Vec<String> =
            strings.filter(|text| Path::new(text).is_absolute()).take(MAX_FILES).map(str::to_owned).collect();
        places::project_folder(&self.path, self.project_hash.as_deref(), &candidates, &files)
    }
}

/// Recognises the text that the client opens a session with.
fn is_context(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("<session_context>") || text.starts_with("This is the Gemini CLI. We are setting up the context")
}

fn begin(message: &Message, about: &About) -> DraftBuilder {
    let role = match message.kind.as_str() {
        "user" if message.text.is_empty() && !message.responses.is_empty() => Role::Tool,
        "user" => Role::User,
        "info" | "error" | "warning" => Role::System,
        _ => Role::Assistant,
    };
    let mut builder = DraftBuilder::new(&about.session, &message.id, role, message.at, message.line);
    let draft = builder.draft();
    draft.cwd.clone_from(&about.cwd);
    draft.parent_session.clone_from(&about.parent);
    draft.sidechain = message.is_rewound;
    draft.model = message.model.clone().filter(|_| role == Role::Assistant);
    builder
}

/// Adds what was said. What a person typed is told from what the client put beside it or made of it.
fn add_text(builder: &mut DraftBuilder, message: &Message, text: &str, about: &About) {
    let role = builder.draft().role;
    let key = |name: &str| format!("{}/{name}", message.id);
    match role {
        Role::User => {}
        Role::Assistant => return builder.add_keyed_part(key("text"), Kind::Text, Origin::Model, text, None),
        Role::Tool => return builder.add_keyed_part(key("text"), Kind::ToolResult, Origin::Tool, text, None),
        Role::System => return builder.add_keyed_part(key("text"), Kind::Meta, Origin::Client, text, None),
    }
    if is_own_output(text) {
        return builder.leave_out_own();
    }
    if text.trim_start().starts_with(SNAPSHOT) {
        return builder.add_keyed_part(key("text"), Kind::Summary, Origin::Client, text, None);
    }
    if is_context(text) && !text.contains("</session_context>") {
        return builder.add_keyed_part(key("client"), Kind::Meta, Origin::Client, text, None);
    }
    let mut pieces = Vec::new();
    let typed = message.typed.as_deref().map(str::trim);
    match typed {
        Some(typed) => {
            pieces.extend(prompt::split(typed));
            pieces.extend(expansion(text, typed).into_iter().map(Piece::Client));
        }
        None => split_files(text).into_iter().for_each(|piece| match piece {
            Piece::Typed(text) => pieces.extend(prompt::split(text)),
            client @ Piece::Client(_) => pieces.push(client),
        }),
    }
    let (mut words, mut added) = (0, 0);
    for piece in pieces {
        // What a hook of ours added.
        if matches!(piece, Piece::Client(text) if text.contains(mark::PREAMBLE)) {
            builder.leave_out_own();
            continue;
        }
        let (kind, origin, text, name, count) = match piece {
            Piece::Typed(text) => (Kind::Text, about.prompts_by, text, "text", &mut words),
            Piece::Client(text) => (Kind::Meta, Origin::Client, text, "client", &mut added),
        };
        let name = if *count == 0 { name.to_owned() } else { format!("{name}-{count}") };
        *count += 1;
        builder.add_keyed_part(key(&name), kind, origin, text.trim(), None);
    }
}

/// Text that the client made of a prompt, without the prompt where it stands in front.
fn expansion<'a>(text: &'a str, typed: &str) -> Option<&'a str> {
    let rest = text.trim().strip_prefix(typed).unwrap_or(text).trim();
    (!rest.is_empty()).then_some(rest)
}

/// Splits off files that the client put into a prompt.
fn split_files(text: &str) -> Vec<Piece<'_>> {
    let Some((before, rest)) = text.find(FILES_START).and_then(|at| text.split_at_checked(at)) else {
        return vec![Piece::Typed(text)];
    };
    let end = rest.find(FILES_END).map_or(rest.len(), |at| at + FILES_END.len());
    let (files, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    vec![Piece::Typed(before), Piece::Client(files), Piece::Typed(after)]
}

/// Gives calls the outputs that stand apart from them. What finds no call stays where it is.
fn attach_responses(messages: &mut [Message]) {
    let mut calls: HashMap<String, (usize, usize)> = HashMap::new();
    for (place, message) in messages.iter().enumerate() {
        let ids = message.calls.iter().enumerate().filter_map(|(call, known)| Some((known.id.clone()?, (place, call))));
        calls.extend(ids);
    }
    for place in 0..messages.len() {
        let responses =
            messages.get_mut(place).map(|message| std::mem::take(&mut message.responses)).unwrap_or_default();
        let left: Vec<Response> = responses
            .into_iter()
            .filter_map(|response| {
                let by_id = response.call.as_ref().and_then(|id| calls.get(id)).copied();
                let found = by_id.or_else(|| find_call(messages, place, &response));
                let call = found.and_then(|(place, call)| messages.get_mut(place)?.calls.get_mut(call));
                let Some(call) = call else { return Some(response) };
                call.result.get_or_insert(response.text);
                None
            })
            .collect();
        if let Some(message) = messages.get_mut(place) {
            message.responses = left;
        }
    }
}

/// The call of an output without an id: the last one of that tool before it that has no output, or has this one.
fn find_call(messages: &[Message], before: usize, response: &Response) -> Option<(usize, usize)> {
    if response.call.is_some() {
        return None;
    }
    let earlier = messages.iter().enumerate().take(before).rev();
    let mut calls = earlier
        .flat_map(|(place, message)| message.calls.iter().enumerate().map(move |(call, known)| (place, call, known)));
    let is_it =
        |call: &Call| call.name == response.name && call.result.as_ref().is_none_or(|result| *result == response.text);
    calls.find(|(.., call)| is_it(call)).map(|(place, call, _)| (place, call))
}

//! Converts the messages of a file to drafts. Part keys say what a part is, so that a message that grows keeps them.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::super::Item;
use super::super::draft_builder::DraftBuilder;
use super::Gemini;
use super::message::{GeminiCall, GeminiMessage, ToolResponse};
use super::outputs::{is_own_output, output_texts};
use super::paths;
use crate::domain::text::prompt::{self, PromptPiece};
use crate::domain::{Origin, PartKind, Role, own_output};

/// Lines around the files that `@path` put into a prompt.
const FILES_START: &str = "--- Content from referenced files ---";
const FILES_END: &str = "--- End of content ---";
/// Start of the summary that replaces a compressed history.
const SNAPSHOT: &str = "<state_snapshot>";

/// Maximum number of files in tool calls that are examined to find the project folder.
const MAX_FILES: usize = 200;

/// Properties that all messages of a file share.
struct MessageDefaults {
    session: String,
    parent: Option<String>,
    cwd: Option<String>,
    prompts_by: Origin,
}

impl Gemini {
    /// Converts every message, once each.
    pub(super) fn build_drafts(&mut self) -> Vec<Item> {
        let mut messages = std::mem::take(&mut self.messages);
        attach_responses(&mut messages);
        let about = MessageDefaults {
            session: self.session_id(),
            parent: self.parent_session.clone(),
            cwd: self.project_folder(&messages),
            prompts_by: if self.is_subagent { Origin::Model } else { Origin::Person },
        };
        messages.iter().flat_map(|message| self.build_message_drafts(message, &about)).collect()
    }

    /// Converts a message to drafts: earlier versions first, then the message.
    fn build_message_drafts(&self, message: &GeminiMessage, about: &MessageDefaults) -> Vec<Item> {
        let mut items = Vec::new();
        for earlier in &message.earlier {
            let mut builder = start_message(message, about);
            add_text(&mut builder, message, earlier, about);
            items.push(builder.finish());
        }
        let mut builder = start_message(message, about);
        for (place, thought) in message.thoughts.iter().enumerate() {
            let key = format!("{}/thought-{place}", message.id);
            builder.add_keyed_part(key, PartKind::Thinking, Origin::Model, thought, None);
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
        builder.draft_mut().usage = message.usage;
        items.push(match builder.finish() {
            Item::Bookkeeping(_) => Item::Bookkeeping(format!("{} without text", message.kind).into()),
            item => item,
        });
        items
    }

    fn add_call(&self, builder: &mut DraftBuilder, message: &GeminiMessage, place: usize, call: &GeminiCall) {
        let key = call.id.clone().unwrap_or_else(|| place.to_string());
        builder.add_call(&call.name, &call.arguments);
        if let Some(part) = builder.draft_mut().parts.last_mut() {
            part.external_key = format!("{}/call-{key}", message.id);
        }
        let result = call.result.as_deref().unwrap_or("");
        let key = format!("{}/result-{key}", message.id);
        self.add_output(builder, &key, &call.name, result, call.shown.as_deref());
    }

    fn add_output(&self, builder: &mut DraftBuilder, key: &str, tool: &str, result: &str, shown: Option<&str>) {
        if own_output::is_own_tool(tool) || is_own_output(result) || shown.is_some_and(is_own_output) {
            return builder.exclude_own_output();
        }
        for (place, text) in output_texts(&self.path, result, shown).into_iter().enumerate() {
            let key = if place == 0 { key.to_owned() } else { format!("{key}-{place}") };
            builder.add_keyed_part(key, PartKind::ToolResult, Origin::from_tool_name(Some(tool)), &text, Some(tool));
        }
    }

    /// Finds the project folder from the paths around the file, the header, the first message or the tool calls.
    fn project_folder(&self, messages: &[GeminiMessage]) -> Option<String> {
        let contexts = messages.iter().filter(|message| is_session_context(&message.text));
        let named = contexts.take(1).flat_map(|message| paths::workspace_folders(&message.text));
        let candidates: Vec<String> = self.directories.iter().cloned().chain(named).collect();
        let calls = messages.iter().flat_map(|message| &message.calls);
        let strings =
            calls.filter_map(|call| call.arguments.as_object()).flat_map(Map::values).filter_map(Value::as_str);
        let files: Vec<String> =
            strings.filter(|text| Path::new(text).is_absolute()).take(MAX_FILES).map(str::to_owned).collect();
        paths::find_project_folder(&self.path, self.project_hash.as_deref(), &candidates, &files)
    }
}

/// Returns true for the context that the client opens a session with.
fn is_session_context(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("<session_context>") || text.starts_with("This is the Gemini CLI. We are setting up the context")
}

fn start_message(message: &GeminiMessage, about: &MessageDefaults) -> DraftBuilder {
    let role = match message.kind.as_str() {
        "user" if message.text.is_empty() && !message.responses.is_empty() => Role::Tool,
        "user" => Role::User,
        "info" | "error" | "warning" => Role::System,
        _ => Role::Assistant,
    };
    let mut builder = DraftBuilder::new(&about.session, &message.id, role, message.at, message.line);
    let draft = builder.draft_mut();
    draft.cwd.clone_from(&about.cwd);
    draft.parent_session.clone_from(&about.parent);
    draft.sidechain = message.is_rewound;
    draft.model = message.model.clone().filter(|_| role == Role::Assistant);
    builder
}

/// Adds the text of a message. Typed words are separated from what the client added or generated from them.
fn add_text(builder: &mut DraftBuilder, message: &GeminiMessage, text: &str, about: &MessageDefaults) {
    let role = builder.draft_mut().role;
    let key = |name: &str| format!("{}/{name}", message.id);
    match role {
        Role::User => {}
        Role::Assistant => return builder.add_keyed_part(key("text"), PartKind::Text, Origin::Model, text, None),
        Role::Tool => return builder.add_keyed_part(key("text"), PartKind::ToolResult, Origin::Tool, text, None),
        Role::System => return builder.add_keyed_part(key("text"), PartKind::Meta, Origin::Client, text, None),
    }
    if is_own_output(text) {
        return builder.exclude_own_output();
    }
    if text.trim_start().starts_with(SNAPSHOT) {
        return builder.add_keyed_part(key("text"), PartKind::Summary, Origin::Client, text, None);
    }
    if is_session_context(text) && !text.contains("</session_context>") {
        return builder.add_keyed_part(key("client"), PartKind::Meta, Origin::Client, text, None);
    }
    let mut pieces = Vec::new();
    let typed = message.typed.as_deref().map(str::trim);
    match typed {
        Some(typed) => {
            pieces.extend(prompt::split_prompt(typed));
            pieces.extend(strip_prompt(text, typed).into_iter().map(PromptPiece::Client));
        }
        None => split_files(text).into_iter().for_each(|piece| match piece {
            PromptPiece::Typed(text) => pieces.extend(prompt::split_prompt(text)),
            client @ PromptPiece::Client(_) => pieces.push(client),
        }),
    }
    let (mut words, mut added) = (0, 0);
    for piece in pieces {
        // Text added by our hook.
        if matches!(piece, PromptPiece::Client(text) if text.contains(own_output::PREAMBLE)) {
            builder.exclude_own_output();
            continue;
        }
        let (kind, origin, text, name, count) = match piece {
            PromptPiece::Typed(text) => (PartKind::Text, about.prompts_by, text, "text", &mut words),
            PromptPiece::Client(text) => (PartKind::Meta, Origin::Client, text, "client", &mut added),
        };
        let name = if *count == 0 { name.to_owned() } else { format!("{name}-{count}") };
        *count += 1;
        builder.add_keyed_part(key(&name), kind, origin, text.trim(), None);
    }
}

/// Returns the text that the client generated from a prompt, without the prompt if it comes first.
fn strip_prompt<'a>(text: &'a str, typed: &str) -> Option<&'a str> {
    let rest = text.trim().strip_prefix(typed).unwrap_or(text).trim();
    (!rest.is_empty()).then_some(rest)
}

/// Splits off files that the client put into a prompt.
fn split_files(text: &str) -> Vec<PromptPiece<'_>> {
    let Some((before, rest)) = text.find(FILES_START).and_then(|at| text.split_at_checked(at)) else {
        return vec![PromptPiece::Typed(text)];
    };
    let end = rest.find(FILES_END).map_or(rest.len(), |at| at + FILES_END.len());
    let (files, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    vec![PromptPiece::Typed(before), PromptPiece::Client(files), PromptPiece::Typed(after)]
}

/// Moves separate outputs to their calls. An output without a call stays in its message.
fn attach_responses(messages: &mut [GeminiMessage]) {
    let mut calls: HashMap<String, (usize, usize)> = HashMap::new();
    for (place, message) in messages.iter().enumerate() {
        let ids = message.calls.iter().enumerate().filter_map(|(call, known)| Some((known.id.clone()?, (place, call))));
        calls.extend(ids);
    }
    for place in 0..messages.len() {
        let responses =
            messages.get_mut(place).map(|message| std::mem::take(&mut message.responses)).unwrap_or_default();
        let left: Vec<ToolResponse> = responses
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

/// Finds the call of an output without an id: the last earlier call of that tool that has no output, or the same one.
fn find_call(messages: &[GeminiMessage], before: usize, response: &ToolResponse) -> Option<(usize, usize)> {
    if response.call.is_some() {
        return None;
    }
    let earlier = messages.iter().enumerate().take(before).rev();
    let mut calls = earlier
        .flat_map(|(place, message)| message.calls.iter().enumerate().map(move |(call, known)| (place, call, known)));
    let is_it = |call: &GeminiCall| {
        call.name == response.name && call.result.as_ref().is_none_or(|result| *result == response.text)
    };
    calls.find(|(.., call)| is_it(call)).map(|(place, call, _)| (place, call))
}

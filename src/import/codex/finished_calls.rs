//! Reads finished tool calls in events: a call and its output in one record.

use serde_json::{Map, Value};

use super::super::Item;
use super::super::content::{content_text, readable_strings};
use super::super::draft_builder::{first_field, text_field};
use super::Codex;
use super::deferred::CopySource;
use super::events::CodexEvent;
use super::items::is_own_call;
use crate::domain::Role;

/// Fields with the input of a tool.
const INPUT_FIELDS: [&str; 7] = ["command", "arguments", "changes", "query", "revised_prompt", "path", "action"];
/// Fields with the output of a tool, the most complete first.
const OUTPUT_FIELDS: [&str; 7] =
    ["aggregated_output", "formatted_output", "output", "result", "content_items", "stdout", "error"];

impl Codex {
    /// Reads a call with its output, unless either was read from another record.
    pub(super) fn read_finished_call(&mut self, event: CodexEvent, tool: &str, done: &Value) -> Option<Item> {
        let call = first_field(done, &["call_id", "id"]).map(str::to_owned);
        let invocation = done.get("invocation").unwrap_or(done);
        let tool = match (text_field(invocation, "server"), text_field(invocation, "tool")) {
            (Some(server), Some(tool)) => format!("mcp__{server}__{tool}"),
            (None, Some(tool)) => tool.to_owned(),
            _ => tool.to_owned(),
        };
        if is_own_call(&tool, invocation) {
            let is_known = call.as_ref().is_some_and(|call| self.copies.has_call(call));
            return Some(if is_known { Item::Bookkeeping(event.kind.into()) } else { Item::Own });
        }
        let given = call_input(invocation);
        // The output of an image tool is bytes.
        let output = if tool.contains("image") { String::new() } else { call_output(done) };
        let mut builder = self.start_message(Role::Assistant, event.line);
        builder.add_call(&tool, &given);
        builder.add_result(Some(&tool), &output);
        let changes = invocation.get("changes").map(changed_lines);
        let told = || changes.unwrap_or_else(|| readable_strings(&given));
        let compared = if output.trim().is_empty() || invocation.get("changes").is_some() { told() } else { output };
        let texts = if compared.trim().is_empty() { Vec::new() } else { vec![compared] };
        self.defer_message(event.kind, builder.finish(), None, CopySource::Done { call, texts })
    }
}

/// Returns the input of a call as named fields.
fn call_input(invocation: &Value) -> Value {
    let given =
        INPUT_FIELDS.iter().find_map(|name| Some((*name, invocation.get(*name).filter(|given| !given.is_null())?)));
    match given {
        None => Value::Null,
        Some(("arguments", arguments)) if arguments.is_object() => arguments.clone(),
        Some(("changes", Value::Object(changes))) => {
            let files = changes.iter().map(|(path, change)| (path.clone(), change_text(change).into()));
            Value::Object(files.collect())
        }
        Some((name, given)) => Value::Object(Map::from_iter([(name.to_owned(), given.clone())])),
    }
}

fn call_output(done: &Value) -> String {
    let mut texts = OUTPUT_FIELDS.iter().filter_map(|name| done.get(*name)).map(|output| {
        // The result of an MCP server is wrapped: `{"Ok": {"content": […]}}`.
        let output = output.get("Ok").or_else(|| output.get("Err")).unwrap_or(output);
        content_text(output.get("content").unwrap_or(output))
    });
    texts.find(|text| !text.trim().is_empty()).unwrap_or_default()
}

fn change_text(change: &Value) -> String {
    first_field(change, &["unified_diff", "content"]).unwrap_or("").to_owned()
}

/// Returns the lines of changed files, without the hunk headers of a diff.
fn changed_lines(changes: &Value) -> String {
    let texts = changes.as_object().into_iter().flat_map(Map::values).map(change_text);
    let text = texts.collect::<Vec<_>>().join("\n");
    text.lines().filter(|line| !line.starts_with("@@")).collect::<Vec<_>>().join("\n")
}

//! Tool calls as events write them: a call and its output in one record.

use serde_json::{Map, Value};

use super::super::Item;
use super::super::content::{content_text, readable_strings};
use super::super::draft_builder::{field, first};
use super::Codex;
use super::events::Event;
use super::held::CopyOf;
use super::items::is_own_call;
use crate::domain::Role;

/// Fields that say what a tool was given.
const GIVEN: [&str; 7] = ["command", "arguments", "changes", "query", "revised_prompt", "path", "action"];
/// Fields that hold its output, the fullest first.
const OUTPUT: [&str; 7] =
    ["aggregated_output", "formatted_output", "output", "result", "content_items", "stdout", "error"];

impl Codex {
    /// Reads a call with its output, unless either stands elsewhere.
    pub(super) fn read_done(&mut self, event: Event, tool: &str, done: &Value) -> Option<Item> {
        let call = first(done, &["call_id", "id"]).map(str::to_owned);
        let invocation = done.get("invocation").unwrap_or(done);
        let tool = match (field(invocation, "server"), field(invocation, "tool")) {
            (Some(server), Some(tool)) => format!("mcp__{server}__{tool}"),
            (None, Some(tool)) => tool.to_owned(),
            _ => tool.to_owned(),
        };
        if is_own_call(&tool, invocation) {
            let is_known = call.as_ref().is_some_and(|call| self.copies.has_call(call));
            return Some(if is_known { Item::Bookkeeping(event.kind.into()) } else { Item::Own });
        }
        let given = given_to(invocation);
        // A picture is bytes.
        let output = if tool.contains("image") { String::new() } else { output_of(done) };
        let mut builder = self.builder(Role::Assistant, event.line);
        builder.add_call(&tool, &given);
        builder.add_result(Some(&tool), &output);
        let changes = invocation.get("changes").map(changed_lines);
        let told = || changes.unwrap_or_else(|| readable_strings(&given));
        let compared = if output.trim().is_empty() || invocation.get("changes").is_some() { told() } else { output };
        let texts = if compared.trim().is_empty() { Vec::new() } else { vec![compared] };
        self.hold(event.kind, builder.finish(), None, CopyOf::Done { call, texts })
    }
}

/// Input of a call, by name.
fn given_to(invocation: &Value) -> Value {
    let given = GIVEN.iter().find_map(|name| Some((*name, invocation.get(*name).filter(|given| !given.is_null())?)));
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

fn output_of(done: &Value) -> String {
    let mut texts = OUTPUT.iter().filter_map(|name| done.get(*name)).map(|output| {
        // The result of a server is wrapped: `{"Ok": {"content": […]}}`.
        let output = output.get("Ok").or_else(|| output.get("Err")).unwrap_or(output);
        content_text(output.get("content").unwrap_or(output))
    });
    texts.find(|text| !text.trim().is_empty()).unwrap_or_default()
}

fn change_text(change: &Value) -> String {
    first(change, &["unified_diff", "content"]).unwrap_or("").to_owned()
}

/// The lines of changed files, without the places that only a diff has.
fn changed_lines(changes: &Value) -> String {
    let texts = changes.as_object().into_iter().flat_map(Map::values).map(change_text);
    let text = texts.collect::<Vec<_>>().join("\n");
    text.lines().filter(|line| !line.starts_with("@@")).collect::<Vec<_>>().join("\n")
}

//! Commands that call an MCP tool: the same function answers a model over MCP.

use std::process::ExitCode;

use serde_json::{Map, Value};

use super::mcp::build_context;
use super::search::NOT_FOUND;
use crate::cli::invocation::Invocation;
use crate::config::env;
use crate::domain::{Failure, FailureCode};
use crate::mcp::tools::Reply;
use crate::mcp::{Caller, Profile, tools};
use crate::store::OpenMode;

/// Arguments of a tool call; absent ones keep the tool's default.
#[derive(Debug, Default)]
pub(super) struct ToolCallArguments(Map<String, Value>);

impl ToolCallArguments {
    pub(super) fn with_argument(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }
}

/// Calls a tool and prints its answer as the tool words it.
pub(super) fn call_tool(session: &Invocation, name: &str, arguments: ToolCallArguments) -> Result<ExitCode, Failure> {
    let reply = fetch_reply(session, name, arguments)?;
    if session.output.is_json() {
        session.output.print_json(&reply.value);
    } else {
        session.output.print_line(reply.text.trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

/// Calls a tool that searches, and prints its answer as the tool words it. Ends with 1 if the list `name_of_list` is empty.
pub(super) fn call_search_tool(
    session: &Invocation,
    name: &str,
    name_of_list: &str,
    arguments: ToolCallArguments,
) -> Result<ExitCode, Failure> {
    let reply = fetch_reply(session, name, arguments)?;
    if session.output.is_json() {
        session.output.print_json(&reply.value);
        return Ok(ExitCode::SUCCESS);
    }
    session.output.print_line(reply.text.trim_end());
    let is_empty = reply.value.get(name_of_list).and_then(Value::as_array).is_none_or(Vec::is_empty);
    Ok(if is_empty { ExitCode::from(NOT_FOUND) } else { ExitCode::SUCCESS })
}

/// Calls a tool and has its data printed by `print`, which returns whether anything was found; as JSON with `--json`.
pub(super) fn call_and_print(
    session: &Invocation,
    name: &str,
    arguments: ToolCallArguments,
    print: impl FnOnce(&Value) -> bool,
) -> Result<ExitCode, Failure> {
    let reply = fetch_reply(session, name, arguments)?;
    if session.output.is_json() {
        session.output.print_json(&reply.value);
        return Ok(ExitCode::SUCCESS);
    }
    Ok(if print(&reply.value) { ExitCode::SUCCESS } else { ExitCode::from(NOT_FOUND) })
}

/// Calls a tool.
fn fetch_reply(session: &Invocation, name: &str, arguments: ToolCallArguments) -> Result<Reply, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    // No session: a person gets all that fits, and gets the same result again when asking twice.
    let caller =
        Caller { now: session.now, session: None, is_person: !env::runs_in_agent(), ..build_context().make_caller() };
    let reply = tools::call_tool(&memory, &caller, Profile::Admin, name, Value::Object(arguments.0));
    reply.ok_or_else(|| Failure::new(FailureCode::Internal, format!("there is no tool {name}"), None))?
}

//! Commands that call an MCP tool: the same function answers a model over MCP.

use std::process::ExitCode;

use serde_json::{Map, Value};

use super::mcp::build_context;
use crate::cli::invocation::Invocation;
use crate::config::env;
use crate::domain::{Failure, FailureCode};
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

/// Calls a tool and prints its answer.
pub(super) fn call_tool(session: &Invocation, name: &str, arguments: ToolCallArguments) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    // No session: a person gets all that fits, and gets the same result again when asking twice.
    let caller =
        Caller { now: session.now, session: None, is_person: !env::runs_in_agent(), ..build_context().make_caller() };
    let reply = tools::call_tool(&memory, &caller, Profile::Admin, name, Value::Object(arguments.0));
    let reply =
        reply.ok_or_else(|| Failure::new(FailureCode::Internal, format!("there is no tool {name}"), None))??;
    if session.output.is_json() {
        session.output.print_json(&reply.value);
    } else {
        session.output.print_line(reply.text.trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

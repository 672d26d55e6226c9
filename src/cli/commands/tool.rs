//! Commands that are tools for people: the same function answers a model over MCP.

use std::process::ExitCode;

use serde_json::{Map, Value};

use super::mcp::context;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::domain::Code;
use crate::mcp::{Caller, Profile, tools};
use crate::store::Open;

/// The arguments of a tool; what is absent is left to its default.
#[derive(Debug, Default)]
pub(super) struct Arguments(Map<String, Value>);

impl Arguments {
    pub(super) fn with(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }
}

/// Calls a tool and prints its answer.
pub(super) fn call(session: &Session, name: &str, arguments: Arguments) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    // A person asks for all that fits and may ask for the same twice.
    let caller = Caller { now: session.now, session: None, ..context().caller() };
    let reply = tools::call(&memory, &caller, Profile::Admin, name, Value::Object(arguments.0));
    let reply = reply.ok_or_else(|| Failure::new(Code::Internal, format!("there is no tool {name}"), None))??;
    if session.output.is_json() {
        session.output.json(&reply.value);
    } else {
        session.output.line(reply.text.trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

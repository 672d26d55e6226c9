//! `ping`: whether the server answers at all. Opens nothing.

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, define, parse, reading};
use crate::mcp::caller::Caller;
use crate::mcp::wire::Pong;
use crate::memory::Memory;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {}

pub(super) fn definition() -> Tool {
    define::<Arguments, Pong>("ping", "Ping", "Answers at once. Use it only to test the connection.", reading())
}

pub(super) fn call(_memory: &Memory, _caller: &Caller, arguments: Value) -> Outcome {
    answer(arguments)
}

pub(super) fn answer(arguments: Value) -> Outcome {
    let Arguments {} = parse(arguments, "this tool takes no arguments")?;
    super::answer(&Pong { pong: true, version: env!("CARGO_PKG_VERSION").to_owned() }, "pong")
}

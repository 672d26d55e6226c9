//! `ping`: tests the connection without opening the memory.

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{ToolOutcome, build_tool, parse_arguments, read_only_annotations};
use crate::mcp::caller::Caller;
use crate::mcp::wire::Pong;
use crate::memory::Memory;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PingToolInput {}

pub(super) fn define_tool() -> Tool {
    build_tool::<PingToolInput, Pong>(
        "ping",
        "Ping",
        "Answers at once. Use it only to test the connection.",
        read_only_annotations(),
    )
}

pub(super) fn run_tool(_memory: &Memory, _caller: &Caller, arguments: Value) -> ToolOutcome {
    reply_pong(arguments)
}

pub(super) fn reply_pong(arguments: Value) -> ToolOutcome {
    let PingToolInput {} = parse_arguments(arguments, "this tool takes no arguments")?;
    super::build_reply(&Pong { pong: true, version: env!("CARGO_PKG_VERSION").to_owned() }, "pong")
}

//! `memory_maintain`: the monthly round, after showing what it would do.

use std::sync::atomic::AtomicBool;

use rmcp::model::{Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, answer, define, parse};
use crate::mcp::caller::Caller;
use crate::mcp::wire::operations::MaintainAnswer;
use crate::memory::Memory;
use crate::ops::maintain::{Plan, maintain};

const USAGE: &str = "for example {\"cleanup_days\": 60, \"dry_run\": true}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Messages older than so many days go; what was saved stays. Default: none goes.
    #[schemars(range(min = 1))]
    cleanup_days: Option<u32>,
    /// Default true: only count.
    dry_run: Option<bool>,
}

pub(super) fn definition() -> Tool {
    define::<Arguments, MaintainAnswer>(
        "memory_maintain",
        "Maintain",
        "Backs up, takes away what is old, gives room back and compares everything. Use it only when the user asks for it. Counts \
         first; call again with dry_run false when the user agrees.",
        ToolAnnotations::new().read_only(false).destructive(true).idempotent(true).open_world(false),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let Arguments { cleanup_days, dry_run } = parse(arguments, USAGE)?;
    let dry_run = dry_run.unwrap_or(true);
    let plan = Plan { cleanup_days: cleanup_days.filter(|days| *days > 0), dry_run };
    let done = maintain(memory, memory.paths(), plan, caller.now, &AtomicBool::new(false), &mut |_, _| {})?;
    let done = MaintainAnswer::new(done, dry_run);
    let text = format!(
        "{} messages of {} sessions are older, {} went; {} saved ones stay. {} bytes before, {} after.{}",
        done.old_messages,
        done.old_sessions,
        done.removed,
        done.old_saved_kept,
        done.bytes_before,
        done.bytes_after,
        if dry_run { " Nothing was changed." } else { "" }
    );
    answer(&done, &text)
}

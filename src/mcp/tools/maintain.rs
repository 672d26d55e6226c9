//! `memory_maintain`: runs monthly maintenance, by default as a dry run.

use std::sync::atomic::AtomicBool;

use rmcp::model::{Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{ToolOutcome, build_reply, build_tool, parse_arguments};
use crate::backup::maintenance::{MaintenancePlan, run_maintenance};
use crate::domain::Failure;
use crate::mcp::caller::Caller;
use crate::mcp::wire::operations::MaintainAnswer;
use crate::memory::Memory;

const USAGE: &str = "for example {\"cleanup_days\": 60, \"dry_run\": true}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MaintainToolInput {
    /// Count messages older than so many days.
    #[schemars(range(min = 1))]
    cleanup_days: Option<u32>,
    /// Default true: only count.
    dry_run: Option<bool>,
}

pub(super) fn define_tool() -> Tool {
    build_tool::<MaintainToolInput, MaintainAnswer>(
        "memory_maintain",
        "Maintain",
        "Backs up, optimises and verifies. Use it only when the user asks for it. Counts first; call again with dry_run false when \
         the user agrees. Deleting old messages is left to the user.",
        ToolAnnotations::new().read_only(false).destructive(true).idempotent(true).open_world(false),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let MaintainToolInput { cleanup_days, dry_run } = parse_arguments(arguments, USAGE)?;
    let dry_run = dry_run.unwrap_or(true);
    if let (Some(days), false) = (cleanup_days, dry_run) {
        return Err(Failure::invalid_arguments(
            "deleting old messages is for the user; nothing was changed",
            format!(
                "the user runs `claude-memory maintain --cleanup-days {days}`; without cleanup_days the rest is done"
            ),
        ));
    }
    let plan = MaintenancePlan { cleanup_days: cleanup_days.filter(|days| *days > 0), dry_run };
    let done = run_maintenance(memory, memory.paths(), plan, caller.now, &AtomicBool::new(false), &mut |_, _| {})?;
    let done = MaintainAnswer::new(done, dry_run);
    let text = format!(
        "{} messages of {} sessions are older, {} deleted; {} saved ones stay. {} bytes before, {} after.{}",
        done.old_messages,
        done.old_sessions,
        done.removed,
        done.old_saved_kept,
        done.bytes_before,
        done.bytes_after,
        if dry_run { " Nothing was changed." } else { "" }
    );
    build_reply(&done, &text)
}

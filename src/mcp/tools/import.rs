//! `memory_import`: imports Claude Code's new transcripts. Takes no path, because a model must not choose which files
//! are read.

use std::sync::atomic::AtomicBool;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{ToolOutcome, additive_annotations, build_reply, build_tool, parse_arguments};
use crate::domain::Failure;
use crate::domain::text::counts::format_count;
use crate::mcp::caller::Caller;
use crate::mcp::wire::changes::ImportAnswer;
use crate::memory::{ImportOptions, Memory};

/// Maximum number of bad lines listed.
const MAX_BAD_LINES: usize = 10;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ImportToolInput {}

pub(super) fn define_tool() -> Tool {
    build_tool::<ImportToolInput, ImportAnswer>(
        "memory_import",
        "Read new history",
        "Reads Claude Code's transcripts that are not in the memory yet. Use it when something just said in another session is missing.",
        additive_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let ImportToolInput {} = parse_arguments(arguments, "this tool takes no arguments")?;
    let folder = caller.transcripts.clone().filter(|folder| folder.is_dir());
    let folder = folder.ok_or_else(|| {
        Failure::invalid_arguments(
            "Claude Code has no transcripts here",
            "use `claude-memory import claude-code FOLDER`",
        )
    })?;
    let options = ImportOptions::from_settings(memory.settings());
    let report = memory.import_path(&folder, options, caller.now, &AtomicBool::new(false), &mut |_| {})?;
    let done = ImportAnswer {
        files: report.files,
        new: report.new,
        duplicate: report.duplicate,
        bad: report.bad_total,
        bad_lines: report.bad.iter().take(MAX_BAD_LINES).map(ToString::to_string).collect(),
        unfinished: report.interrupted,
    };
    let text = format!(
        "{} from {}, {} bad",
        format_count(done.new, "new message"),
        format_count(done.files, "transcript"),
        format_count(done.bad, "line")
    );
    build_reply(&done, &text)
}

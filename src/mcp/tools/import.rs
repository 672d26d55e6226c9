//! `memory_import`: reads what Claude Code has written since the last time. Takes no path: what a model names is not to be
//! trusted with the choice of files.

use std::sync::atomic::AtomicBool;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, adding, answer, define, parse};
use crate::mcp::caller::Caller;
use crate::mcp::error::Failure;
use crate::mcp::wire::changes::ImportAnswer;
use crate::memory::{ImportOptions, Memory};

/// Bad lines that are named.
const SHOWN_BAD: usize = 10;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {}

pub(super) fn definition() -> Tool {
    define::<Arguments, ImportAnswer>(
        "memory_import",
        "Read new history",
        "Reads Claude Code's transcripts that are not in the memory yet. Use it when something just said in another session is missing.",
        adding(),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let Arguments {} = parse(arguments, "this tool takes no arguments")?;
    let folder = caller.transcripts.clone().filter(|folder| folder.is_dir());
    let folder = folder.ok_or_else(|| {
        Failure::arguments("Claude Code has no transcripts here", "use `claude-memory import claude-code FOLDER`")
    })?;
    let options = ImportOptions::of(memory.settings());
    let report = memory.import(&folder, options, caller.now, &AtomicBool::new(false), &mut |_| {})?;
    let done = ImportAnswer {
        files: report.files,
        new: report.new,
        duplicate: report.duplicate,
        bad: report.bad_total,
        bad_lines: report.bad.iter().take(SHOWN_BAD).map(ToString::to_string).collect(),
        unfinished: report.interrupted,
    };
    let text = format!("{} new messages from {} transcripts, {} lines bad", done.new, done.files, done.bad);
    answer(&done, &text)
}

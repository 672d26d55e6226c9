//! Commands, one file each, and the formatting they share.

pub(super) mod alerts;
pub(super) mod backup;
pub(super) mod bench;
mod bench_answerability;
mod bench_files;
mod bench_provenance;
mod bench_self;
mod bench_suggestions;
pub(super) mod blame;
pub(super) mod completions;
pub(super) mod config;
pub(super) mod context;
pub(super) mod decisions;
pub(super) mod demo;
pub(super) mod doctor;
pub(super) mod embed;
pub(super) mod export;
mod export_record;
pub(super) mod fix;
pub(super) mod forget;
mod forget_requests;
pub(super) mod handoff;
mod history_answer;
pub(super) mod hook;
pub(super) mod hooks;
pub(super) mod import;
mod import_sources;
pub(super) mod init;
pub(super) mod injections;
pub(super) mod install;
pub(super) mod logs;
pub(super) mod maintain;
pub(super) mod man;
pub(super) mod mcp;
mod mcp_check;
pub(super) mod migrate;
pub(super) mod model;
pub(super) mod monitoring;
pub(super) mod open;
pub(super) mod projects;
pub(super) mod quarantine;
pub(super) mod redact;
pub(super) mod reindex;
pub(super) mod report;
mod rerankers;
pub(super) mod save;
pub(super) mod schedule;
pub(super) mod search;
mod search_results;
pub(super) mod serve;
pub(super) mod service;
mod session_list;
pub(super) mod setup;
mod setup_highlights;
pub(super) mod show;
pub(super) mod status;
mod status_summary;
pub(super) mod sync;
mod sync_machines;
mod sync_signatures;
pub(super) mod timeline;
pub(super) mod token;
mod tool;
pub(super) mod why;

use crate::cli::invocation::Invocation;
use crate::domain::text::counts::group_digits;
use crate::domain::{Failure, FailureCode};
use crate::memory::CheckResult;
use crate::system::SystemStep;

/// Prints the steps of a dry run.
fn print_plan(session: &Invocation, manager: &str, steps: &[SystemStep]) {
    let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "manager": manager, "steps": steps }));
    } else {
        steps.iter().for_each(|step| session.output.print_line(step.trim_end()));
    }
}

/// Builds the async runtime for commands that talk to another server.
fn build_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| {
        Failure::new(FailureCode::Unavailable, format!("cannot start the async runtime: {error}"), None)
    })
}

/// Formats a check as one line of text.
fn format_check(check: &CheckResult) -> String {
    let fix = check.fix.as_ref().map(|fix| format!(" → {fix}")).unwrap_or_default();
    format!("{} {:<12}{}{fix}", if check.ok { "ok" } else { "!!" }, check.name, check.finding)
}

/// Formats a number of bytes: `12.3 MB`.
fn format_bytes(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}

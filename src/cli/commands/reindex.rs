//! `reindex`: rebuilds everything that is derived from texts and embeddings.

use std::process::ExitCode;
use std::time::Instant;

use super::group_digits;
use crate::cli::invocation::Invocation;
use crate::domain::Failure;
use crate::store::OpenMode;

/// Rebuild the keyword index, doc values and vector index
///
/// Messages are not changed, and embeddings are not computed again (see `embed`, `reembed`). Damaged or missing index
/// files are rebuilt automatically; use this to make sure.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory reindex")]
pub(in crate::cli) struct ReindexArgs {}

pub(in crate::cli) fn run(_args: &ReindexArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let begun = Instant::now();
    memory.rebuild_indexes()?;
    let (messages, seconds) = (memory.snapshot()?.collect_stats()?.messages, begun.elapsed().as_secs_f64());
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "messages": messages, "seconds": seconds }));
    } else {
        session.output.print_line(&format!(
            "rebuilt keyword index, doc values and vector index (messages: {}) in {seconds:.1} s",
            group_digits(messages)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

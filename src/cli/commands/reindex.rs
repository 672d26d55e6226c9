//! `reindex`: makes everything anew that is made from texts and vectors.

use std::process::ExitCode;
use std::time::Instant;

use super::grouped;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::store::Open;

/// Make word index, columns and vector index anew from what is stored
///
/// Nothing that was said is touched, and vectors are not made again (see `embed`, `reembed`). Damaged or missing files of the index are
/// made again without being asked; this is for when you want to be sure.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory reindex")]
pub(in crate::cli) struct Args {}

pub(in crate::cli) fn run(_args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    let begun = Instant::now();
    memory.reindex()?;
    let (messages, seconds) = (memory.stats()?.messages, begun.elapsed().as_secs_f64());
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "messages": messages, "seconds": seconds }));
    } else {
        session.output.line(&format!(
            "word index, columns and vector index of {} messages made anew in {seconds:.1} s",
            grouped(messages)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

//! `redact`: takes secrets out of what is already stored.

use std::process::ExitCode;

use serde::Serialize;

use super::grouped;
use crate::cli::error::Failure;
use crate::cli::progress::{INTERRUPTED, bar, stop_on_interrupt};
use crate::cli::session::Session;
use crate::store::Open;

/// Take secrets out of what is already stored
///
/// New messages are cleaned before they are stored; this looks through everything again, for what an earlier version or a
/// time with `redact.enabled = false` let in. Ctrl-C stops after the current texts; run it again to look at the rest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory redact --rescan")]
pub(in crate::cli) struct Args {
    /// Look through everything that is stored
    #[arg(long, required = true)]
    rescan: bool,
    /// Count, change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Done {
    parts: u64,
    changed: u64,
    secrets: u64,
    dry_run: bool,
    interrupted: bool,
    log_emptied: bool,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    let stop = stop_on_interrupt(session.output);
    let progress = bar(session.output, "{spinner} {human_pos} texts looked through");
    let done = memory.rescan(args.dry_run, session.now, &stop, &mut |parts| progress.set_position(parts))?;
    progress.finish_and_clear();
    if session.output.is_json() {
        let crate::memory::Rescanned { parts, changed, secrets, interrupted, log_emptied } = done;
        session.output.json(&Done { parts, changed, secrets, dry_run: args.dry_run, interrupted, log_emptied });
    } else {
        session.output.line(&format!(
            "{} texts looked through, {} secrets in {} of them {}",
            grouped(done.parts),
            grouped(done.secrets),
            grouped(done.changed),
            if args.dry_run { "would be taken out" } else { "taken out" }
        ));
    }
    if done.changed > 0 && !args.dry_run && !done.log_emptied {
        session
            .output
            .say("warning: another process reads at this moment, so the log still holds old pages; run it again later");
    }
    Ok(if done.interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

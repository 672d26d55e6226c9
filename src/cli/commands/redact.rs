//! `redact`: removes secrets from stored messages.

use std::process::ExitCode;

use serde::Serialize;

use super::group_digits;
use crate::cli::invocation::Invocation;
use crate::cli::progress::{INTERRUPTED, create_bar, stop_on_interrupt};
use crate::domain::Failure;
use crate::store::OpenMode;

/// Remove secrets from stored messages
///
/// New messages are redacted before they are stored; this scans everything again, for secrets that an earlier version
/// or a time with `redact.enabled = false` let through. Ctrl-C stops after the current texts; run it again for the
/// rest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory redact --rescan")]
pub(in crate::cli) struct RedactArgs {
    /// Scan everything that is stored
    #[arg(long, required = true)]
    rescan: bool,
    /// Count, change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct RedactSummary {
    parts: u64,
    changed: u64,
    secrets: u64,
    dry_run: bool,
    interrupted: bool,
    log_emptied: bool,
}

pub(in crate::cli) fn run(args: &RedactArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let stop = stop_on_interrupt(session.output);
    let progress = create_bar(session.output, "{spinner} {human_pos} texts scanned");
    let done = memory.rescan_secrets(args.dry_run, session.now, &stop, &mut |parts| progress.set_position(parts))?;
    progress.finish_and_clear();
    if session.output.is_json() {
        let crate::memory::RescanReport { parts, changed, secrets, interrupted, log_emptied } = done;
        session.output.print_json(&RedactSummary {
            parts,
            changed,
            secrets,
            dry_run: args.dry_run,
            interrupted,
            log_emptied,
        });
    } else {
        session.output.print_line(&format!(
            "scanned texts: {}, secrets: {}, in texts: {}; {}",
            group_digits(done.parts),
            group_digits(done.secrets),
            group_digits(done.changed),
            if args.dry_run { "nothing changed" } else { "removed" }
        ));
    }
    if done.changed > 0 && !args.dry_run && !done.log_emptied {
        session.output.print_message(
            "warning: another process is reading the database, so its log still holds old pages; run this again later",
        );
    }
    Ok(if done.interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

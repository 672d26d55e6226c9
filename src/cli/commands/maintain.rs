//! `maintain`: the monthly maintenance.

use std::process::ExitCode;

use indicatif::HumanBytes;

use super::{format_check, group_digits};
use crate::backup::maintenance::{MaintenancePlan, run_maintenance};
use crate::cli::invocation::Invocation;
use crate::cli::progress::{INTERRUPTED, create_bar, stop_on_interrupt};
use crate::config::ScheduledJob;
use crate::domain::Failure;
use crate::mcp::wire::operations::MaintainAnswer;
use crate::store::OpenMode;

/// Back up, delete old messages, optimise indexes, verify
///
/// Nothing is deleted before there is a backup that was restored and compared. Saved notes are kept. Unused disk space
/// is returned to the system. Ctrl-C stops after the current messages; run it again to continue.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory maintain\n  claude-memory maintain --cleanup-days 60 --dry-run")]
pub(in crate::cli) struct MaintainArgs {
    /// Delete messages older than DAYS [default: delete none]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    cleanup_days: Option<u32>,
    /// Count what would be deleted, change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(in crate::cli) fn run(args: &MaintainArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let (paths, stop) = (session.resolve_paths()?, stop_on_interrupt(session.output));
    let progress = create_bar(session.output, "{spinner} cleaning up [{wide_bar}] {human_pos}/{human_len} messages");
    let plan = MaintenancePlan { cleanup_days: args.cleanup_days, dry_run: args.dry_run };
    let done = run_maintenance(&memory, &paths, plan, session.now, &stop, &mut |gone, all| {
        progress.set_length(all);
        progress.set_position(gone);
    })?;
    progress.finish_and_clear();
    let (whole, interrupted) = (done.checks.iter().all(|check| check.ok), done.interrupted);
    if !args.dry_run && !interrupted {
        let finding = format!("{} messages removed", done.removed);
        memory.record_run(ScheduledJob::Maintenance.name(), whole, finding, session.now)?;
    }
    if session.output.is_json() {
        session.output.print_json(&MaintainAnswer::new(done, args.dry_run));
    } else {
        let row = |name: &str, value: &str| session.output.print_line(&format!("{name:<12}{value}"));
        if let Some(backup) = &done.backup {
            row("backup", &backup.display().to_string());
        }
        if args.cleanup_days.is_some() {
            let (old, kept) = (group_digits(done.old.messages), group_digits(done.old.kept));
            let what = format!("older messages: {old} (sessions: {})", group_digits(done.old.conversations));
            let went = if args.dry_run {
                "none deleted".to_owned()
            } else {
                format!("deleted: {}", group_digits(done.removed))
            };
            row("cleanup", &format!("{what}, {went}; saved notes kept: {kept}"));
        }
        row("size", &format!("{} before, {} after", HumanBytes(done.bytes.0), HumanBytes(done.bytes.1)));
        row(
            "disk space",
            &match done.vacuumed {
                Some(true) => "returned to the system".to_owned(),
                Some(false) => format!("{} unused; too little to rewrite the database", HumanBytes(done.free_bytes)),
                None => "not returned: the disk has no room to rewrite the database".to_owned(),
            },
        );
        done.checks.iter().for_each(|check| session.output.print_line(&format_check(check)));
    }
    Ok(match (interrupted, whole) {
        (true, _) => ExitCode::from(INTERRUPTED),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::from(crate::domain::FailureCode::Corrupt.exit_code()),
    })
}

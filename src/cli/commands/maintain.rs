//! `maintain`: the monthly round.

use std::process::ExitCode;

use indicatif::HumanBytes;

use super::{check_line, grouped};
use crate::cli::error::Failure;
use crate::cli::progress::{INTERRUPTED, bar, stop_on_interrupt};
use crate::cli::session::Session;
use crate::mcp::wire::operations::MaintainAnswer;
use crate::ops::maintain::{Plan, maintain};
use crate::ops::schedule::Job;
use crate::store::Open;

/// Back up, take away what is old, fold indexes, give room back, compare everything
///
/// Nothing goes before there is a backup that was restored and compared. What was saved on purpose stays. Ctrl-C stops after the
/// current messages; run it again to go on.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory maintain\n  claude-memory maintain --cleanup-days 60 --dry-run")]
pub(in crate::cli) struct Args {
    /// Messages older than so many days go [default: none goes]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    cleanup_days: Option<u32>,
    /// Count, change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    let (paths, stop) = (session.paths()?, stop_on_interrupt(session.output));
    let progress = bar(session.output, "{spinner} cleaning up [{wide_bar}] {human_pos}/{human_len} messages");
    let plan = Plan { cleanup_days: args.cleanup_days, dry_run: args.dry_run };
    let done = maintain(&memory, &paths, plan, session.now, &stop, &mut |gone, all| {
        progress.set_length(all);
        progress.set_position(gone);
    })?;
    progress.finish_and_clear();
    let (whole, interrupted) = (done.checks.iter().all(|check| check.ok), done.interrupted);
    if !args.dry_run && !interrupted {
        let finding = format!("{} messages removed", done.removed);
        memory.note_run(Job::Maintenance.name(), whole, finding, session.now)?;
    }
    if session.output.is_json() {
        session.output.json(&MaintainAnswer::new(done, args.dry_run));
    } else {
        let row = |name: &str, value: &str| session.output.line(&format!("{name:<12}{value}"));
        if let Some(backup) = &done.backup {
            row("backup", &backup.display().to_string());
        }
        if args.cleanup_days.is_some() {
            let (old, kept) = (grouped(done.old.messages), grouped(done.old.kept));
            let what = format!("{old} messages of {} sessions are older", grouped(done.old.conversations));
            let went = if args.dry_run { "none went".to_owned() } else { format!("{} went", grouped(done.removed)) };
            row("cleanup", &format!("{what}, {went}; {kept} saved on purpose stay"));
        }
        row("size", &format!("{} before, {} after", HumanBytes(done.bytes.0), HumanBytes(done.bytes.1)));
        row(
            "room",
            &match done.vacuumed {
                Some(true) => "given back".to_owned(),
                Some(false) => format!("{} hold nothing; not worth writing it anew", HumanBytes(done.free_bytes)),
                None => "worth giving back, but the disk has no room for writing the database anew".to_owned(),
            },
        );
        done.checks.iter().for_each(|check| session.output.line(&check_line(check)));
    }
    Ok(match (interrupted, whole) {
        (true, _) => ExitCode::from(INTERRUPTED),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::from(crate::domain::Code::Corrupt.exit()),
    })
}

//! `migrate`: imports the database of the Python edition.

use std::process::ExitCode;

use serde::Serialize;

use super::{build_runtime, group_digits};
use crate::cli::invocation::Invocation;
use crate::cli::priority;
use crate::cli::progress::{INTERRUPTED, create_bar, stop_on_interrupt};
use crate::config::env;
use crate::domain::{Failure, FailureCode};
use crate::store::OpenMode;
use crate::sync::{self, PostgresEndpoint};

/// Import the database of the Python edition: conversations, messages and memory units
///
/// Reads one consistent snapshot, changes nothing there, and compares text, speaker and time of everything with what
/// was stored. Secrets are removed as in every import. Its embeddings come from another model and are computed again.
/// Running it again reads only what is new.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  export CLAUDE_MEMORY_POSTGRES_PASSWORD=...\n  \
    claude-memory migrate --from-postgres postgresql://claude_memory@localhost/claude_memory_db")]
pub(in crate::cli) struct MigrateArgs {
    /// Address of the database, without a password
    #[arg(long, value_name = "URL")]
    from_postgres: String,
    /// Count, but store nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct MigrateSummary<'a> {
    conversations: u64,
    messages: u64,
    units: u64,
    new: u64,
    duplicate: u64,
    forgotten: u64,
    blank: u64,
    inactive: u64,
    compared: u64,
    different: &'a [String],
    interrupted: bool,
}

pub(in crate::cli) fn run(args: &MigrateArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let output = session.output;
    let stop = stop_on_interrupt(output);
    priority::lower_in_background();
    let memory = session.open_memory(OpenMode::Create)?;
    let place = PostgresEndpoint::from_url(&args.from_postgres, env::postgres_password(), &memory.settings().sync)?;
    let bar = create_bar(output, "{bar:30} {pos}/{len} {msg} {eta}");
    let done = build_runtime()?.block_on(sync::migrate_database(
        &memory,
        &place,
        args.dry_run,
        session.now,
        &stop,
        &mut |state| {
            bar.set_length(state.total);
            bar.set_position(state.done);
            bar.set_message(if state.comparing { "compared" } else { "read" });
        },
    ));
    bar.finish_and_clear();
    let done = done?;
    if output.is_json() {
        output.print_json(&MigrateSummary {
            conversations: done.conversations,
            messages: done.messages,
            units: done.units,
            new: done.new,
            duplicate: done.duplicate,
            forgotten: done.forgotten,
            blank: done.blank,
            inactive: done.inactive,
            compared: done.compared,
            different: &done.different,
            interrupted: done.interrupted,
        });
    } else {
        output.print_line(&format!(
            "{}: messages: {}, memory units: {}, conversations: {}",
            place.display_name(),
            group_digits(done.messages),
            group_digits(done.units),
            group_digits(done.conversations)
        ));
        if !args.dry_run {
            output.print_line(&format!(
                "{} new, {} known before; skipped: {} without text, {} inactive or expired, {} deleted here",
                group_digits(done.new),
                group_digits(done.duplicate),
                group_digits(done.blank),
                group_digits(done.inactive),
                group_digits(done.forgotten)
            ));
            let same = done.compared - (done.different.len() as u64).min(done.compared);
            output.print_line(&format!(
                "compared text, speaker and time: {} of {} conversations are identical",
                group_digits(same),
                group_digits(done.compared)
            ));
        }
        done.different.iter().for_each(|session| output.print_line(&format!("different: {session}")));
    }
    if done.interrupted {
        output.print_message("interrupted: everything read so far is saved; run the same command again to continue");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::from(if done.different.is_empty() { 0 } else { FailureCode::Corrupt.exit_code() }))
}

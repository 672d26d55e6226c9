//! `migrate`: from the predecessor's database.

use std::process::ExitCode;

use serde::Serialize;

use super::{grouped, runtime};
use crate::cli::error::Failure;
use crate::cli::priority;
use crate::cli::progress::{INTERRUPTED, bar, stop_on_interrupt};
use crate::cli::session::Session;
use crate::config::env;
use crate::domain::Code;
use crate::store::Open;
use crate::sync::{PostgresPlace, predecessor};

/// Read the database of the Python edition: its conversations, messages and memory units
///
/// Reads one consistent look at them, changes nothing there, and compares text, speaker and time of everything with what was stored.
/// Secrets are taken out as everywhere. Its vectors are of another model and are made anew. Again it reads only what is new.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  export CLAUDE_MEMORY_POSTGRES_PASSWORD=...\n  \
    claude-memory migrate --from-postgres postgresql://claude_memory@localhost/claude_memory_db")]
pub(in crate::cli) struct Args {
    /// Address of the database, without a password
    #[arg(long, value_name = "URL")]
    from_postgres: String,
    /// Count, store nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Done<'a> {
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

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let output = session.output;
    let stop = stop_on_interrupt(output);
    priority::lower_in_background();
    let memory = session.open(Open::Create)?;
    let place = PostgresPlace::of(&args.from_postgres, env::postgres_password(), &memory.settings().sync)?;
    let bar = bar(output, "{bar:30} {pos}/{len} {msg} {eta}");
    let done =
        runtime()?.block_on(predecessor::migrate(&memory, &place, args.dry_run, session.now, &stop, &mut |state| {
            bar.set_length(state.total);
            bar.set_position(state.done);
            bar.set_message(if state.comparing { "compared" } else { "read" });
        }));
    bar.finish_and_clear();
    let done = done?;
    if output.is_json() {
        output.json(&Done {
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
        output.line(&format!(
            "{}: {} messages and {} memory units in {} conversations",
            place.name(),
            grouped(done.messages),
            grouped(done.units),
            grouped(done.conversations)
        ));
        if !args.dry_run {
            output.line(&format!(
                "{} new, {} known before; left out: {} without text, {} switched off or expired, {} forgotten here",
                grouped(done.new),
                grouped(done.duplicate),
                grouped(done.blank),
                grouped(done.inactive),
                grouped(done.forgotten)
            ));
            let same = done.compared - (done.different.len() as u64).min(done.compared);
            output.line(&format!(
                "compared text, speaker and time of everything: {} of {} conversations are the same",
                grouped(same),
                grouped(done.compared)
            ));
        }
        done.different.iter().for_each(|session| output.line(&format!("different: {session}")));
    }
    if done.interrupted {
        output.say("interrupted: what was read is kept; run the same command again to continue");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::from(if done.different.is_empty() { 0 } else { Code::Corrupt.exit() }))
}

//! `init`: creates or upgrades the store and checks what it needs.

use std::process::ExitCode;

use super::status;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::store::Open;

/// Create or upgrade the memory and check that everything it needs works
///
/// Safe to run at any time. Rebuilds the word index if its rules have changed.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Also check the whole database and compare the word index with every text
    #[arg(long)]
    verify: bool,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Create)?;
    if memory.refresh_words()? {
        session.output.say("rebuilt the word index");
    }
    if args.verify {
        memory.verify()?;
        session.output.say("database and word index are whole");
    }
    session.output.say(&format!("memory is ready at {}", session.paths()?.home().display()));
    status::tell(&memory, session)?;
    Ok(ExitCode::SUCCESS)
}

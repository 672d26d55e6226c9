//! `completions`: scripts for shells.

use std::process::ExitCode;

use clap_complete::Shell;

use crate::cli::error::Failure;
use crate::cli::session::Session;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  claude-memory completions bash > ~/.local/share/bash-completion/completions/claude-memory"
)]
pub(in crate::cli) struct Args {
    /// Which shell
    shell: Shell,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::cli::command(), "claude-memory", &mut script);
    session.output.line(String::from_utf8_lossy(&script).trim_end());
    Ok(ExitCode::SUCCESS)
}

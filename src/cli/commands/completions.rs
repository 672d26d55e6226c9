//! `completions`: completion scripts for shells.

use std::process::ExitCode;

use clap_complete::Shell;

use crate::cli::invocation::Invocation;
use crate::domain::Failure;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  claude-memory completions bash > ~/.local/share/bash-completion/completions/claude-memory"
)]
pub(in crate::cli) struct CompletionsArgs {
    /// Shell to write the script for
    shell: Shell,
}

pub(in crate::cli) fn run(args: &CompletionsArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::cli::command(), "claude-memory", &mut script);
    session.output.print_line(String::from_utf8_lossy(&script).trim_end());
    Ok(ExitCode::SUCCESS)
}

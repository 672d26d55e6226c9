//! `man`: writes manual pages.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::invocation::Invocation;
use crate::domain::{Failure, FailureCode};

/// Write manual pages, one for each command
///
/// Without a folder, prints the page of the program itself to stdout, for example for `man -l -`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory man | man -l -\n  claude-memory man ~/.local/share/man/man1")]
pub(in crate::cli) struct ManArgs {
    /// Folder for the pages; existing pages are overwritten
    folder: Option<PathBuf>,
}

pub(in crate::cli) fn run(args: &ManArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let command = crate::cli::command();
    let Some(folder) = &args.folder else {
        let mut page = Vec::new();
        let made = clap_mangen::Man::new(command).render(&mut page);
        made.map_err(|error| Failure::new(FailureCode::Internal, error.to_string(), None))?;
        session.output.print_line(String::from_utf8_lossy(&page).trim_end());
        return Ok(ExitCode::SUCCESS);
    };
    let made = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
    made.map_err(|error| {
        Failure::new(FailureCode::Unavailable, format!("cannot write {}: {error}", folder.display()), None)
    })?;
    session.output.print_line(&folder.display().to_string());
    Ok(ExitCode::SUCCESS)
}

//! `man`: manual pages.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::domain::Code;

/// Write manual pages, one for each command
///
/// Without a folder the page of the program itself goes to stdout, for example into `man -l -`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory man | man -l -\n  claude-memory man ~/.local/share/man/man1")]
pub(in crate::cli) struct Args {
    /// Where the pages go; pages that are there are written anew
    folder: Option<PathBuf>,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let command = crate::cli::command();
    let Some(folder) = &args.folder else {
        let mut page = Vec::new();
        let made = clap_mangen::Man::new(command).render(&mut page);
        made.map_err(|error| Failure::new(Code::Internal, error.to_string(), None))?;
        session.output.line(String::from_utf8_lossy(&page).trim_end());
        return Ok(ExitCode::SUCCESS);
    };
    let made = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
    made.map_err(|error| Failure::new(Code::Unavailable, format!("cannot write {}: {error}", folder.display()), None))?;
    session.output.line(&folder.display().to_string());
    Ok(ExitCode::SUCCESS)
}

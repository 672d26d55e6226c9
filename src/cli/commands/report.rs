//! `report`: capacity and the week, for people.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::ops::report::{self, Report};
use crate::store::Open;

/// Report on how large everything is and becomes, or on the last seven days
///
/// Prints Markdown, or JSON with --json; with a folder it also writes both there, with pictures as SVG.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory report capacity\n  claude-memory report weekly --save\n  \
    claude-memory report capacity --json | jq .forecast")]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Sizes, growth, and when a threshold will be reached
    Capacity(Where),
    /// The last seven days beside the seven before: messages, requests, projects, alerts, backups
    Weekly(Where),
}

#[derive(Debug, clap::Args)]
struct Where {
    /// Also write it into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write it into `reports` in the data folder
    #[arg(long, conflicts_with = "out")]
    save: bool,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    let paths = session.paths()?;
    match &args.action {
        Action::Capacity(place) => tell(&report::capacity::capacity(&memory, &paths, session.now)?, place, session),
        Action::Weekly(place) => tell(&report::weekly::weekly(&memory, &paths, session.now)?, place, session),
    }
}

fn tell(made: &impl Report, place: &Where, session: &Session) -> Result<ExitCode, Failure> {
    if session.output.is_json() {
        session.output.json(made);
    } else {
        session.output.line(made.text().trim_end());
    }
    let folder = match (&place.out, place.save) {
        (Some(folder), _) => folder.clone(),
        (None, true) => session.paths()?.reports(),
        (None, false) => return Ok(ExitCode::SUCCESS),
    };
    for path in report::save(made, &folder)? {
        session.output.say(&format!("wrote {}", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

//! `report`: capacity and weekly reports.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::invocation::Invocation;
use crate::domain::Failure;
use crate::report::{self, SavedReport};
use crate::store::OpenMode;

/// Report on capacity, or on the last seven days
///
/// Prints Markdown, or JSON with --json; with a folder it also writes both there, with charts as SVG.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory report capacity\n  claude-memory report weekly --save\n  \
    claude-memory report capacity --json | jq .forecast")]
pub(in crate::cli) struct ReportArgs {
    #[command(subcommand)]
    action: ReportAction,
}

#[derive(Debug, Subcommand)]
enum ReportAction {
    /// Report sizes, growth, and when a threshold will be reached
    Capacity(ReportOutputArgs),
    /// Compare the last seven days with the seven before: messages, requests, projects, alerts, backups
    Weekly(ReportOutputArgs),
}

#[derive(Debug, clap::Args)]
struct ReportOutputArgs {
    /// Also write the report to this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write the report to `reports` in the data folder
    #[arg(long, conflicts_with = "out")]
    save: bool,
}

pub(in crate::cli) fn run(args: &ReportArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let paths = session.resolve_paths()?;
    match &args.action {
        ReportAction::Capacity(place) => {
            print_report(&report::capacity::capacity_report(&memory, &paths, session.now)?, place, session)
        }
        ReportAction::Weekly(place) => {
            print_report(&report::weekly::weekly_report(&memory, &paths, session.now)?, place, session)
        }
    }
}

fn print_report(made: &impl SavedReport, place: &ReportOutputArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    if session.output.is_json() {
        session.output.print_json(made);
    } else {
        session.output.print_line(made.markdown_text().trim_end());
    }
    let folder = match (&place.out, place.save) {
        (Some(folder), _) => folder.clone(),
        (None, true) => session.resolve_paths()?.reports_folder(),
        (None, false) => return Ok(ExitCode::SUCCESS),
    };
    for path in report::save_report(made, &folder)? {
        session.output.print_message(&format!("wrote {}", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

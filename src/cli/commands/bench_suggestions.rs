//! `bench suggestions`: scores the rules that suggest decisions against labelled turns.

use std::path::PathBuf;
use std::process::ExitCode;

use super::bench_files::write_report;
use crate::bench::{SuggestionReport, score_suggestions};
use crate::cli::output::CliOutput;
use crate::domain::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct SuggestionsArgs {
    /// Folder with Claude Code transcripts
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// File with the labels
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// Also write the report to this file
    #[arg(value_name = "REPORT")]
    report: Option<PathBuf>,
}

pub(super) fn run(args: &SuggestionsArgs, output: CliOutput) -> Result<ExitCode, Failure> {
    let report = score_suggestions(&args.data, &args.labels)?;
    write_report(args.report.as_ref(), &report)?;
    if output.is_json() {
        output.print_json(&report);
    } else {
        print_suggestions(&report, output);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_suggestions(report: &SuggestionReport, output: CliOutput) {
    output.print_line(&format!("{} labelled turns, {} not found", report.turns, report.missing));
    output.print_line(&format!("{:<12}labelled  suggested  right  precision  recall", ""));
    for (name, score) in &report.kinds {
        output.print_line(&format!(
            "{name:<12}{:>8}{:>11}{:>7}{:>11.2}{:>8.2}",
            score.labelled, score.suggested, score.right, score.precision, score.recall
        ));
    }
}

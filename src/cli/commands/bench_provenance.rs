//! `bench provenance`: scores the links between commits and sessions.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use super::bench_files::write_report;
use crate::bench::{ProvenanceOptions, ProvenanceReport, measure_provenance, write_reading_sheet};
use crate::cli::invocation::Invocation;
use crate::cli::output::CliOutput;
use crate::cli::progress::create_bar;
use crate::domain::Failure;
use crate::store::OpenMode;

#[derive(Debug, clap::Args)]
pub(super) struct ProvenanceArgs {
    /// Git repository on which the stored sessions worked
    #[arg(long, value_name = "DIR")]
    repo: PathBuf,
    /// Source of the labels
    #[arg(long, value_enum, default_value = "trailers")]
    labels: LabelSource,
    /// Git repository on which no stored session worked, to count false links
    #[arg(long, value_name = "DIR")]
    foreign: Option<PathBuf>,
    /// Leave out the lines at HEAD, which need blame of every file
    #[arg(long)]
    no_lines: bool,
    /// Also write a sheet of lines with the shown request, for reading without labels
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// Also write the report to this file
    #[arg(value_name = "REPORT")]
    report: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LabelSource {
    /// Trailers of the commits' messages
    Trailers,
    /// No labels: only counts the links
    None,
}

pub(super) fn run(args: &ProvenanceArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let output = session.output;
    let memory = session.open_memory(OpenMode::Existing)?;
    let options = ProvenanceOptions {
        repository: args.repo.clone(),
        foreign: args.foreign.clone(),
        use_trailers: args.labels == LabelSource::Trailers,
        with_lines: !args.no_lines,
    };
    let bar = create_bar(output, "{msg} {bar:30} {pos}/{len}");
    let measured = measure_provenance(&memory, &options, &mut |what, done, total| {
        bar.set_message(what.to_owned());
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let report = measured?;
    write_report(args.report.as_ref(), &report)?;
    if let Some(sheet) = &args.sheet {
        write_reading_sheet(&memory, &args.repo, sheet, session.now)?;
    }
    if output.is_json() {
        output.print_json(&report);
    } else {
        print_report(&report, output);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_report(report: &ProvenanceReport, output: CliOutput) {
    let ProvenanceReport { commits, lines, controls, .. } = report;
    output.print_line(&format!("{} labelled commits, {} reachable", commits.labelled, commits.reachable));
    for (grade, scores) in [("proved", &commits.proved), ("likely", &commits.likely)] {
        output.print_line(&format!("  {grade}: {} of {} right by label", scores.right, scores.links));
    }
    output.print_line(&format!("  reachable and proved right: {:.1} %", commits.recall_reachable * 100.0));
    output.print_line(&format!(
        "lines at HEAD: {} with text, {} reachable, {} proved, {} right by label",
        lines.nontrivial, lines.reachable, lines.proved, lines.right
    ));
    let own = &controls.own_session_removed;
    output.print_line(&format!("own session left out: {} of {} commits still proved", own.right, own.links));
    let half = &controls.half_removed;
    output.print_line(&format!("half of the sessions left out: {} of {} proved right", half.right, half.links));
    let unlabelled = &controls.unlabelled;
    output.print_line(&format!(
        "without label: {} proved, {} likely of {}",
        unlabelled.proved, unlabelled.likely, unlabelled.commits
    ));
    if let Some(foreign) = &controls.foreign {
        output.print_line(&format!(
            "foreign repository: {} proved, {} likely of {}",
            foreign.proved, foreign.likely, foreign.commits
        ));
    }
    output.print_line(&format!("{:.1} ms a commit", report.milliseconds_per_commit));
    for disputed in &report.disputed {
        let linked = disputed.linked.as_ref().map_or_else(
            || "no session".to_owned(),
            |(session, grade, ground)| format!("{session} {grade} {}", ground.unwrap_or("")),
        );
        output.print_line(&format!(
            "  {} {} {} · label {} · linked {linked} · share {:.2}, {} rare lines",
            disputed.fault,
            disputed.commit.get(..10).unwrap_or(&disputed.commit),
            disputed.subject,
            disputed.labels.join(" "),
            disputed.share,
            disputed.rare_lines
        ));
    }
}

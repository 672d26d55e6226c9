//! `bench self`: measures retrieval over the user's own history, and keeps the weights that fit it.

use std::path::PathBuf;
use std::process::ExitCode;

use super::bench_files::write_report;
use super::config::write_setting;
use crate::bench::{OwnOptions, OwnReport, OwnScores, measure_own_history};
use crate::cli::invocation::Invocation;
use crate::cli::output::CliOutput;
use crate::cli::progress::{INTERRUPTED, create_bar, stop_on_interrupt};
use crate::domain::Failure;
use crate::memory::Memory;
use crate::store::OpenMode;

#[derive(Debug, clap::Args)]
pub(super) struct OwnHistoryArgs {
    /// Git repository whose commits are asked; may be given several times [default: the folders of your projects]
    #[arg(long = "repository", value_name = "DIR")]
    repositories: Vec<PathBuf>,
    /// Fit the ranking weights that differ between people on one half of the questions, and score the other half
    #[arg(long)]
    fit: bool,
    /// Keep the fitted weights in the setting search.weights if the other half gains
    ///
    /// Take them back with `claude-memory config unset search.weights`.
    #[arg(long, requires = "fit")]
    keep: bool,
    /// Also write the report to this file
    #[arg(value_name = "REPORT")]
    report: Option<PathBuf>,
}

pub(super) fn run(args: &OwnHistoryArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let output = session.output;
    let mut memory = session.open_memory(OpenMode::Existing)?;
    let stop = stop_on_interrupt(output);
    let bar = create_bar(output, "{bar:30} {pos}/{len} questions");
    let named = !args.repositories.is_empty();
    let repositories = if named { args.repositories.clone() } else { project_repositories(&memory)? };
    let options = OwnOptions { repositories, fit: args.fit };
    let measured = measure_own_history(&mut memory, &options, session.now, &stop, &mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let (report, unread) = measured?;
    for why in &unread {
        output.print_message(&format!("note: {why}"));
    }
    write_report(args.report.as_ref(), &report)?;
    if output.is_json() {
        output.print_json(&report);
    } else {
        print_report(&report, args.fit, output);
    }
    if let Some(fit) = report.fit.as_ref().filter(|fit| args.keep && fit.is_better()) {
        let value = serde_json::to_string(&fit.to_setting()).unwrap_or_default();
        write_setting(memory.paths(), "search.weights", Some(&value), session)?;
        output.print_message("kept; take it back with `claude-memory config unset search.weights`");
    }
    Ok(if report.interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// Returns the folders of projects that still are git repositories.
fn project_repositories(memory: &Memory) -> Result<Vec<PathBuf>, Failure> {
    let projects = memory.snapshot()?.list_projects()?;
    let roots = projects.into_iter().map(|project| PathBuf::from(project.root));
    Ok(roots.filter(|root| root.join(".git").exists()).collect())
}

fn print_report(report: &OwnReport, fit: bool, output: CliOutput) {
    if report.questions == 0 {
        output.print_line("no commit belongs to a stored session: there is nothing to ask");
        return;
    }
    output.print_line(&format!(
        "{} commits of {} sessions; share of questions whose session is found",
        report.questions, report.sessions
    ));
    output.print_line("                          first   in 5   in 10   95 % of in 5");
    print_scores("all results", &report.all, output);
    print_scores("said in other words", &report.reworded, output);
    match &report.fit {
        None if fit => output.print_line("too few commits to fit weights: at least 20 are needed in each half"),
        None => {}
        Some(fit) if fit.weights.is_empty() => output.print_line("no other weights find more on the fitted half"),
        Some(fit) => {
            output.print_line(&format!("fitted on one half: {}; on the other half", fit.to_setting().join(", ")));
            print_scores("before", &fit.before, output);
            print_scores("after", &fit.after, output);
            if !fit.is_better() {
                output.print_line("the other half gains nothing: the weights stay");
            }
        }
    }
}

fn print_scores(name: &str, scores: &OwnScores, output: CliOutput) {
    let mean = &scores.scores.mean;
    output.print_line(&format!(
        "  {name:<22} {:>6.1} {:>6.1} {:>7.1}   {:.1} to {:.1}",
        mean.hit_1 * 100.0,
        mean.hit_5 * 100.0,
        mean.hit_10 * 100.0,
        scores.hit_5_interval.0 * 100.0,
        scores.hit_5_interval.1 * 100.0
    ));
}

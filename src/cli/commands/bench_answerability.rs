//! `bench answerability`: measures whether answers say when the history does not speak of what was asked.

use std::path::PathBuf;
use std::process::ExitCode;

use super::bench_files::{BenchFolder, write_report};
use crate::bench::{self, AnswerabilityReport, DatasetFormat, HaystackPool, KindScore, RetrievalOptions};
use crate::cli::invocation::Invocation;
use crate::cli::output::CliOutput;
use crate::cli::progress::{INTERRUPTED, create_bar, stop_on_interrupt};
use crate::config::LayeredSettings;
use crate::domain::{Failure, SearchMode, SearchTier};
use crate::memory::RankWeights;

#[derive(Debug, clap::Args)]
pub(super) struct AnswerabilityArgs {
    /// Folder with the data set in the neutral format
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// Queries that no store answers: JSON lines of {id, haystack, text, type}; haystack "*" is every store
    #[arg(long, value_name = "FILE", required_unless_present = "pairs")]
    unanswerable: Option<PathBuf>,
    /// Queries of other haystacks: JSON lines of {id, haystack, set, from, `rename_speakers`}; sets are folders beside
    /// the data set
    #[arg(long, value_name = "FILE")]
    pairs: Option<PathBuf>,
    /// Use keyword search only
    #[arg(long)]
    lexical: bool,
    /// Keep the stores in this folder and reuse them if the data set is the same
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Also write the report with every query to this file
    #[arg(value_name = "REPORT")]
    report: Option<PathBuf>,
}

pub(super) fn run_answerability(args: &AnswerabilityArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let output = session.output;
    let data = DatasetFormat::Neutral.load_dataset(&args.data, &mut |text| output.print_message(&text))?;
    let mut unanswered = Vec::new();
    if let Some(file) = &args.unanswerable {
        unanswered.extend(bench::read_unanswerable(file)?);
    }
    if let Some(file) = &args.pairs {
        unanswered.extend(bench::read_pairs(file, &args.data, &data)?);
    }
    let options = RetrievalOptions {
        mode: if args.lexical { SearchMode::Keyword } else { SearchMode::Hybrid },
        tier: SearchTier::Fast,
        pool: HaystackPool::PerHaystack,
        workers: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8)),
        weights: RankWeights::default(),
        use_clock: true,
    };
    let settings = LayeredSettings::load_file(&session.resolve_paths()?.config_file())?.settings;
    let scratch = BenchFolder::new(args.scratch.as_deref());
    let stop = stop_on_interrupt(output);
    let bar = create_bar(output, "{spinner} {msg}");
    let measured = bench::measure_answerability(
        (scratch.path(), &settings),
        &data,
        &unanswered,
        &options,
        session.now,
        (&stop, &mut |text| if output.shows_progress() { bar.set_message(text) } else { output.print_message(&text) }),
    );
    bar.finish_and_clear();
    let Some(report) = measured? else { return Ok(ExitCode::from(INTERRUPTED)) };
    write_report(args.report.as_ref(), &report)?;
    if output.is_json() {
        output.print_json(&report);
    } else {
        print_report(&report, output);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_report(report: &AnswerabilityReport, output: CliOutput) {
    let percent = |share: f64| share * 100.0;
    output.print_line(&format!("kept            {:>5.1} % of {} answerable", percent(report.kept), report.answerable));
    output.print_line(&format!(
        "silent          {:>5.1} % of {} unanswerable",
        percent(report.silent),
        report.unanswerable
    ));
    output.print_line(&format!("falsely strong  {:>5.1} %", percent(report.falsely_strong)));
    output.print_line(&format!("AUC             {:>6.3}", report.auc));
    output.print_line("answerable by confidence:      n   hit@5");
    for name in ["strong", "weak", "none"] {
        let band = report.bands.get(name).copied().unwrap_or_default();
        output.print_line(&format!("    {name:<22}{:>6}  {:>6.1}", band.n, percent(band.hit_5)));
    }
    output.print_line("unanswerable by type:          n  silent  strong     AUC");
    let renamed = report.renamed.map(|score| ("names exchanged, apart".to_owned(), score));
    for (name, KindScore { n, silent, falsely_strong, auc }) in report.kinds.clone().into_iter().chain(renamed) {
        let (silent, strong) = (percent(silent), percent(falsely_strong));
        output.print_line(&format!("    {name:<22}{n:>6}  {silent:>6.1}  {strong:>6.1}  {auc:>6.3}"));
    }
}

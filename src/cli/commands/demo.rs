//! `demo`: imports and searches sample sessions in a scratch folder, in one minute.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::search_results::{ResultPrinter, group_hits};
use super::{embed, format_bytes, group_digits};
use crate::cli::calendar::Calendar;
use crate::cli::invocation::{Invocation, id_generator};
use crate::config::{LayeredSettings, Paths};
use crate::disk;
use crate::domain::{Detail, Failure, FailureCode, Filter, Query, SearchMode, SearchTier};
use crate::mcp::wire::SearchAnswer;
use crate::memory::{ImportOptions, ImportReport, Memory};
use crate::store::OpenMode;

/// Try it: import sample sessions into a scratch folder and search them
///
/// Does not read or write your own data and downloads nothing. The scratch folder is removed at the end.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory demo")]
pub(in crate::cli) struct DemoArgs {
    /// Keep the scratch folder, to try searches of your own
    #[arg(long)]
    keep: bool,
}

/// Sample sessions of `data/demo`, built into the binary so that the demo works from anywhere.
const SAMPLES: &[(&str, &str)] = &include!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/demo/list.in"));

/// Title and query of each search. A test checks that the first hit of each comes from the right session.
const SEARCHES: &[(&str, &str)] = &[
    ("semantic: the answer shares no word with the question", "the spring clock change broke our statistics"),
    ("in Chinese", "备份恢复演练发现了什么问题"),
    ("across languages: a Chinese question, an English answer", "为什么夜间构建总是超时"),
    ("across languages: an English question, a Chinese answer", "why were shoppers billed twice"),
    ("keyword: an exact identifier", "ERR_POOL_EXHAUSTED"),
];

pub(in crate::cli) fn run(args: &DemoArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let folder = std::env::temp_dir().join(format!("claude-memory-demo-{}", std::process::id()));
    let outcome = run_demo(&folder, session);
    if args.keep {
        session
            .output
            .print_message(&format!("kept: claude-memory --home {} search …", folder.join("memory").display()));
    } else {
        // If it cannot be removed, the system cleans its temporary folder.
        let _ = std::fs::remove_dir_all(&folder);
    }
    outcome.map(|()| ExitCode::SUCCESS)
}

fn run_demo(folder: &Path, session: &Invocation) -> Result<(), Failure> {
    let transcripts = write_samples(folder)?;
    let paths = Paths::resolve_home(Some(folder.join("memory")))?;
    let settings = LayeredSettings::load_file(&paths.config_file())?.settings;
    let memory = Memory::open(&paths, settings, OpenMode::Create, id_generator(), session.now)?;
    let output = session.output;
    if output.is_json() {
        return print_json_results(&memory, &transcripts, session);
    }
    output.print_line("claude-memory demo: sample sessions, English and Chinese, all on this machine.\n");
    let report = import_samples(&memory, &transcripts, session)?;
    let bytes: usize = SAMPLES.iter().map(|(_, text)| text.len()).sum();
    output.print_line(&format!(
        "Imported {} messages from {} sessions ({} of transcripts).",
        group_digits(report.new),
        report.sessions,
        format_bytes(bytes as u64)
    ));
    embed_samples(&memory, session);
    for (what, text) in SEARCHES {
        let start = Instant::now();
        let answer = memory.search(&build_query(text), session.now)?;
        let taken = start.elapsed().as_secs_f64() * 1000.0;
        output.print_line(&format!("\n■ {what}\n  search \"{text}\"   ({taken:.0} ms)"));
        for warning in &answer.warnings {
            output.print_line(&format!("  note: {warning}"));
        }
        ResultPrinter::new(output, Calendar::at(session.now), false).print_groups(&group_hits(&answer.hits));
    }
    output.print_line("\nNext:");
    output.print_line("  claude-memory setup         import your own history and connect your clients");
    output.print_line("  claude-memory search \"…\"    search it");
    Ok(())
}

fn print_json_results(memory: &Memory, transcripts: &Path, session: &Invocation) -> Result<(), Failure> {
    let report = import_samples(memory, transcripts, session)?;
    embed_samples(memory, session);
    let mut searches = Vec::new();
    for (what, text) in SEARCHES {
        let answer = SearchAnswer::new(memory.search(&build_query(text), session.now)?, None);
        searches.push(serde_json::json!({ "what": what, "query": text, "answer": answer }));
    }
    session.output.print_json(&serde_json::json!({
        "sessions": report.sessions, "messages": report.messages, "new": report.new, "searches": searches
    }));
    Ok(())
}

fn import_samples(memory: &Memory, transcripts: &Path, session: &Invocation) -> Result<ImportReport, Failure> {
    let options = ImportOptions {
        source: crate::import::Source::CLAUDE_CODE,
        longest_line: 64 << 20,
        rescan: false,
        dry_run: false,
        settle: true,
    };
    let stop = AtomicBool::new(false);
    Ok(memory.import_path(transcripts, options, session.now, &stop, &mut |_| {})?)
}

/// Embeds the samples. On a failure the demo continues with keyword search and prints a note.
fn embed_samples(memory: &Memory, session: &Invocation) {
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8));
    if let Err(failure) = embed::embed_missing(memory, workers, session.output, &AtomicBool::new(false)) {
        session.output.print_message(&format!("note: {failure}"));
    }
}

fn build_query(text: &str) -> Query {
    Query {
        texts: vec![text.to_owned()],
        mode: SearchMode::Hybrid,
        tier: SearchTier::Fast,
        filter: Filter::default(),
        limit: 2,
        offset: 0,
        detail: Detail::Snippet,
        max_tokens: 1200,
        here: Vec::new(),
        explain: false,
        exchange: true,
        worth: None,
    }
}

fn write_samples(folder: &Path) -> Result<PathBuf, Failure> {
    let transcripts = folder.join("transcripts");
    let failed = |error: std::io::Error| {
        Failure::new(
            FailureCode::Unavailable,
            format!("cannot write to {}: {error}", transcripts.display()),
            Some("check the temporary folder"),
        )
    };
    disk::create_private_folder(&transcripts).map_err(failed)?;
    for (name, text) in SAMPLES {
        disk::write_atomic(&transcripts.join(name), text.as_bytes()).map_err(failed)?;
    }
    Ok(transcripts)
}

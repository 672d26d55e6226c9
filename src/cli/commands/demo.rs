//! `demo`: the main job in one minute, on sample conversations, in a scratch folder.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::{embed, grouped, search, sized};
use crate::cli::error::Failure;
use crate::cli::session::{Session, ids};
use crate::config::{Layered, Paths};
use crate::disk;
use crate::domain::{Code, Detail, Filter, Mode, Query};
use crate::mcp::wire::SearchAnswer;
use crate::memory::{ImportOptions, Memory, Report};
use crate::store::Open;

/// See it work: import sample conversations into a scratch folder and search them
///
/// Nothing of yours is read or written, nothing is downloaded; the scratch folder is removed at the end.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory demo")]
pub(in crate::cli) struct Args {
    /// Keep the scratch folder, to try searches of your own
    #[arg(long)]
    keep: bool,
}

/// The sample conversations of `data/demo`, inside the binary so that the demo works from anywhere.
const SAMPLES: &[(&str, &str)] = &include!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/demo/list.in"));

/// What each search shows, and the search. A test checks that the first hit of each comes from the right session.
const SEARCHES: &[(&str, &str)] = &[
    ("by meaning: the answer shares no word with the question", "the spring clock change broke our statistics"),
    ("in Chinese", "备份恢复演练发现了什么问题"),
    ("across languages: a Chinese question, an English answer", "为什么夜间构建总是超时"),
    ("across languages: an English question, a Chinese answer", "why were shoppers billed twice"),
    ("by word: an exact identifier", "ERR_POOL_EXHAUSTED"),
];

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let folder = std::env::temp_dir().join(format!("claude-memory-demo-{}", std::process::id()));
    let outcome = show(&folder, session);
    if args.keep {
        session.output.say(&format!("kept: claude-memory --home {} search …", folder.join("memory").display()));
    } else {
        // A scratch folder that cannot be removed is the system's to clean.
        let _ = std::fs::remove_dir_all(&folder);
    }
    outcome.map(|()| ExitCode::SUCCESS)
}

fn show(folder: &Path, session: &Session) -> Result<(), Failure> {
    let transcripts = write_samples(folder)?;
    let paths = Paths::resolve(Some(folder.join("memory")))?;
    let settings = Layered::load(&paths.config())?.settings;
    let memory = Memory::open(&paths, settings, Open::Create, ids(), session.now)?;
    let output = session.output;
    if output.is_json() {
        return data(&memory, &transcripts, session);
    }
    output.line("claude-memory demo: sample conversations, English and Chinese, all on this machine.\n");
    let report = import(&memory, &transcripts, session)?;
    let bytes: usize = SAMPLES.iter().map(|(_, text)| text.len()).sum();
    output.line(&format!(
        "Imported {} messages from {} sessions ({} of transcripts).",
        grouped(report.new),
        report.sessions,
        sized(bytes as u64)
    ));
    make_vectors(&memory, session);
    for (what, text) in SEARCHES {
        let start = Instant::now();
        let answer = memory.search(&query(text), session.now)?;
        let taken = start.elapsed().as_secs_f64() * 1000.0;
        output.line(&format!("\n■ {what}\n  search \"{text}\"   ({taken:.0} ms)"));
        for warning in &answer.warnings {
            output.line(&format!("  note: {warning}"));
        }
        search::print(&answer, output, false);
    }
    output.line("\nNext:");
    output.line("  claude-memory import claude-code                               read your own history");
    output.line("  claude-memory embed                                            make it searchable by meaning");
    output.line("  claude-memory search \"…\"                                       ask it something");
    output.line("  claude-memory install --hooks                                  let Claude Code use it");
    Ok(())
}

fn data(memory: &Memory, transcripts: &Path, session: &Session) -> Result<(), Failure> {
    let report = import(memory, transcripts, session)?;
    make_vectors(memory, session);
    let mut searches = Vec::new();
    for (what, text) in SEARCHES {
        let answer = SearchAnswer::new(memory.search(&query(text), session.now)?, None);
        searches.push(serde_json::json!({ "what": what, "query": text, "answer": answer }));
    }
    session.output.json(&serde_json::json!({
        "sessions": report.sessions, "messages": report.messages, "new": report.new, "searches": searches
    }));
    Ok(())
}

fn import(memory: &Memory, transcripts: &Path, session: &Session) -> Result<Report, Failure> {
    let options = ImportOptions {
        source: crate::import::Source::ClaudeCode,
        longest_line: 64 << 20,
        rescan: false,
        dry_run: false,
        settle: true,
    };
    let stop = AtomicBool::new(false);
    Ok(memory.import(transcripts, options, session.now, &stop, &mut |_| {})?)
}

/// Without a usable runtime the demo goes on by word, and says so.
fn make_vectors(memory: &Memory, session: &Session) {
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8));
    if let Err(failure) = embed::make(memory, workers, session.output, &AtomicBool::new(false)) {
        session.output.say(&format!("note: {failure}"));
    }
}

fn query(text: &str) -> Query {
    Query {
        texts: vec![text.to_owned()],
        mode: Mode::Hybrid,
        filter: Filter::default(),
        limit: 2,
        offset: 0,
        detail: Detail::Snippet,
        max_tokens: 1200,
        here: Vec::new(),
        explain: false,
        worth: None,
    }
}

fn write_samples(folder: &Path) -> Result<PathBuf, Failure> {
    let transcripts = folder.join("transcripts");
    let failed = |error: std::io::Error| {
        Failure::new(
            Code::Unavailable,
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

//! What stands between the program and the disk (faults.c), random numbers that repeat, and looking at a store with
//! fresh eyes. Does not own what is done to it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use claude_memory::testing::bench::{HistoryGenerator, LatencyOptions, measure_scale};
use claude_memory::testing::config::{LayeredSettings, Paths};
use claude_memory::testing::domain::query::{ReadRequest, Selection};
use claude_memory::testing::domain::random::SplitMix64;
use claude_memory::testing::domain::{IdGenerator, MessageId, Query, SearchMode, Timestamp};
use claude_memory::testing::memory::Memory;
use claude_memory::testing::store::OpenMode;

use crate::home::{TestHome, skip};

/// Numbers from a seed, the same everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Random(SplitMix64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(SplitMix64(seed))
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0.next()
    }

    /// From 0 to `end` - 1.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(crate) fn at(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    pub(crate) fn chance(&mut self, of_hundred: u64) -> bool {
        self.below(100) < of_hundred
    }
}

/// The library of faults, compiled once. `None` when there is no C compiler, which is then said.
pub(crate) fn faults() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let library = folder.join(format!("faults-{}.so", std::process::id()));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reliability/faults.c");
        let arguments = ["-shared", "-fPIC", "-O1", "-o"];
        let compiled =
            Command::new("cc").args(arguments).arg(&library).arg(source).args(["-ldl", "-lpthread"]).status();
        compiled.is_ok_and(|status| status.success()).then_some(library)
    });
    if library.is_none() {
        skip("a C compiler", "install gcc");
    }
    library.as_deref()
}

/// Puts the library in front of the program, for the files of this home's memory.
pub(crate) fn under(command: &mut Command, home: &TestHome, library: &Path) {
    command.env("LD_PRELOAD", library).env("FAULTS_ROOT", home.memory());
}

pub(crate) fn now() -> Timestamp {
    Timestamp::parse_rfc3339(crate::home::NOW).unwrap()
}

/// The memory of a folder, opened as a process that has just begun does.
pub(crate) fn open(folder: &Path) -> Memory {
    try_open(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

pub(crate) fn try_open(folder: &Path) -> claude_memory::testing::memory::Result<Memory> {
    let paths = Paths::resolve_home(Some(folder.to_owned())).unwrap();
    let settings = LayeredSettings::load_file(&paths.config_file()).unwrap().settings;
    Memory::open(&paths, settings, OpenMode::Create, IdGenerator::System, now())
}

/// The memory of another folder, with the encoder of one that has loaded it.
pub(crate) fn beside(loaded: &Memory, folder: &Path) -> claude_memory::testing::memory::Result<Memory> {
    loaded.open_scratch(
        &Paths::resolve_home(Some(folder.to_owned())).unwrap(),
        OpenMode::Create,
        IdGenerator::System,
        now(),
    )
}

/// The text of a message; `None` when it is not there.
pub(crate) fn text_of(memory: &Memory, id: MessageId) -> Option<String> {
    memory.snapshot().unwrap().find_message(id).unwrap()?;
    let what = Selection::Messages { ids: vec![id], around: 0 };
    let read = memory.read_messages(&ReadRequest { what, include_tools: true, max_tokens: usize::MAX }).unwrap();
    let parts = &read.conversations[0].messages[0].parts;
    Some(parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("\n"))
}

/// The ids that a search finds, best first.
pub(crate) fn found(
    memory: &Memory,
    text: &str,
    mode: SearchMode,
) -> claude_memory::testing::memory::Result<Vec<String>> {
    let query = Query { mode, limit: 10, ..Query::for_text(text) };
    Ok(memory.search(&query, now())?.hits.iter().map(|hit| hit.id.to_string()).collect())
}

/// A store large enough to have shared files, made of a generated history with its vectors; the questions to ask it.
pub(crate) fn generated(scratch: &Path, turns: u64) -> (PathBuf, Vec<String>) {
    let settings = LayeredSettings::load_file(&scratch.join("no-config")).unwrap().settings;
    let options = LatencyOptions { queries: Vec::new(), rounds: 0, program: None };
    let _ = measure_scale(scratch, &settings, turns, options, now(), &mut |_| {}).unwrap();
    let questions = HistoryGenerator { turns, end: now() }.generate_questions(4);
    (scratch.join(format!("turns-{turns}")), questions)
}

/// Makes all vectors that are missing.
pub(crate) fn embed(memory: &Memory) {
    if let Some(turn) = memory.acquire_embed_lease(2).unwrap() {
        let _ = memory.embed_pending(&turn, &AtomicBool::new(false), &mut |_| {}).unwrap();
    }
    memory.flush_pending().unwrap();
}

/// Copies a folder and all it holds.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
    // As the original: a folder of a store is its owner's.
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
}

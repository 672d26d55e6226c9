//! The files that all processes share: whatever happens to them, every answer is the one that the store gives.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use claude_memory::testing::bench::{HistoryGenerator, LatencyOptions, measure_scale};
use claude_memory::testing::config::{LayeredSettings, Paths};
use claude_memory::testing::domain::{Detail, Filter, IdGenerator, Query, SearchMode, SearchTier, Timestamp};
use claude_memory::testing::memory::Memory;
use claude_memory::testing::store::{CopyPolicy, OpenMode};

use crate::home::TestHome;

const TURNS: u64 = 1_200;

fn now() -> Timestamp {
    Timestamp::from_milliseconds(1_790_000_000_000)
}

/// A store of a made-up history, with its vectors and its files.
fn store(scratch: &Path) -> Paths {
    let nowhere = scratch.join("no-config");
    let settings = LayeredSettings::load_file(&nowhere).unwrap().settings;
    let options = LatencyOptions { queries: Vec::new(), rounds: 0, program: None };
    let report = measure_scale(scratch, &settings, TURNS, options, now(), &mut |_| {}).unwrap();
    assert_eq!((report.latency.turns, report.latency.vectors), (TURNS, TURNS));
    Paths::resolve_home(Some(scratch.join(format!("turns-{TURNS}")))).unwrap()
}

fn open(paths: &Paths) -> Memory {
    let settings = LayeredSettings::load_file(&paths.config_file()).unwrap().settings;
    Memory::open(paths, settings, OpenMode::Existing, IdGenerator::System, now()).unwrap()
}

fn asking(text: &str, mode: SearchMode, limit: usize) -> Query {
    Query {
        texts: vec![text.to_owned()],
        mode,
        tier: SearchTier::Fast,
        filter: Filter::default(),
        limit,
        offset: 0,
        detail: Detail::Index,
        max_tokens: 4000,
        here: Vec::new(),
        explain: false,
        exchange: false,
        worth: None,
    }
}

/// What some questions find, in every mode, for somebody who has just begun. The encoder is that of `loaded`.
fn answers(loaded: &Memory, paths: &Paths) -> Vec<Vec<String>> {
    let memory = loaded.open_scratch(paths, OpenMode::Existing, IdGenerator::System, now()).unwrap();
    let mut answers = Vec::new();
    for text in (HistoryGenerator { turns: TURNS, end: now() }).generate_questions(2) {
        for mode in [SearchMode::Keyword, SearchMode::Semantic, SearchMode::Hybrid] {
            let query = asking(&text, mode, 10);
            let answer = memory.search(&query, now()).unwrap();
            answers.push(answer.hits.iter().map(|hit| hit.id.to_string()).collect());
        }
    }
    answers
}

fn files(paths: &Paths) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(paths.index_folder()).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.file_name().unwrap() != "lock");
    files.sort();
    files
}

#[test]
fn a_damaged_file_never_changes_an_answer() {
    let scratch = tempfile::tempdir().unwrap();
    let paths = store(scratch.path());
    let loaded = open(&paths);
    let right = answers(&loaded, &paths);
    assert!(right.iter().all(|ids| !ids.is_empty()));
    assert_eq!(files(&paths).len(), 3, "columns, manifest and one segment");
    for number in 0..3 {
        let file = files(&paths).remove(number);
        let whole = std::fs::read(&file).unwrap();
        let cut = |length: usize| whole[..length].to_vec();
        let flipped = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x20;
            bytes
        };
        let damages = [Vec::new(), cut(whole.len() / 2), cut(whole.len() - 1), flipped(37), flipped(whole.len() / 2)];
        for (damage, bytes) in damages.into_iter().enumerate() {
            // As another program would: under the same name, a new file.
            std::fs::remove_file(&file).unwrap();
            std::fs::write(&file, bytes).unwrap();
            assert_eq!(answers(&loaded, &paths), right, "damage {damage} of {}", file.display());
            // It was made again, or the byte belongs to nobody.
            assert_eq!(answers(&loaded, &paths), right);
        }
    }
}

#[test]
fn files_of_another_store_are_not_believed() {
    let scratch = tempfile::tempdir().unwrap();
    let paths = store(scratch.path());
    let loaded = open(&paths);
    let right = answers(&loaded, &paths);
    let older = scratch.path().join("older.db");
    // An older copy of the database is put back under newer files.
    let memory = open(&paths);
    let note = claude_memory::testing::domain::DraftNote {
        text: "the frobnicator needs oil".to_owned(),
        ..Default::default()
    };
    std::fs::copy(paths.database_file(), &older).unwrap();
    let saved = memory.save(note, now()).unwrap();
    drop(memory);
    let found = |text: &str| {
        let query = asking(text, SearchMode::Keyword, 5);
        open(&paths).search(&query, now()).unwrap().hits.first().map(|hit| hit.id)
    };
    assert_eq!(found("frobnicator oil"), Some(saved.id));
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", paths.database_file().display()));
    }
    std::fs::copy(&older, paths.database_file()).unwrap();
    assert_eq!(found("frobnicator oil"), None);
    assert_eq!(answers(&loaded, &paths), right);
}

#[test]
fn what_one_process_adds_the_others_find_at_their_next_search() {
    let scratch = tempfile::tempdir().unwrap();
    let paths = store(scratch.path());
    let writer = open(&paths);
    let reader = writer.open_scratch(&paths, OpenMode::Existing, IdGenerator::System, now()).unwrap();
    let found = || {
        let query = asking("how do we keep the frobnicator from squeaking", SearchMode::Semantic, 3);
        reader.search(&query, now()).unwrap().hits.first().map(|hit| hit.id)
    };
    let note = claude_memory::testing::domain::DraftNote {
        text: "the frobnicator needs oil".to_owned(),
        ..Default::default()
    };
    let before = found();
    let saved = writer.save(note, now()).unwrap().id;
    assert_ne!(before, Some(saved));
    let turn = writer.acquire_embed_lease(1).unwrap().unwrap();
    let made = writer.embed_pending(&turn, &AtomicBool::new(false), &mut |_| {}).unwrap();
    assert_eq!(made.vectors, 1);
    assert_eq!(found(), Some(saved));
}

#[test]
fn making_vectors_can_be_paused() {
    let home = TestHome::new();
    let _ = home.import_samples();
    assert_eq!(home.run(&["embed", "--pause"]).code, 0);
    let paused = home.run(&["embed"]);
    assert_eq!(paused.code, 0);
    assert!(paused.stderr.contains("paused") && paused.stderr.contains("--resume"), "{}", paused.stderr);
    assert!(home.run(&["status", "--system"]).stdout.contains("embedding is paused"));
    let made = home.json(&["embed", "--resume"]);
    assert!(made["parts"].as_u64() > Some(20), "{made}");
}

#[test]
fn what_is_forgotten_leaves_the_files() {
    let scratch = tempfile::tempdir().unwrap();
    let paths = store(scratch.path());
    let loaded = open(&paths);
    let right = answers(&loaded, &paths);
    let memory = open(&paths);
    let gone = &right[1][0];
    let size = |paths: &Paths| -> u64 { files(paths).iter().map(|file| std::fs::metadata(file).unwrap().len()).sum() };
    let before = size(&paths);
    let receipt = memory.forget(vec![gone.parse().unwrap()], "a test", CopyPolicy::Remove, now()).unwrap();
    assert_eq!((receipt.messages, receipt.vectors, receipt.searched.found_in.len()), (1, 1, 0));
    assert!(size(&paths) < before, "the row is in the files still");
    for (ids, earlier) in answers(&loaded, &paths).iter().zip(&right) {
        assert!(!ids.contains(gone));
        let kept: Vec<&String> = earlier.iter().filter(|id| *id != gone).collect();
        assert!(kept.iter().filter(|id| ids.contains(id)).count() + 1 >= kept.len(), "{ids:?} {earlier:?}");
    }
}

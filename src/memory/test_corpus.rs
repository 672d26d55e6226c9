//! A small corpus for tests of the engine: a conversation a line, imported into a real store in a folder of its own.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde_json::json;
use tempfile::TempDir;

use super::{ImportOptions, Memory};
use crate::config::{LayeredSettings, Paths};
use crate::domain::{IdGenerator, Query, SearchMode, SearchResults, Timestamp};
use crate::store::OpenMode;

/// The moment at which the tests search.
pub(in crate::memory) const NOW: Timestamp = Timestamp::from_milliseconds(1_790_000_000_000);
const MINUTE: i64 = 60_000;
/// Minutes of a day.
pub(in crate::memory) const DAY: i64 = 24 * 60;

/// One message: session, role, age in minutes, text.
pub(in crate::memory) type Line<'a> = (&'a str, &'a str, i64, &'a str);

/// A memory with some conversations.
pub(in crate::memory) struct TestCorpus {
    pub(in crate::memory) memory: Memory,
    folder: TempDir,
    files: u32,
}

impl TestCorpus {
    /// Creates a memory with these messages, all in one folder.
    pub(in crate::memory) fn new(lines: &[Line<'_>]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::resolve_home(Some(folder.path().join("memory"))).unwrap();
        let settings = LayeredSettings::load_file(&paths.config_file()).unwrap().settings;
        let memory = Memory::open(&paths, settings, OpenMode::Create, IdGenerator::with_seed(1), NOW).unwrap();
        let mut corpus = Self { memory, folder, files: 0 };
        corpus.import("/home/dev/shop", lines);
        corpus
    }

    /// Imports messages of sessions that ran in a folder.
    pub(in crate::memory) fn import(&mut self, directory: &str, lines: &[Line<'_>]) {
        let mut sessions: Vec<&str> = lines.iter().map(|(session, ..)| *session).collect();
        sessions.dedup();
        for session in sessions {
            self.files += 1;
            let path = self.folder.path().join(format!("{}.jsonl", self.files));
            let of_session = lines.iter().filter(|(of, ..)| *of == session).enumerate();
            let records: Vec<String> =
                of_session.map(|(index, line)| format!("{}\n", transcript_record(directory, index, line))).collect();
            crate::disk::write_atomic(&path, records.concat().as_bytes()).unwrap();
            self.import_file(&path);
        }
        self.memory.flush_pending().unwrap();
    }

    fn import_file(&self, path: &Path) {
        let options = ImportOptions::from_settings(self.memory.settings());
        let report = self.memory.import_path(path, options, NOW, &AtomicBool::new(false), &mut |_| {}).unwrap();
        assert_eq!(report.bad_total, 0, "{path:?}");
    }

    /// Searches by keyword, with explanations.
    pub(in crate::memory) fn search(&self, text: &str, change: impl FnOnce(&mut Query)) -> SearchResults {
        let mut query = Query { mode: SearchMode::Keyword, explain: true, ..Query::for_text(text) };
        change(&mut query);
        self.memory.search(&query, NOW).unwrap()
    }

    /// Returns the first words of the hits, best first.
    pub(in crate::memory) fn openings(results: &SearchResults) -> Vec<String> {
        let first = |text: &str| text.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        results.hits.iter().map(|hit| first(&hit.snippet)).collect()
    }
}

fn transcript_record(directory: &str, index: usize, (session, role, age, text): &Line<'_>) -> serde_json::Value {
    let at = Timestamp::from_milliseconds(NOW.to_milliseconds() - age * MINUTE);
    let content = json!([{ "type": "text", "text": text }]);
    let message = match *role {
        "user" => json!({ "role": "user", "content": text }),
        _ => json!({ "role": role, "id": format!("msg-{session}-{index}"), "model": "test", "content": content }),
    };
    json!({ "type": role, "uuid": format!("{session}-{index}"), "sessionId": session, "cwd": directory,
        "timestamp": at.to_string(), "message": message })
}

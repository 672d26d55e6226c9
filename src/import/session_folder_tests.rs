//! Tests of importers whose sessions are folders of files: one row of a table and a reader, imported by the engine.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};

use super::discover::find_files;
use super::draft_builder::{DraftBuilder, text_field};
use super::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules};
use super::{BadRecord, Item, Position, ReadEnd, RecordStream, Source, TranscriptFile};
use crate::config::{LayeredSettings, Paths};
use crate::domain::{IdGenerator, Role, Timestamp};
use crate::memory::{ImportOptions, ImportReport, Memory};
use crate::store::OpenMode;

/// A program that writes each message into a file of its own, in a folder for each session.
static PIECES: Importer = Importer {
    name: "pieces",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp { command: "", path: "", hint: "name the folder of the sessions" },
    default_folder: None,
    owns_file: is_message,
    is_own_record: |_| false,
    reader_version: 1,
    open: |transcript, _, _| Ok(Box::new(SessionFolder(transcript.clone()))),
    special: SpecialRules { session_folder: Some(|path| path.parent().map(Path::to_owned)), ..SpecialRules::NONE },
};

fn is_message(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "json")
}

struct SessionFolder(TranscriptFile);

impl RecordStream for SessionFolder {
    fn for_each_item(self: Box<Self>, tell: &mut dyn FnMut(Item, Position) -> bool) -> io::Result<ReadEnd> {
        let session = self.0.path.file_name().unwrap().to_string_lossy().into_owned();
        let (mut files, _) = find_files(&self.0.path, &is_message)?;
        files.sort_by(|left, right| left.path.cmp(&right.path));
        let mut position = Position::default();
        for file in files {
            let text = std::fs::read(&file.path)?;
            position = Position { offset: position.offset + file.size, line: position.line + 1 };
            let item = serde_json::from_slice::<Value>(&text).map_or_else(
                |error| Item::Bad(BadRecord { path: file.path.clone(), line: 0, why: error.to_string() }),
                |record| {
                    let at = Timestamp::from_milliseconds(record["at"].as_i64().unwrap());
                    let mut builder =
                        DraftBuilder::new(&session, text_field(&record, "id").unwrap(), Role::User, at, 1);
                    builder.add_text(text_field(&record, "text").unwrap());
                    builder.finish()
                },
            );
            if !tell(item, position) {
                return Ok(ReadEnd { position, complete: false });
            }
        }
        Ok(ReadEnd::completed_at(position))
    }
}

struct Fixture {
    folder: tempfile::TempDir,
    memory: Memory,
    now: Timestamp,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_milliseconds(1_790_000_000_000);
        let paths = Paths::resolve_home(Some(folder.path().join("memory"))).unwrap();
        let settings = LayeredSettings::load_file(&paths.config_file()).unwrap().settings;
        let memory = Memory::open(&paths, settings, OpenMode::Create, IdGenerator::with_seed(1), now).unwrap();
        Self { folder, memory, now }
    }

    fn sessions(&self) -> PathBuf {
        self.folder.path().join("sessions")
    }

    fn write_message(&self, session: &str, id: &str, text: &str) -> PathBuf {
        let path = self.sessions().join(session).join(format!("{id}.json"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let record = json!({ "id": id, "text": text, "at": 1_789_000_000_000_i64 }).to_string();
        crate::disk::write_atomic(&path, record.as_bytes()).unwrap();
        path
    }

    fn import(&self, path: &Path) -> ImportReport {
        let options = ImportOptions { source: Source(&PIECES), ..ImportOptions::from_settings(self.memory.settings()) };
        self.memory.import_path(path, options, self.now, &AtomicBool::new(false), &mut |_| {}).unwrap()
    }
}

#[test]
fn a_folder_of_files_is_one_session_and_is_read_again_when_a_file_is_added() {
    let fixture = Fixture::new();
    fixture.write_message("s1", "m1", "the hedge is pruned in March");
    fixture.write_message("s1", "m2", "the roses in April");
    fixture.write_message("s2", "m1", "the pond stays as it is");
    let first = fixture.import(&fixture.sessions());
    assert_eq!((first.files, first.sessions, first.new, first.bad_total), (2, 2, 3, 0));
    let again = fixture.import(&fixture.sessions());
    assert_eq!((again.files, again.unchanged, again.new), (2, 2, 0));
    fixture.write_message("s1", "m3", "the ivy in autumn");
    let grown = fixture.import(&fixture.sessions());
    assert_eq!((grown.unchanged, grown.new, grown.duplicate), (1, 1, 2));
    assert_eq!(fixture.import(&fixture.sessions()).unchanged, 2);
}

#[test]
fn a_file_of_a_session_stands_for_the_whole_session() {
    let fixture = Fixture::new();
    fixture.write_message("s1", "m1", "the hedge is pruned in March");
    let second = fixture.write_message("s1", "m2", "the roses in April");
    fixture.write_message("s2", "m1", "the pond stays as it is");
    let report = fixture.import(&second);
    assert_eq!((report.files, report.sessions, report.new), (1, 1, 2));
    assert_eq!(fixture.import(&fixture.sessions()).unchanged, 1);
}

#[test]
fn a_bad_file_of_a_session_is_reported_with_its_path() {
    let fixture = Fixture::new();
    let path = fixture.write_message("s1", "m1", "the hedge is pruned in March");
    fixture.write_message("s1", "m2", "the roses in April");
    crate::disk::write_atomic(&path, b"{\"id\"").unwrap();
    let report = fixture.import(&fixture.sessions());
    assert_eq!((report.new, report.bad_total), (1, 1));
    assert_eq!(report.bad[0].path, path);
}

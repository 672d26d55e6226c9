//! Trust follows the text: judges a note that a model saves by the outputs of its session. Owns where these outputs are
//! looked for.

use std::path::{Path, PathBuf};

use crate::domain::text::word_runs::WordRuns;
use crate::domain::{Origin, Timestamp};
use crate::import::{Item, Position, ReadOptions, Source, TranscriptFile};
use crate::memory::write::copied_text::is_source;
use crate::memory::write::import_report::ImportOptions;
use crate::memory::write::ingest::path_key;
use crate::memory::{Memory, Result};

/// Bytes of a transcript that are read when a note is saved, as far as it was not imported yet.
const MAX_UNREAD_BYTES: u64 = 64 << 20;
/// Sessions of a project that a note may come from if the client does not name its session.
const MAX_GUESSED_SESSIONS: usize = 3;

impl Memory {
    /// Returns the origin of what a model copied a note from, judged by the outputs of its session: those that are
    /// stored, and those in its transcript that were not imported yet. Without a session the newest ones of the project
    /// count.
    pub fn origin_of_saved_text(
        &self,
        text: &str,
        (session, transcripts): (Option<&str>, Option<&Path>),
        directory: &str,
        now: Timestamp,
    ) -> Result<Option<Origin>> {
        let mut runs = WordRuns::default();
        if let Some(session) = session {
            self.add_stored_sources(session, &mut runs)?;
            if let Some(path) = transcripts.and_then(|folder| find_transcript(folder, session)) {
                self.add_unread_sources(&path, now, &mut runs)?;
            }
        } else {
            let projects = self.current_projects(Some(Path::new(directory)));
            for session in self.store.snapshot()?.newest_sessions(&projects, MAX_GUESSED_SESSIONS)? {
                self.add_stored_sources(&session, &mut runs)?;
            }
        }
        Ok(runs.origin_of_copy(text))
    }

    /// Adds the sources in the part of a transcript that was not imported yet.
    fn add_unread_sources(&self, path: &Path, now: Timestamp, runs: &mut WordRuns) -> Result<()> {
        let source = Source::CLAUDE_CODE;
        let Ok(about) = std::fs::metadata(path) else { return Ok(()) };
        let cursor = self.store.snapshot()?.import_cursors(source.name())?.remove(&path_key(path));
        let from = cursor.filter(|cursor| cursor.offset <= about.len());
        let from = from.map_or_else(Position::default, |cursor| Position { offset: cursor.offset, line: cursor.line });
        let transcript = TranscriptFile { path: path.to_owned(), size: about.len(), modified: 0 };
        let longest = ImportOptions::from_settings(&self.settings).longest_line;
        let Ok(reader) = source.open(&transcript, from, ReadOptions { longest, now }) else { return Ok(()) };
        // What cannot be read is no source; the import will report it.
        let read = reader.for_each_item(&mut |item, position| {
            if let Item::Draft(draft) = item {
                for part in draft.parts.iter().filter(|part| is_source(part)) {
                    runs.add_source(&part.text, part.origin);
                }
            }
            position.offset.saturating_sub(from.offset) < MAX_UNREAD_BYTES
        });
        drop(read);
        Ok(())
    }
}

/// Finds the transcript of a session below the folder of Claude Code's projects.
fn find_transcript(folder: &Path, session: &str) -> Option<PathBuf> {
    let is_plain = session.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if session.is_empty() || !is_plain {
        return None;
    }
    let name = format!("{session}.jsonl");
    let entries = std::fs::read_dir(folder).ok()?;
    entries.flatten().map(|entry| entry.path().join(&name)).find(|path| path.is_file())
}

//! What a session says again of what it deleted. A session that forgets something names it: in the request, in the call, in
//! the answer of the model. Its transcript is read afterwards, and would bring back what was just deleted.
//!
//! Owns the notes of what was deleted: fingerprints, no text, one file for each deletion, kept as long as Claude Code keeps
//! transcripts. After every import the sessions that deleted something are looked through, and what repeats it is deleted too.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Error, Memory, Result};
use crate::disk;
use crate::domain::hash::{hex, random_32};
use crate::domain::text::sketch::{Said, Sketch};
use crate::domain::time::{DAY_MS, HOUR_MS};
use crate::domain::{MessageId, Timestamp};

/// Notes are kept for as long.
const KEPT: Duration = Duration::from_hours(30 * 24);
/// Who deletes more messages at once names none of them by its words.
const MOST_NOTED: usize = 200;
/// The tool whose calls tell which session deleted something.
const TOOL: &str = "memory_forget";
/// A call may wait so long for its permission, and the clock of a transcript may be so far ahead.
const CALLED_BEFORE_MS: i64 = DAY_MS;
const CALLED_AFTER_MS: i64 = HOUR_MS;
/// The reason that the tombstones of repeats carry.
const WHY: &str = "repeated what its session deleted";

/// The note of one deletion.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// When, milliseconds since 1970.
    at: i64,
    /// The session that asked for it, if it is known.
    session: Option<String>,
    /// The fingerprint of each text: words of a run, and hashes.
    texts: Vec<(usize, Vec<u64>)>,
    /// The last passage that was compared, by session.
    compared: BTreeMap<String, i64>,
}

impl Memory {
    /// Notes what is about to be deleted, so that its session does not bring it back. Returns the messages that are stored
    /// already and repeat it.
    ///
    /// # Errors
    /// When the note cannot be written; nothing should then be deleted.
    pub(super) fn note_deletion(
        &self,
        session: Option<&str>,
        ids: &[MessageId],
        now: Timestamp,
    ) -> Result<Vec<MessageId>> {
        if ids.len() > MOST_NOTED {
            return Ok(Vec::new());
        }
        let mut texts = Vec::new();
        for id in ids {
            let sketches = self.store.texts_of(*id)?.into_iter().filter_map(|text| Sketch::of(&text));
            texts.extend(sketches.map(|sketch| (sketch.run, sketch.hashes)));
        }
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let (at, session) = (now.milliseconds(), session.map(str::to_owned));
        let mut note = Note { at, session, texts, compared: BTreeMap::new() };
        let mut repeats = HashSet::new();
        self.compare(&mut note, &mut repeats)?;
        // Should the deletion fail, they are compared again.
        note.compared.clear();
        let path = self.deleted_folder.join(hex(random_32().get(..16).unwrap_or(&[])));
        write(&path, &note)?;
        Ok(repeats.into_iter().filter(|id| !ids.contains(id)).collect())
    }

    /// Deletes what sessions said again of what they deleted. Returns the number of messages.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(super) fn delete_repeats(&self, now: Timestamp) -> Result<u64> {
        let (mut repeats, mut changed) = (HashSet::new(), Vec::new());
        for (path, mut note) in read_notes(&self.deleted_folder, now) {
            if self.compare(&mut note, &mut repeats)? {
                changed.push((path, note));
            }
        }
        let deleted =
            if repeats.is_empty() { 0 } else { self.delete(repeats.into_iter().collect(), WHY, now)?.messages };
        // Only now: what was not deleted is compared again.
        changed.iter().try_for_each(|(path, note)| write(path, note))?;
        Ok(deleted)
    }

    /// Adds the messages that repeat what a note is about and were not compared yet. Returns whether any were compared.
    fn compare(&self, note: &mut Note, repeats: &mut HashSet<MessageId>) -> Result<bool> {
        let (from, to) = (note.at - CALLED_BEFORE_MS, note.at + CALLED_AFTER_MS);
        let (from, to) = (Timestamp::from_milliseconds(from), Timestamp::from_milliseconds(to));
        let called = self.store.sessions_calling(TOOL, from, to)?;
        let sessions: HashSet<String> = called.into_iter().chain(note.session.clone()).collect();
        let sketches: Vec<Sketch> =
            note.texts.iter().map(|(run, hashes)| Sketch { run: *run, hashes: hashes.clone() }).collect();
        let mut compared = false;
        for session in sessions {
            let after = note.compared.get(&session).copied().unwrap_or(0);
            let last = self.store.each_text_of_session(&session, after, &mut |id, text| {
                let mut said = Said::of(text);
                if sketches.iter().any(|sketch| said.repeats(sketch)) {
                    repeats.insert(id);
                }
            })?;
            if last > after {
                note.compared.insert(session, last);
                compared = true;
            }
        }
        Ok(compared)
    }
}

fn write(path: &Path, note: &Note) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let text = serde_json::to_string(note).unwrap_or_default();
    disk::create_private_folder(folder)
        .and_then(|()| disk::write_atomic(path, text.as_bytes()))
        .map_err(|error| Error::Unreadable { path: path.display().to_string(), why: error.to_string() })
}

/// Reads the notes, and removes those that are old. A damaged one is none.
fn read_notes(folder: &Path, now: Timestamp) -> Vec<(PathBuf, Note)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.milliseconds()).unwrap_or(0));
    let mut notes = Vec::new();
    for entry in entries.flatten() {
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| now.duration_since(at).ok());
        if age.is_some_and(|age| age > KEPT) {
            let _ = fs::remove_file(entry.path());
            continue;
        }
        let note = fs::read(entry.path()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        notes.extend(note.map(|note| (entry.path(), note)));
    }
    notes
}

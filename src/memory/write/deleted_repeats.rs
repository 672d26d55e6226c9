//! Deletes repeats of deleted texts. A session that deletes something names it: in the request, in the call, in the
//! model's answer. Its transcript is imported afterwards and would bring back what was just deleted.
//!
//! Owns the deletion notes: fingerprints without text, one file per deletion, kept as long as Claude Code keeps
//! transcripts. After every import, the sessions that deleted something are scanned, and repeats are deleted too.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::disk;
use crate::domain::hash::{random_key, to_hex};
use crate::domain::text::sketch::{Sketch, SketchMatcher};
use crate::domain::time::{DAY_MS, HOUR_MS};
use crate::domain::{MessageId, Timestamp};
use crate::memory::{Error, Memory, Result};
use crate::store::CopyPolicy;

/// Lifetime of a deletion note.
const NOTE_LIFETIME: Duration = Duration::from_hours(30 * 24);
/// Larger deletions are not noted: they do not quote single messages.
const MAX_NOTED: usize = 200;
/// Tool whose calls identify the sessions that deleted something.
const FORGET_TOOL: &str = "memory_forget";
/// A call may wait this long for permission, and a transcript's clock may be this far ahead.
const CALLED_BEFORE_MS: i64 = DAY_MS;
const CALLED_AFTER_MS: i64 = HOUR_MS;
/// Reason stored with the tombstones of repeats.
const REPEAT_REASON: &str = "repeated what its session deleted";

/// Note of one deletion.
#[derive(Debug, Serialize, Deserialize)]
struct DeletionNote {
    /// Time of the deletion, milliseconds since 1970.
    at: i64,
    /// Session that requested it, if known.
    session: Option<String>,
    /// Fingerprint of each text: words per run, and hashes.
    texts: Vec<(usize, Vec<u64>)>,
    /// Last passage compared, by session.
    compared: BTreeMap<String, i64>,
    /// True if copies of the store lose the repeats too.
    #[serde(default)]
    confirmed: bool,
}

impl Memory {
    /// Records a deletion before it happens, so that its session does not bring the texts back. Returns stored messages
    /// that already repeat them.
    ///
    /// # Errors
    /// If the note cannot be written; nothing should be deleted then.
    pub(in crate::memory) fn record_deletion(
        &self,
        session: Option<&str>,
        ids: &[MessageId],
        copies: CopyPolicy,
        now: Timestamp,
    ) -> Result<Vec<MessageId>> {
        if ids.len() > MAX_NOTED {
            return Ok(Vec::new());
        }
        let mut texts = Vec::new();
        for id in ids {
            let sketches =
                self.store.snapshot()?.message_texts(*id)?.into_iter().filter_map(|text| Sketch::from_text(&text));
            texts.extend(sketches.map(|sketch| (sketch.run, sketch.hashes)));
        }
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let (at, session) = (now.to_milliseconds(), session.map(str::to_owned));
        let confirmed = copies == CopyPolicy::Remove;
        let mut note = DeletionNote { at, session, texts, compared: BTreeMap::new(), confirmed };
        let mut repeats = HashSet::new();
        self.find_repeats(&mut note, &mut repeats)?;
        // Cleared, so that they are compared again if the deletion fails.
        note.compared.clear();
        let path = self.deleted_folder.join(to_hex(random_key().get(..16).unwrap_or(&[])));
        write_note(&path, &note)?;
        Ok(repeats.into_iter().filter(|id| !ids.contains(id)).collect())
    }

    /// Deletes repeats of deleted texts. Returns the number of messages.
    pub(in crate::memory) fn delete_repeats(&self, now: Timestamp) -> Result<u64> {
        let (mut kept, mut removed, mut changed) = (HashSet::new(), HashSet::new(), Vec::new());
        for (path, mut note) in read_notes(&self.deleted_folder, now) {
            let repeats = if note.confirmed { &mut removed } else { &mut kept };
            if self.find_repeats(&mut note, repeats)? {
                changed.push((path, note));
            }
        }
        let mut deleted = 0;
        for (repeats, copies) in [(removed, CopyPolicy::Remove), (kept, CopyPolicy::Keep)] {
            if !repeats.is_empty() {
                deleted += self.delete_messages(repeats.into_iter().collect(), REPEAT_REASON, copies, now)?.messages;
            }
        }
        // Written last, so that repeats are compared again if the deletion fails.
        changed.iter().try_for_each(|(path, note)| write_note(path, note))?;
        Ok(deleted)
    }

    /// Adds new messages that repeat the texts of a note. Returns true if any message was compared.
    fn find_repeats(&self, note: &mut DeletionNote, repeats: &mut HashSet<MessageId>) -> Result<bool> {
        let (from, to) = (note.at - CALLED_BEFORE_MS, note.at + CALLED_AFTER_MS);
        let (from, to) = (Timestamp::from_milliseconds(from), Timestamp::from_milliseconds(to));
        let called = self.store.snapshot()?.sessions_calling(FORGET_TOOL, from, to)?;
        let sessions: HashSet<String> = called.into_iter().chain(note.session.clone()).collect();
        let sketches: Vec<Sketch> =
            note.texts.iter().map(|(run, hashes)| Sketch { run: *run, hashes: hashes.clone() }).collect();
        let mut compared = false;
        for parse_session in sessions {
            let after = note.compared.get(&parse_session).copied().unwrap_or(0);
            let last = self.store.snapshot()?.each_text_of_session(&parse_session, after, &mut |id, text| {
                let mut said = SketchMatcher::from_text(text);
                if sketches.iter().any(|sketch| said.contains_sketch(sketch)) {
                    repeats.insert(id);
                }
            })?;
            if last > after {
                note.compared.insert(parse_session, last);
                compared = true;
            }
        }
        Ok(compared)
    }
}

fn write_note(path: &Path, note: &DeletionNote) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let text = serde_json::to_string(note).unwrap_or_default();
    disk::create_private_folder(folder)
        .and_then(|()| disk::write_atomic(path, text.as_bytes()))
        .map_err(Error::path_error(path))
}

/// Reads all notes and removes expired ones. Damaged notes are skipped.
fn read_notes(folder: &Path, now: Timestamp) -> Vec<(PathBuf, DeletionNote)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.to_milliseconds()).unwrap_or(0));
    let mut notes = Vec::new();
    for entry in entries.flatten() {
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| now.duration_since(at).ok());
        if age.is_some_and(|age| age > NOTE_LIFETIME) {
            let _ = fs::remove_file(entry.path());
            continue;
        }
        let note = fs::read(entry.path()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        notes.extend(note.map(|note| (entry.path(), note)));
    }
    notes
}

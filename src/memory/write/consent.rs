//! Consent of the person to inject a model's note into sessions. A misled model may save and pin anything; none of it
//! reaches another session before the person has seen it. Ids in one append-only file of the data folder.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;

use crate::disk;
use crate::domain::{MessageId, Origin, Timestamp};
use crate::memory::{Error, Memory, Result};
use crate::store::PinnedNote;

/// Words in a note's kind that mark it as an instruction to a session.
const INSTRUCTION_WORDS: [&str; 10] =
    ["prefer", "instruct", "rule", "policy", "process", "always", "guideline", "偏好", "指令", "规则"];
/// Maximum number of notes examined.
const MAX_NOTES: usize = 200;

impl Memory {
    /// Returns the model notes that would be injected with the person's consent, in all projects or in these.
    pub fn notes_without_consent(&self, projects: Option<&[i64]>, now: Timestamp) -> Result<Vec<PinnedNote>> {
        let projects = match projects {
            Some(projects) => projects.to_vec(),
            None => self.store.snapshot()?.list_projects()?.into_iter().map(|project| project.id).collect(),
        };
        let allowed = self.notes_with_consent();
        let mut notes = self.store.snapshot()?.pinned_notes(&projects, MAX_NOTES, now)?;
        notes.retain(|note| note.excerpt.origin != Origin::Person && !allowed.contains(&note.excerpt.id));
        Ok(notes)
    }

    /// Returns the model notes among these that may not be injected without the person's consent.
    pub(in crate::memory) fn notes_needing_consent(&self, ids: &[MessageId]) -> Result<HashSet<MessageId>> {
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        let allowed = self.notes_with_consent();
        let mut unapproved = HashSet::new();
        for id in ids.iter().filter(|id| !allowed.contains(id)) {
            let commands = self.store.snapshot()?.find_note(*id)?.is_none_or(|note| {
                let kind = note.kind.unwrap_or_default().to_lowercase();
                note.pin || INSTRUCTION_WORDS.iter().any(|word| kind.contains(word))
            });
            if commands {
                unapproved.insert(*id);
            }
        }
        Ok(unapproved)
    }

    /// Returns the model notes that the person approved.
    pub(in crate::memory) fn notes_with_consent(&self) -> HashSet<MessageId> {
        let path = self.paths().consent_file();
        let is_file = fs::metadata(&path).is_ok_and(|data| data.is_file());
        let bytes = if is_file { fs::read(&path).unwrap_or_default() } else { Vec::new() };
        bytes.chunks_exact(16).filter_map(|id| Some(MessageId::from_bytes(id.try_into().ok()?))).collect()
    }

    /// Records the person's consent to these notes.
    pub fn consent_to_notes(&self, ids: &[MessageId]) -> Result<()> {
        let path = self.paths().consent_file();
        let bytes: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
        let written = disk::open_private_append(&path).and_then(|mut file| file.write_all(&bytes));
        written.map_err(Error::path_error(&path))
    }
}

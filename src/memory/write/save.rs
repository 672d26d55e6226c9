//! Saved memories (notes): save, update, list.

use crate::domain::text::sanitise;
use crate::domain::{DraftNote, MessageId, Origin, Timestamp, limits};
use crate::memory::recall::suggestion_notes::{DISMISSED_KIND, TOPIC_PREFIX};
use crate::memory::write::projects::project_for_directory;
use crate::memory::{Error, Memory, Result};
use crate::store::{NoteUpdate, SavedNote, SavedStatus};

impl Memory {
    /// Updates a saved memory: labels in place; a new text is saved as a new memory that supersedes it. `by_model` is
    /// true if a model made the change, and `copied_from` the origin of what it copied, if it did.
    ///
    /// # Errors
    /// If there is no such memory, nothing would change, or a model may not replace it.
    pub fn update(
        &self,
        id: MessageId,
        text: Option<String>,
        change: NoteUpdate,
        (by_model, copied_from): (bool, Option<Origin>),
        now: Timestamp,
    ) -> Result<SavedNote> {
        let known = self.store.snapshot()?.find_note(id)?.ok_or_else(|| Error::NotFound {
            message: format!("there is no saved memory {id}"),
            hint: Some("only what was saved on purpose can be changed; conversations stay as they were".to_owned()),
        })?;
        if by_model {
            self.check_replaceable(&[id], None)?;
        }
        if change.kind.as_deref() == Some(DISMISSED_KIND) {
            return Err(Error::invalid_input("this kind is reserved for suggestions; nothing was changed"));
        }
        if change.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid_input("expires_at is in the past"));
        }
        let Some(text) = text else {
            if change == NoteUpdate::default() {
                return Err(Error::invalid_input("nothing is to be changed"));
            }
            let labels = DraftNote { kind: change.kind.clone(), title: change.title.clone(), ..DraftNote::default() };
            check_limits(&DraftNote { tags: change.tags.clone().unwrap_or_default(), ..labels })?;
            self.store.update_note(id, change, now)?;
            return Ok(SavedNote { id, status: SavedStatus::Updated, replaced: Vec::new(), redactions: 0 });
        };
        let note = DraftNote {
            text,
            kind: change.kind.or(known.kind),
            title: change.title.or(known.title),
            tags: change.tags.unwrap_or(known.tags),
            pin: change.pin.unwrap_or(known.pin),
            expires_at: change.expires_at.or(known.expires_at),
            supersedes: vec![id],
            by_model,
            copied_from,
            ..known
        };
        // A person may reword what was confirmed; a model may not.
        if by_model { self.save(note, now) } else { self.save_any(note, now) }
    }

    /// Saves a text; returns after it is on disk. Keyword search finds it at once, semantic search when it is embedded.
    ///
    /// # Errors
    /// A blank or oversized text, an expiry in the past, an unknown memory to replace, or errors of the store.
    pub fn save(&self, note: DraftNote, now: Timestamp) -> Result<SavedNote> {
        if is_reserved(&note) {
            return Err(Error::Invalid {
                message: "this topic or kind is reserved for suggestions; nothing was saved".to_owned(),
                hint: Some("use `claude-memory decisions confirm` or `dismiss`, or another topic and kind".to_owned()),
            });
        }
        self.save_any(note, now)
    }

    /// Saves a note as [`Memory::save`] does, with a topic that may be reserved.
    pub(in crate::memory) fn save_any(&self, mut note: DraftNote, now: Timestamp) -> Result<SavedNote> {
        if sanitise::sanitise_text(&note.text).trim().is_empty() {
            return Err(Error::invalid_input("the text to remember is blank"));
        }
        check_limits(&note)?;
        if note.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid_input("expires_at is in the past"));
        }
        for id in &note.supersedes {
            if self.store.snapshot()?.find_message(*id)?.is_none() {
                return Err(Error::NotFound { message: format!("there is no memory {id} to replace"), hint: None });
            }
        }
        let redacted = self.redact_note(&mut note)?;
        let project = project_for_directory(note.cwd.as_deref().unwrap_or(""));
        if note.by_model {
            let row = self.store.snapshot()?.find_project(&project)?;
            self.check_replaceable(&note.supersedes, row.zip(note.topic_key.as_deref()))?;
            self.check_same_project(&note.supersedes, row)?;
        }
        let saved = self.store.save_note(self.ids.new_message_id(now), note, redacted, project, now)?;
        self.store.merge_postings(false)?;
        Ok(saved)
    }
}

impl Memory {
    /// Returns an error if a person saved one of these memories, or agreed to it as it is: a model may not replace it.
    fn check_replaceable(&self, ids: &[MessageId], topic: Option<(i64, &str)>) -> Result<()> {
        let agreed = self.notes_with_consent();
        for (id, is_of_person) in self.store.snapshot()?.replaced_notes(ids, topic)? {
            if is_of_person {
                return Err(not_replaceable(id, "the user saved it"));
            }
            if agreed.contains(&id) {
                return Err(not_replaceable(id, "the user agreed to it as it is"));
            }
        }
        Ok(())
    }

    /// Returns an error if one of these memories is of another project: a model may not replace it from here.
    fn check_same_project(&self, ids: &[MessageId], project: Option<i64>) -> Result<()> {
        let snapshot = self.store.snapshot()?;
        for id in ids {
            if snapshot.project_of_message(*id)? != project {
                return Err(not_replaceable(*id, "it belongs to another project"));
            }
        }
        Ok(())
    }
}

/// Returns true if a note would confirm or dismiss a suggestion.
fn is_reserved(note: &DraftNote) -> bool {
    let topic = note.topic_key.as_deref().unwrap_or_default();
    topic.starts_with(TOPIC_PREFIX) || note.kind.as_deref() == Some(DISMISSED_KIND)
}

fn not_replaceable(id: MessageId, why: &str) -> Error {
    Error::Invalid {
        message: format!("{id} is not yours to replace: {why}; nothing was changed"),
        hint: Some("save a new memory beside it, or ask the user to change it".to_owned()),
    }
}

fn check_limits(note: &DraftNote) -> Result<()> {
    if note.text.len() > limits::NOTE_BYTES {
        let (has, most) = (note.text.len(), limits::NOTE_BYTES);
        return Err(Error::invalid_input(format!("the text has {has} bytes; one memory may have {most}")));
    }
    let labels = [&note.title, &note.kind, &note.topic_key].into_iter().flatten().chain(&note.tags).chain(&note.files);
    if let Some(long) = labels.into_iter().find(|label| label.len() > limits::NOTE_LABEL_BYTES) {
        let (has, most) = (long.len(), limits::NOTE_LABEL_BYTES);
        return Err(Error::invalid_input(format!("a heading, label or file name has {has} bytes; it may have {most}")));
    }
    let most = note.tags.len().max(note.files.len()).max(note.supersedes.len());
    if most > limits::NOTE_LABELS {
        return Err(Error::invalid_input(format!(
            "{most} labels, files or replaced memories are named; one memory may have {}",
            limits::NOTE_LABELS
        )));
    }
    Ok(())
}

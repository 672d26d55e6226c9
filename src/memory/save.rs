//! Saving on purpose.

use super::projects::project_of;
use super::{Error, Memory, Result};
use crate::domain::{MessageId, Note, Timestamp, limits};
use crate::store::{NoteChange, Saved, SavedStatus};

impl Memory {
    /// Changes a saved text: what it says about itself in place, its text by a new one that replaces it.
    ///
    /// # Errors
    /// When there is no such note, or nothing is to be changed.
    pub fn update(&self, id: MessageId, text: Option<String>, change: NoteChange, now: Timestamp) -> Result<Saved> {
        let known = self.store.find_note(id)?.ok_or_else(|| Error::NotFound {
            message: format!("there is no saved memory {id}"),
            hint: Some("only what was saved on purpose can be changed; conversations stay as they were".to_owned()),
        })?;
        if change.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid("expires_at is in the past"));
        }
        let Some(text) = text else {
            if change == NoteChange::default() {
                return Err(Error::invalid("nothing is to be changed"));
            }
            let labels = Note { kind: change.kind.clone(), title: change.title.clone(), ..Note::default() };
            within_limits(&Note { tags: change.tags.clone().unwrap_or_default(), ..labels })?;
            self.store.change_note(id, change, now)?;
            return Ok(Saved { id, status: SavedStatus::Updated, replaced: Vec::new(), redactions: 0 });
        };
        let note = Note {
            text,
            kind: change.kind.or(known.kind),
            title: change.title.or(known.title),
            tags: change.tags.unwrap_or(known.tags),
            pin: change.pin.unwrap_or(known.pin),
            expires_at: change.expires_at.or(known.expires_at),
            supersedes: vec![id],
            // Only models change texts: a person saves again under the same key.
            by_model: true,
            ..known
        };
        self.save(note, now)
    }

    /// What was saved and is in force, pinned first, then the newest, from a place on; texts are read by their ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn notes(&self, now: Timestamp, from: usize, count: usize) -> Result<Vec<(MessageId, Note)>> {
        Ok(self.store.notes(now, from, count)?)
    }

    /// Saves a text; returns after it is on disk. It is found by word at once, by meaning when its vector is made.
    ///
    /// # Errors
    /// A blank or oversized text, an expiry in the past, a memory to replace that does not exist, or what the store
    /// fails with.
    pub fn save(&self, mut note: Note, now: Timestamp) -> Result<Saved> {
        if note.text.trim().is_empty() {
            return Err(Error::invalid("the text to remember is blank"));
        }
        within_limits(&note)?;
        if note.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid("expires_at is in the past"));
        }
        for id in &note.supersedes {
            if self.store.find_message(*id)?.is_none() {
                return Err(Error::NotFound { message: format!("there is no memory {id} to replace"), hint: None });
            }
        }
        let redacted = self.clean_note(&mut note)?;
        let project = project_of(note.cwd.as_deref().unwrap_or(""));
        let saved = self.store.save_note(self.ids.message(now), note, redacted, project, now)?;
        self.store.fold_words(false)?;
        Ok(saved)
    }
}

fn within_limits(note: &Note) -> Result<()> {
    if note.text.len() > limits::NOTE_BYTES {
        let (has, most) = (note.text.len(), limits::NOTE_BYTES);
        return Err(Error::invalid(format!("the text has {has} bytes; one memory may have {most}")));
    }
    let labels = [&note.title, &note.kind, &note.topic_key].into_iter().flatten().chain(&note.tags).chain(&note.files);
    if let Some(long) = labels.into_iter().find(|label| label.len() > limits::NOTE_LABEL_BYTES) {
        let (has, most) = (long.len(), limits::NOTE_LABEL_BYTES);
        return Err(Error::invalid(format!("a heading, label or file name has {has} bytes; it may have {most}")));
    }
    let most = note.tags.len().max(note.files.len()).max(note.supersedes.len());
    if most > limits::NOTE_LABELS {
        return Err(Error::invalid(format!(
            "{most} labels, files or replaced memories are named; one memory may have {}",
            limits::NOTE_LABELS
        )));
    }
    Ok(())
}

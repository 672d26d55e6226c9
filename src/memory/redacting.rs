//! Secrets leave a text before anything is stored, indexed or encoded, and again before anything is shown.
//!
//! The key of the placeholders lies beside the database, not in it: a copy of the database tells nothing about what was
//! taken out.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Error, Memory, Result};
use crate::disk;
use crate::domain::text::redact::{Counts, Redactor};
use crate::domain::{Draft, Note, Timestamp, hash};

/// Parts that are looked at between two writes.
const RESCAN_PAGE: usize = 256;

/// What a look through everything found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rescanned {
    /// Parts that were looked at.
    pub parts: u64,
    /// Parts that held secrets.
    pub changed: u64,
    /// The secrets.
    pub secrets: u64,
    /// Whether it was stopped before the end; what was done stays done.
    pub interrupted: bool,
    /// Whether the write-ahead log, which holds old pages, could be emptied afterwards.
    pub log_emptied: bool,
}

impl Memory {
    /// Takes the secrets out of everything a draft says.
    ///
    /// # Errors
    /// When the key of the placeholders cannot be read or made.
    pub(super) fn clean_draft(&self, draft: &mut Draft) -> Result<()> {
        let Some(redactor) = self.redactor()? else { return Ok(()) };
        let texts = draft.parts.iter_mut().map(|part| &mut part.text);
        // Somebody puts a token into the name of a file or of a branch sooner or later.
        for text in texts.chain(&mut draft.files).chain(&mut draft.git_branch) {
            replace(redactor, text, &mut draft.redacted);
        }
        if let Some(note) = &mut draft.note {
            for (rule, count) in self.clean_note(note)? {
                *draft.redacted.entry(rule).or_default() += count;
            }
        }
        Ok(())
    }

    /// Takes the secrets out of a note; says what was found.
    ///
    /// # Errors
    /// When the key of the placeholders cannot be read or made.
    pub(super) fn clean_note(&self, note: &mut Note) -> Result<Counts> {
        let mut counts = Counts::new();
        if let Some(redactor) = self.redactor()? {
            replace(redactor, &mut note.text, &mut counts);
            note.title.iter_mut().for_each(|title| replace(redactor, title, &mut counts));
            let labels = note.tags.iter_mut().chain(&mut note.files).chain(&mut note.topic_key).chain(&mut note.kind);
            labels.for_each(|label| replace(redactor, label, &mut counts));
        }
        Ok(counts)
    }

    /// A line or a text without its secrets: titles on their way in, anything on its way out.
    ///
    /// # Errors
    /// When the key of the placeholders cannot be read or made.
    pub fn clean_text(&self, text: String) -> Result<String> {
        let Some(redactor) = self.redactor()? else { return Ok(text) };
        Ok(redactor.redact(&text, &mut Counts::new()).into_owned())
    }

    /// How many secrets of each rule were taken out of what is stored.
    ///
    /// # Errors
    /// When reading fails.
    pub fn redactions(&self) -> Result<Vec<(String, u64)>> {
        Ok(self.store.redactions()?)
    }

    /// Looks through everything that is stored and takes the secrets out that an earlier version, or a time without
    /// redaction, let in. What is changed gets its words anew at once and its vectors later.
    ///
    /// # Errors
    /// When redaction is switched off, or the store cannot be read or written.
    pub fn rescan(
        &self,
        dry_run: bool,
        now: Timestamp,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Rescanned> {
        let redactor = self.redactor()?.ok_or_else(|| Error::invalid("redact.enabled is false"))?;
        let mut done = Rescanned::default();
        let mut last = 0;
        loop {
            let parts = self.store.parts_after(last, RESCAN_PAGE)?;
            let Some(end) = parts.last() else { break };
            last = end.id;
            let (mut changed, mut counts) = (Vec::new(), Counts::new());
            for part in parts {
                done.parts += 1;
                if let std::borrow::Cow::Owned(clean) = redactor.redact(&part.part.text, &mut counts) {
                    changed.push((part, clean));
                }
            }
            done.changed += changed.len() as u64;
            done.secrets += counts.values().sum::<u64>();
            if !changed.is_empty() && !dry_run {
                self.store.replace_texts(changed, counts, now)?;
            }
            progress(done.parts);
            if stop.load(Ordering::Relaxed) {
                done.interrupted = true;
                break;
            }
        }
        if done.changed > 0 && !dry_run {
            self.store.fold_words(true)?;
            done.log_emptied = self.store.empty_log()?;
        }
        Ok(done)
    }

    fn redactor(&self) -> Result<Option<&Redactor>> {
        if !self.settings.redact.enabled {
            return Ok(None);
        }
        if let Some(redactor) = self.redactor.get() {
            return Ok(Some(redactor));
        }
        let key = key(&self.redaction_key, self.store.is_frozen())?;
        Ok(Some(self.redactor.get_or_init(|| Redactor::new(key, self.settings.redact.allow.clone()))))
    }
}

fn replace(redactor: &Redactor, text: &mut String, counts: &mut Counts) {
    if let std::borrow::Cow::Owned(clean) = redactor.redact(text, counts) {
        *text = clean;
    }
}

/// Reads the key, or makes one. In a folder that cannot be written a passing key does: nothing is stored with it.
fn key(path: &Path, frozen: bool) -> Result<[u8; 32]> {
    let unreadable =
        |error: std::io::Error| Error::Unreadable { path: path.display().to_string(), why: error.to_string() };
    let fresh = hash::random_32();
    if frozen && !path.exists() {
        return Ok(fresh);
    }
    // Of several processes and threads that come first, one makes the key and all use it.
    if !path.exists() {
        disk::create_atomic(path, &fresh).map_err(unreadable)?;
    }
    std::fs::read(path).map_err(unreadable)?.try_into().map_err(|_| Error::Unreadable {
        path: path.display().to_string(),
        why: "the key of the placeholders must have 32 bytes; move the file away to have a new one made".to_owned(),
    })
}

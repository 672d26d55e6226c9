//! Redacts secrets before anything is stored, indexed or embedded, and again before anything is shown.
//!
//! The placeholder key is stored beside the database, not in it: a copy of the database alone reveals nothing about the
//! secrets.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::disk;
use crate::domain::text::redact::{RedactionCounts, Redactor};
use crate::domain::{Draft, DraftNote, Timestamp, hash};
use crate::memory::{Error, Memory, Result};

/// Parts examined per transaction.
const RESCAN_PAGE: usize = 256;

/// Result of a rescan for secrets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RescanReport {
    /// Number of parts examined.
    pub parts: u64,
    /// Parts that contained secrets.
    pub changed: u64,
    /// Number of secrets found.
    pub secrets: u64,
    /// True if the rescan was stopped before the end; parts already redacted stay so.
    pub interrupted: bool,
    /// True if the write-ahead log, which contains old pages, could be truncated afterwards.
    pub log_emptied: bool,
}

impl Memory {
    /// Redacts all texts of a draft.
    ///
    /// # Errors
    /// If the placeholder key cannot be read or created.
    pub(in crate::memory) fn redact_draft(&self, draft: &mut Draft) -> Result<()> {
        let Some(redactor) = self.redactor()? else { return Ok(()) };
        let texts = draft.parts.iter_mut().flat_map(|part| [Some(&mut part.text), part.tool.as_mut()]).flatten();
        // Names of files, branches, tools and models contain tokens sooner or later.
        for text in texts.chain(&mut draft.files).chain(&mut draft.git_branch).chain(&mut draft.model) {
            redact_in_place(redactor, text, &mut draft.redacted);
        }
        if let Some(note) = &mut draft.note {
            for (rule, count) in self.redact_note(note)? {
                *draft.redacted.entry(rule).or_default() += count;
            }
        }
        Ok(())
    }

    /// Redacts a note; returns the counts by rule.
    ///
    /// # Errors
    /// If the placeholder key cannot be read or created.
    pub(in crate::memory) fn redact_note(&self, note: &mut DraftNote) -> Result<RedactionCounts> {
        let mut counts = RedactionCounts::new();
        if let Some(redactor) = self.redactor()? {
            redact_in_place(redactor, &mut note.text, &mut counts);
            note.title.iter_mut().for_each(|title| redact_in_place(redactor, title, &mut counts));
            let labels = note.tags.iter_mut().chain(&mut note.files).chain(&mut note.topic_key).chain(&mut note.kind);
            labels.for_each(|label| redact_in_place(redactor, label, &mut counts));
        }
        Ok(counts)
    }

    /// Redacts a text: titles when they are stored, everything when it is shown.
    ///
    /// # Errors
    /// If the placeholder key cannot be read or created.
    pub fn redact_text(&self, text: String) -> Result<String> {
        let Some(redactor) = self.redactor()? else { return Ok(text) };
        Ok(redactor.redact(&text, &mut RedactionCounts::new()).into_owned())
    }

    /// Redacts secrets in all stored texts that an earlier version, or a time without redaction, let through. Changed
    /// texts are re-indexed at once and embedded again later.
    ///
    /// # Errors
    /// If redaction is disabled, or the store cannot be read or written.
    pub fn rescan_secrets(
        &self,
        dry_run: bool,
        now: Timestamp,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<RescanReport> {
        let redactor = self.redactor()?.ok_or_else(|| Error::invalid_input("redact.enabled is false"))?;
        let mut done = RescanReport::default();
        let mut last = 0;
        loop {
            let parts = self.store.snapshot()?.parts_after(last, RESCAN_PAGE)?;
            let Some(end) = parts.last() else { break };
            last = end.id;
            let (mut changed, mut counts) = (Vec::new(), RedactionCounts::new());
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
            self.store.merge_postings(true)?;
            done.log_emptied = self.store.truncate_log()?;
        }
        Ok(done)
    }

    fn make_redactor(&self, key: [u8; 32]) -> Redactor {
        let settings = &self.settings.redact;
        Redactor::new(key, settings.allow.clone()).with_personal_data(settings.personal_data)
    }

    fn redactor(&self) -> Result<Option<&Redactor>> {
        if !self.settings.redact.enabled {
            return Ok(None);
        }
        if let Some(redactor) = self.redactor.get() {
            return Ok(Some(redactor));
        }
        let key = placeholder_key(&self.redaction_key, self.store.is_frozen())?;
        Ok(Some(self.redactor.get_or_init(|| self.make_redactor(key))))
    }
}

fn redact_in_place(redactor: &Redactor, text: &mut String, counts: &mut RedactionCounts) {
    if let std::borrow::Cow::Owned(clean) = redactor.redact(text, counts) {
        *text = clean;
    }
}

/// Reads the placeholder key, or creates one. In a read-only folder a temporary key is used: nothing is stored with it.
fn placeholder_key(path: &Path, frozen: bool) -> Result<[u8; 32]> {
    disk::read_or_create_key(path, hash::random_key(), frozen).map_err(Error::path_error(path))
}

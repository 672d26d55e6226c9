//! Quarantine: hides messages from every result without deleting them, and resolves messages by id, session or source.
//! Secrets are redacted in what is returned.

use crate::domain::{MessageId, Timestamp};
use crate::memory::recall::suggestion_notes::TOPIC_PREFIX;
use crate::memory::{Error, Memory, Result};
use crate::store::QuarantinedMessage;

impl Memory {
    /// Returns messages by id, or by session id with its subagents, each once.
    ///
    /// # Errors
    /// If one of the names matches no message and no session.
    pub fn resolve_messages(&self, what: &[String]) -> Result<Vec<MessageId>> {
        let mut ids = Vec::new();
        for name in what {
            match name.parse() {
                Ok(id) if self.store.snapshot()?.contains_message(id)? => ids.push(id),
                _ => {
                    let hidden = self.store.snapshot()?.quarantined_in_session(name)?;
                    match self.messages_of_session(name) {
                        Ok(seen) => ids.extend(seen),
                        Err(Error::NotFound { .. }) if !hidden.is_empty() => {}
                        Err(Error::NotFound { .. }) if self.resolve_id(name).is_ok() => {
                            ids.push(self.resolve_id(name)?);
                        }
                        Err(error) => return Err(error),
                    }
                    ids.extend(hidden);
                }
            }
        }
        Ok(ids)
    }

    /// Returns the messages of a source (`claude-code`, `saved`), or of an imported file or folder.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there are none.
    pub fn messages_of_source(&self, source: &str) -> Result<Vec<MessageId>> {
        let mut ids = self.store.snapshot()?.messages_from_source(source)?;
        if ids.is_empty() {
            // Files are stored by their absolute path.
            ids = self
                .store
                .snapshot()?
                .messages_from_source(&crate::memory::write::ingest::path_key(std::path::Path::new(source)))?;
        }
        if ids.is_empty() {
            return Err(Error::NotFound {
                message: format!("nothing came from {source}"),
                hint: Some(
                    "name a source (claude-code, saved), or a transcript or folder that was imported".to_owned(),
                ),
            });
        }
        Ok(ids)
    }

    /// Quarantines messages and the notes that were confirmed of them, which hides them from every result; returns how
    /// many were not quarantined before.
    pub fn quarantine_messages(&self, ids: Vec<MessageId>, reason: &str, now: Timestamp) -> Result<u64> {
        let ids = self.with_notes_of_turns(ids)?;
        let done = self.store.quarantine_messages(ids, self.redact_text(reason.to_owned())?, now)?;
        self.purge_caches()?;
        Ok(done)
    }

    /// Releases messages and the notes that were confirmed of them from quarantine; returns how many.
    pub fn release_messages(&self, ids: Vec<MessageId>, now: Timestamp) -> Result<u64> {
        let ids = self.with_notes_of_turns(ids)?;
        let done = self.store.release_messages(ids, now)?;
        self.flush_pending()?;
        Ok(done)
    }

    fn with_notes_of_turns(&self, mut ids: Vec<MessageId>) -> Result<Vec<MessageId>> {
        ids.extend(self.store.snapshot()?.notes_of_turns(&ids, TOPIC_PREFIX)?);
        Ok(ids)
    }

    /// Returns quarantined messages, latest first, with secrets redacted.
    pub fn list_quarantined(&self, limit: usize) -> Result<Vec<QuarantinedMessage>> {
        let mut all = self.store.snapshot()?.list_quarantined(limit)?;
        for kept in &mut all {
            kept.text = self.redact_text(std::mem::take(&mut kept.text))?;
        }
        Ok(all)
    }
}

//! Keeping messages out of every answer without losing them, and naming what is to go: by id, session or source. A thin
//! door to the store; texts are cleaned on the way out.

use super::{Error, Memory, Result};
use crate::domain::{MessageId, Timestamp};
use crate::store::Quarantined;

impl Memory {
    /// The messages that are named by id, or by the session they belong to with its subagents, each once.
    ///
    /// # Errors
    /// When one of the names means nothing here.
    pub fn named(&self, what: &[String]) -> Result<Vec<MessageId>> {
        let mut ids = Vec::new();
        for name in what {
            match name.parse() {
                Ok(id) if self.store.keeps(id)? => ids.push(id),
                _ => {
                    let hidden = self.store.quarantined_of(name)?;
                    match self.messages_of_session(name) {
                        Ok(seen) => ids.extend(seen),
                        Err(Error::NotFound { .. }) if !hidden.is_empty() => {}
                        Err(error) => return Err(error),
                    }
                    ids.extend(hidden);
                }
            }
        }
        Ok(ids)
    }

    /// The messages that came from a source (`claude-code`, `saved`), or from a file or folder that was read.
    ///
    /// # Errors
    /// When nothing came from there.
    pub fn messages_from(&self, source: &str) -> Result<Vec<MessageId>> {
        let mut ids = self.store.messages_from(source)?;
        if ids.is_empty() {
            // Files are remembered by their absolute path.
            ids = self.store.messages_from(&super::ingest::key(std::path::Path::new(source)))?;
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

    /// Keeps messages out of every answer from now on; returns how many were not kept out before.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn quarantine(&self, ids: Vec<MessageId>, reason: &str, now: Timestamp) -> Result<u64> {
        let done = self.store.quarantine(ids, self.clean_text(reason.to_owned())?, now)?;
        self.forget_in_caches()?;
        Ok(done)
    }

    /// Lets messages into answers again; returns how many.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn release(&self, ids: Vec<MessageId>, now: Timestamp) -> Result<u64> {
        let done = self.store.release(ids, now)?;
        self.settle()?;
        Ok(done)
    }

    /// What is kept out of answers, the latest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn quarantined(&self, limit: usize) -> Result<Vec<Quarantined>> {
        let mut all = self.store.quarantined(limit)?;
        for kept in &mut all {
            kept.text = self.clean_text(std::mem::take(&mut kept.text))?;
        }
        Ok(all)
    }
}

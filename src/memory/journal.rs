//! What another place of the memory is told: the journal, whole messages, vectors of the model in use, and how far each place is.

use super::{Memory, Result};
use crate::domain::text::terms::Terms;
use crate::domain::{MessageId, Timestamp};
use crate::store::{Change, Progress, Standing, WholeMessage, WholeVector};

impl Memory {
    /// Changes after a place in the journal, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn changes_after(&self, place: i64, limit: usize) -> Result<Vec<Change>> {
        Ok(self.store.changes_after(place, limit)?)
    }

    /// What a message is now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn standing(&self, message: MessageId) -> Result<Standing> {
        Ok(self.store.standing(message)?)
    }

    /// Vectors of the model in use after a row, in order; none when there is no model.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn vectors_after(&self, row: i64, limit: usize) -> Result<Vec<WholeVector>> {
        match self.model_digest() {
            Some(model) => Ok(self.store.vectors_after(row, &model, limit)?),
            None => Ok(Vec::new()),
        }
    }

    /// Changes and vectors that a target has not seen, and the moment of the first of those changes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn waiting_after(&self, progress: Progress) -> Result<(u64, u64, Option<Timestamp>)> {
        let model = self.model_digest().unwrap_or_default();
        Ok(self.store.waiting_after(progress.journal, progress.vectors, &model)?)
    }

    /// How far a target that says it is `place` is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn progress(&self, target: &str, place: &str) -> Result<Progress> {
        Ok(self.store.progress(target, place)?)
    }

    /// Notes down how far a target is; `done` when it has seen everything.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn note_progress(
        &self,
        target: &'static str,
        place: &str,
        progress: Progress,
        done: bool,
        now: Timestamp,
    ) -> Result<()> {
        Ok(self.store.note_progress(target, place.to_owned(), progress, done, now)?)
    }

    /// Source and session of every conversation that is in sight, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn conversation_keys(&self) -> Result<Vec<(String, String)>> {
        Ok(self.store.conversation_keys()?)
    }

    /// The messages of a conversation, by their ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn conversation_messages(&self, source: &str, session: &str) -> Result<Vec<MessageId>> {
        Ok(self.store.conversation_messages(source, session)?)
    }

    /// The words of a message as searches know them, each once: for a full text elsewhere.
    pub fn words_of(message: &WholeMessage) -> Vec<String> {
        let terms = Terms::default();
        let mut words = Vec::new();
        for part in &message.parts {
            terms.each(&part.text, &mut |word| words.push(word.to_owned()));
        }
        words.sort_unstable();
        words.dedup();
        words
    }
}

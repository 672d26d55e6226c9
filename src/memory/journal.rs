//! What another place of the memory is told: the journal, whole messages, vectors of the model in use, and how far each place is.

use super::projects::project_of;
use super::{Memory, Result};
use crate::disk::checkout;
use crate::domain::text::terms::Terms;
use crate::domain::{MessageId, Timestamp};
use crate::store::{
    Change, Incoming, IncomingVector, NewProject, Parked, Progress, Sizes, Standing, TakenIn, WholeMessage, WholeVector,
};

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

    /// How much of a message there is to search.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn sizes(&self, message: MessageId) -> Result<Sizes> {
        Ok(self.store.sizes(message)?)
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

    /// Vectors of the model in use that a message has, up to a row; none when there is no model.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn vectors_of(&self, message: MessageId, until: i64) -> Result<Vec<WholeVector>> {
        match self.model_digest() {
            Some(model) => Ok(self.store.vectors_of(message, &model, until)?),
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
        Ok(self.store.progress(target, place, &self.model_digest().unwrap_or_default())?)
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
        let speaks_of = (place.to_owned(), self.model_digest().unwrap_or_default());
        Ok(self.store.note_progress(target, speaks_of, progress, done, now)?)
    }

    /// Sets a message aside that a target refused for what it holds.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn park(&self, target: &'static str, message: MessageId, why: String, now: Timestamp) -> Result<()> {
        Ok(self.store.park(target, message, why, now)?)
    }

    /// Notes that a target has taken messages, if any of them may have been set aside.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn unpark(&self, target: &'static str, messages: Vec<MessageId>) -> Result<()> {
        Ok(self.store.unpark(target, messages)?)
    }

    /// The messages that are set aside for a target, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn parked(&self, target: &str) -> Result<Vec<Parked>> {
        Ok(self.store.parked(target)?)
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

    /// Takes in messages of other machines, each with the moment of its change there. Secrets are taken out as everywhere.
    ///
    /// # Errors
    /// When the store cannot be written; nothing is then taken in.
    pub fn take_in(&self, messages: Vec<(WholeMessage, Timestamp)>) -> Result<TakenIn> {
        let mut incoming = Vec::with_capacity(messages.len());
        for (mut message, changed_at) in messages {
            for part in &mut message.parts {
                part.text = self.clean_text(std::mem::take(&mut part.text))?;
            }
            let project = project_there(&message);
            incoming.push(Incoming { message, changed_at, project });
        }
        Ok(self.store.take_in(incoming)?)
    }

    /// Takes in vectors of the model in use that other machines have made; those of texts that differ here are left out. Returns how
    /// many were taken in.
    ///
    /// # Errors
    /// When there is no encoder, or the store cannot be written.
    pub fn take_vectors(&self, vectors: Vec<IncomingVector>) -> Result<u64> {
        if vectors.is_empty() {
            return Ok(0);
        }
        Ok(self.store.take_vectors(self.encoder_model()?, vectors)?)
    }

    /// Mean number of terms of a passage with its neighbours: what another place cannot count.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn mean_window(&self) -> Result<f32> {
        Ok(self.columns()?.mean_window())
    }

    /// The rows of projects by what tells them from others.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn project_rows(&self, keys: &[String]) -> Result<Vec<i64>> {
        let known = self.store.project_keys()?.into_iter();
        Ok(known.filter(|(_, key)| keys.contains(key)).map(|(row, _)| row).collect())
    }

    /// Takes out what was forgotten on another machine; returns how many messages were there. Ids that are not there are remembered
    /// all the same.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn bury(&self, forgotten: Vec<(MessageId, String)>, now: Timestamp) -> Result<u64> {
        let mut gone = 0;
        for (id, reason) in forgotten {
            gone += self.store.forget(vec![id], reason, now)?.messages;
        }
        if gone > 0 {
            self.forget_in_caches()?;
            self.store.empty_log()?;
        }
        Ok(gone)
    }

    /// How far the changes of another place were taken in.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn pulled(&self, target: &str, place: &str) -> Result<i64> {
        Ok(self.store.pulled(target, place)?)
    }

    /// Notes down how far the changes of another place were taken in.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn note_pulled(&self, target: &'static str, place: &str, pulled: i64, now: Timestamp) -> Result<()> {
        Ok(self.store.note_pulled(target, place.to_owned(), pulled, now)?)
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

/// The project of a message of another machine: what its folder is here, if there is one; else what it was there.
fn project_there(message: &WholeMessage) -> NewProject {
    if message.directory.is_empty() || std::path::Path::new(&message.directory).is_dir() {
        return project_of(&message.directory);
    }
    let project = &message.project;
    let remote = project.remote.as_deref().and_then(checkout::remote_identity);
    NewProject {
        key: project.key.clone(),
        name: project.name.clone(),
        root: project.root.clone(),
        remote: project.remote.clone(),
        remote_key: remote.map(|remote| format!("remote:{remote}")),
        directory: message.directory.clone(),
        missing: true,
    }
}

//! More than one model: what each has made, making the vectors of one that is not in use yet while searches go on with the other, and
//! making everything anew that is made from texts.

use std::sync::atomic::{AtomicBool, Ordering};

use super::making::{Made, MakingProgress, ROUND, Turn};
use super::{Error, Memory, Result};
use crate::store::Model;
use crate::vector::Files;

impl Memory {
    /// All models that ever made vectors here, with how many there are of each.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn models(&self) -> Result<Vec<(Model, u64)>> {
        Ok(self.store.models()?)
    }

    /// Takes the turn for making all vectors of the settings' model without queueing anything: who uses another model goes on with
    /// it, also for what is said meanwhile. Loads `workers` encoders.
    ///
    /// # Errors
    /// [`Error::Busy`] when another process has the turn; an encoder that cannot be loaded.
    pub fn take_turn_beside(&self, workers: usize) -> Result<Turn> {
        let model = self.encoder_model()?;
        let row = self.store.register_model(model.clone())?;
        self.begin(model, row, &self.paths.reembed_lock(), workers)
    }

    /// Makes every vector that the turn's model lacks, newest texts first, until none is missing or `stop` is set.
    ///
    /// # Errors
    /// When the store cannot be read or written. A text that cannot be embedded is counted, not an error.
    pub fn make_all_vectors(
        &self,
        turn: &Turn,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(MakingProgress),
    ) -> Result<Made> {
        let (mut made, total) = (Made::default(), self.store.count_without(turn.model)?);
        let mut before = i64::MAX;
        loop {
            let parts = self.store.parts_without(turn.model, before, ROUND)?;
            made.interrupted = stop.load(Ordering::Relaxed);
            let Some(last) = parts.last().filter(|_| !made.interrupted) else { break };
            before = last.part;
            self.round(turn, &parts, stop, &mut made)?;
            progress(MakingProgress { done: made.parts + made.failed, total, vectors: made.vectors + made.copied });
        }
        if !made.interrupted {
            // So that whoever takes it into use finds the files ready.
            self.follow(turn.model_name(), 1)?;
        }
        Ok(made)
    }

    /// Takes the vectors of a model out that is not in use; returns how many there were.
    ///
    /// # Errors
    /// A model that never was here, or the one of the settings.
    pub fn remove_model(&self, digest: &str) -> Result<u64> {
        if self.encoder_model().is_ok_and(|model| model.digest == digest) {
            return Err(Error::invalid(
                "this model is in use; take another into use first (`claude-memory model use`)",
            ));
        }
        let hint = Some("`claude-memory model list` shows those that made any".to_owned());
        let message = format!("no vectors of a model {digest} are here");
        let row = self.store.find_model(digest)?.ok_or(Error::NotFound { message, hint })?;
        let gone = self.store.remove_model(row)?;
        // A cache; what cannot be removed now is never opened again.
        let _ = Files::new(&self.index_folder, digest).remove();
        Ok(gone)
    }

    /// Makes the word index, the columns and the vector index anew from texts and vectors. Searches of other processes go on.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was there then stays.
    pub fn reindex(&self) -> Result<()> {
        self.store.rebuild_words()?;
        self.forget_index();
        let entries = std::fs::read_dir(&self.index_folder).into_iter().flatten().flatten();
        for file in entries.map(|entry| entry.path()).filter(|path| path.file_name().is_some_and(|name| name != "lock"))
        {
            std::fs::remove_file(&file)
                .map_err(|error| Error::Unreadable { path: file.display().to_string(), why: error.to_string() })?;
        }
        self.settle()?;
        match self.model_name() {
            Some((row, digest, dimensions)) => self.follow((row, &digest, dimensions), 1),
            None => Ok(()),
        }
    }
}

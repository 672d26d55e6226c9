//! Handles several embedding models: lists them, embeds with a model that is not in use yet while search keeps using
//! the old one, removes models, and rebuilds all indexes.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::memory::index::embed_queue::{EmbedLease, EmbedProgress, EmbedStats, ROUND_PARTS};
use crate::memory::{Error, Memory, Result};
use crate::vector::IndexFiles;

impl Memory {
    /// Acquires the lease for embedding all texts with the configured model, without queueing anything: processes with
    /// another model keep using it, also for new messages. Loads the model for `workers` threads.
    ///
    /// # Errors
    /// [`Error::Busy`] if another process holds the lease; an embedding model that cannot be loaded.
    pub fn acquire_reembed_lease(&self, workers: usize) -> Result<EmbedLease> {
        let model = self.embedding_model()?;
        let row = self.store.register_model(model.clone())?;
        self.acquire_lease(model, row, &self.paths.reembed_lock(), workers)
    }

    /// Embeds every text that the lease's model has not embedded, newest first, until none is left or `stop` is set.
    ///
    /// # Errors
    /// If the store cannot be read or written. A text that cannot be embedded is counted, not an error.
    pub fn embed_all(
        &self,
        turn: &EmbedLease,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(EmbedProgress),
    ) -> Result<EmbedStats> {
        let (mut made, total) = (EmbedStats::default(), self.store.snapshot()?.count_without_embedding(turn.model)?);
        let mut before = i64::MAX;
        loop {
            let parts = self.store.snapshot()?.parts_without_embedding(turn.model, before, ROUND_PARTS)?;
            made.interrupted = stop.load(Ordering::Relaxed);
            let Some(last) = parts.last().filter(|_| !made.interrupted) else { break };
            before = last.part;
            self.embed_round(turn, &parts, stop, &mut made)?;
            progress(EmbedProgress { done: made.parts + made.failed, total, vectors: made.vectors + made.copied });
        }
        if !made.interrupted {
            // Writes the index files, so that they are ready when the model is put into use.
            self.update_index(turn.model_ref(), 1)?;
        }
        Ok(made)
    }

    /// Deletes the embeddings of a model that is not in use; returns how many there were.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown model, [`Error::Invalid`] for the one in use.
    pub fn remove_model(&self, digest: &str) -> Result<u64> {
        if self.embedding_model().is_ok_and(|model| model.digest == digest) {
            return Err(Error::invalid_input(
                "this model is in use; switch to another one first (`claude-memory model use`)",
            ));
        }
        let hint = Some("`claude-memory model list` shows the models that have some".to_owned());
        let message = format!("no embeddings of model {digest} are stored");
        let row = self.store.snapshot()?.find_model(digest)?.ok_or(Error::NotFound { message, hint })?;
        let gone = self.store.remove_model(row)?;
        // The index files are a cache; files that cannot be removed are never opened again.
        let _ = IndexFiles::new(&self.index_folder, digest).remove_files();
        Ok(gone)
    }

    /// Rebuilds the keyword index, the doc values and the vector index from texts and embeddings. Other processes can
    /// search meanwhile.
    ///
    /// # Errors
    /// If the store cannot be read or written; the old data stays then.
    pub fn rebuild_indexes(&self) -> Result<()> {
        self.store.rebuild_keyword_index()?;
        self.drop_index();
        let entries = std::fs::read_dir(&self.index_folder).into_iter().flatten().flatten();
        for file in entries.map(|entry| entry.path()).filter(|path| path.file_name().is_some_and(|name| name != "lock"))
        {
            std::fs::remove_file(&file).map_err(Error::path_error(&file))?;
        }
        self.flush_pending()?;
        match self.current_model_ref() {
            Some((row, digest, dimensions)) => self.update_index((row, &digest, dimensions), 1),
            None => Ok(()),
        }
    }
}

//! Works off the embedding queue: newest first, one process at a time, stoppable after every small batch, resumable
//! because the queue is a table.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::disk::{FileLock, LockGuard};
use crate::domain::ContentHash;
use crate::embed::EmbeddingModel;
use crate::memory::write::parallel::run_parallel;
use crate::memory::{Error, Memory, Result};
use crate::store::{NewVector, PendingPart, StoredModel};

/// Parts of one round; each round is one transaction.
pub(in crate::memory) const ROUND_PARTS: usize = 64;

/// Maximum texts, and bytes of text, in a worker's batch.
const BATCH_TEXTS: usize = 16;
const BATCH_BYTES: usize = 1024;

/// New embeddings after which the shared index is updated, and the minimum worth an update at the end.
const INDEX_EVERY: u64 = 4_096;
const INDEX_MIN: usize = 32;

/// Progress of an embedding run.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmbedProgress {
    /// Parts processed in this run.
    pub done: u64,
    /// Parts in the queue at its start.
    pub total: u64,
    /// Embeddings stored so far.
    pub vectors: u64,
}

/// Result of an embedding run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EmbedStats {
    /// Parts whose embeddings were stored.
    pub parts: u64,
    /// Embeddings computed by the model.
    pub vectors: u64,
    /// Embeddings copied from an identical text.
    pub copied: u64,
    /// Parts that could not be embedded.
    pub failed: u64,
    /// Number of characters embedded.
    pub characters: u64,
    /// True if the run was stopped before the queue was empty.
    pub interrupted: bool,
}

/// Lease for embedding in this data folder, held by one process at a time, with the loaded models.
#[derive(Debug)]
pub struct EmbedLease {
    _held: LockGuard,
    pub(in crate::memory) model: i64,
    digest: String,
    dimensions: usize,
    encoders: Vec<Mutex<EmbeddingModel>>,
    /// True if the parts come from the queue and are removed from it when done.
    queued: bool,
}

impl EmbedLease {
    /// Returns row, digest and dimensions of the model, as the index needs them.
    pub(in crate::memory) fn model_ref(&self) -> (i64, &str, usize) {
        (self.model, self.digest.as_str(), self.dimensions)
    }
}

/// Passage to embed.
struct EmbedJob<'a> {
    part: i64,
    passage: i64,
    text: &'a str,
    hash: ContentHash,
}

/// Splits jobs into batches for workers: short texts together, because that is faster; long ones alone.
fn split_batches<'a>(jobs: &'a [EmbedJob<'a>]) -> impl Iterator<Item = &'a [EmbedJob<'a>]> {
    let mut rest = jobs;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take(BATCH_TEXTS).take_while(|job| {
            bytes += job.text.len();
            bytes <= BATCH_BYTES
        });
        let count = fits.count().max(1).min(rest.len());
        let (batch, after) = rest.split_at(count);
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

impl Memory {
    /// Pauses or resumes embedding for this data folder. A running worker stops after its current batch.
    pub fn pause_embedding(&self, pause: bool) -> Result<()> {
        let done = if pause {
            crate::disk::create_atomic(&self.embed_pause, b"").map(drop)
        } else {
            std::fs::remove_file(&self.embed_pause)
        };
        match done {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::path_error(&self.embed_pause)(error))
            }
            _ => Ok(()),
        }
    }

    /// Returns true if embedding is paused.
    pub fn is_embedding_paused(&self) -> bool {
        self.embed_pause.exists()
    }

    /// Acquires the embedding lease and loads the model for `workers` threads; `None` if the queue is empty.
    ///
    /// # Errors
    /// [`Error::Busy`] if another process holds the lease or embedding is paused; an embedding model that cannot be
    /// loaded.
    pub fn acquire_embed_lease(&self, workers: usize) -> Result<Option<EmbedLease>> {
        let model = self.embedding_model()?;
        // Registering the model queues every text that it has not embedded, so it comes before counting.
        let row = self.store.ensure_model(model.clone())?.0;
        if self.store.snapshot()?.pending_count()? == 0 {
            return Ok(None);
        }
        if self.is_embedding_paused() {
            return Err(Error::Busy("embedding is paused; resume with `claude-memory embed --resume`".to_owned()));
        }
        self.acquire_lease(model, row, &self.embed_lock, workers).map(|turn| Some(EmbedLease { queued: true, ..turn }))
    }

    /// Acquires a lock and loads the configured model for `workers` threads.
    pub(in crate::memory) fn acquire_lease(
        &self,
        model: StoredModel,
        row: i64,
        lock: &Path,
        workers: usize,
    ) -> Result<EmbedLease> {
        let lock = FileLock::try_acquire(lock).map_err(Error::path_error(lock))?;
        let held = match lock {
            FileLock::Held(held) => held,
            FileLock::Taken(owner) => {
                let who = owner.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
                return Err(Error::Busy(format!("{who} is already embedding for this data folder")));
            }
        };
        let encoders = self.resident.model_spec().load_instances(workers.max(1))?.into_iter().map(Mutex::new).collect();
        let StoredModel { digest, dimensions, .. } = model;
        Ok(EmbedLease { _held: held, model: row, digest, dimensions, encoders, queued: false })
    }

    /// Queues every text that the model in use has not embedded and that is not queued yet; returns how many.
    pub fn queue_missing_embeddings(&self) -> Result<usize> {
        // Without a model there is nothing to queue for.
        let Ok(model) = self.embedding_model() else { return Ok(0) };
        Ok(self.store.queue_missing(model)?.1)
    }

    /// Returns the configured embedding model as registered in the store.
    pub fn embedding_model(&self) -> Result<StoredModel> {
        let spec = self.resident.model_spec();
        let (name, dimensions) = spec.describe_model()?;
        Ok(StoredModel { digest: spec.model_digest()?, name, dimensions })
    }

    /// Embeds queued texts until the queue is empty or `stop` is set.
    ///
    /// # Errors
    /// If the store cannot be read or written. A text that cannot be embedded is counted, not an error.
    pub fn embed_pending(
        &self,
        turn: &EmbedLease,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(EmbedProgress),
    ) -> Result<EmbedStats> {
        let mut made = EmbedStats::default();
        let total = self.store.snapshot()?.pending_count()?;
        let model = turn.model_ref();
        let mut indexed = 0;
        loop {
            let stopped = stop.load(Ordering::Relaxed) || self.is_embedding_paused();
            let parts = if stopped { Vec::new() } else { self.store.snapshot()?.pending_parts(ROUND_PARTS)? };
            if parts.is_empty() {
                // Updates the index files so that searches need not encode these vectors again.
                self.update_index(model, INDEX_MIN)?;
                made.interrupted = stopped;
                return Ok(made);
            }
            self.embed_round(turn, &parts, stop, &mut made)?;
            if made.vectors + made.copied >= indexed + INDEX_EVERY {
                indexed = made.vectors + made.copied;
                self.update_index(model, INDEX_MIN)?;
            }
            progress(EmbedProgress { done: made.parts + made.failed, total, vectors: made.vectors + made.copied });
        }
    }

    /// Embeds some parts in one transaction.
    pub(in crate::memory) fn embed_round(
        &self,
        turn: &EmbedLease,
        parts: &[PendingPart],
        stop: &AtomicBool,
        made: &mut EmbedStats,
    ) -> Result<()> {
        let mut vectors = Vec::new();
        let mut jobs: Vec<EmbedJob<'_>> = Vec::new();
        // Identical texts in one round are embedded once.
        let mut twins: HashMap<ContentHash, Vec<i64>> = HashMap::new();
        for part in parts {
            for (passage, range) in &part.passages {
                let text = part.text.get(range.clone()).unwrap_or("").trim();
                let hash = ContentHash::of_text(text);
                if let Some(vector) = self.store.snapshot()?.find_vector(turn.model, hash)? {
                    made.copied += 1;
                    vectors.push(NewVector { passage: *passage, text_hash: hash, vector });
                } else if let Some(waiting) = twins.get_mut(&hash) {
                    waiting.push(*passage);
                } else {
                    twins.insert(hash, Vec::new());
                    jobs.push(EmbedJob { part: part.part, passage: *passage, text, hash });
                }
            }
        }
        let mut failures: HashMap<i64, String> = HashMap::new();
        let encode = |encoder: &mut EmbeddingModel, jobs: &&[EmbedJob<'_>]| {
            let texts: Vec<&str> = jobs.iter().map(|job| job.text).collect();
            encoder.embed_passages(&texts)
        };
        let batches: Vec<&[EmbedJob<'_>]> = split_batches(&jobs).collect();
        let outcomes =
            batches.iter().zip(run_parallel(&turn.encoders, &batches, stop, encode)).flat_map(|(jobs, outcomes)| {
                outcomes.map_or_else(|| vec![None; jobs.len()], |outcomes| outcomes.into_iter().map(Some).collect())
            });
        for (job, outcome) in jobs.iter().zip(outcomes) {
            match outcome {
                Some(Ok(vector)) => {
                    made.vectors += 1;
                    made.characters += job.text.chars().count() as u64;
                    for passage in twins.remove(&job.hash).unwrap_or_default() {
                        made.copied += 1;
                        vectors.push(NewVector { passage, text_hash: job.hash, vector: vector.clone() });
                    }
                    vectors.push(NewVector { passage: job.passage, text_hash: job.hash, vector });
                }
                Some(Err(error)) => {
                    failures.insert(job.part, error.to_string());
                }
                // Stopped: the parts of this round stay queued and their finished passages are kept.
                None => return Ok(self.store.store_vectors(turn.model, Vec::new(), vectors)?),
            }
        }
        for (part, why) in failures.iter().filter(|_| turn.queued) {
            self.store.record_embedding_failure(*part, why.clone())?;
        }
        let done: Vec<i64> = parts.iter().map(|part| part.part).filter(|part| !failures.contains_key(part)).collect();
        made.failed += failures.len() as u64;
        made.parts += done.len() as u64;
        Ok(self.store.store_vectors(turn.model, if turn.queued { done } else { Vec::new() }, vectors)?)
    }
}

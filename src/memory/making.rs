//! Making the vectors that are still missing: newest first, by exactly one process at a time, stoppable after every
//! small batch, resumable because the queue is a table.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::parallel::spread;
use super::{Error, Memory, Result};
use crate::disk::{Held, Lock};
use crate::domain::ContentHash;
use crate::embed::Encoder;
use crate::store::{Model, NewVector, PendingPart};

/// Parts of one round; a round commits together.
pub(super) const ROUND: usize = 64;

/// The most texts, and bytes of text, that a worker takes together.
const BATCH: usize = 16;
const BATCH_BYTES: usize = 1024;

/// Vectors after which the shared index is brought up to date, and the fewest that are worth it at the end.
const INDEX_EVERY: u64 = 4_096;
const INDEX_LEAST: usize = 256;

/// Where the work stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct MakingProgress {
    /// Parts done in this run.
    pub done: u64,
    /// Parts that were waiting at its start.
    pub total: u64,
    /// Vectors made.
    pub vectors: u64,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Made {
    /// Parts whose vectors were stored.
    pub parts: u64,
    /// Vectors made by the encoder.
    pub vectors: u64,
    /// Vectors copied because the same text had one.
    pub copied: u64,
    /// Parts that failed.
    pub failed: u64,
    /// Characters embedded.
    pub characters: u64,
    /// Whether it was stopped before the queue was empty.
    pub interrupted: bool,
}

/// The right to make vectors in this data folder, held by one process at a time.
#[derive(Debug)]
pub struct Turn {
    _held: Held,
    pub(super) model: i64,
    digest: String,
    dimensions: usize,
    encoders: Vec<Mutex<Encoder>>,
    /// Whether the parts are those of the queue and leave it.
    queued: bool,
}

impl Turn {
    /// The model, as the index knows it.
    pub(super) fn model_name(&self) -> (i64, &str, usize) {
        (self.model, self.digest.as_str(), self.dimensions)
    }
}

/// One passage that needs the encoder.
struct Job<'a> {
    part: i64,
    passage: i64,
    text: &'a str,
    hash: ContentHash,
}

/// Jobs that one worker gets together: short ones in company, because they are faster so; long ones alone.
fn batches<'a>(jobs: &'a [Job<'a>]) -> impl Iterator<Item = &'a [Job<'a>]> {
    let mut rest = jobs;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take(BATCH).take_while(|job| {
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
    /// Lets nobody make vectors for this folder, or lets them again. Whoever makes some now stops after its round.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn pause_vectors(&self, pause: bool) -> Result<()> {
        let done = if pause {
            crate::disk::create_atomic(&self.embed_pause, b"").map(drop)
        } else {
            std::fs::remove_file(&self.embed_pause)
        };
        match done {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::Unreadable { path: self.embed_pause.display().to_string(), why: error.to_string() })
            }
            _ => Ok(()),
        }
    }

    /// Whether making vectors is paused.
    pub fn vectors_are_paused(&self) -> bool {
        self.embed_pause.exists()
    }

    /// Takes the turn and loads `workers` encoders, if anything waits. `None` when nothing waits.
    ///
    /// # Errors
    /// [`Error::Busy`] when another process has the turn; an encoder that cannot be loaded.
    pub fn take_turn(&self, workers: usize) -> Result<Option<Turn>> {
        let model = self.encoder_model()?;
        // Registering the model queues everything that it has not embedded, so it comes before counting.
        let row = self.store.adopt_model(model.clone())?.0;
        if self.store.pending_count()? == 0 {
            return Ok(None);
        }
        if self.vectors_are_paused() {
            return Err(Error::Busy("making vectors is paused; `claude-memory embed --resume` goes on".to_owned()));
        }
        self.begin(model, row, &self.embed_lock, workers).map(|turn| Some(Turn { queued: true, ..turn }))
    }

    /// Takes a lock and loads `workers` encoders of the settings' model.
    pub(super) fn begin(&self, model: Model, row: i64, lock: &Path, workers: usize) -> Result<Turn> {
        let lock = Lock::try_take(lock)
            .map_err(|error| Error::Unreadable { path: lock.display().to_string(), why: error.to_string() })?;
        let held = match lock {
            Lock::Held(held) => held,
            Lock::Taken(owner) => {
                let who = owner.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
                return Err(Error::Busy(format!("{who} is making vectors for this folder")));
            }
        };
        let encoders = self.resident.spec().load(workers.max(1))?.into_iter().map(Mutex::new).collect();
        let Model { digest, dimensions, .. } = model;
        Ok(Turn { _held: held, model: row, digest, dimensions, encoders, queued: false })
    }

    /// Queues every text that has no vector of the encoder in use and waits for none; returns how many.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn queue_missing_vectors(&self) -> Result<usize> {
        // Without a model there is nothing to queue for.
        let Ok(model) = self.encoder_model() else { return Ok(0) };
        Ok(self.store.queue_missing(model)?.1)
    }

    /// The encoder of the settings, as the store knows models.
    ///
    /// # Errors
    /// When there is none.
    pub fn encoder_model(&self) -> Result<Model> {
        let spec = self.resident.spec();
        let (name, dimensions) = spec.describe()?;
        Ok(Model { digest: spec.digest()?, name, dimensions })
    }

    /// Works off the queue until it is empty or `stop` is set.
    ///
    /// # Errors
    /// When the store cannot be read or written. A text that cannot be embedded is counted, not an error.
    pub fn make_vectors(
        &self,
        turn: &Turn,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(MakingProgress),
    ) -> Result<Made> {
        let mut made = Made::default();
        let total = self.store.pending_count()?;
        let model = turn.model_name();
        let mut indexed = 0;
        loop {
            let stopped = stop.load(Ordering::Relaxed) || self.vectors_are_paused();
            let parts = if stopped { Vec::new() } else { self.store.pending(ROUND)? };
            if parts.is_empty() {
                // So that whoever searches finds the files ready, and does not code what was coded before.
                self.follow(model, INDEX_LEAST)?;
                made.interrupted = stopped;
                return Ok(made);
            }
            self.round(turn, &parts, stop, &mut made)?;
            if made.vectors + made.copied >= indexed + INDEX_EVERY {
                indexed = made.vectors + made.copied;
                self.follow(model, INDEX_LEAST)?;
            }
            progress(MakingProgress { done: made.parts + made.failed, total, vectors: made.vectors + made.copied });
        }
    }

    /// Makes the vectors of some parts, in one transaction.
    pub(super) fn round(&self, turn: &Turn, parts: &[PendingPart], stop: &AtomicBool, made: &mut Made) -> Result<()> {
        let mut vectors = Vec::new();
        let mut jobs: Vec<Job<'_>> = Vec::new();
        // The same text twice in one round is embedded once.
        let mut twins: HashMap<ContentHash, Vec<i64>> = HashMap::new();
        for part in parts {
            for (passage, range) in &part.passages {
                let text = part.text.get(range.clone()).unwrap_or("").trim();
                let hash = ContentHash::of(text);
                if let Some(vector) = self.store.find_vector(turn.model, hash)? {
                    made.copied += 1;
                    vectors.push(NewVector { passage: *passage, text_hash: hash, vector });
                } else if let Some(waiting) = twins.get_mut(&hash) {
                    waiting.push(*passage);
                } else {
                    twins.insert(hash, Vec::new());
                    jobs.push(Job { part: part.part, passage: *passage, text, hash });
                }
            }
        }
        let mut failures: HashMap<i64, String> = HashMap::new();
        let encode = |encoder: &mut Encoder, jobs: &&[Job<'_>]| {
            let texts: Vec<&str> = jobs.iter().map(|job| job.text).collect();
            encoder.passages(&texts)
        };
        let batches: Vec<&[Job<'_>]> = batches(&jobs).collect();
        let outcomes =
            batches.iter().zip(spread(&turn.encoders, &batches, stop, encode)).flat_map(|(jobs, outcomes)| {
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
            self.store.mark_failed(*part, why.clone())?;
        }
        let done: Vec<i64> = parts.iter().map(|part| part.part).filter(|part| !failures.contains_key(part)).collect();
        made.failed += failures.len() as u64;
        made.parts += done.len() as u64;
        Ok(self.store.store_vectors(turn.model, if turn.queued { done } else { Vec::new() }, vectors)?)
    }
}

//! The vector index of this process: the shared files, followed by what the store has beyond them. The store is the truth:
//! on any doubt about a file it is dropped and made again.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use super::{Error, Memory, Result};
use crate::config::IndexChoice;
use crate::disk::{self, Held, Lock};
use crate::vector::{BuiltGraph, Files, Index, Stamp};

/// Row, digest and dimensions of a model.
pub(super) type ModelName<'a> = (i64, &'a str, usize);

/// From so many vectors on the graph answers faster than the scan (docs/decisions/0013).
const GRAPH_FROM: usize = 4_000_000;
/// Searches of one process before it builds a graph: who asks once does not need it.
const GRAPH_AFTER: u32 = 3;
/// Vectors that are read and coded before they are written: about 110 MB for 384 dimensions.
const READ_AT_ONCE: usize = 1 << 17;
/// So many vectors beyond the files are written into them by whoever finds them.
const SAVE_FROM: usize = 1_024;
/// Other processes may write the files between two looks; then the newer ones are taken.
const ATTEMPTS: usize = 4;

/// An index and what it was built for.
#[derive(Debug)]
pub(super) struct Built {
    model: i64,
    generation: i64,
    last: i64,
    index: Index,
    files: Files,
    /// What the files held when this process last read or wrote them.
    stamp: Option<Stamp>,
    /// Whether the files could not be written; then this process does not try again.
    given_up: bool,
    searches: AtomicU32,
    /// Whether a graph was asked for, and where it will come from.
    asked: bool,
    graph: Option<JoinHandle<Option<BuiltGraph>>>,
}

impl Memory {
    /// Calls `with` with the index of a model, up to date. Labels are rows of passages. It is called again with a new index
    /// when it finds a damaged file.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn with_index<T>(&self, model: ModelName<'_>, with: impl Fn(&Index) -> io::Result<T>) -> Result<T> {
        let mut why = None;
        for _ in 0..ATTEMPTS {
            self.follow(model, SAVE_FROM)?;
            let guard = self.index.read().unwrap_or_else(PoisonError::into_inner);
            let Some(built) = guard.as_ref().filter(|built| built.model == model.0) else { continue };
            built.searches.fetch_add(1, Ordering::Relaxed);
            match with(&built.index) {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    tracing::warn!(%error, "the vector index is damaged and is made again");
                    // What cannot be removed is replaced when the new index is saved.
                    let _ = built.files.remove();
                    why = Some(error);
                }
            }
            drop(guard);
            self.forget_index();
        }
        let why = why.map_or_else(|| "other processes keep changing it".to_owned(), |error| error.to_string());
        Err(Error::Unreadable { path: self.index_folder.display().to_string(), why })
    }

    /// Brings the index up to date, and its files when `save_from` vectors or more are missing there.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn follow(&self, (model, digest, dimensions): ModelName<'_>, save_from: usize) -> Result<()> {
        let current = |built: &Built| -> Result<bool> {
            let (generation, more) = self.store.vectors_beyond(model, built.last)?;
            Ok(!more && generation == built.generation && built.graph.is_none() && !self.wants_graph(built))
        };
        if let Some(built) = self.index.read().unwrap_or_else(PoisonError::into_inner).as_ref()
            && built.model == model
            && (built.index.unsaved() < save_from || built.given_up)
            && current(built)?
        {
            return Ok(());
        }
        let mut guard = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..ATTEMPTS {
            let mut built = match guard.take().filter(|built| built.model == model) {
                Some(built) => built,
                None => self.open_index(model, digest, dimensions)?,
            };
            if self.catch_up(&mut built, dimensions, save_from)? {
                self.follow_graph(&mut built);
                *guard = Some(built);
                break;
            }
        }
        Ok(())
    }

    /// From the files, if they are of this store and whole.
    fn open_index(&self, model: i64, digest: &str, dimensions: usize) -> Result<Built> {
        let files = Files::new(&self.index_folder, digest);
        let opened = Index::open(&files, dimensions).unwrap_or_else(|error| {
            tracing::warn!(%error, "the vector index cannot be read and is made again");
            // Otherwise its manifest would look like the work of another process. What stays is replaced later.
            let _ = files.remove();
            None
        });
        // Another store under the same path, or an older copy of this one, has other texts under the same numbers.
        let (index, stamp) = match opened {
            Some((index, stamp)) if self.fits(model, stamp)? => (index, Some(stamp)),
            Some(_) => {
                // Or the last row was forgotten, and must not stay here either.
                let _ = files.remove();
                (Index::new(dimensions), None)
            }
            None => (Index::new(dimensions), None),
        };
        let generation = match stamp {
            Some(stamp) => stamp.generation,
            None => self.store.vectors_beyond(model, 0)?.0,
        };
        let last = stamp.map_or(0, |stamp| stamp.last);
        Ok(Built {
            model,
            generation,
            last,
            index,
            files,
            stamp,
            given_up: false,
            searches: AtomicU32::new(0),
            asked: false,
            graph: None,
        })
    }

    /// Reads what the store has beyond the index. `false` when another process has written newer files, which should be
    /// opened instead.
    fn catch_up(&self, built: &mut Built, dimensions: usize, save_from: usize) -> Result<bool> {
        let (generation, _) = self.store.vectors_beyond(built.model, built.last)?;
        let mut pruned = false;
        if generation != built.generation {
            // Rows were taken away, here or in another process.
            let labels = self.store.vector_labels(built.model)?;
            let gone = built.index.retain(&labels);
            let Ok(gone) = gone else {
                let _ = built.files.remove();
                return Ok(false);
            };
            tracing::debug!(gone, "vectors were forgotten");
            built.generation = generation;
            pruned = true;
        }
        loop {
            let (mut last, mut read) = (built.last, 0);
            self.store.each_vector(built.model, built.last, READ_AT_ONCE, |stored| {
                (last, read) = (stored.id, read + 1);
                if let Ok(label) = u32::try_from(stored.passage) {
                    built.index.insert(label, &stored.vector);
                }
            })?;
            built.last = last;
            if (built.index.unsaved() >= save_from || pruned) && !self.save_index(built, dimensions)? {
                return Ok(false);
            }
            pruned = false;
            if read < READ_AT_ONCE {
                return Ok(true);
            }
        }
    }

    /// Writes the files unless another process does. `false` when the ones on the disk are not those of this index.
    fn save_index(&self, built: &mut Built, dimensions: usize) -> Result<bool> {
        if built.given_up || self.store.is_frozen() {
            return Ok(true);
        }
        let saved = (|| {
            let Some(_held) = self.lock_caches()? else { return Ok(true) };
            // A manifest that cannot be read counts as none: this one replaces it.
            let stamp = Index::stamp(&built.files, dimensions).unwrap_or(None);
            if let Some(other) = stamp
                && Some(other) != built.stamp
                && self.fits(built.model, other).unwrap_or(false)
            {
                return Ok(false);
            }
            let Ok(Some((last, last_hash))) = self.store.last_vector(built.model, built.last) else {
                // Everything was forgotten.
                return built.files.remove().map(|()| true);
            };
            let stamp = Stamp { generation: built.generation, last, last_hash: last_hash.0 };
            built.index.save(&built.files, stamp)?;
            built.stamp = Some(stamp);
            Ok(true)
        })();
        saved.or_else(|error: io::Error| {
            tracing::warn!(%error, "the vector index cannot be saved; it stays in memory");
            built.given_up = true;
            Ok(true)
        })
    }

    /// The right to write the files that all processes share; `None` while another process has it.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub(super) fn lock_caches(&self) -> io::Result<Option<Held>> {
        disk::create_private_folder(&self.index_folder)?;
        Ok(match Lock::try_take(&self.index_folder.join("lock"))? {
            Lock::Held(held) => Some(held),
            Lock::Taken(_) => None,
        })
    }

    /// Whether files with this stamp are of this store.
    fn fits(&self, model: i64, stamp: Stamp) -> Result<bool> {
        let last = self.store.last_vector(model, stamp.last)?;
        Ok(last.is_some_and(|(row, hash)| row == stamp.last && hash.0 == stamp.last_hash))
    }

    fn wants_graph(&self, built: &Built) -> bool {
        !built.asked
            && built.searches.load(Ordering::Relaxed) >= GRAPH_AFTER
            && match self.settings.vector.index {
                IndexChoice::Auto => built.index.len() >= GRAPH_FROM,
                IndexChoice::Scan => false,
                IndexChoice::Hnsw => true,
            }
    }

    /// Builds a graph in the background when one is wanted, and takes it when it is ready. The scan answers meanwhile.
    fn follow_graph(&self, built: &mut Built) {
        if let Some(thread) = built.graph.take_if(|thread| thread.is_finished())
            && let Ok(Some(graph)) = thread.join()
        {
            built.index.use_graph(graph);
        }
        if self.wants_graph(built) {
            built.asked = true;
            let (build, stop) = (built.index.graph_builder(), Arc::clone(&self.stop_graph));
            let work = move || build(&stop).ok().flatten();
            built.graph = std::thread::Builder::new().name("graph".to_owned()).spawn(work).ok();
        }
    }

    /// Writes the index without what is gone from the store. `false` when another process writes just now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn prune_index(&self, model: ModelName<'_>) -> Result<bool> {
        self.follow(model, SAVE_FROM)?;
        let guard = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let Some(built) = guard.as_ref() else { return Ok(false) };
        // Without files there is nothing to prune.
        Ok(built.stamp.is_none_or(|stamp| stamp.generation == built.generation))
    }

    /// The model of the encoder, if it has made vectors here.
    pub(super) fn model_name(&self) -> Option<(i64, String, usize)> {
        let model = self.encoder_model().ok()?;
        Some((self.store.find_model(&model.digest).ok()??, model.digest, model.dimensions))
    }

    /// Drops the index of this process; the files stay.
    pub(super) fn forget_index(&self) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// To be called last by a command that answers and ends: does not take the encoder apart.
    pub fn abandon_encoder(&self) {
        self.resident.abandon();
    }

    /// Gives back the memory of encoder and index if they were not used for the configured time.
    pub fn drop_idle(&self) {
        self.resident.drop_if_idle(std::time::Duration::from_secs(self.settings.embed.idle_seconds));
        if !self.resident.is_loaded() {
            self.forget_index();
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.stop_graph.store(true, Ordering::Relaxed);
    }
}

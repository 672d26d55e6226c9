//! Vector index of this process: the shared files plus the embeddings the store has beyond them. The store is
//! authoritative: if in doubt about a file, it is deleted and rebuilt.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use crate::config::IndexChoice;
use crate::disk::{self, FileLock, LockGuard};
use crate::memory::{Error, Memory, Result};
use crate::vector::{BuiltGraph, HAS_GRAPH, IndexFiles, IndexStamp, VectorIndex};

/// Row, digest and dimensions of an embedding model.
pub(in crate::memory) type ModelRef<'a> = (i64, &'a str, usize);

/// Searches of one process before it builds a graph: a process that searches once does not need it.
const GRAPH_MIN_SEARCHES: u32 = 3;
/// Vectors that are read and quantised before they are written: about 110 MB for 384 dimensions.
const READ_BATCH: usize = 1 << 17;
/// Number of unsaved vectors at which the process that notices them updates the files.
const SAVE_MIN_VECTORS: usize = 1_024;
/// Retries when other processes replace the files; the newer files are opened then.
const MAX_ATTEMPTS: usize = 4;

/// Vector index with the model and the store state it was built for.
#[derive(Debug)]
pub(in crate::memory) struct BuiltIndex {
    model: i64,
    generation: i64,
    last: i64,
    index: VectorIndex,
    files: IndexFiles,
    /// Stamp of the files when this process last read or wrote them.
    stamp: Option<IndexStamp>,
    /// True if the files could not be written; this process does not try again.
    given_up: bool,
    searches: AtomicU32,
    /// True if a graph build was started; `graph` is the thread that builds it.
    asked: bool,
    graph: Option<JoinHandle<Option<BuiltGraph>>>,
}

impl Memory {
    /// Calls `with` with the up-to-date index of a model. Labels are passage rows. Calls it again with a rebuilt index
    /// if it fails on a damaged file.
    pub(in crate::memory) fn with_index<T>(
        &self,
        model: ModelRef<'_>,
        with: impl Fn(&VectorIndex) -> io::Result<T>,
    ) -> Result<T> {
        let mut why = None;
        for _ in 0..MAX_ATTEMPTS {
            self.update_index(model, SAVE_MIN_VECTORS)?;
            let guard = self.index.read().unwrap_or_else(PoisonError::into_inner);
            let Some(built) = guard.as_ref().filter(|built| built.model == model.0) else { continue };
            built.searches.fetch_add(1, Ordering::Relaxed);
            match with(&built.index) {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    tracing::warn!(%error, "the vector index is damaged; rebuilding it");
                    // What cannot be removed is replaced when the new index is saved.
                    let _ = built.files.remove_files();
                    why = Some(error);
                }
            }
            drop(guard);
            self.drop_index();
        }
        let why = why.map_or_else(|| "other processes keep changing it".to_owned(), |error| error.to_string());
        Err(Error::Unreadable { path: self.index_folder.display().to_string(), why })
    }

    /// Updates the index, and its files if at least `save_from` vectors are missing there.
    pub(in crate::memory) fn update_index(
        &self,
        (model, digest, dimensions): ModelRef<'_>,
        save_from: usize,
    ) -> Result<()> {
        let current = |built: &BuiltIndex| -> Result<bool> {
            let (generation, more) = self.store.snapshot()?.has_vectors_after(model, built.last)?;
            Ok(!more && generation == built.generation && built.graph.is_none() && !self.wants_graph(built))
        };
        if let Some(built) = self.index.read().unwrap_or_else(PoisonError::into_inner).as_ref()
            && built.model == model
            && (built.index.unsaved_count() < save_from || built.given_up)
            && current(built)?
        {
            return Ok(());
        }
        let mut guard = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..MAX_ATTEMPTS {
            let mut built = match guard.take().filter(|built| built.model == model) {
                Some(built) => built,
                None => self.open_index(model, digest, dimensions)?,
            };
            if self.add_new_vectors(&mut built, dimensions, save_from)? {
                self.update_graph(&mut built);
                *guard = Some(built);
                break;
            }
        }
        Ok(())
    }

    /// Opens the index from its files if they are intact and belong to this store; else an empty one.
    fn open_index(&self, model: i64, digest: &str, dimensions: usize) -> Result<BuiltIndex> {
        let files = IndexFiles::new(&self.index_folder, digest);
        let opened = VectorIndex::open(&files, dimensions).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read the vector index; rebuilding it");
            // Otherwise its manifest would look like the work of another process. Files that cannot be removed are
            // replaced later.
            let _ = files.remove_files();
            None
        });
        // Another store under the same path, or an older copy of this one, has other texts under the same row numbers.
        let (index, stamp) = match opened {
            Some((index, stamp)) if self.is_own_stamp(model, stamp)? => (index, Some(stamp)),
            Some(_) => {
                // Or the last row was deleted, and must not stay in the files either.
                let _ = files.remove_files();
                (VectorIndex::new(dimensions), None)
            }
            None => (VectorIndex::new(dimensions), None),
        };
        let generation = match stamp {
            Some(stamp) => stamp.generation,
            None => self.store.snapshot()?.has_vectors_after(model, 0)?.0,
        };
        let last = stamp.map_or(0, |stamp| stamp.last);
        Ok(BuiltIndex {
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

    /// Adds the embeddings that the store has beyond the index. Returns `false` if another process has written newer
    /// files, which should be opened instead.
    fn add_new_vectors(&self, built: &mut BuiltIndex, dimensions: usize, save_from: usize) -> Result<bool> {
        let (generation, _) = self.store.snapshot()?.has_vectors_after(built.model, built.last)?;
        let mut pruned = false;
        if generation != built.generation {
            // Rows were deleted, in this or in another process.
            let labels = self.store.snapshot()?.embedded_passage_ids(built.model)?;
            let gone = built.index.retain_labels(&labels);
            let Ok(gone) = gone else {
                let _ = built.files.remove_files();
                return Ok(false);
            };
            tracing::debug!(gone, "removed deleted vectors from the index");
            built.generation = generation;
            pruned = true;
        }
        loop {
            let (mut last, mut read) = (built.last, 0);
            self.store.snapshot()?.each_vector(built.model, built.last, READ_BATCH, |stored| {
                (last, read) = (stored.id, read + 1);
                if let Ok(label) = u32::try_from(stored.passage) {
                    built.index.insert(label, &stored.vector);
                }
            })?;
            built.last = last;
            if (built.index.unsaved_count() >= save_from || pruned) && !self.save_index(built, dimensions)? {
                return Ok(false);
            }
            pruned = false;
            if read < READ_BATCH {
                return Ok(true);
            }
        }
    }

    /// Writes the files unless another process is writing. Returns `false` if the files on disk are not those of this
    /// index.
    fn save_index(&self, built: &mut BuiltIndex, dimensions: usize) -> Result<bool> {
        if built.given_up || self.store.is_frozen() {
            return Ok(true);
        }
        let saved = (|| {
            let Some(_held) = self.lock_caches()? else { return Ok(true) };
            // A manifest that cannot be read counts as missing and is replaced.
            let stamp = VectorIndex::read_stamp(&built.files, dimensions).unwrap_or(None);
            if let Some(other) = stamp
                && Some(other) != built.stamp
                && self.is_own_stamp(built.model, other).unwrap_or(false)
            {
                return Ok(false);
            }
            let last = self.store.snapshot().and_then(|snapshot| snapshot.last_vector(built.model, built.last));
            let Ok(Some((last, last_hash))) = last else {
                // All vectors were deleted.
                return built.files.remove_files().map(|()| true);
            };
            let stamp = IndexStamp { generation: built.generation, last, last_hash: last_hash.0 };
            built.index.save(&built.files, stamp)?;
            built.stamp = Some(stamp);
            Ok(true)
        })();
        saved.or_else(|error: io::Error| {
            tracing::warn!(%error, "cannot save the vector index; keeping it in memory");
            built.given_up = true;
            Ok(true)
        })
    }

    /// Acquires the lock of the cache files that all processes share; `None` while another process holds it.
    pub(in crate::memory) fn lock_caches(&self) -> io::Result<Option<LockGuard>> {
        disk::create_private_folder(&self.index_folder)?;
        Ok(match FileLock::try_acquire(&self.index_folder.join("lock"))? {
            FileLock::Held(held) => Some(held),
            FileLock::Taken(_) => None,
        })
    }

    /// Returns true if files with this stamp belong to this store.
    fn is_own_stamp(&self, model: i64, stamp: IndexStamp) -> Result<bool> {
        let last = self.store.snapshot()?.last_vector(model, stamp.last)?;
        Ok(last.is_some_and(|(row, hash)| row == stamp.last && hash.0 == stamp.last_hash))
    }

    fn wants_graph(&self, built: &BuiltIndex) -> bool {
        HAS_GRAPH
            && !built.asked
            && built.searches.load(Ordering::Relaxed) >= GRAPH_MIN_SEARCHES
            && self.settings.vector.index == IndexChoice::Hnsw
    }

    /// Builds a graph in the background if needed, and uses it when it is ready. The scan serves searches meanwhile.
    fn update_graph(&self, built: &mut BuiltIndex) {
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

    /// Writes the index without deleted vectors. Returns `false` while another process is writing.
    pub(in crate::memory) fn prune_index(&self, model: ModelRef<'_>) -> Result<bool> {
        self.update_index(model, SAVE_MIN_VECTORS)?;
        let guard = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let Some(built) = guard.as_ref() else { return Ok(false) };
        // Without files there is nothing to prune.
        Ok(built.stamp.is_none_or(|stamp| stamp.generation == built.generation))
    }

    /// Returns row, digest and dimensions of the embedding model in use, if it has embeddings here.
    pub(in crate::memory) fn current_model_ref(&self) -> Option<(i64, String, usize)> {
        let model = self.embedding_model().ok()?;
        Some((
            self.store.snapshot().and_then(|snapshot| snapshot.find_model(&model.digest)).ok()??,
            model.digest,
            model.dimensions,
        ))
    }

    /// Drops the in-memory index of this process; the files stay.
    pub(in crate::memory) fn drop_index(&self) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Leaks the embedding model on purpose: called last by a command that is about to exit, which saves the time of
    /// freeing it.
    pub fn leak_model_on_exit(&self) {
        self.resident.leak_on_exit();
        self.reranker.leak_on_exit();
    }

    /// Frees the memory of the embedding model and the index if they were unused for the configured time.
    pub fn free_idle_memory(&self) {
        let idle = std::time::Duration::from_secs(self.settings.embed.idle_seconds);
        self.resident.drop_if_idle(idle);
        self.reranker.drop_if_idle(idle);
        if !self.resident.is_loaded() {
            self.drop_index();
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.stop_graph.store(true, Ordering::Relaxed);
    }
}

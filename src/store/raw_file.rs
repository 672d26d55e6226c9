//! Reads the bytes of the database file itself, as they are on the disk.
//!
//! POSIX locks belong to a process and a file: when a process closes any descriptor of a file, it loses all its locks on
//! it, also those that SQLite holds. Another process that closes its connection then takes itself for the last one and
//! deletes the write-ahead log that this process goes on writing to. So there is one descriptor for each file, which is
//! closed after the connections of the last store that has the file open.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crate::disk::FileId;

/// Database files that stores of this process have open.
static OPEN: LazyLock<Mutex<HashMap<FileId, OpenFile>>> = LazyLock::new(Mutex::default);

/// Database file with the number of stores that have it open, and the descriptor for reading it past SQLite.
#[derive(Debug, Default)]
struct OpenFile {
    stores: usize,
    file: Option<Arc<File>>,
}

fn lock_open() -> MutexGuard<'static, HashMap<FileId, OpenFile>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registration of one store. Dropping the last one of a file closes the descriptor.
#[derive(Debug)]
pub(super) struct RawFile(Option<FileId>);

impl RawFile {
    /// Registers a store that has a file open. Outside Unix locks belong to a handle, and there is nothing to keep.
    pub(super) fn register(id: Option<FileId>) -> Self {
        let id = id.filter(|_| cfg!(unix));
        if let Some(id) = id {
            lock_open().entry(id).or_default().stores += 1;
        }
        Self(id)
    }

    /// Returns a reader of the whole file.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(super) fn reader(&self, path: &Path) -> io::Result<RawReader> {
        let mut open = lock_open();
        let mut file = self.0.and_then(|id| open.get_mut(&id)).map(|entry| &mut entry.file);
        if let Some(Some(known)) = &file {
            return Ok(RawReader { file: Arc::clone(known), offset: 0 });
        }
        let opened = Arc::new(File::open(path)?);
        if let Some(slot) = &mut file {
            **slot = Some(Arc::clone(&opened));
        }
        Ok(RawReader { file: opened, offset: 0 })
    }
}

impl Drop for RawFile {
    fn drop(&mut self) {
        let Some(id) = self.0 else { return };
        let mut open = lock_open();
        let Some(entry) = open.get_mut(&id) else { return };
        entry.stores -= 1;
        if entry.stores == 0 {
            open.remove(&id);
        }
    }
}

/// Reader of a file that shares its descriptor.
#[derive(Debug)]
pub struct RawReader {
    file: Arc<File>,
    offset: u64,
}

impl Read for RawReader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file, bytes, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

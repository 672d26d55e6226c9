//! The index on the disk: segments of coded rows, and a manifest that names them. A cache of the store.
//!
//! Segments are never changed: new rows make a new segment, which takes in the ones before it as long as they are not much
//! larger, so that a row is written a few times and there are never many segments. The manifest is replaced as the last step;
//! whoever still maps older segments keeps them until it looks again. Who writes holds the lock of the caller.

use std::io;
use std::path::{Path, PathBuf};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::disk::{Snapshot, create_private_folder};

const TAG: [u8; 8] = *b"vectors1";
/// A segment of more rows is not made larger.
pub(super) const MOST_ROWS: usize = 1 << 17;

/// What the files hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Stamp {
    /// How often rows had been taken away from the store.
    pub generation: i64,
    /// The last row of the store that is in the files.
    pub last: i64,
    /// Hash of the text of that row: tells another store with the same numbers apart.
    pub last_hash: [u8; 16],
}

#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Head {
    stamp: Stamp,
    dimensions: u64,
}

/// Where the files of one model are.
#[derive(Debug, Clone)]
pub struct Files {
    folder: PathBuf,
    name: String,
}

impl Files {
    /// Files in `folder` for the model with this digest.
    pub fn new(folder: &Path, digest: &str) -> Self {
        let name = digest.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        Self { folder: folder.to_owned(), name }
    }

    fn manifest(&self) -> PathBuf {
        self.folder.join(format!("vectors-{}", self.name))
    }

    pub(super) fn segment(&self, number: u64) -> PathBuf {
        self.folder.join(format!("vectors-{}-{number}", self.name))
    }

    /// The stamp and the numbers of the segments; `None` when there is no index yet.
    ///
    /// # Errors
    /// `InvalidData` when the manifest is damaged or of vectors of another length; any other I/O error.
    pub(super) fn load(&self, dimensions: usize) -> io::Result<Option<(Stamp, Vec<u64>)>> {
        let manifest = match Snapshot::open(&self.manifest(), TAG) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "the manifest is of another index");
        let head = Head::read_from_bytes(manifest.section(0)?).map_err(|_| wrong())?;
        if head.dimensions != dimensions as u64 {
            return Err(wrong());
        }
        let numbers = manifest.section(1)?.as_chunks::<8>().0.iter().map(|bytes| u64::from_ne_bytes(*bytes));
        Ok(Some((head.stamp, numbers.collect())))
    }

    /// A number that no segment has, also none that somebody may still map.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub(super) fn next_number(&self) -> io::Result<u64> {
        create_private_folder(&self.folder)?;
        Ok(self.segments()?.into_iter().map(|(number, _)| number + 1).max().unwrap_or(1))
    }

    /// Makes these segments the index, and removes the others.
    ///
    /// # Errors
    /// Any I/O error; the index is then the old one.
    pub(super) fn publish(&self, stamp: Stamp, dimensions: usize, segments: &[u64]) -> io::Result<()> {
        let head = Head { stamp, dimensions: dimensions as u64 };
        Snapshot::write(&self.manifest(), TAG, &[head.as_bytes(), segments.as_bytes()])?;
        for (number, path) in self.segments()? {
            if !segments.contains(&number) {
                // A system that refuses to remove what is mapped is asked again the next time.
                let _ = std::fs::remove_file(path);
            }
        }
        self.sweep()
    }

    /// Removes what writers left that were killed: who holds the lock is the only one who writes here.
    fn sweep(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            if name.starts_with('.') && name.ends_with(".tmp") {
                let _ = std::fs::remove_file(&path);
            }
        }
        Ok(())
    }

    /// Removes everything, for example because it is damaged.
    ///
    /// # Errors
    /// When a file is there and stays.
    pub fn remove(&self) -> io::Result<()> {
        let remove = |path: &Path| match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        remove(&self.manifest())?;
        self.segments()?.into_iter().try_for_each(|(_, path)| remove(&path))
    }

    fn segments(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let start = format!("vectors-{}-", self.name);
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(&start)?.parse().ok());
            found.extend(number.map(|number| (number, entry.path())));
        }
        Ok(found)
    }
}

//! Index files: segments of quantised rows, and a manifest that names them. A cache of the store.
//!
//! Segments are never changed: new rows make a new segment, which absorbs the ones before it as long as they are not
//! much larger, so that a row is written a few times and there are never many segments. The manifest is replaced as the
//! last step; a process that still maps older segments keeps them until it reads the manifest again. The writer holds
//! the lock of the caller.

use std::io;
use std::path::{Path, PathBuf};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::disk::{SectionFile, create_private_folder};

const TAG: [u8; 8] = *b"vectors1";
/// Largest number of rows that merging may give a segment.
pub(super) const MAX_SEGMENT_ROWS: usize = 1 << 17;

/// State of the store that the index files cover.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IndexStamp {
    /// Deletion counter of the store: grows each time rows are deleted.
    pub generation: i64,
    /// Id of the last row of the store that is in the files.
    pub last: i64,
    /// Hash of the text of that row: distinguishes another store with the same numbers.
    pub last_hash: [u8; 16],
}

#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct ManifestHeader {
    stamp: IndexStamp,
    dimensions: u64,
}

/// Paths of the index files of one embedding model.
#[derive(Debug, Clone)]
pub struct IndexFiles {
    folder: PathBuf,
    name: String,
}

impl IndexFiles {
    /// Names the files in `folder` for the model with this digest.
    pub fn new(folder: &Path, digest: &str) -> Self {
        let name = digest.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        Self { folder: folder.to_owned(), name }
    }

    fn manifest_path(&self) -> PathBuf {
        self.folder.join(format!("vectors-{}", self.name))
    }

    pub(super) fn segment_path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("vectors-{}-{number}", self.name))
    }

    /// Reads the manifest: the stamp and the segment numbers; `None` when there is no index yet.
    ///
    /// # Errors
    /// `InvalidData` when the manifest is damaged or describes vectors of another length; any other I/O error.
    pub(super) fn read_manifest(&self, dimensions: usize) -> io::Result<Option<(IndexStamp, Vec<u64>)>> {
        let manifest = match SectionFile::open(&self.manifest_path(), TAG) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "the manifest belongs to another index");
        let head = ManifestHeader::read_from_bytes(manifest.read_section(0)?).map_err(|_| wrong())?;
        if head.dimensions != dimensions as u64 {
            return Err(wrong());
        }
        let numbers = manifest.read_section(1)?.as_chunks::<8>().0.iter().map(|bytes| u64::from_ne_bytes(*bytes));
        Ok(Some((head.stamp, numbers.collect())))
    }

    /// Returns a segment number that is not in use, not even by a file that another process still maps.
    pub(super) fn next_segment_number(&self) -> io::Result<u64> {
        create_private_folder(&self.folder)?;
        Ok(self.list_segments()?.into_iter().map(|(number, _)| number + 1).max().unwrap_or(1))
    }

    /// Publishes these segments as the index, and deletes the others.
    ///
    /// # Errors
    /// Any I/O error; the index is then the old one.
    pub(super) fn publish_segments(&self, stamp: IndexStamp, dimensions: usize, segments: &[u64]) -> io::Result<()> {
        let head = ManifestHeader { stamp, dimensions: dimensions as u64 };
        SectionFile::write_sections(&self.manifest_path(), TAG, &[head.as_bytes(), segments.as_bytes()])?;
        for (number, path) in self.list_segments()? {
            if !segments.contains(&number) {
                // A system that refuses to delete a mapped file is asked again at the next publication.
                let _ = std::fs::remove_file(path);
            }
        }
        self.remove_temporary_files()
    }

    /// Deletes temporary files of killed writers: only the holder of the lock writes here.
    fn remove_temporary_files(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            if name.starts_with('.') && name.ends_with(".tmp") {
                let _ = std::fs::remove_file(&path);
            }
        }
        Ok(())
    }

    /// Deletes all files of this index, for example because one is damaged.
    ///
    /// # Errors
    /// When a file exists and cannot be deleted.
    pub fn remove_files(&self) -> io::Result<()> {
        let remove = |path: &Path| match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        remove(&self.manifest_path())?;
        self.list_segments()?.into_iter().try_for_each(|(_, path)| remove(&path))
    }

    fn list_segments(&self) -> io::Result<Vec<(u64, PathBuf)>> {
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

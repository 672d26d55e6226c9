//! Memory-mapped files: processes share the pages, and only what is used is read.

use std::io;
use std::path::Path;

use memmap2::Mmap;

/// Maps a file that is never changed or shortened while it is mapped: one that is written under a temporary name and
/// renamed, so that a newer one has another inode.
///
/// # Errors
/// Any I/O error.
pub fn map_file(path: &Path) -> io::Result<Mmap> {
    let file = std::fs::File::open(path)?;
    #[expect(unsafe_code, reason = "a mapping is only sound while nobody shortens the file")]
    // SAFETY: index files are private to their owner and only replaced by renaming; those of the source tree are the
    // developer's own.
    unsafe {
        Mmap::map(&file)
    }
}

//! A file that came with the program, in memory: mapped, so that processes share it and only what is used is read.

use std::io;
use std::path::Path;

use memmap2::Mmap;

/// Maps a file that nobody changes while the program runs.
///
/// # Errors
/// Any I/O error.
pub fn map(path: &Path) -> io::Result<Mmap> {
    let file = std::fs::File::open(path)?;
    #[expect(unsafe_code, reason = "a mapping is only sound while nobody shortens the file")]
    // SAFETY: only for files of the source tree; a newer one is written beside and renamed, so it has another inode.
    unsafe {
        Mmap::map(&file)
    }
}

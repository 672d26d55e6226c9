//! Replacing a file so that a reader or a power cut sees the old or the new content, never a mixture.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes to a temporary file beside `path`, syncs it, renames it over `path` and syncs the folder.
/// The file is readable by its owner only.
///
/// # Errors
/// Any I/O error; `path` is then unchanged and the temporary file removed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_atomic_with(path, &mut |file| file.write_all(bytes))
}

/// As [`write_atomic`], for content that is not in one piece.
#[expect(clippy::disallowed_methods, reason = "the atomic write is made of these calls")]
pub(super) fn write_atomic_with(path: &Path, fill: &mut dyn FnMut(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = (|| {
        let mut file = super::create_private_file(&temporary)?;
        fill(&mut file)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // Best effort: the first error is the one that matters.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    sync_folder(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows flushes directory entries with the file and cannot open a folder like a file.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_atomic(&folder.path().join("missing/b"), b"x").is_err());
    }
}

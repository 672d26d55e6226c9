//! Temporary folders below one root: each is deleted with its holder; what a killed holder left is deleted by the next
//! holder or the next sweep. Does not own the contents.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::private::{create_private_folder, private_options};

/// Temporary folder that is deleted when this is dropped.
#[derive(Debug)]
pub struct ScratchFolder {
    folder: PathBuf,
    /// Lock shared by all holders. A process that gets it exclusively knows that no holder is alive.
    _alive: File,
}

impl ScratchFolder {
    /// Creates the folder `name` below `root`, and deletes what killed holders left there.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn new(root: &Path, name: &str) -> io::Result<Self> {
        let alive = sweep_scratch(root)?;
        // Only a sweep holds it exclusively, and not for long.
        alive.lock_shared()?;
        let folder = root.join(name);
        create_private_folder(root)?;
        create_private_folder(&folder)?;
        Ok(Self { folder, _alive: alive })
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, folder = %self.folder.display(), "failed to remove temporary folder");
        }
    }
}

/// Deletes everything below `root` if no holder is alive. Returns the open lock file.
///
/// # Errors
/// Any I/O error.
pub fn sweep_scratch(root: &Path) -> io::Result<File> {
    let lock = root.with_extension("lock");
    if let Some(parent) = lock.parent() {
        create_private_folder(parent)?;
    }
    let file = private_options().truncate(false).open(lock)?;
    match file.try_lock() {
        Ok(()) => {
            let removed = fs::remove_dir_all(root);
            file.unlock()?;
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(file),
            }
        }
        Err(TryLockError::WouldBlock) => Ok(file),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_holder_and_what_the_dead_left_with_the_next() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("fetched");
        fs::create_dir_all(root.join("left")).unwrap();
        let first = ScratchFolder::new(&root, "first").unwrap();
        assert!(!root.join("left").exists());
        create_private_folder(&first.path().join("text")).unwrap();
        let second = ScratchFolder::new(&root, "second").unwrap();
        sweep_scratch(&root).unwrap();
        assert!(first.path().join("text").exists(), "its holder lives");
        drop(first);
        assert!(!root.join("first").exists() && second.path().exists());
        drop(second);
        fs::create_dir_all(root.join("left")).unwrap();
        sweep_scratch(&root).unwrap();
        assert!(!root.exists());
    }
}

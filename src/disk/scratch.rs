//! Folders for the moment below one root: each goes with its holder, and what a killed holder left goes with the next one or the
//! next sweep. Does not own what lies in them.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::private::{create_private_folder, private_options};

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    /// Shared by all holders. Who can have it alone knows that no holder is alive.
    _alive: File,
}

impl Scratch {
    /// Makes the folder `name` below `root`, and removes what killed holders left there.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn new(root: &Path, name: &str) -> io::Result<Self> {
        let alive = sweep(root)?;
        // Only a sweep holds it alone, and not for long.
        alive.lock_shared()?;
        let folder = root.join(name);
        create_private_folder(root)?;
        create_private_folder(&folder)?;
        Ok(Self { folder, _alive: alive })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, folder = %self.folder.display(), "a folder for the moment was not removed");
        }
    }
}

/// Removes what lies below `root` if none of its holders is alive. Returns the file by whose lock they tell.
///
/// # Errors
/// Any I/O error.
pub fn sweep(root: &Path) -> io::Result<File> {
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
        let first = Scratch::new(&root, "first").unwrap();
        assert!(!root.join("left").exists());
        create_private_folder(&first.path().join("text")).unwrap();
        let second = Scratch::new(&root, "second").unwrap();
        sweep(&root).unwrap();
        assert!(first.path().join("text").exists(), "its holder lives");
        drop(first);
        assert!(!root.join("first").exists() && second.path().exists());
        drop(second);
        fs::create_dir_all(root.join("left")).unwrap();
        sweep(&root).unwrap();
        assert!(!root.exists());
    }
}

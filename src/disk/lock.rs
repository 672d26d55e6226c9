//! Lock between processes that the operating system releases when its holder dies. The file contains the holder's
//! process id.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;

/// Held lock; dropping it releases the lock.
#[derive(Debug)]
pub struct LockGuard {
    file: File,
}

/// Result of trying to acquire a lock.
#[derive(Debug)]
pub enum FileLock {
    /// Held by this process.
    Held(LockGuard),
    /// Held by another process; its process id if it could be read.
    Taken(Option<u32>),
}

impl FileLock {
    /// Tries to acquire the lock at `path` without waiting.
    ///
    /// # Errors
    /// Any I/O error; a lock that another process holds is none.
    pub fn try_acquire(path: &Path) -> io::Result<Self> {
        let file = open_lock_file(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self::Held(LockGuard::write_owner(file)?)),
            Err(TryLockError::WouldBlock) => {
                // On Windows a locked region cannot be read; then the owner stays unknown.
                let owner = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
                Ok(Self::Taken(owner))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl LockGuard {
    /// Acquires the lock at `path`, waiting until no other process holds it.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn acquire_blocking(path: &Path) -> io::Result<Self> {
        let file = open_lock_file(path)?;
        file.lock()?;
        Self::write_owner(file)
    }

    /// Writes the id of this process into a locked file.
    fn write_owner(mut file: File) -> io::Result<Self> {
        file.set_len(0)?;
        write!(file, "{}", std::process::id())?;
        Ok(Self { file })
    }
}

fn open_lock_file(path: &Path) -> io::Result<File> {
    super::private::private_options().truncate(false).open(path)
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        // The operating system releases it with the handle anyway.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = FileLock::try_acquire(&path).unwrap();
        assert!(matches!(held, FileLock::Held(_)));
        assert!(
            matches!(FileLock::try_acquire(&path).unwrap(), FileLock::Taken(Some(pid)) if pid == std::process::id())
        );
        drop(held);
        assert!(matches!(FileLock::try_acquire(&path).unwrap(), FileLock::Held(_)));
    }
}

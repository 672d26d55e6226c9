//! A lock between processes that the operating system releases when its holder dies. The file says who holds it.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;

/// A held lock; dropping it releases it.
#[derive(Debug)]
pub struct Held {
    file: File,
}

/// The outcome of trying to take a lock.
#[derive(Debug)]
pub enum Lock {
    /// It is ours.
    Held(Held),
    /// Another process has it; its process id if it could be read.
    Taken(Option<u32>),
}

impl Lock {
    /// Tries to take the lock at `path` without waiting.
    ///
    /// # Errors
    /// Any I/O error other than the lock being taken.
    pub fn try_take(path: &Path) -> io::Result<Self> {
        let mut file = super::private::private_options().truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                write!(file, "{}", std::process::id())?;
                Ok(Self::Held(Held { file }))
            }
            Err(TryLockError::WouldBlock) => {
                // On Windows a locked region cannot be read; then the owner stays unknown.
                let owner = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
                Ok(Self::Taken(owner))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Held {
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
        let held = Lock::try_take(&path).unwrap();
        assert!(matches!(held, Lock::Held(_)));
        assert!(matches!(Lock::try_take(&path).unwrap(), Lock::Taken(Some(pid)) if pid == std::process::id()));
        drop(held);
        assert!(matches!(Lock::try_take(&path).unwrap(), Lock::Held(_)));
    }
}

//! Atomic file replacement: a reader or a power cut sees the old or the new content, never a mixture.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes to a temporary file beside `path`, syncs it, renames it over `path` and syncs the folder. Only the owner can
/// read the file.
///
/// # Errors
/// Any I/O error; `path` is then unchanged and the temporary file removed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_atomic_with(path, &mut |file| file.write_all(bytes))
}

/// Variant of [`write_atomic`] for content that `fill` writes in several pieces.
#[expect(clippy::disallowed_methods, reason = "the atomic write is made of these calls")]
pub(super) fn write_atomic_with(path: &Path, fill: &mut dyn FnMut(&mut File) -> io::Result<()>) -> io::Result<()> {
    let temporary = temporary_path(path);
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
    sync_folder(parent_folder(path))
}

/// Variant of [`write_atomic`] that never replaces an existing file, not even one that another process creates at the
/// same moment. Returns true if this call created the file.
///
/// # Errors
/// Any other I/O error.
pub fn create_atomic(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let temporary = temporary_path(path);
    let written = (|| {
        let mut file = super::create_private_file(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::hard_link(&temporary, path)
    })();
    // Best effort: the temporary name is only a second name of the file, or does not exist.
    let _ = fs::remove_file(&temporary);
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
        Ok(()) => sync_folder(parent_folder(path)).map(|()| true),
    }
}

/// Renames a finished, synced file or folder to `path` and syncs the folder around it. Both are on one file system.
///
/// # Errors
/// Any I/O error; nothing is at `path` then.
pub fn publish_path(finished: &Path, path: &Path) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the last step of an atomic write")]
    fs::rename(finished, path)?;
    sync_folder(parent_folder(path))
}

/// Swaps two folders in one step where the system can; else in three renames, between which `to` is missing.
///
/// # Errors
/// Any I/O error; both are then where they were. If only the last of three renames fails, `from` is at `to` and the old
/// folder has a temporary name beside it.
pub fn swap_folders(from: &Path, to: &Path) -> io::Result<()> {
    if exchange_paths(from, to)? {
        return Ok(());
    }
    let aside = temporary_path(to);
    #[expect(clippy::disallowed_methods, reason = "folders change places by their names")]
    let rename = |from: &Path, to: &Path| fs::rename(from, to);
    rename(to, &aside)?;
    if let Err(error) = rename(from, to) {
        rename(&aside, to)?;
        return Err(error);
    }
    rename(&aside, from)
}

/// Swaps two paths with `renameat2(2)`; `false` where the system or the file system does not support it.
#[cfg(target_os = "linux")]
fn exchange_paths(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (super::folder_check::c_path(one)?, super::folder_check::c_path(other)?);
    #[expect(unsafe_code, reason = "a call into the C library")]
    // SAFETY: both names end with a zero and live as long as the call.
    let code = unsafe {
        let (here, exchange) = (libc::AT_FDCWD, libc::RENAME_EXCHANGE);
        libc::syscall(libc::SYS_renameat2, here, one.as_ptr(), here, other.as_ptr(), exchange)
    };
    if code == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EINVAL | libc::ENOSYS) => Ok(false),
        _ => Err(error),
    }
}

#[cfg(not(target_os = "linux"))]
fn exchange_paths(_one: &Path, _other: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Syncs the folder around `path`, so that a new name survives a power cut.
///
/// # Errors
/// Any I/O error.
pub fn sync_parent_folder(path: &Path) -> io::Result<()> {
    sync_folder(parent_folder(path))
}

fn parent_folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns a temporary path beside `path` that no other process and no other thread uses.
fn temporary_path(path: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let (name, number) = (path.file_name().unwrap_or_default(), NUMBER.fetch_add(1, Ordering::Relaxed));
    parent_folder(path).join(format!(".{}.{}-{number}.tmp", name.to_string_lossy(), std::process::id()))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Does nothing: Windows flushes directory entries with the file and cannot open a folder like a file.
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

    #[test]
    fn of_many_who_create_one_wins_and_all_see_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let created = &|number: u8| create_atomic(&path, &[number; 32]).unwrap();
        let winners: Vec<bool> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || created(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(winners.iter().filter(|won| **won).count(), 1);
        let winner = u8::try_from(winners.iter().position(|won| *won).unwrap()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), [winner; 32]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

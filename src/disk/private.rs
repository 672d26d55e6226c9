//! Folders and files that only their owner can read: sessions contain secrets.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a folder and its missing parents, each with mode 0700: a parent may be the data folder itself.
///
/// # Errors
/// Any I/O error.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Identity of the file at a path; a file that replaces it under the same name has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId {
    device: u64,
    number: u64,
}

impl FileId {
    /// Reads the identity of the file at `path`.
    ///
    /// # Errors
    /// Any I/O error, also when there is no file.
    #[cfg(unix)]
    pub fn of_path(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;
        fs::metadata(path).map(|data| Self { device: data.dev(), number: data.ino() })
    }

    /// Returns one identity for every existing file: elsewhere an open file cannot be removed or replaced.
    ///
    /// # Errors
    /// Any I/O error, also when there is no file.
    #[cfg(not(unix))]
    pub fn of_path(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|_| Self { device: 0, number: 0 })
    }
}

/// Opens a file for reading and writing, creating it with mode 0600; an existing one is emptied.
///
/// # Errors
/// Any I/O error.
pub fn create_private_file(path: &Path) -> io::Result<File> {
    private_options().truncate(true).open(path)
}

/// Opens a file for writing at its end, creating it with mode 0600.
///
/// # Errors
/// Any I/O error.
pub fn open_private_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub(super) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_owner_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("x/y");
        create_private_folder(&inner).unwrap();
        create_private_folder(&inner).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&inner), mode(inner.parent().unwrap())), (0o700, 0o700));
        drop(create_private_file(&inner.join("f")).unwrap());
        assert_eq!(mode(&inner.join("f")), 0o600);
    }

    #[test]
    fn another_file_under_the_same_name_is_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        // Held open, so that its number is not given to the next file.
        let _open = create_private_file(&path).unwrap();
        let first = FileId::of_path(&path).unwrap();
        assert_eq!(FileId::of_path(&path).unwrap(), first);
        fs::remove_file(&path).unwrap();
        assert!(FileId::of_path(&path).is_err());
        drop(create_private_file(&path).unwrap());
        assert_ne!(FileId::of_path(&path).unwrap(), first);
    }
}

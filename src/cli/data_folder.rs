//! Findings about the data folder that every command reports: what other users may do with it, and a database that lies
//! elsewhere. Changes nothing.

use std::path::{Path, PathBuf};

use crate::config::Paths;

/// Endings of the files of the database.
const DATABASE_FILES: [&str; 3] = ["", "-wal", "-shm"];

/// Returns a warning for each thing about the data folder that the user should know before anything is written to it.
pub(super) fn describe_risks(paths: &Paths) -> Vec<String> {
    let mut risks: Vec<String> = linked_database_files(paths)
        .into_iter()
        .map(|(path, target)| format!("{} is a link to {}, where the memory is kept", path.display(), target.display()))
        .collect();
    if let Some(mode) = open_mode(paths.home()) {
        risks.push(format!(
            "other users can change what is in the data folder {} (mode {mode:04o}); `claude-memory doctor --fix` closes it",
            paths.home().display()
        ));
    }
    risks
}

/// Returns the files of the database that are links, each with its target.
pub(super) fn linked_database_files(paths: &Paths) -> Vec<(PathBuf, PathBuf)> {
    let named = DATABASE_FILES.iter().map(|ending| {
        let mut name = paths.database_file().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    });
    named.filter_map(|path| std::fs::read_link(&path).ok().map(|target| (path, target))).collect()
}

/// Returns the mode of a folder in which other users can create and replace files.
#[cfg(unix)]
fn open_mode(folder: &Path) -> Option<u32> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(folder).ok()?.permissions()) & 0o7777;
    (mode & 0o022 != 0).then_some(mode)
}

/// Returns `None`: on Windows the profile folder is private to its user.
#[cfg(not(unix))]
fn open_mode(_folder: &Path) -> Option<u32> {
    None
}

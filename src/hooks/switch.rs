//! Switches the hooks off for one session or one project: an empty file each, so that a check costs nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::config::Paths;
use crate::disk::{self, checkout};
use crate::domain::hash::to_hex;
use crate::domain::{ContentHash, Timestamp};

/// Session or project that the hooks are turned off for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SwitchScope {
    /// One session, by its id.
    Session(String),
    /// A project with all its worktrees, by one of its folders.
    Project(PathBuf),
}

impl SwitchScope {
    fn switch_file(&self, paths: &Paths) -> PathBuf {
        let (kind, name) = match self {
            Self::Session(id) => ("session", id.clone()),
            Self::Project(folder) => ("project", checkout::identify_project(folder).key),
        };
        paths.hooks_off_folder().join(format!("{kind}-{}", to_hex(&ContentHash::of_text(&name).0)))
    }

    /// Turns the hooks off or on again.
    pub fn set_off(&self, paths: &Paths, off: bool) -> io::Result<()> {
        let file = self.switch_file(paths);
        if off {
            disk::create_private_folder(&paths.hooks_off_folder())?;
            return disk::create_private_file(&file).map(drop);
        }
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns true if the hooks are off for this scope.
    pub fn is_off(&self, paths: &Paths) -> bool {
        self.switch_file(paths).exists()
    }
}

/// Marks a session as excluded from capture, or removes the mark.
///
/// A later catch-up cannot know otherwise that the hooks were off while the session ran. Without a data folder nothing
/// is marked.
pub(super) fn mark_excluded(paths: &Paths, session: &str, out: bool) {
    let file = exclusion_file(paths, session);
    if out == file.exists() || !paths.home().is_dir() {
        return;
    }
    let done = if out {
        disk::create_private_folder(&paths.hooks_off_folder()).and_then(|()| disk::create_private_file(&file).map(drop))
    } else {
        std::fs::remove_file(&file)
    };
    if let Err(error) = done {
        tracing::debug!(%error, "failed to mark a session as excluded from capture");
    }
}

/// Returns whether a session is excluded from capture.
pub(super) fn is_excluded(paths: &Paths, session: &str) -> bool {
    paths.hooks_off_folder().is_dir()
        && (exclusion_file(paths, session).exists() || SwitchScope::Session(session.to_owned()).is_off(paths))
}

/// Removes the marks of sessions whose transcripts Claude Code has deleted by now.
pub(super) fn remove_old_marks(paths: &Paths, now: Timestamp) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.to_milliseconds()).unwrap_or(0));
    for entry in std::fs::read_dir(paths.hooks_off_folder()).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| now.duration_since(at).ok());
        if entry.file_name().to_string_lossy().starts_with(EXCLUDED_PREFIX) && age.is_some_and(|age| age > MARK_MAX_AGE)
        {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Prefix of the file names of such marks. They are kept longer than transcripts by default.
const EXCLUDED_PREFIX: &str = "left-out-";
const MARK_MAX_AGE: Duration = Duration::from_hours(90 * 24);

fn exclusion_file(paths: &Paths, session: &str) -> PathBuf {
    paths.hooks_off_folder().join(format!("{EXCLUDED_PREFIX}{}", to_hex(&ContentHash::of_text(session).0)))
}

/// Returns true if the hooks are off for a session or its project.
pub(super) fn is_off(paths: &Paths, session: Option<&str>, folder: Option<&Path>) -> bool {
    paths.hooks_off_folder().is_dir()
        && (session.is_some_and(|id| SwitchScope::Session(id.to_owned()).is_off(paths))
            || folder.is_some_and(|folder| SwitchScope::Project(folder.to_owned()).is_off(paths)))
}

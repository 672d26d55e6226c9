//! Turning the hooks off for one session or one project: an empty file each, so that looking costs nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::config::Paths;
use crate::disk::{self, checkout};
use crate::domain::hash::hex;
use crate::domain::{ContentHash, Timestamp};

/// What the hooks are turned off for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One session, by its id.
    Session(String),
    /// A project with all its worktrees, by one of its folders.
    Project(PathBuf),
}

impl Scope {
    fn file(&self, paths: &Paths) -> PathBuf {
        let (kind, name) = match self {
            Self::Session(id) => ("session", id.clone()),
            Self::Project(folder) => ("project", checkout::identify(folder).key),
        };
        paths.hooks_off().join(format!("{kind}-{}", hex(&ContentHash::of(&name).0)))
    }

    /// Turns the hooks off or on again.
    ///
    /// # Errors
    /// When the data folder cannot be written.
    pub fn set(&self, paths: &Paths, off: bool) -> io::Result<()> {
        let file = self.file(paths);
        if off {
            disk::create_private_folder(&paths.hooks_off())?;
            return disk::create_private_file(&file).map(drop);
        }
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether they are off.
    pub fn is_off(&self, paths: &Paths) -> bool {
        self.file(paths).exists()
    }
}

/// Notes that a session was not to be captured, or takes the note away: whoever catches up with it later cannot know what was
/// switched off when it ran. Where there is no memory there is nothing to note.
pub(super) fn leave_out(paths: &Paths, session: &str, out: bool) {
    let file = left_out(paths, session);
    if out == file.exists() || !paths.home().is_dir() {
        return;
    }
    let done = if out {
        disk::create_private_folder(&paths.hooks_off()).and_then(|()| disk::create_private_file(&file).map(drop))
    } else {
        std::fs::remove_file(&file)
    };
    if let Err(error) = done {
        tracing::debug!(%error, "failed to note that a session is not captured");
    }
}

/// Returns whether a session was not to be captured.
pub(super) fn is_left_out(paths: &Paths, session: &str) -> bool {
    paths.hooks_off().is_dir()
        && (left_out(paths, session).exists() || Scope::Session(session.to_owned()).is_off(paths))
}

/// Removes the notes of sessions whose transcripts Claude Code has deleted by now.
pub(super) fn remove_old(paths: &Paths, now: Timestamp) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.milliseconds()).unwrap_or(0));
    for entry in std::fs::read_dir(paths.hooks_off()).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| now.duration_since(at).ok());
        if entry.file_name().to_string_lossy().starts_with(LEFT_OUT) && age.is_some_and(|age| age > NOTES_KEPT) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// How the names of such notes begin, and how long they are kept: longer than transcripts by default.
const LEFT_OUT: &str = "left-out-";
const NOTES_KEPT: Duration = Duration::from_hours(90 * 24);

fn left_out(paths: &Paths, session: &str) -> PathBuf {
    paths.hooks_off().join(format!("{LEFT_OUT}{}", hex(&ContentHash::of(session).0)))
}

/// Whether the hooks are off for a session or its project.
pub(super) fn is_off(paths: &Paths, session: Option<&str>, folder: Option<&Path>) -> bool {
    paths.hooks_off().is_dir()
        && (session.is_some_and(|id| Scope::Session(id.to_owned()).is_off(paths))
            || folder.is_some_and(|folder| Scope::Project(folder.to_owned()).is_off(paths)))
}

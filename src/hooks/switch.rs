//! Turning the hooks off for one session or one project: an empty file each, so that looking costs nothing.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::Paths;
use crate::disk::{self, checkout};
use crate::domain::ContentHash;
use crate::domain::hash::hex;

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

/// Whether the hooks are off for a session or its project.
pub(super) fn is_off(paths: &Paths, session: Option<&str>, folder: Option<&Path>) -> bool {
    paths.hooks_off().is_dir()
        && (session.is_some_and(|id| Scope::Session(id.to_owned()).is_off(paths))
            || folder.is_some_and(|folder| Scope::Project(folder.to_owned()).is_off(paths)))
}

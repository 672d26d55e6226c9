//! A repository opened for reading: its folders, and a git folder of our own through which git sees its objects.
//!
//! Git runs in a folder that holds nothing but the name of the last commit and a pointer to the objects. So neither the
//! configuration of the repository nor its hooks, attributes of the folder, or a pending fetch of missing objects can
//! act, whatever git learns to read from a configuration in future.

use std::fs;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

use super::commit_head::CommitHead;
use super::error::{Error, Result};
use super::git::GitCommand;
use crate::disk::{ScratchFolder, create_private_file, read_foreign_text};

/// Bytes of what git says about a repository.
const MAX_FACT_BYTES: u64 = 64 << 10;

/// Folder below which git folders of our own are made, and the name of this one.
#[derive(Debug, Clone)]
pub struct ScratchRoot {
    /// Folder of all of them.
    pub root: PathBuf,
    /// A name that no other process uses.
    pub name: String,
}

/// A repository that is open for reading.
#[derive(Debug)]
pub struct Repository {
    /// Top folder of the checkout; `None` for a bare repository.
    top: Option<PathBuf>,
    common: PathBuf,
    index: PathBuf,
    head: String,
    is_shallow: bool,
    scratch: ScratchFolder,
}

impl Repository {
    /// Opens the repository that a folder lies in.
    ///
    /// # Errors
    /// [`Error::NoGit`], [`Error::NoRepository`], [`Error::NoCommit`], or what the system says.
    pub fn open(folder: &Path, scratch: &ScratchRoot) -> Result<Self> {
        let folder = fs::canonicalize(folder).map_err(|_| Error::NoRepository(folder.to_owned()))?;
        // One run of git answers all; the path to the top is printed in a checkout only.
        let questions = [
            "--path-format=absolute",
            "--git-common-dir",
            "--git-path",
            "objects",
            "--git-path",
            "index",
            "--is-shallow-repository",
            "--show-object-format",
            "--is-inside-work-tree",
            "--show-cdup",
            "HEAD^{commit}",
        ];
        let printed = GitCommand::new("rev-parse", &folder).with_arguments(questions).read_all(MAX_FACT_BYTES);
        let printed = printed.map_err(|error| locate_error(error, &folder))?;
        let facts: Vec<String> = String::from_utf8_lossy(&printed).lines().map(str::to_owned).collect();
        let [common, objects, index, shallow, format, _, up @ .., head] = facts.as_slice() else {
            return Err(Error::NoRepository(folder));
        };
        let top = up.first().map(|up| fs::canonicalize(folder.join(up)).unwrap_or_else(|_| folder.join(up)));
        let place = ScratchFolder::new(&scratch.root, &scratch.name).map_err(|error| write_error(&error))?;
        let made = write_view(place.path(), Path::new(objects), Path::new(common), format, head);
        made.map_err(|error| write_error(&error))?;
        Ok(Self {
            top,
            common: PathBuf::from(common),
            index: PathBuf::from(index),
            head: head.clone(),
            is_shallow: shallow == "true",
            scratch: place,
        })
    }

    /// Returns the git folder that all worktrees share, which identifies the repository.
    pub fn common_folder(&self) -> &Path {
        &self.common
    }

    /// Returns the id of the last commit.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Returns true if older commits are missing on purpose.
    pub const fn is_shallow(&self) -> bool {
        self.is_shallow
    }

    /// Returns true for a commit at the edge of a shallow clone: its patch is the whole tree, not what it changed.
    pub const fn is_boundary(&self, head: &CommitHead) -> bool {
        self.is_shallow && head.parents.is_empty()
    }

    /// Returns the top folder of the checkout; `None` for a bare repository.
    pub fn work_tree(&self) -> Option<&Path> {
        self.top.as_deref()
    }

    pub(super) fn index_file(&self) -> &Path {
        &self.index
    }

    /// Returns the path of a file inside the repository, with slashes. A relative one starts in `folder`; in a bare
    /// repository it starts at the top.
    ///
    /// # Errors
    /// [`Error::Outside`].
    pub fn relative_path(&self, file: &Path, folder: &Path) -> Result<String> {
        let Some(top) = &self.top else { return Ok(join_components(file.strip_prefix(folder).unwrap_or(file))) };
        let outside = || Error::Outside { path: file.to_owned(), top: top.clone() };
        let full = normalize(&folder.join(file)).ok_or_else(outside)?;
        // The file may be deleted, and a link in its folder may lead elsewhere.
        let parent = full.parent().and_then(|parent| fs::canonicalize(parent).ok());
        let real = match (parent, full.file_name()) {
            (Some(parent), Some(name)) => parent.join(name),
            _ => full.clone(),
        };
        let top_real = fs::canonicalize(top).unwrap_or_else(|_| top.clone());
        let inside = real.strip_prefix(&top_real).or_else(|_| full.strip_prefix(top)).map_err(|_| outside())?;
        Ok(join_components(inside))
    }

    /// Prepares a command that sees the objects and, if there is one, the work tree.
    pub(super) fn command(&self, name: &'static str) -> GitCommand {
        let folder = self.top.as_deref().unwrap_or_else(|| self.scratch.path());
        GitCommand::new(name, folder).with_folders(self.scratch.path(), self.top.as_deref())
    }

    /// Returns the names of all refs with the ids they stand for.
    ///
    /// # Errors
    /// Errors of git.
    pub fn list_refs(&self) -> Result<Vec<(String, String)>> {
        let command = GitCommand::new("for-each-ref", self.scratch.path()).with_folders(&self.common, None);
        let bytes = command.with_arguments(["--format=%(objectname) %(refname)"]).read_all(256 << 20)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let pair = |line: &str| line.split_once(' ').map(|(id, name)| (name.to_owned(), id.to_owned()));
        Ok(text.lines().filter_map(pair).collect())
    }

    /// Returns the id of the commit that a name stands for: the name of a ref, or the beginning of an id.
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`].
    pub fn resolve_commit(&self, name: &str) -> Result<String> {
        // The common folder does not know which commit this worktree has checked out.
        let name_here = match name.strip_prefix("HEAD") {
            Some(rest) => format!("{}{rest}", self.head),
            None => name.to_owned(),
        };
        let wanted = format!("{name_here}^{{commit}}");
        let command = GitCommand::new("rev-parse", self.scratch.path()).with_folders(&self.common, None);
        let command = command.with_arguments(["--verify", "--quiet", "--end-of-options", wanted.as_str()]);
        let printed = command.read_all(MAX_FACT_BYTES).map_err(|_| Error::NoSuchCommit(name.to_owned()))?;
        Ok(String::from_utf8_lossy(&printed).trim().to_owned())
    }
}

/// Writes a git folder without configuration that reads the objects of another.
fn write_view(view: &Path, objects: &Path, common: &Path, format: &str, head: &str) -> std::io::Result<()> {
    for folder in ["objects/info", "refs"] {
        fs::create_dir_all(view.join(folder))?;
    }
    let version = i32::from(format == "sha256");
    let mut config = format!("[core]\n\trepositoryformatversion = {version}\n\tbare = true\n");
    if version == 1 {
        config.push_str("[extensions]\n\tobjectFormat = sha256\n");
    }
    write_file(&view.join("config"), config.as_bytes())?;
    write_file(&view.join("HEAD"), format!("{head}\n").as_bytes())?;
    let mut pointer = objects.as_os_str().as_encoded_bytes().to_vec();
    if pointer.iter().any(|byte| matches!(byte, b'\n' | b'"' | b'#')) {
        return Err(std::io::Error::other("its path has characters that git cannot refer to"));
    }
    pointer.push(b'\n');
    write_file(&view.join("objects/info/alternates"), &pointer)?;
    // Where the history of a shallow clone ends.
    if let Ok(bytes) = read_foreign_text(&common.join("shallow"), 64 << 20) {
        write_file(&view.join("shallow"), bytes.as_bytes())?;
    }
    Ok(())
}

/// Writes a file of the view. It is not synced: nothing reads it after this process.
fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    create_private_file(path)?.write_all(bytes)
}

fn locate_error(error: Error, folder: &Path) -> Error {
    match error {
        Error::NoRepository(_) => Error::NoRepository(folder.to_owned()),
        Error::Failed { message, .. } if message.contains("HEAD") => Error::NoCommit,
        other => other,
    }
}

fn write_error(error: &std::io::Error) -> Error {
    Error::Failed { command: "rev-parse", message: format!("cannot prepare a folder for git: {error}") }
}

/// Resolves `.` and `..` without looking at the disk. `None` above the root.
fn normalize(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if !normal.pop() {
                    return None;
                }
            }
            other => normal.push(other),
        }
    }
    Some(normal)
}

fn join_components(path: &Path) -> String {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    names.collect::<Vec<_>>().join("/")
}

//! Identity of the project of a working directory: all worktrees of a repository are one project.
//!
//! Owns the reading of `.git`. Runs no program: git need not be installed, and a hostile repository must not be able to
//! make us execute anything.

use std::fs;
use std::path::{Path, PathBuf};

use super::foreign::{read_foreign_text, read_unlinked_text};
use crate::domain::directory::{directory_key, directory_name, windows_path};
use crate::domain::limits;

/// Bytes that are read of a file in a checkout.
const MAX_BYTES: u64 = limits::CHECKOUT_BYTES as u64;

/// Identity of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectIdentity {
    /// Key of the project, equal for all its worktrees: the common git folder, else the directory itself.
    pub key: String,
    /// Short display name.
    pub name: String,
    /// Root folder; a Windows path in its usual spelling (`C:\work\shop`).
    pub root: String,
    /// URL of the remote `origin` without credentials, if there is one.
    pub remote: Option<String>,
}

/// Identifies the project of `directory`. A directory that does not exist on this machine stands for itself, whichever
/// system it is from. So does a name that is no path: it does not depend on the working directory of this process.
pub fn identify_project(directory: &Path) -> ProjectIdentity {
    if directory.is_relative() {
        return standalone_project(&directory.display().to_string());
    }
    let real = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    let git = real.ancestors().find_map(|folder| common_git_folder(folder).map(|git| (folder.to_owned(), git)));
    let Some((_, git)) = git else { return standalone_project(&real.display().to_string()) };
    // The common folder of an ordinary repository is `<root>/.git`; a bare one is the root itself.
    let root = if git.file_name().is_some_and(|name| name == ".git") { git.parent().unwrap_or(&git) } else { &git };
    let root = root.display().to_string();
    ProjectIdentity {
        key: directory_key(&git.display().to_string()),
        name: directory_name(&root).to_owned(),
        root: windows_path(&root).unwrap_or_else(|| root.clone()),
        remote: origin_url(&git),
    }
}

/// Returns true if a path lies in a checkout of a repository, whether the path exists or not.
pub fn is_in_checkout(path: &Path) -> bool {
    let existing = path.ancestors().find_map(|folder| fs::canonicalize(folder).ok());
    existing.is_some_and(|real| real.ancestors().any(|folder| fs::symlink_metadata(folder.join(".git")).is_ok()))
}

/// Identifies a directory that belongs to no repository. On Windows one directory has many spellings.
fn standalone_project(directory: &str) -> ProjectIdentity {
    ProjectIdentity {
        key: directory_key(directory),
        name: directory_name(directory).to_owned(),
        root: windows_path(directory).unwrap_or_else(|| directory.to_owned()),
        remote: None,
    }
}

/// Returns the git folder that all worktrees share, if `folder` is the top of a checkout.
fn common_git_folder(folder: &Path) -> Option<PathBuf> {
    let dot_git = folder.join(".git");
    if dot_git.is_dir() {
        return Some(dot_git);
    }
    // A worktree has a file, `gitdir: /repo/.git/worktrees/name`, and that folder names the common one.
    let text = read_unlinked_text(&dot_git, MAX_BYTES).ok()?;
    let private = folder.join(text.strip_prefix("gitdir:")?.trim());
    let common = read_unlinked_text(&private.join("commondir"), MAX_BYTES)
        .map_or_else(|_| private.clone(), |common| private.join(common.trim()));
    Some(fs::canonicalize(&common).unwrap_or(common))
}

fn origin_url(git: &Path) -> Option<String> {
    // Some tools share one configuration between checkouts with a link.
    let config = read_foreign_text(&git.join("config"), MAX_BYTES).ok()?;
    let mut inside = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[remote \"origin\"]";
        } else if inside
            && let Some(url) = line.strip_prefix("url").and_then(|rest| rest.trim_start().strip_prefix('='))
        {
            return Some(strip_credentials(url.trim()));
        }
    }
    None
}

fn strip_credentials(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => match rest.split_once('@') {
            Some((user, host)) if !user.contains('/') => format!("{scheme}://{host}"),
            _ => url.to_owned(),
        },
        None => url.to_owned(),
    }
}

/// Normalises a remote URL to `host/owner/name`, equal for every protocol. `None` for a local path.
pub fn remote_identity(url: &str) -> Option<String> {
    let rest = match url.split_once("://") {
        Some(("file", _)) => return None,
        Some((_, rest)) => rest.to_owned(),
        // git@host:owner/name, but not C:\\folder or a path.
        None => {
            let (host, path) = url.split_once(':')?;
            let is_host = host.len() > 1 && !host.contains(['/', '\\']);
            is_host.then(|| format!("{host}/{path}"))?
        }
    };
    let rest = rest.rsplit_once('@').map_or(rest.as_str(), |(_, host)| host);
    let (host, path) = rest.split_once('/')?;
    let host = host.split(':').next().unwrap_or(host).to_lowercase();
    let path = path.trim_matches('/').trim_end_matches(".git");
    (!host.is_empty() && !path.is_empty()).then(|| format!("{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::write_atomic;

    #[test]
    fn a_remote_is_the_same_whichever_way_it_is_reached() {
        for url in [
            "https://github.com/owner/name.git",
            "git@GitHub.com:owner/name.git",
            "ssh://git@github.com:22/owner/name",
            "https://me@github.com/owner/name/",
        ] {
            assert_eq!(remote_identity(url).as_deref(), Some("github.com/owner/name"), "{url}");
        }
        for local in ["/srv/git/name.git", "../name", "file:///srv/name.git", "C:\\name"] {
            assert_eq!(remote_identity(local), None, "{local}");
        }
    }

    #[test]
    fn worktrees_share_an_identity() {
        let folder = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(folder.path()).unwrap();
        let repo = base.join("repo");
        fs::create_dir_all(repo.join(".git/worktrees/w")).unwrap();
        fs::create_dir_all(repo.join("src")).unwrap();
        fs::create_dir_all(base.join("w")).unwrap();
        write_atomic(&repo.join(".git/config"), b"[remote \"origin\"]\n\turl = https://me:secret@host/x.git\n")
            .unwrap();
        write_atomic(&repo.join(".git/worktrees/w/commondir"), b"../..\n").unwrap();
        let pointer = format!("gitdir: {}\n", repo.join(".git/worktrees/w").display());
        write_atomic(&base.join("w/.git"), pointer.as_bytes()).unwrap();
        let main = identify_project(&repo.join("src"));
        assert_eq!(main.name, "repo");
        assert_eq!(main.remote.as_deref(), Some("https://host/x.git"));
        assert_eq!(identify_project(&base.join("w")), main);
        // Tests are started in a checkout.
        let named = identify_project(Path::new("garden"));
        assert_eq!((named.key.as_str(), named.name.as_str()), ("garden", "garden"));
        let gone = identify_project(Path::new("/no/such/place"));
        assert_eq!((gone.key.as_str(), gone.name.as_str()), ("/no/such/place", "place"));
    }

    #[cfg(unix)]
    #[test]
    fn a_git_entry_that_is_no_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(folder.path()).unwrap();
        let make_fifo = |path: &Path| {
            let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
            assert!(made.success());
        };
        for name in ["fifo", "device", "large"] {
            fs::create_dir(base.join(name)).unwrap();
        }
        make_fifo(&base.join("fifo/.git"));
        std::os::unix::fs::symlink("/dev/zero", base.join("device/.git")).unwrap();
        let large = [b"gitdir: ".as_slice(), &vec![b'x'; limits::CHECKOUT_BYTES]].concat();
        write_atomic(&base.join("large/.git"), &large).unwrap();
        for name in ["fifo", "device", "large"] {
            let project = identify_project(&base.join(name));
            assert_eq!((project.name.as_str(), project.remote), (name, None));
            assert!(is_in_checkout(&base.join(name).join("not/there")), "{name}");
        }
        assert!(!is_in_checkout(&base.join("not/there")));
        // A repository whose configuration is none.
        fs::create_dir_all(base.join("repo/.git")).unwrap();
        make_fifo(&base.join("repo/.git/config"));
        assert_eq!(identify_project(&base.join("repo")).remote, None);
    }

    #[test]
    fn a_windows_directory_is_one_project_in_every_spelling() {
        let one = identify_project(Path::new(r"C:\work\shop"));
        assert_eq!((one.name.as_str(), one.root.as_str()), ("shop", r"C:\work\shop"));
        for spelled in [r"c:\work\shop", "C:/work/shop", "c:/work/shop/"] {
            assert_eq!(identify_project(Path::new(spelled)), one, "{spelled}");
        }
        assert_ne!(identify_project(Path::new(r"D:\work\shop")).key, one.key);
    }
}

//! Which project a working directory belongs to: all worktrees of a repository are one project.
//!
//! Owns the reading of `.git`. Runs no program: git need not be installed, and a hostile repository must not be able
//! to make us execute anything.

use std::fs;
use std::path::{Path, PathBuf};

use crate::domain::directory::{directory_key, directory_name, windows_path};

/// The identity of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Equal for everything that is the same project: the common git folder, else the directory itself.
    pub key: String,
    /// A short name for people.
    pub name: String,
    /// The root folder.
    pub root: String,
    /// The URL of the remote `origin` without credentials, if there is one.
    pub remote: Option<String>,
}

/// Identifies the project of `directory`, which need not exist on this machine: then it stands for itself, whichever system it is
/// from. So does a name that is no path: it has nothing to do with where this process was started.
pub fn identify(directory: &Path) -> Checkout {
    if directory.is_relative() {
        return alone(&directory.display().to_string());
    }
    let real = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    let git = real.ancestors().find_map(|folder| common_git_folder(folder).map(|git| (folder.to_owned(), git)));
    let Some((_, git)) = git else { return alone(&real.display().to_string()) };
    // A plain repository's common folder is `<root>/.git`; a bare one is the root itself.
    let root = if git.file_name().is_some_and(|name| name == ".git") { git.parent().unwrap_or(&git) } else { &git };
    let root = root.display().to_string();
    Checkout {
        key: directory_key(&git.display().to_string()),
        name: directory_name(&root).to_owned(),
        root: windows_path(&root).unwrap_or_else(|| root.clone()),
        remote: origin_url(&git),
    }
}

/// A directory that belongs to no repository. On Windows one directory has many spellings.
fn alone(directory: &str) -> Checkout {
    Checkout {
        key: directory_key(directory),
        name: directory_name(directory).to_owned(),
        root: windows_path(directory).unwrap_or_else(|| directory.to_owned()),
        remote: None,
    }
}

/// The folder that all worktrees share, if `folder` is the top of a checkout.
fn common_git_folder(folder: &Path) -> Option<PathBuf> {
    let dot_git = folder.join(".git");
    if dot_git.is_dir() {
        return Some(dot_git);
    }
    // A worktree has a file: `gitdir: /repo/.git/worktrees/name`, and that folder says where the common one is.
    let text = fs::read_to_string(&dot_git).ok()?;
    let private = folder.join(text.strip_prefix("gitdir:")?.trim());
    let common = fs::read_to_string(private.join("commondir"))
        .map_or_else(|_| private.clone(), |common| private.join(common.trim()));
    Some(fs::canonicalize(&common).unwrap_or(common))
}

fn origin_url(git: &Path) -> Option<String> {
    let config = fs::read_to_string(git.join("config")).ok()?;
    let mut inside = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[remote \"origin\"]";
        } else if inside
            && let Some(url) = line.strip_prefix("url").and_then(|rest| rest.trim_start().strip_prefix('='))
        {
            return Some(without_credentials(url.trim()));
        }
    }
    None
}

fn without_credentials(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => match rest.split_once('@') {
            Some((user, host)) if !user.contains('/') => format!("{scheme}://{host}"),
            _ => url.to_owned(),
        },
        None => url.to_owned(),
    }
}

/// What two clones of one repository have in common, whichever way they reach it: `host/owner/name`. `None` for a local path.
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
        let main = identify(&repo.join("src"));
        assert_eq!(main.name, "repo");
        assert_eq!(main.remote.as_deref(), Some("https://host/x.git"));
        assert_eq!(identify(&base.join("w")), main);
        // Tests are started in a checkout.
        let named = identify(Path::new("garden"));
        assert_eq!((named.key.as_str(), named.name.as_str()), ("garden", "garden"));
        let gone = identify(Path::new("/no/such/place"));
        assert_eq!((gone.key.as_str(), gone.name.as_str()), ("/no/such/place", "place"));
    }

    #[test]
    fn a_windows_directory_is_one_project_in_every_spelling() {
        let one = identify(Path::new(r"C:\work\shop"));
        assert_eq!((one.name.as_str(), one.root.as_str()), ("shop", r"C:\work\shop"));
        for spelled in [r"c:\work\shop", "C:/work/shop", "c:/work/shop/"] {
            assert_eq!(identify(Path::new(spelled)), one, "{spelled}");
        }
        assert_ne!(identify(Path::new(r"D:\work\shop")).key, one.key);
    }
}

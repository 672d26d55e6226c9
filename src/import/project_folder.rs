//! Finds the working directory that a folder of Claude Code transcripts is named after. The name is lossy: every
//! character that is not an ASCII letter or digit became `-`. Does not own the naming rule.

use std::fs;
use std::path::{Path, PathBuf};

use crate::domain::directory::{claude_code_slug, is_slug_of};

/// Maximum number of folders listed for one name.
const MAX_LISTED_FOLDERS: usize = 400;

/// Finds the working directory of a transcripts folder by its name. Used for sessions whose records do not give it.
///
/// A directory in `known` (working directories of other sessions) is preferred, then one that exists on this machine.
/// Otherwise the part of the name that cannot be resolved stays one name below the directories that exist:
/// `-home-mei-old-shop` is `/home/mei/old-shop` if `/home/mei` exists. `None` for a name that Claude Code does not
/// make.
pub fn directory_of_slug(slug: &str, known: &[&str]) -> Option<String> {
    if let Some(directory) = known.iter().find(|directory| is_slug_of(slug, directory)) {
        return Some((*directory).to_owned());
    }
    let (root, rest) = split_root(slug)?;
    let mut search = DirectorySearch { slug, listed: 0, deepest: (PathBuf::from(&root), rest) };
    if let Some(found) = search.find_directory(Path::new(&root), rest) {
        return Some(found.display().to_string());
    }
    let (folder, rest) = search.deepest;
    let folder = folder.display().to_string();
    let separator = if root.ends_with('\\') { '\\' } else { '/' };
    let folder = folder.trim_end_matches(separator);
    let rest = rest.trim_matches('-');
    Some(if rest.is_empty() { root } else { format!("{folder}{separator}{rest}") })
}

/// Splits a name into the root it begins with and the rest.
fn split_root(slug: &str) -> Option<(String, &str)> {
    if let Some(rest) = slug.strip_prefix('-') {
        return Some(("/".to_owned(), rest));
    }
    let drive = slug.chars().next().filter(char::is_ascii_alphabetic)?;
    let rest = slug.get(1..)?.strip_prefix("--")?;
    Some((format!("{}:\\", drive.to_ascii_uppercase()), rest))
}

/// Depth-first search for the directory among those that exist.
struct DirectorySearch<'a> {
    slug: &'a str,
    listed: usize,
    /// Directory that matches most of the name, and the unmatched rest.
    deepest: (PathBuf, &'a str),
}

impl<'a> DirectorySearch<'a> {
    /// Finds the directory below `folder`; `rest` is the part of the name that `folder` does not cover.
    fn find_directory(&mut self, folder: &Path, rest: &'a str) -> Option<PathBuf> {
        if rest.len() < self.deepest.1.len() {
            self.deepest = (folder.to_owned(), rest);
        }
        if rest.is_empty() {
            return Some(folder.to_owned());
        }
        self.listed += 1;
        if self.listed > MAX_LISTED_FOLDERS {
            return None;
        }
        for entry in fs::read_dir(folder).ok()?.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = entry.path();
            let part = claude_code_slug(&name);
            let left = match rest.strip_prefix(part.as_str()) {
                Some("") => "",
                Some(left) => match left.strip_prefix('-') {
                    Some(left) => left,
                    None => continue,
                },
                // A long name is truncated and ends with a hash.
                None if is_slug_of(self.slug, &path.display().to_string()) => "",
                None => continue,
            };
            if path.is_dir()
                && let Some(found) = self.find_directory(&path, left)
            {
                return Some(found);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_exists_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(folder.path()).unwrap();
        for name in ["shop/api", "shop-api/src", "my_notes.d", "数据", "shop/file-x"] {
            fs::create_dir_all(base.join(name)).unwrap();
        }
        for name in ["shop/api", "shop-api/src", "my_notes.d", "数据", "shop"] {
            let directory = base.join(name).display().to_string();
            let found = directory_of_slug(&claude_code_slug(&directory), &[]).unwrap();
            assert_eq!(claude_code_slug(&found), claude_code_slug(&directory), "{name}");
            assert!(Path::new(&found).is_dir(), "{found}");
        }
        // Deleted since: the deepest directory that exists, and a name.
        let gone = base.join("shop/old-web").display().to_string();
        assert_eq!(directory_of_slug(&claude_code_slug(&gone), &[]), Some(gone));
        let long = base.join("x".repeat(120)).join("y".repeat(120));
        fs::create_dir_all(&long).unwrap();
        let long = long.display().to_string();
        assert_eq!(directory_of_slug(&claude_code_slug(&long), &[]), Some(long));
    }

    #[test]
    fn a_known_directory_counts_and_a_name_stays_readable() {
        assert_eq!(
            directory_of_slug("-no-where-shop-api", &["/no", "/no/where/shop-api"]).as_deref(),
            Some("/no/where/shop-api")
        );
        assert_eq!(directory_of_slug("-no-where-shop-api", &[]).as_deref(), Some("/no-where-shop-api"));
        assert_eq!(directory_of_slug("C--work-shop", &["C:/work/shop"]).as_deref(), Some("C:/work/shop"));
        for none in ["demo", "", "work-shop", "chats", "C-work"] {
            assert_eq!(directory_of_slug(none, &[]), None, "{none}");
        }
        if !cfg!(windows) {
            assert_eq!(directory_of_slug("c--work-shop", &[]).as_deref(), Some(r"C:\work-shop"));
            assert_eq!(directory_of_slug("-", &[]).as_deref(), Some("/"));
        }
    }
}

//! Working directories as text, from any operating system: their names, their ancestors, and the folder that Claude
//! Code names after them.
//!
//! A history from Windows may be imported on Linux, so nothing here depends on the system that this program runs on.
//! Does not own: reading directories.

use std::path::{Component, Path};

/// UTF-16 units after which Claude Code cuts a folder name off.
const MAX_SLUG_UNITS: usize = 200;

/// Windows directory: its drive or share, and the path components below it.
struct WindowsPath<'a> {
    root: String,
    names: Vec<&'a str>,
}

impl WindowsPath<'_> {
    fn join_with(&self, separator: char) -> String {
        let mut path = self.root.clone();
        for name in &self.names {
            path.push(separator);
            path.push_str(name);
        }
        if self.names.is_empty() {
            path.push(separator);
        }
        path
    }
}

/// Splits `C:\a\b`, `c:/a/b`, `\\?\C:\a\b` and `\\server\share\a`.
fn split_windows(path: &str) -> Option<WindowsPath<'_>> {
    let (path, share) = match path.strip_prefix(r"\\?\UNC\") {
        Some(rest) => (rest, true),
        None => match path.strip_prefix(r"\\?\").or_else(|| path.strip_prefix(r"\\.\")) {
            Some(rest) => (rest, false),
            None => path.strip_prefix(r"\\").map_or((path, false), |rest| (rest, true)),
        },
    };
    if share {
        let names = split_names(path);
        let (server, name) = (names.first()?, names.get(1)?);
        return Some(WindowsPath { root: format!(r"\\{server}\{name}"), names: names.get(2..)?.to_vec() });
    }
    let mut characters = path.chars();
    let drive = characters.next().filter(char::is_ascii_alphabetic)?;
    let rest = characters.as_str().strip_prefix(':')?;
    if !rest.is_empty() && !rest.starts_with(is_separator) {
        return None;
    }
    Some(WindowsPath { root: format!("{}:", drive.to_ascii_uppercase()), names: split_names(rest) })
}

fn split_names(path: &str) -> Vec<&str> {
    path.split(is_separator).filter(|name| !name.is_empty() && *name != ".").collect()
}

fn is_separator(letter: char) -> bool {
    letter == '\\' || letter == '/'
}

/// Returns the canonical spelling of a Windows directory, for example `C:\work\shop`; `None` for every other path.
pub fn windows_path(path: &str) -> Option<String> {
    split_windows(path).map(|windows| windows.join_with('\\'))
}

/// Returns a key that is equal for all spellings of a directory: Windows ignores case and accepts `/` for `\`.
pub fn directory_key(path: &str) -> String {
    windows_path(path).map_or_else(|| path.to_owned(), |path| path.to_lowercase())
}

/// Returns the last component of a directory, or the whole path if it has none.
pub fn directory_name(path: &str) -> &str {
    let last = match split_windows(path) {
        Some(windows) => windows.names.last().copied(),
        None => Path::new(path).file_name().and_then(|name| name.to_str()),
    };
    last.unwrap_or(path)
}

/// Returns for each directory the shortest ending that no other directory of the list has.
///
/// An ending is one or more of the last components, joined by `/`. A directory without a unique ending keeps its whole
/// path.
pub fn shortest_unique_suffixes(paths: &[&str]) -> Vec<String> {
    let names: Vec<Vec<&str>> = paths.iter().map(|path| split_names(path)).collect();
    let end = |names: &[&str], count: usize| names.get(names.len().saturating_sub(count)..).unwrap_or(&[]).join("/");
    let telling = |own: usize, count: usize| {
        let ending = end(names.get(own)?, count);
        let others = names.iter().enumerate().filter(|(other, _)| *other != own);
        others.into_iter().all(|(_, other)| end(other, count) != ending).then_some(ending)
    };
    (0..paths.len())
        .map(|own| {
            let most = names.get(own).map_or(0, Vec::len);
            let shortest = (1..=most).find_map(|count| telling(own, count));
            shortest.unwrap_or_else(|| paths.get(own).copied().unwrap_or("").to_owned())
        })
        .collect()
}

/// Shortens endings of more than two components to their first and last: `work/tools/cli` → `work/…/cli`. One that
/// would then be equal to another stays whole.
pub fn shorten_endings(endings: Vec<String>) -> Vec<String> {
    let shorten = |ending: &String| match ending.split('/').collect::<Vec<_>>().as_slice() {
        [first, _, .., last] if !first.is_empty() => format!("{first}/…/{last}"),
        _ => ending.clone(),
    };
    let short: Vec<String> = endings.iter().map(shorten).collect();
    let is_unique = |ending: &String| short.iter().filter(|other| *other == ending).count() == 1;
    let chosen: Vec<bool> = short.iter().map(is_unique).collect();
    endings
        .into_iter()
        .zip(short.clone())
        .zip(chosen)
        .map(|((whole, short), unique)| if unique { short } else { whole })
        .collect()
}

/// Returns true if the path is absolute, on this system or on another one.
pub fn is_absolute(path: &str) -> bool {
    path.starts_with('/') || split_windows(path).is_some()
}

/// Counts the components of a path below its root.
pub fn path_depth(path: &str) -> usize {
    match split_windows(path) {
        Some(windows) => windows.names.len(),
        None => Path::new(path).components().filter(|part| matches!(part, Component::Normal(_))).count(),
    }
}

/// Returns the ancestors of a directory, nearest first; for Windows in every spelling that histories use.
pub fn directories_above(path: &str) -> Vec<String> {
    let Some(mut windows) = split_windows(path) else {
        return Path::new(path).ancestors().skip(1).filter_map(Path::to_str).map(str::to_owned).collect();
    };
    let mut above = Vec::new();
    while windows.names.pop().is_some() {
        for root in [windows.root.clone(), windows.root.to_ascii_lowercase()] {
            let spelled = WindowsPath { root, names: windows.names.clone() };
            above.extend(['\\', '/'].map(|separator| spelled.join_with(separator)));
        }
    }
    above
}

/// Returns true if `path` is `root` or lies below it.
pub fn is_within(path: &str, root: &str) -> bool {
    let (path, root) = (directory_key(path), directory_key(root));
    let below = path.strip_prefix(root.trim_end_matches(['/', '\\']));
    path == root || below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '\\']))
}

/// Returns the name of Claude Code's folder for a working directory.
///
/// Every UTF-16 unit that is no ASCII letter or digit becomes `-`. A name of more than 200 units is cut off there and
/// ends with a hash.
pub fn claude_code_slug(directory: &str) -> String {
    let mut slug = String::with_capacity(directory.len());
    for letter in directory.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else {
            slug.extend(std::iter::repeat_n('-', letter.len_utf16()));
        }
    }
    match slug.get(..MAX_SLUG_UNITS) {
        Some(start) if slug.len() > MAX_SLUG_UNITS => format!("{start}-{}", slug_hash(directory)),
        _ => slug,
    }
}

/// Returns true if Claude Code may have named the folder `slug` after this directory.
///
/// The hash of a long name is not compared: it depends on what Claude Code was built with.
pub fn is_slug_of(slug: &str, directory: &str) -> bool {
    let own = claude_code_slug(directory);
    own == slug
        || matches!((own.get(..=MAX_SLUG_UNITS), slug.get(..=MAX_SLUG_UNITS)), (Some(own), Some(slug)) if own == slug)
}

/// Computes Claude Code's hash of a long path: 31-times-and-add over UTF-16 units in 32 bits, absolute value in base
/// 36.
fn slug_hash(text: &str) -> String {
    let hash = text.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    let (mut rest, mut digits) = (hash.unsigned_abs(), Vec::new());
    loop {
        digits.extend(char::from_digit(rest % 36, 36));
        rest /= 36;
        if rest == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_of_one_name_are_told_apart_by_the_fewest_folders() {
        let ends = shortest_unique_suffixes(&[
            "/home/a/work/cli",
            "/home/a/oss/cli",
            "/home/b/oss/cli",
            r"C:\src\cli",
            "/cli",
        ]);
        assert_eq!(ends, ["work/cli", "a/oss/cli", "b/oss/cli", "src/cli", "/cli"]);
        assert_eq!(
            (shortest_unique_suffixes(&["/x", "/x"]), shortest_unique_suffixes(&[])),
            (vec!["/x".to_owned(); 2], Vec::new())
        );
    }

    #[test]
    fn long_endings_lose_their_middle() {
        let short = |endings: &[&str]| shorten_endings(endings.iter().map(|ending| (*ending).to_owned()).collect());
        assert_eq!(short(&["work/tools/cli", "oss/cli", "/cli"]), ["work/…/cli", "oss/cli", "/cli"]);
        assert_eq!(short(&["a/b/c/x", "a/d/c/x"]), ["a/b/c/x", "a/d/c/x"]);
    }

    #[test]
    fn spellings_of_a_windows_directory_are_one() {
        for path in [
            r"C:\work\shop",
            r"c:\work\shop",
            "c:/work/shop/",
            r"C:\\work\.\shop",
            r"\\?\C:\work\shop",
            r"C:\Work\Shop",
        ] {
            assert_eq!(directory_key(path), r"c:\work\shop", "{path}");
            assert_eq!(directory_name(path).to_lowercase(), "shop", "{path}");
            assert!(is_absolute(path) && path_depth(path) == 2, "{path}");
        }
        assert_eq!(windows_path("d:/").as_deref(), Some(r"D:\"));
        assert_eq!(windows_path(r"\\nas\team\shop").as_deref(), Some(r"\\nas\team\shop"));
        assert_eq!(windows_path(r"\\?\UNC\nas\team\shop").as_deref(), Some(r"\\nas\team\shop"));
        for other in ["/work/shop", "shop", "C:work", "C", "", ":", "12:\\x", r"\\nas", "//nas/team", "ä:\\x"] {
            assert_eq!(windows_path(other), None, "{other}");
        }
        assert_eq!(
            (directory_name("/work/shop"), directory_name("garden"), directory_name("/")),
            ("shop", "garden", "/")
        );
        assert_eq!((directory_name(r"C:\"), directory_key("/Work")), (r"C:\", "/Work".to_owned()));
    }

    #[test]
    fn directories_above_come_in_every_spelling() {
        assert_eq!(directories_above("/a/b"), ["/a", "/"]);
        assert_eq!(directories_above("garden"), [""]);
        let above = directories_above(r"c:\work\shop");
        assert_eq!(above.len(), 8);
        assert_eq!(above.first().map(String::as_str), Some(r"C:\work"));
        assert!(above.contains(&"c:/work".to_owned()) && above.contains(&r"C:\".to_owned()));
        assert!(is_within(r"c:\work\shop\src", "C:/work/shop") && is_within("/a/b", "/a") && is_within("/a", "/a"));
        assert!(!is_within("/ab", "/a") && !is_within(r"C:\workshop", r"C:\work") && is_within("/a", "/"));
    }

    #[test]
    fn slugs_are_those_of_claude_code() {
        for (directory, slug) in [
            ("/home/mei/work/orders", "-home-mei-work-orders"),
            (r"C:\work\shop", "C--work-shop"),
            ("/home/mei/.config/a_b", "-home-mei--config-a-b"),
            ("/数据/🦭", "------"),
            ("../../outside", "------outside"),
            ("/a\0b\nc", "-a-b-c"),
        ] {
            assert_eq!(claude_code_slug(directory), slug, "{directory:?}");
            assert!(is_slug_of(slug, directory));
        }
        let long = format!("/{}", "x".repeat(300));
        let slug = claude_code_slug(&long);
        assert!(slug.starts_with("-xxx") && slug.len() > 201 && slug.len() < 210, "{slug}");
        assert_ne!(slug, claude_code_slug(&format!("{long}y")), "long names end with a hash");
        let (start, _) = slug.split_at(200);
        assert!(is_slug_of(&format!("{start}-other"), &long) && !is_slug_of(start, &long));
        assert_eq!((slug_hash("a"), slug_hash("")), ("2p".to_owned(), "0".to_owned()));
    }
}

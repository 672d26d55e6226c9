//! Working directories as text, whichever system they are from: their name, the directories above them, the folder that Claude Code
//! names after them.
//!
//! A history from Windows may be imported on Linux, so nothing here depends on the system that this program runs on.
//! Does not own: reading directories.

use std::path::{Component, Path};

/// UTF-16 units of a folder name of Claude Code before it is cut off.
const LONGEST_SLUG: usize = 200;

/// A directory of Windows: its drive or share, and the names below it.
struct Windows<'a> {
    root: String,
    names: Vec<&'a str>,
}

impl Windows<'_> {
    fn path(&self, separator: char) -> String {
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
fn split_windows(path: &str) -> Option<Windows<'_>> {
    let (path, share) = match path.strip_prefix(r"\\?\UNC\") {
        Some(rest) => (rest, true),
        None => match path.strip_prefix(r"\\?\").or_else(|| path.strip_prefix(r"\\.\")) {
            Some(rest) => (rest, false),
            None => path.strip_prefix(r"\\").map_or((path, false), |rest| (rest, true)),
        },
    };
    if share {
        let names = names_of(path);
        let (server, name) = (names.first()?, names.get(1)?);
        return Some(Windows { root: format!(r"\\{server}\{name}"), names: names.get(2..)?.to_vec() });
    }
    let mut characters = path.chars();
    let drive = characters.next().filter(char::is_ascii_alphabetic)?;
    let rest = characters.as_str().strip_prefix(':')?;
    if !rest.is_empty() && !rest.starts_with(is_separator) {
        return None;
    }
    Some(Windows { root: format!("{}:", drive.to_ascii_uppercase()), names: names_of(rest) })
}

fn names_of(path: &str) -> Vec<&str> {
    path.split(is_separator).filter(|name| !name.is_empty() && *name != ".").collect()
}

fn is_separator(letter: char) -> bool {
    letter == '\\' || letter == '/'
}

/// The usual spelling of a directory of Windows, for example `C:\work\shop`; `None` for every other path.
pub fn windows_path(path: &str) -> Option<String> {
    split_windows(path).map(|windows| windows.path('\\'))
}

/// A text that is equal for all spellings of a directory: Windows tells neither upper from lower case nor `/` from `\`.
pub fn directory_key(path: &str) -> String {
    windows_path(path).map_or_else(|| path.to_owned(), |path| path.to_lowercase())
}

/// The last name of a directory, or the whole path if it has none.
pub fn directory_name(path: &str) -> &str {
    let last = match split_windows(path) {
        Some(windows) => windows.names.last().copied(),
        None => Path::new(path).file_name().and_then(|name| name.to_str()),
    };
    last.unwrap_or(path)
}

/// Whether the path does not depend on a working directory, on this system or on another one.
pub fn is_absolute(path: &str) -> bool {
    path.starts_with('/') || split_windows(path).is_some()
}

/// How many names a path has below its root.
pub fn depth(path: &str) -> usize {
    match split_windows(path) {
        Some(windows) => windows.names.len(),
        None => Path::new(path).components().filter(|part| matches!(part, Component::Normal(_))).count(),
    }
}

/// The directories above a directory, nearest first. Those of Windows in every spelling that histories use.
pub fn directories_above(path: &str) -> Vec<String> {
    let Some(mut windows) = split_windows(path) else {
        return Path::new(path).ancestors().skip(1).filter_map(Path::to_str).map(str::to_owned).collect();
    };
    let mut above = Vec::new();
    while windows.names.pop().is_some() {
        for root in [windows.root.clone(), windows.root.to_ascii_lowercase()] {
            let spelled = Windows { root, names: windows.names.clone() };
            above.extend(['\\', '/'].map(|separator| spelled.path(separator)));
        }
    }
    above
}

/// Whether a directory is another one or lies below it.
pub fn is_within(path: &str, root: &str) -> bool {
    let (path, root) = (directory_key(path), directory_key(root));
    let below = path.strip_prefix(root.trim_end_matches(['/', '\\']));
    path == root || below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '\\']))
}

/// The name of Claude Code's folder for a working directory: every UTF-16 unit that is no ASCII letter or digit becomes `-`. A
/// name of more than 200 is cut off there and ends with a hash.
pub fn claude_code_slug(directory: &str) -> String {
    let mut slug = String::with_capacity(directory.len());
    for letter in directory.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else {
            slug.extend(std::iter::repeat_n('-', letter.len_utf16()));
        }
    }
    match slug.get(..LONGEST_SLUG) {
        Some(start) if slug.len() > LONGEST_SLUG => format!("{start}-{}", slug_hash(directory)),
        _ => slug,
    }
}

/// Whether a folder of Claude Code may be named after this directory. The hash of a long name is not compared: it depends on what
/// Claude Code was built with.
pub fn is_slug_of(slug: &str, directory: &str) -> bool {
    let own = claude_code_slug(directory);
    own == slug
        || matches!((own.get(..=LONGEST_SLUG), slug.get(..=LONGEST_SLUG)), (Some(own), Some(slug)) if own == slug)
}

/// Claude Code's hash of a long path: 31-times-and-add over UTF-16 units in 32 bits, its absolute value in base 36.
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
            assert!(is_absolute(path) && depth(path) == 2, "{path}");
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

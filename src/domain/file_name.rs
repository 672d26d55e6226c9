//! File names made from ids of other programs: always one path component, whatever the id holds.

use super::ContentHash;
use super::hash::to_hex;

/// Most bytes of an id that is kept as it is, and of the part that is kept of any other id.
const MAX_ID_BYTES: usize = 100;
/// Hexadecimal digits after the `_` of a name that was changed.
const HASH_DIGITS: usize = 16;

/// Names that Windows reserves for devices, in any folder and with any extension.
const WINDOWS_DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2",
    "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// Turns an id into one path component.
///
/// The component has at most 117 bytes of `[A-Za-z0-9_-]`, is no Windows device and does not start with `-`. An id that
/// has this form already stays as it is. Any other one ends with `_` and a hash, so that no two ids get the same name.
pub fn path_component(id: &str) -> String {
    if is_safe_component(id) && !ends_with_hash(id) {
        return id.to_owned();
    }
    let mut kept = String::with_capacity(MAX_ID_BYTES);
    for letter in id.chars().take(MAX_ID_BYTES) {
        let plain = letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        if plain {
            kept.push(letter);
        } else if !kept.ends_with('-') {
            kept.push('-');
        }
    }
    let hash = to_hex(&ContentHash::of_text(id).0);
    let kept = kept.trim_matches('-');
    format!("{}_{}", if kept.is_empty() { "id" } else { kept }, hash.get(..HASH_DIGITS).unwrap_or(&hash))
}

/// Returns true if Windows reserves the name for a device, whatever its extension.
pub fn is_windows_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_lowercase();
    WINDOWS_DEVICES.contains(&stem.as_str())
}

fn is_safe_component(id: &str) -> bool {
    let letters = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    letters && !id.is_empty() && !id.starts_with('-') && id.len() <= MAX_ID_BYTES && !is_windows_device(id)
}

/// Returns true if an id looks like a name made here: such an id is hashed too, so that it never equals one.
fn ends_with_hash(id: &str) -> bool {
    id.rsplit_once('_')
        .is_some_and(|(_, end)| end.len() == HASH_DIGITS && end.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_id_becomes_one_component() {
        for id in ["545308f1-0771-4ddd-a91a-88de4ebeda3a", "agent-a1b2c3", "s_1", "line-7"] {
            assert_eq!(path_component(id), id);
        }
        let long = "x".repeat(5_000);
        let ids = [
            "",
            "-",
            ".",
            "..",
            "../../outside",
            "..-..-outside",
            "/etc/passwd",
            "/etc/passwd/",
            r"C:\windows\x",
            r"\\nas\x",
            "a/b",
            "a\\b",
            "a\0b",
            "a\nb",
            "a\u{1b}[31mb",
            "a b",
            "a\u{202e}b",
            "会话",
            "🦭",
            "CON",
            "con",
            "nul.txt",
            "COM1",
            "-rf",
            "--help",
            "a'b",
            "a;rm -rf ~",
            "$(x)",
            "%2e%2e",
            &long,
            long.split_at(1).1,
        ];
        let mut names = HashSet::new();
        for id in ids {
            let name = path_component(id);
            let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
            assert!(plain && !name.is_empty() && name.len() <= 117 && !name.starts_with('-'), "{id:?}: {name}");
            assert!(!is_windows_device(&name), "{id:?}: {name}");
            assert!(names.insert(name.to_lowercase()), "{id:?}: {name} stands twice");
            // An id that is equal to a name that was made is changed itself.
            assert!(is_safe_component(id) || path_component(&name) != name, "{id:?}: {name}");
        }
    }
}

//! Keyed hash of a line without its whitespace, so that formatting does not hide it and a copy of the database does not
//! reveal it.

use sha2::{Digest as _, Sha256};

use super::super::names::names;

/// Fewest characters of a line without whitespace, and fewest letters or digits among them: a shorter one is in every
/// file.
const MIN_CHARACTERS: usize = 6;
const MIN_LETTERS: usize = 4;
/// Beginning of what redaction puts in place of a secret.
const PLACEHOLDER: &str = "[REDACTED:";

/// Direction in which an edit changed a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LineChange {
    /// The edit put the line into the file.
    Inserted,
    /// The edit took the line out of the file.
    Removed,
}

names!(LineChange { Inserted = 1, "inserted"; Removed = 2, "removed"; });

/// Hashes lines with the key of a data folder.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LineHasher {
    key: [u8; 32],
}

impl LineHasher {
    /// Creates a hasher. Hashes of different keys are never compared.
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Returns the hash of a line without its whitespace. `None` for a line that says too little (below 6 characters, or
    /// 4 letters or digits) and for one that redaction changed.
    pub fn hash_line(&self, line: &str) -> Option<i64> {
        let (mut characters, mut letters) = (0_usize, 0_usize);
        for character in line.chars().filter(|character| !character.is_whitespace()) {
            characters += 1;
            letters += usize::from(character.is_alphanumeric());
        }
        if characters < MIN_CHARACTERS || letters < MIN_LETTERS || line.contains(PLACEHOLDER) {
            return None;
        }
        let mut hasher = Sha256::new();
        hasher.update(self.key);
        for word in line.split_whitespace() {
            hasher.update(word);
        }
        Some(take_first_bytes(&hasher.finalize()))
    }

    /// Returns a number that tells this key from another and nothing about it.
    pub fn check_number(&self) -> i64 {
        let mut hasher = Sha256::new();
        hasher.update(b"key of edited lines");
        hasher.update(self.key);
        take_first_bytes(&hasher.finalize())
    }
}

impl std::fmt::Debug for LineHasher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LineHasher")
    }
}

fn take_first_bytes(digest: &[u8]) -> i64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    i64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_equal_without_whitespace_and_short_ones_have_no_hash() {
        let hasher = LineHasher::new([7; 32]);
        let hash = hasher.hash_line("if err != nil {");
        assert!(hash.is_some());
        assert_eq!(hash, hasher.hash_line("\t\tif err!=nil{  "));
        assert_ne!(hash, hasher.hash_line("if err != nil"));
        assert_ne!(hash, LineHasher::new([8; 32]).hash_line("if err != nil {"));
        assert!(hasher.hash_line("连接池大小改").is_some());
        for short in ["", "}", "  });  ", "a = b", "-------- ===", "池大小", "  \t "] {
            assert_eq!(hasher.hash_line(short), None, "{short}");
        }
        assert_eq!(hasher.hash_line("token = \"[REDACTED:github-token:0a1b2c3d]\""), None);
        assert_ne!(hasher.check_number(), LineHasher::new([8; 32]).check_number());
    }
}

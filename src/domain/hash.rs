//! Content identity: a truncated SHA-256. Does not own file checksums.

use sha2::{Digest as _, Sha256};

/// The first 16 bytes of a SHA-256 over some content. Collisions are not a practical concern at 2^64 items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash(pub [u8; 16]);

impl ContentHash {
    /// Hashes one text.
    pub fn of_text(text: &str) -> Self {
        Self::of_parts(&[text.as_bytes()])
    }

    /// Hashes several byte strings, each preceded by its length so that no two lists collide by joining.
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let digest = hasher.finalize();
        let mut short = [0; 16];
        for (to, from) in short.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        Self(short)
    }

    /// Returns the first eight bytes as a non-negative integer, for compact keys inside one owner.
    pub fn short_key(self) -> i64 {
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
        i64::from_le_bytes(bytes) & i64::MAX
    }
}

/// Returns 32 unpredictable bytes, hashed from nearly twice as many random bits of the system.
pub fn random_key() -> [u8; 32] {
    let mut hasher = Sha256::new();
    for _ in 0..4 {
        // 122 random bits each, and no look at a clock, which may be wrong.
        hasher.update(uuid::Uuid::new_v4().as_bytes());
    }
    hasher.finalize().into()
}

/// Returns eight unpredictable hexadecimal digits.
pub fn random_hex() -> String {
    to_hex(random_key().get(..4).unwrap_or(&[]))
}

/// Formats bytes as lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns the SHA-256 of bytes in lower-case hexadecimal, as `sha256sum` prints it.
pub fn sha256_hex(bytes: &[u8]) -> String {
    to_hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_collide_by_joining() {
        assert_ne!(ContentHash::of_parts(&[b"ab", b"c"]), ContentHash::of_parts(&[b"a", b"bc"]));
        assert_eq!(ContentHash::of_text("x"), ContentHash::of_parts(&[b"x"]));
        assert!(ContentHash::of_text("x").short_key() >= 0);
    }
}

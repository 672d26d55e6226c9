//! Identity of a machine: its public key, and the fingerprint that people compare.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::hash::to_hex;

/// Hexadecimal digits of a fingerprint.
const FINGERPRINT_DIGITS: usize = 32;
/// Digits between two hyphens.
const GROUP_DIGITS: usize = 4;
/// Fewest digits that name a machine: fewer could be hit by trying out keys.
const MIN_DIGITS: usize = 16;

/// Public key (ed25519) of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MachineKey(pub [u8; 32]);

impl MachineKey {
    /// Returns the fingerprint: 32 hexadecimal digits in groups of four.
    pub fn fingerprint(self) -> String {
        let digits = self.digits();
        let groups: Vec<&str> =
            (0..FINGERPRINT_DIGITS).step_by(GROUP_DIGITS).filter_map(|at| digits.get(at..at + GROUP_DIGITS)).collect();
        groups.join("-")
    }

    /// Returns true if a text is this fingerprint, or at least its first sixteen digits; hyphens do not count.
    pub fn has_fingerprint(self, text: &str) -> bool {
        let digits: String = text.chars().filter(|c| *c != '-').flat_map(char::to_lowercase).collect();
        digits.len() >= MIN_DIGITS && self.digits().starts_with(&digits)
    }

    fn digits(self) -> String {
        let mut digits = to_hex(&Sha256::digest(self.0));
        digits.truncate(FINGERPRINT_DIGITS);
        digits
    }
}

impl fmt::Display for MachineKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_recognised_from_sixteen_digits_on() {
        let key = MachineKey([7; 32]);
        let whole = key.fingerprint();
        assert_eq!((whole.len(), whole.matches('-').count()), (39, 7), "{whole}");
        assert!(key.has_fingerprint(&whole) && key.has_fingerprint(&whole.replace('-', "").to_uppercase()));
        let start = |length: usize| whole.get(..length).unwrap_or("");
        assert!(key.has_fingerprint(start(19)) && !key.has_fingerprint(start(18)));
        assert!(!MachineKey([8; 32]).has_fingerprint(&whole) && !key.has_fingerprint(""));
    }
}

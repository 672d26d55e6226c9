//! What a value is made of: kinds of bytes, their number, their chance.

use super::byte_set::ByteSet;

/// Signs that people put into passwords.
pub(super) static STRONG_SIGNS: ByteSet = ByteSet::parse("!@#$%^&*");
static SIGNS: ByteSet = ByteSet::parse("!@#$%^&*+=~?(){}[]<>|;:,");

/// Counts of kinds of bytes.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Makeup {
    pub(super) lower: usize,
    pub(super) upper: usize,
    pub(super) digits: usize,
    pub(super) signs: usize,
}

impl Makeup {
    pub(super) fn of(text: &str) -> Self {
        let mut makeup = Self::default();
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' => makeup.lower += 1,
                b'A'..=b'Z' => makeup.upper += 1,
                b'0'..=b'9' => makeup.digits += 1,
                _ if SIGNS.contains(byte) => makeup.signs += 1,
                _ => {}
            }
        }
        makeup
    }

    pub(super) const fn has_letters(self) -> bool {
        self.lower + self.upper > 0
    }
}

/// Returns true if the text has a digit.
pub(super) fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Returns true if the text has a sign that people put into passwords.
pub(super) fn has_strong_sign(text: &str) -> bool {
    text.bytes().any(|byte| STRONG_SIGNS.contains(byte))
}

/// Shannon entropy in bits per byte (Shannon, 1948).
pub(super) fn entropy(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a value has at most some thousand bytes")]
    let all = text.len() as f64;
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / all);
    shares.map(|share| -share * share.log2()).sum()
}

/// Returns the number of different bytes.
pub(super) fn distinct_bytes(text: &str) -> u32 {
    let mut seen = [0u64; 4];
    for byte in text.bytes() {
        if let Some(bits) = seen.get_mut(usize::from(byte >> 6)) {
            *bits |= 1 << (byte & 63);
        }
    }
    seen.iter().map(|bits| bits.count_ones()).sum()
}

/// Returns true for a text that counts up, such as `abcdefgh`.
pub(super) fn is_sequence(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ups = bytes.windows(2).filter(|pair| matches!(pair, [a, b] if a.wrapping_add(1) == *b)).count();
    bytes.len() > 5 && ups * 10 > bytes.len() * 6
}

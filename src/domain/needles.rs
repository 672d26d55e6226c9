//! Looking for any of many byte strings in one pass. Does not own where the bytes come from.

use aho_corasick::AhoCorasick;

/// Byte strings to be looked for together.
#[derive(Debug)]
pub struct Needles {
    automaton: Option<AhoCorasick>,
    longest: usize,
}

impl Needles {
    /// Empty ones are nowhere.
    ///
    /// # Errors
    /// When there are too many to be looked for at once: what cannot be looked for must not be taken for absent.
    pub fn new(needles: &[Vec<u8>]) -> Result<Self, String> {
        let needles: Vec<&Vec<u8>> = needles.iter().filter(|needle| !needle.is_empty()).collect();
        let longest = needles.iter().map(|needle| needle.len()).max().unwrap_or(0);
        let automaton =
            if needles.is_empty() { None } else { Some(AhoCorasick::new(needles).map_err(|error| error.to_string())?) };
        Ok(Self { automaton, longest })
    }

    /// Whether there is nothing to look for.
    pub const fn is_empty(&self) -> bool {
        self.automaton.is_none()
    }

    /// Length of the longest: so many bytes but one have to be looked at again in the next piece of a stream.
    pub const fn longest(&self) -> usize {
        self.longest
    }

    /// Whether any of them is in these bytes.
    pub fn any_in(&self, bytes: &[u8]) -> bool {
        self.automaton.as_ref().is_some_and(|automaton| automaton.is_match(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_them() {
        let needles = Needles::new(&[b"abc".to_vec(), Vec::new(), b"\x00\xff".to_vec()]).unwrap();
        assert!(needles.any_in(b"xxabcx") && needles.any_in(b"\x01\x00\xff") && !needles.any_in(b"ab c"));
        assert_eq!(needles.longest(), 3);
        let none = Needles::new(&[]).unwrap();
        assert!(none.is_empty() && !none.any_in(b"abc"));
    }
}

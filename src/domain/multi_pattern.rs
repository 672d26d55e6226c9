//! Searches for many byte strings in one pass. Does not own where the searched bytes come from.

use aho_corasick::AhoCorasick;

/// Set of byte strings that are searched for together.
#[derive(Debug)]
pub struct MultiPattern {
    automaton: Option<AhoCorasick>,
    longest: usize,
}

impl MultiPattern {
    /// Builds the searcher. Empty patterns never match.
    ///
    /// # Errors
    /// When there are too many patterns for one automaton: what cannot be searched for must not count as absent.
    pub fn new(needles: &[Vec<u8>]) -> Result<Self, String> {
        let needles: Vec<&Vec<u8>> = needles.iter().filter(|needle| !needle.is_empty()).collect();
        let longest = needles.iter().map(|needle| needle.len()).max().unwrap_or(0);
        let automaton =
            if needles.is_empty() { None } else { Some(AhoCorasick::new(needles).map_err(|error| error.to_string())?) };
        Ok(Self { automaton, longest })
    }

    /// Returns true if there is no pattern to search for.
    pub const fn is_empty(&self) -> bool {
        self.automaton.is_none()
    }

    /// Returns the length of the longest pattern. The pieces of a stream must overlap by one byte less.
    pub const fn max_pattern_len(&self) -> usize {
        self.longest
    }

    /// Returns true if any pattern occurs in these bytes.
    pub fn matches_any(&self, bytes: &[u8]) -> bool {
        self.automaton.as_ref().is_some_and(|automaton| automaton.is_match(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_them() {
        let needles = MultiPattern::new(&[b"abc".to_vec(), Vec::new(), b"\x00\xff".to_vec()]).unwrap();
        assert!(
            needles.matches_any(b"xxabcx") && needles.matches_any(b"\x01\x00\xff") && !needles.matches_any(b"ab c")
        );
        assert_eq!(needles.max_pattern_len(), 3);
        let none = MultiPattern::new(&[]).unwrap();
        assert!(none.is_empty() && !none.matches_any(b"abc"));
    }
}

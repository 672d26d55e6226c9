//! Sets of bytes, and runs of bytes of a set.

use std::ops::Range;

/// A set of bytes.
#[derive(Debug)]
pub(super) struct ByteSet([bool; 256]);

impl ByteSet {
    /// Creates the set from a list of bytes and ranges such as `A-Z`; a `-` at the end is a byte.
    #[expect(
        clippy::indexing_slicing,
        reason = "computed when the program is compiled, where nothing else is possible"
    )]
    pub(super) const fn parse(list: &str) -> Self {
        let (bytes, mut set, mut at) = (list.as_bytes(), [false; 256], 0);
        while at < bytes.len() {
            let is_range = at + 2 < bytes.len() && bytes[at + 1] == b'-';
            let last = if is_range { bytes[at + 2] } else { bytes[at] };
            let mut byte = bytes[at];
            loop {
                set[byte as usize] = true;
                if byte >= last {
                    break;
                }
                byte += 1;
            }
            at += if is_range { 3 } else { 1 };
        }
        Self(set)
    }

    /// Creates the set of these bytes.
    #[expect(
        clippy::indexing_slicing,
        reason = "computed when the program is compiled, where nothing else is possible"
    )]
    pub(super) const fn of(bytes: &[u8]) -> Self {
        let (mut set, mut at) = ([false; 256], 0);
        while at < bytes.len() {
            set[bytes[at] as usize] = true;
            at += 1;
        }
        Self(set)
    }

    /// Returns true if the byte is in the set.
    pub(super) fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).copied().unwrap_or(false)
    }

    /// Returns the end of the run of these bytes that begins at `from`, at most at `limit`.
    pub(super) fn run_end(&self, bytes: &[u8], from: usize, limit: usize) -> usize {
        let rest = bytes.get(from..limit.min(bytes.len())).unwrap_or(&[]);
        from + rest.iter().position(|byte| !self.contains(*byte)).unwrap_or(rest.len())
    }

    /// Returns the first whole run of `least` of these bytes or more that begins at `from` or later.
    ///
    /// Looks at the last byte that such a run would need first, so that most bytes are not looked at.
    pub(super) fn next_run(&self, bytes: &[u8], from: usize, least: usize) -> Option<Range<usize>> {
        let mut start = from;
        loop {
            let window = bytes.get(start..start + least)?;
            match window.iter().rposition(|byte| !self.contains(*byte)) {
                Some(other) => start += other + 1,
                None => return Some(start..self.run_end(bytes, start + least, bytes.len())),
            }
        }
    }

    /// Returns the start of the run of these bytes that ends before `to`, at least `limit`.
    pub(super) fn run_start(&self, bytes: &[u8], to: usize, limit: usize) -> usize {
        let before = bytes.get(limit..to).unwrap_or(&[]);
        to - before.iter().rev().position(|byte| !self.contains(*byte)).unwrap_or(before.len())
    }
}

/// ASCII letters and digits.
pub(super) static ALNUM: ByteSet = ByteSet::parse("A-Za-z0-9");
/// ASCII letters, digits and `_`.
pub(super) static WORD: ByteSet = ByteSet::parse("A-Za-z0-9_");
/// Letters of names in files and commands.
pub(super) static NAME: ByteSet = ByteSet::parse("A-Za-z0-9_.-");
/// Letters of names of programs.
pub(super) static PROGRAM_NAME: ByteSet = ByteSet::parse("A-Za-z0-9_-");
/// Space and tab.
pub(super) static BLANK: ByteSet = ByteSet::parse(" \t");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_whole_and_short_ones_are_not() {
        let text = b"ab abcd-abc abcde";
        let runs = |least| {
            let after = |from| ALNUM.next_run(text, from, least);
            std::iter::successors(after(0), |run| after(run.end)).collect::<Vec<_>>()
        };
        assert_eq!(runs(3), [3..7, 8..11, 12..17]);
        assert_eq!((runs(5).len(), runs(5).first()), (1, Some(&(12..17))));
        assert!(runs(6).is_empty() && ByteSet::of(b"-").contains(b'-'));
    }
}

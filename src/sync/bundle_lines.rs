//! Reads the lines of a bundle within the limits of `domain::limits`. Owns how a line is cut; does not interpret lines.

use std::io::{self, BufRead, Read as _};

use crate::disk::read_bounded_line;
use crate::domain::limits;

/// Longest line that is kept, and bytes of all lines together.
const MAX_LINE: usize = limits::BUNDLE_LINE_BYTES;
const MAX_TOTAL: u64 = (limits::BUNDLE_MIB as u64) << 20;

/// Result of reading one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineRead {
    /// The buffer holds a line.
    Line,
    /// A line of this many bytes was skipped.
    TooLong(u64),
    /// The end of the file.
    End,
    /// A signal ended the reading.
    Stopped,
}

/// Line reader with bounded memory.
pub(super) struct BundleLineReader<'a> {
    /// Ends one byte after the limit.
    input: io::Take<Box<dyn BufRead + 'a>>,
    line: Vec<u8>,
    longest: usize,
}

impl<'a> BundleLineReader<'a> {
    pub(super) fn new(input: Box<dyn BufRead + 'a>) -> Self {
        Self { input: input.take(MAX_TOTAL + 1), line: Vec::new(), longest: MAX_LINE }
    }

    /// Returns the last line, with its line end; empty after one that was too long.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Reads the next line. One that is too long is read to its end and not kept.
    ///
    /// # Errors
    /// Any I/O error, and a file whose lines are too large together.
    pub(super) fn next(&mut self) -> io::Result<LineRead> {
        let read = read_bounded_line(&mut self.input, &mut self.line, self.longest)?;
        if self.input.limit() == 0 {
            return Err(io::Error::other(format!("its lines are more than {} MiB together", limits::BUNDLE_MIB)));
        }
        Ok(match read.length {
            0 => LineRead::End,
            length if length > self.longest as u64 => LineRead::TooLong(length),
            _ => LineRead::Line,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_and_all_together_have_a_limit() {
        let mut reader = BundleLineReader { longest: 4, ..BundleLineReader::new(Box::new(&b"12345\n1\n2\n"[..])) };
        assert_eq!(reader.next().unwrap(), LineRead::TooLong(6));
        assert_eq!((reader.next().unwrap(), reader.line()), (LineRead::Line, b"1\n".as_slice()));
        reader.input.set_limit(2);
        assert!(reader.next().unwrap_err().to_string().contains("together"));
    }
}

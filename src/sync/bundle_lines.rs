//! Reads the lines of a bundle within the limits of `domain::limits`. Owns how a line is cut; does not interpret lines.

use std::io::{self, BufRead};

use crate::domain::limits;

/// Longest line that is kept, and bytes of all lines together.
const MAX_LINE: usize = limits::BUNDLE_LINE_BYTES;
const MAX_TOTAL: u64 = (limits::BUNDLE_MIB as u64) << 20;

/// Capacity above which the buffer of a line is not kept for the next one.
const KEPT_CAPACITY: usize = 4 << 20;

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
    input: Box<dyn BufRead + 'a>,
    line: Vec<u8>,
    total: u64,
    longest: usize,
}

impl<'a> BundleLineReader<'a> {
    pub(super) fn new(input: Box<dyn BufRead + 'a>) -> Self {
        Self { input, line: Vec::new(), total: 0, longest: MAX_LINE }
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
        self.line.clear();
        if self.line.capacity() > KEPT_CAPACITY {
            self.line = Vec::new();
        }
        let mut length: u64 = 0;
        loop {
            let chunk = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            let end = memchr::memchr(b'\n', chunk);
            let taken = end.map_or(chunk.len(), |at| at + 1);
            let is_last = end.is_some() || chunk.is_empty();
            length += taken as u64;
            self.total += taken as u64;
            if length <= self.longest as u64 {
                self.line.extend_from_slice(chunk.get(..taken).unwrap_or(&[]));
            } else {
                self.line = Vec::new();
            }
            self.input.consume(taken);
            if self.total > MAX_TOTAL {
                return Err(io::Error::other(format!("its lines are more than {} MiB together", limits::BUNDLE_MIB)));
            }
            if is_last {
                return Ok(match length {
                    0 => LineRead::End,
                    length if length > self.longest as u64 => LineRead::TooLong(length),
                    _ => LineRead::Line,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_never_kept() {
        let text = [b"12345\n".as_slice(), &vec![b'x'; 100_000], b"\n123456\nlast"].concat();
        let mut reader = BundleLineReader { longest: 6, ..BundleLineReader::new(Box::new(&text[..])) };
        let mut read = Vec::new();
        loop {
            let line = reader.next().unwrap();
            read.push((line, String::from_utf8(reader.line().to_vec()).unwrap()));
            assert!(reader.line.capacity() <= 16, "{}", reader.line.capacity());
            if line == LineRead::End {
                break;
            }
        }
        let expected = [
            (LineRead::Line, "12345\n"),
            (LineRead::TooLong(100_001), ""),
            (LineRead::TooLong(7), ""),
            (LineRead::Line, "last"),
            (LineRead::End, ""),
        ];
        assert_eq!(read, expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn all_lines_together_have_a_limit() {
        let mut reader = BundleLineReader { total: MAX_TOTAL - 2, ..BundleLineReader::new(Box::new(&b"1\n2\n"[..])) };
        assert_eq!(reader.next().unwrap(), LineRead::Line);
        assert!(reader.next().unwrap_err().to_string().contains("together"));
    }
}

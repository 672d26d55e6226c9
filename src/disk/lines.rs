//! Reads lines of foreign input with bounded memory. Does not interpret lines.

use std::io::{self, BufRead};

/// Capacity above which the buffer of a line is not kept for the next one, in bytes.
const KEPT_CAPACITY: usize = 4 << 20;

/// A line that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundedLine {
    /// Its length in bytes, with its end; 0 at the end of the input.
    pub length: u64,
    /// True if it has an end; the last one of the input may have none.
    pub has_end: bool,
}

/// Reads the next line into a buffer, with its end. One of more than `longest` bytes is read to its end and not kept.
///
/// # Errors
/// Any I/O error but an interruption.
pub fn read_bounded_line(input: &mut impl BufRead, line: &mut Vec<u8>, longest: usize) -> io::Result<BoundedLine> {
    line.clear();
    if line.capacity() > KEPT_CAPACITY {
        *line = Vec::new();
    }
    let mut length = 0;
    loop {
        let chunk = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        let end = memchr::memchr(b'\n', chunk);
        let taken = end.map_or(chunk.len(), |at| at + 1);
        length += taken as u64;
        if length <= longest as u64 {
            line.extend_from_slice(chunk.get(..taken).unwrap_or(&[]));
        } else {
            *line = Vec::new();
        }
        let is_last = end.is_some() || chunk.is_empty();
        input.consume(taken);
        if is_last {
            return Ok(BoundedLine { length, has_end: end.is_some() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_never_kept() {
        let text = [b"12345\n".as_slice(), &vec![b'x'; 100_000], b"\n123456\nlast"].concat();
        let mut input = io::BufReader::with_capacity(8, &text[..]);
        let mut line = Vec::new();
        for (length, has_end, kept) in [
            (6, true, b"12345\n".as_slice()),
            (100_001, true, b""),
            (7, true, b""),
            (4, false, b"last"),
            (0, false, b""),
        ] {
            let read = read_bounded_line(&mut input, &mut line, 6).unwrap();
            assert_eq!((read, line.as_slice()), (BoundedLine { length, has_end }, kept));
            assert!(line.capacity() <= 16, "{}", line.capacity());
        }
    }
}

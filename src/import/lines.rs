//! Reading a file that may still grow, line by line, with a bound on memory. Does not own what lines mean.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

/// How far a file was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Bytes.
    pub offset: u64,
    /// Complete lines.
    pub line: u64,
}

/// One step of reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line with its end is in the buffer.
    Complete,
    /// Bytes without a line end are in the buffer: the writer has not finished, or never will.
    Unfinished,
    /// A line longer than the bound was passed over; its length in bytes.
    TooLong(u64),
    /// Nothing more.
    End,
}

/// A buffered line reader that knows its position.
pub(super) struct Lines {
    input: BufReader<Box<dyn Read + Send>>,
    /// The last line, without its end.
    pub(super) buffer: Vec<u8>,
    /// After the last line returned as complete or too long.
    pub(super) position: Position,
    longest: usize,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Lines").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Lines {
    pub(super) fn open(path: &Path, from: Position, longest: usize) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from.offset))?;
        Ok(Self::over(Box::new(file), from, longest))
    }

    /// What is not a file of its own. `input` begins at `from`.
    pub(super) fn over(input: Box<dyn Read + Send>, from: Position, longest: usize) -> Self {
        Self { input: BufReader::with_capacity(1 << 16, input), buffer: Vec::new(), position: from, longest }
    }

    pub(super) fn next(&mut self) -> io::Result<Line> {
        self.buffer.clear();
        // A buffer that one huge line blew up is given back.
        if self.buffer.capacity() > 4 << 20 {
            self.buffer = Vec::new();
        }
        let mut length: u64 = 0;
        loop {
            let chunk = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            let end = memchr::memchr(b'\n', chunk);
            let taken = end.map_or(chunk.len(), |at| at + 1);
            if chunk.is_empty() {
                return Ok(if length == 0 { Line::End } else { self.unfinished(length) });
            }
            if self.buffer.len() + taken <= self.longest {
                self.buffer.extend_from_slice(chunk.get(..end.unwrap_or(taken)).unwrap_or(&[]));
            } else {
                self.buffer.clear();
                self.buffer.shrink_to(0);
            }
            length += taken as u64;
            self.input.consume(taken);
            if end.is_some() {
                self.position = Position { offset: self.position.offset + length, line: self.position.line + 1 };
                let fits = length <= self.longest as u64;
                return Ok(if fits { Line::Complete } else { Line::TooLong(length) });
            }
        }
    }

    /// The bytes at the end are accepted as a line after all.
    pub(super) fn accept_unfinished(&mut self) {
        self.position.offset += self.buffer.len() as u64;
        self.position.line += 1;
    }

    fn unfinished(&mut self, length: u64) -> Line {
        if length > self.longest as u64 { Line::TooLong(length) } else { Line::Unfinished }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8], longest: usize) -> Vec<(Line, Vec<u8>)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        crate::disk::write_atomic(&path, content).unwrap();
        let mut lines = Lines::open(&path, Position::default(), longest).unwrap();
        let mut read = Vec::new();
        loop {
            let line = lines.next().unwrap();
            if line == Line::End {
                return read;
            }
            let unfinished = line == Line::Unfinished;
            read.push((line, lines.buffer.clone()));
            if unfinished {
                return read;
            }
        }
    }

    #[test]
    fn bounded_lines_and_an_unfinished_tail() {
        let long = [b"a\n".as_slice(), &vec![b'x'; 200_000], b"\nb\nc"].concat();
        let read = read(&long, 100_000);
        assert_eq!(read[0], (Line::Complete, b"a".to_vec()));
        assert_eq!(read[1].0, Line::TooLong(200_001));
        assert_eq!(read[2], (Line::Complete, b"b".to_vec()));
        assert_eq!(read[3], (Line::Unfinished, b"c".to_vec()));
    }
}

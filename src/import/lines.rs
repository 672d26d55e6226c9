//! Reads a file that may still grow, line by line, with bounded memory. Does not interpret lines.

use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use crate::disk::{BoundedLine, ForeignFile, read_bounded_line};

/// Position in a file, in bytes and lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Offset in bytes.
    pub offset: u64,
    /// Number of complete lines.
    pub line: u64,
}

/// Result of reading the next line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineOutcome {
    /// The buffer holds a line that had a line end.
    Complete,
    /// The buffer holds bytes without a line end, which the writer may or may not finish.
    Unfinished,
    /// A line over the limit was skipped; its length in bytes.
    TooLong(u64),
    /// The end of the file.
    End,
}

/// Buffered line reader that tracks its position.
pub(super) struct LineReader {
    input: BufReader<Box<dyn Read + Send>>,
    /// The last line, without its line end.
    pub(super) buffer: Vec<u8>,
    /// Position after the last line returned as complete or too long.
    pub(super) position: Position,
    longest: usize,
}

impl std::fmt::Debug for LineReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Lines").field("position", &self.position).finish_non_exhaustive()
    }
}

impl LineReader {
    pub(super) fn open(path: &Path, from: Position, longest: usize) -> io::Result<Self> {
        let mut file = ForeignFile::open(path)?;
        file.seek(SeekFrom::Start(from.offset))?;
        Ok(Self::from_input(Box::new(file), from, longest))
    }

    /// Reads lines from any input, which begins at position `from`.
    pub(super) fn from_input(input: Box<dyn Read + Send>, from: Position, longest: usize) -> Self {
        Self { input: BufReader::with_capacity(1 << 16, input), buffer: Vec::new(), position: from, longest }
    }

    pub(super) fn next(&mut self) -> io::Result<LineOutcome> {
        let BoundedLine { length, has_end } = read_bounded_line(&mut self.input, &mut self.buffer, self.longest)?;
        if has_end {
            self.buffer.pop();
            self.position = Position { offset: self.position.offset + length, line: self.position.line + 1 };
        }
        Ok(match (length, has_end) {
            (0, _) => LineOutcome::End,
            (length, _) if length > self.longest as u64 => LineOutcome::TooLong(length),
            (_, true) => LineOutcome::Complete,
            (_, false) => LineOutcome::Unfinished,
        })
    }

    /// Accepts the unfinished bytes at the end as a line and advances the position past them.
    pub(super) fn accept_unfinished(&mut self) {
        self.position.offset += self.buffer.len() as u64;
        self.position.line += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8], longest: usize) -> Vec<(LineOutcome, Vec<u8>)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        crate::disk::write_atomic(&path, content).unwrap();
        let mut lines = LineReader::open(&path, Position::default(), longest).unwrap();
        let mut read = Vec::new();
        loop {
            let line = lines.next().unwrap();
            if line == LineOutcome::End {
                return read;
            }
            let unfinished = line == LineOutcome::Unfinished;
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
        assert_eq!(read[0], (LineOutcome::Complete, b"a".to_vec()));
        assert_eq!(read[1].0, LineOutcome::TooLong(200_001));
        assert_eq!(read[2], (LineOutcome::Complete, b"b".to_vec()));
        assert_eq!(read[3], (LineOutcome::Unfinished, b"c".to_vec()));
    }
}

//! The records of a JSON file, one by one: elements of an array, or values that follow each other. The whole file is never in memory, and
//! a record that cannot be read harms no other. Does not own what records mean.

use std::io::{self, BufRead};

use super::Position;

/// One step of reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// A record, whole as far as braces and quotation marks tell, and the line it begins on.
    Whole(Vec<u8>, u64),
    /// A record longer than the bound was passed over: its line and bytes.
    TooLong(u64, u64),
    /// The file ends within a record that began on this line.
    CutOff(u64),
    /// Nothing more.
    End,
}

/// A reader of records.
pub(super) struct Elements<R> {
    input: R,
    longest: usize,
    /// After the last byte that was looked at; lines count line ends.
    pub(super) position: Position,
}

impl<R: BufRead> Elements<R> {
    pub(super) fn new(input: R, longest: usize) -> Self {
        Self { input, longest, position: Position::default() }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = loop {
            match self.input.fill_buf() {
                Ok(chunk) => break chunk.first().copied(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        if let Some(byte) = byte {
            self.input.consume(1);
            self.position.offset += 1;
            self.position.line += u64::from(byte == b'\n');
        }
        Ok(byte)
    }

    /// The next record. What stands between records, brackets of the outer array too, is passed over.
    pub(super) fn next(&mut self) -> io::Result<Element> {
        let first = loop {
            match self.byte()? {
                None => return Ok(Element::End),
                Some(b'{') => break b'{',
                Some(_) => {}
            }
        };
        let line = self.position.line + 1;
        let (mut depth, mut quoted, mut escaped, mut length) = (1_u32, false, false, 1_u64);
        let mut record = vec![first];
        while depth > 0 {
            let Some(byte) = self.byte()? else { return Ok(Element::CutOff(line)) };
            length += 1;
            if record.len() < self.longest {
                record.push(byte);
            }
            if quoted {
                (quoted, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
            } else {
                match byte {
                    b'"' => quoted = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
            }
        }
        Ok(if length > self.longest as u64 { Element::TooLong(line, length) } else { Element::Whole(record, line) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, longest: usize) -> Vec<Element> {
        let mut elements = Elements::new(text.as_bytes(), longest);
        let mut found = Vec::new();
        loop {
            match elements.next().unwrap() {
                Element::End => return found,
                element => found.push(element),
            }
        }
    }

    #[test]
    fn records_of_arrays_and_of_lines() {
        let whole = |text: &str, line| Element::Whole(text.as_bytes().to_vec(), line);
        let array = "[{\"a\": [1, {}]},\n {\"b\": \"}\\\"{\"}\n]";
        assert_eq!(all(array, 100), [whole("{\"a\": [1, {}]}", 1), whole("{\"b\": \"}\\\"{\"}", 2)]);
        let lines = "\u{feff}{\"a\":1}\n\n{\"b\":2}\n{\"c\"";
        assert_eq!(all(lines, 100), [whole("{\"a\":1}", 1), whole("{\"b\":2}", 3), Element::CutOff(4)]);
        let long = "[{\"a\": \"0123456789\"}, {\"b\": 1}]";
        assert_eq!(all(long, 12), [Element::TooLong(1, 19), whole("{\"b\": 1}", 1)]);
        assert_eq!(all("", 9), []);
        assert_eq!(all("{\"\\\\\": \"\\\\\"}", 99).len(), 1);
    }
}

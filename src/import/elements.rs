//! The records of a JSON file, one by one: elements of an array, values of a known field of an object, or values that follow
//! each other. The whole file is never in memory. Where brackets do not fit, reading goes on at the next record. Does not own
//! what records mean.

use std::io::{self, BufRead};

use serde_json::Value;

use super::Position;
use crate::domain::json;

/// Bytes of a key that is compared with the names of fields that hold records.
const KEY_BYTES: usize = 32;

/// Times the length of a damaged record that may be read while the next record is looked for.
const MAX_PASSES: usize = 16;

/// One step of reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// A record, whole as far as brackets and quotation marks tell, and the line it begins on.
    Whole(Vec<u8>, u64),
    /// The first bytes of a record longer than the bound, and its line. [`Elements::pass_over`] skips the rest.
    Full(Vec<u8>, u64),
    /// The file ends within a record: its bytes and its line.
    CutOff(Vec<u8>, u64),
    /// Nothing more.
    End,
}

/// A reader of records.
pub(super) struct Elements<R> {
    input: R,
    longest: usize,
    /// Fields of an outer object whose values are records.
    fields: &'static [&'static str],
    /// Bytes that were returned to be read again, and how far they were read.
    returned: Vec<u8>,
    returned_at: usize,
    /// The record that is longer than the bound.
    open: Brackets,
    /// After the last byte that was looked at; lines count line ends.
    pub(super) position: Position,
    /// Closing brackets until the field that holds the records ends; `None` where the file is no object with such a field.
    in_field: Option<u32>,
}

impl<R: BufRead> Elements<R> {
    pub(super) fn new(input: R, longest: usize, fields: &'static [&'static str]) -> Self {
        Self {
            input,
            longest,
            fields,
            returned: Vec::new(),
            returned_at: 0,
            open: Brackets::default(),
            position: Position::default(),
            in_field: None,
        }
    }

    /// Returns whether the last record stood outside the field that holds the records.
    pub(super) fn is_outside(&self) -> bool {
        self.in_field == Some(0)
    }

    /// The next bytes; none at the end.
    fn fill_chunk(&mut self) -> io::Result<&[u8]> {
        if self.returned_at < self.returned.len() {
            return Ok(self.returned.get(self.returned_at..).unwrap_or(&[]));
        }
        while let Err(error) = self.input.fill_buf() {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        self.input.fill_buf()
    }

    fn consume(&mut self, bytes: usize, lines: u64) {
        if self.returned_at < self.returned.len() {
            self.returned_at += bytes;
        } else {
            self.returned = Vec::new();
            self.returned_at = 0;
            self.input.consume(bytes);
        }
        self.position.offset += bytes as u64;
        self.position.line += lines;
    }

    /// Returns bytes at the end of the last record, which are read again as the start of the next one.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        let unread = self.returned.get(self.returned_at..).unwrap_or(&[]);
        self.returned = [bytes, unread].concat();
        self.returned_at = 0;
        self.position.offset = self.position.offset.saturating_sub(bytes.len() as u64);
        self.position.line = self.position.line.saturating_sub(count_lines(bytes));
    }

    /// The next record. What stands between records, brackets of the outer array too, is passed over.
    pub(super) fn next(&mut self) -> io::Result<Element> {
        loop {
            if !self.find_object()? {
                return Ok(Element::End);
            }
            let line = self.position.line + 1;
            let (mut brackets, mut record) = (Brackets::default(), Vec::new());
            match self.read_object(&mut brackets, Some(&mut record))? {
                Step::Closed => return Ok(Element::Whole(record, line)),
                Step::Field => self.in_field = Some(1),
                Step::End => return Ok(Element::CutOff(record, line)),
                Step::More => {
                    self.open = brackets;
                    return Ok(Element::Full(record, line));
                }
            }
        }
    }

    /// Skips the rest of a record longer than the bound and returns its bytes.
    pub(super) fn pass_over(&mut self) -> io::Result<u64> {
        let start = self.position.offset;
        let mut brackets = std::mem::take(&mut self.open);
        self.read_object(&mut brackets, None)?;
        Ok(self.longest as u64 + self.position.offset - start)
    }

    /// Skips to the next opening brace, which is not consumed; `false` at the end.
    fn find_object(&mut self) -> io::Result<bool> {
        loop {
            let chunk = self.fill_chunk()?;
            if chunk.is_empty() {
                return Ok(false);
            }
            let found = memchr::memchr(b'{', chunk);
            let skipped = chunk.get(..found.unwrap_or(chunk.len())).unwrap_or(&[]);
            let (bytes, lines) = (skipped.len(), count_lines(skipped));
            let ends = skipped.iter().any(|byte| matches!(byte, b']' | b'}'));
            self.consume(bytes, lines);
            self.in_field = self.in_field.map(|open| if ends { 0 } else { open });
            if found.is_some() {
                return Ok(true);
            }
        }
    }

    /// Reads one object, or goes on within it. Ends with [`Step::More`] where the record reaches its bound.
    fn read_object(&mut self, brackets: &mut Brackets, mut record: Option<&mut Vec<u8>>) -> io::Result<Step> {
        let fields = if self.in_field.is_none() { self.fields } else { &[] };
        loop {
            let left = record.as_ref().map_or(usize::MAX, |record| self.longest.saturating_sub(record.len()));
            let chunk = self.fill_chunk()?;
            if chunk.is_empty() {
                return Ok(Step::End);
            }
            if left == 0 {
                return Ok(Step::More);
            }
            let (mut read, mut lines, mut step) = (0, 0, Step::More);
            for byte in chunk.iter().take(left) {
                step = brackets.step(*byte, fields);
                if step == Step::Field {
                    break;
                }
                read += 1;
                lines += u64::from(*byte == b'\n');
                if step == Step::Closed {
                    break;
                }
            }
            if let Some(record) = &mut record {
                record.extend_from_slice(chunk.get(..read).unwrap_or(&[]));
            }
            self.consume(read, lines);
            if step != Step::More {
                return Ok(step);
            }
        }
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Effect of one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The object goes on.
    More,
    /// The object was closed.
    Closed,
    /// The value of a field that holds records begins here.
    Field,
    /// There are no more bytes.
    End,
}

/// State of reading an object.
#[derive(Debug, Default)]
struct Brackets {
    depth: u32,
    quoted: bool,
    escaped: bool,
    /// The last string of the outermost level, and whether a colon stands behind it.
    key: Vec<u8>,
    is_key: bool,
}

impl Brackets {
    fn step(&mut self, byte: u8, fields: &[&str]) -> Step {
        if self.quoted {
            if self.depth == 1 && self.key.len() < KEY_BYTES {
                self.key.push(byte);
            }
            (self.quoted, self.escaped) = (self.escaped || byte != b'"', !self.escaped && byte == b'\\');
            return Step::More;
        }
        match byte {
            b'"' => {
                self.quoted = true;
                self.key.clear();
            }
            b'{' | b'[' if self.is_key && self.depth == 1 && self.is_one_of(fields) => return Step::Field,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return Step::Closed;
                }
            }
            _ => {}
        }
        self.is_key = byte == b':' || (self.is_key && byte.is_ascii_whitespace());
        Step::More
    }

    /// Returns whether the key, which ends with its quotation mark, is one of the names.
    fn is_one_of(&self, fields: &[&str]) -> bool {
        self.key.strip_suffix(b"\"").is_some_and(|key| fields.iter().any(|field| field.as_bytes() == key))
    }
}

/// Finds where the next record begins behind the start of a damaged one: an object that can be parsed as a whole and is a record.
pub(super) fn find_record(damaged: &[u8], is_record: impl Fn(&Value) -> bool) -> Option<usize> {
    let (mut from, mut budget) = (1, damaged.len().saturating_mul(MAX_PASSES));
    loop {
        let start = from + memchr::memchr(b'{', damaged.get(from..)?)?;
        from = start + 1;
        let rest = damaged.get(start..)?;
        let opens = rest.iter().skip(1).find(|byte| !byte.is_ascii_whitespace()) == Some(&b'"');
        if !opens {
            continue;
        }
        let mut brackets = Brackets::default();
        let end = rest.iter().position(|byte| brackets.step(*byte, &[]) == Step::Closed).map(|end| end + 1);
        budget = budget.checked_sub(end.unwrap_or(rest.len()))?;
        let Some(object) = end.and_then(|end| rest.get(..end)) else { continue };
        if let Ok((value, _)) = json::parse(object) {
            if is_record(&value) {
                return Some(start);
            }
            // Nothing inside a sound object is a record.
            from = start + object.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, longest: usize) -> Vec<Element> {
        let mut elements = Elements::new(text.as_bytes(), longest, &["conversations"]);
        let mut found = Vec::new();
        loop {
            match elements.next().unwrap() {
                Element::End => return found,
                Element::Full(record, line) => {
                    let bytes = elements.pass_over().unwrap();
                    found.push(Element::Full(record, line + 1_000 * bytes));
                }
                element => found.push(element),
            }
        }
    }

    fn whole(text: &str, line: u64) -> Element {
        Element::Whole(text.as_bytes().to_vec(), line)
    }

    #[test]
    fn records_of_arrays_and_of_lines() {
        let array = "[{\"a\": [1, {}]},\n {\"b\": \"}\\\"{\"}\n]";
        assert_eq!(all(array, 100), [whole("{\"a\": [1, {}]}", 1), whole("{\"b\": \"}\\\"{\"}", 2)]);
        let lines = "\u{feff}{\"a\":1}\n\n{\"b\":2}\n{\"c\"";
        let cut = Element::CutOff(b"{\"c\"".to_vec(), 4);
        assert_eq!(all(lines, 100), [whole("{\"a\":1}", 1), whole("{\"b\":2}", 3), cut]);
        let long = "[{\"a\": \"0123456789\"}, {\"b\": 1}]";
        assert_eq!(all(long, 12), [Element::Full(b"{\"a\": \"01234".to_vec(), 19_001), whole("{\"b\": 1}", 1)]);
        assert_eq!(all(long, 19), [whole("{\"a\": \"0123456789\"}", 1), whole("{\"b\": 1}", 1)]);
        assert_eq!(all("", 9), []);
        assert_eq!(all("{\"\\\\\": \"\\\\\"}", 99).len(), 1);
    }

    #[test]
    fn records_of_a_field() {
        let text =
            "{\"user\": {\"x\": 1},\n \"conversations\" : [{\"a\": {\"conversations\": [{}]}}, {\"b\": 2}], \"c\": {}}";
        assert_eq!(
            all(text, 99),
            [whole("{\"a\": {\"conversations\": [{}]}}", 2), whole("{\"b\": 2}", 2), whole("{}", 2)]
        );
        let mut elements = Elements::new(text.as_bytes(), 99, &["conversations"]);
        let mut outside = Vec::new();
        while elements.next().unwrap() != Element::End {
            outside.push(elements.is_outside());
        }
        assert_eq!(outside, [false, false, true]);
        assert_eq!(all("{\"conversations\": {\"a\": 1}}", 99), [whole("{\"a\": 1}", 1)]);
        assert_eq!(all("{\"x\": \"conversations\", \"y\": [1]}", 99).len(), 1);
    }

    #[test]
    fn the_next_record_behind_damage() {
        let is_record = |value: &Value| value.get("id").is_some();
        for damaged in
            ["{\"id\": 1, \"t\": \"open, ", "{\"id\": 1, \"t\": {", "{\"id\": 1 \"t\"}, [", "{\"a\": {\"b\": \"{"]
        {
            let text = format!("{damaged}, {{\n\"id\": 2, \"x\": {{\"id\": 3}}}}]");
            let start = find_record(text.as_bytes(), is_record).unwrap();
            assert!(text.get(start..).unwrap().starts_with("{\n\"id\": 2"), "{text}");
        }
        assert_eq!(find_record(b"{\"id\": 1, \"t\": {\"x\": [{}]", is_record), None);
        assert_eq!(find_record(b"", is_record), None);
    }

    #[test]
    fn bytes_that_are_put_back_are_read_again() {
        let mut elements = Elements::new(&b"{\"a\":\n{\"b\":1}\n {\"c\":2}"[..], 99, &[]);
        assert!(matches!(elements.next().unwrap(), Element::CutOff(..)));
        elements.put_back(b"{\"b\":1}\n {\"c\":2}");
        assert_eq!(elements.next().unwrap(), whole("{\"b\":1}", 2));
        assert_eq!(elements.next().unwrap(), whole("{\"c\":2}", 3));
        assert_eq!((elements.next().unwrap(), elements.position.offset), (Element::End, 22));
    }
}

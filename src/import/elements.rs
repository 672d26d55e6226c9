//! Streams the records of a JSON file: elements of an array, values of a known field of an object, or concatenated
//! values. The whole file is never in memory. After unbalanced brackets, reading resumes at the next record. Does not
//! interpret records.

use std::io::{self, BufRead};

use serde_json::Value;

use super::Position;
use crate::domain::json;

/// Maximum bytes of a key that is compared with the names of record fields.
const KEY_BYTES: usize = 32;

/// Limit on the work of finding the next record, in multiples of the damaged record's length.
const MAX_PASSES: usize = 16;

/// Result of reading the next record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// A record that is complete as far as brackets and quotation marks show, and its first line.
    Whole(Vec<u8>, u64),
    /// The first bytes of a record over the limit, and its first line. [`ElementReader::skip_record`] skips the rest.
    Full(Vec<u8>, u64),
    /// The bytes of a record that the end of the file cuts off, and its first line.
    CutOff(Vec<u8>, u64),
    /// The end of the file.
    End,
}

/// Streaming reader of JSON records.
pub(super) struct ElementReader<R> {
    input: R,
    longest: usize,
    /// Fields of an outer object whose values are records.
    fields: &'static [&'static str],
    /// Bytes put back to be read again, and the index of the first unread one.
    returned: Vec<u8>,
    returned_at: usize,
    /// State of the record that is over the limit.
    open: BracketState,
    /// Position after the last byte consumed; `line` counts line ends.
    pub(super) position: Position,
    /// Open brackets of the field that holds the records; 0 after its end; `None` if the file is not an object with
    /// such a field.
    in_field: Option<u32>,
}

impl<R: BufRead> ElementReader<R> {
    pub(super) fn new(input: R, longest: usize, fields: &'static [&'static str]) -> Self {
        Self {
            input,
            longest,
            fields,
            returned: Vec::new(),
            returned_at: 0,
            open: BracketState::default(),
            position: Position::default(),
            in_field: None,
        }
    }

    /// Returns true if the last record was after the field that holds the records.
    pub(super) fn is_outside(&self) -> bool {
        self.in_field == Some(0)
    }

    /// Returns the next bytes; empty at the end.
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

    fn consume_bytes(&mut self, bytes: usize, lines: u64) {
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

    /// Puts back bytes of the last record, to be read again as the next one.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        let unread = self.returned.get(self.returned_at..).unwrap_or(&[]);
        self.returned = [bytes, unread].concat();
        self.returned_at = 0;
        self.position.offset = self.position.offset.saturating_sub(bytes.len() as u64);
        self.position.line = self.position.line.saturating_sub(count_lines(bytes));
    }

    /// Reads the next record. Bytes between records, including brackets of the outer array, are skipped.
    pub(super) fn next(&mut self) -> io::Result<Element> {
        loop {
            if !self.find_object()? {
                return Ok(Element::End);
            }
            let line = self.position.line + 1;
            let (mut brackets, mut record) = (BracketState::default(), Vec::new());
            match self.read_object(&mut brackets, Some(&mut record))? {
                BracketStep::Closed => return Ok(Element::Whole(record, line)),
                BracketStep::Field => self.in_field = Some(1),
                BracketStep::End => return Ok(Element::CutOff(record, line)),
                BracketStep::More => {
                    self.open = brackets;
                    return Ok(Element::Full(record, line));
                }
            }
        }
    }

    /// Skips the rest of a record over the limit and returns the record's size in bytes.
    pub(super) fn skip_record(&mut self) -> io::Result<u64> {
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
            self.consume_bytes(bytes, lines);
            self.in_field = self.in_field.map(|open| if ends { 0 } else { open });
            if found.is_some() {
                return Ok(true);
            }
        }
    }

    /// Reads one object, or continues inside it. Returns [`BracketStep::More`] when the record reaches the limit.
    fn read_object(
        &mut self,
        brackets: &mut BracketState,
        mut record: Option<&mut Vec<u8>>,
    ) -> io::Result<BracketStep> {
        let fields = if self.in_field.is_none() { self.fields } else { &[] };
        loop {
            let left = record.as_ref().map_or(usize::MAX, |record| self.longest.saturating_sub(record.len()));
            let chunk = self.fill_chunk()?;
            if chunk.is_empty() {
                return Ok(BracketStep::End);
            }
            if left == 0 {
                return Ok(BracketStep::More);
            }
            let chunk = chunk.get(..left.min(chunk.len())).unwrap_or(chunk);
            let (mut read, mut step) = (0, BracketStep::More);
            while step == BracketStep::More {
                read += brackets.skip_text(chunk.get(read..).unwrap_or(&[]));
                let Some(byte) = chunk.get(read) else { break };
                step = brackets.read_byte(*byte, fields);
                read += usize::from(step != BracketStep::Field);
            }
            let taken = chunk.get(..read).unwrap_or(&[]);
            let lines = count_lines(taken);
            if let Some(record) = &mut record {
                record.extend_from_slice(taken);
            }
            self.consume_bytes(read, lines);
            if step != BracketStep::More {
                return Ok(step);
            }
        }
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// State after one byte, or at the end of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BracketStep {
    /// The object is still open.
    More,
    /// The object was closed.
    Closed,
    /// The next byte opens the value of a field that holds records.
    Field,
    /// The input has ended.
    End,
}

/// Bracket and string state inside an object.
#[derive(Debug, Default)]
struct BracketState {
    depth: u32,
    quoted: bool,
    escaped: bool,
    /// Last string of the outermost level, and whether a colon follows it.
    key: Vec<u8>,
    is_key: bool,
}

impl BracketState {
    /// Returns the number of bytes at the start that change nothing: most of a file is inside strings.
    fn skip_text(&self, bytes: &[u8]) -> usize {
        let is_key_open = self.depth == 1 && self.key.len() < KEY_BYTES;
        if !self.quoted || self.escaped || is_key_open {
            return 0;
        }
        memchr::memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len())
    }

    fn read_byte(&mut self, byte: u8, fields: &[&str]) -> BracketStep {
        if self.quoted {
            if self.depth == 1 && self.key.len() < KEY_BYTES {
                self.key.push(byte);
            }
            (self.quoted, self.escaped) = (self.escaped || byte != b'"', !self.escaped && byte == b'\\');
            return BracketStep::More;
        }
        match byte {
            b'"' => {
                self.quoted = true;
                self.key.clear();
            }
            b'{' | b'[' if self.is_key && self.depth == 1 && self.is_one_of(fields) => return BracketStep::Field,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return BracketStep::Closed;
                }
            }
            _ => {}
        }
        self.is_key = byte == b':' || (self.is_key && byte.is_ascii_whitespace());
        BracketStep::More
    }

    /// Returns true if the key, which ends with its quotation mark, is one of `fields`.
    fn is_one_of(&self, fields: &[&str]) -> bool {
        self.key.strip_suffix(b"\"").is_some_and(|key| fields.iter().any(|field| field.as_bytes() == key))
    }
}

/// Finds the start of the next record after the start of a damaged one: an object that parses completely and is a
/// record.
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
        let mut brackets = BracketState::default();
        let end = rest.iter().position(|byte| brackets.read_byte(*byte, &[]) == BracketStep::Closed).map(|end| end + 1);
        budget = budget.checked_sub(end.unwrap_or(rest.len()))?;
        let Some(object) = end.and_then(|end| rest.get(..end)) else { continue };
        if let Ok((value, _)) = json::parse_lenient(object) {
            if is_record(&value) {
                return Some(start);
            }
            // No record is nested in an object that parses.
            from = start + object.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, longest: usize) -> Vec<Element> {
        let mut elements = ElementReader::new(text.as_bytes(), longest, &["conversations"]);
        let mut found = Vec::new();
        loop {
            match elements.next().unwrap() {
                Element::End => return found,
                Element::Full(record, line) => {
                    let bytes = elements.skip_record().unwrap();
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
    fn inside_a_string_only_its_end_and_escapes_are_looked_at() {
        let mut brackets = BracketState::default();
        for byte in b"{\"a\": [\"" {
            assert_eq!(brackets.skip_text(b"xyz\""), 0, "outside of strings and in keys every byte counts");
            brackets.read_byte(*byte, &[]);
        }
        assert_eq!(brackets.skip_text(&[b'x'; 1000]), 1000);
        assert_eq!((brackets.skip_text(b"{[\\\""), brackets.skip_text(b"\"]")), (2, 0));
        brackets.read_byte(b'\\', &[]);
        assert_eq!(brackets.skip_text(b"\"x"), 0, "an escaped byte");
    }

    #[test]
    fn records_of_a_field() {
        let text =
            "{\"user\": {\"x\": 1},\n \"conversations\" : [{\"a\": {\"conversations\": [{}]}}, {\"b\": 2}], \"c\": {}}";
        assert_eq!(
            all(text, 99),
            [whole("{\"a\": {\"conversations\": [{}]}}", 2), whole("{\"b\": 2}", 2), whole("{}", 2)]
        );
        let mut elements = ElementReader::new(text.as_bytes(), 99, &["conversations"]);
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
        let mut elements = ElementReader::new(&b"{\"a\":\n{\"b\":1}\n {\"c\":2}"[..], 99, &[]);
        assert!(matches!(elements.next().unwrap(), Element::CutOff(..)));
        elements.put_back(b"{\"b\":1}\n {\"c\":2}");
        assert_eq!(elements.next().unwrap(), whole("{\"b\":1}", 2));
        assert_eq!(elements.next().unwrap(), whole("{\"c\":2}", 3));
        assert_eq!((elements.next().unwrap(), elements.position.offset), (Element::End, 22));
    }
}

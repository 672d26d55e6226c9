//! Decodes UTF-16 files, which some tools on Windows write, to UTF-8. Any other file passes through unchanged.

use std::io::{self, BufRead, BufReader, Read};

/// Bytes decoded at a time.
const CHUNK: usize = 1 << 16;

/// Reader that returns UTF-8 for a UTF-8 or UTF-16 file.
pub(super) enum Utf8<R> {
    /// Input that is passed through unchanged.
    Plain(R),
    /// Input decoded from UTF-16.
    Decoded(BufReader<Utf16<R>>),
}

impl<R: BufRead> Utf8<R> {
    /// Detects the encoding from the first bytes: a byte order mark, else the zero bytes of ASCII in UTF-16.
    pub(super) fn from_input(mut input: R) -> io::Result<Self> {
        let start: Vec<u8> = input.fill_buf()?.iter().take(4).copied().collect();
        let Some(endian) = Endian::detect_order(&start) else { return Ok(Self::Plain(input)) };
        let decoder = Utf16 { input, endian, odd: None, high: None, text: Vec::new(), at: 0 };
        Ok(Self::Decoded(BufReader::with_capacity(CHUNK, decoder)))
    }
}

impl<R: BufRead> Read for Utf8<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(input) => input.read(buffer),
            Self::Decoded(input) => input.read(buffer),
        }
    }
}

impl<R: BufRead> BufRead for Utf8<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Plain(input) => input.fill_buf(),
            Self::Decoded(input) => input.fill_buf(),
        }
    }

    fn consume(&mut self, bytes: usize) {
        match self {
            Self::Plain(input) => input.consume(bytes),
            Self::Decoded(input) => input.consume(bytes),
        }
    }
}

/// Reads at most `bytes` bytes from the start of a text, as UTF-8.
pub(super) fn read_head(input: impl Read, bytes: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.take(bytes).read_to_end(&mut head)?;
    let mut text = Vec::new();
    Utf8::from_input(&head[..])?.read_to_end(&mut text)?;
    Ok(text)
}

/// Byte order of a code unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endian {
    Little,
    Big,
}

impl Endian {
    fn detect_order(start: &[u8]) -> Option<Self> {
        match start {
            [0xff, 0xfe, ..] => Some(Self::Little),
            [0xfe, 0xff, ..] => Some(Self::Big),
            [b'[' | b'{', 0, _, 0, ..] => Some(Self::Little),
            [0, b'[' | b'{', 0, _, ..] => Some(Self::Big),
            _ => None,
        }
    }

    fn code_unit(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }
}

/// UTF-16 decoder. Unpaired surrogates become U+FFFD.
pub(super) struct Utf16<R> {
    input: R,
    endian: Endian,
    /// First byte of a code unit whose second byte is not read yet.
    odd: Option<u8>,
    /// High surrogate whose low surrogate is not read yet.
    high: Option<u16>,
    text: Vec<u8>,
    at: usize,
}

impl<R: Read> Utf16<R> {
    fn decode_chunk(&mut self) -> io::Result<()> {
        let mut bytes = vec![0; CHUNK];
        let read = loop {
            match self.input.read(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        let mut units: Vec<u16> = self.high.take().into_iter().collect();
        for byte in bytes.into_iter().take(read) {
            match self.odd.take() {
                Some(first) => units.push(self.endian.code_unit([first, byte])),
                None => self.odd = Some(byte),
            }
        }
        if read > 0 && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            self.high = units.pop();
        }
        let text: String = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        (self.text, self.at) = (text.into_bytes(), 0);
        // The chunk may end inside a character, so read on.
        if self.text.is_empty() && read > 0 { self.decode_chunk() } else { Ok(()) }
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.text.len() {
            self.decode_chunk()?;
        }
        let mut rest = self.text.get(self.at..).unwrap_or(&[]);
        let read = rest.read(buffer)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, endian: Endian, mark: bool) -> Vec<u8> {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units.flat_map(|unit| if endian == Endian::Little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    fn read(bytes: &[u8]) -> Vec<u8> {
        read_head(bytes, u64::MAX).unwrap()
    }

    #[test]
    fn utf_16_is_read_as_utf_8_and_the_rest_as_it_is() {
        let text = format!("[{{\"text\": \"连接池 😀\"}}]{}", "é😀".repeat(CHUNK));
        for endian in [Endian::Little, Endian::Big] {
            for mark in [true, false] {
                let decoded = read(&utf16(&text, endian, mark));
                let decoded = String::from_utf8(decoded).unwrap();
                assert!(decoded.trim_start_matches('\u{feff}') == text, "{endian:?} {mark}");
            }
        }
        assert_eq!(read("{\"a\": \"连\"}".as_bytes()), "{\"a\": \"连\"}".as_bytes());
        assert_eq!(read(b""), b"");
        let half = [&utf16("{\"a\"", Endian::Little, true)[..], &[0x3d, 0xd8]].concat();
        assert_eq!(read(&half), "\u{feff}{\"a\"\u{fffd}".as_bytes());
    }
}

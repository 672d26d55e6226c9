//! Configuration file as text that parsers accept, convertible back to its exact bytes: clients write what strict
//! parsers refuse (a byte order mark, halves of surrogate pairs, bytes that are not UTF-8), and none of it may change.
//! Does not own the edits.

/// First stand-in for bytes that are not UTF-8: the byte is added. No program uses these characters.
const BYTE_STAND_INS: u32 = 0x0010_fe00;
/// Private use characters whose escapes stand in for halves of surrogate pairs.
const STAND_INS: std::ops::Range<u32> = 0xe000..0xf900;

/// Text of a file, with stand-ins for what cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EditableText {
    text: String,
    has_mark: bool,
    has_bad_bytes: bool,
    /// Pairs of a stand-in and the original escape.
    halves: Vec<(String, String)>,
}

impl EditableText {
    /// Decodes the bytes of a file; `None` for UTF-16 and for texts that contain the stand-ins already.
    pub(super) fn new(bytes: &[u8], is_json: bool) -> Option<Self> {
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return None;
        }
        let rest = bytes.strip_prefix("\u{feff}".as_bytes());
        let (text, has_bad_bytes) = decode_bytes(rest.unwrap_or(bytes))?;
        let mut editable = Self { text, has_mark: rest.is_some(), has_bad_bytes, halves: Vec::new() };
        if is_json {
            editable.replace_lone_surrogates()?;
        }
        Some(editable)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Converts an edited text to the bytes of the file.
    pub(super) fn restore_bytes(&self, edited: &str) -> Vec<u8> {
        let mut edited = edited.to_owned();
        for (stand_in, half) in &self.halves {
            edited = edited.replace(stand_in, half);
        }
        let mut bytes = if self.has_mark { "\u{feff}".as_bytes().to_vec() } else { Vec::new() };
        if !self.has_bad_bytes {
            bytes.extend(edited.as_bytes());
            return bytes;
        }
        for letter in edited.chars() {
            match u32::from(letter).checked_sub(BYTE_STAND_INS).and_then(|byte| u8::try_from(byte).ok()) {
                Some(byte) => bytes.push(byte),
                None => bytes.extend(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        bytes
    }

    fn replace_lone_surrogates(&mut self) -> Option<()> {
        let places = find_lone_surrogates(&self.text);
        let mut free = STAND_INS.map(|unit| format!("\\u{unit:04x}"));
        let mut text = String::with_capacity(self.text.len());
        let mut copied = 0;
        for at in places {
            let half = self.text.get(at..at + 6)?;
            text.push_str(self.text.get(copied..at)?);
            let known = self.halves.iter().find(|(_, known)| known == half).map(|(stand_in, _)| stand_in.clone());
            let stand_in = if let Some(stand_in) = known {
                stand_in
            } else {
                let stand_in = free.find(|stand_in| !self.text.contains(stand_in))?;
                self.halves.push((stand_in.clone(), half.to_owned()));
                stand_in
            };
            text.push_str(&stand_in);
            copied = at + 6;
        }
        text.push_str(self.text.get(copied..)?);
        self.text = text;
        Some(())
    }
}

/// Decodes bytes to a text; the flag is true if some bytes are not UTF-8. `None` if the text contains the stand-ins
/// already.
fn decode_bytes(bytes: &[u8]) -> Option<(String, bool)> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some((text.to_owned(), false));
    }
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        if chunk.valid().chars().any(|letter| (BYTE_STAND_INS..BYTE_STAND_INS + 256).contains(&u32::from(letter))) {
            return None;
        }
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(BYTE_STAND_INS + u32::from(*byte))));
    }
    Some((text, true))
}

/// Returns the positions of `\uD800` to `\uDFFF` escapes that are not part of a pair.
fn find_lone_surrogates(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = text.get(at..).and_then(|rest| rest.find('\\')) {
        at += offset;
        match (code_unit_at(text, at), code_unit_at(text, at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => at += 12,
            (Some(0xd800..0xe000), _) => {
                found.push(at);
                at += 6;
            }
            // The character after a backslash may be one of several bytes, but none of them is a backslash.
            _ => at += 1 + usize::from(text.as_bytes().get(at + 1).is_some_and(u8::is_ascii)),
        }
    }
    found
}

/// Parses the code unit of the escape at a position.
fn code_unit_at(text: &str, at: usize) -> Option<u32> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let cases: [&[u8]; 9] = [
            b"{}",
            b"",
            b"\xef\xbb\xbf{\"a\":1}\r\n",
            br#"{"a":"x \ud83d y \uD83D \ude00 \ud83d\ude00"}"#,
            br#"{"a":"\\ud83d \ue000 \\\udc00 \ud83d\\"}"#,
            b"{\"a\":\"\xff\xfe x \xe4\xb8 \xe4\xb8\xad\"}",
            br#"{"\ud83d":"\ud83d\ud83d"}"#,
            b"\\\xe4\xb8\xad\\ud83d",
            b"\\",
        ];
        for bytes in cases {
            let editable = EditableText::new(bytes, true).unwrap();
            assert_eq!(editable.restore_bytes(editable.text()), bytes, "{}", bytes.escape_ascii());
            assert!(find_lone_surrogates(editable.text()).is_empty(), "{}", editable.text());
            let plain = EditableText::new(bytes, false).unwrap();
            assert_eq!(plain.restore_bytes(plain.text()), bytes, "{}", bytes.escape_ascii());
        }
        let pair = EditableText::new(br#"{"a":"\ud83d\ude00 \\ud83d"}"#, true).unwrap();
        assert_eq!(pair.halves, []);
        assert_eq!(EditableText::new(b"\xff\xfe{\0", true), None);
        assert_eq!(
            EditableText::new(
                "{\"\u{10fe80}".as_bytes().iter().copied().chain([0xff]).collect::<Vec<_>>().as_slice(),
                true
            ),
            None
        );
    }
}

//! Rewrites one value as well-formed JSON, up to where its text is torn.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Number, Value};

use super::MAX_DEPTH;

/// Result of a scan: one value as well-formed JSON.
pub(super) struct ScannedValue {
    pub(super) json: String,
    /// Offset after the last byte that was read.
    pub(super) end: usize,
    /// Offset at which the text stopped being JSON; its length if it ended too early. `json` is completed up to it.
    pub(super) torn: Option<usize>,
}

/// Token that may come next inside a container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ExpectedToken {
    FirstKey,
    Key,
    Colon,
    FirstItem,
    Value,
    Comma,
}

/// Rewrites the value at an offset as well-formed JSON. A loop with its own stack: depth costs no call stack.
pub(super) fn scan_value(text: &str, start: usize) -> ScannedValue {
    let bytes = text.as_bytes();
    let mut scanner = ValueScanner { text, at: start, json: String::new(), stack: Vec::new() };
    let torn = loop {
        let expect = scanner.stack.last().map(|(_, expect)| *expect);
        let Some(byte) = bytes.get(scanner.at).copied() else { break Some(text.len()) };
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0) {
            scanner.at += 1;
            continue;
        }
        if !scanner.consume_token(byte, expect) {
            break Some(scanner.at);
        }
        if scanner.stack.is_empty() {
            break None;
        }
    };
    if torn.is_some() {
        scanner.close_containers();
    }
    ScannedValue { json: scanner.json, end: scanner.at, torn }
}

struct ValueScanner<'a> {
    text: &'a str,
    at: usize,
    json: String,
    /// Open containers, `true` for objects, and what each expects.
    stack: Vec<(bool, ExpectedToken)>,
}

impl ValueScanner<'_> {
    /// Consumes one token; returns false if it does not fit.
    fn consume_token(&mut self, byte: u8, expect: Option<ExpectedToken>) -> bool {
        match (byte, expect) {
            (
                b'}' | b']',
                Some(
                    ExpectedToken::FirstKey
                    | ExpectedToken::Key
                    | ExpectedToken::FirstItem
                    | ExpectedToken::Value
                    | ExpectedToken::Comma,
                ),
            ) => self.end_container(byte),
            (b',', Some(ExpectedToken::Comma)) => {
                self.at += 1;
                let object = self.stack.last().is_some_and(|(object, _)| *object);
                self.set_expected(if object { ExpectedToken::Key } else { ExpectedToken::Value });
                true
            }
            (b':', Some(ExpectedToken::Colon)) => {
                self.at += 1;
                self.json.push(':');
                self.set_expected(ExpectedToken::Value);
                true
            }
            (b'"', Some(ExpectedToken::FirstKey | ExpectedToken::Key)) => {
                self.write_comma(expect == Some(ExpectedToken::Key));
                self.copy_string();
                self.set_expected(ExpectedToken::Colon);
                true
            }
            (_, None | Some(ExpectedToken::FirstItem | ExpectedToken::Value)) => self.write_value(byte),
            _ => false,
        }
    }

    fn set_expected(&mut self, next: ExpectedToken) {
        if let Some((_, expect)) = self.stack.last_mut() {
            *expect = next;
        }
    }

    fn write_comma(&mut self, needed: bool) {
        if needed {
            self.json.push(',');
        }
    }

    fn end_container(&mut self, byte: u8) -> bool {
        let Some((object, expect)) = self.stack.last().copied() else { return false };
        // `{"a":}` is damage, `[1,]` a slip.
        if object != (byte == b'}') || (object && expect == ExpectedToken::Value) {
            return false;
        }
        self.at += 1;
        self.json.push(char::from(byte));
        self.stack.pop();
        true
    }

    fn write_value(&mut self, byte: u8) -> bool {
        // A comma of a list is written when its next item comes.
        let in_list = self.stack.last().is_some_and(|(object, expect)| !object && *expect == ExpectedToken::Value);
        match byte {
            b'{' | b'[' if self.stack.len() >= MAX_DEPTH => {
                self.write_comma(in_list);
                let end = end_of_subtree(self.text, self.at);
                let subtree = self.text.get(self.at..end).unwrap_or("");
                self.json.push_str(&Value::from(subtree).to_string());
                self.at = end;
                self.set_expected(ExpectedToken::Comma);
            }
            b'{' | b'[' => {
                self.write_comma(in_list);
                self.json.push(char::from(byte));
                self.at += 1;
                let object = byte == b'{';
                // The enclosing container expects a comma next, even if the text ends inside this one.
                self.set_expected(ExpectedToken::Comma);
                self.stack.push((object, if object { ExpectedToken::FirstKey } else { ExpectedToken::FirstItem }));
            }
            b'"' => {
                self.write_comma(in_list);
                self.copy_string();
                self.set_expected(ExpectedToken::Comma);
            }
            _ => {
                let rest = self.text.get(self.at..).unwrap_or("");
                let length =
                    rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-._".contains(c))).unwrap_or(rest.len());
                let Some(word) = rest.get(..length).and_then(parse_plain_word) else { return false };
                self.write_comma(in_list);
                self.json.push_str(&word);
                self.at += length;
                self.set_expected(ExpectedToken::Comma);
            }
        }
        true
    }

    /// Copies the string at the current offset, closed and well-formed.
    fn copy_string(&mut self) {
        let bytes = self.text.as_bytes();
        self.json.push('"');
        self.at += 1;
        let mut copied = self.at;
        while let Some(byte) = bytes.get(self.at).copied() {
            match byte {
                b'"' => break,
                b'\\' => {
                    self.copy_text_from(copied);
                    self.copy_escape();
                    copied = self.at;
                }
                0..=0x1f => {
                    self.copy_text_from(copied);
                    let _ = write!(self.json, "\\u{byte:04x}");
                    self.at += 1;
                    copied = self.at;
                }
                _ => self.at += 1,
            }
        }
        self.copy_text_from(copied);
        self.json.push('"');
        self.at = (self.at + 1).min(bytes.len());
    }

    fn copy_text_from(&mut self, from: usize) {
        self.json.push_str(self.text.get(from..self.at).unwrap_or(""));
    }

    /// Copies one escape: halves of surrogate pairs become U+FFFD, unknown escapes become text.
    fn copy_escape(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or("");
        match rest.as_bytes().get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.json.push_str(rest.get(..2).unwrap_or(""));
                self.at += 2;
            }
            Some(b'u') => match (parse_code_unit(rest), rest.get(6..).and_then(parse_code_unit)) {
                (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => {
                    self.json.push_str(rest.get(..12).unwrap_or(""));
                    self.at += 12;
                }
                (Some(0xd800..0xe000), _) => {
                    self.json.push('\u{fffd}');
                    self.at += 6;
                }
                (Some(_), _) => {
                    self.json.push_str(rest.get(..6).unwrap_or(""));
                    self.at += 6;
                }
                (None, _) => self.escape_backslash(),
            },
            // The text ends within an escape.
            None => self.at += 1,
            Some(_) => self.escape_backslash(),
        }
    }

    fn escape_backslash(&mut self) {
        self.json.push_str("\\\\");
        self.at += 1;
    }

    /// Closes the open containers. Only the innermost container can lack a value: each of the others has the next one
    /// as its value.
    fn close_containers(&mut self) {
        let mut innermost = true;
        while let Some((object, expect)) = self.stack.pop() {
            match (object, expect) {
                (true, ExpectedToken::Colon) if innermost => self.json.push_str(":null}"),
                (true, ExpectedToken::Value) if innermost => self.json.push_str("null}"),
                (true, _) => self.json.push('}'),
                (false, _) => self.json.push(']'),
            }
            innermost = false;
        }
    }
}

/// Parses the code unit of `\uXXXX` at the start of a text.
fn parse_code_unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

/// Rewrites a word or number as JSON; `None` if it is neither.
fn parse_plain_word(word: &str) -> Option<Cow<'_, str>> {
    let unsigned = word.trim_start_matches(['+', '-']);
    match unsigned {
        "true" | "false" | "null" if unsigned.len() == word.len() => return Some(word.into()),
        "NaN" | "nan" | "Infinity" | "inf" | "undefined" | "None" => return Some("null".into()),
        _ => {}
    }
    if serde_json::from_str::<f64>(word).is_ok() {
        return Some(word.into());
    }
    let number: f64 = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.').then(|| word.parse().ok())??;
    Some(Number::from_f64(number).map_or("null".into(), |number| number.to_string().into()))
}

/// Returns the offset after the closing bracket of a subtree; the end of the text if there is none.
fn end_of_subtree(text: &str, start: usize) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (offset, byte) in text.bytes().enumerate().skip(start) {
        if quoted {
            (quoted, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return offset + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

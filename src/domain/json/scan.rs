//! Rewriting one value as well-formed JSON, up to where its text is torn.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Number, Value};

use super::MAX_DEPTH;

/// One value as well-formed JSON.
pub(super) struct Scanned {
    pub(super) json: String,
    /// Behind the last byte that was read.
    pub(super) end: usize,
    /// Where the text stopped being JSON; its length if it ended too early. The JSON is completed up to there.
    pub(super) torn: Option<usize>,
}

/// What may come next inside a container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    FirstKey,
    Key,
    Colon,
    FirstItem,
    Value,
    Comma,
}

/// Rewrites the value at a place as well-formed JSON. A loop with its own stack: depth costs no call stack.
pub(super) fn scan(text: &str, start: usize) -> Scanned {
    let bytes = text.as_bytes();
    let mut scanner = Scanner { text, at: start, json: String::new(), stack: Vec::new() };
    let torn = loop {
        let expect = scanner.stack.last().map(|(_, expect)| *expect);
        let Some(byte) = bytes.get(scanner.at).copied() else { break Some(text.len()) };
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0) {
            scanner.at += 1;
            continue;
        }
        if !scanner.step(byte, expect) {
            break Some(scanner.at);
        }
        if scanner.stack.is_empty() {
            break None;
        }
    };
    if torn.is_some() {
        scanner.close();
    }
    Scanned { json: scanner.json, end: scanner.at, torn }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    json: String,
    /// Open containers, `true` for objects, and what each expects.
    stack: Vec<(bool, Expect)>,
}

impl Scanner<'_> {
    /// Takes one token; `false` when it does not fit.
    fn step(&mut self, byte: u8, expect: Option<Expect>) -> bool {
        match (byte, expect) {
            (b'}' | b']', Some(Expect::FirstKey | Expect::Key | Expect::FirstItem | Expect::Value | Expect::Comma)) => {
                self.end_container(byte)
            }
            (b',', Some(Expect::Comma)) => {
                self.at += 1;
                let object = self.stack.last().is_some_and(|(object, _)| *object);
                self.expect(if object { Expect::Key } else { Expect::Value });
                true
            }
            (b':', Some(Expect::Colon)) => {
                self.at += 1;
                self.json.push(':');
                self.expect(Expect::Value);
                true
            }
            (b'"', Some(Expect::FirstKey | Expect::Key)) => {
                self.separate(expect == Some(Expect::Key));
                self.string();
                self.expect(Expect::Colon);
                true
            }
            (_, None | Some(Expect::FirstItem | Expect::Value)) => self.value(byte),
            _ => false,
        }
    }

    fn expect(&mut self, next: Expect) {
        if let Some((_, expect)) = self.stack.last_mut() {
            *expect = next;
        }
    }

    fn separate(&mut self, needed: bool) {
        if needed {
            self.json.push(',');
        }
    }

    fn end_container(&mut self, byte: u8) -> bool {
        let Some((object, expect)) = self.stack.last().copied() else { return false };
        // `{"a":}` is damage, `[1,]` a slip.
        if object != (byte == b'}') || (object && expect == Expect::Value) {
            return false;
        }
        self.at += 1;
        self.json.push(char::from(byte));
        self.stack.pop();
        true
    }

    fn value(&mut self, byte: u8) -> bool {
        // A comma of a list is written when its next item comes.
        let in_list = self.stack.last().is_some_and(|(object, expect)| !object && *expect == Expect::Value);
        match byte {
            b'{' | b'[' if self.stack.len() >= MAX_DEPTH => {
                self.separate(in_list);
                let end = end_of_subtree(self.text, self.at);
                let subtree = self.text.get(self.at..end).unwrap_or("");
                self.json.push_str(&Value::from(subtree).to_string());
                self.at = end;
                self.expect(Expect::Comma);
            }
            b'{' | b'[' => {
                self.separate(in_list);
                self.json.push(char::from(byte));
                self.at += 1;
                let object = byte == b'{';
                // Whatever holds it goes on behind it, also when the text ends within.
                self.expect(Expect::Comma);
                self.stack.push((object, if object { Expect::FirstKey } else { Expect::FirstItem }));
            }
            b'"' => {
                self.separate(in_list);
                self.string();
                self.expect(Expect::Comma);
            }
            _ => {
                let rest = self.text.get(self.at..).unwrap_or("");
                let length =
                    rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-._".contains(c))).unwrap_or(rest.len());
                let Some(word) = rest.get(..length).and_then(plain_word) else { return false };
                self.separate(in_list);
                self.json.push_str(&word);
                self.at += length;
                self.expect(Expect::Comma);
            }
        }
        true
    }

    /// Copies the string at the current place, closed and well-formed.
    fn string(&mut self) {
        let bytes = self.text.as_bytes();
        self.json.push('"');
        self.at += 1;
        let mut copied = self.at;
        while let Some(byte) = bytes.get(self.at).copied() {
            match byte {
                b'"' => break,
                b'\\' => {
                    self.copy(copied);
                    self.escape();
                    copied = self.at;
                }
                0..=0x1f => {
                    self.copy(copied);
                    let _ = write!(self.json, "\\u{byte:04x}");
                    self.at += 1;
                    copied = self.at;
                }
                _ => self.at += 1,
            }
        }
        self.copy(copied);
        self.json.push('"');
        self.at = (self.at + 1).min(bytes.len());
    }

    fn copy(&mut self, from: usize) {
        self.json.push_str(self.text.get(from..self.at).unwrap_or(""));
    }

    /// Copies one escape: halves of surrogate pairs become U+FFFD, unknown ones are text.
    fn escape(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or("");
        match rest.as_bytes().get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.json.push_str(rest.get(..2).unwrap_or(""));
                self.at += 2;
            }
            Some(b'u') => match (unit(rest), rest.get(6..).and_then(unit)) {
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

    /// Closes what is open. Only the innermost container can lack a value: each of the others has the next one as its value.
    fn close(&mut self) {
        let mut innermost = true;
        while let Some((object, expect)) = self.stack.pop() {
            match (object, expect) {
                (true, Expect::Colon) if innermost => self.json.push_str(":null}"),
                (true, Expect::Value) if innermost => self.json.push_str("null}"),
                (true, _) => self.json.push('}'),
                (false, _) => self.json.push(']'),
            }
            innermost = false;
        }
    }
}

/// The code unit of `\uXXXX` at the start of a text.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

/// A word or number as JSON has it; `None` when it is neither.
fn plain_word(word: &str) -> Option<Cow<'_, str>> {
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

/// Where the brackets at a place are closed; the end of the text if nowhere.
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

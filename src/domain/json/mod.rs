//! Lenient reading of JSON that other programs wrote.
//!
//! Every door uses it: transcripts, exports, MCP, hooks, configuration files of clients. Well-formed JSON takes one strict
//! parse. Anything else is repaired first, without losing a word: a byte order mark and NUL bytes between values are
//! skipped, bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD, raw control characters and unknown
//! escapes in strings are escaped, `NaN`, `Infinity` and numbers out of range become `null`, a subtree nested deeper than
//! [`MAX_DEPTH`] becomes its text. Where a key stands twice, both texts are kept.
//!
//! [`read_records`] also finds the records on a line of which one was cut off: the next whole record on it is read, and
//! what is left of the damaged one is completed.

mod scan;
mod value;

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use self::scan::scan;
use self::value::{Lenient, parse_strict};
pub use self::value::{Unread, reads_like_text};

/// Levels of nesting that are read as structure. serde_json refuses 128.
pub const MAX_DEPTH: usize = 100;
/// Places on one damaged line at which a record is looked for.
const MAX_CANDIDATES: usize = 10_000;
/// Of these, places that are repaired before they are parsed: a repair reads to the end of the line.
const MAX_REPAIRED_CANDIDATES: usize = 16;

/// A JSON value that could not be read, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    why: String,
    /// Byte in the text, from 0.
    at: usize,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at column {}", self.why, self.at + 1)
    }
}

/// One record found on a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// A well-formed record.
    Whole(Value),
    /// A record that was repaired; nothing of it is missing.
    Repaired(Value),
    /// What is left of a record that was cut off.
    Partial(Value),
    /// Bytes of which no record could be made.
    Unreadable(Error),
}

/// Parses one JSON value and says whether it had to be repaired.
///
/// # Errors
/// When the text is not JSON even after repair, or something follows the value.
pub fn parse(bytes: &[u8]) -> Result<(Value, bool), Error> {
    if let Ok(value) = parse_strict(bytes, &[]) {
        return Ok((value, false));
    }
    let text = decode(bytes);
    let start = skip_blank(&text, 0);
    let scanned = scan(&text, start);
    if let Some(at) = scanned.torn {
        return Err(Error { why: describe(&text, at), at });
    }
    let end = skip_blank(&text, scanned.end);
    if end < text.len() {
        return Err(Error { why: "something follows the value".to_owned(), at: end });
    }
    let Lenient(value) = from_text(&scanned.json, start)?;
    Ok((value, true))
}

/// Parses JSON that may end in the middle, for example a file whose writer was killed. Returns the value and whether its
/// end was missing.
///
/// # Errors
/// When the text is damaged before its end.
pub fn parse_partial(bytes: &[u8]) -> Result<(Value, bool), Error> {
    let error = match parse(bytes) {
        Ok((value, _)) => return Ok((value, false)),
        Err(error) => error,
    };
    let text = decode(bytes);
    let start = skip_blank(&text, 0);
    let scanned = scan(&text, start);
    if scanned.torn != Some(text.len()) || start == text.len() {
        return Err(error);
    }
    let Lenient(value) = from_text(&scanned.json, start)?;
    Ok((value, true))
}

/// Reads the records of one line in order. `is_record` tells a record from an object inside one: it decides where reading
/// goes on after damage. Blank lines hold none.
pub fn read_records(line: &[u8], is_record: impl Fn(&Value) -> bool) -> Vec<Found> {
    read_records_without(line, &[], is_record)
}

/// Reads records as [`read_records`] does; those that need no repair come without the fields in `unread`.
pub fn read_records_without(line: &[u8], unread: &'static [Unread], is_record: impl Fn(&Value) -> bool) -> Vec<Found> {
    let mut found = Vec::new();
    if let Ok(value) = parse_strict(line, unread) {
        found.push(Found::Whole(value));
        return found;
    }
    let text = decode(line);
    let mut at = skip_blank(&text, 0);
    while at < text.len() {
        at = skip_blank(&text, read_one(&text, at, &is_record, &mut found));
    }
    found
}

/// Reads the record at a place, or the next whole one behind it; returns where it ends.
fn read_one(text: &str, at: usize, is_record: &impl Fn(&Value) -> bool, found: &mut Vec<Found>) -> usize {
    let rest = text.get(at..).unwrap_or("");
    let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Lenient>();
    if let Some(Ok(Lenient(value))) = stream.next() {
        found.push(Found::Whole(value));
        return at + stream.byte_offset();
    }
    let scanned = scan(text, at);
    let Some(torn) = scanned.torn else {
        match from_text(&scanned.json, at) {
            Ok(Lenient(value)) => found.push(Found::Repaired(value)),
            Err(error) => found.push(Found::Unreadable(error)),
        }
        return scanned.end;
    };
    let next = next_record(text, at + 1, is_record);
    let end = next.as_ref().map_or(text.len(), |(start, _)| *start);
    let left =
        if end == text.len() && torn == text.len() { scanned } else { scan(text.get(..end).unwrap_or(text), at) };
    match from_text(&left.json, at) {
        Ok(Lenient(value)) if value.as_object().is_some_and(|fields| !fields.is_empty()) => {
            found.push(Found::Partial(value));
        }
        _ => found.push(Found::Unreadable(Error { why: describe(text, torn), at: torn })),
    }
    let Some((start, value)) = next else { return end };
    let mut stream = serde_json::Deserializer::from_str(text.get(start..).unwrap_or("")).into_iter::<Lenient>();
    if matches!(stream.next(), Some(Ok(_))) {
        found.push(Found::Whole(value));
        return start + stream.byte_offset();
    }
    found.push(Found::Repaired(value));
    scan(text, start).end
}

/// The first whole record from a place on, with its place.
fn next_record(text: &str, from: usize, is_record: &impl Fn(&Value) -> bool) -> Option<(usize, Value)> {
    let rest = text.as_bytes().get(from..)?;
    let mut repaired = 0;
    for offset in memchr::memmem::find_iter(rest, b"{\"").take(MAX_CANDIDATES) {
        let start = from + offset;
        // `{\"` inside a string is text.
        if start > 0 && text.as_bytes().get(start - 1) == Some(&b'\\') {
            continue;
        }
        let candidate = text.get(start..)?;
        let mut stream = serde_json::Deserializer::from_str(candidate).into_iter::<Lenient>();
        let value = match stream.next() {
            Some(Ok(Lenient(value))) => Some(value),
            _ if repaired < MAX_REPAIRED_CANDIDATES => {
                repaired += 1;
                let scanned = scan(text, start);
                let whole = scanned.torn.is_none().then(|| from_text(&scanned.json, start).ok()).flatten();
                whole.map(|Lenient(value)| value)
            }
            _ => None,
        };
        if let Some(value) = value.filter(is_record) {
            return Some((start, value));
        }
    }
    None
}

/// Text of bytes: what is not UTF-8 becomes U+FFFD, a byte order mark goes.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// Where the next value may begin: behind blanks, NUL bytes and byte order marks.
fn skip_blank(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or("");
    from + (rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\0' || c == '\u{feff}').len())
}

fn from_text(json: &str, start: usize) -> Result<Lenient, Error> {
    serde_json::from_str(json).map_err(|error| Error { why: without_place(&error), at: start })
}

/// serde_json's words without its line and column, which belong to repaired text.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or_else(|| text.clone(), |(why, _)| why.to_owned())
}

fn describe(text: &str, at: usize) -> String {
    match text.get(at..).and_then(|rest| rest.chars().next()) {
        None => "the text ends within a value".to_owned(),
        Some(character) => format!("unexpected {character:?}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn record(value: &Value) -> bool {
        value.get("type").is_some() && value.get("uuid").is_some()
    }

    fn read(line: &str) -> Vec<Found> {
        read_records(line.as_bytes(), record)
    }

    #[test]
    fn damaged_values_are_repaired() {
        let cases: [(&[u8], Value); 12] = [
            (b"\xef\xbb\xbf{\"a\":1}", json!({ "a": 1 })),
            (b"\0\0{\"a\":1}\0", json!({ "a": 1 })),
            (b"{\"a\":\"x \xff y\"}", json!({ "a": "x \u{fffd} y" })),
            (br#"{"a":"x \ud83d y"}"#, json!({ "a": "x \u{fffd} y" })),
            (br#"{"a":"\ude00\ud83d\ude00"}"#, json!({ "a": "\u{fffd}\u{1f600}" })),
            (br#"{"a":NaN,"b":-Infinity,"c":1e400,"d":.5}"#, json!({ "a": null, "b": null, "c": null, "d": 0.5 })),
            (b"{\"a\":\"tab\there\"}", json!({ "a": "tab\there" })),
            (br#"{"a":"C:\work\u12"}"#, json!({ "a": "C:\\work\\u12" })),
            (br#"{"a":[1,2,],}"#, json!({ "a": [1, 2] })),
            (br#"{"a":"one text","a":"two texts"}"#, json!({ "a": "one text\ntwo texts" })),
            (br#"{"id":"1","id":"2"}"#, json!({ "id": "2" })),
            (br#"{"m":{"content":"kept words"},"m":null}"#, json!({ "m": { "content": "kept words" } })),
        ];
        for (bytes, expected) in cases {
            let (value, _) = parse(bytes).unwrap_or_else(|error| panic!("{}: {error}", bytes.escape_ascii()));
            assert_eq!(value, expected, "{}", bytes.escape_ascii());
        }
        for bad in [&b"{\"a\":}"[..], b"{\"a\" 1}", b"{", b"", b"{} x", b"[1 2]"] {
            assert!(parse(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn fields_that_nobody_reads_are_left_out_of_whole_records() {
        const UNREAD: [Unread; 2] = [
            Unread { name: "copy", types: &["user"], inner: &[] },
            Unread { name: "data", types: &[], inner: &[Unread { name: "copy", types: &[], inner: &[] }] },
        ];
        let read = |line: &str| read_records_without(line.as_bytes(), &UNREAD, record);
        let whole = r#"{"type":"user","uuid":"1","copy":{"x":[1,"\ud83d",1e400]},"data":{"copy":1,"y":{"copy":2}}}"#;
        let expected = json!({ "type": "user", "uuid": "1", "data": { "y": { "copy": 2 } } });
        assert_eq!(read(whole), [Found::Whole(expected)]);
        // Another type, or one that is not known yet, keeps its words.
        for kept in [r#"{"type":"new","uuid":"1","copy":"some words"}"#, r#"{"copy":"some words","type":"user"}"#] {
            assert_eq!(read(kept), [Found::Whole(serde_json::from_str(kept).unwrap())]);
        }
        // A field that is not whole makes its record a damaged one.
        for torn in [r#"{"type":"user","uuid":"1","copy":{"x":1"#, r#"{"type":"user","uuid":"1","copy":{"x" 1}}"#] {
            assert!(!matches!(read(torn)[..], [Found::Whole(_)]), "{torn}");
        }
    }

    #[test]
    fn deep_nesting_is_kept_as_text() {
        let deep = format!("{}\"the walrus\"{}", "[".repeat(5_000), "]".repeat(5_000));
        let (value, repaired) = parse(deep.as_bytes()).unwrap();
        assert!(repaired && value.to_string().contains("the walrus"));
    }

    #[test]
    fn reading_goes_on_behind_a_torn_record() {
        let whole = r#"{"type":"user","uuid":"2","text":"spliced {\"type\":1} walrus"}"#;
        let value: Value = serde_json::from_str(whole).unwrap();
        for torn in [
            r#"{"type":"user","uuid":"1","te"#,
            r#"{"type":"user","uuid":"1","text":"half"#,
            r#"{"type":"user","uuid":"1","content":[{"type":"text"},"#,
            r#"{"type":"user","uuid":"1","#,
            r#"{"type":"user","uuid":"1","text":"\u12"#,
        ] {
            let found = read(&format!("{torn}{whole}"));
            assert_eq!(found.len(), 2, "{torn}: {found:?}");
            assert!(matches!(&found[0], Found::Partial(left) if left["uuid"] == "1"), "{torn}: {found:?}");
            assert_eq!(found[1], Found::Whole(value.clone()), "{torn}");
        }
        let nul = format!("{}{whole}", "\0".repeat(300));
        assert_eq!(read(&nul), [Found::Whole(value.clone())]);
        assert!(matches!(
            &read(&format!("{whole}{whole} trash"))[..],
            [Found::Whole(_), Found::Whole(_), Found::Unreadable(_)]
        ));
        assert_eq!(read(" \r"), []);
    }

    #[test]
    fn a_text_that_ends_early_is_completed() {
        let (value, cut) = parse_partial(br#"{"messages":[{"id":"1","text":"zebra"},{"id":"2","te"#).unwrap();
        assert!(cut);
        assert_eq!(value, json!({ "messages": [{ "id": "1", "text": "zebra" }, { "id": "2", "te": null }] }));
        assert!(parse_partial(b"{\"a\" 1}").is_err() && parse_partial(b"").is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(".{0,6}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn well_formed_json_is_read_as_it_stands(value in any_json()) {
            let text = value.to_string();
            prop_assert_eq!(parse(text.as_bytes()).unwrap(), (value.clone(), false));
            // The scanner changes nothing either.
            let scanned = scan(&text, 0);
            prop_assert!(scanned.torn.is_none() && scanned.end == text.len());
            prop_assert_eq!(serde_json::from_str::<Value>(&scanned.json).unwrap(), value);
        }

        #[test]
        fn damage_never_panics_and_what_is_made_is_json(value in any_json(), cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = json!({ "type": "t", "uuid": "u", "v": value }).to_string().into_bytes();
            let at = cut.index(bytes.len());
            bytes[at] = byte;
            let _ = read_records(&bytes, record);
            bytes.truncate(at);
            for found in read_records(&bytes, record) {
                prop_assert!(!matches!(found, Found::Whole(_)) || at == 0);
            }
            let text = decode(&bytes).into_owned();
            let start = skip_blank(&text, 0);
            if start < text.len() {
                let scanned = scan(&text, start);
                prop_assert!(serde_json::from_str::<Value>(&scanned.json).is_ok() || scanned.json.is_empty(), "{}", scanned.json);
            }
        }
    }
}

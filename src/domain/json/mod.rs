//! Lenient parsing of JSON that other programs wrote.
//!
//! Every input uses it: transcripts, exports, MCP, hooks, configuration files of clients. Well-formed JSON takes one
//! strict parse. Anything else is repaired first, without losing a word: a byte order mark and NUL bytes between values
//! are skipped, bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD, raw control characters and
//! unknown escapes in strings are escaped, `NaN`, `Infinity` and numbers out of range become `null`, a subtree nested
//! deeper than [`MAX_DEPTH`] becomes its text. The texts of a duplicate key are both kept.
//!
//! [`read_records`] also reads a line on which a record was cut off: it finds the next whole record and completes the
//! rest of the damaged one.

mod scan;
mod value;

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use self::scan::scan_value;
pub use self::value::SkippedField;
use self::value::{LenientValue, parse_strict};

/// Most levels of nesting that are parsed as structure. serde_json refuses 128.
pub const MAX_DEPTH: usize = 100;
/// Most offsets on one damaged line that are tried as the start of a record.
const MAX_CANDIDATES: usize = 10_000;
/// Most of these that are repaired before they are parsed: a repair reads to the end of the line.
const MAX_REPAIRED_CANDIDATES: usize = 16;

/// Reason and offset of a failed parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    why: String,
    /// Byte offset in the text, from 0.
    at: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at column {}", self.why, self.at + 1)
    }
}

/// One record found on a line.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordOutcome {
    /// A well-formed record.
    Whole(Value),
    /// A record that was repaired; nothing of it is missing.
    Repaired(Value),
    /// The remaining fields of a record that was cut off.
    Partial(Value),
    /// Bytes that hold no readable record.
    Unreadable(JsonError),
}

/// Parses one JSON value and returns whether it had to be repaired.
///
/// # Errors
/// When the text is not JSON even after repair, or something follows the value.
pub fn parse_lenient(bytes: &[u8]) -> Result<(Value, bool), JsonError> {
    if let Ok(value) = parse_strict(bytes, &[]) {
        return Ok((value, false));
    }
    let text = decode_utf8(bytes);
    let start = skip_blank(&text, 0);
    let scanned = scan_value(&text, start);
    if let Some(at) = scanned.torn {
        return Err(JsonError { why: describe_fault(&text, at), at });
    }
    let end = skip_blank(&text, scanned.end);
    if end < text.len() {
        return Err(JsonError { why: "something follows the value".to_owned(), at: end });
    }
    let LenientValue(value) = parse_repaired(&scanned.json, start)?;
    Ok((value, true))
}

/// Parses JSON that may end in the middle, for example a file whose writer was killed.
///
/// Returns the value and whether its end was missing.
///
/// # Errors
/// When the text is damaged before its end.
pub fn parse_partial(bytes: &[u8]) -> Result<(Value, bool), JsonError> {
    let error = match parse_lenient(bytes) {
        Ok((value, _)) => return Ok((value, false)),
        Err(error) => error,
    };
    let text = decode_utf8(bytes);
    let start = skip_blank(&text, 0);
    let scanned = scan_value(&text, start);
    if scanned.torn != Some(text.len()) || start == text.len() {
        return Err(error);
    }
    let LenientValue(value) = parse_repaired(&scanned.json, start)?;
    Ok((value, true))
}

/// Reads the records of one line in order. Blank lines hold none.
///
/// `is_record` distinguishes a record from an object inside one: it decides where reading resumes after damage.
pub fn read_records(line: &[u8], is_record: impl Fn(&Value) -> bool) -> Vec<RecordOutcome> {
    read_records_without(line, &[], is_record)
}

/// Reads records as [`read_records`] does; those on a line that needs no repair come without the fields in `unread`.
pub fn read_records_without(
    line: &[u8],
    unread: &'static [SkippedField],
    is_record: impl Fn(&Value) -> bool,
) -> Vec<RecordOutcome> {
    let mut found = Vec::new();
    if let Ok(value) = parse_strict(line, unread) {
        found.push(RecordOutcome::Whole(value));
        return found;
    }
    let text = decode_utf8(line);
    let mut at = skip_blank(&text, 0);
    while at < text.len() {
        at = skip_blank(&text, read_next_record(&text, at, &is_record, &mut found));
    }
    found
}

/// Reads the record at an offset and, if it is torn, the next whole one; returns the offset after them.
fn read_next_record(
    text: &str,
    at: usize,
    is_record: &impl Fn(&Value) -> bool,
    found: &mut Vec<RecordOutcome>,
) -> usize {
    let rest = text.get(at..).unwrap_or("");
    let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<LenientValue>();
    if let Some(Ok(LenientValue(value))) = stream.next() {
        found.push(RecordOutcome::Whole(value));
        return at + stream.byte_offset();
    }
    let scanned = scan_value(text, at);
    let Some(torn) = scanned.torn else {
        match parse_repaired(&scanned.json, at) {
            Ok(LenientValue(value)) => found.push(RecordOutcome::Repaired(value)),
            Err(error) => found.push(RecordOutcome::Unreadable(error)),
        }
        return scanned.end;
    };
    let next = find_next_record(text, at + 1, is_record);
    let end = next.as_ref().map_or(text.len(), |(start, _)| *start);
    let left =
        if end == text.len() && torn == text.len() { scanned } else { scan_value(text.get(..end).unwrap_or(text), at) };
    match parse_repaired(&left.json, at) {
        Ok(LenientValue(value)) if value.as_object().is_some_and(|fields| !fields.is_empty()) => {
            found.push(RecordOutcome::Partial(value));
        }
        _ => found.push(RecordOutcome::Unreadable(JsonError { why: describe_fault(text, torn), at: torn })),
    }
    let Some((start, value)) = next else { return end };
    let mut stream = serde_json::Deserializer::from_str(text.get(start..).unwrap_or("")).into_iter::<LenientValue>();
    if matches!(stream.next(), Some(Ok(_))) {
        found.push(RecordOutcome::Whole(value));
        return start + stream.byte_offset();
    }
    found.push(RecordOutcome::Repaired(value));
    scan_value(text, start).end
}

/// Finds the first whole record from an offset on, and its offset.
fn find_next_record(text: &str, from: usize, is_record: &impl Fn(&Value) -> bool) -> Option<(usize, Value)> {
    let rest = text.as_bytes().get(from..)?;
    let mut repaired = 0;
    for offset in memchr::memmem::find_iter(rest, b"{\"").take(MAX_CANDIDATES) {
        let start = from + offset;
        // `{\"` inside a string is text.
        if start > 0 && text.as_bytes().get(start - 1) == Some(&b'\\') {
            continue;
        }
        let candidate = text.get(start..)?;
        let mut stream = serde_json::Deserializer::from_str(candidate).into_iter::<LenientValue>();
        let value = match stream.next() {
            Some(Ok(LenientValue(value))) => Some(value),
            _ if repaired < MAX_REPAIRED_CANDIDATES => {
                repaired += 1;
                let scanned = scan_value(text, start);
                let whole = scanned.torn.is_none().then(|| parse_repaired(&scanned.json, start).ok()).flatten();
                whole.map(|LenientValue(value)| value)
            }
            _ => None,
        };
        if let Some(value) = value.filter(is_record) {
            return Some((start, value));
        }
    }
    None
}

/// Decodes UTF-8: invalid bytes become U+FFFD, a byte order mark is removed.
fn decode_utf8(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// Returns the offset of the next value: after blanks, NUL bytes and byte order marks.
fn skip_blank(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or("");
    from + (rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\0' || c == '\u{feff}').len())
}

fn parse_repaired(json: &str, start: usize) -> Result<LenientValue, JsonError> {
    serde_json::from_str(json).map_err(|error| JsonError { why: strip_position(&error), at: start })
}

/// Returns serde_json's message without its line and column, which refer to repaired text.
fn strip_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or_else(|| text.clone(), |(why, _)| why.to_owned())
}

fn describe_fault(text: &str, at: usize) -> String {
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

    fn read(line: &str) -> Vec<RecordOutcome> {
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
            let (value, _) = parse_lenient(bytes).unwrap_or_else(|error| panic!("{}: {error}", bytes.escape_ascii()));
            assert_eq!(value, expected, "{}", bytes.escape_ascii());
        }
        for bad in [&b"{\"a\":}"[..], b"{\"a\" 1}", b"{", b"", b"{} x", b"[1 2]"] {
            assert!(parse_lenient(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn fields_that_nobody_reads_are_left_out_of_whole_records() {
        const UNREAD: [SkippedField; 2] = [
            SkippedField { name: "copy", types: &["user"], inner: &[] },
            SkippedField { name: "data", types: &[], inner: &[SkippedField { name: "copy", types: &[], inner: &[] }] },
        ];
        let read = |line: &str| read_records_without(line.as_bytes(), &UNREAD, record);
        let whole = r#"{"type":"user","uuid":"1","copy":{"x":[1,"\ud83d",1e400]},"data":{"copy":1,"y":{"copy":2}}}"#;
        let expected = json!({ "type": "user", "uuid": "1", "data": { "y": { "copy": 2 } } });
        assert_eq!(read(whole), [RecordOutcome::Whole(expected)]);
        // Another type, or one that is not known yet, keeps its words.
        for kept in [r#"{"type":"new","uuid":"1","copy":"some words"}"#, r#"{"copy":"some words","type":"user"}"#] {
            assert_eq!(read(kept), [RecordOutcome::Whole(serde_json::from_str(kept).unwrap())]);
        }
        // A field that is not whole makes its record a damaged one.
        for torn in [r#"{"type":"user","uuid":"1","copy":{"x":1"#, r#"{"type":"user","uuid":"1","copy":{"x" 1}}"#] {
            assert!(!matches!(read(torn)[..], [RecordOutcome::Whole(_)]), "{torn}");
        }
    }

    #[test]
    fn deep_nesting_is_kept_as_text() {
        let deep = format!("{}\"the walrus\"{}", "[".repeat(5_000), "]".repeat(5_000));
        let (value, repaired) = parse_lenient(deep.as_bytes()).unwrap();
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
            assert!(matches!(&found[0], RecordOutcome::Partial(left) if left["uuid"] == "1"), "{torn}: {found:?}");
            assert_eq!(found[1], RecordOutcome::Whole(value.clone()), "{torn}");
        }
        let nul = format!("{}{whole}", "\0".repeat(300));
        assert_eq!(read(&nul), [RecordOutcome::Whole(value.clone())]);
        assert!(matches!(
            &read(&format!("{whole}{whole} trash"))[..],
            [RecordOutcome::Whole(_), RecordOutcome::Whole(_), RecordOutcome::Unreadable(_)]
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
            prop_assert_eq!(parse_lenient(text.as_bytes()).unwrap(), (value.clone(), false));
            // The scanner changes nothing either.
            let scanned = scan_value(&text, 0);
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
                prop_assert!(!matches!(found, RecordOutcome::Whole(_)) || at == 0);
            }
            let text = decode_utf8(&bytes).into_owned();
            let start = skip_blank(&text, 0);
            if start < text.len() {
                let scanned = scan_value(&text, start);
                prop_assert!(serde_json::from_str::<Value>(&scanned.json).is_ok() || scanned.json.is_empty(), "{}", scanned.json);
            }
        }
    }
}

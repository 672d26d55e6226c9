//! Envelope of JSON-RPC messages from clients, over stdin and HTTP alike. Damaged JSON is repaired, and messages that
//! the protocol layer would drop in silence are refused here, under their id.

use rmcp::model::ClientJsonRpcMessage;
use serde_json::{Map, Value, json};

use crate::domain::json::{self, RecordOutcome};
use crate::domain::limits;

/// JSON-RPC code for text that is not JSON.
const PARSE_ERROR: i32 = -32700;
/// JSON-RPC code for JSON that is not a valid message.
const INVALID_REQUEST: i32 = -32600;

/// Result of checking a message.
#[derive(Debug, PartialEq)]
pub enum CheckedMessage {
    /// Valid message: pass it to the protocol layer.
    Message {
        /// Message as well-formed JSON on one line, without the line feed.
        text: Vec<u8>,
        /// Id as JSON if the message is a request.
        request: Option<String>,
    },
    /// Invalid message: answer with these errors, of which there is at least one.
    Refused(Vec<RpcError>),
    /// Blank line, or an invalid notification or answer, which get no reply.
    Ignored,
}

/// JSON-RPC error that answers an invalid message.
#[derive(Debug, Clone, PartialEq)]
pub struct RpcError {
    /// Id of the message; null if it cannot be read.
    pub id: Value,
    /// JSON-RPC error code.
    pub code: i32,
    /// Description of the error.
    pub message: String,
}

impl RpcError {
    /// Creates an Invalid Request error.
    pub(super) fn invalid_request(id: Value, message: &str) -> Self {
        Self { id, code: INVALID_REQUEST, message: message.to_owned() }
    }

    /// Encodes the error as a JSON-RPC answer.
    pub fn to_json(&self) -> Value {
        json!({ "jsonrpc": "2.0", "id": self.id, "error": { "code": self.code, "message": self.message } })
    }
}

/// Checks and repairs one message. Batches are refused, under the id of each request in them.
pub fn check_message(bytes: &[u8]) -> CheckedMessage {
    if bytes.trim_ascii().is_empty() {
        return CheckedMessage::Ignored;
    }
    let unreadable = |why: String| RpcError { id: find_id(bytes), code: PARSE_ERROR, message: why };
    // The parser could take deeper ones for text, which no tool expects.
    if nesting_depth(bytes) > limits::MESSAGE_DEPTH {
        return CheckedMessage::Refused(vec![unreadable("the message is nested too deeply".to_owned())]);
    }
    match json::parse_lenient(bytes) {
        Err(error) => CheckedMessage::Refused(vec![unreadable(format!("the message is not valid JSON: {error}"))]),
        Ok((Value::Object(message), _)) => check_object(message),
        Ok((Value::Array(batch), _)) => {
            let ids =
                batch.iter().filter_map(|one| one.as_object().filter(|one| one.contains_key("method"))?.get("id"));
            let mut ids: Vec<Value> = ids.map(normalize_id).filter(|id| !id.is_null()).collect();
            if ids.is_empty() {
                ids.push(Value::Null);
            }
            let refuse = |id| RpcError::invalid_request(id, "batches are not supported: send one message at a time");
            CheckedMessage::Refused(ids.into_iter().map(refuse).collect())
        }
        Ok(_) => CheckedMessage::Refused(vec![RpcError::invalid_request(Value::Null, "a message must be an object")]),
    }
}

fn check_object(mut message: Map<String, Value>) -> CheckedMessage {
    let refused = |id: &Value, why: &str| CheckedMessage::Refused(vec![RpcError::invalid_request(id.clone(), why)]);
    let id = message.get("id").map(normalize_id);
    let is_answer =
        !message.contains_key("method") && (message.contains_key("result") || message.contains_key("error"));
    let named = id.clone().unwrap_or_default();
    if !is_answer {
        if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return refused(&named, "`jsonrpc` must be \"2.0\"");
        }
        if !message.get("method").is_some_and(Value::is_string) {
            return refused(&named, "`method` must be a string");
        }
        if id.as_ref().is_some_and(Value::is_null) {
            return refused(&named, "`id` must be a string or an integer");
        }
    }
    if let Some(id) = &id {
        message.insert("id".to_owned(), id.clone());
    }
    let text = Value::Object(message).to_string().into_bytes();
    match serde_json::from_slice::<ClientJsonRpcMessage>(&text) {
        Ok(_) => CheckedMessage::Message { text, request: id.filter(|_| !is_answer).map(|id| id.to_string()) },
        Err(_) if is_answer || id.is_none() => CheckedMessage::Ignored,
        Err(_) => refused(&named, "the message has a wrong form"),
    }
}

/// Normalizes an id for the answer: a string or a number, `7.0` as an integer; null for anything else.
fn normalize_id(id: &Value) -> Value {
    match id {
        Value::String(_) => id.clone(),
        Value::Number(number) if number.is_f64() => {
            let text = number.to_string();
            text.strip_suffix(".0").and_then(|whole| whole.parse::<i64>().ok()).map_or_else(|| id.clone(), Value::from)
        }
        Value::Number(_) => id.clone(),
        _ => Value::Null,
    }
}

/// Finds the id of a request in damaged JSON. Null if there is none, or if the text may be an answer.
pub(super) fn find_id(bytes: &[u8]) -> Value {
    let bytes = bytes.trim_ascii();
    let before_damage = json::read_records(bytes, |_| false).into_iter().find_map(|found| match found {
        RecordOutcome::Whole(Value::Object(left)) | RecordOutcome::Repaired(Value::Object(left)) => request_id(&left),
        // The last value before the end of the text may be cut off.
        RecordOutcome::Partial(Value::Object(left)) => {
            let is_complete = bytes.ends_with(b",") || left.keys().next_back().is_some_and(|last| last != "id");
            request_id(&left).filter(|_| is_complete)
        }
        _ => None,
    });
    before_damage.or_else(|| find_trailing_id(bytes)).unwrap_or_default()
}

fn request_id(message: &Map<String, Value>) -> Option<Value> {
    let may_be_request =
        message.contains_key("method") || !(message.contains_key("result") || message.contains_key("error"));
    message.get("id").filter(|_| may_be_request).map(normalize_id).filter(|id| !id.is_null())
}

/// Finds an id that is the last member of a message, as many clients write it: `…,"id":7}`.
pub(super) fn find_trailing_id(bytes: &[u8]) -> Option<Value> {
    const KEY: &[u8] = b"\"id\"";
    let end = bytes.trim_ascii_end().strip_suffix(b"}")?;
    let at = memchr::memmem::rfind(end, KEY)?;
    let (before, after) = (end.get(..at)?.trim_ascii_end(), end.get(at + KEY.len()..)?);
    let is_member = before.ends_with(b",") || before.ends_with(b"{");
    let id: Value = serde_json::from_slice(after.trim_ascii_start().strip_prefix(b":")?).ok()?;
    let is_request =
        memchr::memmem::find(bytes, b"\"result\"").is_none() && memchr::memmem::find(bytes, b"\"error\"").is_none();
    Some(normalize_id(&id)).filter(|id| is_member && is_request && !id.is_null())
}

/// Returns the nesting depth of a JSON text.
fn nesting_depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut inside, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'[' | b'{' if !inside => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !inside => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusals(bytes: &[u8]) -> Vec<(Value, i32)> {
        match check_message(bytes) {
            CheckedMessage::Refused(refusals) => refusals.into_iter().map(|one| (one.id, one.code)).collect(),
            other => panic!("{}: {other:?}", bytes.escape_ascii()),
        }
    }

    #[test]
    fn a_damaged_request_is_repaired() {
        let plain = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"a":"b c"}}"#;
        for bytes in [
            plain.as_bytes().to_vec(),
            format!("\u{feff}{plain}\r").into_bytes(),
            format!("\0{plain}\0\0").into_bytes(),
            plain.replace("\"id\":7", "\"id\":7.0").into_bytes(),
            plain.replace("\"id\":7", "\"id\":6,\"id\":7").into_bytes(),
        ] {
            let expected = CheckedMessage::Message { text: plain.as_bytes().to_vec(), request: Some("7".to_owned()) };
            assert_eq!(check_message(&bytes), expected, "{}", bytes.escape_ascii());
        }
        for (damage, repaired) in [(r"\ud83d", "\u{fffd}"), ("\t", "\\t")] {
            let expected = plain.replace("b c", &format!("b {repaired}"));
            let CheckedMessage::Message { text, .. } =
                check_message(plain.replace("b c", &format!("b {damage}")).as_bytes())
            else {
                panic!()
            };
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
        let CheckedMessage::Message { text, .. } = check_message(plain.replace("\"b c\"", "1e400").as_bytes()) else {
            panic!()
        };
        assert!(text.ends_with(b"{\"a\":null}}"));
        assert_eq!(check_message(b" \r"), CheckedMessage::Ignored);
        assert_eq!(
            check_message(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":3}"),
            CheckedMessage::Ignored
        );
        assert_eq!(check_message(b"{\"id\":3,\"result\":{}}"), CheckedMessage::Ignored);
    }

    #[test]
    fn every_request_with_an_id_is_refused_under_it() {
        let null = Value::Null;
        let deep = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{{\"a\":{}}}}}",
            "[".repeat(200) + &"]".repeat(200)
        );
        for (text, id, code) in [
            (r#"{"id":1,"method":"tools/list"}"#, json!(1), INVALID_REQUEST),
            (r#"{"jsonrpc":"1.0","id":"a","method":"tools/list"}"#, json!("a"), INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1}"#, json!(1), INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, json!(1), INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}"#, json!(1.5), INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","result":{}}"#, json!(1), INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#, null.clone(), INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":[1],"method":"tools/list"}"#, null.clone(), INVALID_REQUEST),
            (r#"{"jsonrpc":"1.0","method":"tools/list"}"#, null.clone(), INVALID_REQUEST),
            ("3", null.clone(), INVALID_REQUEST),
            ("[]", null.clone(), INVALID_REQUEST),
            ("[3]", null.clone(), INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"#, json!(1), PARSE_ERROR),
            (r#"{"jsonrpc":"2.0","id":12,"method":"tools/li"#, json!(12), PARSE_ERROR),
            (r#"{"jsonrpc":"2.0","method":"tools/list","id":1"#, null.clone(), PARSE_ERROR),
            (r#"{"method":"tools/call","params":{"a":!},"jsonrpc":"2.0","id":"x"}"#, json!("x"), PARSE_ERROR),
            (r#"{"jsonrpc":"2.0","id":4,"result":{"a":!}}"#, null.clone(), PARSE_ERROR),
            ("hello", null.clone(), PARSE_ERROR),
            (&deep, json!(1), PARSE_ERROR),
        ] {
            assert_eq!(refusals(text.as_bytes()), [(id, code)], "{text}");
        }
        assert_eq!(refusals(b"\xff\xfe"), [(Value::Null, PARSE_ERROR)]);
        let batch =
            r#"[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"b"},{"id":"c","method":"d"},7]"#;
        assert_eq!(refusals(batch.as_bytes()), [(json!(1), INVALID_REQUEST), (json!("c"), INVALID_REQUEST)]);
    }

    #[test]
    fn brackets_inside_texts_are_no_levels() {
        assert_eq!((nesting_depth(br#"{"a":"[[[\"[["}"#), nesting_depth(b"[[{}]]")), (1, 3));
    }
}

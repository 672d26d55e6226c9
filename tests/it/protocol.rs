//! Lines that no client should send: each gets the error that JSON-RPC has for it, and the next one is answered.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Stdio;

use claude_memory::testing::domain::limits;
use serde_json::{Value, json};

use crate::home::TestHome;

fn message(id: &Value, method: &str, mut params: Value) -> Vec<u8> {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}
    });
    format!("{}\n", json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).into_bytes()
}

fn ping(id: u64) -> Vec<u8> {
    message(&json!(id), "tools/call", json!({ "name": "ping", "arguments": {} }))
}

/// Everything that is answered to these bytes and a ping after them; the server must end by itself and say nothing else.
#[track_caller]
fn answers(home: &TestHome, bytes: &[u8]) -> Vec<Value> {
    let mut command = home.command();
    command.arg("mcp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(bytes).unwrap();
    input.write_all(&ping(99)).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut answered = Vec::new();
    while answered.last().is_none_or(|answer: &Value| answer["id"] != 99) {
        answered.push(serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap());
    }
    drop(input);
    answered.extend(lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()));
    assert!(child.wait().unwrap().success());
    let mut talk = String::new();
    child.stderr.take().unwrap().read_to_string(&mut talk).unwrap();
    assert_eq!(talk, "");
    answered
}

#[test]
fn each_bad_line_gets_its_error() {
    let home = TestHome::new();
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let argument = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{{\"name\":\"ping\",\"arguments\":{{\"a\":{deep}}}}}}}"
    );
    for (line, code) in [
        (&b"\xff\xfe"[..], -32700),
        (b"hello", -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,", -32700),
        (deep.as_bytes(), -32700),
        (argument.as_bytes(), -32700),
        (b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"tools/list\"}", -32600),
        (&message(&json!(1), "no/such", json!({})), -32601),
        (&message(&json!(1), "tools/call", json!({ "name": "no_such" })), -32602),
        (&message(&json!(1), "tools/call", json!({ "name": 3 })), -32602),
    ] {
        let answered = answers(&home, &[line, b"\n"].concat());
        let shown = String::from_utf8_lossy(&line[..80.min(line.len())]).into_owned();
        let error =
            answered.iter().find(|answer| answer["id"] != 99).unwrap_or_else(|| panic!("{shown}: {answered:?}"));
        assert_eq!(error["error"]["code"], code, "{shown}: {answered:?}");
    }
}

#[test]
fn a_line_of_a_hundred_megabytes_costs_an_error() {
    let home = TestHome::new();
    let mut line = vec![b'x'; 100 << 20];
    line.push(b'\n');
    let answered = answers(&home, &line);
    assert_eq!(answered[0]["error"]["code"], -32600);
    assert_eq!(answered.len(), 2);
}

#[test]
fn an_id_is_used_once_at_a_time() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let slow = message(&json!(5), "tools/call", json!({ "name": "memory_search", "arguments": { "query": "pool" } }));
    let answered = answers(&home, &[slow, ping(5)].concat());
    assert_eq!(answered.iter().filter(|answer| answer["id"] == 5).count(), 1, "{answered:?}");
    let refused = answered.iter().find(|answer| answer["id"].is_null()).unwrap_or_else(|| panic!("{answered:?}"));
    assert_eq!(refused["error"]["code"], -32600);
}

#[test]
fn a_client_that_goes_away_in_the_middle_leaves_nothing_behind() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let mut command = home.command();
    command.arg("mcp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let search = json!({ "name": "memory_search", "arguments": { "query": "why were shoppers billed twice" } });
    let mut input = child.stdin.take().unwrap();
    input.write_all(&message(&json!(1), "tools/call", search)).unwrap();
    drop(child.stdout.take());
    drop(input);
    let start = std::time::Instant::now();
    let _ = child.wait().unwrap();
    assert!(start.elapsed().as_secs() < 10);
    assert!(home.json(&["status"])["messages"].as_u64() > Some(60));
}

#[test]
fn lines_and_levels_at_the_limit_and_one_above() {
    let home = TestHome::new();
    // An argument that no tool takes: what is looked at is whether the line was read at all.
    let line = |bytes: usize| {
        let request =
            |text: &str| message(&json!(1), "tools/call", json!({ "name": "ping", "arguments": { "a": text } }));
        let frame = request("").len() - 1;
        let mut line = request(&"x".repeat(bytes - frame));
        assert_eq!(line.pop(), Some(b'\n'));
        assert_eq!(line.len(), bytes);
        line
    };
    let code =
        |line: &[u8]| answers(&home, &[line, b"\n"].concat()).into_iter().find(|answer| answer["id"] != 99).unwrap();
    let at = code(&line(limits::LINE_BYTES));
    assert_eq!((at["id"].as_u64(), at["error"]["code"] == -32600), (Some(1), false), "{at}");
    assert_eq!(code(&line(limits::LINE_BYTES + 1))["error"]["code"], -32600);
    // The message, `params`, `arguments` and the lists inside.
    let deep = |levels: usize| {
        let lists = levels - 3;
        let value: Value = serde_json::from_str(&("[".repeat(lists) + &"]".repeat(lists))).unwrap();
        message(&json!(1), "tools/call", json!({ "name": "ping", "arguments": { "a": value } }))
    };
    let at = code(deep(limits::MESSAGE_DEPTH).trim_ascii_end());
    assert_eq!((at["id"].as_u64(), at["error"]["code"] == -32700), (Some(1), false), "{at}");
    assert_eq!(code(deep(limits::MESSAGE_DEPTH + 1).trim_ascii_end())["error"]["code"], -32700);
}

/// A request of which one argument is this piece of JSON.
fn search_for(id: u64, query: &[u8]) -> Vec<u8> {
    let whole = message(&json!(id), "tools/call", json!({ "name": "memory_search", "arguments": { "query": "@" } }));
    let at = whole.windows(3).position(|three| three == b"\"@\"").unwrap();
    [&whole[..at], query, &whole[at + 3..]].concat()
}

#[test]
fn every_line_with_an_id_is_answered_under_it() {
    let home = TestHome::new();
    let _ = home.import_samples();
    for query in [
        &br#""pool \ud83d x""#[..],
        br#""pool \ude00""#,
        b"\"pool \xff x\"",
        b"\"pool \0 x\"",
        br#""pool", "limit": 1e400"#,
        br#""pool", "limit": NaN"#,
        br#""pool", "query": "pool""#,
    ] {
        let answered = answers(&home, &search_for(2, query));
        let shown = query.escape_ascii();
        let answer =
            answered.iter().find(|answer| answer["id"] == 2).unwrap_or_else(|| panic!("{shown}: {answered:?}"));
        assert!(!answer["result"]["isError"].as_bool().unwrap_or(false), "{shown}: {answer}");
        let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{shown}: {answer}"));
        assert!(text.contains("Read around: memory_get ids"), "{shown}: {text}");
    }
    let marked = [b"\xef\xbb\xbf".to_vec(), search_for(3, b"\"pool\"")].concat();
    assert!(answers(&home, &marked).iter().any(|answer| answer["id"] == 3 && answer["result"].is_object()));
    for (line, id, code) in [
        (&br#"{"jsonrpc":"2.0","id":4,"method":"tools/list","params":{"a":!}}"#[..], json!(4), -32700),
        (br#"{"method":"tools/list","params":{"a":!},"jsonrpc":"2.0","id":"five"}"#, json!("five"), -32700),
        (br#"{"jsonrpc":"1.0","id":6,"method":"tools/list"}"#, json!(6), -32600),
        (br#"{"id":7,"method":"tools/list"}"#, json!(7), -32600),
        (br#"{"jsonrpc":"2.0","id":8}"#, json!(8), -32600),
        (br#"{"jsonrpc":"2.0","id":9,"method":5}"#, json!(9), -32600),
        (br#"[{"jsonrpc":"2.0","id":10,"method":"ping"}]"#, json!(10), -32600),
        (br#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#, Value::Null, -32600),
        (br"[]", Value::Null, -32600),
        (br#""text""#, Value::Null, -32600),
    ] {
        let answered = answers(&home, &[line, b"\n"].concat());
        let shown = line.escape_ascii();
        let error =
            answered.iter().find(|answer| answer["id"] != 99).unwrap_or_else(|| panic!("{shown}: {answered:?}"));
        assert_eq!((error.get("id"), &error["error"]["code"]), (Some(&id), &json!(code)), "{shown}: {error}");
    }
    // What needs no answer gets none.
    let mut silent = ping(1);
    silent.extend(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/made_up\"}\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n{\"id\":1,\"error\":{}}\n");
    assert_eq!(answers(&home, &silent).len(), 2);
}

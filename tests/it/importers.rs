//! Histories of other programs: what they hold goes in once, what cannot be read is named, nothing else is lost.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::home::{Ran, TestHome, user};
use crate::serving::wait;

/// An export of claude.ai: a branch, thinking, a tool, an attachment, a project; and a conversation that is none.
pub(crate) fn claude_ai() -> (Value, Value) {
    let message = |id: &str, sender: &str, minute: u32, parent: &str, content: Value| {
        json!({ "uuid": id, "sender": sender, "text": "", "content": content, "created_at": format!("2026-02-03T10:{minute:02}:00.123456Z"),
            "parent_message_uuid": parent, "attachments": [], "files": [] })
    };
    let root = "00000000-0000-4000-8000-000000000000";
    let said = |text: &str| json!([{ "type": "text", "text": text, "citations": [] }]);
    let mut first = message("m1", "human", 0, root, said("Which index helps a prefix search? 前缀搜索用哪种索引?"));
    first["attachments"] = json!([{ "file_name": "schema.sql", "file_size": 20, "file_type": "txt", "extracted_content": "CREATE TABLE words (word text)" }]);
    let answer = json!([
        { "type": "thinking", "thinking": "They use PostgreSQL." },
        { "type": "tool_use", "id": "t1", "name": "artifacts", "input": { "command": "create", "content": "CREATE INDEX ON words (word text_pattern_ops)" } },
        { "type": "tool_result", "name": "artifacts", "content": [{ "type": "text", "text": "OK" }] },
        { "type": "text", "text": "A btree with text_pattern_ops." },
        { "type": "token_budget" }
    ]);
    let conversations = json!([
        { "uuid": "c1", "name": "Prefix search", "created_at": "2026-02-03T10:00:00Z", "updated_at": "2026-02-03T10:05:00Z", "project_uuid": "p1",
          "model": "claude-opus-4", "current_leaf_message_uuid": "m3",
          "chat_messages": [first, message("m2", "assistant", 1, "m1", said("A trigram index.")), message("m3", "assistant", 2, "m1", answer)] },
        { "name": "no uuid", "chat_messages": [] },
        { "uuid": "c2", "name": "", "created_at": "2025-01-01T00:00:00Z", "updated_at": "2025-01-01T00:00:00Z",
          "chat_messages": [{ "uuid": "o1", "sender": "human", "text": "an older export has the text only", "created_at": "2025-01-01T00:00:01Z" }] }
    ]);
    (conversations, json!([{ "uuid": "p1", "name": "search engine" }]))
}

/// An export of ChatGPT: an edited question, a hidden message, code and its output, thoughts.
pub(crate) fn chatgpt() -> Value {
    let node = |id: &str, parent: Option<&str>, children: &[&str], message: Value| json!({ "id": id, "parent": parent, "children": children, "message": message });
    let message = |id: &str, role: &str, time: f64, content: Value| {
        json!({ "id": id, "author": { "role": role, "name": null }, "create_time": time, "content": content, "weight": 1.0, "recipient": "all",
            "metadata": { "model_slug": "gpt-5" } })
    };
    let text = |text: &str| json!({ "content_type": "text", "parts": [text] });
    let mut hidden = message("h", "system", 1_770_000_000.0, text("you are a helpful assistant"));
    hidden["weight"] = json!(0.0);
    let mut tool =
        message("a3", "tool", 1_770_000_030.5, json!({ "content_type": "execution_output", "text": "42\n" }));
    tool["author"]["name"] = json!("python");
    let mut call = message(
        "a2",
        "assistant",
        1_770_000_020.5,
        json!({ "content_type": "code", "language": "python", "text": "print(6*7)" }),
    );
    call["recipient"] = json!("python");
    let thoughts =
        json!({ "content_type": "thoughts", "thoughts": [{ "summary": "Multiply", "content": "six times seven" }] });
    json!([{ "conversation_id": "g1", "title": "Six times seven", "create_time": 1_770_000_000.0, "update_time": 1_770_000_100.0, "current_node": "n7",
        "mapping": {
            "root": node("root", None, &["n1"], Value::Null),
            "n1": node("n1", Some("root"), &["n2", "n3"], hidden),
            "n2": node("n2", Some("n1"), &[], message("u0", "user", 1_770_000_005.0, text("what is six times sevn"))),
            "n3": node("n3", Some("n1"), &["n4"], message("u1", "user", 1_770_000_010.25, json!({ "content_type": "multimodal_text",
                "parts": ["what is six times seven? 六乘七是多少?", { "content_type": "image_asset_pointer", "asset_pointer": "file-service://x" }] }))),
            "n4": node("n4", Some("n3"), &["n5"], message("a1", "assistant", 1_770_000_015.0, thoughts)),
            "n5": node("n5", Some("n4"), &["n6"], call),
            "n6": node("n6", Some("n5"), &["n7"], tool),
            "n7": node("n7", Some("n6"), &[], message("a4", "assistant", 1_770_000_040.0, text("It is 42.")))
        } }])
}

pub(crate) fn zipped(entries: &[(&str, String)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Role, kind and text of everything in a session, in order.
pub(crate) fn all(home: &TestHome, session: &str) -> Vec<(String, String, String)> {
    let read = home.json(&["show", session, "--tools"]);
    let messages = read["conversations"][0]["messages"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    messages
        .iter()
        .flat_map(|message| {
            let parts = message["parts"].as_array().unwrap().clone();
            parts.into_iter().map(move |part| (text(&message["role"]), text(&part["kind"]), text(&part["text"])))
        })
        .collect()
}

/// Imports what a program has written and finds one conversation in it: its project, and everything that is not the program's own.
pub(crate) fn written(home: &TestHome, source: &str, words: &str) -> (Value, Vec<(String, String, String)>) {
    let done = home.json(&["import", source]);
    assert_eq!((&done["files"], &done["bad_total"]), (&json!(1), &json!(0)), "{done}");
    let found = home.json(&["search", words, "--source", source])["results"][0].clone();
    let mut said = all(home, found["session_id"].as_str().unwrap());
    said.retain(|(_, kind, _)| kind != "meta");
    assert_eq!(said.len(), 4, "{said:?}");
    (found["project"].clone(), said)
}

pub(crate) fn of<'a>(role: &'a str, kind: &'a str, text: &'a str) -> (String, String, String) {
    (role.to_owned(), kind.to_owned(), text.to_owned())
}

#[test]
fn an_export_of_claude_ai_zipped_or_not() {
    let (conversations, projects) = claude_ai();
    let pretty = serde_json::to_string_pretty(&conversations).unwrap();
    let home = TestHome::new();
    let entries = [("data/conversations.json", pretty.clone()), ("data/projects.json", projects.to_string())];
    let file = home.write("export.zip", zipped(&entries));
    let dry = home.json(&["import", "claude-ai", file.to_str().unwrap(), "--dry-run"]);
    assert_eq!((&dry["new"], &dry["bad_total"]), (&json!(4), &json!(1)), "{dry}");
    let done = home.json(&["import", "claude-ai", file.to_str().unwrap()]);
    assert_eq!((&done["new"], &done["sessions"], &done["bad_total"]), (&json!(4), &json!(2), &json!(1)), "{done}");
    let bad = &done["bad"][0];
    let line = pretty.lines().position(|line| line.contains("no uuid")).unwrap() as u64;
    assert!(bad["path"].as_str().unwrap().ends_with("export.zip/data/conversations.json"), "{bad}");
    assert!(
        bad["line"].as_u64().unwrap().abs_diff(line) <= 3 && bad["why"].as_str().unwrap().contains("uuid"),
        "{bad}"
    );
    assert_eq!(
        all(&home, "c1"),
        [
            of("user", "text", "Which index helps a prefix search? 前缀搜索用哪种索引?"),
            of("user", "tool_result", "CREATE TABLE words (word text)"),
            of("assistant", "text", "A trigram index."),
            of("assistant", "thinking", "They use PostgreSQL."),
            of("assistant", "tool_use", "command: create\ncontent: CREATE INDEX ON words (word text_pattern_ops)"),
            of("assistant", "tool_result", "OK"),
            of("assistant", "text", "A btree with text_pattern_ops."),
        ]
    );
    let found = home.json(&["search", "前缀搜索", "--source", "claude-ai"]);
    assert_eq!(
        (&found["results"][0]["project"], &found["results"][0]["title"]),
        (&json!("search engine"), &json!("Prefix search")),
        "{found}"
    );
    assert_eq!(home.json(&["search", "前缀搜索", "--source", "codex"])["results"], json!([]));
    // Again, and unpacked: nothing is new.
    assert_eq!(home.json(&["import", "claude-ai", file.to_str().unwrap()])["unchanged"], json!(1));
    let folder = home.write("unpacked/conversations.json", conversations.to_string()).parent().unwrap().to_owned();
    home.write("unpacked/projects.json", projects.to_string());
    home.write("unpacked/users.json", "[]");
    let again = home.json(&["import", "claude-ai", folder.to_str().unwrap()]);
    assert_eq!((&again["files"], &again["new"], &again["duplicate"]), (&json!(2), &json!(0), &json!(4)), "{again}");
}

#[test]
fn an_export_of_chatgpt_with_everything_that_was_said() {
    let home = TestHome::new();
    let file = home.write("conversations.json", chatgpt().to_string());
    let done = home.json(&["import", "chatgpt", file.to_str().unwrap()]);
    assert_eq!((&done["new"], &done["bad_total"]), (&json!(6), &json!(0)), "{done}");
    assert_eq!(
        all(&home, "g1"),
        [
            of("user", "text", "what is six times sevn"),
            of("user", "text", "what is six times seven? 六乘七是多少?"),
            of("assistant", "thinking", "Multiply\nsix times seven"),
            of("assistant", "tool_use", "print(6*7)"),
            of("tool", "tool_result", "42\n"),
            of("assistant", "text", "It is 42."),
        ]
    );
    assert_eq!(home.json(&["search", "六乘七"])["results"][0]["title"], json!("Six times seven"));
}

#[test]
fn damaged_exports_lose_what_is_damaged_and_nothing_else() {
    let home = TestHome::new();
    let (conversations, _) = claude_ai();
    let whole = conversations.to_string();
    let cut = home.write("cut/conversations.json", whole.get(..whole.len() - 60).unwrap());
    let done = home.json(&["import", "claude-ai", cut.to_str().unwrap()]);
    let bad = done["bad"].to_string();
    assert_eq!(&done["new"], &json!(4), "{done}");
    assert!(bad.contains("the file ends within this conversation; 1 message of it could be read"), "{bad}");
    let home = TestHome::new();
    let broken = whole.replacen("\"sender\":\"human\"", "\"sender\":human", 1);
    let broken = home.write("broken/conversations.json", broken);
    let done = home.json(&["import", "claude-ai", broken.to_str().unwrap()]);
    let bad = done["bad"].to_string();
    assert!(bad.contains("this conversation is damaged; ") && bad.contains("could be read"), "{bad}");
    let found = home.json(&["search", "an older export", "--mode", "keyword"]);
    assert_eq!(found["results"].as_array().unwrap().len(), 1, "{found}");
    let found = home.json(&["search", "trigram index", "--mode", "keyword"]);
    assert_eq!(found["results"][0]["session_id"], json!("c1"), "{found}");
    let empty = home.write("empty.zip", zipped(&[("notes.txt", "x".to_owned())]));
    let done = home.run(&["import", "chatgpt", empty.to_str().unwrap(), "--json"]);
    assert!(done.code == 1 && done.stdout.contains("no conversations.json"), "{}", done.stdout);
    let bytes = zipped(&[("conversations.json", whole)]);
    let half = home.write("half.zip", &bytes[..bytes.len() / 2]);
    let done = home.run(&["import", "claude-ai", half.to_str().unwrap(), "--json"]);
    assert!(done.code == 1 && done.stdout.contains("half.zip"), "{}", done.stdout);
    home.run(&["import", "claude-ai", "/nowhere/export.zip"]).fails(1, "claude.ai sent");
}

fn codex() -> Vec<Value> {
    let record = |second: u32, kind: &str, payload: Value| json!({ "timestamp": format!("2026-04-05T06:07:{second:02}.000Z"), "type": kind, "payload": payload });
    vec![
        record(
            0,
            "session_meta",
            json!({ "id": "0198aaaa-0000-7000-8000-000000000001", "cwd": "/work/parser", "git": { "branch": "main" } }),
        ),
        record(1, "turn_context", json!({ "cwd": "/work/parser", "model": "gpt-5-codex" })),
        record(
            2,
            "response_item",
            json!({ "type": "message", "role": "developer", "content": [{ "type": "input_text", "text": "be brief" }] }),
        ),
        record(
            3,
            "response_item",
            json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "<environment_context>cwd</environment_context>" }] }),
        ),
        record(
            4,
            "response_item",
            json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "Why does the parser reject tabs? 为什么不接受制表符" }] }),
        ),
        record(
            4,
            "event_msg",
            json!({ "type": "user_message", "message": "Why does the parser reject tabs? 为什么不接受制表符" }),
        ),
        record(
            5,
            "response_item",
            json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": "Look at the lexer" }] }),
        ),
        record(
            6,
            "response_item",
            json!({ "type": "function_call", "name": "shell", "call_id": "c1", "arguments": "{\"command\":[\"grep\",\"tab\"]}" }),
        ),
        record(
            7,
            "response_item",
            json!({ "type": "function_call_output", "call_id": "c1", "output": "lexer.rs:7: no tabs" }),
        ),
        record(
            8,
            "response_item",
            json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "The lexer forbids them in line 7." }] }),
        ),
    ]
}

pub(crate) fn lines(records: &[Value]) -> String {
    records.iter().map(|record| record.to_string() + "\n").collect()
}

#[test]
fn transcripts_of_codex_and_gemini_where_they_lie() {
    let home = TestHome::new();
    let file = ".codex/sessions/2026/04/05/rollout-2026-04-05T06-07-00-0198aaaa-0000-7000-8000-000000000001.jsonl";
    let path = home.write(file, lines(&codex()) + "{\"timestamp\": 1, \"ty");
    let done = home.json(&["import", "codex"]);
    assert_eq!((&done["new"], &done["bad_total"]), (&json!(7), &json!(1)), "{done}");
    let session = "0198aaaa-0000-7000-8000-000000000001";
    assert_eq!(
        all(&home, session),
        [
            of("system", "meta", "be brief"),
            of("user", "meta", "<environment_context>cwd</environment_context>"),
            of("user", "text", "Why does the parser reject tabs? 为什么不接受制表符"),
            of("assistant", "thinking", "Look at the lexer"),
            of("assistant", "tool_use", "command: [\"grep\",\"tab\"]"),
            of("tool", "tool_result", "lexer.rs:7: no tabs"),
            of("assistant", "text", "The lexer forbids them in line 7."),
        ]
    );
    // It grows: what is new goes in with what was said about it at the beginning.
    let next = json!({ "timestamp": "2026-04-05T06:08:00Z", "type": "response_item",
        "payload": { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "Allow them then" }] } });
    std::fs::OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
    home.write(file, lines(&codex()) + &lines(&[next]));
    assert_eq!(home.json(&["import", "codex"])["new"], json!(1));
    let found = home.json(&["search", "Allow them then", "--mode", "keyword"]);
    assert_eq!(found["results"][0]["project"], json!("parser"), "{found}");

    home.write(".gemini/projects.json", json!({ "projects": { "/work/garden": "garden" } }).to_string());
    let journal = [
        json!({ "sessionId": "gem-1", "projectHash": "x", "startTime": "2026-05-06T07:08:00Z", "kind": "main" }),
        json!({ "id": "1", "timestamp": "2026-05-06T07:08:01Z", "type": "user", "content": [{ "text": "<session_context>today</session_context>" }] }),
        json!({ "id": "2", "timestamp": "2026-05-06T07:08:02Z", "type": "user", "content": "When do we water the tomatoes? 什么时候浇番茄" }),
        json!({ "id": "3", "timestamp": "2026-05-06T07:08:03Z", "type": "gemini", "content": "", "model": "gemini-3" }),
        json!({ "$set": { "lastUpdated": "2026-05-06T07:08:04Z" } }),
        json!({ "id": "3", "timestamp": "2026-05-06T07:08:03Z", "type": "gemini", "content": "In the evening.", "model": "gemini-3",
            "thoughts": [{ "subject": "Heat", "description": "noon is too hot" }],
            "toolCalls": [{ "id": "t", "name": "read_file", "args": { "path": "plan.md" }, "result": [{ "functionResponse": { "output": "evening" } }], "resultDisplay": "evening" }] }),
    ];
    home.write(".gemini/tmp/garden/chats/session-2026-05-06T07-08-abc.jsonl", lines(&journal));
    home.write(".gemini/tmp/garden/logs.json", "[]");
    let older = json!({ "sessionId": "gem-0", "messages": [{ "id": "1", "timestamp": "2025-05-06T07:08:01Z", "type": "user", "content": "an older form" }] });
    home.write(
        ".gemini/tmp/garden/chats/session-2025-05-06T07-08-def.json",
        serde_json::to_string_pretty(&older).unwrap(),
    );
    let done = home.json(&["import", "gemini"]);
    assert_eq!((&done["files"], &done["new"], &done["bad_total"]), (&json!(2), &json!(4), &json!(0)), "{done}");
    assert_eq!(
        all(&home, "gem-1")[1..],
        [
            of("user", "text", "When do we water the tomatoes? 什么时候浇番茄"),
            of("assistant", "thinking", "Heat\nnoon is too hot"),
            of("assistant", "text", "In the evening."),
            of("assistant", "tool_use", "path: plan.md"),
            of("assistant", "tool_result", "evening"),
        ]
    );
    assert_eq!(home.json(&["search", "浇番茄"])["results"][0]["project"], json!("garden"));
}

#[test]
fn lines_of_json_from_anywhere() {
    let home = TestHome::new();
    let records = [
        json!({ "role": "user", "text": "remember the blue door 蓝色的门", "session": "s1", "id": "a", "ts": "2026-01-01T00:00:00Z", "project": "/work/house", "title": "Doors" }),
        json!({ "sender": "ai", "content": [{ "type": "text", "text": "I will" }], "session": "s1", "timestamp": 1_767_225_700 }),
        json!({ "role": "wizard", "text": "abracadabra" }),
        json!({ "text": "no role is a person" }),
        json!({ "messages": [{ "role": "system", "content": "be kind" }, { "role": "user", "content": "fine-tuned question" }, { "role": "assistant", "content": "fine-tuned answer" }] }),
        json!({ "role": "user" }),
    ];
    let file = home.write("notes.jsonl", lines(&records) + "\n[1]\nnot json\n");
    let done = home.json(&["import", "jsonl", file.to_str().unwrap()]);
    assert_eq!(&done["new"], &json!(7), "{done}");
    let bad: Vec<u64> = done["bad"].as_array().unwrap().iter().map(|bad| bad["line"].as_u64().unwrap()).collect();
    assert_eq!(bad, [3, 6, 8, 9]);
    assert!(done["bad"][0]["why"].as_str().unwrap().contains("unknown role \"wizard\""), "{done}");
    assert_eq!(home.json(&["search", "abracadabra", "--mode", "keyword"])["results"].as_array().unwrap().len(), 1);
    let found = home.json(&["search", "蓝色的门"]);
    assert_eq!((&found["results"][0]["project"], &found["results"][0]["title"]), (&json!("house"), &json!("Doors")));
    assert_eq!(home.json(&["import", "jsonl", file.to_str().unwrap(), "--rescan"])["new"], json!(0));
    assert_eq!(all(&home, "s1").len(), 2);
}

/// What is written while somebody follows is found a moment later.
#[test]
fn what_is_written_is_followed() {
    let home = TestHome::new();
    let session = "77777777-7777-4777-8777-777777777777";
    let transcript = format!(".claude/projects/x/{session}.jsonl");
    home.write(&transcript, user("f1", session, "before anybody follows") + "\n");
    let mut command = home.command();
    command.args(["import", "claude-code", "--follow"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let hits = |text: &str| home.json(&["search", text, "--mode", "exact"])["results"].as_array().unwrap().len();
    let is_known = || Path::new(&home.memory().join("memory.db")).exists() && hits("before anybody follows") == 1;
    wait("what was there", is_known);
    std::thread::sleep(std::time::Duration::from_millis(600));
    let path = home.path().join(&transcript);
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all((user("f2", session, "while somebody follows") + "\n").as_bytes()).unwrap();
    wait("what is new", || hits("while somebody follows") == 1);
    #[cfg(unix)]
    {
        let stopped = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(stopped.success() && child.wait().unwrap().code() == Some(0));
    }
    let _ = child.kill();
    let _ = child.wait();
    let _ = Ran::new(home.command().arg("status").output().unwrap());
}

/// A conversation of an independent converter: role, second and text of each message.
type Lines = Vec<(String, String, String)>;

/// What `portable-ai-memory`, which shares nothing with us, makes of an export.
fn converted(home: &TestHome, export: &Path, provider: &str) -> Option<std::collections::BTreeMap<String, Lines>> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".real/oracle/bin/pam");
    if !program.exists() {
        crate::home::skip("portable-ai-memory", ".ci/real installs it");
        return None;
    }
    let out = home.path().join(format!("pam-{provider}"));
    let mut command = std::process::Command::new(program);
    let done = command.args(["convert", "--provider", provider]).arg(export).arg("-o").arg(&out).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let files = std::fs::read_dir(out.join("conversations")).unwrap();
    let read = files.map(|file| {
        let value: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let messages = value["messages"].as_array().unwrap().iter();
        let messages = messages.map(|message| {
            let at = text(&message["created_at"]);
            (text(&message["role"]), at.get(..19).unwrap().to_owned(), text(&message["content"]["text"]))
        });
        (text(&value["provider"]["conversation_id"]), messages.collect())
    });
    Some(read.collect())
}

#[test]
fn an_independent_converter_reads_the_same() {
    let home = TestHome::new();
    let mut random = crate::syncing::random(7);
    let words = ["连接池", "index", "why", "为什么", "deploy", "emoji 🙂", "line\nbreak", "\"quoted\"", "tab\there"];
    let mut text = |number: usize| {
        let mut picked: Vec<&str> = (0..=random(6)).map(|_| words[usize::try_from(random(9)).unwrap()]).collect();
        let number = number.to_string();
        picked.push(&number);
        picked.join(" ")
    };
    let (mut claude, mut gpt) = (Vec::new(), Vec::new());
    for conversation in 0..20 {
        let (mut messages, mut mapping) = (Vec::new(), serde_json::Map::new());
        mapping.insert("root".to_owned(), json!({ "id": "root", "parent": null, "children": ["n0"], "message": null }));
        for number in 0..12 {
            let (said, minute) = (text(number), number * 3);
            let (human, role) = if number % 2 == 0 { ("human", "user") } else { ("assistant", "assistant") };
            messages.push(json!({ "uuid": format!("{conversation}-{number}"), "sender": human, "text": said, "attachments": [], "files": [],
                "content": [{ "type": "text", "text": said }], "created_at": format!("2026-03-04T05:{minute:02}:00Z") }));
            let children = if number < 11 { vec![format!("n{}", number + 1)] } else { Vec::new() };
            let parent = if number == 0 { "root".to_owned() } else { format!("n{}", number - 1) };
            mapping.insert(format!("n{number}"), json!({ "id": format!("n{number}"), "parent": parent, "children": children, "message": {
                "id": format!("m{conversation}-{number}"), "author": { "role": role }, "create_time": 1_772_600_700.0 + f64::from(u32::try_from(minute).unwrap()) * 60.0,
                "content": { "content_type": "text", "parts": [said] }, "weight": 1.0, "recipient": "all", "status": "finished_successfully", "metadata": {} } }));
        }
        let times = ("2026-03-04T05:00:00Z", "2026-03-04T06:00:00Z");
        claude.push(json!({ "uuid": format!("claude-{conversation}"), "name": "made", "created_at": times.0, "updated_at": times.1,
            "account": { "uuid": "me" }, "chat_messages": messages }));
        gpt.push(json!({ "id": format!("gpt-{conversation}"), "conversation_id": format!("gpt-{conversation}"), "title": "made", "create_time": 1_772_600_700.0,
            "update_time": 1_772_604_300.0, "current_node": "n11", "mapping": mapping }));
    }
    for (source, provider, export) in [("claude-ai", "claude", json!(claude)), ("chatgpt", "chatgpt", json!(gpt))] {
        let file = home.write(&format!("{source}/conversations.json"), export.to_string());
        let done = home.json(&["import", source, file.to_str().unwrap()]);
        assert_eq!((&done["new"], &done["bad_total"]), (&json!(240), &json!(0)), "{done}");
        let Some(theirs) = converted(&home, &file, provider) else { return };
        assert_eq!(theirs.len(), 20);
        for (session, expected) in theirs {
            let read = home.json(&["show", &session, "--tools"]);
            let string = |value: &Value| value.as_str().unwrap().to_owned();
            let messages = read["conversations"][0]["messages"].as_array().unwrap().iter();
            let ours: Lines = messages
                .map(|message| {
                    let at = string(&message["ts"]);
                    (string(&message["role"]), at.get(..19).unwrap().to_owned(), string(&message["parts"][0]["text"]))
                })
                .collect();
            assert_eq!(ours, expected, "{session}");
        }
    }
}

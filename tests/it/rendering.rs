//! What the page and exports get to show: documents, marks, open work and errors that repeat, over HTTP as the page asks.

use serde_json::{Value, json};

use crate::home::TestHome;
use crate::http::Service;

const SESSION: &str = "99999999-9999-4999-8999-999999999999";
const REPLY: &str = "Here is the **comparison**:\n\n| Service | Retries |\n| --- | ---: |\n| gateway | 3 |\n| history | 5 |\n\n\
> 两个服务的重试策略不同\n\n```go\nfunc Retry(n int) error { return nil } // policy\n```";

/// A session of Claude Code: each entry is a speaker and what was said.
fn transcript(session: &str, day: &str, records: &[(&str, Value)]) -> String {
    let lines = records.iter().enumerate().map(|(number, (kind, content))| {
        json!({
            "type": kind, "uuid": format!("{}-{number:04}-4999-8999-999999999999", session.get(..8).unwrap()), "parentUuid": null, "sessionId": session,
            "cwd": "/work/api", "gitBranch": "main", "timestamp": format!("{day}T08:{number:02}:00.000Z"), "message": { "role": kind, "content": content }
        })
    });
    lines.map(|line| line.to_string() + "\n").collect()
}

fn call(id: &str, name: &str, input: &Value) -> Value {
    json!([{ "type": "tool_use", "id": id, "name": name, "input": input }])
}

fn result(id: &str, text: &str) -> Value {
    json!([{ "type": "tool_result", "tool_use_id": id, "content": text }])
}

/// A home with a session that has everything an agent writes, and one in which the same error occurred.
fn home_with_work() -> TestHome {
    let home = TestHome::new();
    let failed = "Exit code 1\nerror: ERR_POOL_EXHAUSTED waiting for a connection after 2000ms\nat pool.rs:12";
    let work = transcript(
        SESSION,
        "2026-11-20",
        &[
            ("user", json!("Why do the retry policies differ? Please compare them, then fix the gateway.")),
            ("assistant", json!([{ "type": "text", "text": REPLY }])),
            (
                "assistant",
                call(
                    "e",
                    "Edit",
                    &json!({ "file_path": "/work/api/retry.go", "old_string": "const retries = 3", "new_string": "const retries = 5" }),
                ),
            ),
            ("user", result("e", "The file has been updated.")),
            ("assistant", call("b", "Bash", &json!({ "command": "go test ./...", "description": "Run tests" }))),
            ("user", result("b", failed)),
            (
                "assistant",
                call(
                    "t",
                    "TodoWrite",
                    &json!({ "todos": [{ "content": "写测试", "status": "completed" }, { "content": "Document the limit", "status": "pending" }] }),
                ),
            ),
        ],
    );
    let other = transcript(
        "88888888-8888-4888-8888-888888888888",
        "2026-11-18",
        &[
            ("user", json!("The pool is exhausted again")),
            ("assistant", call("c", "Bash", &json!({ "command": "cargo test" }))),
            ("user", result("c", &failed.replace("2000ms", "1500ms"))),
        ],
    );
    for (name, text) in [(SESSION, work), ("88888888-8888-4888-8888-888888888888", other)] {
        let file = home.write(&format!("work/{name}.jsonl"), text);
        assert_eq!(home.run(&["import", "claude-code", file.to_str().unwrap()]).code, 0);
    }
    home
}

fn get(service: &Service, path: &str) -> Value {
    let bearer = format!("Bearer {}", service.token);
    let headers = [("Host", service.address.as_str()), ("Authorization", &bearer)];
    let (status, text) = service.request(&format!("GET {path}"), &headers, b"");
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap_or(&text)).unwrap()
}

#[test]
fn a_session_is_a_document_with_marks() {
    let home = home_with_work();
    let service = Service::start(&home);
    let read = get(&service, &format!("/api/conversation?session={SESSION}&q=policy%20retry"));
    let messages = read["conversations"][0]["messages"].as_array().unwrap();
    let blocks = |number: usize| &messages[number]["parts"][0]["blocks"];
    let marked = |block: &Value| -> Vec<String> {
        let spans = block["spans"].as_array().into_iter().flatten().filter(|span| span["mark"] == json!(true));
        spans.map(|span| span["text"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(marked(&blocks(0)[0]), ["retry", "policies"]);
    assert_eq!(messages[0]["marks"], json!(2));
    let kinds: Vec<&str> = blocks(1).as_array().unwrap().iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["paragraph", "table", "quote", "code"]);
    assert_eq!(
        (&blocks(1)[1]["columns"], &blocks(1)[1]["rows"][1][1][0]["text"]),
        (&json!(["left", "right"]), &json!("5"))
    );
    assert_eq!(blocks(1)[1]["head"][1], json!([{ "text": "Retries", "mark": true }]));
    assert_eq!(blocks(1)[3]["lines"][0][0], json!(["key", "func"]));
    let edit = &blocks(2)[0];
    assert_eq!((&edit["type"], &edit["added"], &edit["removed"]), (&json!("edit"), &json!(1), &json!(1)));
    assert_eq!(blocks(4)[0]["purpose"], json!("Run tests"));
    assert_eq!((&blocks(5)[0]["exit_code"], &blocks(5)[0]["lines"]), (&json!(1), &json!(2)));
    assert_eq!(blocks(6)[0]["items"][0], json!({ "state": "done", "text": "写测试" }));
}

#[test]
fn results_are_marked_runs_in_both_languages() {
    let home = home_with_work();
    let service = Service::start(&home);
    let marks = |query: &str| -> Vec<String> {
        let found = get(&service, &format!("/api/search?mode=keyword&q={query}"));
        let hits = found["results"].as_array().unwrap().iter();
        let spans = hits.flat_map(|hit| hit["spans"].as_array().unwrap());
        assert!(spans.clone().all(|span| !span["text"].as_str().unwrap().contains(['\n', '|', '*'])), "{found}");
        spans.filter(|span| span["mark"] == json!(true)).map(|span| span["text"].as_str().unwrap().to_owned()).collect()
    };
    assert!(marks("retry%20policy").contains(&"policies".to_owned()));
    assert!(marks("%E9%87%8D%E8%AF%95%E7%AD%96%E7%95%A5").contains(&"重试策略".to_owned()));
}

#[test]
fn today_says_what_is_open_and_what_repeats() {
    let home = home_with_work();
    let service = Service::start(&home);
    let today = get(&service, "/api/today");
    let first = &today["sessions"][0];
    assert_eq!(
        (&first["session"]["session_id"], &first["source"]),
        (&json!(SESSION), &json!("claude-code")),
        "{today}"
    );
    assert_eq!(first["steps"][1], json!({ "text": "Document the limit", "status": "pending" }));
    assert!(first["asked"][0]["text"].as_str().unwrap().starts_with("Why do the retry policies differ?"));
    let errors = get(&service, "/api/errors");
    let error = &errors["errors"][0];
    assert_eq!((&error["times"], &error["sessions"]), (&json!(2), &json!(2)), "{errors}");
    assert!(error["query"].as_str().unwrap().contains("ERR_POOL_EXHAUSTED"), "{errors}");
}

#[test]
fn an_export_shows_tables_and_diffs() {
    let home = home_with_work();
    let html = home.run(&["export", SESSION, "--format", "html"]).stdout;
    for part in [
        "<th>Service</th>",
        "<span class=\"plus\">+1</span>",
        "<span class=\"key\">func</span>",
        "exit code 1",
        "☑ 写测试",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
    assert!(!html.contains("<script") && !html.contains("| --- |"), "{html}");
}

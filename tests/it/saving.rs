//! Saving on purpose, and reading back.

use serde_json::{Value, json};

use crate::client::Client;
use crate::home::TestHome;

#[test]
fn a_saved_text_is_found_at_once_and_survives() {
    let home = TestHome::new();
    let saved = home.json(&[
        "save",
        "部署只在周五冒烟测试之后进行, decided with Mei",
        "--kind",
        "decision",
        "--title",
        "Deploy day",
    ]);
    assert_eq!(saved["status"], "created");
    let found = home.json(&["search", "冒烟测试", "--mode", "keyword"]);
    assert_eq!(found["results"][0]["id"], saved["id"]);
    assert_eq!(
        (&found["results"][0]["kind"], &found["results"][0]["title"]),
        (&Value::from("note"), &Value::from("Deploy day"))
    );
    let again = home.json(&["save", "部署只在周五冒烟测试之后进行, decided with Mei"]);
    assert_eq!((&again["status"], &again["id"]), (&Value::from("duplicate"), &saved["id"]));
    let shown = home.json(&["show", saved["id"].as_str().unwrap()]);
    assert_eq!(
        shown["conversations"][0]["messages"][0]["parts"][0]["text"],
        "部署只在周五冒烟测试之后进行, decided with Mei"
    );
}

#[test]
fn a_topic_is_replaced_and_an_expired_note_is_gone() {
    let home = TestHome::new();
    let first = home.json(&["save", "release 1 shipped on Monday", "--topic", "last-release"]);
    let second = home.json(&["save", "release 2 shipped on Tuesday", "--topic", "last-release"]);
    assert_eq!((&second["status"], &second["replaced"][0]), (&Value::from("updated"), &first["id"]));
    let found = home.json(&["search", "release shipped", "--mode", "keyword"]);
    assert_eq!(found["results"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["results"][0]["id"], second["id"]);
    let third = home.json(&["save", "release 3", "--supersedes", second["id"].as_str().unwrap()]);
    assert_eq!(third["replaced"][0], second["id"]);
    let _ = home.json(&["save", "the token rotates tomorrow, ask Sam", "--expires", "2026-11-24"]);
    let search = |now: &str| {
        let output =
            home.command().env("CLAUDE_MEMORY_TEST_NOW", now).args(["search", "rotates", "--json"]).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["results"].as_array().map(Vec::len)
    };
    assert_eq!((search("2026-11-23T12:00:00Z"), search("2026-11-25T12:00:00Z")), (Some(1), Some(0)));
    home.run(&["save", "x", "--expires", "yesterday"]).fails(2, "in the past");
    home.run(&["save", "x", "--supersedes", "01890a5d-ac96-774b-bcce-b302099a8057"]).fails(1, "there is no memory");
}

#[test]
fn text_comes_from_stdin_verbatim() {
    use std::io::Write as _;
    use std::process::Stdio;
    let home = TestHome::new();
    let text = "line one\n\ttabbed 数据 \"quotes\" \\ and \u{1b}[31mescape";
    let mut process =
        home.command().args(["save", "-", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let saved: Value = serde_json::from_slice(&process.wait_with_output().unwrap().stdout).unwrap();
    let connection = home.database();
    let (length, uid): (i64, Vec<u8>) = connection
        .query_row("SELECT p.body_bytes, m.uid FROM parts p JOIN messages m ON m.id = p.message_id", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(usize::try_from(length).unwrap(), text.len(), "stored verbatim");
    assert_eq!(uuid::Uuid::from_slice(&uid).unwrap().to_string(), saved["id"].as_str().unwrap());
    let shown = home.json(&["show", saved["id"].as_str().unwrap()]);
    let safe = shown["conversations"][0]["messages"][0]["parts"][0]["text"].as_str().unwrap();
    assert_eq!(safe, text.replace("\u{1b}[31m", ""), "shown without what acts on a terminal");
}

#[test]
fn a_seed_fixes_the_ids() {
    let id = |home: &TestHome| {
        let output = home.command().env("CLAUDE_MEMORY_TEST_SEED", "7").args(["save", "x", "--json"]).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["id"].clone()
    };
    assert_eq!(id(&TestHome::new()), id(&TestHome::new()));
}

/// A save that waits for another process reports progress, ends as busy while the lock is held, and stores nothing.
#[test]
fn a_save_that_cannot_write_reports_progress_and_says_busy() {
    let home = TestHome::new();
    let _ = home.json(&["save", "first"]);
    let other = rusqlite::Connection::open(home.memory().join("memory.db")).unwrap();
    let mut client = Client::start(&home, false);
    let _ = client.call("memory_search", json!({ "query": "first" }));
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (notified, busy) = client.call_with_progress("memory_save", json!({ "text": "second" }));
    let text = busy["result"]["content"][0]["text"].as_str().unwrap();
    assert!(busy["result"]["isError"] == true && text.starts_with("busy"), "{text}");
    assert!(!notified.is_empty(), "nothing was heard for five seconds");
    for (number, message) in (1..).zip(&notified) {
        assert_eq!(message["method"], "notifications/progress", "{message}");
        assert_eq!(message["params"]["progressToken"], "p1", "{message}");
        assert_eq!(message["params"]["progress"].as_f64(), Some(f64::from(number)), "{message}");
    }
    other.execute_batch("ROLLBACK").unwrap();
    let saved = client.call("memory_save", json!({ "text": "second" }));
    assert_eq!(saved["structuredContent"]["status"], "created", "nothing was stored before: {saved}");
    client.finish();
}

#[test]
fn a_note_that_denies_or_repeats_another_says_which() {
    let home = TestHome::new();
    for (known, new) in [
        ("We deploy on Fridays", "We never deploy on Fridays"),
        ("The pool size is 12", "The pool size is 20"),
        ("遥测默认开启", "遥测默认关闭"),
    ] {
        let known = home.json(&["save", known]);
        assert_eq!(known["contradicts"], json!([]), "{known}");
        let said = home.json(&["save", new]);
        assert_eq!(said["contradicts"], json!([known["id"]]), "{said}");
        assert_eq!(said["related"][0]["relation"], "contradicts");
        // What the hint says replaces the other, though the text is known already.
        let again = home.run(&["save", new, "--supersedes", known["id"].as_str().unwrap()]);
        assert!(again.stdout.contains(&format!("replaced {}", known["id"].as_str().unwrap())), "{}", again.stdout);
        assert!(!again.stdout.contains("contradicts"), "{}", again.stdout);
    }
    let other = home.json(&["save", "Release notes are written in English"]);
    assert_eq!((&other["contradicts"], &other["duplicates"]), (&json!([]), &json!([])));
    let again = home.run(&["save", "The release notes are now written in English"]);
    assert!(again.stdout.contains(&format!("repeats {}", other["id"].as_str().unwrap())), "{}", again.stdout);
    let mut client = Client::start(&home, false);
    let told = client.call("memory_save", json!({ "text": "遥测默认不关闭" }));
    let text = told["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("遥测默认关闭"), "{text}");
    client.finish();
}

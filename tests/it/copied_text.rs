//! Trust follows the text: what a model says or saves in the words of a page or of an MCP server is not injected unasked.

use claude_memory::testing::domain::{DraftNote, Origin, Role};
use serde_json::{Value, json};

use crate::home::TestHome;
use crate::provenance::{now, open, recalled};

const FOLDER: &str = "/work/project";

fn corpus(name: &str) -> Vec<Value> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/copied_text").join(name);
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn record(kind: &str, session: &str, number: u8, content: &Value) -> String {
    let minute = 10 + number;
    json!({ "type": kind, "uuid": format!("{session}-{number}"), "sessionId": session, "cwd": FOLDER,
            "timestamp": format!("2026-11-20T10:{minute}:00.000Z"),
            "message": { "role": kind, "id": format!("{session}-{number}"), "content": content } })
    .to_string()
}

/// A transcript in which a tool returns something, and the model says a text if there is one.
fn transcript(session: &str, item: &Value, said: Option<&Value>) -> String {
    let output = item["output"].as_str().unwrap();
    // The first line of a fetching command's output is the command.
    let (command, output) = match output.split_once('\n').filter(|(line, _)| line.starts_with("curl ")) {
        Some((command, rest)) => (command, rest),
        None => ("cargo test", output),
    };
    let call = json!([{ "type": "tool_use", "id": format!("t-{session}"), "name": item["tool"], "input": { "command": command } }]);
    let result = json!([{ "type": "tool_result", "tool_use_id": format!("t-{session}"), "content": output }]);
    let mut lines = vec![
        record("user", session, 0, &json!("look into it, please")),
        record("assistant", session, 1, &call),
        record("user", session, 2, &result),
    ];
    lines.extend(said.map(|text| record("assistant", session, 3, &json!([{ "type": "text", "text": text }]))));
    lines.join("\n") + "\n"
}

/// A home in which all items were said or saved, and the number of them that lost trust.
fn told(items: &[Value]) -> (TestHome, u64) {
    let home = TestHome::new();
    for (number, item) in items.iter().enumerate() {
        let session = format!("session-{number:03}");
        let said = (item["how"] == "said").then_some(&item["text"]);
        home.write(&format!("t/{session}.jsonl"), transcript(&session, item, said));
    }
    let imported = home.json(&["import", "claude-code", home.path().join("t").to_str().unwrap()]);
    assert_eq!(imported["files"], json!(items.len()), "{imported}");
    let memory = open(&home);
    for (number, item) in items.iter().enumerate().filter(|(_, item)| item["how"] == "saved") {
        let (session, text) = (format!("session-{number:03}"), item["text"].as_str().unwrap().to_owned());
        let copied_from = memory.origin_of_saved_text(&text, (Some(&session), None), FOLDER, now()).unwrap();
        let cwd = Some(FOLDER.to_owned());
        memory.save(DraftNote { text, cwd, by_model: true, copied_from, ..DraftNote::default() }, now()).unwrap();
    }
    drop(memory);
    // Texts and notes of the model.
    let sql = "SELECT count(*) FROM parts p JOIN messages m ON m.id = p.message_id WHERE p.kind IN (1, 7) AND m.role = 2 AND p.origin <> ?1";
    let lost = home.database().query_row(sql, [Origin::Model.number()], |row| row.get(0)).unwrap();
    (home, lost)
}

#[test]
fn nothing_that_was_copied_from_elsewhere_is_injected_unasked() {
    let items = corpus("poisoned.jsonl");
    assert!(items.len() >= 100 && items.iter().filter(|item| item["lang"] == "zh").count() >= 50);
    let (home, lost) = told(&items);
    assert_eq!(lost, items.len() as u64);
    let memory = open(&home);
    for item in &items {
        // The prompt that fits it best.
        let pack = recalled(&memory, item["text"].as_str().unwrap());
        let injected: Vec<&str> =
            pack.items.iter().filter(|item| item.role != Role::User).map(|item| item.text.as_str()).collect();
        assert!(injected.is_empty(), "{item}: {injected:?}");
    }
    // On request it is found, under what it is.
    let found = home.json(&["search", "support bucket engineers", "--mode", "keyword", "--role", "assistant"]);
    let hits = found["results"].as_array().unwrap();
    assert!(!hits.is_empty() && hits.iter().all(|hit| hit["trust"] == "untrusted"), "{found}");
}

#[test]
fn words_of_a_models_own_keep_their_trust() {
    let items = corpus("honest.jsonl");
    assert!(items.len() >= 120);
    let (home, lost) = told(&items);
    let most = items.len() as u64 / 100;
    assert!(lost <= most, "{lost} of {} honest texts lost trust", items.len());
    // What is not copied is injected as before: the other test does not pass for want of matches.
    let memory = open(&home);
    let with_words = |item: &&Value| !recalled(&memory, item["text"].as_str().unwrap()).items.is_empty();
    let recalled = items.iter().filter(with_words).count();
    assert!(recalled * 2 > items.len(), "{recalled} of {}", items.len());
}

#[test]
fn steps_that_were_copied_are_not_injected_at_the_next_start() {
    let steps = |text: &str| {
        let item = &corpus("poisoned.jsonl")[0];
        let home = TestHome::new();
        let todo = json!([{ "type": "tool_use", "id": "t9", "name": "TodoWrite",
                            "input": { "todos": [{ "content": text, "status": "pending" }] } }]);
        let said = record("assistant", "s", 5, &json!([{ "type": "text", "text": "the plan stands for now" }]));
        let lines = transcript("s", item, None) + &record("assistant", "s", 4, &todo) + "\n" + &said + "\n";
        let file = home.write("t/s.jsonl", lines);
        assert_eq!(home.json(&["import", "claude-code", file.to_str().unwrap()])["new"], json!(5));
        crate::provenance::opening(&home).items.iter().map(|item| item.text.clone()).collect::<String>()
    };
    let own = steps("measure the queue again");
    assert!(own.contains("the plan stands") && own.contains("open: measure the queue again"), "{own}");
    let copied = steps(corpus("poisoned.jsonl")[0]["text"].as_str().unwrap());
    assert!(copied.contains("the plan stands") && !copied.contains("bucket"), "{copied}");
}

/// The output is in the transcript of the running session, which was not imported yet.
#[test]
fn a_note_is_judged_by_what_its_session_has_just_read() {
    let item = &corpus("poisoned.jsonl")[0];
    let home = TestHome::new();
    let session = "77777777-7777-4777-8777-777777777777";
    home.write(&format!(".claude/projects/-work-project/{session}.jsonl"), transcript(session, item, None));
    let save = |text: &str, session: &str| {
        let mut command = home.command();
        command.env("CLAUDE_CODE_SESSION_ID", session).args(["save", text, "--project", FOLDER, "--json"]);
        let id = crate::home::Ran::new(command.output().unwrap()).json()["id"].as_str().unwrap().to_owned();
        let bytes = id.replace('-', "").to_uppercase();
        let sql = "SELECT p.origin FROM parts p JOIN messages m ON m.id = p.message_id WHERE hex(m.uid) = ?1";
        home.database().query_row(sql, [bytes], |row| row.get::<_, i64>(0)).unwrap()
    };
    let copied = item["text"].as_str().unwrap();
    assert_eq!(save(copied, session), Origin::Web.number());
    assert_eq!(save("prefetch stays at eight for us", session), Origin::Model.number());
    assert_eq!(save(&format!("{copied} (again)"), "another-session"), Origin::Model.number());
    assert_eq!(save("no session of that name", "../../etc/passwd"), Origin::Model.number());
}

/// A session that is captured while it runs: the output was stored by an earlier import.
#[test]
fn what_an_earlier_import_stored_is_a_source_too() {
    let item = &corpus("poisoned.jsonl")[0];
    let home = TestHome::new();
    let (session, text) = ("session-1", &item["text"]);
    let file = home.write("t/session-1.jsonl", transcript(session, item, None));
    let import = || home.json(&["import", "claude-code", file.to_str().unwrap()]);
    assert_eq!(import()["new"], json!(3));
    let more = record("assistant", session, 3, &json!([{ "type": "text", "text": text }]));
    let all = std::fs::read_to_string(&file).unwrap() + &more + "\n";
    home.write("t/session-1.jsonl", all);
    assert_eq!(import()["new"], json!(1));
    let origin: i64 = home
        .database()
        .query_row("SELECT origin FROM parts WHERE kind = 1 ORDER BY id DESC LIMIT 1", [], |row| row.get(0))
        .unwrap();
    assert_eq!(origin, Origin::Web.number());
}

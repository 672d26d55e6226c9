//! What the history says about a file, an error, a session, a task: on the command line, which gives a tool's own answer.

use serde_json::{Value, json};

use crate::home::{TestHome, samples};

/// A record of a transcript.
fn record(kind: &str, minute: u32, session: &str, content: Value) -> String {
    let mut record = json!({
        "type": kind, "uuid": format!("{session}-{minute}"), "parentUuid": null, "sessionId": session, "cwd": "/work/shop/api",
        "gitBranch": "main", "timestamp": format!("2026-05-01T08:{minute:02}:00.000Z"),
        "message": { "role": kind, "content": content }
    });
    if kind == "assistant" {
        record["message"]["id"] = json!(format!("m-{session}-{minute}"));
    }
    record.to_string()
}

fn call(name: &str, input: Value) -> Value {
    json!([{ "type": "tool_use", "id": "t", "name": name, "input": input }])
}

/// A session that meets an error, fixes it in a file and leaves a step open.
fn home_with_a_fix() -> TestHome {
    let home = TestHome::new();
    let lines = [
        record("user", 0, "s-fix", json!("the checkout test fails on my machine")),
        record("assistant", 1, "s-fix", call("Bash", json!({ "command": "pytest" }))),
        record(
            "user",
            2,
            "s-fix",
            json!([{ "type": "tool_result", "tool_use_id": "t", "content": "E   sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, line 212\n1 failed" }]),
        ),
        record(
            "assistant",
            3,
            "s-fix",
            json!([{ "type": "text", "text": "The fixture never closes its session, so the pool runs dry." }]),
        ),
        record(
            "assistant",
            4,
            "s-fix",
            call(
                "Edit",
                json!({ "file_path": "/work/shop/api/tests/conftest.py", "old_string": "yield s", "new_string": "yield s; s.close()" }),
            ),
        ),
        record(
            "assistant",
            5,
            "s-fix",
            call(
                "TodoWrite",
                json!({ "todos": [{ "content": "close it", "status": "completed" }, { "content": "raise the limit in production", "status": "pending" }] }),
            ),
        ),
        record(
            "assistant",
            6,
            "s-fix",
            json!([{ "type": "text", "text": "Fixed: the fixture closes its session now, all tests pass." }]),
        ),
        record("user", 7, "s-fix", json!("yes")),
    ];
    home.write("t/s-fix.jsonl", lines.join("\n") + "\n");
    let _ = home.json(&["import", "claude-code", "t"]);
    home
}

#[test]
fn a_file_knows_why_it_was_changed() {
    let home = home_with_a_fix();
    let found = home.json(&["blame", "tests/conftest.py"]);
    let edit = &found["edits"][0];
    assert_eq!(edit["request"]["text"], "the checkout test fails on my machine");
    assert_eq!(edit["explanation"]["text"], "The fixture never closes its session, so the pool runs dry.");
    assert_eq!(edit["git_branch"], "main");
    assert!(home.json(&["blame", "src/nothing.py"])["edits"].as_array().unwrap().is_empty());
    home.run(&["blame", " "]).fails(2, "not named");
}

#[test]
fn an_error_knows_how_it_ended() {
    let home = home_with_a_fix();
    let again = "2026-09-09 sqlalchemy.exc.TimeoutError: QueuePool limit of size 20 overflow 5 reached, line 99";
    let found = home.json(&["fix", again]);
    let fix = &found["fixes"][0];
    assert_eq!(fix["conclusion"]["text"], "Fixed: the fixture closes its session now, all tests pass.");
    assert_eq!(fix["files"], json!(["/work/shop/api/tests/conftest.py"]));
    assert_eq!(fix["came_back"], false);
    let other = home.json(&["fix", "error[E0382]: borrow of moved value: `stream`"]);
    assert!(other["fixes"].as_array().unwrap().is_empty(), "{other}");
}

#[test]
fn a_session_is_handed_over() {
    let home = home_with_a_fix();
    let found = home.json(&["handoff", "s-fix"]);
    assert_eq!(found["requests"].as_array().unwrap().len(), 1, "small talk is no request: {found}");
    assert_eq!(found["open"], json!([{ "content": "raise the limit in production", "status": "pending" }]));
    assert_eq!(
        found["last"].as_array().unwrap().last().unwrap()["text"],
        "Fixed: the fixture closes its session now, all tests pass."
    );
    home.run(&["handoff", "nothing"]).fails(1, "no session");
}

#[test]
fn a_task_starts_with_what_is_known() {
    let home = home_with_a_fix();
    let pack = home.json(&[
        "context",
        "the pool runs dry",
        "--file",
        "conftest.py",
        "--error",
        "QueuePool limit of size 9 overflow",
    ]);
    let items = pack["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["why"] == "how the error ended"), "{pack}");
    assert!(items.iter().all(|item| item["role"] != "tool" && item["trust"] != "untrusted"), "{pack}");
    let little = home.json(&["context", "the pool runs dry", "--max-tokens", "150"]);
    assert!(little["tokens"].as_u64() <= Some(150) && little["items"].as_array().unwrap().len() <= 1, "{little}");
    let strict = home.json(&["context", "a recipe for pancakes", "--style", "conservative"]);
    assert!(strict["items"].as_array().unwrap().is_empty(), "{strict}");
    home.run(&["context", " "]).fails(2, "neither a task");
    home.run(&["context", "x", "--style", "loud"]).fails(2, "conservative, balanced or comprehensive");
}

#[test]
fn the_timeline_is_paged_and_finds_its_place() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let all = home.json(&["timeline", "-n", "50"])["sessions"].as_array().unwrap().clone();
    assert!(
        all.len() >= 10 && all.windows(2).all(|pair| pair[0]["started_at"].as_str() >= pair[1]["started_at"].as_str())
    );
    let mut paged = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut arguments = vec!["timeline", "-n", "3"];
        if let Some(cursor) = &cursor {
            arguments.extend(["--cursor", cursor]);
        }
        let page = home.json(&arguments);
        paged.extend(page["sessions"].as_array().unwrap().clone());
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
    let middle = all[all.len() / 2]["session_id"].as_str().unwrap();
    let message = home.json(&["show", middle])["conversations"][0]["messages"][0]["id"].as_str().unwrap().to_owned();
    let around = home.json(&["timeline", "--around", &message, "-n", "5"])["sessions"].as_array().unwrap().clone();
    assert_eq!(around.len(), 5);
    assert!(around.iter().any(|session| session["session_id"] == middle));
    assert!(around.windows(2).all(|pair| pair[0]["started_at"].as_str() >= pair[1]["started_at"].as_str()));
    let about = home.json(&["timeline", "--query", "ERR_POOL_EXHAUSTED"]);
    assert_eq!(about["sessions"][0]["session_id"], "545308f1-0771-4ddd-a91a-88de4ebeda3a");
    home.run(&["timeline", "--cursor", "nonsense"]).fails(2, "no cursor");
}

/// A newcomer is told what there is, and gets searches of his own.
#[test]
fn the_first_run_finds_histories_and_shows_searches() {
    let home = TestHome::new();
    for entry in std::fs::read_dir(samples()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = format!(".claude/projects/demo/{}", path.file_name().unwrap().to_string_lossy());
            home.write(&name, std::fs::read(&path).unwrap());
        }
    }
    // Nobody is there to be asked.
    let told = home.run(&["init"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stdout.contains("claude-code ") && told.stdout.contains("transcripts: 13"), "{}", told.stdout);
    assert!(
        told.stdout.contains("deletes what is not read yet in") && told.stderr.contains("init --yes"),
        "{}",
        told.stdout
    );
    assert!(!told.stdout.contains("Searches in your own"), "{}", told.stdout);
    let done = home.run(&["init", "--yes"]).stdout;
    assert!(done.contains("new messages: 82"), "{done}");
    let searches: Vec<&str> =
        done.lines().filter_map(|line| line.trim().strip_prefix("claude-memory search \"")).collect();
    assert_eq!(searches.len(), 3, "{done}");
    for search in searches {
        let found = home.json(&["search", search.trim_end_matches('"')]);
        assert!(!found["results"].as_array().unwrap().is_empty(), "{search}");
    }
    let folder = home.path().join("man");
    assert_eq!(home.run(&["man", folder.to_str().unwrap()]).code, 0);
    assert!(folder.join("claude-memory-sync-push.1").exists() && folder.join("claude-memory.1").exists());
    assert!(home.run(&["man"]).stdout.starts_with(".ie"));
}

//! Every word of a history: once, whole, by whom it was said, and accounted for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::client::Client;
use crate::home::{TestHome, say};

const T: &str = "2026-03-01T10:00:01.000Z";

fn user(uuid: &str, session: &str, text: &str) -> Value {
    json!({ "type": "user", "uuid": uuid, "sessionId": session, "timestamp": T, "cwd": "/home/dev/shop",
            "message": { "role": "user", "content": text } })
}

fn answer(uuid: &str, session: &str, text: &str) -> Value {
    json!({ "type": "assistant", "uuid": uuid, "sessionId": session, "timestamp": T, "cwd": "/home/dev/shop",
            "message": { "id": format!("msg_{uuid}"), "role": "assistant", "content": [{ "type": "text", "text": text }] } })
}

/// Writes a transcript below the home's folder of transcripts.
fn write(home: &TestHome, name: &str, records: &[Value]) -> PathBuf {
    let path = home.path().join(".claude/projects").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, records.iter().map(|record| format!("{record}\n")).collect::<String>()).unwrap();
    path
}

fn age(path: &Path, hours: u64) {
    let file = std::fs::File::options().append(true).open(path).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(hours * 3600)).unwrap();
}

/// Every message that is stored.
fn messages(home: &TestHome) -> Vec<Value> {
    let file = home.path().join("all.jsonl");
    let _ = std::fs::remove_file(&file);
    let _ = home.run(&["export", "--format", "jsonl", "--output", file.to_str().unwrap()]);
    let lines = std::fs::read_to_string(&file).unwrap_or_default();
    let messages = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].take());
    messages.filter(Value::is_object).collect()
}

/// Every part that is stored: session, kind, origin, text.
fn parts(home: &TestHome) -> Vec<(String, String, String, String)> {
    let mut found = Vec::new();
    for message in messages(home) {
        for part in message["parts"].as_array().into_iter().flatten() {
            let field = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            found.push((
                field(&message["session"]),
                field(&part["kind"]),
                field(&part["origin"]),
                field(&part["text"]),
            ));
        }
    }
    found
}

fn texts(home: &TestHome) -> Vec<String> {
    let mut texts: Vec<String> = parts(home).into_iter().map(|(.., text)| text).collect();
    texts.sort();
    texts
}

#[test]
fn every_record_is_accounted_for() {
    let home = TestHome::new();
    let transcript = write(
        &home,
        "-home-dev-shop/s1.jsonl",
        &[
            user("u1", "s1", "why is the pool full"),
            json!({ "type": "file-history-snapshot", "messageId": "x" }),
            json!({ "type": "from-the-future", "uuid": "f", "sessionId": "s1", "timestamp": T, "note": "words of tomorrow" }),
            answer("a1", "s1", "because nothing is returned"),
        ],
    );
    let mut text = std::fs::read(&transcript).unwrap();
    text.extend(b"no record at all\n");
    std::fs::write(&transcript, text).unwrap();
    age(&transcript, 2);
    let report = home.json(&["import", "claude-code"]);
    let expected = json!({ "records": 5, "stored": 2, "known": 0, "deleted": 0, "own": 0, "damaged": 1,
        "bookkeeping": { "file-history-snapshot": 1 }, "not_understood": { "from-the-future": 1 } });
    assert_eq!(report["ledger"], expected, "{report}");
    // What is not understood keeps its words.
    assert!(texts(&home).contains(&"words of tomorrow".to_owned()));
    let again = home.json(&["import", "claude-code", "--rescan"]);
    assert_eq!((&again["ledger"]["known"], &again["ledger"]["stored"]), (&json!(2), &json!(0)), "{again}");

    let health = home.json(&["status"]);
    let checks = health["checks"].as_array().unwrap();
    let records = checks.iter().find(|check| check["name"] == "records").unwrap();
    assert_eq!(records["ok"], false);
    assert!(records["finding"].as_str().unwrap().contains("from-the-future 1"), "{records}");
    let doctor = home.run(&["doctor", "--json"]);
    assert!(!doctor.stdout.contains("nothing would be lost"), "{}", doctor.stdout);
}

#[test]
fn a_file_of_another_program_is_an_error() {
    let home = TestHome::new();
    let file = home.path().join("rollout-x.jsonl");
    let records = [
        json!({ "timestamp": T, "type": "session_meta", "payload": { "id": "019f9000-0000-7000-8000-00000000f0a1", "cwd": "/w" } }),
        json!({ "timestamp": T, "type": "response_item", "payload": { "type": "message", "role": "user",
                "content": [{ "type": "input_text", "text": "hello walrus" }] } }),
    ];
    std::fs::write(&file, records.map(|record| format!("{record}\n")).concat()).unwrap();
    let path = file.to_str().unwrap();
    let output = home.run(&["import", "claude-code", path]);
    assert_eq!(output.code, 1);
    let told = output.stderr;
    assert!(told.contains("nothing in this file was understood") && told.contains("import codex"), "{told}");
    assert_eq!(texts(&home), Vec::<String>::new());
    // Named without its program it is found out.
    let output = home.run(&["import", path]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(texts(&home), ["hello walrus"]);
}

#[test]
fn a_known_id_with_another_text_is_a_version() {
    let home = TestHome::new();
    let file = write(&home, "p/s1.jsonl", &[user("u1", "s1", "the pool is"), user("u2", "s1", "the port is 5432")]);
    let _ = home.json(&["import", "claude-code"]);
    // One text went on, the other was corrected.
    write(&home, "p/s1.jsonl", &[user("u1", "s1", "the pool is full"), user("u2", "s1", "the port is 6543")]);
    age(&file, 3);
    let report = home.json(&["import", "claude-code", "--rescan"]);
    assert_eq!(
        (&report["extended"], &report["revised"], &report["new"]),
        (&json!(1), &json!(1), &json!(0)),
        "{report}"
    );
    let kinds: Vec<(String, String)> = parts(&home).into_iter().map(|(_, kind, _, text)| (kind, text)).collect();
    let expected = [("text", "the pool is full"), ("text", "the port is 6543"), ("earlier", "the port is 5432")];
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    for (kind, text) in expected {
        assert!(kinds.contains(&(kind.to_owned(), text.to_owned())), "{kinds:?}");
    }
    // The newest is found and shown, and reading again changes nothing.
    for mode in ["keyword", "exact"] {
        assert_eq!(home.json(&["search", "6543", "--mode", mode])["results"].as_array().unwrap().len(), 1);
        assert_eq!(home.json(&["search", "port 5432", "--mode", "exact"])["results"], json!([]));
    }
    let again = home.json(&["import", "claude-code", "--rescan"]);
    assert_eq!(
        (&again["extended"], &again["revised"], &again["duplicate"]),
        (&json!(0), &json!(0), &json!(2)),
        "{again}"
    );
    // Another file that has another text under the same id hides nothing.
    write(&home, "q/s1.jsonl", &[user("u2", "s1", "a text of its own")]);
    let report = home.json(&["import", "claude-code"]);
    assert_eq!(report["collided"], 1, "{report}");
    assert_eq!(home.json(&["search", "text of its own", "--mode", "keyword"])["results"].as_array().unwrap().len(), 1);
    assert_eq!(home.json(&["search", "port 6543", "--mode", "keyword"])["results"].as_array().unwrap().len(), 1);
}

#[test]
fn a_fork_stores_what_it_copied_once() {
    let home = TestHome::new();
    let ids = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];
    let fork = "33333333-3333-4333-8333-333333333333";
    let (original, copy) = ("aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002");
    let shared =
        |session: &str| [user(ids[0], session, "the shared question"), user(ids[1], session, "the shared remark")];
    let older = write(&home, &format!("p/{original}.jsonl"), &shared(original));
    age(&older, 5);
    let records: Vec<Value> = shared(copy).into_iter().chain([user(fork, copy, "only in the fork")]).collect();
    write(&home, &format!("p/{copy}.jsonl"), &records);
    let _ = home.json(&["import", "claude-code"]);
    let stored = parts(&home);
    assert_eq!(stored.len(), 3, "{stored:?}");
    assert!(stored.iter().all(|(session, .., text)| (session == copy) == (text == "only in the fork")), "{stored:?}");
    let shown = home.json(&["show", copy]);
    assert_eq!(shown["conversations"][0]["forked_from"], original, "{shown}");
    // What is deleted does not come back with the copy.
    let found = home.json(&["search", "shared remark", "--mode", "exact"]);
    let id = found["results"][0]["id"].as_str().unwrap();
    home.run(&["forget", id, "--yes"]).fails(1, "all.jsonl");
    let report = home.json(&["import", "claude-code", "--rescan"]);
    assert_eq!(report["new"], 0, "{report}");
    assert!(!texts(&home).contains(&"the shared remark".to_owned()));
}

#[test]
fn prompts_that_were_taken_back_are_a_side_branch() {
    let home = TestHome::new();
    let at = |mut record: Value, parent: &str, second: u32| {
        record["parentUuid"] = parent.into();
        record["timestamp"] = format!("2026-03-01T10:00:{second:02}.000Z").into();
        record
    };
    write(
        &home,
        "p/s1.jsonl",
        &[
            at(user("u0", "s1", "start"), "", 0),
            at(answer("a0", "s1", "ready"), "u0", 1),
            at(user("u1", "s1", "use the red table"), "a0", 2),
            at(answer("a1", "s1", "red it is"), "u1", 3),
            at(user("u2", "s1", "use the blue table"), "a0", 4),
            at(answer("a2", "s1", "blue it is"), "u2", 5),
        ],
    );
    let _ = home.json(&["import", "claude-code"]);
    let shown = home.json(&["show", "s1"]);
    let side: Vec<bool> = shown["conversations"][0]["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["side"] == true)
        .collect();
    assert_eq!(side, [false, false, true, true, false, false], "{shown}");
}

#[test]
fn the_whole_claude_home_is_read() {
    let home = TestHome::new();
    let claude = home.path().join(".claude");
    let session = "aaaaaaaa-0000-4000-8000-000000000001";
    write(
        &home,
        &format!("-w-shop/{session}.jsonl"),
        &[
            user("u1", session, "raise the pool size"),
            json!({ "type": "assistant", "uuid": "a1", "sessionId": session, "timestamp": T, "cwd": "/w/shop", "message": { "id": "m1",
                "content": [{ "type": "tool_use", "id": "t1", "name": "Bash", "input": { "command": "./report" } }],
                "usage": { "input_tokens": 7, "output_tokens": 9 } } }),
            json!({ "type": "user", "uuid": "u2", "sessionId": session, "timestamp": T, "message": { "content": [{ "type": "tool_result",
                "tool_use_id": "t1", "content": "<persisted-output>\nOutput too large (80KB). Full output saved to: /elsewhere/t1.txt\n\nPreview" }] } }),
            json!({ "type": "summary", "summary": "Pool size raised", "leafUuid": "u1" }),
        ],
    );
    let put = |name: &str, text: &str| {
        let path = claude.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put(
        &format!("projects/-w-shop/{session}/tool-results/t1.txt"),
        &format!("{}zebracanary at the end\n", "line of the log\n".repeat(40_000)),
    );
    put("projects/-w-shop/memory/pool.md", "The okapicanary rule: multiples of four.\n");
    put("plans/quiet-fox.md", "# Split the report\nlemurcanary: two jobs.\n");
    put("CLAUDE.md", "Always ask the gibboncanary first.\n");
    put(&format!("todos/{session}-agent-{session}.json"), r#"[{"content":"feed the tapircanary","status":"pending"}]"#);
    let gone = json!({ "display": "why does the ibiscanary job run twice [Pasted text #1 +2 lines]", "timestamp": 1_760_000_000_000_u64,
        "pastedContents": { "1": { "id": 1, "type": "text", "content": "the newtcanary stack" } }, "project": "/w/shop", "sessionId": "gone-1" });
    let known = json!({ "display": "raise the pool size", "pastedContents": {}, "timestamp": 1_772_359_201_000_u64, "project": "/w/shop", "sessionId": session });
    put("history.jsonl", &format!("{gone}\n{known}\n"));
    let report = home.json(&["import", "claude-code"]);
    assert_eq!(report["ledger"]["not_understood"], json!({}), "{report}");
    for word in ["zebracanary", "okapicanary", "lemurcanary", "gibboncanary", "tapircanary", "ibiscanary", "newtcanary"]
    {
        for mode in ["exact", "keyword"] {
            let found = home.json(&["search", word, "--mode", mode]);
            assert_eq!(found["results"].as_array().unwrap().len(), 1, "{word} by {mode}: {found}");
        }
    }
    // A prompt that the transcript holds is known; one of a deleted session is marked.
    assert_eq!(texts(&home).iter().filter(|text| *text == "raise the pool size").count(), 1);
    assert_eq!(home.json(&["show", "gone-1"])["conversations"][0]["prompts_only"], true);
    let shown = home.json(&["show", session, "--tools"]);
    assert_eq!(shown["conversations"][0]["title"], "Pool size raised");
    assert_eq!(shown["conversations"][0]["messages"][1]["usage"]["output"], 9, "{shown}");
    // A memory file that changes keeps its earlier version.
    put("projects/-w-shop/memory/pool.md", "Pools are multiples of eight now.\n");
    let report = home.json(&["import", "claude-code"]);
    assert_eq!(report["revised"], 1, "{report}");
    assert!(parts(&home).iter().any(|(_, kind, _, text)| kind == "earlier" && text.contains("okapicanary")));
}

/// The real transcripts that this project is measured on, if they are here.
///
/// CI cannot install them: their licence keeps them out of the project.
fn real_transcripts() -> Option<PathBuf> {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/claude-code-transcripts.tar.zst");
    if archive.exists() {
        return Some(archive);
    }
    say("skipped: the real transcripts are not here; their licence keeps them out of the project");
    None
}

/// What a person typed, found without the program's readers.
fn typed_by_people(line: &str) -> Vec<String> {
    let Ok(record) = serde_json::from_str::<Value>(line) else { return Vec::new() };
    let content = &record["message"]["content"];
    let is = |name: &str| record[name] == true;
    let clients =
        ["<", "[Request interrupted", "Caveat: ", "This session is being continued", "Operation stopped by hook"];
    let mut found = Vec::new();
    let mut add = |text: &str| {
        if let Some((_, rest)) = text.split_once("<command-args>") {
            found.push(rest.split("</command-args>").next().unwrap().to_owned());
        } else if !clients.iter().any(|client| text.trim_start().starts_with(client)) {
            found.push(text.to_owned());
        }
    };
    match record["type"].as_str() {
        Some("user") if !is("isMeta") && !is("isSidechain") && !is("isCompactSummary") => {
            content.as_str().into_iter().for_each(&mut add);
            for block in content.as_array().into_iter().flatten() {
                block["text"].as_str().into_iter().for_each(&mut add);
                if let Some((_, reason)) =
                    block["content"].as_str().and_then(|text| text.split_once("the user said:\n"))
                {
                    add(reason);
                }
            }
        }
        Some("queue-operation") => record["content"].as_str().into_iter().for_each(&mut add),
        _ => {}
    }
    found.retain(|text| !text.trim().is_empty());
    found
}

#[test]
fn every_word_that_people_typed_in_real_transcripts_is_found_as_theirs() {
    let Some(archive) = real_transcripts() else { return };
    let home = TestHome::new();
    let folder = home.path().join("real");
    let reader = zstd::Decoder::new(std::fs::File::open(archive).unwrap()).unwrap();
    tar::Archive::new(reader).unpack(&folder).unwrap();
    let report = home.json(&["import", "claude-code", folder.to_str().unwrap()]);
    assert_eq!(report["ledger"]["not_understood"], json!({}), "{}", report["ledger"]);
    let (mut records, mut typed) = (0, Vec::new());
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "jsonl") {
            continue;
        }
        let bytes = std::fs::read(path).unwrap();
        for line in String::from_utf8_lossy(&bytes).lines().filter(|line| !line.trim().is_empty()) {
            // Some lines hold two records.
            records += serde_json::Deserializer::from_str(line).into_iter::<Value>().count();
            typed.extend(typed_by_people(line));
        }
    }
    assert!(typed.len() > 600, "{}", typed.len());
    assert_eq!(report["ledger"]["records"], records, "{}", report["ledger"]);
    find_typed(&home, &typed);
}

/// Searches for every text that was typed, as whoever remembers how it began: a message must be found in which a person
/// says it. Keywords find nearly all. A few short everyday sentences are crowded out by hundreds of texts with the same
/// words ("run the test"); exact mode finds those.
fn find_typed(home: &TestHome, typed: &[String]) {
    let mut said: HashMap<String, Vec<String>> = HashMap::new();
    for message in messages(home) {
        let parts = message["parts"].as_array().into_iter().flatten().filter(|part| part["origin"] == "person");
        let texts = parts.map(|part| letters(part["text"].as_str().unwrap())).collect();
        said.insert(message["id"].as_str().unwrap().to_owned(), texts);
    }
    let distinct: HashMap<String, &String> = typed.iter().map(|text| (letters(text), text)).collect();
    // A text without a letter or digit has nothing to search for.
    let texts: Vec<&String> =
        distinct.into_iter().filter(|(letters, _)| !letters.is_empty()).map(|(_, text)| text).collect();
    assert!(texts.len() > 600, "{}", texts.len());
    let search_all = |texts: &[&String]| {
        let (mut search, mut crowded) = (Search { client: Client::start(home, false), said: &said }, Vec::new());
        for text in texts {
            if !search.finds_person("keyword", text) {
                assert!(search.finds_person("exact", text), "not found: {text:?}");
                crowded.push((*text).clone());
            }
        }
        search.client.finish();
        crowded
    };
    let (first, second) = texts.split_at(texts.len() / 2);
    let crowded = std::thread::scope(|scope| {
        let other = scope.spawn(|| search_all(first));
        [search_all(second), other.join().unwrap()].concat()
    });
    say(&format!("of {} texts that people typed, {} are found by exact mode only", texts.len(), crowded.len()));
    assert!(crowded.len() * 50 < texts.len(), "{crowded:?}");
}

/// What a search compares texts by before it leaves one out as a repetition.
fn letters(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A server and what persons said in each message.
struct Search<'a> {
    client: Client,
    said: &'a HashMap<String, Vec<String>>,
}

impl Search<'_> {
    /// Whether a person says the text in a message that is found by its first words: by keywords on the first page.
    fn finds_person(&mut self, mode: &str, text: &str) -> bool {
        let query = if mode == "exact" { text.to_owned() } else { words(text, 12) };
        let mut page = json!({ "query": query, "mode": mode, "limit": 10, "max_tokens": 100_000, "kinds": ["text"],
            "detail": "index" });
        let letters = letters(text);
        loop {
            let answer = self.client.call("memory_search", page.clone())["structuredContent"].take();
            let found = answer["results"].as_array().unwrap_or_else(|| panic!("{query}: {answer}"));
            let said = |result: &Value| self.said.get(result["id"].as_str().unwrap());
            if found.iter().filter_map(said).flatten().any(|text| text.contains(&letters)) {
                return true;
            }
            if mode == "keyword" || answer["next_cursor"].is_null() {
                return false;
            }
            page["cursor"] = answer["next_cursor"].clone();
        }
    }
}

/// The first words of a text, with single spaces.
fn words(text: &str, most: usize) -> String {
    text.split_whitespace().take(most).collect::<Vec<_>>().join(" ")
}

//! What Codex keeps in its folder: forks, sub-agents, archives, older forms, and what stands in events alone.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;

use claude_memory::testing::disk::FileLock;
use serde_json::{Value, json};

use crate::home::TestHome;

const OWN: &str = "019b1111-0000-7000-8000-00000000aaaa";
const PARENT: &str = "019b0000-0000-7000-8000-00000000bbbb";

fn file(session: &str) -> String {
    format!(".codex/sessions/2026/04/05/rollout-2026-04-05T06-07-00-{session}.jsonl")
}

fn record(second: u32, kind: &str, payload: Value) -> Value {
    json!({ "timestamp": format!("2026-04-05T06:07:{second:02}.000Z"), "type": kind, "payload": payload })
}

fn meta(session: &str, folder: &str) -> Value {
    record(0, "session_meta", json!({ "id": session, "timestamp": "2026-04-05T06:07:00Z", "cwd": folder }))
}

fn prompt(second: u32, text: &str) -> Value {
    let content = json!([{ "type": "input_text", "text": text }]);
    record(second, "response_item", json!({ "type": "message", "role": "user", "content": content }))
}

fn answer(second: u32, text: &str) -> Value {
    let content = json!([{ "type": "output_text", "text": text }]);
    record(second, "response_item", json!({ "type": "message", "role": "assistant", "content": content }))
}

fn event(second: u32, payload: Value) -> Value {
    record(second, "event_msg", payload)
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| record.to_string() + "\n").collect()
}

/// Every message that is stored.
pub(crate) fn stored(home: &TestHome) -> Vec<Value> {
    let out = home.path().join("stored.jsonl");
    let _ = std::fs::remove_file(&out);
    assert_eq!(home.run(&["export", "--format", "jsonl", "--output", out.to_str().unwrap()]).code, 0);
    let text = std::fs::read_to_string(&out).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line.get("message").cloned()).collect()
}

/// Session, kind, origin and text of every part that is stored.
pub(crate) fn parts(home: &TestHome) -> BTreeSet<[String; 4]> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |message: Value| {
        let parts = message["parts"].as_array().unwrap().clone();
        let session = text(&message["session"]);
        parts
            .into_iter()
            .map(move |part| [session.clone(), text(&part["kind"]), text(&part["origin"]), text(&part["text"])])
    };
    let all: Vec<[String; 4]> = stored(home).into_iter().flat_map(of).collect();
    let unique: BTreeSet<[String; 4]> = all.iter().cloned().collect();
    assert_eq!(all.len(), unique.len(), "something stands twice: {all:?}");
    unique
}

pub(crate) fn expected(parts: &[[&str; 4]]) -> BTreeSet<[String; 4]> {
    parts.iter().map(|part| part.map(str::to_owned)).collect()
}

#[test]
fn a_fork_shares_the_history_that_it_copied() {
    let home = TestHome::new();
    let shared = [prompt(1, "why is the cellar damp"), answer(2, "the drain is blocked"), prompt(3, "go on")];
    home.write(&file(PARENT), lines(&[&[meta(PARENT, "/work/house")], &shared[..], &[prompt(4, "clean it")]].concat()));
    let own = [answer(7, "a pump helps"), prompt(8, "go on")];
    let fork = [&[meta(OWN, "/work/copy"), meta(PARENT, "/work/house")], &shared[..], &own].concat();
    home.write(&file(OWN), lines(&fork));
    let done = home.json(&["import", "codex"]);
    assert_eq!((&done["new"], &done["bad_total"]), (&json!(6), &json!(0)), "{done}");
    let of = |session, origin, text| [session, "text", origin, text];
    let all = [
        of(PARENT, "person", "why is the cellar damp"),
        of(PARENT, "model", "the drain is blocked"),
        of(PARENT, "person", "go on"),
        of(PARENT, "person", "clean it"),
        of(OWN, "model", "a pump helps"),
        of(OWN, "person", "go on"),
    ];
    assert_eq!(parts(&home), expected(&all));
    // Each file again, and the fork alone: nothing is new.
    assert_eq!(home.json(&["import", "codex", "--rescan"])["new"], json!(0));
}

#[test]
fn a_sub_agent_is_asked_by_a_model() {
    let home = TestHome::new();
    home.write(&file(PARENT), lines(&[meta(PARENT, "/work/house"), prompt(1, "look at the roof")]));
    let spawned = json!({ "subagent": { "thread_spawn": { "parent_thread_id": PARENT, "depth": 1 } } });
    let about = json!({ "id": OWN, "session_id": PARENT, "cwd": "/work/house", "source": spawned });
    home.write(
        &file(OWN),
        lines(&[record(2, "session_meta", about), prompt(3, "count the tiles"), answer(4, "four hundred")]),
    );
    home.json(&["import", "codex"]);
    let all = [
        [PARENT, "text", "person", "look at the roof"],
        [OWN, "text", "model", "count the tiles"],
        [OWN, "text", "model", "four hundred"],
    ];
    assert_eq!(parts(&home), expected(&all));
    let search = home.json(&["search", "count the tiles", "--mode", "exact"]);
    assert_eq!(search["results"].as_array().map(Vec::len), Some(1), "{search}");
}

#[test]
fn archived_and_compressed_sessions_are_read_once() {
    let home = TestHome::new();
    let plain = lines(&[meta(OWN, "/work/house"), prompt(1, "paint the fence"), answer(2, "in green")]);
    home.write(&file(OWN), &plain);
    let packed = zstd::encode_all(plain.as_bytes(), 3).unwrap();
    home.write(&format!(".codex/archived_sessions/rollout-2026-04-05T06-07-00-{OWN}.jsonl.zst"), &packed);
    let other = lines(&[meta(PARENT, "/work/house"), prompt(1, "oil the gate"), answer(2, &"it squeaks ".repeat(500))]);
    let packed = zstd::encode_all(other.as_bytes(), 3).unwrap();
    let archive = format!(".codex/archived_sessions/rollout-2026-04-05T06-07-00-{PARENT}.jsonl.zst");
    home.write(&archive, &packed);
    let index = [
        json!({ "id": OWN, "thread_name": "Fence and gate", "updated_at": "2026-04-05T08:00:00Z" }),
        json!({ "id": OWN, "thread_name": "an older name", "updated_at": "2026-04-05T07:00:00Z" }),
    ];
    home.write(".codex/session_index.jsonl", lines(&index));
    let done = home.json(&["import", "codex"]);
    assert_eq!((&done["new"], &done["sessions"], &done["bad_total"]), (&json!(4), &json!(2), &json!(0)), "{done}");
    assert!(stored(&home).iter().any(|message| message["title"] == "Fence and gate"));
    // Cut off: what stands before the damage is kept, and the damage is reported.
    let home = TestHome::new();
    home.write(&archive, &packed[..packed.len() - 4]);
    assert!(home.run(&["import", "codex", "--json"]).stdout.contains("damaged archive"));
    home.write(&archive, "no archive");
    assert!(home.run(&["import", "codex", "--json"]).stdout.contains("damaged archive"));
}

#[test]
fn transcripts_of_2025_have_no_envelopes() {
    let home = TestHome::new();
    let records = [
        json!({ "id": OWN, "timestamp": "2025-07-01T10:00:00.000Z", "instructions": "be brief", "git": { "branch": "main" } }),
        json!({ "record_type": "state" }),
        json!({ "type": "message", "id": null, "role": "user", "content": [{ "type": "input_text", "text": "find the leak" }] }),
        json!({ "type": "function_call", "name": "shell", "call_id": "c1", "arguments": "{\"command\":[\"grep\",\"leak\"]}" }),
        json!({ "type": "function_call_output", "call_id": "c1", "output": "{\"output\":\"pipe.rs:3\",\"metadata\":{}}" }),
        json!({ "type": "message", "id": "m", "role": "assistant", "content": [{ "type": "output_text", "text": "line three" }] }),
    ];
    home.write(&format!(".codex/sessions/2025/07/01/rollout-2025-07-01-{OWN}.jsonl"), lines(&records));
    let done = home.json(&["import", "codex"]);
    assert_eq!((&done["new"], &done["bad_total"]), (&json!(4), &json!(0)), "{done}");
    let all = [
        [OWN, "text", "person", "find the leak"],
        [OWN, "tool_use", "model", "command: [\"grep\",\"leak\"]"],
        [OWN, "tool_result", "tool", "{\"output\":\"pipe.rs:3\",\"metadata\":{}}"],
        [OWN, "text", "model", "line three"],
    ];
    assert_eq!(parts(&home), expected(&all));
    assert!(stored(&home).iter().all(|message| message["at"] == json!(1_751_364_000_000_i64)));
}

#[test]
fn what_only_events_say_is_kept_and_nothing_stands_twice() {
    let home = TestHome::new();
    let item = |second, item: Value| event(second, json!({ "type": "item_completed", "item": item }));
    let records = [
        meta(OWN, "/work/house"),
        prompt(1, "sort the seeds"),
        event(1, json!({ "type": "user_message", "message": "sort the seeds" })),
        item(
            1,
            json!({ "type": "UserMessage", "id": "i1", "content": [{ "type": "text", "text": "sort the seeds" }] }),
        ),
        event(2, json!({ "type": "user_message", "message": "by colour" })),
        event(3, json!({ "type": "agent_reasoning", "text": "red ones first" })),
        event(4, json!({ "type": "agent_message", "message": "sorted by colour" })),
        item(
            5,
            json!({ "type": "AgentMessage", "id": "msg_5", "content": [{ "type": "Text", "text": "and labelled" }] }),
        ),
        item(
            6,
            json!({ "type": "CommandExecution", "id": "exec-1", "command": ["ls", "seeds"], "aggregated_output": "beans" }),
        ),
        event(7, json!({ "type": "task_complete", "last_agent_message": "and labelled" })),
        event(8, json!({ "type": "token_count", "info": null })),
        record(
            9,
            "compacted",
            json!({ "message": "seeds were sorted", "replacement_history": [
            { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "sort the seeds" }] },
            { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "a prompt from before" }] }] }),
        ),
    ];
    home.write(&file(OWN), lines(&records));
    let done = home.json(&["import", "codex"]);
    assert_eq!(done["bad_total"], json!(0), "{done}");
    let all = [
        [OWN, "text", "person", "sort the seeds"],
        [OWN, "text", "person", "by colour"],
        [OWN, "thinking", "model", "red ones first"],
        [OWN, "text", "model", "sorted by colour"],
        [OWN, "text", "model", "and labelled"],
        [OWN, "tool_use", "model", "command: [\"ls\",\"seeds\"]"],
        [OWN, "tool_result", "tool", "beans"],
        [OWN, "summary", "client", "seeds were sorted"],
        [OWN, "text", "person", "a prompt from before"],
    ];
    assert_eq!(parts(&home), expected(&all));
}

#[test]
fn what_the_client_puts_beside_a_prompt_is_not_a_persons() {
    let home = TestHome::new();
    let kinds = json!({ "content_item_kinds": ["environments.environment_context", "user.text"] });
    let mixed = json!({ "type": "message", "role": "user", "internal_chat_message_metadata_passthrough": kinds,
        "content": [{ "type": "input_text", "text": "the date is today" }, { "type": "input_text", "text": "plant the bulbs" }] });
    let records = [
        meta(OWN, "/work/house"),
        prompt(1, "<recommended_plugins>buy this</recommended_plugins>"),
        prompt(2, "<INSTRUCTIONS>\nbe kind\n</INSTRUCTIONS>"),
        record(3, "response_item", mixed),
        prompt(4, "# Context from my IDE setup:\n\n## Active file: a.rs\n\n## My request for Codex:\nrename the bed"),
        prompt(5, "<image name=[Image #1]>"),
    ];
    home.write(&file(OWN), lines(&records));
    home.json(&["import", "codex"]);
    let typed: BTreeSet<String> = parts(&home)
        .into_iter()
        .filter(|[_, _, origin, _]| origin == "person")
        .map(|[.., text]| text.trim().to_owned())
        .collect();
    assert_eq!(typed, BTreeSet::from(["plant the bulbs".to_owned(), "rename the bed".to_owned()]));
}

#[test]
fn calls_of_every_kind_keep_their_words() {
    let home = TestHome::new();
    let own = |call: &str, kind: &str, more: Value| {
        let mut payload = json!({ "type": kind, "call_id": call });
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record(2, "response_item", payload)
    };
    let records = [
        meta(OWN, "/work/house"),
        record(
            1,
            "response_item",
            json!({ "type": "image_generation_call", "id": "ig", "revised_prompt": "a blue shed", "result": "QUJD" }),
        ),
        own("t1", "tool_search_call", json!({ "arguments": { "query": "weather tools" } })),
        own("t1", "tool_search_output", json!({ "tools": [{ "name": "rain_gauge", "description": "measures rain" }] })),
        own(
            "c1",
            "custom_tool_call",
            json!({ "name": "exec", "input": "text(await tools.exec_command({cmd: 'ls'}))" }),
        ),
        own(
            "c1",
            "custom_tool_call_output",
            json!({ "output": [
            { "type": "input_text", "text": "Script completed" }, { "type": "input_text", "text": "{\"output\":\"rake and hoe\\n\"}" }] }),
        ),
        event(
            3,
            json!({ "type": "item_completed", "item": { "type": "CommandExecution", "id": "exec-9", "command": ["ls"], "aggregated_output": "rake and hoe\n" } }),
        ),
        own(
            "n1",
            "function_call",
            json!({ "name": "memory_search", "namespace": "mcp__claude_memory", "arguments": "{\"query\":\"hoe\"}" }),
        ),
        own("n1", "function_call_output", json!({ "output": "an answer of our own" })),
        record(4, "response_item", json!({ "type": "from_the_future", "note": "words from the future" })),
    ];
    home.write(&file(OWN), lines(&records));
    let done = home.json(&["import", "codex"]);
    assert_eq!(done["bad_total"], json!(0), "{done}");
    let texts: String = parts(&home).into_iter().map(|[.., text]| text + "\n").collect();
    for words in
        ["a blue shed", "weather tools", "rain_gauge", "measures rain", "rake and hoe", "words from the future"]
    {
        assert_eq!(texts.matches(words).count(), 1, "{words}: {texts}");
    }
    assert!(!texts.contains("QUJD") && !texts.contains("an answer of our own"), "{texts}");
}

/// Codex kills what runs in its background when it ends: the hook that it waits for waits for the one that is at work.
#[test]
fn the_last_capture_waits_for_the_one_at_work() {
    let home = TestHome::new();
    let mut records = vec![meta(OWN, "/work/house"), prompt(1, "why is the cellar damp")];
    let transcript = home.write(&file(OWN), lines(&records));
    let event = json!({ "session_id": OWN, "transcript_path": transcript, "cwd": "/work/house" }).to_string();
    let start = |name: &str| {
        let mut command = home.command();
        command.args(["hook", "--client", "codex", name]).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(event.as_bytes()).unwrap();
        child
    };
    assert!(start("Stop").wait().unwrap().success());
    assert_eq!(stored(&home).len(), 1, "after the first turn");
    let captures = std::fs::read_dir(home.memory().join("captures")).unwrap();
    let lock = captures.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some()).unwrap();
    // On a busy machine the limit of the hook may be over before its work is done: then the next turn is looked at.
    let waited = (2..12).any(|second| {
        records.push(prompt(second, &format!("question {second}")));
        home.write(&file(OWN), lines(&records));
        let FileLock::Held(held) = FileLock::try_acquire(&lock).unwrap() else { panic!("nobody has it") };
        assert!(start("Stop").wait().unwrap().success(), "one in the background leaves at once");
        let mut last = start("SessionEnd");
        std::thread::sleep(std::time::Duration::from_millis(300));
        let is_waiting = last.try_wait().unwrap().is_none();
        drop(held);
        assert!(last.wait().unwrap().success());
        is_waiting && stored(&home).len() == records.len() - 1
    });
    assert!(waited, "no last capture waited");
}

//! What Gemini CLI keeps in its folder: resumes, rewinds, sub-agents, checkpoints, cut files, long outputs.

use std::collections::BTreeSet;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::codex_transcripts::{expected, parts, stored};
use crate::home::TestHome;

const SESSION: &str = "5d1c0000-0000-4000-8000-00000000cccc";
const CHAT: &str = ".gemini/tmp/garden/chats/session-2026-05-06T07-08-5d1c0000.jsonl";

fn header(session: &str) -> Value {
    json!({ "sessionId": session, "projectHash": "x", "startTime": "2026-05-06T07:08:00Z", "lastUpdated": "2026-05-06T07:08:00Z" })
}

fn said(id: &str, second: u32, kind: &str, content: Value) -> Value {
    json!({ "id": id, "timestamp": format!("2026-05-06T07:08:{second:02}Z"), "type": kind, "content": content })
}

fn with(mut record: Value, more: Value) -> Value {
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| record.to_string() + "\n").collect()
}

fn text(text: &str) -> Value {
    json!([{ "text": text }])
}

fn returned(call: &str, output: &str) -> Value {
    json!({ "functionResponse": { "id": call, "name": "look", "response": { "output": output } } })
}

#[test]
fn a_resume_loses_no_calls_and_repeats_nothing() {
    let home = TestHome::new();
    let wrapped = "<untrusted_context>\nOutput: five rows\nProcess Group PGID: 9\n</untrusted_context>";
    let call = json!({ "id": "t1", "name": "look", "args": { "path": "beds.txt" }, "result": [returned("t1", wrapped)], "resultDisplay": "five rows" });
    let thoughts = json!([{ "subject": "", "description": "count them" }]);
    let history = json!([
        said("1", 30, "user", text("how many rows")),
        said(
            "2",
            30,
            "gemini",
            json!([{ "text": "count them", "thought": true }, { "text": "Let me count." },
            { "functionCall": { "id": "t1", "name": "look", "args": { "path": "beds.txt" } } }])
        ),
        said("2_response", 30, "user", json!([returned("t1", wrapped)])),
        said("3", 30, "user", json!([returned("t1", wrapped)])),
    ]);
    let records = [
        header(SESSION),
        said("1", 1, "user", text("how many rows")),
        with(said("2", 2, "gemini", json!("Let me count.")), json!({ "thoughts": thoughts })),
        with(said("2", 2, "gemini", json!("Let me count.")), json!({ "thoughts": thoughts, "toolCalls": [call] })),
        said("3", 3, "user", json!([returned("t1", wrapped)])),
        header(SESSION),
        json!({ "$set": { "messages": history } }),
        said("4", 40, "gemini", text("Five.")),
    ];
    home.write(CHAT, lines(&records[..5]));
    assert_eq!(home.json(&["import", "gemini"])["bad_total"], json!(0));
    home.write(CHAT, lines(&records));
    let done = home.json(&["import", "gemini"]);
    assert_eq!((&done["new"], &done["bad_total"]), (&json!(1), &json!(0)), "{done}");
    let all = [
        [SESSION, "text", "person", "how many rows"],
        [SESSION, "thinking", "model", "count them"],
        [SESSION, "text", "model", "Let me count."],
        [SESSION, "tool_use", "model", "path: beds.txt"],
        [SESSION, "tool_result", "tool", "five rows"],
        [SESSION, "text", "model", "Five."],
    ];
    assert_eq!(parts(&home), expected(&all));
}

#[test]
fn a_message_that_grows_is_known_as_a_whole() {
    let home = TestHome::new();
    let file = home.write(
        CHAT,
        lines(&[header(SESSION), said("1", 1, "user", text("when")), said("2", 2, "gemini", text("In the"))]),
    );
    home.json(&["import", "gemini"]);
    let mut journal = std::fs::OpenOptions::new().append(true).open(file).unwrap();
    journal.write_all(lines(&[said("2", 2, "gemini", text("In the evening."))]).as_bytes()).unwrap();
    home.json(&["import", "gemini"]);
    let all = [[SESSION, "text", "person", "when"], [SESSION, "text", "model", "In the evening."]];
    let shown: BTreeSet<_> = parts(&home).into_iter().filter(|[_, kind, ..]| kind != "earlier").collect();
    assert_eq!(shown, expected(&all));
}

#[test]
fn what_was_rewound_is_a_side_branch() {
    let home = TestHome::new();
    let left = json!([said("1", 1, "user", text("dig a pond")), said("2", 2, "gemini", text("dug"))]);
    let records = [
        header(SESSION),
        said("1", 1, "user", text("dig a pond")),
        said("2", 2, "gemini", text("dug")),
        said("3", 3, "user", text("fill it with sand")),
        said("4", 4, "gemini", text("filled")),
        json!({ "$rewindTo": "3" }),
        json!({ "$set": { "messages": left } }),
        said("5", 5, "user", text("fill it with water")),
    ];
    home.write(CHAT, lines(&records));
    home.json(&["import", "gemini"]);
    let side: BTreeSet<String> = stored(&home)
        .iter()
        .filter(|message| message["sidechain"] == json!(true))
        .map(|message| message["parts"][0]["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(side, BTreeSet::from(["fill it with sand".to_owned(), "filled".to_owned()]));
}

#[test]
fn typed_words_are_told_from_what_commands_and_hooks_made_of_them() {
    let home = TestHome::new();
    let files = json!([{ "text": "read @plan.md" }, { "text": "\n--- Content from referenced files ---" }, { "text": "\nContent from @plan.md:\n" },
        { "text": "sow in May" }, { "text": "\n--- End of content ---" }]);
    let records = [
        header(SESSION),
        said("0", 0, "user", text("<session_context>today</session_context>")),
        said("1", 1, "user", text("<hook_context>a hook said this</hook_context>")),
        with(said("2", 2, "user", text("Fix with care: the hose")), json!({ "displayContent": text("/fix the hose") })),
        with(said("3", 3, "user", files.clone()), json!({ "displayContent": text("read @plan.md") })),
        said("4", 4, "user", files),
        json!({ "$set": { "summary": "Hose and plan" } }),
    ];
    home.write(CHAT, lines(&records));
    home.json(&["import", "gemini"]);
    let typed: Vec<String> = stored(&home)
        .iter()
        .flat_map(|message| message["parts"].as_array().unwrap().clone())
        .filter(|part| part["origin"] == "person")
        .map(|part| part["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(typed, ["/fix the hose", "read @plan.md", "read @plan.md"]);
    let found = home.json(&["search", "sow in May", "--mode", "exact"]);
    assert!(!found["results"].as_array().unwrap().is_empty(), "{found}");
    assert!(stored(&home).iter().all(|message| message["title"] == "Hose and plan"));
}

#[test]
fn sub_agents_belong_to_their_parents_and_are_asked_by_a_model() {
    let home = TestHome::new();
    home.write(".gemini/tmp/garden/.project_root", "/work/garden\n");
    home.write(CHAT, lines(&[header(SESSION), said("1", 1, "user", text("ask somebody"))]));
    let sub = with(
        header("sub-1"),
        json!({ "kind": "subagent", "messages": [said("2", 2, "user", text("look for slugs"))] }),
    );
    home.write(&format!(".gemini/tmp/garden/chats/{SESSION}/sub-1.json"), sub.to_string());
    let done = home.json(&["import", "gemini"]);
    assert_eq!((&done["files"], &done["sessions"]), (&json!(2), &json!(2)), "{done}");
    let all = [[SESSION, "text", "person", "ask somebody"], ["sub-1", "text", "model", "look for slugs"]];
    assert_eq!(parts(&home), expected(&all));
    assert!(stored(&home).iter().all(|message| message["directory"] == "/work/garden"));
}

#[test]
fn a_file_that_was_cut_off_keeps_what_is_whole() {
    let home = TestHome::new();
    let whole = with(
        header(SESSION),
        json!({ "messages": [
        said("1", 1, "user", text("prune the pear")), said("2", 2, "gemini", text("pruned")), said("3", 3, "user", text("and the plum")) ] }),
    );
    let whole = whole.to_string();
    home.write(".gemini/tmp/garden/chats/session-old.json", whole.get(..whole.len() - 20).unwrap());
    home.json(&["import", "gemini"]);
    let texts: BTreeSet<String> = parts(&home).into_iter().map(|[.., text]| text).collect();
    assert!(texts.contains("prune the pear") && texts.contains("pruned"), "{texts:?}");
}

#[test]
fn a_checkpoint_adds_only_what_no_session_says() {
    let home = TestHome::new();
    home.write(
        CHAT,
        lines(&[header(SESSION), said("1", 1, "user", text("stake the peas")), said("2", 2, "gemini", text("staked"))]),
    );
    let turn = |role: &str, text: &str| json!({ "role": role, "parts": [{ "text": text }] });
    let history = json!([turn("user", "stake the peas"), turn("model", "staked"), turn("user", "and water them")]);
    home.write(".gemini/tmp/garden/checkpoint-peas.json", json!({ "history": history }).to_string());
    home.write(".gemini/tmp/garden/checkpoint-older.json", json!([turn("user", "stake the peas")]).to_string());
    let done = home.json(&["import", "gemini"]);
    assert_eq!((&done["files"], &done["new"]), (&json!(3), &json!(3)), "{done}");
    let texts: Vec<String> = parts(&home).into_iter().map(|[.., text]| text).collect();
    assert_eq!(texts.iter().filter(|text| *text == "and water them").count(), 1, "{texts:?}");
}

#[test]
fn a_long_output_is_read_from_its_file() {
    let home = TestHome::new();
    let named = "/elsewhere/.gemini/tmp/garden/tool-outputs/session-1/look_t1.txt";
    let mut full = "a row of leeks\n".repeat(30_000);
    full.push_str("the last row is chard\n");
    home.write(".gemini/tmp/garden/tool-outputs/session-1/look_t1.txt", &full);
    home.write(".gemini/tmp/secret.txt", "not for this session");
    let call = |id: &str, path: &str| {
        let result = format!(
            "Output too large. Showing first 8,000 and last 32,000 characters. For full output see: {path}\na row of leeks"
        );
        json!({ "id": id, "name": "look", "args": {}, "result": [returned(id, &result)], "resultDisplay": "" })
    };
    let calls = json!({ "toolCalls": [call("t1", named), call("t2", "/x/tool-outputs/../../secret.txt")] });
    home.write(CHAT, lines(&[header(SESSION), with(said("1", 1, "gemini", text("")), calls)]));
    home.json(&["import", "gemini"]);
    let found = home.json(&["search", "the last row is chard", "--mode", "keyword"]);
    assert!(found["results"].to_string().contains("chard"), "{found}");
    let texts: Vec<String> = stored(&home)
        .iter()
        .flat_map(|message| message["parts"].as_array().unwrap().clone())
        .map(|part| part["text"].as_str().unwrap().to_owned())
        .collect();
    assert!(texts.iter().all(|text| text.len() <= 200_000 && !text.contains("not for this session")));
    assert_eq!(texts.iter().map(|text| text.matches("the last row is chard").count()).sum::<usize>(), 1);
}

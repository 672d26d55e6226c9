//! Every tool with every kind of wrong argument, the names of the predecessor, resources, prompts, completions.

use serde_json::{Value, json};

use claude_memory::mcp::{Profile, tools};

use crate::client::Client;
use crate::home::TestHome;

/// Text of the store that no error may repeat.
const SECRET_WORD: &str = "xylophonist";

fn home_with_a_word() -> TestHome {
    let home = TestHome::new();
    let _ = home.import_samples();
    let _ = home.json(&["save", &format!("the {SECRET_WORD} rehearses on Mondays")]);
    home
}

#[test]
fn hostile_arguments_are_told_and_nothing_breaks() {
    let home = home_with_a_word();
    let mut client = Client::start_with(&home, true, &["--profile", "admin"]);
    let deep = (0..100).fold(json!("x"), |inner, _| json!([inner]));
    let values = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(1e308),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}\u{202e}\u{200b}"),
        json!("a".repeat(100_000)),
        json!([]),
        json!({}),
        json!([[], {}, null, 3]),
        json!("'; DROP TABLE messages; --"),
        json!("../../../../etc/passwd"),
        deep,
    ];
    for tool in tools::definitions(Profile::Admin) {
        let schema = serde_json::to_value(&*tool.input_schema).unwrap();
        let mut hostile = vec![json!({ "no_such_argument": 1 })];
        for name in
            schema["properties"].as_object().map(|all| all.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
        {
            hostile.extend(values.iter().map(|value| json!({ &name: value })));
        }
        for arguments in hostile {
            let start = std::time::Instant::now();
            let answer = client.request("tools/call", json!({ "name": tool.name, "arguments": arguments }));
            assert!(start.elapsed().as_secs() < 2 || cfg!(debug_assertions), "{}", tool.name);
            let Some(result) = answer.get("result") else { continue };
            if result["isError"] == true {
                let text = result["content"][0]["text"].as_str().unwrap();
                assert!(!text.contains(SECRET_WORD) && text.len() < 2_000, "{}: {text}", tool.name);
            }
        }
        let unknown = client.call(&tool.name, json!({ "no_such_argument": 1 }));
        assert_eq!(unknown["isError"], true, "{}", tool.name);
    }
    let health = client.call("memory_health", json!({}));
    assert!(health["structuredContent"]["messages"].as_u64() > Some(60), "{health}");
    client.finish();
}

#[test]
fn two_thousand_hostile_queries() {
    let home = home_with_a_word();
    let mut client = Client::start(&home, true);
    let pieces = [
        "\"", "'", "*", "(", ")", "NEAR", "AND", "OR", "NOT", "-", "^", ":", "%", "_", "\\", "\u{0}", "\u{202e}",
        "\u{feff}", "é", "数据", "🦀", "\n", "\t", "{", "}", "[", "]", "<script>", "${x}", "`", "/*", "--", ";",
        "SELECT", "{{", "0x", "\u{fffd}", "ﬃ", "İ", "ß",
    ];
    let mut random = claude_memory::domain::random::SplitMix64(7);
    let modes = ["hybrid", "semantic", "keyword", "exact"];
    for number in 0..2_000_usize {
        let length = usize::try_from(random.next() % 12).unwrap() + 1;
        let query: String =
            (0..length).map(|_| pieces[usize::try_from(random.next() % pieces.len() as u64).unwrap()]).collect();
        let answer = client.request(
            "tools/call",
            json!({ "name": "memory_search", "arguments": { "query": query, "limit": 1, "mode": modes[number % 4] } }),
        );
        let result = answer.get("result").unwrap_or_else(|| panic!("{query:?}: {answer}"));
        assert!(
            result["isError"] != true || result["content"][0]["text"].as_str().unwrap().contains("empty"),
            "{query:?}: {result}"
        );
    }
    client.finish();
}

#[test]
fn the_names_of_the_predecessor_are_answered_and_not_listed() {
    let home = home_with_a_word();
    let mut client = Client::start(&home, true);
    let listed = client.request("tools/list", json!({})).to_string();
    let session = "545308f1-0771-4ddd-a91a-88de4ebeda3a";
    for (name, arguments) in [
        ("ping", json!({})),
        ("memory_status", json!({})),
        ("claude_memory_status", json!({})),
        ("claude_memory_health", json!({})),
        ("get_global_stats", json!({})),
        ("claude_memory_search", json!({ "query": SECRET_WORD })),
        ("search_memories", json!({ "query": SECRET_WORD, "limit": 900 })),
        ("claude_memory_cross_project_search", json!({ "query": SECRET_WORD })),
        ("get_cross_project_memories", json!({ "query": SECRET_WORD, "project_id": "x" })),
        ("claude_memory_inject", json!({ "query": SECRET_WORD })),
        ("get_recent_conversations", json!({ "limit": 3 })),
        ("get_project_conversations", json!({})),
        ("get_conversation_messages", json!({ "conversation_id": session })),
        ("store_conversation", json!({ "messages": [{ "role": "user", "content": "kept by an old client" }] })),
    ] {
        assert!(!listed.contains(&format!("\"{name}\"")), "{name} is listed");
        let result = client.call(name, arguments);
        assert_ne!(result["isError"], true, "{name}: {result}");
        if name.contains("search") {
            assert!(result["content"][0]["text"].as_str().unwrap().contains(SECRET_WORD), "{name}: {result}");
        }
    }
    // A tool of another profile is not there.
    let other = client.request("tools/call", json!({ "name": "memory_project_edit", "arguments": {} }));
    assert_eq!(other["error"]["code"], -32602);
    client.finish();
}

#[test]
fn forgetting_shows_first_and_then_does_it() {
    let home = home_with_a_word();
    let mut client = Client::start(&home, true);
    let shown = client.call("memory_forget", json!({ "query": SECRET_WORD }))["structuredContent"].clone();
    assert_eq!(shown["dry_run"], true);
    let id = shown["preview"][0]["id"].clone();
    let refused = client.call("memory_forget", json!({ "query": SECRET_WORD, "dry_run": false }));
    assert_eq!(refused["isError"], true);
    assert_eq!(home.json(&["search", SECRET_WORD, "--mode", "exact"])["results"].as_array().unwrap().len(), 1);
    let done = client.call("memory_forget", json!({ "query": SECRET_WORD, "confirm_ids": [id], "dry_run": false }));
    let receipt = &done["structuredContent"]["receipt"];
    assert_eq!((receipt["messages"].as_u64(), receipt["verified"].as_bool()), (Some(1), Some(true)), "{done}");
    assert_eq!(
        client.call("memory_search", json!({ "query": SECRET_WORD, "mode": "exact" }))["structuredContent"]["results"],
        json!([])
    );
    let both = client.call("memory_forget", json!({ "session_id": "545308f1", "ids": [] }));
    assert_eq!(both["isError"], true);
    let old = client.call("memory_forget", json!({ "project": "all", "before": "2020-01-01" }));
    assert_eq!(old["isError"], true);
    client.finish();
}

#[test]
fn what_was_saved_can_be_changed() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let mut client = Client::start_with(&home, true, &["--profile", "full"]);
    let saved = client.call("memory_save", json!({ "text": "deploys run on Fridays at noon sharp", "tags": ["ops"] }));
    let id = saved["structuredContent"]["id"].clone();
    let near = client.call("memory_save", json!({ "text": "deploys run on Fridays at noon sharp always" }));
    assert_eq!(near["structuredContent"]["duplicates"], json!([id]));
    let pinned = client.call("memory_update", json!({ "id": id, "pin": true }));
    assert_eq!(pinned["structuredContent"]["status"], "updated");
    let changed = client.call("memory_update", json!({ "id": id, "text": "deploys run on Mondays" }));
    assert_eq!(changed["structuredContent"]["replaced"], json!([id]));
    let found = client.call("memory_search", json!({ "query": "deploys run", "mode": "keyword" })).to_string();
    assert!(found.contains("Mondays"), "{found}");
    for wrong in [json!({ "id": id, "pin": true }), json!({ "id": changed["structuredContent"]["id"] })] {
        assert_eq!(client.call("memory_update", wrong)["isError"], true);
    }
    let kept =
        client.call("memory_save", json!({ "text": format!("the key is sk-ant-{}-{}", "api03", "q7Zx".repeat(20)) }));
    assert_eq!(kept["structuredContent"]["redactions"], 1, "{kept}");
    client.finish();
}

#[test]
fn a_session_is_given_nothing_twice() {
    let home = home_with_a_word();
    let mut command = home.command();
    command.env("CLAUDE_CODE_SESSION_ID", "s-now");
    let mut client = Client::with_command(command, true, &[]);
    let first = client.call("memory_context", json!({ "task": SECRET_WORD }));
    assert!(first.to_string().contains("rehearses on Mondays"), "{first}");
    let second = client.call("memory_context", json!({ "task": SECRET_WORD }))["structuredContent"].clone();
    assert!(!second.to_string().contains("rehearses") && second["given_before"].as_u64() > Some(0), "{second}");
    client.finish();
}

#[test]
fn resources_prompts_and_completions() {
    let home = home_with_a_word();
    for modern in [true, false] {
        let mut client = Client::start(&home, modern);
        let resources = client.request("resources/list", json!({}))["result"]["resources"].clone();
        for resource in resources.as_array().unwrap() {
            let read = client.request("resources/read", json!({ "uri": resource["uri"] }));
            assert!(!read["result"]["contents"][0]["text"].as_str().unwrap().is_empty(), "{read}");
        }
        let templates = client.request("resources/templates/list", json!({}))["result"]["resourceTemplates"].clone();
        assert_eq!(templates.as_array().unwrap().len(), 3);
        let session = client.request("resources/read", json!({ "uri": "memory://session/545308f1" }));
        assert!(session.to_string().contains("[claude-memory] Stored history"), "{session}");
        for wrong in ["memory://nothing", "memory://session/nothing", "memory://item/1", "file:///etc/passwd"] {
            let answer = client.request("resources/read", json!({ "uri": wrong }));
            assert!(answer["error"]["code"].as_i64() < Some(0), "{wrong}: {answer}");
        }
        let prompts = client.request("prompts/list", json!({}))["result"]["prompts"].clone();
        let names: Vec<&str> =
            prompts.as_array().unwrap().iter().map(|prompt| prompt["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["recall", "session_handoff", "review_memory", "forget_safely"]);
        let prompt = client.request("prompts/get", json!({ "name": "recall", "arguments": { "topic": "the pool" } }));
        assert!(prompt.to_string().contains("about: the pool"), "{prompt}");
        assert_eq!(client.request("prompts/get", json!({ "name": "recall" }))["error"]["code"], -32602);
        let completed = client.request(
            "completion/complete",
            json!({ "ref": { "type": "ref/resource", "uri": "memory://session/{id}" }, "argument": { "name": "id", "value": "545" } }),
        );
        assert_eq!(completed["result"]["completion"]["values"][0], "545308f1-0771-4ddd-a91a-88de4ebeda3a");
        let project = client.request(
            "completion/complete",
            json!({ "ref": { "type": "ref/prompt", "name": "recall" }, "argument": { "name": "project", "value": "" } }),
        );
        assert!(!project["result"]["completion"]["values"].as_array().unwrap().is_empty(), "{project}");
        client.finish();
    }
}

#[test]
fn an_operator_backs_up_and_cleans_up_by_tool() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let mut client = Client::start_with(&home, true, &["--profile", "admin"]);
    let made = client.call("memory_backup", json!({ "action": "create" }));
    let path = made["structuredContent"]["created"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let listed = client.call("memory_backup", json!({}));
    assert_eq!(listed["structuredContent"]["backups"][0]["messages"].as_u64(), Some(82), "{listed}");
    let plan = client.call("memory_maintain", json!({ "cleanup_days": 240 }));
    let old = plan["structuredContent"]["old_messages"].as_u64().unwrap();
    assert!(old > 0 && plan["structuredContent"]["removed"] == 0, "{plan}");
    let session = "545308f1-0771-4ddd-a91a-88de4ebeda3a";
    let gone = client.call("memory_forget", json!({ "session_id": session, "dry_run": false }));
    assert_eq!(gone["structuredContent"]["receipt"]["backups"][0].as_str(), Some(path.as_str()), "{gone}");
    assert!(gone["content"][0]["text"].as_str().unwrap().contains("include_backups"), "{gone}");
    let found = client.call("memory_search", json!({ "query": "export", "mode": "keyword", "limit": 1 }));
    let id = found["structuredContent"]["results"][0]["id"].as_str().unwrap().to_owned();
    let gone = client.call("memory_forget", json!({ "ids": [id], "dry_run": false, "include_backups": true }));
    assert_eq!(gone["structuredContent"]["receipt"]["rewritten_backups"][0].as_str(), Some(path.as_str()), "{gone}");
    let done = client.call("memory_maintain", json!({ "cleanup_days": 240, "dry_run": false }));
    assert!(done["structuredContent"]["removed"].as_u64() > Some(0), "{done}");
    let odd = client.call("memory_backup", json!({ "action": "delete" }));
    assert!(odd["isError"] == true && odd.to_string().contains("list or create"), "{odd}");
    client.finish();
}

/// Every answer that quotes history is recognised, as text and as data, whatever the server is called.
#[test]
fn every_answer_that_quotes_is_recognised_as_our_own() {
    use claude_memory::domain::mark::is_own_output;
    let home = home_with_a_word();
    let mut client = Client::start_with(&home, true, &["--profile", "admin"]);
    let found = client.call("memory_search", json!({ "query": "export", "mode": "keyword", "limit": 1 }));
    let id = found["structuredContent"]["results"][0]["id"].as_str().unwrap().to_owned();
    let session = found["structuredContent"]["results"][0]["session_id"].as_str().unwrap().to_owned();
    let files = client.call("memory_timeline", json!({ "limit": 50 }))["structuredContent"]["sessions"].clone();
    let file = files.as_array().unwrap().iter().find_map(|session| session["files"][0].as_str()).unwrap().to_owned();
    for (tool, arguments, quotes) in [
        ("memory_search", json!({ "query": "export" }), true),
        ("memory_get", json!({ "ids": [id] }), true),
        ("memory_timeline", json!({}), true),
        ("memory_context", json!({ "task": "why does the nightly build time out" }), true),
        ("memory_forget", json!({ "ids": [id] }), true),
        ("memory_projects", json!({}), true),
        ("memory_blame", json!({ "file": file }), true),
        ("memory_fix", json!({ "error": "ERR_POOL_EXHAUSTED" }), true),
        ("memory_sessions", json!({}), true),
        ("memory_handoff", json!({ "session_id": session }), true),
        ("memory_save", json!({ "text": "a text" }), false),
    ] {
        let answer = client.call(tool, arguments);
        assert!(answer["isError"] != true, "{tool}: {answer}");
        let text = answer["content"][0]["text"].as_str().unwrap();
        assert!(!quotes || is_own_output(text), "{tool}: {text}");
        if answer["structuredContent"].is_object() {
            let data = answer["structuredContent"].to_string();
            assert!(is_own_output(&data), "{tool}: {data}");
        }
    }
    client.finish();
}

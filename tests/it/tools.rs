//! Every tool with every kind of wrong argument, the names of the predecessor, resources, prompts, completions.

use serde_json::{Value, json};

use claude_memory::testing::mcp::{Profile, tools};

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
    for tool in tools::define_tools(Profile::Admin, true) {
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
        // What only reads or adds goes on without an argument that it does not have, and says so.
        let unknown = client.call(&tool.name, json!({ "no_such_argument": 1 }));
        let text = unknown["content"][0]["text"].as_str().unwrap();
        assert!(unknown["isError"] == true || text.contains("has no argument no_such_argument; ignored"), "{text}");
        if tool.annotations.unwrap().destructive_hint == Some(true) {
            assert!(unknown["isError"] == true && text.contains("no_such_argument"), "{}: {text}", tool.name);
        }
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
    let mut random = claude_memory::testing::domain::random::SplitMix64(7);
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
fn a_folder_that_is_no_project_is_told() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let mut command = home.command();
    command.env("CLAUDE_PROJECT_DIR", home.path().join("nowhere"));
    let mut client = Client::with_command(command, true, &[]);
    let text = client.ask("memory_search", json!({ "query": "pool", "project": "current" }));
    assert!(text.contains("not a known project") && text.contains("Nothing here speaks of that."), "{text}");
    client.finish();
}

/// What an agent's model reads: confidence first, question and answer, one short id a hit, within the budget.
#[test]
fn a_search_says_how_sure_it_is_and_brings_the_answer() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let _ = home.json(&["embed", "--threads", "2"]);
    let mut client = Client::start(&home, true);
    let text = client
        .ask("memory_search", json!({ "query": "Grafana request latency over 9 s every weekday morning, CPU idle" }));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[2], "Strong match.", "{text}");
    assert!(text.contains("person ") && text.contains("\nmodel "), "a question comes with its answer: {text}");
    assert!(!text.lines().any(|line| line.trim() == ">" || line.trim() == "> ---"), "{text}");
    let uuids = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-').filter(|word| word.len() == 36).count();
    assert_eq!(uuids, 0, "{text}");
    let id = text.rsplit_once("memory_get ids [\"").unwrap().1.split('"').next().unwrap().to_owned();
    let read = client.ask("memory_get", json!({ "ids": [id] }));
    assert!(read.contains(&id), "{read}");
    for nothing in ["the best sourdough starter for rye bread", "怎么给阳台的番茄施肥"] {
        let text = client.ask("memory_search", json!({ "query": nothing }));
        assert!(text.contains("Nothing here speaks of that."), "{text}");
        let shown = text.lines().filter(|line| line.split_once(". 20").is_some_and(|(number, _)| number.len() == 1));
        assert!(shown.count() <= 2, "{text}");
    }
    for max_tokens in [200, 400, 1200] {
        let arguments =
            json!({ "query": "pool test cache export", "limit": 50, "max_tokens": max_tokens, "detail": "full" });
        let text = client.ask("memory_search", arguments.clone());
        let counted = claude_memory::testing::domain::text::tokens::estimate_tokens(&text);
        assert!(counted <= max_tokens, "{counted} of {max_tokens}: {text}");
        let data = client.call("memory_search", arguments);
        let told = data["structuredContent"]["tokens"].as_u64().unwrap();
        // The digits of the marks are others each time.
        assert!(told.abs_diff(counted as u64) <= 16, "{told} {counted}");
    }
    client.finish();
}

/// One call never deletes: the preview gives a code, and the code deletes what the preview showed and nothing else.
#[test]
fn forgetting_shows_first_and_then_does_it() {
    let home = home_with_a_word();
    let mut client = Client::start(&home, true);
    let exact = |client: &mut Client| {
        let found = client.call("memory_search", json!({ "query": SECRET_WORD, "mode": "exact" }));
        found["structuredContent"]["results"].as_array().unwrap().len()
    };
    for arguments in [json!({ "query": SECRET_WORD, "dry_run": false }), json!({ "code": "00000000" })] {
        let refused = client.call("memory_forget", arguments);
        assert_eq!(refused["isError"], true, "{refused}");
    }
    let shown = client.call("memory_forget", json!({ "query": SECRET_WORD }))["structuredContent"].clone();
    let (code, id) = (shown["code"].clone(), shown["preview"][0]["id"].clone());
    assert!(shown["waits_for_person"] == false && shown["receipt"].is_null(), "{shown}");
    let both = client.call("memory_forget", json!({ "code": code, "ids": [id] }));
    assert!(both["isError"] == true && exact(&mut client) == 1, "{both}");
    let done = client.call("memory_forget", json!({ "code": code }));
    let receipt = &done["structuredContent"]["receipt"];
    assert_eq!((receipt["messages"].as_u64(), receipt["verified"].as_bool()), (Some(1), Some(true)), "{done}");
    assert_eq!(exact(&mut client), 0);
    let again = client.call("memory_forget", json!({ "code": code }));
    assert_eq!(again["isError"], true, "a code is good for one deletion: {again}");
    let both = client.call("memory_forget", json!({ "session_id": "545308f1", "ids": [] }));
    assert_eq!(both["isError"], true);
    let old = client.call("memory_forget", json!({ "project": "all", "before": "2020-01-01" }));
    assert_eq!(old["isError"], true);
    client.finish();
}

/// A project, more than twenty messages and backups are the person's to delete: the agent's call only asks.
#[test]
fn a_model_cannot_delete_much_without_the_person() {
    let home = TestHome::new();
    let _ = home.import_samples();
    assert_eq!(home.run(&["backup", "create"]).code, 0);
    let kept = |home: &TestHome| home.json(&["status"])["messages"].as_u64().unwrap();
    let before = kept(&home);
    let mut client = Client::start(&home, true);
    let hit = client.call("memory_search", json!({ "query": "pool", "limit": 1 }));
    let id = hit["structuredContent"]["results"][0]["id"].clone();
    let asked = [
        json!({ "project": "orders", "before": "2030-01-01" }),
        json!({ "ids": [id], "include_backups": true }),
        json!({ "session_id": "545308f1-0771-4ddd-a91a-88de4ebeda3a", "include_backups": true }),
    ];
    let mut codes = Vec::new();
    for arguments in asked {
        let asked = client.call("memory_forget", arguments.clone());
        let text = asked["content"][0]["text"].as_str().unwrap();
        assert_eq!(asked["structuredContent"]["waits_for_person"], true, "{arguments}: {text}");
        let code = asked["structuredContent"]["code"].as_str().unwrap().to_owned();
        assert!(text.contains(&format!("claude-memory forget --confirm {code}")), "{text}");
        let refused = client.call("memory_forget", json!({ "code": code }));
        assert!(refused["isError"] == true && refused.to_string().contains("the user confirms"), "{refused}");
        codes.push(code);
    }
    client.finish();
    assert_eq!(kept(&home), before, "nothing was deleted");
    let waiting = home.json(&["forget", "--waiting"]);
    let listed: Vec<&str> = waiting.as_array().unwrap().iter().filter_map(|one| one["code"].as_str()).collect();
    assert!(listed.len() == 3 && codes.iter().all(|code| listed.contains(&code.as_str())), "{waiting}");
    // Neither the agent in a shell nor a pipe confirms; a person does.
    let mut agent = home.command();
    agent.args(["forget", "--confirm", &codes[1], "--yes"]).env("CLAUDE_CODE_SESSION_ID", "s");
    assert_eq!(agent.output().unwrap().status.code(), Some(2));
    home.run(&["forget", "--confirm", &codes[1]]).fails(2, "confirm on a terminal");
    assert_eq!(kept(&home), before);
    assert_eq!(home.run(&["forget", "--discard", &codes[0]]).code, 0);
    let done = home.json(&["forget", "--confirm", &codes[1], "--yes"]);
    assert_eq!((done["messages"].as_u64(), done["verified"].as_bool()), (Some(1), Some(true)), "{done}");
    assert_eq!(done["rewritten_backups"].as_array().unwrap().len(), 1, "{done}");
    assert_eq!(kept(&home), before - 1);
    let left = home.json(&["forget", "--waiting"]);
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
}

/// Many small deletions are a large one: after twenty messages a day the person is asked.
#[test]
fn small_deletions_add_up() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let before = home.json(&["status"])["messages"].as_u64().unwrap();
    let mut client = Client::start(&home, true);
    let mut waits = false;
    for _ in 0..8 {
        let asked =
            client.call("memory_forget", json!({ "query": "pool test export cache" }))["structuredContent"].clone();
        waits |= asked["waits_for_person"] == true;
        let _ = client.call("memory_forget", json!({ "code": asked["code"] }));
        let odd = client.call("memory_forget", json!({ "code": asked["code"], "include_backups": true }));
        assert_eq!(odd["isError"], true, "{odd}");
    }
    client.finish();
    let after = home.json(&["status"])["messages"].as_u64().unwrap();
    assert!(waits && before - after <= 20, "{before} {after}");
}

/// What a person saved is the person's: a model neither replaces nor changes it, and saves into its own project only.
#[test]
fn a_model_does_not_replace_what_a_person_saved() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let saved = home.json(&["save", "Never deploy on Fridays", "--topic", "deploys", "--pin"]);
    let id = saved["id"].as_str().unwrap();
    let mut client = Client::start_with(&home, true, &["--profile", "admin"]);
    for (tool, arguments) in [
        ("memory_save", json!({ "text": "Deploy whenever", "supersedes": [id] })),
        ("memory_save", json!({ "text": "Deploy whenever", "topic_key": "deploys" })),
        ("memory_update", json!({ "id": id, "title": "Deploy whenever" })),
        ("memory_update", json!({ "id": id, "pin": false })),
        ("memory_save", json!({ "text": "Deploy whenever", "project": "orders" })),
        ("memory_save", json!({ "text": "\u{200b}\u{2800}" })),
    ] {
        let refused = client.call(tool, arguments.clone());
        assert_eq!(refused["isError"], true, "{arguments}: {refused}");
    }
    client.finish();
    let kept = home.json(&["search", "Never deploy on Fridays", "--mode", "exact"]);
    assert_eq!(kept["results"][0]["id"], id, "{kept}");
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
    let asked = client.call("memory_forget", json!({ "session_id": session }));
    let gone = client.call("memory_forget", json!({ "code": asked["structuredContent"]["code"] }));
    assert_eq!(gone["structuredContent"]["receipt"]["backups"][0].as_str(), Some(path.as_str()), "{gone}");
    assert!(gone["content"][0]["text"].as_str().unwrap().contains("forget --rewrite-backups"), "{gone}");
    let refused = client.call("memory_maintain", json!({ "cleanup_days": 240, "dry_run": false }));
    assert!(refused["isError"] == true && refused.to_string().contains("maintain --cleanup-days 240"), "{refused}");
    let done = client.call("memory_maintain", json!({ "dry_run": false }));
    assert_eq!(done["structuredContent"]["removed"], 0, "{done}");
    let odd = client.call("memory_backup", json!({ "action": "delete" }));
    assert!(odd["isError"] == true && odd.to_string().contains("list or create"), "{odd}");
    client.finish();
}

/// Every answer that quotes history is recognised, as text and as data, whatever the server is called.
#[test]
fn every_answer_that_quotes_is_recognised_as_our_own() {
    use claude_memory::testing::domain::own_output::is_own_output;
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
        ("memory_decisions", json!({}), true),
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

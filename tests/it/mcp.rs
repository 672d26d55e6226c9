//! The MCP server as a client sees it: JSON-RPC lines over stdin and stdout, both eras.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use claude_memory::testing::mcp::{Profile, tools};
use serde_json::{Value, json};

use crate::client::Client;
use crate::home::{TestHome, skip};

#[test]
fn both_eras_are_answered_before_anything_is_opened() {
    let home = TestHome::new();
    let mut modern = Client::start(&home, true);
    let discovered = modern.request("server/discover", json!({}));
    let versions = discovered["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!("2026-07-28")) && versions.contains(&json!("2025-11-25")), "{discovered}");
    let listed = modern.request("tools/list", json!({}));
    let names: Vec<&str> =
        listed["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    let core = ["search", "get", "timeline", "context", "fix", "handoff", "save", "forget"];
    assert_eq!(names, core.map(|name| format!("memory_{name}")));
    assert_eq!(modern.call("ping", json!({}))["structuredContent"]["pong"], true);
    modern.finish();
    let mut legacy = Client::start(&home, false);
    assert_eq!(legacy.call("ping", json!({}))["structuredContent"]["pong"], true);
    legacy.finish();
    assert!(!home.memory().exists(), "nothing was opened");
}

#[test]
fn definitions_are_closed_and_small() {
    let mut bytes = 0;
    for tool in tools::define_tools(Profile::Admin, true) {
        let text = serde_json::to_string(&tool).unwrap();
        let input = serde_json::to_value(&*tool.input_schema).unwrap();
        assert_eq!(input["additionalProperties"], false, "{}", tool.name);
        assert!(!text.contains("\"format\"") && !text.contains("\"null\""), "{text}");
        // Strict clients refuse the tool, or all of them.
        lists_have_items(&input, &tool.name);
        lists_have_items(&serde_json::to_value(&tool.output_schema).unwrap(), &tool.name);
        let description = tool.description.as_deref().unwrap();
        assert!(description.len() > 30 && tool.title.is_some() && tool.output_schema.is_some(), "{}", tool.name);
        assert!(tool.annotations.as_ref().is_some_and(|notes| notes.open_world_hint == Some(false)), "{}", tool.name);
        if tools::define_tools(Profile::Core, true).iter().any(|core| core.name == tool.name) {
            // What a model is given: name, title, description, input schema.
            let given =
                json!({ "name": tool.name, "title": tool.title, "description": description, "input_schema": input });
            bytes += given.to_string().len();
        }
    }
    // A token of o200k is 4.5 bytes here: 7,571 bytes are 1,678 tokens.
    assert!(bytes <= 8_000, "the core definitions take {bytes} bytes");
}

/// Every list of a schema says what is in it, and none has places with types of their own.
fn lists_have_items(schema: &Value, place: &str) {
    match schema {
        Value::Object(fields) => {
            let is_list = fields.get("type").is_some_and(|kind| kind == "array");
            assert!(!is_list || fields.get("items").is_some_and(Value::is_object), "{place}: {schema}");
            assert!(!fields.contains_key("prefixItems"), "{place}: {schema}");
            fields.iter().for_each(|(name, inner)| lists_have_items(inner, &format!("{place}.{name}")));
        }
        Value::Array(items) => items.iter().for_each(|inner| lists_have_items(inner, place)),
        _ => {}
    }
}

#[test]
fn arguments_are_taken_as_models_send_them() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let mut client = Client::start(&home, true);
    let plain = client.call("memory_search", json!({ "query": "pool", "limit": 2, "roles": ["assistant"] }));
    let hits = |answer: &Value| {
        let results = answer["structuredContent"]["results"].as_array().unwrap_or_else(|| panic!("{answer}"));
        results.iter().map(|hit| hit["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(hits(&plain).len(), 2);
    for arguments in [
        json!({ "query": "pool", "limit": "2", "roles": "assistant" }),
        json!({ "query": "pool", "limit": 2.0, "roles": "[\"assistant\"]", "explain": "false" }),
        json!({ "query": "pool", "limit": "2.0", "roles": ["assistant"], "project": "", "after": "", "before": "", "mode": "",
                "kinds": "", "sources": [], "session_id": "", "file": "", "git_branch": "", "detail": "", "max_tokens": "", "cursor": "" }),
        json!({ "query": ["pool"], "limit": 2, "roles": ["assistant"], "project": null }),
    ] {
        assert_eq!(hits(&client.call("memory_search", arguments.clone())), hits(&plain), "{arguments}");
    }
    for (tool, arguments, expect) in [
        ("memory_search", json!({ "query": "x", "limit": "many" }), "limit is \"many\""),
        ("memory_search", json!({ "query": "x", "limit": 2.5 }), "limit must be a whole number"),
        ("memory_search", json!({ "query": "x", "roles": { "a": 1 } }), "roles must be a list"),
        ("memory_search", json!({ "query": { "text": "x" } }), "query must be a text"),
        ("memory_get", json!({ "session_id": "545308f1", "from": -1 }), "from must be a whole number, not below 0"),
        ("memory_save", json!({ "text": "x", "pin": "maybe" }), "pin must be true or false"),
    ] {
        let result = client.call(tool, arguments);
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(result["isError"] == true && text.contains(expect), "{text}");
    }
    let positions = |answer: Value| {
        let messages = answer["structuredContent"]["conversations"][0]["messages"].as_array().cloned();
        let messages = messages.unwrap_or_else(|| panic!("{answer}"));
        messages.iter().map(|message| message["position"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let whole = positions(client.call("memory_get", json!({ "session_id": "545308f1", "max_tokens": 50_000 })));
    let part: Vec<u64> = whole.iter().copied().filter(|position| (2..5).contains(position)).collect();
    for arguments in [
        json!({ "session_id": "545308f1", "from": 2, "count": 3 }),
        json!({ "session_id": "545308f1", "from": "2", "count": "3", "ids": [], "around": 0 }),
        json!({ "session_id": "545308f1", "from": 2.0, "count": 3, "max_results": 9 }),
    ] {
        assert_eq!(positions(client.call("memory_get", arguments.clone())), part, "{arguments}");
    }
    client.finish();
}

#[test]
fn the_instructions_are_short() {
    let home = TestHome::new();
    let mut client = Client::start(&home, true);
    let discovered = client.request("server/discover", json!({}));
    let words = discovered["result"]["instructions"].as_str().unwrap().split_whitespace().count();
    assert!(words <= 120, "{words} words");
    client.finish();
}

#[test]
fn search_read_save_and_health() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let _ = home.json(&["embed", "--threads", "2"]);
    for modern in [true, false] {
        let mut client = Client::start(&home, modern);
        let found = client.call("memory_search", json!({ "query": "why were shoppers billed twice" }));
        let hit = &found["structuredContent"]["results"][0];
        assert_eq!(hit["session_id"], "f60a0f1e-24f7-4090-9be1-b36df4d4be6b");
        let text = found["content"][0]["text"].as_str().unwrap();
        assert!(
            text.starts_with("[claude-memory] Stored history")
                && text.contains(hit["id"].as_str().unwrap().get(..8).unwrap()),
            "{text}"
        );
        let read = client.call("memory_get", json!({ "ids": [hit["id"]], "around": 1 }));
        let messages = read["structuredContent"]["conversations"][0]["messages"].as_array().unwrap();
        assert!(messages.iter().any(|message| message["id"] == hit["id"]), "{read}");
        let saved =
            client.call("memory_save", json!({ "text": format!("prefers tabs, era {modern}"), "kind": "preference" }));
        assert_eq!(saved["structuredContent"]["status"], "created");
        let found = client.call("memory_search", json!({ "query": format!("prefers tabs, era {modern}"), "limit": 1 }));
        assert_eq!(found["structuredContent"]["results"][0]["id"], saved["structuredContent"]["id"]);
        let health = client.call("memory_health", json!({}));
        assert!(health["structuredContent"]["messages"].as_u64() > Some(60));
        assert_eq!(health["structuredContent"]["model_loaded"], true);
        client.finish();
    }
}

#[test]
fn mistakes_are_tool_errors_that_a_model_can_act_on() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let mut client = Client::start(&home, true);
    for (tool, arguments, expect) in [
        ("memory_search", json!({}), "missing field `query`"),
        ("memory_forget", json!({ "query": "x", "colour": "red" }), "unknown field `colour`"),
        ("memory_search", json!({ "query": "" }), "the query is empty"),
        ("memory_search", json!({ "query": "x", "mode": "fuzzy" }), "hybrid, semantic, keyword or exact"),
        ("memory_search", json!({ "query": "x", "after": "someday" }), "上周"),
        ("memory_search", json!({ "query": "x", "project": "nowhere" }), "known projects"),
        ("memory_search", json!({ "query": "x", "cursor": "abc" }), "another query"),
        ("memory_get", json!({}), "one of `ids`"),
        ("memory_get", json!({ "ids": ["nonsense"] }), "not a message id"),
        ("memory_get", json!({ "session_id": "nonsense" }), "there is no session"),
        ("memory_save", json!({ "text": " " }), "blank"),
    ] {
        let result = client.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool}: {result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(expect) && text.contains("hint") || text.contains("blank"), "{tool}: {text}");
    }
    let unknown = client.request("tools/call", json!({ "name": "memory_dance", "arguments": {} }));
    assert_eq!(unknown["error"]["code"], -32602);
    let method = client.request("memory/dance", json!({}));
    assert_eq!(method["error"]["code"], -32601);
    client.finish();
}

#[test]
fn results_fit_their_output_schemas() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let mut client = Client::start_with(&home, true, &["--profile", "full"]);
    let hit = client.call("memory_search", json!({ "query": "pool" }))["structuredContent"]["results"][0]["id"].clone();
    let calls = [
        ("memory_search", json!({ "query": "pool", "explain": true, "limit": 2 })),
        ("memory_get", json!({ "session_id": "545308f1", "include_tool_output": true })),
        ("memory_timeline", json!({ "limit": 3 })),
        ("memory_timeline", json!({ "anchor_id": hit, "group": "session" })),
        ("memory_context", json!({ "task": "pool size", "files": ["pool.rs"], "error": "ERR_POOL_EXHAUSTED" })),
        ("memory_save", json!({ "text": "a fact" })),
        ("memory_forget", json!({ "query": "a fact" })),
        ("memory_projects", json!({})),
        ("memory_health", json!({})),
        ("memory_blame", json!({ "file": "pool.rs" })),
        ("memory_fix", json!({ "error": "ERR_POOL_EXHAUSTED" })),
        ("memory_sessions", json!({ "query": "pool" })),
        ("memory_decisions", json!({})),
        ("memory_stats", json!({})),
        ("memory_handoff", json!({ "session_id": "545308f1" })),
        ("ping", json!({})),
    ];
    let definitions = tools::define_tools(Profile::Full, true);
    for (name, arguments) in calls {
        let tool = definitions.iter().find(|tool| tool.name == name).unwrap();
        let result = client.call(name, arguments);
        assert_ne!(result["isError"], true, "{name}: {result}");
        let schema = serde_json::to_value(tool.output_schema.clone().unwrap()).unwrap();
        fits(&schema, &result["structuredContent"], name);
    }
    client.finish();
}

/// The part of JSON Schema that our definitions use: type, properties, required, additionalProperties, items.
#[track_caller]
fn fits(schema: &Value, value: &Value, place: &str) {
    let right = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        _ => true,
    };
    assert!(right, "{place} is {value}, not {}", schema["type"]);
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{place} lacks {name}");
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        let property = schema["properties"].get(name);
        fits(
            property.unwrap_or_else(|| panic!("{place}.{name} is not in the schema")),
            inner,
            &format!("{place}.{name}"),
        );
    }
    for inner in value.as_array().into_iter().flatten() {
        fits(&schema["items"], inner, &format!("{place}[]"));
    }
}

#[test]
fn missing_vectors_are_made_by_one_session_and_nothing_is_left_running() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let sessions: Vec<Client> = (0..4).map(|_| Client::start(&home, false)).collect();
    // Each gets its answer while the others are there too.
    for mut client in sessions {
        assert!(client.call("memory_health", json!({}))["structuredContent"]["messages"].as_u64() > Some(60));
        client.finish();
    }
}

/// The client dies and its end of stdin stays open in another process: the server must not outlive it.
#[test]
#[cfg(target_os = "linux")]
fn a_server_whose_parent_died_ends() {
    let home = TestHome::new();
    let program = home.command().get_program().to_owned();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "exec 3<&0; \"$0\" --home \"$1\" mcp <&3 >/dev/null 2>&1 & echo $!; sleep 4"]).arg(program);
    shell.arg(home.memory()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut shell = shell.spawn().unwrap();
    let input = shell.stdin.take();
    let mut server = String::new();
    BufReader::new(shell.stdout.take().unwrap()).read_line(&mut server).unwrap();
    assert!(shell.wait().unwrap().success());
    let place = std::path::PathBuf::from("/proc").join(server.trim());
    let start = std::time::Instant::now();
    while place.exists() && start.elapsed().as_secs() < 20 {
        std::thread::park_timeout(std::time::Duration::from_millis(100));
    }
    assert!(!place.exists(), "process {} is still there", server.trim());
    drop(input);
}

#[test]
fn the_python_sdk_agrees() {
    let python = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".real/venv/bin/python");
    if !python.exists() {
        skip("the MCP Python SDK", "run `.ci/real` to install it below .real/");
        return;
    }
    let home = TestHome::new();
    let _ = home.import_samples();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/client.py");
    for mode in ["auto", "legacy", "2026-07-28"] {
        let mut command = std::process::Command::new(&python);
        command.env_clear().env("HOME", home.path()).env("CLAUDE_MEMORY_HOME", home.memory());
        command.env("CLAUDE_MEMORY_MCP_STRUCTURED", "true");
        let output = command.args([script, env!("CARGO_BIN_EXE_claude-memory"), mode]).output().unwrap();
        assert!(output.status.success(), "{mode}: {}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["tools"], 8);
        assert_eq!(answer["session"], "545308f1-0771-4ddd-a91a-88de4ebeda3a");
        assert_eq!(answer["missing_argument_is_tool_error"], true);
    }
}

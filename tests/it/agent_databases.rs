//! Histories of coding agents that are databases: each message once, nothing in them changes, what was written since is
//! read while the agent runs.

use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::agent_histories::{OWN, check_counts, find};
use crate::home::TestHome;
use crate::importers::{all, of};

fn database(home: &TestHome, name: &str, sql: &str) -> PathBuf {
    let path = home.write(name, "");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    path
}

fn insert(path: &PathBuf, sql: &str, rows: &[&[&str]]) -> Connection {
    let connection = Connection::open(path).unwrap();
    for row in rows {
        connection.execute(sql, rusqlite::params_from_iter(row.iter())).unwrap();
    }
    connection
}

const OPENCODE: &str = "
    CREATE TABLE session (id TEXT PRIMARY KEY, parent_id TEXT, directory TEXT, title TEXT);
    CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, time_created INTEGER, data TEXT);
    CREATE TABLE part (id TEXT PRIMARY KEY, message_id TEXT, session_id TEXT, time_created INTEGER, data TEXT);
    INSERT INTO session VALUES ('ses_1', NULL, '/work/garden', 'The hose'), ('ses_2', 'ses_1', '/work/garden', 'Child session - 2026');
    PRAGMA journal_mode = WAL;";

const MESSAGE: &str = "INSERT INTO message VALUES (?1, ?2, 1770091506000, ?3)";
const PART: &str = "INSERT INTO part VALUES (?1, ?2, ?3, 1770091506000, ?4)";

fn tool(name: &str, output: &str) -> String {
    let state = json!({ "status": "completed", "input": { "command": "ls shed" }, "output": output });
    json!({ "type": "tool", "tool": name, "callID": "c", "state": state }).to_string()
}

fn text(text: &str) -> String {
    json!({ "type": "text", "text": text }).to_string()
}

fn said() -> Vec<(String, String, String)> {
    vec![
        of("user", "text", "Where is the hose? 水管在哪"),
        of("assistant", "thinking", "look first"),
        of("assistant", "tool_use", "command: ls shed"),
        of("assistant", "tool_result", "hose"),
        of("assistant", "tool_use", "claude-memory_memory_search"),
    ]
}

fn opencode(home: &TestHome, name: &str) -> PathBuf {
    let path = database(home, name, OPENCODE);
    let answer = json!({ "role": "assistant", "modelID": "m", "path": { "cwd": "/work/garden" }, "tokens": { "input": 9, "output": 2, "cache": { "read": 1, "write": 0 } } });
    let (user, answer) = (json!({ "role": "user" }).to_string(), answer.to_string());
    insert(
        &path,
        MESSAGE,
        &[
            &["msg_1", "ses_1", &user],
            &["msg_2", "ses_1", &answer],
            &["msg_3", "ses_2", &user],
            &["msg_4", "ses_2", "{\"torn"],
        ],
    );
    let (reasoning, step) =
        (json!({ "type": "reasoning", "text": "look first" }).to_string(), json!({ "type": "step-start" }).to_string());
    let own = tool("claude-memory_memory_search", OWN);
    let parts: [&[&str]; 7] = [
        &["prt_1", "msg_1", "ses_1", &text("Where is the hose? 水管在哪")],
        &["prt_2", "msg_2", "ses_1", &step],
        &["prt_3", "msg_2", "ses_1", &reasoning],
        &["prt_4", "msg_2", "ses_1", &tool("bash", "hose")],
        &["prt_5", "msg_2", "ses_1", &own],
        &["prt_6", "msg_3", "ses_2", &text("a prompt that a model wrote")],
        &["prt_7", "msg_3", "ses_2", "no JSON"],
    ];
    insert(&path, PART, &parts);
    path
}

#[test]
fn sessions_of_opencode_and_kilo() {
    let home = TestHome::new();
    let path = opencode(&home, ".local/share/opencode/opencode.db");
    let before = std::fs::read(&path).unwrap();
    let done = home.json(&["import", "opencode"]);
    assert_eq!((&done["sessions"], &done["bad_total"]), (&json!(2), &json!(2)), "{done}");
    assert_eq!(all(&home, "ses_1"), said());
    assert_eq!(std::fs::read(&path).unwrap(), before, "the database changed");
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "a file appeared beside the database");
    let found = find(&home, "opencode", "水管在哪");
    assert_eq!(
        (&found["project"], &found["title"], &found["trust"]),
        (&json!("garden"), &json!("The hose"), &json!("person")),
        "{found}"
    );
    assert_eq!(find(&home, "opencode", "a prompt that a model wrote")["trust"], json!("model"));
    // While the program runs, what is new stands in the log only; a text that grew is the same text.
    let running = insert(&path, PART, &[&["prt_8", "msg_2", "ses_1", &text("In the")]]);
    running.execute_batch("PRAGMA wal_autocheckpoint = 0").unwrap();
    let _ = home.json(&["import", "opencode"]);
    assert_eq!(all(&home, "ses_1").last().unwrap().2, "In the");
    running.execute("UPDATE part SET data = ?1 WHERE id = 'prt_8'", [text("In the shed.")]).unwrap();
    let grown = home.json(&["import", "opencode", "--rescan"]);
    assert_eq!(grown["new"], json!(0), "{grown}");
    assert_eq!(all(&home, "ses_1").last().unwrap().2, "In the shed.");
    drop(running);
    opencode(&home, ".local/share/kilo/kilo.db");
    let kilo = home.json(&["import", "kilo"]);
    assert_eq!((&kilo["files"], &kilo["bad_total"]), (&json!(1), &json!(2)), "{kilo}");
}

#[test]
fn sessions_of_older_opencode_are_files() {
    let home = TestHome::new();
    let write =
        |name: &str, value: Value| home.write(&format!(".local/share/opencode/storage/{name}.json"), value.to_string());
    write("session/p1/ses_1", json!({ "id": "ses_1", "directory": "/work/garden", "title": "The hose" }));
    write(
        "message/ses_1/msg_1",
        json!({ "id": "msg_1", "sessionID": "ses_1", "role": "user", "time": { "created": 1_770_091_506_000_i64 } }),
    );
    write(
        "message/ses_1/msg_2",
        json!({ "id": "msg_2", "sessionID": "ses_1", "role": "assistant", "modelID": "m", "time": { "created": 1_770_091_507_000_i64 } }),
    );
    let part = |id: &str, message: &str, data: &str| {
        let mut value: Value = serde_json::from_str(data).unwrap();
        value.as_object_mut().unwrap().extend([
            ("id".to_owned(), json!(id)),
            ("messageID".to_owned(), json!(message)),
            ("sessionID".to_owned(), json!("ses_1")),
        ]);
        write(&format!("part/{message}/{id}"), value)
    };
    let first = part("prt_1", "msg_1", &text("Where is the hose? 水管在哪"));
    part("prt_2", "msg_2", &json!({ "type": "reasoning", "text": "look first" }).to_string());
    part("prt_3", "msg_2", &tool("bash", "hose"));
    part("prt_4", "msg_2", &tool("claude-memory_memory_search", OWN));
    home.write(".local/share/opencode/storage/part/msg_2/prt_5.json", "no JSON");
    let done = home.json(&["import", "opencode"]);
    assert_eq!((&done["sessions"], &done["bad_total"]), (&json!(1), &json!(1)), "{done}");
    assert_eq!(all(&home, "ses_1"), said());
    // A file stands for its session, and one that is added is read with it.
    part("prt_6", "msg_2", &text("In the shed."));
    let later = home.json(&["import", "opencode", first.to_str().unwrap()]);
    assert_eq!((&later["files"], &later["bad_total"]), (&json!(1), &json!(1)), "{later}");
    assert_eq!(all(&home, "ses_1").last().unwrap().2, "In the shed.");
    // The database into which a newer version moved them holds the same messages.
    let path = database(&home, ".local/share/opencode/opencode.db", OPENCODE);
    insert(&path, MESSAGE, &[&["msg_1", "ses_1", "{\"role\":\"user\"}"]]);
    insert(&path, PART, &[&["prt_1", "msg_1", "ses_1", &text("Where is the hose? 水管在哪")]]);
    let moved = home.json(&["import", "opencode"]);
    assert_eq!(moved["new"], json!(0), "{moved}");
}

#[test]
fn sessions_of_goose() {
    let home = TestHome::new();
    let sql = "
        CREATE TABLE schema_version (version INTEGER);
        CREATE TABLE sessions (id TEXT PRIMARY KEY, name TEXT, working_dir TEXT);
        CREATE TABLE messages (id INTEGER PRIMARY KEY, message_id TEXT, session_id TEXT, role TEXT, content_json TEXT, created_timestamp INTEGER, metadata_json TEXT);
        INSERT INTO sessions VALUES ('g1', 'The hose', '/work/garden');";
    let path = database(&home, ".local/share/goose/sessions/sessions.db", sql);
    let call = json!([{ "type": "thinking", "thinking": "look first" },
        { "type": "toolRequest", "id": "c1", "toolCall": { "status": "success", "value": { "name": "developer__shell", "arguments": { "command": "ls shed" } } } }]);
    let result = json!([{ "type": "toolResponse", "id": "c1", "toolResult": { "status": "success", "value": { "content": [{ "type": "text", "text": "hose" }] } } }]);
    let (call, result) = (call.to_string(), result.to_string());
    let insert_message = "INSERT INTO messages (message_id, session_id, role, content_json, created_timestamp, metadata_json) VALUES (?1, 'g1', ?2, ?3, 1770091506, ?4)";
    let prompt = json!([{ "type": "text", "text": "Where is the hose? 水管在哪" }]).to_string();
    let hidden = json!([{ "type": "text", "text": "the history was compacted" }]).to_string();
    insert(
        &path,
        insert_message,
        &[
            &["m1", "user", &prompt, "{}"],
            &["m2", "assistant", &call, "{}"],
            &["m3", "user", &result, "{}"],
            &["m4", "user", &hidden, "{\"userVisible\":false}"],
            &["m5", "user", "no JSON", "{}"],
        ],
    );
    check_counts(&home, "goose", 4, 1, 0, 1);
    let said = [
        of("user", "text", "Where is the hose? 水管在哪"),
        of("assistant", "thinking", "look first"),
        of("assistant", "tool_use", "command: ls shed"),
        of("tool", "tool_result", "hose"),
        of("user", "meta", "the history was compacted"),
    ];
    assert_eq!(all(&home, "g1"), said);
    assert_eq!(find(&home, "goose", "水管在哪")["project"], json!("garden"));
    // Files of versions before.
    let record = |role: &str, content: &str| json!({ "role": role, "created": 1_770_091_506, "content": serde_json::from_str::<Value>(content).unwrap() });
    let lines = [
        json!({ "working_dir": "/work/shed", "description": "Paint" }),
        record("user", &prompt),
        record("assistant", &call),
        record("user", &result),
    ];
    let lines: String = lines.iter().map(|line| line.to_string() + "\n").collect();
    home.write(".local/share/goose/sessions/20260203_1.jsonl", lines);
    assert_eq!(home.json(&["import", "goose"])["new"], json!(3));
    assert_eq!(all(&home, "20260203_1"), said[..4]);
}

#[test]
fn chats_of_cursor_without_its_keys() {
    let home = TestHome::new();
    let path = database(
        &home,
        ".config/Cursor/User/globalStorage/state.vscdb",
        "CREATE TABLE ItemTable (key TEXT UNIQUE, value BLOB); CREATE TABLE cursorDiskKV (key TEXT UNIQUE, value BLOB);
         INSERT INTO ItemTable VALUES ('cursorAuth/accessToken', 'a token of the user');
         INSERT INTO cursorDiskKV VALUES ('bubbleId:k1:b9', NULL), ('checkpointId:k1:x', '{\"text\":\"not a message\"}');",
    );
    let call = json!({ "name": "run_terminal_cmd", "rawArgs": "{\"command\":\"ls shed\"}", "result": "{\"output\":\"hose\"}", "status": "completed" });
    let rows = [
        (
            "composerData:k1",
            json!({ "composerId": "k1", "name": "The hose", "createdAt": 1_770_091_506_000_i64, "modelConfig": { "modelName": "m" },
            "workspaceIdentifier": { "uri": { "fsPath": "/work/garden" } } }),
        ),
        ("bubbleId:k1:b1", json!({ "type": 1, "text": "Where is the hose? 水管在哪" })),
        ("bubbleId:k1:b2", json!({ "type": 2, "text": "", "thinking": { "text": "look first" } })),
        (
            "bubbleId:k1:b3",
            json!({ "type": 2, "text": "", "toolFormerData": call, "tokenCount": { "inputTokens": 9, "outputTokens": 2 } }),
        ),
        ("bubbleId:k1:b4", json!({ "type": 2, "text": "In the shed.", "createdAt": "2026-02-03T04:05:09Z" })),
        (
            "composerData:k2",
            json!({ "composerId": "k2", "createdAt": 1_770_091_506_000_i64, "conversation": [{ "type": 1, "bubbleId": "o1", "text": "an older chat 旧聊天" }] }),
        ),
    ];
    let connection = Connection::open(&path).unwrap();
    for (key, value) in &rows {
        // The program writes bytes.
        connection.execute("INSERT INTO cursorDiskKV VALUES (?1, ?2)", (key, value.to_string().into_bytes())).unwrap();
    }
    drop(connection);
    check_counts(&home, "cursor", 5, 3, 0, 0);
    let mut read = all(&home, "k1");
    read.sort();
    assert_eq!(
        read,
        [
            of("assistant", "text", "In the shed."),
            of("assistant", "thinking", "look first"),
            of("assistant", "tool_result", "hose"),
            of("assistant", "tool_use", "command: ls shed"),
            of("user", "text", "Where is the hose? 水管在哪"),
        ]
    );
    assert_eq!(find(&home, "cursor", "旧聊天")["trust"], json!("person"));
    let found = find(&home, "cursor", "水管在哪");
    assert_eq!((&found["project"], &found["title"]), (&json!("garden"), &json!("The hose")), "{found}");
    for unread in ["a token of the user", "not a message"] {
        assert_eq!(home.json(&["search", unread, "--mode", "exact"])["results"], json!([]), "{unread}");
    }
}

#[test]
fn threads_of_zed_compressed_or_not() {
    let home = TestHome::new();
    let path = database(
        &home,
        ".local/share/zed/threads/threads.db",
        "CREATE TABLE threads (id TEXT PRIMARY KEY, summary TEXT NOT NULL, updated_at TEXT NOT NULL, data_type TEXT NOT NULL, data BLOB NOT NULL);",
    );
    let thread = json!({ "title": "The hose", "version": "0.3.0", "updated_at": "2026-02-03T04:05:06Z", "model": { "provider": "x", "model": "m" },
        "initial_project_snapshot": { "worktree_snapshots": [{ "worktree_path": "/work/garden", "git_state": { "current_branch": "beds" } }] },
        "messages": [
            { "User": { "id": "u1", "content": [{ "Text": "Where is the hose? 水管在哪" }, { "Mention": { "uri": "x", "content": "a list of tools" } }] } },
            { "Agent": { "content": [{ "Thinking": { "text": "look first" } }, { "Text": "Let me look." },
                { "ToolUse": { "id": "c1", "name": "terminal", "input": { "command": "ls shed" } } }],
                "tool_results": { "c1": { "tool_use_id": "c1", "content": { "Text": "hose" } } } } },
            "Resume" ] });
    let older = json!({ "version": "0.2.0", "summary": "Paint", "updated_at": "2026-02-03T04:05:06Z", "messages": [
        { "id": 0, "role": "user", "segments": [{ "type": "text", "text": "Paint the shed 刷棚子" }] },
        { "id": 1, "role": "assistant", "segments": [{ "type": "text", "text": "It is painted." }] }] });
    let connection = Connection::open(&path).unwrap();
    let compressed = zstd::encode_all(thread.to_string().as_bytes(), 3).unwrap();
    let bomb = zstd::encode_all(&vec![b' '; 80 << 20][..], 3).unwrap();
    let rows: [(&str, &str, Vec<u8>); 4] = [
        ("z1", "zstd", compressed),
        ("z2", "json", older.to_string().into_bytes()),
        ("z3", "zstd", b"no frame".to_vec()),
        ("z4", "zstd", bomb),
    ];
    for (id, kind, data) in rows {
        connection
            .execute("INSERT INTO threads VALUES (?1, 's', '2026-02-03T04:05:06Z', ?2, ?3)", (id, kind, data))
            .unwrap();
    }
    drop(connection);
    let done = home.json(&["import", "zed"]);
    assert_eq!((&done["new"], &done["sessions"], &done["bad_total"]), (&json!(4), &json!(2), &json!(2)), "{done}");
    assert_eq!(
        all(&home, "z1"),
        [
            of("user", "text", "Where is the hose? 水管在哪"),
            of("user", "meta", "a list of tools"),
            of("assistant", "thinking", "look first"),
            of("assistant", "text", "Let me look."),
            of("assistant", "tool_use", "command: ls shed"),
            of("assistant", "tool_result", "hose"),
        ]
    );
    assert_eq!(
        all(&home, "z2"),
        [of("user", "text", "Paint the shed 刷棚子"), of("assistant", "text", "It is painted.")]
    );
    assert_eq!(find(&home, "zed", "水管在哪")["project"], json!("garden"));
}

#[test]
fn every_history_in_a_home_is_found() {
    let home = TestHome::new();
    opencode(&home, ".local/share/opencode/opencode.db");
    opencode(&home, ".local/share/kilo/kilo.db");
    database(&home, ".local/share/goose/sessions/sessions.db", "CREATE TABLE sessions (id TEXT)");
    database(&home, ".local/share/zed/threads/threads.db", "CREATE TABLE threads (id TEXT)");
    database(
        &home,
        ".config/Cursor/User/globalStorage/state.vscdb",
        "CREATE TABLE cursorDiskKV (key TEXT, value BLOB)",
    );
    for file in [
        ".qwen/projects/p/chats/q.jsonl",
        ".copilot/session-state/c/events.jsonl",
        ".factory/sessions/p/d.jsonl",
        ".continue/sessions/n.json",
        ".cline/data/sessions/l/l.messages.json",
        ".config/Code/User/globalStorage/rooveterinaryinc.roo-cline/tasks/r/api_conversation_history.json",
        ".config/Code/User/workspaceStorage/a/chatSessions/v.json",
        ".local/share/amp/threads/T-1.json",
    ] {
        home.write(file, "{}");
    }
    let said = home.run(&["init"]).stdout;
    let sources = ["qwen-code", "copilot-cli", "opencode", "kilo", "droid", "continue", "cline", "roo-code", "goose"];
    for source in sources.into_iter().chain(["vscode-chat", "cursor", "zed", "amp"]) {
        assert!(
            said.lines().any(|line| line.trim_start().starts_with(&format!("{source} "))),
            "{source} is not found: {said}"
        );
    }
}

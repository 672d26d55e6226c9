//! Stores of other memory tools: what was said and saved in them is found here, once, with its labels; nothing in them changes, and what
//! cannot be read is named.

use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::home::{TestHome, skip};
use crate::importers::{all, of};

fn database(home: &TestHome, name: &str, sql: &str) -> std::path::PathBuf {
    let path = home.write(name, "");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    path
}

/// new, duplicate, bad.
fn counts(done: &Value) -> (u64, u64, u64) {
    let count = |name: &str| done[name].as_u64().unwrap();
    (count("new"), count("duplicate"), count("bad_total"))
}

const SERVICE: &str = "
    CREATE TABLE memories (id INTEGER PRIMARY KEY, content_hash TEXT UNIQUE NOT NULL, content TEXT NOT NULL, tags TEXT, memory_type TEXT,
        metadata TEXT, created_at REAL, created_at_iso TEXT, deleted_at REAL, superseded_by TEXT);
    INSERT INTO memories VALUES
        (1, 'a1', 'The deploy token is in the vault 部署令牌在保险库', 'deploy,ops', 'decision', '{\"project\": \"garden\"}', 1767225600.5, NULL, NULL, NULL),
        (2, 'a2', 'old', '', NULL, NULL, 1767225601, NULL, NULL, 'a1'),
        (3, 'a3', 'gone', '', NULL, NULL, 1767225602, NULL, 1767225700, NULL),
        (4, 'a4', 'key AKIAIOSFODNN7EXAMPLQ is secret', 'untagged', NULL, 'not json', NULL, '2026-01-01T00:00:04Z', NULL, NULL);
    PRAGMA journal_mode = WAL;";

#[test]
fn what_was_saved_in_mcp_memory_service_is_saved_here() {
    let home = TestHome::new();
    let path = database(&home, ".local/share/mcp-memory/sqlite_vec.db", SERVICE);
    let before = std::fs::read(&path).unwrap();
    let dry = home.json(&["import", "mcp-memory-service", "--dry-run"]);
    assert_eq!(counts(&dry), (2, 0, 0), "{dry}");
    assert!(home.json(&["search", "vault"])["results"].as_array().unwrap().is_empty());
    let done = home.json(&["import", "mcp-memory-service"]);
    assert_eq!((counts(&done), &done["skipped"], &done["redacted"]), ((2, 0, 0), &json!(2), &json!(1)), "{done}");
    let found = home.json(&["search", "部署令牌", "--source", "mcp-memory-service"])["results"][0].clone();
    assert_eq!(
        (&found["kind"], &found["project"], &found["trust"], &found["ts"]),
        (&json!("note"), &json!("garden"), &json!("model"), &json!("2026-01-01T00:00:00.500Z")),
        "{found}"
    );
    // It stays when what is old goes, like everything that was saved on purpose.
    let _ = home.json(&["maintain", "--cleanup-days", "1"]);
    assert_eq!(home.json(&["search", "部署令牌"])["results"][0]["id"], found["id"]);
    assert_eq!(home.json(&["import", "mcp-memory-service"])["unchanged"], json!(1));
    assert_eq!(counts(&home.json(&["import", "mcp-memory-service", "--rescan"])), (0, 2, 0));
    // Forgotten here, it does not come back from there.
    let id = found["id"].as_str().unwrap().to_owned();
    let _ = home.json(&["forget", &id, "--yes"]);
    assert_eq!(home.json(&["import", "mcp-memory-service", "--rescan"])["forgotten"], json!(1));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let beside = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(beside, 1, "a file appeared beside the database");
    // What is new stands only in the log while the tool runs.
    let tool = Connection::open(&path).unwrap();
    tool.execute_batch(
        "PRAGMA wal_autocheckpoint = 0; INSERT INTO memories (content_hash, content) VALUES ('a5', 'while it runs')",
    )
    .unwrap();
    assert_eq!(counts(&home.json(&["import", "mcp-memory-service"])), (1, 1, 0));
    drop(tool);
}

#[test]
fn what_was_said_and_saved_in_engram() {
    let home = TestHome::new();
    let sql = "
        CREATE TABLE sessions (id TEXT PRIMARY KEY, project TEXT, directory TEXT, started_at TEXT, ended_at TEXT, summary TEXT);
        CREATE TABLE observations (id INTEGER PRIMARY KEY, sync_id TEXT, session_id TEXT, type TEXT, title TEXT, content TEXT, project TEXT,
            scope TEXT, topic_key TEXT, created_at TEXT, deleted_at TEXT);
        CREATE TABLE user_prompts (id INTEGER PRIMARY KEY, sync_id TEXT, session_id TEXT, content TEXT, project TEXT, created_at TEXT);
        INSERT INTO sessions VALUES ('s1', 'garden', '/work/garden', '2026-02-03 04:05:06', NULL, 'We planned the beds 规划了苗床');
        INSERT INTO observations VALUES
            (1, 'obs-1', 's1', 'decision', 'Beds', 'Raised beds only', 'garden', 'personal', 'beds/kind', '2026-02-03 04:05:07', NULL),
            (2, 'obs-2', 's1', 'note', 'x', 'deleted', 'garden', 'project', NULL, '2026-02-03 04:05:08', '2026-02-03 05:00:00'),
            (3, 'obs-3', NULL, 'note', 'x', 'of no session', 'garden', 'project', NULL, '2026-02-03 04:05:09', NULL),
            (4, 'obs-4', 's1', 'note', CAST(x'ff' AS TEXT), 'not UTF-8', 'garden', 'project', NULL, '2026-02-03 04:05:09', NULL);
        INSERT INTO user_prompts VALUES (1, NULL, 's1', 'Which beds? 哪种苗床', 'garden', '2026-02-03 04:05:06');";
    let path = database(&home, ".engram/engram.db", sql);
    let done = home.json(&["import", "engram"]);
    assert_eq!(counts(&done), (4, 0, 1), "{done}");
    assert_eq!(
        (&done["bad"][0]["line"], &done["bad"][0]["path"]),
        (&json!(3), &json!(path.display().to_string())),
        "{done}"
    );
    let mut said = all(&home, "s1");
    said.sort();
    assert_eq!(
        said,
        [
            of("assistant", "summary", "We planned the beds 规划了苗床"),
            of("user", "note", "Raised beds only"),
            of("user", "note", "not UTF-8"),
            of("user", "text", "Which beds? 哪种苗床"),
        ]
    );
    let found = home.json(&["search", "Raised beds"])["results"][0].clone();
    assert_eq!((&found["title"], &found["project"]), (&json!("Beds"), &json!("garden")), "{found}");
    // The tool of another maker with the same name of its file.
    let other = database(&home, "other/engram.db", "CREATE TABLE memories (id TEXT)");
    home.run(&["import", "engram", other.to_str().unwrap()])
        .fails(1, "holds none of sessions, observations, user_prompts");
    home.run(&["import", "engram", home.write("other/no.db", "text").to_str().unwrap()]).fails(1, "not a database");
    home.run(&["import", "engram", "nowhere"]).fails(1, "does not exist");
}

#[test]
fn the_archive_and_the_index_of_episodic_memory() {
    let home = TestHome::new();
    let kept = "11111111-1111-4111-8111-111111111111";
    let line = crate::home::user("k1", kept, "kept in the archive 存档");
    home.write(&format!(".config/superpowers/conversation-archive/garden/{kept}.jsonl"), line.clone() + "\n");
    let sql = format!(
        "CREATE TABLE exchanges (id TEXT PRIMARY KEY, project TEXT, timestamp TEXT, user_message TEXT, assistant_message TEXT,
             archive_path TEXT, line_start INTEGER, is_sidechain BOOLEAN, session_id TEXT, cwd TEXT, git_branch TEXT);
         CREATE TABLE tool_calls (id TEXT PRIMARY KEY, exchange_id TEXT, tool_name TEXT, tool_input TEXT, tool_result TEXT, timestamp TEXT);
         INSERT INTO exchanges VALUES
             ('e1', 'garden', '2026-02-03T04:05:06Z', 'kept', 'yes', '/elsewhere/conversation-archive/garden/{kept}.jsonl', 1, 0, '{kept}', '/work/garden', 'main'),
             ('e2', 'garden', '2026-02-03T04:05:07Z', 'Where is the hose? 水管在哪', 'In the shed.', '/gone/lost.jsonl', 1, 0, 'lost', '/work/garden', 'main');
         INSERT INTO tool_calls VALUES ('t1', 'e2', 'Bash', '{{\"command\": \"ls shed\"}}', 'hose', '2026-02-03T04:05:08Z');"
    );
    let index = database(&home, ".config/superpowers/conversation-index/db.sqlite", &sql);
    // Claude Code still has the transcript too.
    home.write(&format!(".claude/projects/x/{kept}.jsonl"), line + "\n");
    assert_eq!(counts(&home.json(&["import", "claude-code"])), (1, 0, 0));
    let done = home.json(&["import", "episodic-memory"]);
    assert_eq!((counts(&done), &done["files"]), ((3, 1, 0), &json!(2)), "{done}");
    assert_eq!(all(&home, kept), [of("user", "text", "kept in the archive 存档")]);
    let said = all(&home, "lost");
    assert_eq!(
        said,
        [
            of("user", "text", "Where is the hose? 水管在哪"),
            of("assistant", "text", "In the shed."),
            of("assistant", "tool_use", "command: ls shed"),
            of("assistant", "tool_result", "hose"),
        ]
    );
    assert_eq!(home.json(&["import", "episodic-memory", index.to_str().unwrap()])["unchanged"], json!(1));
}

#[test]
fn conversations_and_drawers_of_mempalace() {
    let home = TestHome::new();
    let sql = "
        CREATE TABLE collections (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE documents (collection_id INTEGER, id TEXT, document TEXT, metadata_json TEXT, embedding BLOB, created_at TEXT);
        INSERT INTO collections VALUES (1, 'mempalace_drawers'), (2, 'mempalace_closets');
        INSERT INTO documents VALUES
            (1, 'd1', '> Why not at noon? 为什么不在中午' || char(10) || 'Leaves burn.', '{\"wing\":\"garden\",\"source_file\":\"talk.txt\",\"ingest_mode\":\"convos\",\"filed_at\":\"2026-01-02T03:04:05.6\"}', x'00', ''),
            (1, 'd2', 'USER: and at night?', '{\"wing\":\"garden\",\"session_id\":\"s9\",\"role\":\"user\",\"ingest_mode\":\"sweep\",\"timestamp\":\"2026-01-02T03:04:06Z\"}', x'00', ''),
            (1, 'd3', 'We prefer drip irrigation', '{\"wing\":\"garden\",\"room\":\"water\",\"added_by\":\"mcp\",\"filed_at\":\"2026-01-02T03:04:07\"}', x'00', ''),
            (1, 'd4', 'fn water() {}', '{\"wing\":\"garden\",\"source_file\":\"/w/water.rs\",\"source_mtime\":1.5,\"filed_at\":\"2026-01-02T03:04:08\"}', x'00', ''),
            (1, 'd5', 'sentinel', '{\"room\":\"_registry\"}', x'00', ''),
            (1, 'd6', 'bad', 'not json', x'00', ''),
            (2, 'c1', 'derived', '{}', x'00', '');";
    database(&home, ".mempalace/palace/sqlite_exact.sqlite3", sql);
    let done = home.json(&["import", "mempalace"]);
    assert_eq!((counts(&done), &done["skipped"]), ((6, 0, 0), &json!(2)), "{done}");
    assert_eq!(
        all(&home, "talk.txt"),
        [of("user", "text", "Why not at noon? 为什么不在中午"), of("assistant", "text", "Leaves burn.")]
    );
    assert_eq!(all(&home, "s9"), [of("user", "text", "and at night?")]);
    assert_eq!(home.json(&["search", "drip irrigation"])["results"][0]["kind"], json!("note"));
    assert_eq!(all(&home, "/w/water.rs"), [of("tool", "tool_result", "fn water() {}")]);
    assert_eq!(counts(&home.json(&["import", "mempalace", "--rescan"])), (0, 6, 0));
}

/// A page in the middle of a table is damaged: what comes before it and what stands in other tables goes in.
#[test]
fn a_damaged_store_gives_what_can_be_read() {
    let home = TestHome::new();
    let mut sql = String::from(
        "CREATE TABLE sdk_sessions (id INTEGER PRIMARY KEY, content_session_id TEXT, memory_session_id TEXT, project TEXT);
         CREATE TABLE user_prompts (id INTEGER PRIMARY KEY, content_session_id TEXT, prompt_text TEXT, created_at_epoch INTEGER);
         CREATE TABLE observations (id INTEGER PRIMARY KEY, memory_session_id TEXT, title TEXT, created_at_epoch INTEGER);
         INSERT INTO sdk_sessions VALUES (1, 's1', 'm1', 'garden');
         INSERT INTO observations VALUES (1, 'm1', 'after the damage', 1767225600000);",
    );
    let prompts = (1..=400).map(|number| {
        let text = format!("prompt {number} ").repeat(20);
        format!("INSERT INTO user_prompts VALUES ({number}, 's1', '{text}', 1767225600000);")
    });
    sql.extend(prompts);
    let path = database(&home, ".claude-mem/claude-mem.db", &sql);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(11).rposition(|window| window == b"prompt 200 ").unwrap() / 4096 * 4096;
    bytes[at..at + 16].fill(0xff);
    home.write(".claude-mem/claude-mem.db", bytes);
    let done = home.json(&["import", "claude-mem"]);
    let (new, _, bad) = counts(&done);
    assert!(new > 100 && new < 300 && bad == 1, "{done}");
    assert!(done["bad"][0]["why"].as_str().unwrap().contains(".recover"), "{done}");
    assert_eq!(home.json(&["search", "after the damage"])["results"][0]["project"], json!("garden"));
}

/// A database that claude-mem itself made: its own code, in its own runtime.
#[test]
fn claude_mem_itself_wrote_it() {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join(".real");
    let bun = real.join("node_modules/@oven/bun-linux-x64/bin/bun");
    let store = real.join("claude-mem/package/plugin/sqlite/SessionStore.js");
    if !bun.exists() || !store.exists() {
        return skip("claude-mem", ".ci/real installs it");
    }
    let home = TestHome::new();
    let script = home.write(
        "fill.mjs",
        "const { SessionStore } = await import(process.argv[2]);
         const store = new SessionStore(process.argv[3]);
         const session = '545308f1-0000-4000-8000-000000000001';
         const row = store.createSDKSession(session, 'garden', 'How do I water tomatoes?');
         store.ensureMemorySessionIdRegistered(row, 'mem-1');
         store.saveUserPrompt(session, 1, 'How do I water tomatoes? 怎么浇番茄?');
         store.storeObservation('mem-1', 'garden', { type: 'discovery', title: 'Tomatoes', subtitle: 'in the evening', facts: ['noon burns'],
           narrative: 'Watering at noon burns leaves.', concepts: ['how'], files_read: ['plan.md'], files_modified: ['bed.md'] }, 1, 0);
         store.storeSummary('mem-1', 'garden', { request: 'Water tomatoes', investigated: 'times', learned: 'evening', completed: 'plan',
           next_steps: 'buy a hose', notes: null }, 1, 0);",
    );
    std::fs::create_dir_all(home.path().join(".claude-mem")).unwrap();
    let mut command = Command::new(&bun);
    command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin").arg(&script).arg(&store);
    let ran = command.arg(home.path().join(".claude-mem/claude-mem.db")).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let done = home.json(&["import", "claude-mem"]);
    assert_eq!(counts(&done), (3, 0, 0), "{done}");
    let mut said = all(&home, "545308f1-0000-4000-8000-000000000001");
    said.sort();
    assert_eq!(
        said,
        [
            of("assistant", "summary", "Tomatoes\nin the evening\nWatering at noon burns leaves.\n- noon burns"),
            of(
                "assistant",
                "summary",
                "request: Water tomatoes\ninvestigated: times\nlearned: evening\ncompleted: plan\nnext steps: buy a hose"
            ),
            of("user", "text", "How do I water tomatoes? 怎么浇番茄?"),
        ]
    );
    let found = home.json(&["search", "浇番茄", "--file", "bed.md"]);
    assert_eq!(found["results"][0]["project"], json!("garden"), "{found}");
}

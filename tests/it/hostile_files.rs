//! Files that others placed: FIFOs, devices, links, views without an end, archives that unpack to gigabytes. None of
//! them hangs or fills the process, and what is sound beside them is imported.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::client::Client;
use crate::home::{Ran, TestHome, user};

/// Time after which a process counts as hung. None of the tests needs a tenth of it.
const HUNG: Duration = Duration::from_mins(2);

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Waits for a process. One that hangs is killed and fails the test.
fn wait_for(mut child: Child, what: &str) -> Ran {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > HUNG {
            child.kill().unwrap();
            panic!("{what} hung: {}", Ran::new(child.wait_with_output().unwrap()).stderr);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ran::new(child.wait_with_output().unwrap())
}

fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs a command that must not hang.
fn run(home: &TestHome, arguments: &[&str]) -> Ran {
    let mut command = home.command();
    command.args(arguments);
    wait_for(spawn(command), &arguments.join(" "))
}

/// Three checkouts whose `.git` is a FIFO, an endless device and a link to a FIFO.
fn hostile_checkouts(home: &TestHome) -> Vec<PathBuf> {
    let folder = |name: &str| {
        let folder = home.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        folder
    };
    let (fifo, device, link) = (folder("fifo"), folder("device"), folder("link"));
    make_fifo(&fifo.join(".git"));
    std::os::unix::fs::symlink("/dev/zero", device.join(".git")).unwrap();
    std::os::unix::fs::symlink(fifo.join(".git"), link.join(".git")).unwrap();
    vec![fifo, device, link]
}

#[test]
fn a_git_entry_that_is_a_fifo_or_a_device_hangs_nothing() {
    let home = TestHome::new();
    for (number, folder) in hostile_checkouts(&home).iter().enumerate() {
        let line = user(&format!("u{number}"), "s1", &format!("said in checkout {number}"));
        let line = line.replace("/work/project", folder.to_str().unwrap());
        let file = home.write(&format!("t/s{number}.jsonl"), line + "\n");
        let report = run(&home, &["import", "claude-code", file.to_str().unwrap(), "--json"]).json();
        assert_eq!(report["new"], json!(1), "{report}");
        let mut command = home.command();
        command.current_dir(folder).env("CLAUDE_PROJECT_DIR", folder);
        let mut client = Client::with_command(command, true, &[]);
        let found = client.call("memory_search", json!({ "query": "said in checkout", "project": "current" }));
        let results = found["structuredContent"]["results"].as_array().unwrap();
        assert_eq!(results.len(), 1, "{found}");
        client.finish();
    }
}

#[test]
fn what_is_no_regular_file_is_left_out_and_the_rest_is_imported() {
    let home = TestHome::new();
    home.write("t/good.jsonl", user("u1", "s1", "a sound file") + "\n");
    let folder = home.path().join("t");
    make_fifo(&folder.join("fifo.jsonl"));
    make_fifo(&folder.join("conversations.json"));
    std::os::unix::fs::symlink("/dev/zero", folder.join("endless.jsonl")).unwrap();
    let place = folder.to_str().unwrap();
    assert_eq!(run(&home, &["import", "claude-code", place, "--json"]).json()["new"], json!(1));
    // Detecting the source opens every file.
    assert_eq!(run(&home, &["import", place, "--json"]).json()["unchanged"], json!(1));
    for name in ["t/fifo.jsonl", "t/conversations.json", "t/endless.jsonl"] {
        let path = home.path().join(name);
        for source in [&["import", "claude-code"][..], &["import", "chatgpt"], &["import", "mcp-memory-service"]] {
            let ran = run(&home, &[source, &[path.to_str().unwrap()]].concat());
            assert_ne!(ran.code, 0, "{name} {source:?}: {}", ran.stdout);
        }
        run(&home, &["sync", "bundle", "import", path.to_str().unwrap()]).fails(3, "not a regular file");
        run(&home, &["restore", path.to_str().unwrap(), "--yes"]).fails(3, "not a regular file");
    }
}

/// A tool result that was too large for the transcript lies beside it; a link in its place could name any file.
#[test]
fn a_tool_result_that_is_a_link_is_not_followed() {
    let home = TestHome::new();
    home.write("secret.txt", "the text of another file");
    let preview =
        "<persisted-output>\nOutput too large. Full output saved to: /x/tool-results/b.txt\n\nPreview: first lines";
    let result = json!({
        "type": "user", "uuid": "u1", "parentUuid": null, "sessionId": "s1", "cwd": "/work/project",
        "timestamp": "2026-05-01T08:00:00.000Z",
        "message": { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "t1", "content": preview }] }
    });
    let file = home.write("t/s1.jsonl", format!("{result}\n"));
    std::fs::create_dir_all(home.path().join("t/s1/tool-results")).unwrap();
    let output = home.path().join("t/s1/tool-results/b.txt");
    std::os::unix::fs::symlink(home.path().join("secret.txt"), &output).unwrap();
    let import = ["import", "claude-code", file.to_str().unwrap(), "--rescan"];
    let found = |text: &str| home.json(&["search", text, "--mode", "exact"])["results"].as_array().unwrap().len();
    let _ = home.json(&import);
    assert_eq!((found("another file"), found("first lines")), (0, 1));
    // The same name as a file is read.
    std::fs::remove_file(&output).unwrap();
    home.write("t/s1/tool-results/b.txt", "the whole of the output");
    let _ = home.json(&import);
    assert_eq!(found("whole of the output"), 1);
}

fn database(home: &TestHome, name: &str, sql: &str) -> PathBuf {
    let path = home.write(name, "");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    path
}

#[test]
fn a_view_in_the_place_of_a_table_is_not_read() {
    let home = TestHome::new();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT i AS id, 'x' AS content_hash, 'endless' AS content FROM n";
    let path = database(&home, "sqlite_vec.db", &format!("CREATE VIEW memories AS {endless}"));
    let ran = run(&home, &["import", "mcp-memory-service", path.to_str().unwrap()]);
    assert!(ran.code == 1 && ran.stderr.contains("memories is a view"), "{}{}", ran.stdout, ran.stderr);
    // A view beside the tables costs nothing.
    let sql = format!(
        "CREATE VIEW v AS {endless};
        CREATE TABLE memories (id INTEGER PRIMARY KEY, content_hash TEXT, content TEXT);
        INSERT INTO memories VALUES (1, 'a1', 'kept in a table');"
    );
    let path = database(&home, "other/sqlite_vec.db", &sql);
    assert_eq!(run(&home, &["import", "mcp-memory-service", path.to_str().unwrap(), "--json"]).json()["new"], json!(1));
    // SQLite opens a journal beside the database.
    make_fifo(&home.path().join("other/sqlite_vec.db-journal"));
    let ran = run(&home, &["import", "mcp-memory-service", path.to_str().unwrap(), "--rescan"]);
    assert!(ran.code == 1 && ran.stderr.contains("-journal"), "{}{}", ran.stdout, ran.stderr);
}

/// Each row of this database takes a pass through all of them, and none comes before all are sorted.
#[test]
fn the_first_signal_ends_a_query_that_takes_hours() {
    let home = TestHome::new();
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000)";
    let sql = format!(
        "CREATE TABLE collections (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE segments (id INTEGER PRIMARY KEY, collection INTEGER);
        CREATE TABLE embeddings (id INT, segment_id INT, embedding_id TEXT, created_at TEXT);
        CREATE TABLE embedding_metadata (id INT, key TEXT, string_value TEXT, int_value INT, float_value REAL);
        INSERT INTO collections VALUES (1, 'c'); INSERT INTO segments VALUES (1, 1);
        {rows} INSERT INTO embeddings SELECT i, 1, i, '2026-01-01 00:00:00' FROM n;
        {rows} INSERT INTO embedding_metadata SELECT -i, 'chroma:document', 'x', NULL, NULL FROM n;"
    );
    let path = database(&home, "palace/chroma.sqlite3", &sql);
    let mut command = home.command();
    command.args(["import", "mempalace", path.to_str().unwrap(), "--json"]);
    let child = spawn(command);
    // It reads as soon as it has the file open a second time: first its kind is looked at.
    let process = child.id();
    crate::serving::wait("the import reads", || open_files(process, &path) > 0 && cpu_ticks(process) > 20);
    assert!(Command::new("kill").args(["-TERM", &process.to_string()]).status().unwrap().success());
    let ran = wait_for(child, "the import");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &report["interrupted"], &report["messages"]), (130, &json!(true), &json!(0)), "{report}");
}

/// Counts the descriptors of a process that are open on a file.
fn open_files(process: u32, path: &Path) -> usize {
    let entries = std::fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    entries.filter(|entry| std::fs::read_link(entry.path()).is_ok_and(|target| target == path)).count()
}

/// Ticks of processor time that a process has used.
fn cpu_ticks(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default();
    fields.split_whitespace().nth(11).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

fn bundle_head() -> Value {
    json!({ "claude_memory_bundle": 1, "program": "x", "created_at": "2026-11-23T10:00:00Z" })
}

fn bundle_message(id: u32, text: &str) -> Value {
    json!({ "message": {
        "id": format!("1b4444ba-d000-4290-920f-{id:012}"), "changed_at": 1_796_000_000_000_i64, "source": "claude-code",
        "session": "feedface-0000-4000-8000-000000000001", "parent_session": null, "title": null,
        "external_id": format!("041f2b95-6f9a-4380-9de1-{id:012}"), "parent_external_id": null, "role": "user",
        "at": 1_795_900_000_000_i64, "directory": "/srv/work/shop",
        "project": { "key": "/srv/work/shop", "name": "shop", "root": "/srv/work/shop", "remote": null },
        "git_branch": null, "model": null, "sidechain": false, "note": null,
        "parts": [{ "key": 1, "kind": "text", "origin": "person", "tool": null, "text": text }]
    } })
}

/// Compresses lines and a long run of zeros: a few kilobytes that are a gibibyte.
fn bundle_bomb(lines: &str, gibibytes: u64) -> Vec<u8> {
    let mut writer = zstd::Encoder::new(Vec::new(), 1).unwrap();
    std::io::Write::write_all(&mut writer, lines.as_bytes()).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(b'0'), gibibytes << 30), &mut writer).unwrap();
    writer.finish().unwrap()
}

#[test]
fn a_small_bundle_that_unpacks_to_gigabytes_is_refused_and_costs_little_memory() {
    let home = TestHome::new();
    let lines = format!("{}\n{}\n{{\"message\":{{\"id\":\"", bundle_head(), bundle_message(1, "before the bomb"));
    let bomb = bundle_bomb(&lines, 1);
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    let file = home.write("bomb.bundle", bomb);
    // All memory that the process may use, its code and threads included.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -v 1000000; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_claude-memory")]);
    command.args(["sync", "bundle", "import", file.to_str().unwrap()]);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path()).env("CLAUDE_MEMORY_HOME", home.memory());
    wait_for(spawn(command), "the bundle").fails(4, "no honest file");
}

#[test]
fn lines_of_a_bundle_that_may_not_be_are_reported_and_the_rest_is_imported() {
    let home = TestHome::new();
    let mut hidden = bundle_message(2, "hiddencanary");
    hidden["message"]["source"] = json!("quarantine:claude-code");
    let mut upper = bundle_message(3, "hiddencanary");
    upper["message"]["source"] = json!("Quarantine:claude-code");
    let mut many = bundle_message(4, "manycanary");
    let part = many["message"]["parts"][0].clone();
    many["message"]["parts"] = Value::Array(vec![part; claude_memory::testing::domain::limits::BUNDLE_PARTS + 1]);
    let lines =
        [bundle_head(), bundle_message(1, "a good line"), hidden, upper, many, bundle_message(5, "the last line")];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let file = home.write("odd.bundle", text);
    let taken = home.json(&["sync", "bundle", "import", file.to_str().unwrap()]);
    assert_eq!((&taken["messages"], &taken["new"]), (&json!(2), &json!(2)), "{taken}");
    let bad: Vec<(u64, &str)> = taken["bad"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bad| (bad["line"].as_u64().unwrap(), bad["why"].as_str().unwrap()))
        .collect();
    assert_eq!(bad.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4, 5], "{bad:?}");
    assert!(bad[0].1.contains("quarantine") && bad[1].1.contains("quarantine") && bad[2].1.contains("10001 parts"));
    for canary in ["hiddencanary", "manycanary"] {
        let found = home.json(&["search", canary, "--mode", "exact"]);
        assert_eq!(found["results"], json!([]), "{found}");
    }
}

#[test]
fn doctor_prints_the_limits_of_archives_and_bundles() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let ran = home.run(&["doctor", "--deep"]);
    for limit in ["line of a bundle", "lines of a bundle together", "unpacked bytes per byte", "file of a checkout"] {
        assert!(ran.stdout.contains(limit), "{limit}: {}", ran.stdout);
    }
}

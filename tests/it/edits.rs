//! Lines that edits change and commits that commands print: which are kept, and what removes or hides them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::home::{TestHome, user};
use crate::stores::home_with_store;

/// A call of a tool and its result, as a transcript has them.
struct Call<'a> {
    number: usize,
    session: &'a str,
    tool: &'a str,
    input: Value,
    result: &'a str,
    is_error: bool,
}

fn record(number: usize, session: &str, uuid: &str, parent: &str, role: &str, content: &Value) -> String {
    json!({
        "type": role, "uuid": uuid, "parentUuid": parent, "sessionId": session, "cwd": "/work/project",
        "timestamp": format!("2026-05-01T08:{:02}:{:02}.000Z", 1 + number / 60, number % 60),
        "message": { "role": role, "id": format!("msg-{uuid}"), "content": content }
    })
    .to_string()
}

impl Call<'_> {
    fn lines(&self) -> [String; 2] {
        let (call, id) = (format!("a{}", self.number), format!("toolu_{}", self.number));
        let used = json!([{ "type": "tool_use", "id": id, "name": self.tool, "input": self.input }]);
        let result =
            json!([{ "type": "tool_result", "tool_use_id": id, "content": self.result, "is_error": self.is_error }]);
        [
            record(self.number, self.session, &call, "u0", "assistant", &used),
            record(self.number, self.session, &format!("r{}", self.number), &call, "user", &result),
        ]
    }
}

fn edit(number: usize, old: &str, new: &str) -> Call<'static> {
    let input = json!({ "file_path": "/work/project/pool.rs", "old_string": old, "new_string": new });
    Call {
        number,
        session: "edits-session",
        tool: "Edit",
        input,
        result: "The file has been updated.",
        is_error: false,
    }
}

/// Imports a session of these calls; returns the report.
fn import(home: &TestHome, name: &str, calls: &[Call<'_>]) -> Value {
    let mut lines = vec![user("u0", calls[0].session, "make the pool larger, 把连接池改大")];
    lines.extend(calls.iter().flat_map(Call::lines));
    let path = home.write(&format!("t/{name}.jsonl"), lines.join("\n") + "\n");
    home.json(&["import", "claude-code", path.to_str().unwrap()])
}

/// A line with a token, made here, so that no secret-shaped text lies in the repository.
fn secret_line() -> String {
    format!("let token = \"ghp_{}\";", "k3Jd9Qw2Lm8Zx5Vb7Nt4Rp6Hs1Fg0Yc2Ub9A")
}

fn count(home: &TestHome, sql: &str) -> i64 {
    home.database().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn lines(home: &TestHome) -> BTreeSet<(i64, i64, i64)> {
    let database = home.database();
    let mut statement = database.prepare("SELECT hash, part, kind FROM edited_lines").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

const LINES: &str = "SELECT count(*) FROM edited_lines";
const COMMITS: &str = "SELECT count(*) FROM printed_commits";

#[test]
fn successful_edits_keep_their_lines_and_failed_ones_do_not() {
    let home = TestHome::new();
    let bash = |number, command: &str, result: &'static str| Call {
        number,
        session: "edits-session",
        tool: "Bash",
        input: json!({ "command": command, "description": "Do it" }),
        result,
        is_error: false,
    };
    let _ = import(
        &home,
        "edits",
        &[
            edit(1, "let size = 10;\nsame line here", "let size = 20;\nsame line here\nlet wait = 30;"),
            Call {
                is_error: true,
                result: "<tool_use_error>String to replace not found in file.</tool_use_error>",
                ..edit(2, "gone line one", "never written one")
            },
            // A client that does not flag errors says them.
            Call {
                result: "The user doesn't want to proceed with this tool use.",
                ..edit(3, "gone line two", "never written two")
            },
            bash(4, "cat > /work/project/notes.md <<'EOF'\n连接池的大小是二十\nEOF", ""),
            bash(
                5,
                "git add -A && git commit -qm x",
                "[main 0a1b2c3] pool: 连接池改大\n 1 file changed, 2 insertions(+)",
            ),
            bash(6, "cat old.log", "[main 0a1b2c4] only shown\n"),
            edit(7, "", &format!("{}\nlet other = 40;", secret_line())),
        ],
    );
    // Removed 1, inserted 2; the line of the file in Chinese; and of the last edit the line without the secret.
    assert_eq!(count(&home, LINES), 5);
    assert_eq!(count(&home, "SELECT count(*) FROM edited_lines WHERE kind = 2"), 1);
    let commit: (String, String) = home
        .database()
        .query_row("SELECT id, subject FROM printed_commits", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(commit, ("0a1b2c3".to_owned(), "pool: 连接池改大".to_owned()));
    // Nothing changes when it is read again, from the start too.
    let before = lines(&home);
    let path = home.path().join("t").display().to_string();
    let _ = home.json(&["import", "claude-code", &path, "--rescan"]);
    assert_eq!(lines(&home), before);
}

#[test]
fn a_result_that_comes_with_a_later_import_decides() {
    let home = TestHome::new();
    let (good, bad) = (edit(1, "", "line that stays here"), edit(2, "", "line that goes away"));
    let bad = Call { is_error: true, result: "<tool_use_error>no</tool_use_error>", ..bad };
    let ([good_call, good_result], [bad_call, bad_result]) = (good.lines(), bad.lines());
    let start = [user("u0", "edits-session", "do it"), good_call, bad_call].join("\n") + "\n";
    let path = home.write("t/edits.jsonl", &start).display().to_string();
    let _ = home.json(&["import", "claude-code", &path]);
    assert_eq!(count(&home, LINES), 2);
    home.write("t/edits.jsonl", start + &[good_result, bad_result].join("\n") + "\n");
    let _ = home.json(&["import", "claude-code", &path]);
    assert_eq!(count(&home, LINES), 1);
}

#[test]
fn deleting_and_hiding_a_message_takes_its_lines_along() {
    let home = TestHome::new();
    let commit = Call {
        number: 3,
        session: "edits-session",
        tool: "Bash",
        input: json!({ "command": "git commit -m x" }),
        result: "[main 0a1b2c3] pool: larger",
        is_error: false,
    };
    let _ = import(&home, "edits", &[edit(1, "", "first line of all"), edit(2, "", "second line of all"), commit]);
    let before = lines(&home);
    assert_eq!((before.len(), count(&home, COMMITS)), (2, 1));
    let id = home.json(&["search", "--mode", "exact", "first line of all", "--kind", "tool_use"])["results"][0]["id"]
        .clone();
    let id = id.as_str().unwrap();
    // Hidden rows stay and come back with the message.
    assert_eq!(home.run(&["quarantine", "add", id, "--reason", "odd"]).code, 0);
    assert_eq!(lines(&home), before);
    assert_eq!(home.run(&["quarantine", "release", id]).code, 0);
    assert_eq!(lines(&home), before);
    assert_eq!(home.run(&["forget", id, "--yes"]).code, 0);
    assert_eq!(count(&home, LINES), 1);
    assert_eq!(home.run(&["forget", "edits-session", "--yes"]).code, 0);
    assert_eq!((count(&home, LINES), count(&home, COMMITS)), (0, 0));
}

#[test]
fn a_secret_that_is_found_later_takes_its_line_along() {
    let home = TestHome::new();
    home.write("memory/config.toml", "[redact]\nenabled = false\n");
    let _ = import(&home, "edits", &[edit(1, "", &format!("{}\nlet other = 40;", secret_line()))]);
    assert_eq!(count(&home, LINES), 2);
    home.write("memory/config.toml", "");
    let _ = home.json(&["redact", "--rescan"]);
    assert_eq!(count(&home, LINES), 1);
}

#[test]
fn an_older_store_is_read_when_there_is_time() {
    let home = TestHome::new();
    let calls: Vec<Call<'_>> = (0..600).map(|number| edit(number, "", &format!("line with number {number}"))).collect();
    let _ = import(&home, "edits", &calls);
    let before = lines(&home);
    assert_eq!(before.len(), 600);
    // As a store of an earlier version is after its migration.
    home.database()
        .execute_batch("DELETE FROM edited_lines; INSERT OR REPLACE INTO meta (key, value) VALUES ('edits_read', '0')")
        .unwrap();
    let check = |home: &TestHome| {
        let report: Value = serde_json::from_str(&home.run(&["doctor", "--json"]).stdout).unwrap();
        report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "edits").cloned()
    };
    let found = check(&home).unwrap();
    assert!(found["finding"].as_str().unwrap().ends_with("1201"), "{found}");
    let _ = home.run(&["doctor", "--fix"]);
    assert_eq!((lines(&home) == before, check(&home)), (true, None));
    // Another key makes other hashes: the rows are made again from the texts.
    std::fs::remove_file(home.memory().join("redaction.key")).unwrap();
    let _ = home.run(&["doctor", "--fix"]);
    let after = lines(&home);
    assert!(after.len() == 600 && after.is_disjoint(&before));
}

#[test]
fn stores_of_earlier_schemas_are_migrated() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stores");
    for name in ["schema-1001.db.zst", "schema-2000.db.zst"] {
        let home = home_with_store(&folder.join(name));
        let _ = home.run(&["doctor", "--fix"]);
        assert_eq!(count(&home, "SELECT count(*) FROM meta WHERE key = 'edits_read'"), 0, "{name}");
        assert!(count(&home, LINES) > 0, "{name}");
    }
}

#[test]
fn a_bundle_and_a_backup_bring_the_lines_along() {
    let home = TestHome::new();
    let failed =
        Call { result: "<tool_use_error>no</tool_use_error>", is_error: true, ..edit(2, "", "never written here") };
    let _ = import(&home, "edits", &[edit(1, "line before it", "line after it"), failed]);
    let before = lines(&home);
    assert_eq!(before.len(), 2);
    let file = home.path().join("memory.bundle").display().to_string();
    let _ = home.json(&["sync", "bundle", "export", &file]);
    let other = TestHome::new();
    let _ = other.json(&["sync", "bundle", "import", &file]);
    // The hashes are of that machine's own key.
    assert_eq!((count(&other, LINES), lines(&other).is_disjoint(&before)), (2, true));
    let _ = home.json(&["backup", "create"]);
    let _ = home.json(&["restore", "--newest", "--yes"]);
    assert_eq!(lines(&home), before);
}

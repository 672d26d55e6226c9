//! What must not harm: each a clear message, nothing lost, and a second run completes.

use std::process::Stdio;

use crate::home::{TestHome, say, user};

#[test]
fn paths_that_cannot_be_read() {
    let home = TestHome::new();
    home.run(&["import", "claude-code", "/no/such/folder"]).fails(1, "/no/such/folder does not exist");
    let empty = home.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let ran = home.run(&["import", "claude-code", empty.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "an empty history is no mistake");
    assert!(ran.stdout.contains("Nothing to import"), "{}", ran.stdout);
    let report = home.json(&["import", "claude-code", empty.to_str().unwrap()]);
    assert_eq!(report["files"].as_u64(), Some(0));
}

#[test]
fn lines_that_cannot_be_read_are_reported_and_the_rest_goes_in() {
    let home = TestHome::new();
    let mut content = format!("{}\n", user("u1", "s1", "before")).into_bytes();
    content.extend(b"{\"type\":\"user\",\"message\":{\"content\":\"bad \xff\xfe bytes\"}}\n");
    content.extend(b"not json at all\n\n\0\0\0\n");
    content.extend(format!("{}\n", user("u2", "s1", "after")).bytes());
    let path = home.write("t/s1.jsonl", content);
    let ran = home.run(&["import", "claude-code", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("s1.jsonl:3: not a JSON record"), "{}", ran.stderr);
    // Bytes that are no text are marked and cost nothing else; a line of NUL is blank.
    assert_eq!(home.json(&["status"])["messages"].as_u64(), Some(3));
    let kept = home.json(&["search", "bad \u{fffd}", "--mode", "exact"]);
    assert_eq!(kept["results"].as_array().map(Vec::len), Some(1), "{kept}");
}

#[test]
fn a_line_over_the_limit_is_passed_over_and_can_be_taken_in_later() {
    let home = TestHome::new();
    let long = user("u2", "s1", &"long ".repeat(500_000));
    let path = home.write("t/s1.jsonl", format!("{}\n{long}\n{}\n", user("u1", "s1", "a"), user("u3", "s1", "b")));
    let file = path.to_str().unwrap();
    let report = home.json(&["import", "claude-code", file, "--max-line-mib", "1"]);
    assert_eq!(report["new"].as_u64(), Some(2));
    assert!(report["bad"][0]["why"].as_str().unwrap().contains("--rescan"), "{report}");
    assert_eq!(home.json(&["import", "claude-code", file, "--rescan"])["new"].as_u64(), Some(1));
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_is_reported_and_the_rest_goes_in() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = TestHome::new();
    home.write("t/good.jsonl", user("u1", "s1", "readable") + "\n");
    let path = home.write("t/secret.jsonl", user("u2", "s2", "unreadable") + "\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&path).is_ok() {
        say("skipped: this user may read everything; run the tests as another user than root");
        return;
    }
    let report = home.json(&["import", "claude-code", home.path().join("t").to_str().unwrap()]);
    assert_eq!(report["new"].as_u64(), Some(1));
    assert!(report["bad"][0]["why"].as_str().unwrap().contains("ermission"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(home.json(&["import", "claude-code", home.path().join("t").to_str().unwrap()])["new"].as_u64(), Some(1));
}

#[test]
fn stores_that_are_not_ours_or_newer_are_left_alone() {
    let home = TestHome::new();
    home.run(&["search", "x"]).fails(1, "there is no memory");
    home.import_samples();
    let database = home.memory().join("memory.db");
    let set = |sql: &str| {
        let connection = home.database();
        connection.execute_batch(sql).unwrap();
    };
    set("PRAGMA user_version = 5000");
    let before = std::fs::read(&database).unwrap();
    home.run(&["search", "x"]).fails(4, "schema 5000");
    home.run(&["import", "claude-code", home.path().to_str().unwrap()])
        .fails(4, "this claude-memory understands up to 4000");
    assert_eq!(std::fs::read(&database).unwrap(), before, "a newer store was touched");
    set("PRAGMA user_version = 3000; PRAGMA application_id = 7");
    home.run(&["status"]).fails(2, "another program");
    std::fs::write(&database, b"this is no database, but a long enough text to be looked at by SQLite").unwrap();
    home.run(&["status"]).fails(4, "not a database");
}

#[test]
fn a_newer_minor_version_can_be_opened() {
    let home = TestHome::new();
    home.import_samples();
    let connection = home.database();
    connection.execute_batch("PRAGMA user_version = 4001").unwrap();
    assert!(home.json(&["status"])["messages"].as_u64() > Some(60));
}

#[test]
fn two_imports_at_once_lose_and_repeat_nothing() {
    let home = TestHome::new();
    for session in 0..20 {
        let lines: Vec<String> = (0..60)
            .map(|n| user(&format!("u{session}-{n}"), &format!("s{session}"), &format!("message {session} {n}")))
            .collect();
        home.write(&format!("t/s{session}.jsonl"), lines.join("\n") + "\n");
    }
    let folder = home.path().join("t");
    let start = || {
        let arguments = ["import", "claude-code", folder.to_str().unwrap(), "--json"];
        home.command().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running = [start(), start(), start()];
    let mut new = 0;
    for process in running {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        new += report["new"].as_u64().unwrap();
    }
    assert_eq!(new, 1200, "every message was new exactly once");
    assert_eq!(home.json(&["status"])["messages"].as_u64(), Some(1200));
    assert_eq!(home.run(&["init", "--verify"]).code, 0);
}

#[cfg(unix)]
#[test]
fn an_interrupted_import_is_completed_by_the_next() {
    let home = TestHome::new();
    for session in 0..40 {
        let lines: Vec<String> = (0..200)
            .map(|n| {
                user(
                    &format!("u{session}-{n}"),
                    &format!("s{session}"),
                    &format!("message {session} {n} {}", "words ".repeat(40)),
                )
            })
            .collect();
        home.write(&format!("t/s{session}.jsonl"), lines.join("\n") + "\n");
    }
    let folder = home.path().join("t");
    let arguments = ["import", "claude-code", folder.to_str().unwrap(), "--json"];
    let mut process = home.command().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // As soon as something is committed, and before all of it is.
    let database = home.memory().join("memory.db-wal");
    let committed = || std::fs::metadata(&database).is_ok_and(|metadata| metadata.len() > 200_000);
    while !committed() && process.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    // It may have ended by itself on a fast machine; then there is nothing to interrupt.
    let _ = std::process::Command::new("kill").args(["-INT", &process.id().to_string()]).status();
    let output = process.wait_with_output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let stopped = output.status.code() == Some(130);
    assert_eq!(report["interrupted"].as_bool(), Some(stopped));
    let before = home.json(&["status"])["messages"].as_u64().unwrap();
    assert_eq!(report["new"].as_u64(), Some(before), "what was reported is kept");
    let report = home.json(&["import", "claude-code", folder.to_str().unwrap()]);
    assert_eq!(report["new"].as_u64(), Some(8000 - before));
    assert_eq!(home.json(&["status"])["messages"].as_u64(), Some(8000));
}

#[test]
fn wrong_requests_say_what_would_be_right() {
    let home = TestHome::new();
    home.import_samples();
    home.run(&["search", "  "]).fails(2, "the query is empty");
    home.run(&["search", "x", "--mode", "fuzzy"]).fails(2, "hybrid, semantic, keyword or exact");
    home.run(&["search", "x", "--after", "the other day"]).fails(2, "last week");
    home.run(&["search", "x", "--limit", "99"]).fails(2, "between 1 and 50");
    home.run(&["search", "x", "--project", "nothing"]).fails(1, "known projects: ");
    home.run(&["show", "nothing-like-this"]).fails(1, "there is no session");
    home.run(&["save", "   "]).fails(2, "blank");
    home.run(&["frobnicate"]).fails(2, "unrecognized subcommand");
    home.write("memory/config.toml", "[search]\nlimt = 3\n");
    let ran = home.run(&["status"]);
    assert!(ran.code == 0 && ran.stderr.contains("did you mean search.limit?"), "{}", ran.stderr);
    home.write("memory/config.toml", "[search]\nlimit = \"many\"\n");
    home.run(&["status"]).fails(2, "search.limit");
}

/// A limit on the size of files is met like a full disk: an error with what to do, nothing lost, and the next run goes on.
#[test]
#[cfg(target_os = "linux")]
fn a_file_that_may_not_grow_is_an_error_and_not_the_end() {
    let home = TestHome::new();
    // Text that does not compress well: numbers that look random.
    let line = |number: u32| {
        let words: Vec<String> =
            (0..400_u32).map(|at| format!("w{:08x}", (number * 400 + at).wrapping_mul(2_654_435_761))).collect();
        user(&format!("00000000-0000-4000-8000-{number:012}"), "5e551011-0000-4000-8000-000000000001", &words.join(" "))
    };
    let lines: Vec<String> = (0..250).map(line).collect();
    let file = home.write("big.jsonl", lines.join("\n") + "\n");
    let program = home.command();
    // Blocks of 1,024 bytes.
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", "ulimit -f 400; exec \"$0\" --home \"$1\" import claude-code \"$2\""]);
    shell.arg(program.get_program()).arg(home.memory()).arg(&file).env("HOME", home.path());
    let limited = shell.output().unwrap();
    let talk = String::from_utf8_lossy(&limited.stderr);
    assert_eq!(limited.status.code(), Some(3), "{talk}");
    let file = file.display().to_string();
    let rest = home.json(&["import", "claude-code", &file]);
    assert_eq!(rest["bad_total"], 0);
    assert_eq!(home.json(&["status"])["messages"], 250, "{talk}");
    assert_eq!(home.run(&["init", "--verify"]).code, 0);
}

#[test]
fn ids_with_anything_in_them_are_stored_and_shown_safely() {
    let home = TestHome::new();
    let ids =
        ["../../outside", "/abs/olute", "a\\b", "n\u{0}ul", "new\nline", "\u{1b}[31mred", "会话", "--resume", " "];
    for (number, id) in ids.iter().enumerate() {
        let line = user(&format!("u{number}"), id, &format!("the walrus number {number}"));
        let path = home.write(&format!("t/{number}.jsonl"), line + "\n");
        assert_eq!(home.json(&["import", "claude-code", path.to_str().unwrap()])["new"], 1, "{id:?}");
    }
    let found = home.json(&["search", "walrus", "--limit", "50"]);
    let sessions: Vec<&str> =
        found["results"].as_array().unwrap().iter().map(|hit| hit["session_id"].as_str().unwrap()).collect();
    for id in ids {
        assert!(sessions.contains(&id), "{id:?} is not in {sessions:?}");
        let shown = home.run(&[
            "show",
            found["results"][sessions.iter().position(|known| *known == id).unwrap()]["id"].as_str().unwrap(),
        ]);
        assert!(
            shown.code == 0 && !shown.stdout.contains('\u{1b}') && !shown.stdout.contains('\0'),
            "{:?}",
            shown.stdout
        );
    }
    let listed = home.run(&["timeline"]).stdout;
    assert!(!listed.contains('\u{1b}') && listed.contains("new line"), "{listed:?}");
}

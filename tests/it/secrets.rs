//! Secrets never reach the disk: not in the database, its log, or anything else in the data folder.

use serde_json::Value;

use crate::home::{TestHome, user};

/// Made here, so that no secret-shaped text lies in the repository.
fn token() -> String {
    format!("ghp_{}", "k3Jd9Qw2Lm8Zx5Vb7Nt4Rp6Hs1Fg0Yc2Ub9A")
}

/// A transcript line of a tool call on a file, on a branch.
fn edit(file: &str, branch: &str) -> String {
    serde_json::json!({ "type": "assistant", "uuid": "u9", "sessionId": "s1", "cwd": "/work/project", "gitBranch": branch,
        "timestamp": "2026-05-01T08:00:01Z", "message": { "role": "assistant", "id": "m9", "content": [
            { "type": "tool_use", "id": "t", "name": "Read", "input": { "file_path": file } }] } })
    .to_string()
}

/// Whether any file below a folder holds the bytes.
fn holds(folder: &std::path::Path, needle: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        let bytes = std::fs::read(&path).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}

#[test]
fn what_is_imported_and_saved_is_clean() {
    let home = TestHome::new();
    let (token, password) = (token(), "tulip-Harbor!93");
    let lines = [
        user("u1", "s1", &format!("push fails with the token {token}, why?")),
        user("u2", "s1", &format!("DATABASE_URL=postgres://app:{password}@db.internal/shop")),
        user("u3", "s1", &format!("again {token}")),
    ];
    let path = home.write("t/s1.jsonl", lines.join("\n") + "\n");
    let report = home.json(&["import", "claude-code", path.parent().unwrap().to_str().unwrap()]);
    assert_eq!((report["new"].as_u64(), report["redacted"].as_u64()), (Some(3), Some(3)), "{report}");
    // In the name of a file and of a branch, at another home: what follows counts exactly.
    let named = TestHome::new();
    let path_of_edit = named.write("t/s1.jsonl", edit(&format!("/tmp/{token}.txt"), &format!("try/{token}")) + "\n");
    let _ = named.json(&["import", "claude-code", path_of_edit.to_str().unwrap()]);
    assert!(!holds(&named.memory(), &token), "the token is in a name on the disk");
    let _ = home.json(&["save", &format!("deploy with password={password}"), "--title", &format!("key {token}")]);
    let _ = home.json(&["embed", "--threads", "1"]);
    for secret in [token.as_str(), password] {
        assert!(!holds(&home.memory(), secret), "{secret} is on the disk");
    }
    // Equal secrets have equal placeholders, so that they are still found together.
    let found = home.json(&["search", "token push fails", "--mode", "keyword"]);
    let snippet = found["results"][0]["snippet"].as_str().unwrap();
    let at = snippet.find("[REDACTED:github-token:").unwrap_or_else(|| panic!("{snippet}"));
    let placeholder = snippet.get(at..at + "[REDACTED:github-token:12345678]".len()).unwrap();
    let same = home.json(&["search", placeholder, "--mode", "exact"]);
    assert_eq!(same["results"].as_array().map(Vec::len), Some(2), "{same}");
    let secrets = health(&home);
    assert!(secrets.contains("github-token 3") && secrets.contains("url-password 1"), "{secrets}");
    // Importing the same again counts nothing twice.
    let again = home.json(&["import", "claude-code", path.parent().unwrap().to_str().unwrap(), "--rescan"]);
    assert_eq!(again["new"].as_u64(), Some(0));
    assert_eq!(health(&home), secrets);
}

fn health(home: &TestHome) -> String {
    let status = home.json(&["status"]);
    let checks: &Vec<Value> = status["checks"].as_array().unwrap();
    let secrets = checks.iter().find(|check| check["name"] == "secrets").unwrap();
    secrets["finding"].as_str().unwrap().to_owned()
}

#[test]
fn the_user_may_allow_a_text_or_switch_it_off() {
    let home = TestHome::new();
    let token = token();
    home.write("memory/config.toml", format!("[redact]\nallow = [\"{token}\"]\n"));
    let _ = home.json(&["save", &format!("the test token is {token}")]);
    assert!(
        holds(&home.memory(), &token) || home.json(&["search", &token, "--mode", "exact"])["results"][0].is_object()
    );
    home.write("memory/config.toml", "[redact]\nenabled = false\n");
    let _ = home.json(&["save", &format!("Authorization: Bearer {token}x")]);
    let found = home.json(&["search", &format!("Bearer {token}x"), "--mode", "exact"]);
    assert_eq!(found["results"].as_array().map(Vec::len), Some(1));
    assert!(health(&home).contains("redact.enabled is false"));
    // Switched on again, it is not shown even though it is stored.
    home.write("memory/config.toml", "[redact]\nenabled = true\n");
    let shown = home.json(&["search", "Authorization Bearer", "--mode", "keyword"]);
    assert!(shown.to_string().contains("[REDACTED:") && !shown.to_string().contains(&format!("{token}x")), "{shown}");
}

#[test]
fn a_rescan_takes_out_what_was_let_in() {
    let home = TestHome::new();
    let (token, password) = (token(), "tulip-Harbor!93");
    home.write("memory/config.toml", "[redact]\nenabled = false\n");
    let lines = [
        user("u1", "s1", &format!("zebra push fails with the token {token}, why?")),
        user("u2", "s1", &format!("zebra DATABASE_URL=postgres://app:{password}@db.internal/shop")),
        user("u3", "s1", "zebra nothing secret here"),
    ];
    let path = home.write("t/s1.jsonl", lines.join("\n") + "\n");
    let _ = home.json(&["import", "claude-code", path.parent().unwrap().to_str().unwrap()]);
    let _ = home.json(&["embed", "--threads", "1"]);
    home.run(&["redact", "--rescan"]).fails(2, "redact.enabled is false");
    home.write("memory/config.toml", "[redact]\nenabled = true\n");
    let dry = home.json(&["redact", "--rescan", "--dry-run"]);
    assert_eq!((dry["parts"].as_u64(), dry["changed"].as_u64(), dry["secrets"].as_u64()), (Some(3), Some(2), Some(2)));
    assert_eq!(home.json(&["redact", "--rescan", "--dry-run"]), dry, "a dry run changes nothing");
    let done = home.json(&["redact", "--rescan"]);
    assert_eq!((done["changed"].as_u64(), &done["log_emptied"]), (Some(2), &true.into()), "{done}");
    assert_eq!(home.json(&["redact", "--rescan"])["changed"].as_u64(), Some(0));
    home.write("memory/config.toml", "[redact]\nenabled = false\n");
    for secret in [token.as_str(), password] {
        let left = home.json(&["search", secret, "--mode", "exact"]);
        assert_eq!(left["results"].as_array().map(Vec::len), Some(0), "{left}");
    }
    let found = home.json(&["search", "zebra", "--mode", "keyword"]);
    assert_eq!(found["results"].as_array().map(Vec::len), Some(3), "{found}");
    assert_eq!(home.json(&["embed", "--threads", "1"])["parts"].as_u64(), Some(2), "their vectors are made anew");
    assert_eq!(home.run(&["init", "--verify"]).code, 0);
}

//! `doctor`: what it finds, what it says to do, and what it puts right.

use serde_json::Value;

use crate::home::{TestHome, user};

fn examine(home: &TestHome, more: &[&str]) -> (i32, Value) {
    let ran = home.run(&[&["doctor", "--json"], more].concat());
    (
        ran.code,
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr)),
    )
}

fn check<'a>(found: &'a Value, name: &str) -> &'a Value {
    let checks = found["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {found}"))
}

#[test]
fn a_healthy_memory_is_well_and_an_unread_history_is_not() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let _ = home.json(&["embed", "--threads", "2"]);
    let (code, found) = examine(&home, &["--deep", "--mcp"]);
    assert_eq!((code, found["status"].as_str()), (0, Some("ok")), "{found}");
    assert!(check(&found, "mcp")["finding"].as_str().unwrap().contains("8 tools"), "{found}");
    assert!(check(&found, "backups")["finding"].as_str().unwrap().contains("none yet"), "{found}");
    let mut long_ago = home.command();
    long_ago.env("CLAUDE_MEMORY_TEST_NOW", "2026-11-01T00:00:00Z").args(["backup", "create"]);
    assert!(long_ago.output().unwrap().status.success());
    assert_eq!(check(&examine(&home, &[]).1, "backups")["ok"], false);
    assert_eq!(home.run(&["backup", "create"]).code, 0);
    assert!(check(&found, "canary")["finding"].as_str().unwrap().contains("is found"));
    assert!(check(&found, "integrity")["ok"] == true);
    assert!(home.json(&["search", "canary", "--mode", "exact"])["results"].as_array().unwrap().is_empty());

    // A transcript that nobody has read, four weeks old: two days are left of Claude Code's thirty.
    let path = home.write(".claude/projects/p/s.jsonl", user("1", "s", "about to be deleted") + "\n");
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_hours(498_058);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    let (code, found) = examine(&home, &[]);
    assert_eq!((code, found["status"].as_str()), (1, Some("attention")), "{found}");
    assert!(check(&found, "deadline")["finding"].as_str().unwrap().contains("in 2 days"), "{found}");
    assert!(check(&found, "history")["fix"].as_str().unwrap().contains("import claude-code"));
    home.write(".claude/settings.json", "{\"cleanupPeriodDays\": 365}");
    assert_eq!(check(&examine(&home, &[]).1, "deadline")["ok"], true);
    let _ = home.json(&["import", "claude-code"]);
    assert_eq!(check(&examine(&home, &[]).1, "history")["ok"], true);
}

#[test]
#[cfg(unix)]
fn what_others_can_read_is_closed() {
    use std::os::unix::fs::PermissionsExt;
    let home = TestHome::new();
    let _ = home.import_samples();
    let database = home.memory().join("memory.db");
    std::fs::set_permissions(&database, PermissionsExt::from_mode(0o644)).unwrap();
    let (code, found) = examine(&home, &[]);
    assert_eq!((code, check(&found, "modes")["ok"].as_bool()), (2, Some(false)), "{found}");
    let (_, found) = examine(&home, &["--fix"]);
    assert_eq!(check(&found, "modes")["ok"], true, "{found}");
    assert_eq!(std::fs::metadata(&database).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_damaged_text_is_found() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let connection = home.database();
    connection
        .execute_batch("UPDATE parts SET body = CAST(substr(body, 1, length(body) - 1) || x'00' AS BLOB) WHERE id = 20")
        .unwrap();
    drop(connection);
    let (code, found) = examine(&home, &["--deep"]);
    assert_eq!((code, check(&found, "integrity")["ok"].as_bool()), (2, Some(false)), "{found}");
}

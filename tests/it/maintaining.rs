//! The monthly round: a backup first, what was saved stays, and everything agrees afterwards.

use crate::home::{TestHome, user};

fn at(line: &str, day: &str) -> String {
    line.replace("2026-05-01", day)
}

/// Ten sessions, one of each month of a year before now; two notes as old as the oldest.
fn home_with_a_year() -> TestHome {
    let home = TestHome::new();
    let mut lines = Vec::new();
    for month in 1..=10 {
        for n in 0..40 {
            let text = format!("month{month} message {n} {}", "words that take room ".repeat(40));
            lines.push(at(
                &user(&format!("u{month}-{n}"), &format!("session-{month}"), &text),
                &format!("2026-{month:02}-03"),
            ));
        }
    }
    home.write("t/s.jsonl", lines.join("\n") + "\n");
    let _ = home.json(&["import", "claude-code", home.path().join("t").to_str().unwrap()]);
    for (text, more) in [("an old decision", &["--pin"][..]), ("an old fact", &[])] {
        let mut command = home.command();
        command.env("CLAUDE_MEMORY_TEST_NOW", "2026-01-01T00:00:00Z").args(["save", text]).args(more);
        assert!(command.output().unwrap().status.success());
    }
    home
}

#[test]
fn what_is_old_goes_after_a_backup() {
    let home = home_with_a_year();
    let plan = home.json(&["maintain", "--cleanup-days", "60", "--dry-run"]);
    // Now is 2026-11-23: from 2026-09-24 on everything stays.
    assert_eq!((plan["old_messages"].as_u64(), plan["old_saved_kept"].as_u64()), (Some(360), Some(2)), "{plan}");
    assert!(plan["backup"].is_null() && plan["removed"] == 0);
    assert_eq!(home.json(&["status"])["messages"].as_u64(), Some(402), "a dry run changes nothing");
    let done = home.json(&["maintain", "--cleanup-days", "60"]);
    assert_eq!((done["removed"].as_u64(), done["vacuumed"].as_bool()), (Some(360), Some(true)), "{done}");
    assert!(done["bytes_after"].as_u64() < done["bytes_before"].as_u64(), "{done}");
    assert!(done["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true), "{done}");
    let status = home.json(&["status"]);
    assert_eq!((status["messages"].as_u64(), status["saved"].as_u64()), (Some(42), Some(2)));
    assert_eq!(home.json(&["search", "month3", "--mode", "exact"])["results"].as_array().map(Vec::len), Some(0));
    assert!(home.json(&["search", "month10", "--mode", "keyword"])["results"][0].is_object());
    assert_eq!(home.json(&["search", "old decision", "--mode", "exact"])["results"].as_array().map(Vec::len), Some(1));
    // Again: nothing is left to do.
    assert_eq!(home.json(&["maintain", "--cleanup-days", "60"])["removed"].as_u64(), Some(0));
    assert_eq!(home.run(&["init", "--verify"]).code, 0);
    // The backup that was made first has it all.
    let kept = done["backup"].as_str().unwrap();
    assert_eq!(home.run(&["backup", "verify", kept]).code, 0, "also after the next round");
    home.run(&["maintain", "--cleanup-days", "0"]).fails(2, "1..");
}

#[test]
fn nothing_goes_without_a_backup() {
    let home = home_with_a_year();
    // A file where the folder of backups has to be.
    home.write("memory/backups", "in the way");
    let refused = home.run(&["maintain", "--cleanup-days", "60"]);
    assert_ne!(refused.code, 0);
    assert_eq!(home.json(&["status"])["messages"].as_u64(), Some(402));
}

#[test]
fn without_days_nothing_goes() {
    let home = home_with_a_year();
    let done = home.json(&["maintain"]);
    assert_eq!((done["removed"].as_u64(), done["vacuumed"].as_bool()), (Some(0), Some(false)), "{done}");
    assert!(std::path::Path::new(done["backup"].as_str().unwrap()).exists());
}

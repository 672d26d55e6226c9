//! The n-th call fails, or the process dies just before it, for every n: whatever a command was doing, the next one
//! completes it. This stands for a failpoint at every step of everything that writes more than one file.

use std::collections::BTreeMap;
use std::path::Path;

use claude_memory::testing::domain::SearchMode;

use crate::extent;
use crate::home::{TestHome, say};
use crate::rig::{copy, embed, faults, found, open, under};

/// A command, and how its completion is seen.
struct Step {
    arguments: Vec<String>,
    /// Whether the store exists before.
    prepared: bool,
    /// Exit codes of the second run that mean it is done: forgetting what is forgotten finds nothing.
    completed: &'static [i32],
    /// Messages afterwards.
    messages: u64,
}

const IMPORTED: u64 = 82;

fn steps(template: &TestHome) -> Vec<Step> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<String>>();
    let session = open(&template.memory());
    let hit = found(&session, "pool size", SearchMode::Keyword).unwrap().remove(0);
    let samples = crate::home::samples().display().to_string();
    let step =
        |arguments: Vec<String>, prepared, completed, messages| Step { arguments, prepared, completed, messages };
    vec![
        step(["import", "claude-code", &samples].map(str::to_owned).to_vec(), false, &[0], IMPORTED),
        step(["forget", &hit, "--yes"].map(str::to_owned).to_vec(), true, &[0, 1], IMPORTED - 1),
        step(words("init"), true, &[0], IMPORTED),
        step(words("redact --rescan"), true, &[0], IMPORTED),
        step(words("embed --threads 1"), true, &[0], IMPORTED),
        step(words("backup create"), true, &[0], IMPORTED),
        step(words("restore --newest --yes"), true, &[0], IMPORTED),
    ]
}

/// A home whose store has its messages, vectors and files, and waits for more vectors.
fn template() -> TestHome {
    let home = TestHome::new();
    let _ = home.import_samples();
    let memory = open(&home.memory());
    embed(&memory);
    drop(memory);
    assert_eq!(home.run(&["backup", "create"]).code, 0);
    home
}

fn fresh(template: &TestHome, step: &Step) -> TestHome {
    let home = TestHome::new();
    if step.prepared {
        copy(&template.memory(), &home.memory());
        if step.arguments[0] == "embed" {
            let sql = "DELETE FROM embeddings; INSERT OR IGNORE INTO pending (part_id, at) SELECT DISTINCT part_id, 0 FROM passages";
            home.database().execute_batch(sql).unwrap();
        }
    }
    home
}

/// Runs the step with a fault; what it ended with.
fn faulty(home: &TestHome, step: &Step, library: &Path, fault: (&str, String)) -> (Option<i32>, String) {
    let mut command = home.command();
    under(&mut command, home, library);
    // A restore works beside the folder too.
    command.env("FAULTS_ROOT", home.path());
    let output = command.args(&step.arguments).env(fault.0, fault.1).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Runs the step again without a fault, and looks at everything.
fn complete(home: &TestHome, step: &Step, what: &str) {
    let arguments: Vec<&str> = step.arguments.iter().map(String::as_str).collect();
    let again = home.run(&arguments);
    assert!(step.completed.contains(&again.code), "{what}: the second run: {}{}", again.stdout, again.stderr);
    let memory = open(&home.memory());
    memory.snapshot().unwrap().verify_index().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(memory.snapshot().unwrap().collect_stats().unwrap().messages, step.messages, "{what}");
    assert!(!found(&memory, "connection pool", SearchMode::Keyword).unwrap().is_empty(), "{what}");
    let modes = home.json(&["status"]);
    assert!(modes["messages"].as_u64() == Some(step.messages), "{what}");
}

fn count(template: &TestHome, step: &Step, library: &Path) -> u64 {
    let home = fresh(template, step);
    let file = home.path().join("count");
    let (code, talk) = faulty(&home, step, library, ("FAULTS_COUNT", file.display().to_string()));
    assert_eq!(code, Some(0), "{talk}");
    std::fs::read_to_string(file).unwrap().trim().parse().unwrap()
}

#[test]
fn a_process_that_dies_before_any_call_is_completed_by_the_next() {
    let Some(library) = faults() else { return };
    let template = template();
    let mut tried = BTreeMap::new();
    for step in steps(&template) {
        let calls = count(&template, &step, library);
        let points = extent(3, 40, u64::MAX).min(calls);
        for point in 0..points {
            let call = 1 + point * calls / points;
            let home = fresh(&template, &step);
            let what = format!("{}, killed before call {call} of {calls}", step.arguments[0]);
            let (code, talk) = faulty(&home, &step, library, ("FAULTS_DIE", call.to_string()));
            // Threads make the number of calls differ a little from run to run: the last ones may not come.
            assert!(code.is_none() || (code == Some(0) && call > calls * 3 / 4), "{what}: {code:?} {talk}");
            complete(&home, &step, &what);
        }
        tried.insert(step.arguments[0].clone(), points);
    }
    say(&format!("kill before a call: {tried:?} points, every one completed by the next run"));
}

#[test]
fn a_call_that_fails_is_an_error_and_nothing_is_lost() {
    // ENOSPC, EIO, EINTR, EMFILE, as numbers of Linux.
    const FAULTS: [(&str, u64); 9] = [
        ("write", 28),
        ("write", 5),
        ("write", 4),
        ("fsync", 5),
        ("read", 5),
        ("read", 4),
        ("open", 24),
        ("rename", 5),
        ("truncate", 5),
    ];
    let Some(library) = faults() else { return };
    let template = template();
    let (mut tried, mut refused) = (0, 0);
    for step in steps(&template) {
        for (call, number) in FAULTS {
            // Every call once in the record: the count of all of them is an upper bound for each.
            let most = extent(1, 6, 60);
            for point in 0..most {
                let at = if most > 10 { point + 1 } else { 1 + point * point * 3 };
                let home = fresh(&template, &step);
                let what = format!("{}: {call} {at} fails with {number}", step.arguments[0]);
                let (code, talk) = faulty(&home, &step, library, ("FAULTS_FAIL", format!("{call}:{number}:{at}")));
                // A deletion that could not look into every file is done, and its receipt says so.
                let is_incomplete = step.arguments[0] == "forget" && code == Some(1);
                assert!(is_incomplete || matches!(code, Some(0 | 3 | 4)), "{what}: {code:?} {talk}");
                assert!(!talk.contains("panicked"), "{what}: {talk}");
                refused += u64::from(code != Some(0));
                tried += 1;
                complete(&home, &step, &what);
            }
        }
    }
    say(&format!("failing calls: {tried} tried, {refused} told as an error, every one completed by the next run"));
}

//! A clock that is wrong, or jumps while a command runs: no panic, nothing lost, and nothing forgotten that was not named.

use crate::extent;
use crate::home::{TestHome, say};
use crate::rig::{faults, open, under};

/// Seconds that the clock is wrong, and after how many looks at it.
const CLOCKS: [(i64, u64); 7] =
    [(-86_400, 0), (315_360_000, 0), (-86_400, 3), (86_400, 3), (-2_000_000_000, 0), (3_600, 1), (-3_600, 1)];

#[test]
fn a_wrong_clock_loses_nothing() {
    let Some(library) = faults() else { return };
    let samples = crate::home::samples().display().to_string();
    let commands: [&[&str]; 12] = [
        &["import", "claude-code", &samples],
        &["save", "the clock is wrong today"],
        &["search", "what did we decide last week", "--mode", "keyword"],
        &["search", "clock is wrong", "--mode", "exact"],
        &["status"],
        &["timeline"],
        &["context", "connection pool", "--json"],
        &["projects", "list"],
        &["hooks", "status"],
        &["import", "claude-code", &samples, "--rescan"],
        &["redact", "--rescan"],
        &["init", "--verify"],
    ];
    let clocks = extent(3, 7, 7) as usize;
    for (wrong, after) in CLOCKS.into_iter().take(clocks) {
        let home = TestHome::new();
        for arguments in commands {
            let mut command = home.command();
            under(&mut command, &home, library);
            command.env_remove("CLAUDE_MEMORY_TEST_NOW");
            command.env("FAULTS_CLOCK", wrong.to_string()).env("FAULTS_CLOCK_AFTER", after.to_string());
            let output = command.args(arguments).output().unwrap();
            let talk = String::from_utf8_lossy(&output.stderr);
            let code = output.status.code();
            assert!(
                matches!(code, Some(0 | 1)) && !talk.contains("panicked"),
                "{wrong} s: {arguments:?}: {code:?} {talk}"
            );
        }
        let memory = open(&home.memory());
        assert_eq!(memory.snapshot().unwrap().collect_stats().unwrap().messages, 83, "{wrong} s");
        memory.snapshot().unwrap().verify_index().unwrap();
        let first = home.json(&["timeline"]);
        assert!(first["sessions"].as_array().is_some_and(|sessions| !sessions.is_empty()), "{first}");
    }
    say(&format!("clocks: {clocks} wrong ones under {} commands, 0 panics, 0 lost", commands.len()));
}

//! The interactive search, at a terminal of its own.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::home::{TestHome, say, skip};

#[test]
fn somebody_at_a_terminal_finds_and_reads() {
    if !cfg!(feature = "terminal") {
        return;
    }
    let python = Path::new("/usr/bin/python3");
    if !python.exists() {
        skip("python3", "apt-get install python3");
        return;
    }
    let home = TestHome::new();
    let _ = home.import_samples();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/browse/terminal.py");
    let mut command = Command::new(python);
    command.arg(script).arg(env!("CARGO_BIN_EXE_claude-memory")).arg(home.memory()).env("HOME", home.path());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let seen: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}\n{}", String::from_utf8_lossy(&output.stderr)));
    for step in ["opened", "found", "read", "back", "chinese", "project"] {
        assert_eq!(
            seen[step],
            json!(true),
            "{step}: {}\n{}",
            seen["hits"].as_str().unwrap(),
            seen["page"].as_str().unwrap()
        );
    }
    assert_eq!(seen["status"], json!(0));
    assert!(seen["page"].as_str().unwrap().contains("assistant ·"), "{}", seen["page"].as_str().unwrap());
    say(&format!("milliseconds from a key to the screen, a debug build: {}", seen["milliseconds"]));
}

/// Where nobody sits, a forgotten command is a mistake.
#[test]
fn without_a_terminal_there_is_help() {
    let home = TestHome::new();
    let ran = home.run(&[]);
    assert_eq!(ran.code, 2);
    assert!(ran.stdout.contains("Usage: claude-memory") || ran.stderr.contains("Usage: claude-memory"));
    assert!(!home.memory().exists(), "nothing was made");
}

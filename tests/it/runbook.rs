//! The runbook: every command of ours in it is run, in the order in which it stands there, and both languages have the same.

use crate::home::TestHome;
use crate::postgres::{Postgres, predecessor};

const ENGLISH: &str = include_str!("../../docs/runbook/README.md");
const CHINESE: &str = include_str!("../../docs/runbook/README.zh-CN.md");

/// The lines of all `bash` blocks.
fn commands(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        match line {
            "```bash" => inside = true,
            "```" => inside = false,
            line if inside => found.push(line),
            _ => {}
        }
    }
    found
}

#[test]
fn both_languages_have_the_same_chapters_and_commands() {
    assert_eq!(commands(ENGLISH), commands(CHINESE));
    let headings = |text: &str| text.lines().filter(|line| line.starts_with("## ")).count();
    assert_eq!(headings(ENGLISH), headings(CHINESE));
    let numbers = |text: &str| text.matches("claude_memory_").count();
    assert_eq!(numbers(ENGLISH), numbers(CHINESE));
}

#[test]
fn every_command_of_ours_works() {
    let home = TestHome::new();
    // A history where Claude Code keeps it.
    home.keep_samples("");
    // And the backup of last night.
    assert_eq!(home.run(&["import", "claude-code"]).code, 0);
    assert_eq!(home.run(&["backup", "create"]).code, 0);
    let postgres = Postgres::start();
    postgres.iter().for_each(|server| drop(server.sql(&predecessor(true))));
    let mut ran = 0;
    for line in commands(ENGLISH).into_iter().filter_map(|line| line.strip_prefix("claude-memory ")) {
        // The one argument with a space is in quotation marks.
        let words: Vec<&str> = match line.split_once('"') {
            Some((before, rest)) => {
                let (quoted, after) = rest.split_once('"').unwrap();
                before.split_whitespace().chain([quoted]).chain(after.split_whitespace()).collect()
            }
            None => line.split_whitespace().collect(),
        };
        let url = postgres.as_ref().map(Postgres::url);
        let words: Vec<&str> = match (words[0], &url) {
            ("migrate", None) => continue,
            ("migrate", Some(url)) => {
                words.iter().map(|word| if word.starts_with("postgresql:") { url } else { *word }).collect()
            }
            _ => words,
        };
        let done = home.run(&words);
        // That something could be better, that nobody watches, that no log is there: no failure of the command.
        let may_complain =
            words[0] == "doctor" || words[0] == "logs" || words[..2.min(words.len())] == ["monitoring", "check"];
        let fine = done.code == 0 || (may_complain && done.code == 1);
        assert!(fine, "claude-memory {line}: {} {}{}", done.code, done.stdout, done.stderr);
        ran += 1;
    }
    assert!(ran > 20, "{ran}");
}

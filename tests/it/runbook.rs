//! The runbook: every command in it is run, in the order in which it stands there; both languages have the same; each alert has its
//! heading, to which its link leads. Commands that ask Prometheus and Alertmanager are run where those run (`alerting`).
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Output};

use claude_memory::testing::monitor::RULES;

use crate::home::{TestHome, skip};
use crate::http::Service;
use crate::postgres::{Postgres, predecessor};

const ENGLISH: &str = include_str!("../../docs/runbook/README.md");
const CHINESE: &str = include_str!("../../docs/runbook/README.zh-CN.md");
/// Prometheus and Alertmanager.
const OTHERS: [&str; 2] = ["localhost:9090", "localhost:9093"];
const DATA_FOLDER: &str = "~/.local/share/claude-memory/";

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

/// What the runbook asks Prometheus and Alertmanager.
pub(crate) fn asked_of_others() -> Vec<&'static str> {
    commands(ENGLISH).into_iter().filter(|line| OTHERS.iter().any(|other| line.contains(other))).collect()
}

/// Runs a line as somebody with this home would, who finds the program by its name.
pub(crate) fn shell(home: &TestHome, line: &str) -> Output {
    let ours = home.command();
    let programs = Path::new(ours.get_program()).parent().unwrap().display();
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PATH", format!("{programs}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")).current_dir(home.path());
    shell.args(["-c", line]).output().unwrap()
}

#[test]
fn both_languages_have_the_same_chapters_and_commands() {
    assert_eq!(commands(ENGLISH), commands(CHINESE));
    let levels = |text: &str| -> Vec<usize> {
        let headings = text.lines().filter(|line| line.starts_with("##"));
        headings.map(|line| line.chars().take_while(|character| *character == '#').count()).collect()
    };
    assert_eq!(levels(ENGLISH), levels(CHINESE));
    let numbers = |text: &str| text.matches("claude_memory_").count();
    assert_eq!(numbers(ENGLISH), numbers(CHINESE));
    let rows = |text: &str| text.lines().filter(|line| line.starts_with("| ")).count();
    assert_eq!(rows(ENGLISH), rows(CHINESE));
}

#[test]
fn each_alert_has_its_heading_and_its_row() {
    for text in [ENGLISH, CHINESE] {
        for rule in RULES {
            assert!(text.lines().any(|line| line == format!("### {}", rule.name)), "{} has no heading", rule.name);
            let row = text.lines().find(|line| line.starts_with(&format!("| {} |", rule.name)));
            let row = row.unwrap_or_else(|| panic!("{} has no row", rule.name));
            assert!(row.contains(&format!("| {} |", rule.severity)), "{row}");
        }
        let headings = text.lines().filter(|line| line.starts_with("### ClaudeMemory")).count();
        assert_eq!(headings, RULES.len(), "an alert that is none");
    }
}

#[test]
fn every_command_works() {
    let home = TestHome::new();
    // A history where Claude Code keeps it.
    home.keep_samples("");
    // And the backup of last night.
    assert_eq!(home.run(&["import", "claude-code"]).code, 0);
    assert_eq!(home.run(&["backup", "create"]).code, 0);
    let postgres = Postgres::start();
    if let Some(server) = &postgres {
        server.sql(&predecessor(true));
        server.sql("CREATE DATABASE copy");
        let copy = format!("postgresql://postgres@127.0.0.1:{}/copy", server.port);
        let config = home.write("memory/config.toml", format!("[sync]\npostgres = \"{copy}\"\n"));
        assert!(shell(&home, &format!("chmod 600 {}", config.display())).status.success());
    }
    let (mut ran, mut skipped) = (0, Vec::new());
    for line in commands(ENGLISH) {
        if OTHERS.iter().any(|other| line.contains(other)) {
            continue;
        }
        let program = line.split(' ').next().unwrap();
        if !shell(&home, &format!("command -v {program}")).status.success() {
            skipped.push(program);
            continue;
        }
        let mut line = line.to_owned();
        let database = ["migrate", "sync push", "sync check", "psql"].iter().any(|word| line.contains(word));
        match &postgres {
            None if database => continue,
            None => {}
            Some(server) => {
                line = line.replace("postgresql://claude_memory@localhost/claude_memory_db", &server.url());
                line = line.replace("-h localhost -U claude_memory -d claude_memory_db", &server.url());
            }
        }
        // It must not run when the folder is exchanged.
        let service = line.starts_with("curl ").then(|| Service::start(&home));
        if let Some(service) = &service {
            line = line.replace("localhost:8080", &service.address).replace("localhost:8081", &service.webhook);
            line = line.replace(DATA_FOLDER, &format!("{}/", home.memory().display()));
        }
        let done = shell(&home, &line);
        // That something could be better, that nobody watches, that no log is there: no failure of the command.
        let may_complain = ["doctor", "logs", "monitoring check"];
        let may_complain = may_complain.iter().any(|words| line.starts_with(&format!("claude-memory {words}")));
        let fine = done.status.success() || (may_complain && done.status.code() == Some(1));
        let said = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(fine, "{line}: {} {said}", done.status);
        ran += 1;
    }
    assert!(ran > 60, "{ran}");
    if !skipped.is_empty() {
        skip(&skipped.join(", "), "apt-get install prometheus prometheus-alertmanager curl iproute2 procps");
    }
}

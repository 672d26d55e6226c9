//! What a person waits for at a terminal runs at normal priority; what runs in the background does not.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::home::{TestHome, niceness, own_niceness, skip, user};

/// Niceness of all threads of `import --follow`, which goes on until it is ended, when its reader has begun.
fn following(child: Child, process: impl Fn(u32) -> Option<u32>) -> Vec<i32> {
    let mut child = child;
    let until = Instant::now() + Duration::from_secs(30);
    let mut seen = Vec::new();
    while Instant::now() < until && seen.len() < 3 {
        std::thread::sleep(Duration::from_millis(50));
        seen = process(child.id()).map(niceness).unwrap_or_default();
    }
    let process = process(child.id()).map(|process| process.to_string()).unwrap_or_default();
    let _ = Command::new("kill").arg(process).status();
    let _ = child.wait();
    seen
}

fn with_history() -> TestHome {
    let home = TestHome::new();
    home.write("t/s.jsonl", user("1", "s", "a text") + "\n");
    home
}

#[test]
fn without_a_terminal_an_import_gives_way() {
    let home = with_history();
    let mut command = home.command();
    command.args(["import", "claude-code", "t", "--follow"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let seen = following(command.spawn().unwrap(), Some);
    // All but the thread that waits for signals.
    let lowered = seen.iter().filter(|nice| **nice == own_niceness().max(10)).count();
    assert!(lowered >= 2 && lowered + 1 >= seen.len(), "{seen:?}");
}

#[test]
fn on_a_terminal_an_import_does_not() {
    if !Path::new("/usr/bin/script").exists() {
        return skip("script", "it is part of util-linux");
    }
    let home = with_history();
    let inner = home.command();
    // `script` gives it a terminal.
    let line = format!("exec {} import claude-code t --follow", inner.get_program().display());
    let mut command = Command::new("/usr/bin/script");
    command.args(["-qec", &line, "/dev/null"]).env_clear().current_dir(home.path());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", "/usr/bin:/bin").env("SHELL", "/bin/sh");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child_of = |parent: u32| {
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
        let child: u32 = children.split_whitespace().next()?.parse().ok()?;
        let program = std::fs::read_link(format!("/proc/{child}/exe")).ok()?;
        program.ends_with("claude-memory").then_some(child)
    };
    let seen = following(command.spawn().unwrap(), child_of);
    assert!(!seen.is_empty() && seen.iter().all(|nice| *nice == own_niceness()), "{seen:?}");
}

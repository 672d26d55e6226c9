//! What others on this machine could see: modes of files under any umask, and the token, which is in one file only.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::home::{TestHome, user};
use crate::http::{Service, save};

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
#[cfg(unix)]
fn only_the_owner_can_read_anything_under_any_umask() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = TestHome::new();
    let transcript = home.write("t/s1.jsonl", user("u1", "s1", "the gateway listens on 8443") + "\n");
    let samples = crate::home::samples();
    let hook = serde_json::json!({ "session_id": "s1", "transcript_path": transcript, "cwd": "/work/project",
        "prompt": "which port does the gateway listen on?", "hook_event_name": "UserPromptSubmit" });
    let event = home.write("event.json", hook.to_string());
    let script = r#"umask 000
        "$P" import claude-code "$SAMPLES" && "$P" embed --threads 1 && "$P" save "a text" && "$P" search "a text" &&
        "$P" hook UserPromptSubmit < "$EVENT" && "$P" hook Stop < "$EVENT" && "$P" hooks off --session s1 &&
        "$P" quarantine add s1; "$P" install claude-code --scope project --yes; "$P" doctor --deep;
        timeout 3 "$P" serve --http 127.0.0.1:0 --webhook 127.0.0.1:0; "$P" backup create; true"#;
    let program = home.command();
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", script]).env_clear().current_dir(home.path()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.env("P", program.get_program()).env("SAMPLES", samples).env("EVENT", event).env("HOME", home.path());
    shell.env("PATH", std::env::var_os("PATH").unwrap()).env("CLAUDE_MEMORY_HOME", home.memory());
    assert!(shell.status().unwrap().success());
    let all = below(&home.memory());
    for name in ["memory.db", "redaction.key", "http.token", "http.metrics.token", "embed.lock"] {
        assert!(all.iter().any(|path| path.ends_with(name)), "{name} is not there: {all:?}");
    }
    for path in all {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
}

#[test]
fn the_token_is_in_its_file_and_nowhere_else() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let token = service.token.clone();
    assert_eq!(service.post(&save("said over http")).0, 200);
    assert_eq!(service.request("POST /mcp", &[("Host", &service.address), ("Authorization", &token)], b"x").0, 401);
    #[cfg(target_os = "linux")]
    {
        let arguments = std::fs::read_to_string(format!("/proc/{}/cmdline", service.id())).unwrap();
        assert!(!arguments.contains(&token), "{arguments}");
    }
    for arguments in
        [&["status"][..], &["doctor", "--deep", "--json"], &["config", "show", "--origin"], &["hooks", "status"]]
    {
        let ran = home.run(arguments);
        assert!(!ran.stdout.contains(&token) && !ran.stderr.contains(&token), "{arguments:?}");
    }
    let mut loud = home.command();
    loud.env("CLAUDE_MEMORY_LOG", "trace").args(["serve", "--http", &service.address]);
    let output = loud.output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains(&token), "in the log of a server that could not start");
    drop(service);
    let holding: Vec<PathBuf> = below(&home.memory())
        .into_iter()
        .filter(|path| {
            path.is_file() && std::fs::read(path).unwrap().windows(token.len()).any(|bytes| bytes == token.as_bytes())
        })
        .collect();
    assert!(holding.len() == 1 && holding[0].ends_with("http.token"), "{holding:?}");
}

/// Starting and killing sessions leaves no process behind.
#[test]
#[cfg(target_os = "linux")]
fn no_session_outlives_its_client() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let mark = home.memory().display().to_string();
    let running = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let environment = |entry: std::fs::DirEntry| std::fs::read(entry.path().join("environ")).unwrap_or_default();
        processes
            .map(environment)
            .filter(|bytes| bytes.windows(mark.len()).any(|window| window == mark.as_bytes()))
            .count()
    };
    for number in 0..20 {
        let mut command = home.command();
        command.arg("mcp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        if number % 2 == 0 {
            child.kill().unwrap();
        }
        // Else the end of its input ends it.
        drop(child.stdin.take());
        child.wait().unwrap();
    }
    assert_eq!(running(), 0);
}

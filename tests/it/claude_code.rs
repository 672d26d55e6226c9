//! The real Claude Code as client. Only the model behind it is doubled: it says which tool to call and nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::home::{TestHome, real_part, skip};
use crate::model::{Block, Model, Protocol};

pub(crate) fn claude() -> Option<PathBuf> {
    let path = real_part("node_modules/@anthropic-ai/claude-code-linux-x64/claude");
    if path.exists() {
        return Some(path);
    }
    skip("Claude Code", "run `.ci/real` to install it below .real/");
    None
}

/// The real program with a home of its own and no way out.
pub(crate) fn command(claude: &Path, home: &TestHome) -> Command {
    let mut command = Command::new(claude);
    command.env_clear().current_dir(home.path()).stdin(std::process::Stdio::null());
    command.env("HOME", home.path()).env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8");
    for name in ["DISABLE_AUTOUPDATER", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_TELEMETRY"] {
        command.env(name, "1");
    }
    command
}

#[test]
fn it_lists_the_server_as_connected() {
    let Some(claude) = claude() else { return };
    let home = TestHome::new();
    let server = env!("CARGO_BIN_EXE_claude-memory");
    let added = command(&claude, &home)
        .args(["mcp", "add", "-s", "user", "claude-memory", "--", server, "mcp"])
        .output()
        .unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let listed = command(&claude, &home).args(["mcp", "list"]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let line = listed.lines().find(|line| line.contains("claude-memory")).unwrap_or("");
    assert!(line.contains("Connected"), "{listed}");
}

/// One turn of the real program against a model; returns what it printed.
fn turn(claude: &Path, home: &TestHome, model: &Model, session: &str, prompt: &str, more: &[&str]) -> String {
    let output = command(claude, home)
        .env("ENABLE_TOOL_SEARCH", "false")
        .env("ANTHROPIC_BASE_URL", &model.address)
        .env("ANTHROPIC_API_KEY", "dummy-not-a-key")
        .args([
            "-p",
            prompt,
            "--session-id",
            session,
            "--strict-mcp-config",
            "--output-format",
            "stream-json",
            "--verbose",
        ])
        .args(more)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn what_one_session_said_the_next_one_finds() {
    let Some(claude) = claude() else { return };
    let home = TestHome::new();
    let _ = home.import_samples();
    let model = Model::scripted(vec![Block::Call("memory_search", json!({ "query": "which port does staging use" }))]);

    // The first session writes a real transcript; it knows nothing of us.
    let (first, second) = ("11111111-2222-4333-8444-555555555555", "66666666-7777-4888-8999-000000000000");
    let fact = "note that the staging gateway listens on port 6543, because 6432 belongs to pgbouncer";
    let _ = turn(&claude, &home, &model, first, fact, &[]);
    let report = home.json(&["import", "claude-code"]);
    assert!(report["new"].as_u64() >= Some(2) && report["bad_total"] == 0, "{report}");
    let _ = home.json(&["embed", "--threads", "2"]);

    // The second one calls our tool and is handed what the first one was told.
    let config = json!({ "mcpServers": { "claude-memory": {
        "type": "stdio", "command": env!("CARGO_BIN_EXE_claude-memory"), "args": ["--home", home.memory(), "mcp"]
    } } });
    let allowed = ["--mcp-config", &config.to_string(), "--allowedTools", "mcp__claude-memory__memory_search"];
    let talk = turn(&claude, &home, &model, second, "where does staging listen?", &allowed);
    let results = model.results(Protocol::Messages);
    let [result] = results.as_slice() else { panic!("no tool result reached the model: {talk}") };
    assert!(result.contains("port 6543, because 6432"), "{result}");
    assert!(result.contains("[claude-memory] Stored history") && result.contains("memory_get ids"), "{result}");

    // The transcript of the second session goes in too, without the memory that it was handed.
    let report = home.json(&["import", "claude-code"]);
    assert!(report["new"].as_u64() >= Some(2) && report["own"].as_u64() == Some(1), "{report}");
    let found = home.json(&["search", "where does staging listen?", "--mode", "exact"]);
    assert_eq!(found["results"][0]["session_id"], second);
    let echo = home.json(&["search", "port 6543, because", "--mode", "exact", "--limit", "50"]);
    assert!(echo["results"].as_array().unwrap().iter().all(|hit| hit["session_id"] == first), "{echo}");
}

/// A session that Claude Code deleted is given back, and the real Claude Code goes on with it.
#[test]
fn a_deleted_session_is_resumed() {
    let Some(claude) = claude() else { return };
    let home = TestHome::new();
    let model = Model::scripted(Vec::new());
    let session = "12121212-3434-4565-8787-909090909090";
    let _ = turn(&claude, &home, &model, session, "remember that the gateway listens on port 6543", &[]);
    assert!(home.json(&["import", "claude-code"])["new"].as_u64() >= Some(2));
    let projects = home.path().join(".claude/projects");
    std::fs::remove_dir_all(&projects).unwrap();
    let resume = |prompt: &str| {
        let output = command(&claude, &home)
            .env("ANTHROPIC_BASE_URL", &model.address)
            .env("ANTHROPIC_API_KEY", "dummy-not-a-key")
            .args(["-p", prompt, "--resume", session, "--strict-mcp-config", "--output-format", "json"])
            .output()
            .unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    assert!(resume("go on").contains("No conversation found"), "it is gone");
    let restored = home.json(&["restore-transcript", session]);
    assert!(restored["path"].as_str().unwrap().starts_with(projects.to_str().unwrap()), "{restored}");
    model.requests.lock().unwrap().clear();
    let said = resume("and which port was it");
    let requests = model.requests.lock().unwrap();
    let last =
        requests.iter().map(|request| request["messages"].to_string()).find(|text| text.contains("which port was it"));
    let last = last.unwrap_or_else(|| panic!("the model was not asked: {said}"));
    assert!(last.contains("the gateway listens on port 6543"), "{last}");
    drop(requests);
    // What was said since is new (the stub's answer has the id of its first one), what was given back is not.
    let again = home.json(&["import", "claude-code"]);
    assert!(again["new"].as_u64() >= Some(1) && again["own"].as_u64() >= Some(2), "{again}");
    let found = home.json(&["search", "listens on port 6543", "--mode", "exact"]);
    assert_eq!(found["results"].as_array().unwrap().len(), 1, "{found}");
}

/// The whole way, as its user goes it: install, talk, compact, a subagent, get it back by hook and by tool, uninstall.
#[test]
fn it_remembers_from_one_session_to_the_next_and_leaves_no_trace() {
    let Some(claude) = claude() else { return };
    let home = TestHome::new();
    let untouched = home.write(".claude/settings.json", "{\"cleanupPeriodDays\": 30}\n");
    let installed = home.json(&["install", "--hooks"]);
    assert_eq!(installed["changes"].as_array().unwrap().len(), 2);
    let listed = command(&claude, &home).args(["mcp", "list"]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.lines().any(|line| line.contains("claude-memory") && line.contains("Connected")), "{listed}");

    // A session says something and asks a subagent; its hooks keep it while it runs. Nothing is imported by hand.
    let first = "11111111-2222-4333-8444-555555555555";
    let task = json!({ "description": "look", "prompt": "look for quinces in the orchard", "subagent_type": "general-purpose" });
    let model = Model::scripted(vec![Block::Call("Agent", task)]);
    let fact = "note that the staging gateway listens on port 6543, because 6432 belongs to pgbouncer";
    let talk = live(&claude, &home, &model, &["--session-id", first], fact, &["--allowedTools", "Agent"]);
    captured(&home);
    let kept = home.json(&["search", "port 6543", "--mode", "exact"]);
    assert_eq!(kept["results"][0]["session_id"], first, "{talk}");
    let agent = home.json(&["search", "quinces in the orchard", "--mode", "exact", "--limit", "20"]);
    let agent = agent["results"].as_array().unwrap().clone();
    assert!(agent.iter().any(|hit| hit["session_id"] != first), "the subagent is a conversation of its own: {agent:?}");

    // A compaction in between.
    let _ = live(&claude, &home, &model, &["--resume", first], "/compact keep the port", &[]);
    captured(&home);
    let compacted = home.json(&["timeline"])["sessions"][0].clone();
    assert_eq!(compacted["session_id"], first, "{compacted}");

    // The second session is handed it by the hook with its prompt, and by the tool that it calls.
    let search = json!({ "query": "staging gateway port", "mode": "keyword" });
    let model = Model::scripted(vec![Block::Call("memory_search", search)]);
    let allowed = ["--allowedTools", "mcp__claude-memory__memory_search"];
    let question = "which port does the staging gateway listen on?";
    // The hook has 150 ms. On a busy machine it may need more; then the session goes on without, and the next one is asked.
    let (second, talk) = (0..10)
        .find_map(|number| {
            let second = format!("66666666-7777-4888-8999-00000000000{number}");
            model.requests.lock().unwrap().clear();
            let talk = live(&claude, &home, &model, &["--session-id", &second], question, &allowed);
            let requests = model.requests.lock().unwrap();
            let asked = requests.iter().find(|request| request.to_string().contains(question)).unwrap();
            let handed = asked["messages"].to_string();
            let answered = handed.contains("Stored history") && handed.contains("6432 belongs to pgbouncer");
            answered.then_some((second, talk))
        })
        .expect("no session was handed what the first one said");
    let second = second.as_str();
    let results = model.results(Protocol::Messages);
    let [result] = results.as_slice() else { panic!("no tool result: {talk}") };
    assert!(result.contains("6432 belongs to pgbouncer") && result.contains("memory_get ids"), "{result}");

    captured(&home);
    // Neither what was injected nor what the tool said was taken in again.
    let echo = home.json(&["search", "6432 belongs to pgbouncer", "--mode", "exact", "--limit", "50"]);
    let sessions: Vec<&str> =
        echo["results"].as_array().unwrap().iter().map(|hit| hit["session_id"].as_str().unwrap()).collect();
    assert!(!sessions.contains(&second), "{echo}");
    let said = home.json(&["search", question, "--mode", "exact"]);
    assert_eq!(said["results"][0]["session_id"], second, "the hooks kept the second session");

    // An import of the same transcripts by hand finds nothing that was missed.
    let report = home.json(&["import", "claude-code"]);
    assert_eq!((report["new"].as_u64(), report["bad_total"].as_u64()), (Some(0), Some(0)), "{report}");

    let _ = home.json(&["uninstall"]);
    let state = std::fs::read_to_string(home.path().join(".claude.json")).unwrap();
    assert!(!state.contains("\"claude-memory\""), "{state}");
    let listed = command(&claude, &home).args(["mcp", "list"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&listed.stdout).contains("claude-memory"));
    assert_eq!(std::fs::read_to_string(untouched).unwrap(), "{\"cleanupPeriodDays\": 30}\n");
}

/// Waits until the hooks, which nobody waits for, have captured every transcript to its end.
#[track_caller]
fn captured(home: &TestHome) {
    let until = std::time::Instant::now() + std::time::Duration::from_mins(1);
    loop {
        // It ends with another code where something is worth a warning.
        let status = home.run(&["status", "--json"]).stdout;
        let status: Value = serde_json::from_str(&status).unwrap_or_default();
        let (on_disk, read) = (&status["transcripts_on_disk"], &status["transcripts_read"]);
        if on_disk.as_u64() > Some(0) && on_disk == read {
            return;
        }
        assert!(std::time::Instant::now() < until, "{read} of {on_disk} transcripts were captured");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// A turn of the real program with what its own configuration says, hooks and servers included.
fn live(claude: &Path, home: &TestHome, model: &Model, session: &[&str], prompt: &str, more: &[&str]) -> String {
    let output = command(claude, home)
        .env("ENABLE_TOOL_SEARCH", "false")
        .env("CLAUDE_MEMORY_HOME", home.memory())
        .env("ANTHROPIC_BASE_URL", &model.address)
        .env("ANTHROPIC_API_KEY", "dummy-not-a-key")
        .args(["-p", prompt, "--output-format", "stream-json", "--verbose"])
        .args(session)
        .args(more)
        .output()
        .unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The plugin of this repository, installed from it as a local marketplace.
#[test]
fn the_plugin_is_valid_connects_and_costs_little() {
    let Some(claude) = claude() else { return };
    let home = TestHome::new();
    let root = env!("CARGO_MANIFEST_DIR");
    // The plugin calls the program by its name.
    let bin = home.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_claude-memory"), bin.join("claude-memory")).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = command(&claude, &home);
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).env("CLAUDE_MEMORY_HOME", home.memory());
        let output = command.args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    };
    let plugin = format!("{root}/data/plugin");
    for path in [plugin.as_str(), root] {
        run(&["plugin", "validate", "--strict", path]);
    }
    run(&["plugin", "validate", "--strict", "--profile", "directory", &plugin]);
    run(&["plugin", "marketplace", "add", root]);
    run(&["plugin", "install", "memory-recall@claude-memory-local"]);
    let listed = run(&["mcp", "list"]);
    assert!(listed.lines().any(|line| line.contains("memory-recall") && line.contains("Connected")), "{listed}");
    let details = run(&["plugin", "details", "memory-recall@claude-memory-local"]);
    let line = details.lines().find(|line| line.contains("Always-on")).unwrap_or_else(|| panic!("{details}"));
    let tokens: u32 = line.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
    assert!(tokens <= 100, "{line}");
}

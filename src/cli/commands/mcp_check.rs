//! Self-test for `doctor --mcp`: starts this program as an MCP server and calls it as a client does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::memory::CheckResult;

/// Longest wait for one answer; a slower server counts as not answering.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Starts the server for this data folder, discovers it, lists its tools and calls `memory_health`.
pub(super) fn check_server(home: &Path) -> CheckResult {
    let begun = Instant::now();
    match probe_server(home) {
        Ok(tools) => CheckResult {
            name: "mcp",
            ok: true,
            finding: format!("answers with {tools} tools, {} ms after its start", begun.elapsed().as_millis()),
            fix: None,
        },
        Err(why) => CheckResult {
            name: "mcp",
            ok: false,
            finding: why,
            fix: Some("run `claude-memory mcp` yourself and check what it prints".to_owned()),
        },
    }
}

fn probe_server(home: &Path) -> Result<usize, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find the path of this program: {error}"))?;
    let mut command = Command::new(program);
    command.arg("--home").arg(home).arg("mcp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("cannot start the server: {error}"))?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let (sender, answers) = channel();
    // Ends with the server's output.
    std::thread::spawn(move || {
        for line in BufReader::new(output?).lines().map_while(Result::ok) {
            sender.send(line).ok()?;
        }
        Some(())
    });
    let mut input = input.ok_or("the server has no stdin")?;
    let mut ask = |id: u32, method: &str, mut params: Value| -> Result<Value, String> {
        let about = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "claude-memory doctor", "version": env!("CARGO_PKG_VERSION") },
            "io.modelcontextprotocol/clientCapabilities": {}
        });
        params.as_object_mut().into_iter().for_each(|params| drop(params.insert("_meta".to_owned(), about.clone())));
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        writeln!(input, "{request}").map_err(|error| format!("the server accepts no request: {error}"))?;
        let line = answers.recv_timeout(ANSWER_TIMEOUT).map_err(|_| format!("the server does not answer {method}"))?;
        let answer: Value = serde_json::from_str(&line)
            .map_err(|error| format!("the server answers {method} with invalid JSON: {error}"))?;
        match answer.get("result") {
            Some(result) if result.get("isError") != Some(&Value::Bool(true)) => Ok(result.clone()),
            _ => Err(format!("the server answers {method} with an error: {line}")),
        }
    };
    let outcome = (|| {
        ask(1, "server/discover", json!({}))?;
        let tools = ask(2, "tools/list", json!({}))?.pointer("/tools").and_then(Value::as_array).map_or(0, Vec::len);
        ask(3, "tools/call", json!({ "name": "memory_health", "arguments": {} }))?;
        Ok(tools)
    })();
    drop(input);
    if outcome.is_err() {
        // The server may hang and not notice that stdin was closed.
        let _ = child.kill();
    }
    let _ = child.wait();
    outcome
}

//! Whether this very program answers as an MCP server, asked the way a client asks: for `doctor --mcp`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::memory::Check;

/// A server that takes longer is taken for one that does not answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts the server for this folder, asks what it is, what tools it has, and for its health.
pub(super) fn check(home: &Path) -> Check {
    let begun = Instant::now();
    match talk(home) {
        Ok(tools) => Check {
            name: "mcp",
            ok: true,
            finding: format!("answers with {tools} tools, {} ms after it was started", begun.elapsed().as_millis()),
            fix: None,
        },
        Err(why) => Check {
            name: "mcp",
            ok: false,
            finding: why,
            fix: Some("run `claude-memory mcp` by hand and look at what it says".to_owned()),
        },
    }
}

fn talk(home: &Path) -> Result<usize, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot tell where this program is: {error}"))?;
    let mut command = Command::new(program);
    command.arg("--home").arg(home).arg("mcp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("cannot be started: {error}"))?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let (sender, answers) = channel();
    // Ends with the server's output.
    std::thread::spawn(move || {
        for line in BufReader::new(output?).lines().map_while(Result::ok) {
            sender.send(line).ok()?;
        }
        Some(())
    });
    let mut input = input.ok_or("has no input")?;
    let mut ask = |id: u32, method: &str, mut params: Value| -> Result<Value, String> {
        let about = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "claude-memory doctor", "version": env!("CARGO_PKG_VERSION") },
            "io.modelcontextprotocol/clientCapabilities": {}
        });
        params.as_object_mut().into_iter().for_each(|params| drop(params.insert("_meta".to_owned(), about.clone())));
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        writeln!(input, "{request}").map_err(|error| format!("takes no request: {error}"))?;
        let line = answers.recv_timeout(PATIENCE).map_err(|_| format!("does not answer {method}"))?;
        let answer: Value =
            serde_json::from_str(&line).map_err(|error| format!("answers {method} with nonsense: {error}"))?;
        match answer.get("result") {
            Some(result) if result.get("isError") != Some(&Value::Bool(true)) => Ok(result.clone()),
            _ => Err(format!("answers {method} with an error: {line}")),
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
        // It may not see the end of its input any more.
        let _ = child.kill();
    }
    let _ = child.wait();
    outcome
}

//! An MCP session that saves as fast as it is answered, and the ledger of what was acknowledged.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use claude_memory::testing::domain::MessageId;
use serde_json::{Value, json};

/// Requests that are on their way at the same time.
const WINDOW: usize = 48;

/// A running server and what it has said.
pub(crate) struct Session {
    pub(crate) child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<Value>,
    /// Texts that were sent and not answered yet, by request.
    sent: HashMap<u64, String>,
    next: u64,
    /// Every text that was acknowledged, with the id it got.
    pub(crate) acknowledged: Vec<(MessageId, String)>,
    /// What was refused: the code of the failure.
    pub(crate) refused: Vec<Value>,
}

impl Session {
    pub(crate) fn start(mut command: Command) -> Self {
        command.args(["mcp", "--profile", "full"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = channel();
        // It ends with the child's output.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let Ok(answer) = serde_json::from_str(&line) else { break };
                if sender.send(answer).is_err() {
                    break;
                }
            }
        });
        Self { child, input, answers, sent: HashMap::new(), next: 0, acknowledged: Vec::new(), refused: Vec::new() }
    }

    /// Sends a request; `false` when the server is gone.
    fn send(&mut self, name: &str, arguments: &Value) -> Option<u64> {
        self.next += 1;
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
            "claude-memory/structured": true
        });
        let params = json!({ "name": name, "arguments": arguments, "_meta": meta });
        let request = json!({ "jsonrpc": "2.0", "id": self.next, "method": "tools/call", "params": params });
        writeln!(self.input.as_mut()?, "{request}").ok().map(|()| self.next)
    }

    /// Sends a text to be saved, and takes in what was answered meanwhile. `false` when the server is gone.
    pub(crate) fn save(&mut self, text: String) -> bool {
        let arguments = json!({ "text": text, "kind": "fact" });
        let Some(number) = self.send("memory_save", &arguments) else { return false };
        self.sent.insert(number, text);
        while self.sent.len() >= WINDOW {
            if !self.take(Duration::from_secs(30)) {
                return false;
            }
        }
        while self.take(Duration::ZERO) {}
        true
    }

    /// Calls a tool and waits for its answer; `None` when the server is gone.
    pub(crate) fn call(&mut self, name: &str, arguments: &Value) -> Option<Value> {
        while !self.sent.is_empty() {
            if !self.take(Duration::from_secs(30)) {
                return None;
            }
        }
        self.send(name, arguments)?;
        self.answers.recv_timeout(Duration::from_mins(1)).ok()
    }

    /// Takes in one answer; `false` when none came in time.
    fn take(&mut self, within: Duration) -> bool {
        match self.answers.recv_timeout(within) {
            Ok(answer) => {
                self.note(&answer);
                true
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }

    fn note(&mut self, answer: &Value) {
        let Some(text) = answer["id"].as_u64().and_then(|number| self.sent.remove(&number)) else { return };
        let content = &answer["result"]["structuredContent"];
        match content["id"].as_str().and_then(|id| id.parse().ok()) {
            Some(id) if answer["result"]["isError"] != true => self.acknowledged.push((id, text)),
            _ => self.refused.push(answer.clone()),
        }
    }

    /// Takes in everything that was answered until the server's output ended.
    pub(crate) fn drain(&mut self) {
        while let Ok(answer) = self.answers.recv_timeout(Duration::from_secs(30)) {
            self.note(&answer);
        }
    }

    /// Kills it without a word, and takes in what it had answered.
    pub(crate) fn kill(mut self) -> Vec<(MessageId, String)> {
        let _ = self.child.kill();
        self.child.wait().unwrap();
        self.drain();
        self.acknowledged
    }

    /// Ends its input and waits for its end.
    pub(crate) fn finish(mut self) -> (Vec<(MessageId, String)>, Vec<Value>) {
        self.input = None;
        self.drain();
        assert!(self.child.wait().unwrap().success());
        (self.acknowledged, self.refused)
    }
}

//! A client of the MCP server: JSON-RPC lines over stdin and stdout, in both eras.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::home::TestHome;

/// A running server.
pub(crate) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: u64,
    modern: bool,
}

impl Client {
    pub(crate) fn start(home: &TestHome, modern: bool) -> Self {
        Self::start_with(home, modern, &[])
    }

    pub(crate) fn start_with(home: &TestHome, modern: bool, arguments: &[&str]) -> Self {
        Self::with_command(home.command(), modern, arguments)
    }

    pub(crate) fn with_command(mut command: Command, modern: bool, arguments: &[&str]) -> Self {
        command.arg("mcp").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut client = Self { child, input, output, next: 0, modern };
        if !modern {
            let answer = client.request(
                "initialize",
                json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } }),
            );
            assert_eq!(answer["result"]["protocolVersion"], "2025-11-25");
            client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        }
        client
    }

    pub(crate) fn send(&mut self, message: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{message}").unwrap();
    }

    pub(crate) fn request(&mut self, method: &str, mut params: Value) -> Value {
        self.next += 1;
        if self.modern {
            for (key, value) in [
                ("protocolVersion", json!("2026-07-28")),
                ("clientInfo", json!({ "name": "test", "version": "1" })),
                ("clientCapabilities", json!({})),
            ] {
                params["_meta"][format!("io.modelcontextprotocol/{key}")] = value;
            }
        }
        self.send(&json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params }));
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert_eq!(answer["id"], self.next, "{answer}");
        answer
    }

    /// Calls a tool as a program: the answer holds data beside its text.
    #[track_caller]
    pub(crate) fn call(&mut self, name: &str, arguments: Value) -> Value {
        let meta = json!({ "claude-memory/structured": true });
        let answer = self.request("tools/call", json!({ "name": name, "arguments": arguments, "_meta": meta }));
        answer.get("result").unwrap_or_else(|| panic!("{answer}")).clone()
    }

    /// Calls a tool that the client wants progress of; returns the notifications before the answer, and the answer.
    pub(crate) fn call_with_progress(&mut self, name: &str, arguments: Value) -> (Vec<Value>, Value) {
        assert!(!self.modern, "revision 2025-11-25, which has notifications on stdio");
        self.next += 1;
        let params = json!({ "name": name, "arguments": arguments, "_meta": { "progressToken": "p1" } });
        self.send(&json!({ "jsonrpc": "2.0", "id": self.next, "method": "tools/call", "params": params }));
        let mut notified = Vec::new();
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line).unwrap();
            let message: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
            if message["id"] == self.next {
                return (notified, message);
            }
            notified.push(message);
        }
    }

    /// Calls a tool as an agent does; its text.
    #[track_caller]
    pub(crate) fn ask(&mut self, name: &str, arguments: Value) -> String {
        let answer = self.request("tools/call", json!({ "name": name, "arguments": arguments }));
        assert_eq!(answer["result"].get("structuredContent"), None, "{answer}");
        answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Ends stdin and waits; stderr must be empty.
    pub(crate) fn finish(mut self) {
        self.input = None;
        assert!(self.child.wait().unwrap().success());
        let mut talk = String::new();
        std::io::Read::read_to_string(&mut self.child.stderr.take().unwrap(), &mut talk).unwrap();
        assert_eq!(talk, "");
    }
}

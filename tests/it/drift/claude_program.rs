//! The real Claude Code as the scripts drive it: one run, a stream of prompts, and the model behind it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::files;
use super::stage::Stage;
use crate::claude_code;
use crate::home::TestHome;
use crate::model::{Block, Protocol};

/// The program with the home that all its sessions share.
pub(super) struct Claude<'a> {
    pub(super) program: PathBuf,
    pub(super) home: &'a TestHome,
    pub(super) address: String,
}

impl Claude<'_> {
    pub(super) fn command(&self, folder: &str) -> Command {
        let mut command = claude_code::command(&self.program, self.home);
        std::fs::create_dir_all(self.home.path().join(folder)).unwrap();
        command.current_dir(self.home.path().join(folder)).env("ENABLE_TOOL_SEARCH", "false");
        command.env("ANTHROPIC_BASE_URL", &self.address).env("ANTHROPIC_API_KEY", "dummy-not-a-key");
        command
    }

    pub(super) fn projects(&self) -> PathBuf {
        self.home.path().join(".claude/projects")
    }

    /// Whether the prompt `alive` goes on from a record before the prompt `dead`, in one transcript.
    pub(super) fn branches(&self, dead: &str, alive: &str) -> bool {
        let of = |record: &Value, prompt: &str| record["type"] == "user" && record["message"]["content"] == prompt;
        files::below(&self.projects()).iter().map(|path| files::parsed(path)).any(|records| {
            let find = |prompt: &str| records.iter().find(|record| of(record, prompt));
            let (Some(dead), Some(alive)) = (find(dead), find(alive)) else { return false };
            let parent = |record: &Value| records.iter().find(|other| other["uuid"] == record["parentUuid"]);
            std::iter::successors(parent(dead), |record| parent(record))
                .any(|record| record["uuid"] == alive["parentUuid"])
        })
    }

    /// One run in print mode.
    pub(super) fn print(&self, folder: &str, arguments: &[&str]) {
        let ran = self.command(folder).arg("-p").args(arguments).output().unwrap();
        let talk = [ran.stdout, ran.stderr].concat();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&talk));
    }

    /// A session whose prompts come over a stream.
    pub(super) fn live(&self, folder: &str, arguments: &[&str]) -> Live {
        let mut command = self.command(folder);
        command.args(["-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(serde_json::from_str(&line).unwrap_or(Value::Null)).is_err() {
                    return;
                }
            }
        });
        Live { child, input, events, replies: Vec::new() }
    }
}

/// What a person answers when the client asks about a tool.
pub(super) type Reply = (&'static str, Value);

pub(super) struct Live {
    child: Child,
    input: ChildStdin,
    events: Receiver<Value>,
    pub(super) replies: Vec<Reply>,
}

impl Live {
    fn send(&mut self, value: &Value) {
        writeln!(self.input, "{value}").unwrap();
    }

    fn type_in(&mut self, prompt: &str) {
        self.send(&json!({ "type": "user", "message": { "role": "user", "content": prompt } }));
    }

    /// Types a prompt and waits for the end of its turn; `meanwhile` is typed as soon as a tool runs.
    pub(super) fn ask(&mut self, prompt: &str, meanwhile: Option<&str>) {
        self.type_in(prompt);
        let mut meanwhile = meanwhile;
        loop {
            let event =
                self.events.recv_timeout(Duration::from_mins(1)).unwrap_or_else(|_| panic!("no end of {prompt:?}"));
            let tool_runs = event["type"] == "assistant" && event["message"].to_string().contains("\"tool_use\"");
            if let Some(text) = meanwhile.take_if(|_| tool_runs) {
                self.type_in(text);
            }
            if event["type"] == "control_request" {
                self.answer(&event);
            }
            if event["type"] == "result" {
                return;
            }
        }
    }

    fn answer(&mut self, event: &Value) {
        let asked = &event["request"];
        let reply = self.replies.iter().find(|(tool, _)| asked["tool_name"] == *tool).map(|(_, reply)| reply.clone());
        let mut reply = reply.unwrap_or_else(|| json!({ "behavior": "allow", "updatedInput": asked["input"] }));
        if let Some(answer) = reply.get("answer").cloned() {
            let question = asked["input"]["questions"][0]["question"].as_str().unwrap().to_owned();
            let mut input = asked["input"].clone();
            input["answers"] = json!({ question: answer });
            reply = json!({ "behavior": "allow", "updatedInput": input });
        }
        let response = json!({ "subtype": "success", "request_id": event["request_id"], "response": reply });
        self.send(&json!({ "type": "control_response", "response": response }));
    }

    pub(super) fn end(self) {
        let Self { mut child, input, .. } = self;
        drop(input);
        let _ = child.wait();
    }
}

/// Stands for the file of the plan, whose path the client tells the model.
pub(super) const PLAN: &str = "the file of the plan";

/// What the model says next, with the file that the client wants a plan to be written to.
pub(super) fn next(request: &Value, stage: &Stage) -> Vec<Block> {
    let mut blocks = stage.next(&Protocol::Messages.heard(request));
    for block in &mut blocks {
        if let Block::Call(_, input) = block {
            place(input, request);
        }
    }
    blocks
}

fn place(input: &mut Value, request: &Value) {
    if input["file_path"] != PLAN {
        return;
    }
    let request = request.to_string();
    let (before, after) = request.split_once("/.claude/plans/").unwrap();
    let start = before.rfind(|letter: char| letter.is_whitespace() || "\"`'(".contains(letter)).unwrap() + 1;
    let (name, _) = after.split_once(".md").unwrap();
    input["file_path"] = json!(format!("{}/.claude/plans/{name}.md", before.split_at(start).1));
}

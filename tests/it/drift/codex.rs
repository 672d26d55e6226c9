//! Scripted sessions of the real Codex: runs of `exec`, and its app server for what only an interface can do.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::stage::{Said, Stage, Times, large, split};
use super::{check, files};
use crate::codex;
use crate::home::TestHome;
use crate::model::{Block, Model, number};

/// A model that the client knows, which runs commands in scripts and has sub-agents.
const NEWEST: &str = "model=\"gpt-6.1-sol\"";

struct Codex<'a> {
    program: PathBuf,
    home: &'a TestHome,
}

impl Codex<'_> {
    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.home.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// One run; returns the id of its session.
    fn exec(&self, folder: &str, arguments: &[&str]) -> String {
        let mut command = codex::command(&self.program, self.home, &self.folder(folder));
        let ran = command.args(["exec", "--skip-git-repo-check"]).args(arguments).output().unwrap();
        let talk = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "{arguments:?}: {talk}");
        talk.lines().find_map(|line| line.strip_prefix("session id: ")).unwrap().to_owned()
    }

    fn server(&self, folder: &Path) -> Server {
        let mut command = codex::command(&self.program, self.home, folder);
        command.arg("app-server").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
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
        let mut server = Server { child, input, events };
        server.call("initialize", json!({ "clientInfo": { "name": "test", "title": "test", "version": "1" } }));
        server.send(&json!({ "method": "initialized" }));
        server
    }
}

/// The app server of Codex, which speaks JSON-RPC without saying so.
struct Server {
    child: Child,
    input: ChildStdin,
    events: Receiver<Value>,
}

impl Server {
    fn send(&mut self, message: &Value) {
        writeln!(self.input, "{message}").unwrap();
    }

    fn wait(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self.events.recv_timeout(Duration::from_mins(1));
            let event = event.unwrap_or_else(|_| panic!("the app server did not say {what}"));
            if is(&event) {
                return event;
            }
        }
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        let id = number();
        self.send(&json!({ "id": id, "method": method, "params": params }));
        let answer = self.wait(method, |event| event["id"] == id && event.get("method").is_none());
        answer.get("result").unwrap_or_else(|| panic!("{method}: {answer}")).clone()
    }

    fn begin(&mut self, thread: &str, text: &str) -> String {
        let input = json!([{ "type": "text", "text": text }]);
        let turn = self.call("turn/start", json!({ "threadId": thread, "input": input }));
        turn["turn"]["id"].as_str().unwrap().to_owned()
    }

    fn ended(&self) {
        self.wait("turn/completed", |event| event["method"] == "turn/completed");
    }

    fn ask(&mut self, thread: &str, text: &str) {
        self.begin(thread, text);
        self.ended();
    }

    fn thread(&mut self, folder: &Path) -> String {
        let started = self.call("thread/start", json!({ "cwd": folder }));
        started["thread"]["id"].as_str().unwrap().to_owned()
    }

    fn end(self) {
        let Self { mut child, input, .. } = self;
        drop(input);
        let _ = child.wait();
    }
}

type Scene = Box<dyn FnOnce(&Codex<'_>) + Send>;

fn command(command: String) -> Block {
    Block::Call("exec_command", json!({ "cmd": command, "max_output_tokens": 100_000 }))
}

/// Tools, parallel calls, NUL and a large output, each resumed from the one before, and a fork.
fn chain(stage: &mut Stage) -> Scene {
    let tools = stage.prompt("tools");
    let calls = vec![stage.thought(), stage.answer(), command(stage.echo())];
    stage.plays(vec![calls]);

    let parallel = stage.prompt("parallel");
    let missing = command(format!("ls /missing-{}", stage.counted(Said::Call, Times::Repeated)));
    let calls = vec![command(stage.echo()), command(stage.echo()), missing];
    stage.plays(vec![calls]);

    let nul = stage.prompt("nul");
    let word = split(&stage.word(Said::Output));
    stage.plays(vec![vec![command(format!("printf 'before\\0after %s end\\n' {word}"))]]);
    stage.writes("before\\u0000after");

    // The client drops the middle of it.
    let much = stage.prompt("large");
    let last = stage.word(Said::Output);
    stage.plays(vec![vec![command(large("dropped", &last))]]);

    let (fork, _) = stage.exchange("fork");
    stage.writes("\"forked_from_id\"");
    Box::new(move |codex| {
        let session = codex.exec("chain", &[&tools]);
        codex.exec("chain", &["resume", &session, &parallel]);
        codex.exec("chain", &["resume", "--last", &nul]);
        codex.exec("chain", &["resume", "--last", &much]);
        codex.exec("chain", &["fork", &session, &fork]);
    })
}

/// The newest models: commands in a script, a patch, a sub-agent, an image.
fn newest(stage: &mut Stage) -> Scene {
    let script = stage.prompt("script");
    let run = |command: String| format!("tools.exec_command({{ cmd: {} }})", json!(command));
    let both = format!("Promise.all([{}, {}])", run(stage.echo()), run(stage.echo()));
    let code = format!("const name = \"{}\"; for (const done of await {both}) text(done);", stage.word(Said::Call));
    let patch = format!("*** Begin Patch\n*** Add File: new.txt\n+written {}\n*** End Patch\n", stage.word(Said::Call));
    stage.plays(vec![vec![Block::Custom("exec", code)], vec![Block::Custom("apply_patch", patch)]]);

    let agent = stage.prompt("agent");
    let task = format!("look for {} step:lookout", stage.counted(Said::Task, Times::Repeated));
    let task = json!({ "task_name": "look", "message": task, "fork_turns": "none" });
    let wait = Block::Call("wait_agent", json!({ "timeout_ms": 20_000 }));
    stage.plays(vec![vec![Block::Call("spawn_agent", task)], vec![wait]]);
    stage.writes("\"parent_thread_id\"");
    stage.begin("lookout");
    let output = Block::Custom("exec", format!("text(await {})", run(stage.echo())));
    let report = Block::Text(format!("report {}", stage.counted(Said::Answer, Times::Repeated)));
    stage.rounds(vec![vec![output], vec![report]]);

    let (image, _) = stage.exchange("image");
    stage.writes("\"input_image\"");
    Box::new(move |codex| {
        let dot = codex.home.write("newest/dot.png", PNG);
        codex.exec("newest", &["-c", NEWEST, &script]);
        codex.exec("newest", &["-c", NEWEST, &agent]);
        codex.exec("newest", &["-c", NEWEST, "-i", dot.to_str().unwrap(), "--", &image]);
    })
}

/// An image of one pixel.
const PNG: &[u8] = b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\
    \x00\x0dIDATx\xdacd\xf8\xcfP\x0f\x00\x03\x86\x01\x80Z4}k\x00\x00\x00\x00IEND\xaeB`\x82";

/// An interface: a prompt while a command runs, a name, a compaction, a fork, an archived session.
fn interface(stage: &mut Stage) -> Scene {
    let [first, compacted, forked, archived] =
        ["first", "compacted", "forked", "archived"].map(|step| stage.exchange(step).0);
    let slow = stage.prompt("slow");
    let steered = format!("meanwhile {}", stage.word(Said::Prompt));
    let sleep = Block::Call("exec_command", json!({ "cmd": "sleep 2; echo slept", "yield_time_ms": 8000 }));
    stage.plays(vec![vec![sleep]]);
    stage.begin("summary");
    let summary = Block::Text(format!("summary {}", stage.counted(Said::Summary, Times::Repeated)));
    stage.rounds(vec![vec![summary]]);
    stage.writes("\"type\":\"compacted\"");
    stage.begin("name");
    let name = format!("about {}", stage.word(Said::Title));
    Box::new(move |codex| {
        let folder = codex.folder("interface");
        let mut server = codex.server(&folder);
        let thread = server.thread(&folder);
        server.ask(&thread, &first);
        let turn = server.begin(&thread, &slow);
        server.wait("that the command runs", |event| {
            event["method"] == "item/started" && event["params"]["item"]["type"] == "commandExecution"
        });
        let input = json!([{ "type": "text", "text": steered }]);
        server.call("turn/steer", json!({ "threadId": thread, "expectedTurnId": turn, "input": input }));
        server.ended();
        server.call("thread/name/set", json!({ "threadId": thread, "name": name }));
        server.call("thread/compact/start", json!({ "threadId": thread }));
        server.ended();
        server.ask(&thread, &compacted);
        let fork = server.call("thread/fork", json!({ "threadId": thread }));
        server.ask(fork["thread"]["id"].as_str().unwrap(), &forked);
        let other = server.thread(&folder);
        server.ask(&other, &archived);
        server.call("thread/archive", json!({ "threadId": other }));
        server.end();
    })
}

#[test]
fn every_word_of_codex_is_kept() {
    let Some(program) = codex::codex() else { return };
    let (home, mut stage) = (TestHome::new(), Stage::new("plover"));
    let scenes = [chain(&mut stage), newest(&mut stage), interface(&mut stage)];
    let stage = Arc::new(stage);
    let script = Arc::clone(&stage);
    let model = Model::start(move |protocol, request| script.next(&protocol.heard(request)));
    codex::configure(&home, &model.address, "compact_prompt = \"Sum it up. step:summary\"");
    let codex = Codex { program, home: &home };
    std::thread::scope(|scope| {
        for scene in scenes {
            let codex = &codex;
            scope.spawn(move || scene(codex));
        }
    });
    let version = codex::command(&codex.program, &home, home.path()).arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let folder = home.path().join(".codex");
    let records =
        ["sessions", "archived_sessions"].map(|name| files::records(&folder.join(name), ".jsonl")).iter().sum();
    check::check(&home, "codex", &version, &stage, &folder, records);
}

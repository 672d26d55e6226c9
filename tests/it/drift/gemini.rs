//! Scripted sessions of the real Gemini CLI: runs with a prompt, and a terminal.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use serde_json::json;

use super::stage::{Said, Stage, Times, large};
use super::terminal::{ENTER, ERASE_LINE, Terminal, UP};
use super::{check, files};
use crate::gemini;
use crate::home::TestHome;
use crate::model::{Block, HALF, Model};

struct Gemini<'a> {
    program: [PathBuf; 2],
    home: &'a TestHome,
    address: String,
}

impl Gemini<'_> {
    fn command(&self, folder: &str) -> Command {
        let folder = self.home.path().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        gemini::command(&self.program, self.home, &folder, &self.address)
    }

    fn run(&self, folder: &str, arguments: &[&str]) {
        let ran = self.command(folder).args(arguments).output().unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

type Scene = Box<dyn FnOnce(&Gemini<'_>)>;

fn shell(command: String) -> Block {
    Block::Call("run_shell_command", json!({ "command": command, "description": "run it" }))
}

/// Tools and parallel calls, then the session resumed: half of an emoji and a large output.
fn chain(stage: &mut Stage) -> Scene {
    let tools = stage.prompt("tools");
    let calls = vec![stage.thought(), stage.answer(), shell(stage.echo()), shell(stage.echo())];
    let (written, todo) = (stage.counted(Said::Call, Times::Repeated), stage.counted(Said::Call, Times::Repeated));
    let file = Block::Call("write_file", json!({ "file_path": "new.txt", "content": format!("written {written}\n") }));
    let todos = Block::Call("write_todos", json!({ "todos": [{ "description": todo, "status": "pending" }] }));
    stage.plays(vec![calls, vec![file, todos]]);

    let half = stage.prompt("half");
    let said = Block::Text(format!("half {HALF} of {}", stage.word(Said::Answer)));
    stage.rounds(vec![vec![said]]);
    stage.writes("half \\ud83d of");

    let much = stage.prompt("large");
    let command = large(&stage.word(Said::Output), &stage.word(Said::Output));
    stage.plays(vec![vec![shell(command)]]);
    stage.writes("Output too large");

    let (last, _) = stage.exchange("last");
    Box::new(move |gemini| {
        gemini.run("chain", &["-p", &tools]);
        [half, much, last].iter().for_each(|prompt| gemini.run("chain", &["-r", "latest", "-p", prompt]));
    })
}

/// A sub-agent, a command of one's own with arguments, a file that a prompt mentions.
fn places(stage: &mut Stage, home: &TestHome) -> Scene {
    let agent = stage.prompt("agent");
    let task = format!("look for {} step:lookout", stage.counted(Said::Task, Times::Repeated));
    stage.plays(vec![vec![Block::Call("invoke_agent", json!({ "agent_name": "generalist", "prompt": task }))]]);
    stage.writes("\"kind\":\"subagent\"");
    stage.begin("lookout");
    let calls = vec![stage.answer(), shell(stage.echo())];
    let report = format!("report {}", stage.counted(Said::Call, Times::Repeated));
    let report = Block::Call("complete_task", json!({ "result": { "response": report } }));
    stage.rounds(vec![calls, vec![report]]);

    stage.begin("command");
    let typed = format!("/fix the {} rounding", stage.counted(Said::Prompt, Times::Repeated));
    let body =
        format!("Fix it with care, {}: {{{{args}}}} {}", stage.counted(Said::Added, Times::Repeated), stage.cue());
    home.write(".gemini/commands/fix.toml", format!("prompt = \"{body}\"\n"));
    stage.plays(Vec::new());

    let (mention, _) = stage.exchange("mention");
    let mention = format!("{mention} @mentioned.txt");
    home.write("places/mentioned.txt", format!("content {}\n", stage.word(Said::Added)));
    Box::new(move |gemini| [agent, typed, mention].iter().for_each(|prompt| gemini.run("places", &["-p", prompt])))
}

/// A terminal: a session saved under a name, a rewind and `/clear`.
fn terminal(stage: &mut Stage) -> Scene {
    let [first, dead, alive, cleared] = ["typed", "dead", "alive", "cleared"].map(|step| stage.exchange(step));
    stage.writes("\"$rewindTo\"");
    Box::new(move |gemini| {
        let chats = gemini.home.path().join(".gemini/tmp/terminal/chats");
        let mut terminal = Terminal::start(&gemini.command("terminal"), "your message");
        terminal.ask(&first.0, &chats, &first.1);
        terminal.enter("/chat save bookmark");
        terminal.ask(&dead.0, &chats, &dead.1);
        terminal.enter("/rewind");
        [UP, ENTER, ENTER, ERASE_LINE].iter().for_each(|key| terminal.press(key));
        terminal.ask(&alive.0, &chats, &alive.1);
        terminal.enter("/clear");
        terminal.ask(&cleared.0, &chats, &cleared.1);
        terminal.leave("/quit");
    })
}

#[test]
fn every_word_of_gemini_is_kept() {
    let Some(program) = gemini::gemini() else { return };
    let (home, mut stage) = (TestHome::new(), Stage::new("dunnock"));
    let scenes = [terminal(&mut stage), chain(&mut stage), places(&mut stage, &home)];
    let stage = Arc::new(stage);
    let script = Arc::clone(&stage);
    let model = Model::start(move |protocol, request| script.next(&protocol.heard(request)));
    gemini::configure(&home);
    let gemini = Gemini { program, home: &home, address: model.address };
    // One after another: two programs at once write one settings file, and the other reads half of it.
    scenes.into_iter().for_each(|scene| scene(&gemini));
    let version = gemini.command("chain").arg("--version").output().unwrap();
    let version = format!("gemini {}", String::from_utf8_lossy(&version.stdout).trim());
    let folder = home.path().join(".gemini");
    let records = files::records(&folder.join("tmp"), ".jsonl");
    check::check(&home, "gemini", &version, &stage, &folder, records);
}

//! Scripted sessions of the real Claude Code: in print mode, over a stream of JSON and in a terminal.

use std::process::Command;
use std::sync::Arc;

use serde_json::json;

use super::claude_program::{Claude, PLAN, next};
use super::stage::{Said, Stage, Times, large, split};
use super::terminal::{ENTER, ERASE_LINE, Terminal, UP};
use super::{check, files};
use crate::claude_code;
use crate::home::TestHome;
use crate::model::{Block, HALF, Model};

/// What a scene does once the model knows its lines.
type Scene = Box<dyn FnOnce(&Claude<'_>) + Send>;

/// A prompt, and what is typed while it is worked on.
type Typed = (String, Option<String>);

const ALLOWED: [&str; 4] =
    ["--allowedTools", "Bash,Read,Write,Edit,Agent,TaskCreate", "--permission-prompt-tool", "stdio"];

fn bash(command: String) -> Block {
    Block::Call("Bash", json!({ "command": command, "description": "run it" }))
}

/// A call that starts a sub-agent, which goes on with the given step.
fn agent(stage: &mut Stage, step: &str, title: &str, background: bool) -> Block {
    let prompt = format!("look for {} step:{step}", stage.counted(Said::Task, Times::Repeated));
    let task = json!({ "description": title, "prompt": prompt, "subagent_type": "general-purpose",
        "run_in_background": background });
    Block::Call("Agent", task)
}

/// All prompts of one session over a stream.
fn session(folder: &'static str, prompts: Vec<Typed>) -> Scene {
    Box::new(move |claude| {
        let mut live = claude.live(folder, &ALLOWED);
        prompts.iter().for_each(|(prompt, meanwhile)| live.ask(prompt, meanwhile.as_deref()));
        live.end();
    })
}

/// Tools that run, read and write, some of them at once, and a file that a prompt mentions.
fn tools(stage: &mut Stage, home: &TestHome) -> Scene {
    let folder = home.path().join("tools");
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let tools = stage.prompt("tools");
    let rounds = vec![
        vec![stage.thought(), stage.answer(), bash(stage.echo())],
        vec![Block::Call(
            "Write",
            json!({ "file_path": at("new.txt"), "content": format!("{}\nline\n", stage.word(Said::Call)) }),
        )],
        vec![Block::Call(
            "Edit",
            json!({ "file_path": at("new.txt"), "old_string": "line", "new_string": stage.word(Said::Call) }),
        )],
        vec![Block::Call("Read", json!({ "file_path": at("old.txt") }))],
    ];
    stage.plays(rounds);
    home.write("tools/old.txt", format!("content {}\n", stage.word(Said::Output)));

    let parallel = stage.prompt("parallel");
    let missing = bash(format!("ls /missing-{}", stage.counted(Said::Call, Times::Repeated)));
    let calls = vec![stage.answer(), bash(stage.echo()), bash(stage.echo()), missing];
    stage.plays(vec![calls]);

    let tasks = stage.prompt("tasks");
    let (subject, description) = (stage.counted(Said::Call, Times::Repeated), stage.word(Said::Call));
    let task = json!({ "subject": subject, "description": description, "activeForm": "doing it" });
    stage.plays(vec![vec![Block::Call("TaskCreate", task)]]);

    let (mention, _) = stage.exchange("mention");
    home.write("tools/mentioned.txt", format!("content {}\n", stage.word(Said::Added)));
    let prompts = [tools, parallel, tasks, format!("{mention} @mentioned.txt")];
    session("tools", prompts.map(|prompt| (prompt, None)).to_vec())
}

/// Sub-agents that are waited for and not, and a prompt while a tool runs.
fn meanwhile(stage: &mut Stage) -> Scene {
    let foreground = stage.prompt("agent");
    let title = stage.word(Said::Call);
    let call = agent(stage, "lookout", &title, false);
    stage.plays(vec![vec![call]]);
    stage.begin("lookout");
    let report = Block::Text(format!("report {}", stage.counted(Said::Answer, Times::Repeated)));
    let rounds = vec![vec![stage.thought(), bash(stage.echo())], vec![report]];
    stage.rounds(rounds);

    let slow = stage.prompt("meanwhile");
    let typed = format!("meanwhile {}", stage.word(Said::Prompt));
    stage.plays(vec![vec![bash("sleep 3; echo slept".to_owned())]]);
    stage.writes("\"absorbed_mid_turn\"");

    // What the client says when the agent is ready comes like a prompt that was typed meanwhile.
    let background = stage.prompt("background");
    let title = stage.counted(Said::Call, Times::Repeated);
    let call = agent(stage, "behind", &title, true);
    stage.plays(vec![vec![call], vec![bash("sleep 3".to_owned())]]);
    stage.writes("\"commandMode\":\"task-notification\"");
    stage.begin("behind");
    let report = Block::Text(format!("report {}", stage.counted(Said::Answer, Times::Repeated)));
    stage.rounds(vec![vec![report]]);
    session("meanwhile", vec![(foreground, None), (slow, Some(typed)), (background, None)])
}

/// Bytes that break readers: NUL, half of an emoji, and an output that the client keeps beside the transcript.
fn bytes(stage: &mut Stage) -> Scene {
    let nul = stage.prompt("nul");
    let word = split(&stage.word(Said::Output));
    stage.plays(vec![vec![bash(format!("printf 'before\\0after %s end\\n' {word}"))]]);
    stage.writes("before\\u0000after");

    let half = stage.prompt("half");
    let (call, output) = (stage.word(Said::Call), split(&stage.word(Said::Output)));
    let said = Block::Text(format!("half {HALF} of {}", stage.word(Said::Answer)));
    stage.plays(vec![vec![said, bash(format!(": {call}; echo '{HALF}' {output}"))]]);
    stage.writes("half \\ud83d of");

    let much = stage.prompt("large");
    let command = large(&stage.word(Said::Output), &stage.word(Said::Output));
    stage.plays(vec![vec![bash(command)]]);
    stage.writes("<persisted-output>");
    session("bytes", [nul, half, much].map(|prompt| (prompt, None)).to_vec())
}

/// Plan mode, a question to the person, and a call that the person denies.
fn asking(stage: &mut Stage) -> Scene {
    let planned = stage.prompt("plan");
    let plan = format!("# Plan\n\nfirst {}\n", stage.counted(Said::Call, Times::Repeated));
    let plan = Block::Call("Write", json!({ "file_path": PLAN, "content": plan }));
    stage.plays(vec![vec![plan], vec![Block::Call("ExitPlanMode", json!({}))]]);
    stage.writes("User has approved your plan");

    let questioned = stage.prompt("question");
    let (question, detail) = (stage.counted(Said::Call, Times::Repeated), stage.word(Said::Call));
    let options = json!([{ "label": "one", "description": detail }, { "label": "two", "description": "other" }]);
    let question = json!({ "question": format!("which {question}?"), "header": "choice", "multiSelect": false,
        "options": options });
    stage.plays(vec![vec![Block::Call("AskUserQuestion", json!({ "questions": [question] }))]]);
    let chosen = ("AskUserQuestion", json!({ "answer": format!("neither, {}", stage.word(Said::Reply)) }));

    let refused = stage.prompt("denial");
    let command = bash(format!("touch {}", stage.word(Said::Call)));
    stage.plays(vec![vec![command]]);
    let denied = ("Bash", json!({ "behavior": "deny", "message": format!("no, {}", stage.word(Said::Reply)) }));
    Box::new(move |claude| {
        let mut live = claude.live("asking", &["--permission-mode", "plan", "--permission-prompt-tool", "stdio"]);
        live.replies = vec![chosen, denied];
        [planned, questioned, refused].iter().for_each(|prompt| live.ask(prompt, None));
        live.end();
    })
}

/// Resume, continue, fork, rewind and compaction of one session.
fn chain(stage: &mut Stage) -> Scene {
    let session = "11111111-2222-4333-8444-555555555555";
    let from = stage.marks.len();
    let [first, resumed, continued] = ["first", "resumed", "continued"].map(|step| stage.exchange(step).0);
    stage.forked(from);
    let [forked, rewound, compacted] = ["fork", "rewound", "compacted"].map(|step| stage.exchange(step).0);
    stage.begin("summary");
    let compact = format!("/compact keep {} {}", stage.word(Said::Prompt), stage.cue());
    let summary = Block::Text(format!("summary {}", stage.word(Said::Summary)));
    stage.rounds(vec![vec![summary]]);
    stage.writes("\"compact_boundary\"");
    Box::new(move |claude| {
        claude.print("chain", &["--session-id", session, &first]);
        claude.print("chain", &["--resume", session, &resumed]);
        claude.print("chain", &["--continue", &continued]);
        claude.print("chain", &["--resume", session, "--fork-session", &forked]);
        let transcripts = files::below(&claude.projects());
        let transcript = transcripts.iter().find(|path| path.to_string_lossy().contains(session)).unwrap();
        let records = files::parsed(transcript);
        let answer = records.iter().find(|record| record["type"] == "assistant").unwrap()["uuid"].as_str().unwrap();
        claude.print("chain", &["--resume", session, "--resume-session-at", answer, &rewound]);
        assert!(claude.branches(&resumed, &rewound), "the rewind goes on from before what it takes back");
        claude.print("chain", &["--resume", session, &compact]);
        claude.print("chain", &["--resume", session, &compacted]);
    })
}

/// A command of one's own with arguments, and sessions in worktrees of git.
fn places(stage: &mut Stage, home: &TestHome) -> Scene {
    stage.begin("command");
    let typed = format!("/fix the {} rounding", stage.counted(Said::Prompt, Times::Repeated));
    let body = stage.counted(Said::Added, Times::Repeated);
    home.write(".claude/commands/fix.md", format!("Fix it with care, {body}:\n\n$ARGUMENTS\n\n{}\n", stage.cue()));
    stage.plays(Vec::new());
    let [repository, worktree, own] = ["repository", "worktree", "ownworktree"].map(|step| stage.exchange(step).0);
    stage.writes("\"worktree-state\"");
    Box::new(move |claude| {
        claude.print("places", &[&typed]);
        let folder = claude.home.path().join("places");
        let git = |arguments: &[&str]| {
            let identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.com"];
            let ran = Command::new("git").current_dir(&folder).args(identity).args(arguments).output();
            assert!(ran.unwrap().status.success(), "{arguments:?}");
        };
        git(&["init", "--quiet"]);
        git(&["commit", "--quiet", "--allow-empty", "--message", "first"]);
        git(&["worktree", "add", "--quiet", "../tree", "-b", "side"]);
        claude.print("places", &[&repository]);
        claude.print("tree", &[&worktree]);
        claude.print("places", &["--worktree", "own", &own]);
    })
}

/// A terminal: a name, a shell command, a prompt while a tool runs, a rewind and `/clear`.
fn terminal(stage: &mut Stage) -> Scene {
    let [first, dead, alive, cleared] = ["typed", "dead", "alive", "cleared"].map(|step| stage.exchange(step));
    let slow = stage.prompt("slow");
    let running = stage.word(Said::Call);
    let queued = format!("queued {}", stage.word(Said::Prompt));
    // The queued prompt joins the turn or comes behind it. Then the model says the same once more, in a message of its own.
    let slept = stage.counted(Said::Answer, Times::Repeated);
    let answer = Block::Text(format!("answer {slept}"));
    stage.rounds(vec![vec![bash(format!("sleep 3; : {running}"))], vec![answer]]);
    stage.begin("rename");
    let rename = format!("/rename {}", stage.word(Said::Title));
    stage.begin("shell");
    let (typed, printed) = (stage.word(Said::Reply), stage.word(Said::Added));
    let shell = format!("!: {typed} {}; echo {}", stage.cue(), split(&printed));
    let noted = stage.plays(Vec::new());
    Box::new(move |claude| {
        let projects = claude.projects();
        let mut terminal = Terminal::start(
            claude.command("terminal").args(["--permission-mode", "default", "--allowedTools", "Bash"]),
            "❯",
        );
        terminal.ask(&first.0, &projects, &first.1);
        terminal.enter(&rename);
        terminal.ask(&shell, &projects, &noted);
        terminal.enter(&slow);
        terminal.wait(&projects, &running);
        terminal.ask(&queued, &projects, &slept);
        terminal.ask(&dead.0, &projects, &dead.1);
        terminal.enter("/rewind");
        [UP, ENTER, ENTER, ERASE_LINE].iter().for_each(|key| terminal.press(key));
        terminal.ask(&alive.0, &projects, &alive.1);
        assert!(claude.branches(&dead.0, &alive.0), "the rewind goes on from before what it takes back");
        terminal.enter("/clear");
        terminal.ask(&cleared.0, &projects, &cleared.1);
        terminal.leave("/exit");
    })
}

#[test]
fn every_word_of_claude_code_is_kept() {
    let Some(program) = claude_code::claude() else { return };
    let (home, mut stage) = (TestHome::new(), Stage::new("kestrel"));
    let scenes = [
        terminal(&mut stage),
        tools(&mut stage, &home),
        meanwhile(&mut stage),
        chain(&mut stage),
        bytes(&mut stage),
        asking(&mut stage),
        places(&mut stage, &home),
    ];
    let folder = home.path().join("terminal").to_str().unwrap().to_owned();
    let state = json!({ "hasCompletedOnboarding": true, "theme": "dark",
        "customApiKeyResponses": { "approved": ["dummy-not-a-key"], "rejected": [] },
        "projects": { folder: { "hasTrustDialogAccepted": true, "hasCompletedProjectOnboarding": true } } });
    home.write(".claude.json", state.to_string());
    let stage = Arc::new(stage);
    let script = Arc::clone(&stage);
    let model = Model::start(move |_, request| next(request, &script));
    let claude = Claude { program, home: &home, address: model.address };
    std::thread::scope(|scope| {
        for scene in scenes {
            let claude = &claude;
            scope.spawn(move || scene(claude));
        }
    });
    let version = claude.command("tools").arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let records = files::records(&claude.projects(), ".jsonl");
    check::check(&home, "claude-code", &version, &stage, &home.path().join(".claude"), records);
}

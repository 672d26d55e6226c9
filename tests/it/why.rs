//! The session behind a line and a commit, over repositories that real git made: grades, grounds, silences, rewritten
//! history, order of imports, deletion, hostile repositories and bad input.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::home::TestHome;

/// A home, a repository in it, and the transcripts of sessions that worked there.
struct Workshop {
    home: TestHome,
    repository: PathBuf,
    sessions: Vec<(&'static str, Vec<String>)>,
}

/// A moment of the day on which everything happens.
fn moment(minute: u32) -> String {
    format!("2026-11-20T{:02}:{:02}:00Z", 8 + minute / 60, minute % 60)
}

/// Lines that no other file has, numbered from `first`.
fn code(word: &str, first: u32, count: u32) -> String {
    (first..first + count)
        .map(|number| format!("    let {word}_{number} = measure_{word}({number}, \"{word}\");\n"))
        .collect()
}

impl Workshop {
    fn new() -> Self {
        let home = TestHome::new();
        let repository = home.path().join("shop");
        std::fs::create_dir_all(&repository).unwrap();
        let shop = Self { home, repository, sessions: Vec::new() };
        shop.git(0, &["init", "-q", "-b", "main"]);
        shop
    }

    fn git_in(&self, folder: &Path, minute: u32, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.current_dir(folder).args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]).args(arguments);
        git.env("HOME", self.home.path()).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_EDITOR", "true");
        git.env("GIT_AUTHOR_DATE", moment(minute)).env("GIT_COMMITTER_DATE", moment(minute));
        let ran = git.output().unwrap();
        assert!(ran.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8_lossy(&ran.stdout).trim().to_owned()
    }

    fn git(&self, minute: u32, arguments: &[&str]) -> String {
        self.git_in(&self.repository, minute, arguments)
    }

    fn commit(&self, minute: u32, subject: &str) -> String {
        self.git(minute, &["add", "-A"]);
        self.git(minute, &["commit", "-q", "--allow-empty", "-m", subject]);
        self.git(minute, &["rev-parse", "HEAD"])
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.repository.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    fn record(&mut self, session: &'static str, minute: u32, kind: &str, content: Value) {
        let known = self.sessions.iter().position(|(known, _)| *known == session);
        let at = known.unwrap_or(self.sessions.len());
        if known.is_none() {
            self.sessions.push((session, Vec::new()));
        }
        let lines = &mut self.sessions[at].1;
        let number = lines.len();
        let parent = (number > 0).then(|| format!("{session}-{}", number - 1));
        lines.push(
            json!({ "type": kind, "uuid": format!("{session}-{number}"), "parentUuid": parent, "sessionId": session,
                    "cwd": self.repository, "gitBranch": "main", "timestamp": moment(minute),
                    "message": { "role": kind, "id": format!("m-{session}-{number}"), "content": content } })
            .to_string(),
        );
    }

    fn ask(&mut self, session: &'static str, minute: u32, text: &str) {
        self.record(session, minute, "user", json!(text));
    }

    fn say(&mut self, session: &'static str, minute: u32, text: &str) {
        self.record(session, minute, "assistant", json!([{ "type": "text", "text": text }]));
    }

    fn call(&mut self, session: &'static str, minute: u32, tool: &str, input: Value, result: &str) {
        let id = format!("toolu_{session}_{minute}_{tool}");
        self.record(
            session,
            minute,
            "assistant",
            json!([{ "type": "tool_use", "id": id, "name": tool, "input": input }]),
        );
        self.record(session, minute, "user", json!([{ "type": "tool_result", "tool_use_id": id, "content": result }]));
    }

    /// An edit that adds text to the end of a file, in the transcript and on disk.
    fn add(&mut self, session: &'static str, minute: u32, path: &str, text: &str) {
        let file = self.repository.join(path);
        let before = std::fs::read_to_string(&file).unwrap_or_default();
        let input = json!({ "file_path": file, "old_string": "", "new_string": text });
        self.call(session, minute, "Edit", input, "The file has been updated.");
        self.write(path, &format!("{before}{text}"));
    }

    fn print_commit(&mut self, session: &'static str, minute: u32, id: &str, subject: &str) {
        let output = format!("[main {}] {subject}\n 1 file changed", id.get(..7).unwrap());
        self.call(session, minute, "Bash", json!({ "command": format!("git commit -m '{subject}'") }), &output);
    }

    /// Imports the transcripts of some sessions.
    fn import(&self, sessions: &[&str]) {
        for session in sessions {
            let lines = &self.sessions.iter().find(|(known, _)| known == session).unwrap().1;
            let file = self.home.write(&format!("t/{session}.jsonl"), lines.join("\n") + "\n");
            let _ = self.home.json(&["import", "claude-code", file.to_str().unwrap()]);
        }
    }

    fn why(&self, arguments: &[&str]) -> Value {
        let mut command = self.home.command();
        command.current_dir(&self.repository).arg("why").args(arguments).arg("--json");
        crate::home::Ran::new(command.output().unwrap()).json()
    }

    fn fails(&self, folder: &Path, arguments: &[&str], code: i32, message: &str) {
        let mut command = self.home.command();
        command.current_dir(folder).arg("why").args(arguments);
        crate::home::Ran::new(command.output().unwrap()).fails(code, message);
    }
}

fn attribution(answer: &Value) -> (&str, &str, &str) {
    let first = &answer["attributions"][0];
    (
        first["grade"].as_str().unwrap_or(""),
        first["ground"].as_str().unwrap_or(""),
        first["session"]["session_id"].as_str().unwrap_or(""),
    )
}

/// A session that wrote a file which was committed five minutes later.
fn shop_with_a_commit() -> Workshop {
    let mut shop = Workshop::new();
    shop.write("README.md", "# The shop of the examples\n\nIt sells pumps and hoses.\n");
    shop.commit(1, "Begin");
    shop.ask("s-pool", 10, "Why is the pool of 20 too large? Set the pool size to 12, the database team allows 15.");
    shop.say("s-pool", 11, "Measured with the morning load, 12 gives the same p99 as 20.");
    shop.add("s-pool", 12, "src/pool.rs", &code("pool", 1, 6));
    shop.commit(17, "Fewer connections");
    shop
}

#[test]
fn a_line_a_file_and_a_commit_lead_to_the_request() {
    let mut shop = shop_with_a_commit();
    shop.import(&["s-pool"]);
    let line = shop.why(&["src/pool.rs:3"]);
    assert_eq!(attribution(&line), ("proved", "nearly_all", "s-pool"), "{line}");
    assert_eq!((&line["proved"], &line["lines"][0]["number"]), (&json!(1), &json!(3)));
    let entry = &line["attributions"][0];
    assert!(
        entry["reason"].as_str().unwrap().contains("100 %") && entry["reason"].as_str().unwrap().contains("5 minutes")
    );
    let asked = entry["request"]["turns"][0]["text"].as_str().unwrap();
    assert!(asked.contains("Set the pool size to 12"), "{entry}");
    assert!(entry["request"]["said"]["text"].as_str().unwrap().contains("same p99"), "{entry}");
    let file = shop.why(&["src/pool.rs"]);
    assert_eq!((&file["proved"], &file["attributions"][0]["lines"]), (&json!(6), &json!("1-6")));
    assert_eq!(attribution(&shop.why(&["HEAD"])), ("proved", "nearly_all", "s-pool"));
    let range = shop.why(&["HEAD~1..HEAD"]);
    assert_eq!(
        (&range["proved"], &range["attributions"][0]["commit"]["subject"]),
        (&json!(1), &json!("Fewer connections"))
    );
    // Before the first session.
    let old = shop.why(&["README.md:1"]);
    assert_eq!(attribution(&old), ("unknown", "before_history", ""));
    // A person wrote this by hand, in a file that the session wrote too, and in one that it never saw.
    shop.write("src/pool.rs", &(code("pool", 1, 6) + &code("hand", 1, 3)));
    shop.write("src/other.rs", &code("other", 1, 3));
    shop.commit(40, "By hand");
    let hand = shop.why(&["src/pool.rs:8"]);
    assert_eq!(attribution(&hand), ("unknown", "transcript_ends_before", ""), "{hand}");
    assert_eq!(hand["attributions"][0]["others"][0]["session_id"], json!("s-pool"));
    assert_eq!(attribution(&shop.why(&["src/other.rs:1"])), ("unknown", "no_session", ""));
    // The answer for a reader is short.
    let mut command = shop.home.command();
    let ran = command.current_dir(&shop.repository).args(["why", "src/pool.rs:3"]).output().unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    assert!(text.contains("● proved") && text.split_whitespace().count() <= 250, "{text}");
    // What is staged, and what is not committed at all.
    shop.add("s-next", 60, "src/next.rs", &code("next", 1, 4));
    shop.git(61, &["add", "-A"]);
    shop.import(&["s-next"]);
    let mut staged = shop.home.command();
    staged.current_dir(&shop.repository).env("CLAUDE_MEMORY_TEST_NOW", moment(62)).args(["why", "--staged", "--json"]);
    let staged = crate::home::Ran::new(staged.output().unwrap()).json();
    assert_eq!(attribution(&staged), ("proved", "nearly_all", "s-next"), "{staged}");
    shop.write("src/pool.rs", &(code("pool", 1, 6) + &code("hand", 1, 3) + &code("next", 9, 1)));
    assert_eq!(attribution(&shop.why(&["src/pool.rs:10"])).0, "unknown");
}

#[test]
fn chinese_lines_and_requests() {
    let mut shop = Workshop::new();
    shop.ask("s-zh", 10, "把连接池的大小改成十二，数据库团队最多允许十五个连接。");
    let text = "## 连接池大小\n\n连接池的大小是十二，和二十个连接的延迟一样。\n数据库团队允许最多十五个连接，不要超过这个数。\n报表任务需要留出三个连接，早上八点最忙。\n";
    shop.add("s-zh", 12, "docs/说明 一.md", text);
    shop.commit(15, "说明连接池");
    shop.import(&["s-zh"]);
    let line = shop.why(&["docs/说明 一.md:4"]);
    assert_eq!(attribution(&line), ("proved", "nearly_all", "s-zh"), "{line}");
    assert!(line["attributions"][0]["request"]["turns"][0]["text"].as_str().unwrap().contains("十二"));
}

#[test]
fn rewritten_history_keeps_its_authors() {
    let mut shop = shop_with_a_commit();
    // Amended by another session long after, which adds nothing: it carries the commit.
    shop.git(200, &["commit", "-q", "--amend", "--no-edit", "--date", &moment(17)]);
    let amended = shop.git(200, &["rev-parse", "HEAD"]);
    shop.ask("s-carrier", 199, "Rebase this onto main, please, and push it.");
    shop.print_commit("s-carrier", 200, &amended, "Fewer connections");
    // Renamed, indented by a formatter, and moved to another file.
    shop.git(210, &["mv", "src/pool.rs", "src/connections.rs"]);
    shop.commit(210, "Rename");
    let indented: String = code("pool", 1, 6).lines().map(|line| format!("    {line}\n")).collect();
    shop.write("src/connections.rs", &indented);
    shop.commit(220, "Format");
    shop.import(&["s-pool", "s-carrier"]);
    let line = shop.why(&["src/connections.rs:2"]);
    assert_eq!(attribution(&line), ("proved", "nearly_all", "s-pool"), "{line}");
    assert_eq!(line["attributions"][0]["commit"]["id"], json!(amended));
    let range = shop.why(&["HEAD~2..HEAD"]);
    assert_eq!((&range["proved"], &range["unknown"]), (&json!(0), &json!(2)), "{range}");
}

#[test]
fn a_squash_names_all_who_wrote_it() {
    let mut shop = shop_with_a_commit();
    shop.git(20, &["checkout", "-q", "-b", "feature"]);
    shop.add("s-one", 21, "src/one.rs", &code("one", 1, 80));
    shop.commit(22, "One");
    shop.add("s-two", 41, "src/two.rs", &code("two", 1, 9));
    shop.commit(42, "Two");
    shop.git(50, &["checkout", "-q", "main"]);
    shop.git(50, &["merge", "-q", "--squash", "feature"]);
    shop.commit(50, "A feature (#7)");
    shop.import(&["s-pool", "s-one", "s-two"]);
    let squash = shop.why(&["HEAD"]);
    let others: Vec<(&str, &str)> = squash["attributions"][0]["others"]
        .as_array()
        .unwrap()
        .iter()
        .map(|other| (other["session_id"].as_str().unwrap(), other["grade"].as_str().unwrap()))
        .collect();
    assert_eq!((attribution(&squash).0, attribution(&squash).2), ("proved", "s-one"));
    assert_eq!(others, [("s-two", "proved")]);
    assert_eq!(attribution(&shop.why(&["src/two.rs:4"])).2, "s-two");
    // A bot's commit.
    shop.write("src/bot.rs", &code("bot", 1, 5));
    shop.commit(60, "Bump (#8)");
    assert_eq!(attribution(&shop.why(&["HEAD"])).0, "unknown");
}

#[test]
fn the_order_of_imports_has_no_influence_and_later_sessions_are_linked() {
    let mut shop = shop_with_a_commit();
    shop.add("s-late", 30, "src/late.rs", &code("late", 1, 9));
    shop.add("s-pool", 31, "src/late.rs", &code("more", 1, 9));
    let id = shop.commit(33, "Both");
    shop.print_commit("s-pool", 34, &id, "Both");
    shop.import(&["s-pool"]);
    let before = shop.why(&["HEAD~1..HEAD"]);
    assert_eq!(attribution(&before), ("proved", "printed_id", "s-pool"));
    assert_eq!(attribution(&shop.why(&["src/late.rs:2"])).0, "unknown");
    shop.import(&["s-late"]);
    assert_eq!(attribution(&shop.why(&["src/late.rs:2"])).2, "s-late", "its cache grows");
    let grown = shop.why(&["HEAD~1..HEAD"]);
    let index = shop.home.memory().join("index");
    for entry in std::fs::read_dir(&index).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("links-") {
            std::fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(shop.why(&["HEAD~1..HEAD"]), grown, "it is a cache");
    // The other way round, in another home.
    let other = TestHome::new();
    for session in ["s-late", "s-pool"] {
        let file = shop.home.path().join(format!("t/{session}.jsonl"));
        let _ = other.json(&["import", "claude-code", file.to_str().unwrap()]);
    }
    let mut command = other.command();
    command.current_dir(&shop.repository).args(["why", "HEAD~1..HEAD", "--json"]);
    assert_eq!(crate::home::Ran::new(command.output().unwrap()).json(), grown);
    // A deleted session is not named any more.
    let _ = shop.home.json(&["forget", "s-late", "--yes"]);
    let names = std::fs::read_dir(&index).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.starts_with("links-")), "a cache names a deleted session");
    assert_eq!(attribution(&shop.why(&["src/late.rs:2"])).0, "unknown");
}

/// Everything that a repository can name to be run, each leaving a trace.
fn make_hostile(shop: &Workshop) -> PathBuf {
    let trace = shop.home.path().join("trace");
    let script = shop.home.write("evil.sh", format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\ncat\n", trace.display()));
    let _ = Command::new("chmod").arg("+x").arg(&script).status().unwrap();
    let evil = script.display();
    let hooks = shop.home.path().join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    for hook in ["post-index-change", "reference-transaction", "pre-commit", "post-checkout"] {
        std::fs::copy(&script, hooks.join(hook)).unwrap();
    }
    let config = format!(
        "[core]\n\tfsmonitor = {evil}\n\thooksPath = {}\n\tpager = {evil}\n\tsshCommand = {evil}\n\teditor = {evil}\n\
         [diff]\n\texternal = {evil}\n[diff \"evil\"]\n\ttextconv = {evil}\n\tcommand = {evil}\n\
         [filter \"evil\"]\n\tclean = {evil}\n\tsmudge = {evil}\n\tprocess = {evil}\n\trequired = true\n\
         [gpg]\n\tprogram = {evil}\n[log]\n\tshowSignature = true\n[pager]\n\tlog = {evil}\n\tblame = {evil}\n\
         [remote \"origin\"]\n\turl = ext::{evil}\n\tpromisor = true\n[protocol \"ext\"]\n\tallow = always\n\
         [uploadpack]\n\tpackObjectsHook = {evil}\n[alias]\n\tlog = !{evil}\n\tblame = !{evil}\n",
        hooks.display()
    );
    let file = shop.repository.join(".git/config");
    let known = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, known + &config).unwrap();
    std::fs::write(shop.repository.join(".git/info/attributes"), "* filter=evil diff=evil\n").unwrap();
    std::fs::write(shop.repository.join(".gitattributes"), "* filter=evil diff=evil\n").unwrap();
    trace
}

#[test]
fn a_hostile_repository_runs_nothing() {
    let shop = shop_with_a_commit();
    shop.import(&["s-pool"]);
    shop.write("src/staged.rs", &code("staged", 1, 3));
    shop.git(20, &["add", "-A"]);
    let trace = make_hostile(&shop);
    for arguments in [&["src/pool.rs:3"][..], &["src/pool.rs"], &["HEAD"], &["HEAD~1..HEAD"], &["--staged"]] {
        let answer = shop.why(arguments);
        assert!(answer["attributions"].is_array(), "{answer}");
    }
    assert_eq!(attribution(&shop.why(&["src/pool.rs:3"])).0, "proved");
    let ran = std::fs::read_to_string(&trace).unwrap_or_default();
    assert_eq!(ran, "", "programs of the repository ran");
}

#[test]
fn bad_input_is_named_and_special_repositories_are_read() {
    let shop = shop_with_a_commit();
    shop.write("blob.bin", "\0\u{1}\0binary");
    shop.write("min.js", &format!("var long_name = \"{}\";\nvar short_name = 7;\n", "x".repeat(1 << 20)));
    shop.write("gone.rs", &code("gone", 1, 2));
    shop.commit(30, "More files");
    std::fs::remove_file(shop.repository.join("gone.rs")).unwrap();
    shop.import(&["s-pool"]);
    let (top, outside) = (shop.repository.clone(), shop.home.path().to_owned());
    shop.fails(&outside, &["src/pool.rs:3"], 1, "not in a git repository");
    shop.fails(&top, &["../evil.rs:3"], 1, "not in a git repository");
    shop.fails(&top, &["src/pool.rs:99"], 2, "has 6 lines");
    shop.fails(&top, &["src/none.rs:1"], 1, "not in the last commit");
    shop.fails(&top, &["nosuchbranch"], 1, "names no commit");
    shop.fails(&top, &["--upload-pack=x"], 2, "unexpected");
    shop.fails(&top, &["main..--output=x"], 1, "names no commit");
    shop.fails(&top, &[], 2, "required");
    assert_eq!(attribution(&shop.why(&["min.js:1"])).0, "unknown");
    assert!(shop.why(&["blob.bin"])["attributions"].is_array());
    // A worktree, a bare clone, a shallow one, a submodule.
    shop.git(31, &["worktree", "add", "-q", "../tree", "HEAD~1"]);
    shop.git(31, &["clone", "-q", "--bare", ".", "../bare.git"]);
    let url = format!("file://{}", top.display());
    shop.git(31, &["clone", "-q", "--depth", "1", &url, "../shallow"]);
    let proved = |folder: &str| {
        let mut command = shop.home.command();
        command.current_dir(shop.home.path().join(folder)).args(["why", "src/pool.rs:3", "--json"]);
        let answer = crate::home::Ran::new(command.output().unwrap()).json();
        (attribution(&answer).0.to_owned(), attribution(&answer).1.to_owned())
    };
    assert_eq!(proved("tree"), ("proved".to_owned(), "nearly_all".to_owned()));
    assert_eq!(proved("bare.git"), ("proved".to_owned(), "nearly_all".to_owned()));
    assert_eq!(proved("shallow"), ("unknown".to_owned(), "shallow_clone".to_owned()));
    let empty = shop.home.path().join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    shop.git_in(&empty, 1, &["init", "-q"]);
    shop.fails(&empty, &["HEAD"], 2, "no commit yet");
}

#[test]
fn the_bench_scores_links_against_trailers() {
    let mut shop = shop_with_a_commit();
    shop.add("s-right", 20, "src/right.rs", &code("right", 1, 6));
    shop.commit(22, "Right\n\nEntire-Session: 2026-11-20-s-right");
    shop.add("s-true", 30, "src/wrong.rs", &code("wrong", 1, 6));
    shop.commit(32, "Wrong label\n\nX-Session: s-right");
    shop.import(&["s-pool", "s-right", "s-true"]);
    let report = shop.home.path().join("report.json");
    let mut command = shop.home.command();
    command
        .args(["bench", "provenance", "--repo"])
        .arg(&shop.repository)
        .args(["--labels", "trailers", "--json"])
        .arg(&report);
    let printed = crate::home::Ran::new(command.output().unwrap()).json();
    let written: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!(written, printed);
    assert_eq!(written["commits"]["labelled"], 2, "{written}");
    assert_eq!(written["commits"]["proved"], json!({ "links": 2, "right": 1 }));
    assert_eq!(written["commits"]["reachable"], 1);
    assert_eq!(written["lines"], json!({ "nontrivial": 18, "reachable": 6, "proved": 6, "right": 6 }));
    assert_eq!(written["controls"]["own_session_removed"], json!({ "links": 2, "right": 1 }));
}

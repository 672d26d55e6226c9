//! The gate: search quality on data that may lie in the repository. Counts of questions that are answered, so that a change
//! of ranking cannot lose any unnoticed. The encoder's integers round differently on processors with other instructions, so
//! each bound leaves room for one or two questions.

use serde_json::Value;

use crate::home::{TestHome, skip};

fn ask(home: &TestHome, set: &str, more: &[&str]) -> Value {
    let folder = format!("{}/tests/data/retrieval/{set}", env!("CARGO_MANIFEST_DIR"));
    home.json(&[&["bench", "retrieval", "--data", &folder], more].concat())
}

/// How many of the questions have a right turn first, and among the first five.
fn counts(receipt: &Value, level: &str) -> (i64, i64, i64) {
    let overall = &receipt["levels"][level]["overall"];
    let n = overall["n"].as_f64().unwrap();
    let count = |name: &str| {
        #[expect(clippy::cast_possible_truncation, reason = "a share of a small count")]
        let count = (overall[name].as_f64().unwrap() * n).round() as i64;
        count
    };
    (count("hit_1"), count("hit_5"), count("hit_10"))
}

/// Typos, identifiers, paths, two languages in one question and across, dates, negation, changed facts, instructions,
/// preferences, quotations, answers to questions: 42 questions written by hand.
#[test]
fn adversarial_questions() {
    let home = TestHome::new();
    let receipt = ask(&home, "adversarial", &[]);
    let wrong: Vec<&String> = receipt["rankings"].as_object().unwrap().keys().collect();
    assert_eq!(wrong.len(), 42);
    let (first, five, ten) = counts(&receipt, "turn");
    assert!(first >= 37 && five >= 41 && ten >= 42, "{first} {five} {ten}: {}", receipt["levels"]["turn"]["by_type"]);
    assert!(receipt["tokens"]["p50"].as_f64() <= Some(800.0) && receipt["tokens"]["p99"].as_f64() <= Some(2000.0));
}

/// Two people's diaries from MemoryBank (MIT), 14 questions.
#[test]
fn chinese_questions() {
    let home = TestHome::new();
    let (first, five, _) = counts(&ask(&home, "membank_zh", &[]), "turn");
    assert!(first >= 11 && five >= 13, "{first} {five}");
    let (first, five, _) = counts(&ask(&home, "membank_zh", &["--tier", "lexical"]), "turn");
    assert!(first >= 10 && five >= 13, "by word {first} {five}");
}

/// Sessions of an open-source project (MIT, shortened, names and addresses taken out) with subjects of its commits.
#[test]
fn commit_subjects() {
    let home = TestHome::new();
    let (first, five, ten) = counts(&ask(&home, "claude_code", &[]), "session");
    assert!(first >= 16 && five >= 22 && ten >= 22, "{first} {five} {ten}");
}

#[test]
fn rankings_of_any_system_are_scored_and_compared() {
    let home = TestHome::new();
    let set = format!("{}/tests/data/retrieval/membank_zh", env!("CARGO_MANIFEST_DIR"));
    let receipt = home.path().join("receipt.json");
    let receipt = receipt.to_str().unwrap();
    let run = home.run(&["bench", "retrieval", "--data", &set, "--tier", "lexical", "--json", receipt]).json();
    assert_eq!(run["data"].as_str().map(str::len), Some(64));
    let scored = home.json(&["bench", "retrieval", "--data", &set, "--score", receipt]);
    assert_eq!(scored["session"]["overall"], run["levels"]["session"]["overall"]);
    // The plain shape of another system: one list of sessions for each question; here always the same wrong one.
    let questions =
        run["rankings"].as_object().unwrap().keys().map(|id| (id.clone(), serde_json::json!(["no such session"])));
    let other = home.write("other.json", Value::Object(questions.collect()).to_string());
    let compared = home.json(&["bench", "retrieval", "--data", &set, "--compare", other.to_str().unwrap(), receipt]);
    assert!(compared["session"]["measures"]["hit_10"]["mean"].as_f64() > Some(0.5), "{compared}");
    assert_eq!(compared["session"]["measures"]["hit_1"]["won_lost"][1], 0);
    home.run(&["bench", "retrieval", "--data", &set, "--weight", "nonsense=1"]).fails(2, "the names are");
}

#[test]
fn published_formats_are_read() {
    let home = TestHome::new();
    let locomo = serde_json::json!([{
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Ann", "speaker_b": "Bob", "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                { "speaker": "Ann", "dia_id": "D1:1", "text": "I adopted a parrot called Hugo", "blip_caption": "a green parrot" },
                { "speaker": "Bob", "dia_id": "D1:2", "text": "My sourdough failed again" }
            ]
        },
        "qa": [{ "question": "What is the parrot called?", "answer": "Hugo", "evidence": ["D1:1"], "category": 4 }]
    }]);
    let longmemeval = serde_json::json!([{
        "question_id": "q1", "question_type": "single-session-user", "question": "What is the parrot called?",
        "question_date": "2023/05/30 (Tue) 10:00", "haystack_dates": ["2023/05/08 (Mon) 13:56"],
        "haystack_session_ids": ["answer_1"], "answer_session_ids": ["answer_1"],
        "haystack_sessions": [[
            { "role": "user", "content": "I adopted a parrot called Hugo", "has_answer": true },
            { "role": "assistant", "content": "Congratulations to both of you" }
        ]]
    }]);
    for (format, set) in [("locomo", locomo), ("longmemeval", longmemeval)] {
        let file = home.write(&format!("{format}.json"), set.to_string());
        let file = file.to_str().unwrap();
        let ran = home.run(&["bench", "retrieval", "--data", file, "--format", format, "--tier", "lexical", "--json"]);
        assert!(ran.stderr.contains("none of the published files"), "{}", ran.stderr);
        let receipt = ran.json();
        for level in ["turn", "session"] {
            assert_eq!(receipt["levels"][level]["overall"]["hit_1"], 1.0, "{format} {receipt}");
        }
    }
    home.write(
        "beam/1/chat.json",
        serde_json::json!([{ "batch_number": 1, "time_anchor": "March-15-2024", "turns": [[
            { "id": 0, "role": "user", "content": "My parrot is called Hugo ->-> 1,1" },
            { "id": 1, "role": "assistant", "content": "A fine name for a bird" }
        ]] }])
        .to_string(),
    );
    home.write(
        "beam/1/probing_questions/probing_questions.json",
        serde_json::json!({
            "information_extraction": [{ "question": "What is my parrot called?", "source_chat_ids": [0] }],
            "abstention": [{ "question": "What is my cat called?" }]
        })
        .to_string(),
    );
    let beam = home.path().join("beam");
    let receipt =
        home.json(&["bench", "retrieval", "--data", beam.to_str().unwrap(), "--format", "beam", "--tier", "lexical"]);
    assert_eq!(receipt["levels"]["turn"]["overall"]["n"], 1, "{receipt}");
    assert_eq!(receipt["levels"]["session"]["overall"]["hit_1"], 1.0);
    let line = crate::home::user("u1", "s1", "the parrot is called Hugo");
    home.write("cc/s1.jsonl", format!("{line}\n"));
    home.write(
        "cc/queries.jsonl",
        r#"{"id":"1","haystack":"h","text":"name of the parrot","type":"x","gold_sessions":["s1"]}"#,
    );
    let cc = home.path().join("cc");
    let receipt = home.json(&[
        "bench",
        "retrieval",
        "--data",
        cc.to_str().unwrap(),
        "--format",
        "claude-code",
        "--tier",
        "lexical",
    ]);
    assert_eq!(receipt["levels"]["session"]["overall"]["hit_1"], 1.0, "{receipt}");
}

/// A session in which a person asks, the model says it in its own words, and git prints the commit.
fn committed(number: usize, asked: &str, subject: &str) -> String {
    let session = format!("7777{number:04}-7777-4777-8777-777777777777");
    let record = |at: usize, kind: &str, content: Value| {
        serde_json::json!({
            "type": kind, "uuid": format!("7777{number:04}-7777-4777-8777-7777777777{at:02}"), "parentUuid": null,
            "sessionId": session, "cwd": "/work/garden", "timestamp": format!("2026-05-{:02}T08:{at:02}:00.000Z", number + 1),
            "message": { "role": kind, "content": content }
        })
        .to_string()
    };
    let call = serde_json::json!([{ "type": "tool_use", "id": "t", "name": "Bash", "input": { "command": format!("git commit -m '{subject}'") } }]);
    let printed = format!("[main 1a2b3c{number}] {subject}\n 1 file changed");
    let result = serde_json::json!([{ "type": "tool_result", "tool_use_id": "t", "content": printed }]);
    [record(0, "user", asked.into()), record(1, "assistant", call), record(2, "user", result)].join("\n") + "\n"
}

#[test]
fn a_history_is_asked_for_the_sessions_of_its_commits() {
    let home = TestHome::new();
    let said = [
        ("The sprinkler floods the tomatoes at night, please make it stop", "Limit sprinkler runs to ten minutes"),
        ("堆肥的温度报警每天都误报,能不能调一下", "调高堆肥温度报警的阈值"),
    ];
    for (number, (asked, subject)) in said.iter().enumerate() {
        let file = home.write(&format!("history/{number}.jsonl"), committed(number, asked, subject));
        assert_eq!(home.run(&["import", "claude-code", file.to_str().unwrap()]).code, 0);
    }
    let report = home.json(&["bench", "self", "--fit"]);
    assert_eq!((&report["questions"], &report["sessions"]), (&2.into(), &2.into()), "{report}");
    assert_eq!((&report["all"]["hit_1"], &report["fit"]), (&1.0.into(), &Value::Null), "{report}");
    // Without the command and the output that hold the subject word for word, the person's own words find the session.
    assert_eq!(report["reworded"]["hit_5"], 1.0, "{report}");
    let text = home.run(&["bench", "self", "--fit"]).stdout;
    assert!(text.contains("2 commits of 2 sessions") && text.contains("at least 20"), "{text}");
}

/// Runs git in the home at a time; returns what it prints if it succeeds.
fn run_git(home: &TestHome, at: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let mut git = std::process::Command::new("git");
    git.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path()).arg("-C").arg(home.path()).args(arguments);
    git.envs(["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"].map(|name| (name, at)));
    git.output().ok().filter(|output| output.status.success()).map(|output| output.stdout)
}

/// A commit that no session printed belongs to the session that was open then and named its file.
#[test]
fn a_commit_of_a_repository_belongs_to_the_session_of_its_files() {
    let home = TestHome::new();
    let git = |arguments: &[&str]| run_git(&home, "2026-05-03T08:10:00Z", arguments).is_some();
    if !git(&["init", "-q", "garden"]) {
        skip("git", "apt-get install git");
        return;
    }
    home.write("garden/valve.c", "int open;");
    let name = ["-c", "user.name=g", "-c", "user.email=g@example.org"];
    assert!(git(&["-C", "garden", "add", "valve.c"]));
    assert!(git(&[&["-C", "garden"], &name[..], &["commit", "-qm", "Close the valve at midnight"]].concat()));
    let session = "88880000-7777-4777-8777-777777777777";
    let edit = serde_json::json!([{ "type": "tool_use", "id": "t", "name": "Edit",
        "input": { "file_path": home.path().join("garden/valve.c"), "old_string": "open", "new_string": "closed" } }]);
    let lines = [("user", Value::from("water runs all night, stop it")), ("assistant", edit)].into_iter().enumerate();
    let lines = lines.map(|(at, (kind, content))| {
        serde_json::json!({ "type": kind, "uuid": format!("8888000{at}-7777-4777-8777-777777777777"), "parentUuid": null,
            "sessionId": session, "cwd": home.path().join("garden"), "timestamp": format!("2026-05-03T08:0{at}:00.000Z"),
            "message": { "role": kind, "content": content } })
        .to_string()
    });
    let file = home.write("history/valve.jsonl", lines.collect::<Vec<_>>().join("\n") + "\n");
    assert_eq!(home.run(&["import", "claude-code", file.to_str().unwrap()]).code, 0);
    for arguments in
        [vec!["bench", "self"], vec!["bench", "self", "--repository", home.path().join("garden").to_str().unwrap()]]
    {
        assert_eq!(home.json(&arguments)["questions"], 1, "{arguments:?}");
    }
    let missing = home.run(&["bench", "self", "--repository", home.path().to_str().unwrap()]);
    assert!(missing.code == 0 && missing.stderr.contains("note: git log in "), "{}", missing.stderr);
}

/// A partial clone fetches what is missing with the program that its configuration names: that must not run.
#[cfg(unix)]
#[test]
fn a_hostile_repository_runs_nothing() {
    use std::os::unix::fs::PermissionsExt as _;

    let home = TestHome::new();
    let folder = home.path().join("clone");
    // While the session was open: older commits are not asked for.
    let git = |arguments: &[&str]| run_git(&home, "2026-05-01T08:10:00Z", arguments);
    if git(&["init", "-q", "clone"]).is_none() {
        skip("git", "apt-get install git");
        return;
    }
    home.write("clone/a.txt", "a");
    let name = ["-C", "clone", "-c", "user.name=g", "-c", "user.email=g@example.org"];
    assert!(git(&["-C", "clone", "add", "a.txt"]).is_some());
    assert!(git(&[&name[..], &["commit", "-qm", "Say what the file is for"]].concat()).is_some());
    let tree = String::from_utf8(git(&["-C", "clone", "rev-parse", "HEAD^{tree}"]).unwrap()).unwrap();
    let (start, rest) = tree.trim().split_at(2);
    std::fs::remove_file(folder.join(".git/objects").join(start).join(rest)).unwrap();
    let script = home.write("fetch.sh", format!("#!/bin/sh\ntouch {}/ran\n", home.path().display()));
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    for (key, value) in [
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", folder.to_str().unwrap()),
        ("remote.origin.promisor", "true"),
        ("remote.origin.uploadpack", script.to_str().unwrap()),
        ("protocol.file.allow", "always"),
    ] {
        assert!(git(&["-C", "clone", "config", key, value]).is_some(), "{key}");
    }
    let file = home.write("history/0.jsonl", committed(0, "what is this file for?", "Add another file"));
    assert_eq!(home.run(&["import", "claude-code", file.to_str().unwrap()]).code, 0);
    let ran = home.run(&["bench", "self", "--repository", folder.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!home.path().join("ran").exists(), "{}", ran.stderr);
}

#[test]
fn weights_of_a_setting_rank() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let first =
        |home: &TestHome| home.json(&["search", "--explain", "bcrypt connection pool"])["results"][0]["score"].clone();
    let before = first(&home);
    assert_eq!(home.run(&["config", "set", "search.weights", "[\"session=0\"]"]).code, 0);
    assert_ne!(first(&home), before);
    assert_eq!(home.run(&["config", "unset", "search.weights"]).code, 0);
    assert_eq!(first(&home), before);
    for (name, value, message) in [
        ("weights", "[\"sesion=0\"]", "search.weights: unknown weight \"sesion\"; the names are"),
        ("mode", "foo", "search.mode: mode is \"foo\"; it must be hybrid"),
        ("limit", "500", "search.limit: 500 is not between 1 and 50"),
    ] {
        home.write("memory/config.toml", "");
        home.run(&["config", "set", &format!("search.{name}"), value]).fails(2, message);
        let text = if value.starts_with(['[', '5']) { value.to_owned() } else { format!("\"{value}\"") };
        home.write("memory/config.toml", format!("[search]\n{name} = {text}\n"));
        home.run(&["search", "pool"]).fails(2, message);
        // What does not search goes on: a session must be saved.
        assert_eq!(home.run(&["save", &format!("a note in spite of {name}")]).code, 0);
    }
}

/// What a store can and cannot answer: the report has shares, bands and the file that was asked for.
#[test]
fn answerability_is_measured() {
    let home = TestHome::new();
    let set = format!("{}/tests/data/retrieval/membank_zh", env!("CARGO_MANIFEST_DIR"));
    let lines = ["asdf qwer zxcv", "how do I set up an nginx reverse proxy", "啊啊啊啊"].iter().enumerate().map(
        |(at, text)| {
            serde_json::json!({ "id": format!("none-{at}"), "haystack": "*", "text": text, "type": "none" }).to_string()
                + "\n"
        },
    );
    let unanswerable = home.write("none.jsonl", lines.collect::<String>());
    let report = home.path().join("report.json");
    let ran = home.json(&[
        "bench",
        "answerability",
        "--data",
        &set,
        "--unanswerable",
        unanswerable.to_str().unwrap(),
        report.to_str().unwrap(),
    ]);
    let written: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!(written["kept"], ran["kept"]);
    assert!(ran["kept"].as_f64() >= Some(0.9) && ran["silent"].as_f64() >= Some(0.8), "{ran}");
    assert_eq!(ran["falsely_strong"], 0.0, "{ran}");
    let counted: i64 = ["strong", "weak", "none"].iter().filter_map(|band| ran["bands"][band]["n"].as_i64()).sum();
    assert_eq!(counted, 14, "{}", ran["bands"]);
    assert!(ran["auc"].as_f64() > Some(0.95), "{}", ran["auc"]);
}

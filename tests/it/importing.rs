//! Import: what goes in, that it goes in once, that it resumes.

use std::io::Write as _;

use crate::home::{TestHome, user};

#[test]
fn samples_go_in_once() {
    let home = TestHome::new();
    let first = home.import_samples();
    assert_eq!((first["sessions"].as_u64(), first["bad"].as_array().map(Vec::len)), (Some(13), Some(0)));
    let new = first["new"].as_u64().unwrap();
    assert!(new > 60 && first["messages"] == first["new"], "{first}");
    let second = home.import_samples();
    assert_eq!((second["new"].as_u64(), second["unchanged"].as_u64()), (Some(0), Some(13)));
    let again = home.json(&["import", "claude-code", crate::home::samples().to_str().unwrap(), "--rescan"]);
    assert_eq!((again["new"].as_u64(), again["duplicate"].as_u64()), (Some(0), Some(new)));
    assert_eq!(home.json(&["status"])["messages"].as_u64(), Some(new));
    assert_eq!(home.run(&["init", "--verify"]).code, 0, "database and word index agree with every text");
}

#[test]
fn the_default_folder_is_claude_codes() {
    let home = TestHome::new();
    home.write(".claude/projects/-work-project/s1.jsonl", user("u1", "s1", "a question about gravel") + "\n");
    let report = home.json(&["import", "claude-code"]);
    assert_eq!(report["new"].as_u64(), Some(1));
    let found = home.json(&["search", "gravel", "--mode", "keyword"]);
    assert_eq!(found["results"][0]["session_id"], "s1");
    assert_eq!(found["results"][0]["project"], "project");
}

#[test]
fn a_growing_file_is_followed_and_a_truncated_line_is_taken_when_it_is_whole() {
    let home = TestHome::new();
    let second = user("u2", "s1", "the second, 第二条 message");
    let (begin, rest) = second.split_at(40);
    let path = home.write("t/s1.jsonl", format!("{}\n{begin}", user("u1", "s1", "the first message")));
    let folder = path.parent().unwrap().to_str().unwrap().to_owned();
    let report = home.json(&["import", "claude-code", &folder]);
    assert_eq!(report["new"].as_u64(), Some(1));
    assert_eq!(report["bad"][0]["line"].as_u64(), Some(2));
    assert!(report["bad"][0]["why"].as_str().unwrap().contains("unfinished"));
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(format!("{rest}\n").as_bytes()).unwrap();
    let report = home.json(&["import", "claude-code", &folder]);
    assert_eq!((report["new"].as_u64(), report["duplicate"].as_u64()), (Some(1), Some(0)), "{report}");
    assert_eq!(report["bad"].as_array().map(Vec::len), Some(0));
    let found = home.json(&["search", "第二条", "--mode", "keyword"]);
    assert_eq!(found["results"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_file_that_was_replaced_is_read_from_its_start() {
    let home = TestHome::new();
    let path = home.write("t/s1.jsonl", format!("{}\n{}\n", user("u1", "s1", "one"), user("u2", "s1", "two")));
    let file = path.to_str().unwrap().to_owned();
    assert_eq!(home.json(&["import", "claude-code", &file])["new"].as_u64(), Some(2));
    home.write("t/s1.jsonl", format!("{}\n", user("u3", "s1", "three, after a rewrite of the whole file")));
    assert_eq!(home.json(&["import", "claude-code", &file])["new"].as_u64(), Some(1));
    assert_eq!(home.json(&["status"])["messages"].as_u64(), Some(3), "what was replaced on disk stays in memory");
}

#[test]
fn blocks_of_one_answer_are_one_message_even_across_imports() {
    let home = TestHome::new();
    let block = |uuid: &str, content: &str| {
        format!(
            r#"{{"type":"assistant","uuid":"{uuid}","sessionId":"s1","timestamp":"2026-05-01T08:00:01Z","message":{{"id":"msg_1","content":[{content}]}}}}"#
        )
    };
    let thinking = block("a1", r#"{"type":"thinking","thinking":"let me look"}"#);
    let path = home.write("t/s1.jsonl", format!("{}\n{thinking}\n", user("u1", "s1", "why is it slow")));
    let file = path.to_str().unwrap().to_owned();
    assert_eq!(home.json(&["import", "claude-code", &file])["new"].as_u64(), Some(2));
    let text = block("a2", r#"{"type":"text","text":"the index is missing"}"#);
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(format!("{text}\n").as_bytes()).unwrap();
    let report = home.json(&["import", "claude-code", &file]);
    assert_eq!((report["new"].as_u64(), report["duplicate"].as_u64()), (Some(0), Some(0)));
    let shown = home.json(&["show", "s1", "--tools"]);
    let messages = shown["conversations"][0]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[1]["parts"].as_array().map(Vec::len), Some(2));
}

#[test]
fn edge_cases_of_old_versions() {
    let home = TestHome::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/edge");
    let report = home.json(&["import", "claude-code", folder]);
    assert_eq!(report["bad"].as_array().map(Vec::len), Some(0), "{report}");
    assert_eq!(report["own"].as_u64(), Some(2));
    assert_eq!(report["sessions"].as_u64(), Some(3));
    // A rewound branch is kept beside the one that went on.
    let kept = home.json(&["search", "abandoned", "--mode", "keyword"]);
    assert_eq!(kept["results"].as_array().map(Vec::len), Some(1));
    // Own output never comes back.
    let own = home.json(&["search", "zebrafinch", "--mode", "exact"]);
    assert_eq!(own["results"].as_array().map(Vec::len), Some(0), "{own}");
    let summary = home.json(&["search", "compacted", "--kind", "summary", "--mode", "keyword"]);
    assert_eq!(summary["results"][0]["trust"], "client");
    assert_eq!(home.run(&["init", "--verify"]).code, 0, "texts without words agree with the index too");
}

#[test]
fn a_file_that_grows_while_it_is_read_loses_nothing() {
    let home = TestHome::new();
    let path = home.write("t/s1.jsonl", "");
    let writer = {
        let path = path.clone();
        std::thread::spawn(move || {
            let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
            for number in 0..3000 {
                // In two writes, so that a reader can come between them.
                let line = user(&format!("u{number}"), "s1", &format!("message number {number}"));
                let (begin, rest) = line.split_at(line.len() / 2);
                file.write_all(begin.as_bytes()).unwrap();
                file.write_all(format!("{rest}\n").as_bytes()).unwrap();
            }
        })
    };
    let mut new = 0;
    while !writer.is_finished() {
        new += home.json(&["import", "claude-code", path.to_str().unwrap()])["new"].as_u64().unwrap();
    }
    writer.join().unwrap();
    new += home.json(&["import", "claude-code", path.to_str().unwrap()])["new"].as_u64().unwrap();
    assert_eq!(new, 3000);
}

#[test]
fn the_benchmark_scores_a_small_set() {
    let home = TestHome::new();
    let turn = |id: &str, text: &str| format!(r#"{{"id":"{id}","role":"user","text":"{text}"}}"#);
    let session = |name: &str, turns: &[String]| {
        format!(r#"{{"haystack":"h","session":"{name}","started_at":"2026-01-01","turns":[{}]}}"#, turns.join(","))
    };
    let sessions = [
        session("s1", &[turn("a", "the parrot is called Hugo"), turn("b", "it eats sunflower seeds")]),
        session("s2", &[turn("c", "备份在每周一凌晨执行"), turn("d", "the deploy key rotates in March")]),
    ];
    home.write("set/sessions.jsonl", sessions.join("\n"));
    home.write(
        "set/queries.jsonl",
        [
            r#"{"id":"1","haystack":"h","text":"what is the parrot called","type":"en","gold_turns":["a"],"gold_sessions":["s1"]}"#,
            r#"{"id":"2","haystack":"h","text":"什么时候备份","type":"zh","gold_turns":["c"],"gold_sessions":["s2"]}"#,
        ]
        .join("\n"),
    );
    let folder = home.path().join("set");
    for tier in ["lexical", "fast"] {
        let receipt = home.json(&["bench", "retrieval", "--data", folder.to_str().unwrap(), "--tier", tier]);
        for level in ["turn", "session"] {
            assert_eq!(receipt["levels"][level]["overall"]["hit_1"], 1.0, "{receipt}");
        }
        assert_eq!((&receipt["turns"], &receipt["rankings"]["2"]["turn"][0]), (&4.into(), &"c".into()));
    }
    home.run(&["bench", "retrieval", "--data", "/no/such/set"]).fails(2, "sessions.jsonl");
}

//! What is forgotten is gone: from answers, from the files, and from the next import.

use crate::home::{TestHome, user};

fn home_with_history() -> (TestHome, String) {
    let home = TestHome::new();
    let lines = [
        user("u1", "s1", "the zeppelin password rotates on Tuesdays, says Quentin"),
        user("u2", "s1", "the parrot is called Hugo"),
        user("u3", "s1", "the zeppelin needs helium before the parade of the zoological garden in Basel"),
    ];
    let other =
        [user("v1", "s2", "the kitchen sink drips again"), user("v2", "s2", "call the plumber about the kitchen")];
    home.write("t/s1.jsonl", lines.join("\n") + "\n");
    let path = home.write("t/s2.jsonl", other.join("\n") + "\n");
    let folder = path.parent().unwrap().to_str().unwrap().to_owned();
    let _ = home.json(&["import", "claude-code", &folder]);
    let _ = home.json(&["embed", "--threads", "1"]);
    (home, folder)
}

#[test]
fn a_message_is_gone_everywhere_and_stays_gone() {
    let (home, folder) = home_with_history();
    let found = home.json(&["search", "zeppelin Quentin", "--limit", "1"]);
    let id = found["results"][0]["id"].as_str().unwrap().to_owned();
    let preview = home.json(&["forget", &id]);
    assert_eq!(preview["would_forget"].as_u64(), Some(1));
    assert!(home.json(&["search", "Quentin", "--mode", "keyword"])["results"][0].is_object(), "a preview does nothing");
    let receipt = home.json(&["forget", &id, "--yes", "--reason", "test"]);
    assert_eq!((receipt["forgotten"].as_u64(), receipt["vectors"].as_u64()), (Some(1), Some(1)), "{receipt}");
    assert_eq!(receipt["searched"].as_u64(), Some(1));
    assert_eq!((receipt["found_in"].as_array().map(Vec::len), &receipt["log_emptied"]), (Some(0), &true.into()));
    for mode in ["keyword", "semantic", "hybrid", "exact"] {
        let answer = home.json(&["search", "Quentin", "--mode", mode]).to_string();
        assert!(!answer.contains(&id) && !answer.contains("Tuesdays"), "{mode}: {answer}");
    }
    assert!(home.json(&["search", "zeppelin helium", "--mode", "keyword"])["results"][0].is_object());
    let again = home.json(&["import", "claude-code", &folder, "--rescan"]);
    assert_eq!((again["new"].as_u64(), again["forgotten"].as_u64()), (Some(0), Some(1)), "{again}");
    assert_eq!(home.run(&["init", "--verify"]).code, 0, "words and texts still agree");
    home.run(&["forget", &id, "--yes"]).fails(1, "there is no session");
}

#[test]
fn a_session_goes_as_a_whole_and_the_others_stay() {
    let (home, _) = home_with_history();
    let receipt = home.json(&["forget", "s1", "--yes"]);
    assert_eq!(receipt["forgotten"].as_u64(), Some(3));
    let status = home.json(&["status"]);
    assert_eq!((status["messages"].as_u64(), status["sessions"].as_u64()), (Some(2), Some(1)));
    let left = home.json(&["search", "kitchen plumber zeppelin"]);
    assert!(
        !left.to_string().contains("helium") && left["results"][0]["snippet"].as_str().unwrap().contains("kitchen")
    );
    assert_eq!(home.run(&["init", "--verify"]).code, 0);
}

/// A thousand messages with a word that no other has: after they are forgotten no file holds a piece of any.
#[test]
fn no_canary_is_left_in_any_file() {
    let home = TestHome::new();
    let line = |n: usize| {
        let canary: String = (0..12).map(|k| format!("canary{:x} ", (n * 7919 + k * 104_729) % 999_983)).collect();
        user(&format!("u{n}"), "s1", &format!("message {n} {canary}"))
    };
    let lines: Vec<String> = (0..1000).map(line).collect();
    let path = home.write("t/s1.jsonl", lines.join("\n") + "\n");
    let _ = home.json(&["import", "claude-code", path.parent().unwrap().to_str().unwrap()]);
    let receipt = home.json(&["forget", "s1", "--yes"]);
    assert_eq!((receipt["forgotten"].as_u64(), receipt["searched"].as_u64()), (Some(1000), Some(1000)), "{receipt}");
    assert_eq!(receipt["found_in"].as_array().map(Vec::len), Some(0), "{receipt}");
    let connection = home.database();
    for table in ["messages", "parts", "passages", "postings", "fresh", "pending", "conversations"] {
        let count: i64 = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0, "{table}");
    }
}

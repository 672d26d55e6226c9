//! Conversations as files: nothing in them acts, nothing of them is lost, nothing is written over.

use serde_json::{Value, json};

use crate::home::{TestHome, user};

const POOL: &str = "545308f1-0771-4ddd-a91a-88de4ebeda3a";

#[test]
fn a_conversation_as_markdown_and_html() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let session = "88888888-8888-4888-8888-888888888888";
    let hostile = "<script>alert(1)</script> \"quoted\" & ````\n# not a heading of ours \u{202e}";
    let file = home.write(&format!("h/{session}.jsonl"), user("h1", session, hostile) + "\n");
    assert_eq!(home.run(&["import", "claude-code", file.to_str().unwrap()]).code, 0);
    let markdown = home.run(&["export", "545308"]).stdout;
    assert!(
        markdown.starts_with("# ") && markdown.contains("## User ·") && markdown.contains("ERR_POOL_EXHAUSTED"),
        "{markdown}"
    );
    assert!(markdown.contains("**Edit**\n\n```"), "{markdown}");
    assert!(!home.run(&["export", "545308", "--only-said"]).stdout.contains("**Edit**"));
    let html = home.run(&["export", session, "--format", "html"]).stdout;
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !html.contains("<script"), "{html}");
    assert!(html.contains("default-src 'none'") && !html.contains('\u{202e}'), "{html}");
    let into = home.path().join("one.html");
    let write = ["export", session, "--format", "html", "--output", into.to_str().unwrap()];
    assert_eq!(home.run(&write).code, 0);
    home.run(&write).fails(2, "written over");
    home.run(&["export", "ffffffff"]).fails(1, "no session");
}

#[test]
fn everything_into_a_folder_with_an_index() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let sessions: u64 = home.database().query_row("SELECT count(*) FROM conversations", [], |row| row.get(0)).unwrap();
    for format in ["markdown", "html"] {
        let folder = home.path().join(format);
        let folder = folder.to_str().unwrap();
        let done = home.json(&["export", "--format", format, "--output", folder]);
        assert_eq!(done["conversations"], json!(sessions), "{done}");
        assert_eq!(std::fs::read_dir(folder).unwrap().count() as u64, sessions + 1);
        let ending = if format == "html" { "html" } else { "md" };
        let index = std::fs::read_to_string(format!("{folder}/index.{ending}")).unwrap();
        for file in std::fs::read_dir(folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            assert!(name.starts_with("index.") || index.contains(&name), "{name} is not in the index");
        }
        home.run(&["export", "--format", format, "--output", folder]).fails(2, "not empty");
    }
    let one = home.path().join("one-project");
    let done = home.json(&["export", "--project", "orders", "--output", one.to_str().unwrap()]);
    assert!(
        done["conversations"].as_u64().unwrap() >= 1 && done["conversations"].as_u64().unwrap() < sessions,
        "{done}"
    );
    home.run(&["export"]).fails(2, "--output");
}

/// The lines without the one that says when they were written.
fn messages(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn lines_of_json_lose_nothing() {
    let home = TestHome::new();
    let _ = home.import_samples();
    assert_eq!(home.run(&["save", "we deploy on Tuesdays 每周二部署", "--kind", "decision"]).code, 0);
    let first = home.run(&["export", "--format", "jsonl"]).stdout;
    let file = home.write("all.jsonl", &first);
    let other = TestHome::new();
    let taken = other.json(&["sync", "bundle", "import", file.to_str().unwrap()]);
    assert_eq!((&taken["new"], &taken["bad"]), (&json!(messages(&first).len()), &json!([])), "{taken}");
    let second = other.run(&["export", "--format", "jsonl"]).stdout;
    assert_eq!(messages(&first), messages(&second));
    let only = home.run(&["export", "545308", "--format", "jsonl"]).stdout;
    assert!(!messages(&only).is_empty() && messages(&only).iter().all(|line| line.contains(POOL)), "{only}");
    assert!(home.run(&["export", "--project", "orders", "--format", "jsonl"]).stdout.lines().count() > 1);
    // Nothing half is left behind.
    let into = home.path().join("written.jsonl");
    assert_eq!(home.run(&["export", "--format", "jsonl", "--output", into.to_str().unwrap()]).code, 0);
    assert_eq!(messages(&std::fs::read_to_string(&into).unwrap()), messages(&first));
}

#[test]
fn a_transcript_is_given_back_and_not_read_again() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let dry = home.json(&["restore-transcript", "545308", "--dry-run"]);
    let path = std::path::PathBuf::from(dry["path"].as_str().unwrap());
    assert!(!path.exists() && path.ends_with(format!("-home-mei-work-orders/{POOL}.jsonl")), "{dry}");
    let done = home.json(&["restore-transcript", "545308"]);
    let text = std::fs::read_to_string(&path).unwrap();
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(done["records"], json!(records.len()));
    for pair in records.windows(2) {
        assert_eq!(pair[1]["parentUuid"], pair[0]["uuid"]);
        assert_ne!(pair[1]["type"], pair[0]["type"], "people and models take turns");
    }
    assert!(text.contains("ERR_POOL_EXHAUSTED") && text.contains("[Edit]"), "{text}");
    let again = home.json(&["import", "claude-code"]);
    assert_eq!(
        (&again["new"], &again["own"], &again["bad_total"]),
        (&json!(0), &json!(records.len()), &json!(0)),
        "{again}"
    );
    home.run(&["restore-transcript", "545308"]).fails(2, "written over");
    assert_eq!(home.run(&["save", "a note"]).code, 0);
    home.run(&["restore-transcript", "saved:"]).fails(1, "no session");
}

/// Two projects may have one name; lines of one hold nothing of the other.
#[test]
fn lines_of_one_of_two_projects_with_one_name() {
    let home = TestHome::new();
    for (folder, word) in [("left", "pelican"), ("right", "walrus")] {
        let place = home.path().join(folder).join("shop");
        std::fs::create_dir_all(&place).unwrap();
        let line = json!({ "role": "user", "content": format!("the {word} is in stock"), "session": folder,
                           "ts": "2026-11-20T09:00:00Z", "cwd": place });
        let file = home.write(&format!("{folder}.jsonl"), format!("{line}\n"));
        assert_eq!(home.run(&["import", "jsonl", file.to_str().unwrap()]).code, 0);
    }
    let place = home.path().join("left/shop").display().to_string();
    let lines = home.run(&["export", "--format", "jsonl", "--project", &place]).stdout;
    assert!(lines.contains("pelican") && !lines.contains("walrus"), "{lines}");
}

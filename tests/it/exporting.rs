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
    home.run(&write).fails(2, "overwritten");
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
    home.run(&["restore-transcript", "545308"]).fails(2, "overwritten");
    assert_eq!(home.run(&["save", "a note"]).code, 0);
    home.run(&["restore-transcript", "saved:"]).fails(1, "is not a session");
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

/// Every file below a folder.
fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

const ODD_IDS: [&str; 16] = [
    "../../outside",
    "..-..-outside",
    "/abs/olute",
    "C:\\windows\\x",
    "a/b",
    "a-b",
    "n\u{0}ul",
    "new\nline",
    "\u{1b}[31mred",
    "..",
    ".",
    "CON",
    "--dangerously-skip-permissions",
    "会话",
    "it's; touch pwned",
    "$(touch pwned)",
];

#[test]
fn a_transcript_is_given_back_inside_its_folder_whatever_its_id() {
    let home = TestHome::new();
    let long = "long".repeat(500);
    let ids: Vec<&str> = ODD_IDS.iter().copied().chain([long.as_str()]).collect();
    for (number, id) in ids.iter().enumerate() {
        let file = home.write(&format!("t/{number}.jsonl"), user(&format!("u{number}"), id, "hello walrus") + "\n");
        assert_eq!(home.json(&["import", "claude-code", file.to_str().unwrap()])["new"], 1, "{id:?}");
    }
    let projects = home.path().join("a/projects");
    let before = files_below(home.path()).len();
    for id in &ids {
        let found = home.database();
        let message: String = found
            .query_row("SELECT c.external_id FROM conversations c WHERE c.external_id = ?1", [id], |row| row.get(0))
            .unwrap();
        assert_eq!(message, **id);
        if id.contains('\0') {
            // No argument can hold it; its first characters can.
            continue;
        }
        let done = home.run(&["restore-transcript", "--json", "--to", projects.to_str().unwrap(), "--", id]).json();
        let path = std::path::PathBuf::from(done["path"].as_str().unwrap());
        assert!(path.is_file() && path.parent() == Some(&projects.join("-work-project")), "{id:?}: {done}");
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(name.len() < 120 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'), "{name}");
        assert_eq!((&done["session_id"], &done["resume_id"]), (&json!(id), &json!(name)));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(&format!("\"sessionId\":\"{name}\"")), "{text}");
        assert_eq!(done["command"], json!(format!("cd /work/project && claude --resume {name}")));
    }
    let restored = files_below(&projects);
    assert_eq!((restored.len(), files_below(home.path()).len()), (ids.len() - 1, before + ids.len() - 1));
    assert!(!home.path().join("pwned").exists());
}

#[test]
fn the_printed_command_is_quoted() {
    let home = TestHome::new();
    for (number, (directory, shown)) in [
        ("/my work/it's", r"cd '/my work/it'\''s' && claude"),
        ("/x; touch pwned", "cd '/x; touch pwned' && claude"),
        ("-rf", "cd -- -rf && claude"),
        ("/a\nb\u{1b}[31m", r"cd $'/a\nb\x1b[31m' && claude"),
        ("C:\\my work", r"cd 'C:\my work' && claude"),
    ]
    .into_iter()
    .enumerate()
    {
        let line = user(&format!("u{number}"), &format!("session-{number}"), "hello");
        let mut record: Value = serde_json::from_str(&line).unwrap();
        record["cwd"] = json!(directory);
        let file = home.write(&format!("t/{number}.jsonl"), record.to_string() + "\n");
        assert_eq!(home.run(&["import", "claude-code", file.to_str().unwrap()]).code, 0);
        let ran = home.run(&["restore-transcript", &format!("session-{number}"), "--dry-run"]);
        assert!(ran.stderr.contains(shown) && !ran.stderr.contains('\u{1b}'), "{shown}: {}", ran.stderr);
    }
}

#[test]
fn a_bundle_of_a_stranger_places_no_file_elsewhere() {
    let home = TestHome::new();
    let line = |number: usize, session: &str, directory: &str| {
        json!({ "message": {
            "id": format!("00000000-0000-5000-8000-00000000000{number}"), "changed_at": 1, "source": "claude-code", "session": session,
            "parent_session": null, "title": null, "external_id": format!("x{number}"), "parent_external_id": null, "role": "user",
            "at": 1_772_359_201_000_i64, "directory": directory, "project": { "key": directory, "name": "../..", "root": directory, "remote": null },
            "git_branch": null, "model": null, "sidechain": false, "note": null,
            "parts": [{ "key": 1, "kind": "text", "origin": "person", "tool": null, "text": "placed by a stranger" }] } })
    };
    let head = json!({ "claude_memory_bundle": 1, "program": "x", "created_at": "2026-11-23T10:00:00Z" });
    let absolute = home.path().join("victim").display().to_string();
    let lines = [head, line(1, "../../../victim", "../../.."), line(2, &absolute, "/w"), line(3, "..", "..")];
    let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    // Edited by hand since: a mark in front, half a surrogate pair.
    text = format!("\u{feff}{}", text.replacen("placed by", "placed \\ud83d by", 1));
    let file = home.write("stranger.jsonl", text);
    let taken = home.json(&["sync", "bundle", "import", file.to_str().unwrap()]);
    assert_eq!((&taken["new"], &taken["bad"]), (&json!(3), &json!([])), "{taken}");
    let projects = home.path().join("p/projects");
    let before = files_below(home.path());
    for session in ["../../../victim", absolute.as_str(), ".."] {
        let done = home.json(&["restore-transcript", session, "--to", projects.to_str().unwrap()]);
        assert!(std::path::Path::new(done["path"].as_str().unwrap()).starts_with(&projects), "{done}");
    }
    let outside: Vec<_> = files_below(home.path()).into_iter().filter(|path| !path.starts_with(&projects)).collect();
    assert_eq!(outside, before);
    let folder = home.path().join("md");
    let done = home.json(&["export", "--output", folder.to_str().unwrap()]);
    assert_eq!((&done["conversations"], files_below(&folder).len()), (&json!(3), 4), "{done}");
}

#[test]
fn conversations_with_one_name_have_files_of_their_own() {
    let home = TestHome::new();
    for session in
        ["019f9000-0000-7000-8000-0000000000a1", "019f9000-0000-7000-8000-0000000000b2", "019F9000-x", "/019f9000/"]
    {
        let file = home.write("s.jsonl", user(&format!("u-{session}"), session, "the same beginning") + "\n");
        assert_eq!(home.json(&["import", "claude-code", file.to_str().unwrap()])["new"], 1, "{session}");
        std::fs::remove_file(file).unwrap();
    }
    let folder = home.path().join("md");
    let done = home.json(&["export", "--output", folder.to_str().unwrap()]);
    assert_eq!((&done["conversations"], files_below(&folder).len()), (&json!(4), 5), "{done}");
}

//! Suggestions: found in the person's own words, confirmed as notes, dismissed, never injected by themselves.

use serde_json::{Value, json};

use crate::client::Client;
use crate::home::TestHome;

const FOLDER: &str = "/work/project";

fn record(minute: usize, session: &str, role: &str, text: &str) -> String {
    let time = format!("2026-05-{:02}T{:02}:{:02}:00.000Z", 1 + minute / 600, 8 + minute / 60 % 10, minute % 60);
    let content = if role == "user" { json!(text) } else { json!([{ "type": "text", "text": text }]) };
    json!({ "type": role, "uuid": format!("{session}-{minute}"), "parentUuid": null, "sessionId": session, "cwd": FOLDER,
        "timestamp": time, "message": { "role": role, "id": format!("m-{session}-{minute}"), "content": content } })
    .to_string()
}

/// Two sessions of one project: decisions, an assent, a correction, a rule that is said twice, work and pasted text.
fn home() -> TestHome {
    let home = TestHome::new();
    let first = [
        ("user", "let's look at the deliveries service"),
        ("assistant", "It has two tables.\n\nI suggest one table named `deliveries`.\n\nWant me to merge them?"),
        ("user", "yes"),
        ("assistant", "Merged. Shall I commit this?"),
        ("user", "yes"),
        ("user", "连接池统一用十二个连接"),
        ("user", "that is wrong, the invoice has no tax"),
        ("user", "from now on write commit messages in English"),
        ("user", "Implement the following plan:\n\n# Plan\nWe should use a queue."),
        ("user", "let's make the export command hidden"),
        ("user", "thinking again: let's remove the export command"),
    ];
    let second = [("user", "From now on write commit messages in English."), ("user", "run the tests")];
    let lines = |session: &str, from: usize, turns: &[(&str, &str)]| {
        let lines = turns.iter().enumerate().map(|(at, (role, text))| record(from + at, session, role, text));
        lines.collect::<Vec<_>>().join("\n") + "\n"
    };
    for (session, text) in [("s1", lines("s1", 0, &first)), ("s2", lines("s2", 700, &second))] {
        let file = home.write(&format!("transcripts/{session}.jsonl"), text);
        assert_eq!(home.run(&["import", "claude-code", file.to_str().unwrap()]).code, 0);
    }
    home
}

fn texts(found: &Value) -> Vec<String> {
    let suggestions = found["suggestions"].as_array().unwrap();
    suggestions.iter().map(|suggestion| suggestion["text"].as_str().unwrap().to_owned()).collect()
}

fn find(home: &TestHome, text: &str) -> Value {
    let found = home.json(&["decisions", "--limit", "50"]);
    let suggestions = found["suggestions"].as_array().unwrap();
    let found = suggestions.iter().find(|suggestion| suggestion["text"].as_str().unwrap().contains(text));
    found.cloned().unwrap_or_else(|| panic!("{text} is not listed"))
}

#[test]
fn suggestions_are_listed_with_strength_scope_and_state() {
    let home = home();
    let found = home.json(&["decisions"]);
    let wanted = [
        "From now on write commit messages in English.",
        "thinking again: let's remove the export command",
        "let's make the export command hidden",
        "that is wrong, the invoice has no tax",
        "连接池统一用十二个连接",
        "yes",
    ];
    assert_eq!(texts(&found), wanted, "{found}");
    let rule = &found["suggestions"][0];
    assert_eq!(
        (&rule["kinds"][0], &rule["times"], &rule["sessions"]),
        (&json!("rule"), &json!(2), &json!(2)),
        "{rule}"
    );
    assert_eq!((&rule["status"], &rule["scope"]), (&json!("suggested"), &json!("project")));
    let hidden = &found["suggestions"][2];
    assert_eq!((&hidden["state"], &hidden["later"]), (&json!("reverted"), &found["suggestions"][1]["id"]), "{hidden}");
    let agreed = &found["suggestions"][5];
    assert_eq!(agreed["kinds"], json!(["decision"]));
    assert!(agreed["proposal"].as_str().unwrap().contains("one table named `deliveries`"), "{agreed}");
    // Filters, and pages.
    assert_eq!(texts(&home.json(&["decisions", "--kind", "correction"])), [wanted[3]]);
    assert_eq!(texts(&home.json(&["decisions", "--kind", "rule"])), [wanted[0]]);
    assert_eq!(texts(&home.json(&["decisions", "--state", "reverted"])), [wanted[2]]);
    assert_eq!(texts(&home.json(&["decisions", "--since", "2026-05-02"])), [wanted[0]]);
    assert_eq!(texts(&home.json(&["decisions", "连接池"])), [wanted[4]]);
    assert_eq!(texts(&home.json(&["decisions", "deliveries table"])), ["yes"]);
    let page = home.json(&["decisions", "--limit", "2", "--from", "2"]);
    assert_eq!(texts(&page), wanted[2..4]);
    assert_eq!((&page["next"], &page["total"]), (&json!(4), &json!(6)));
    home.run(&["decisions", "--kind", "assent"]).fails(2, "kind");
    home.run(&["decisions", "--project", "nowhere"]).fails(1, "nowhere");
    let text = home.run(&["decisions"]).stdout;
    assert!(text.contains("not a fact until it is confirmed") && text.contains("model proposed >"), "{text}");
}

#[test]
fn a_person_confirms_and_dismisses() {
    let home = home();
    let pool = find(&home, "连接池");
    let old = home.json(&["save", "连接池用二十个连接", "--kind", "decision", "--project", FOLDER]);
    let old = old["id"].as_str().unwrap();
    let id = pool["id"].as_str().unwrap();
    let answer = home.json(&["decisions", "confirm", id, "--supersedes", old]);
    assert!(answer["saved"]["replaced"].as_array().unwrap().contains(&json!(old)), "{answer}");
    let confirmed = find(&home, "连接池");
    assert_eq!((&confirmed["status"], &confirmed["note"]), (&json!("confirmed"), &answer["saved"]["id"]));
    let found = home.json(&["search", "连接池统一用", "--kind", "note"]);
    assert_eq!((&found["results"][0]["id"], &found["results"][0]["trust"]), (&answer["saved"]["id"], &json!("person")));
    // The pair is saved for an assent.
    let agreed = find(&home, "yes");
    let answer = home.json(&["decisions", "confirm", agreed["id"].as_str().unwrap()]);
    let note = home.json(&["show", answer["saved"]["id"].as_str().unwrap()]);
    let messages = note["conversations"][0]["messages"].as_array().unwrap();
    let saved = messages.iter().find(|message| message["id"] == answer["saved"]["id"]).unwrap();
    let text = saved["parts"][0]["text"].as_str().unwrap();
    assert!(text.contains("one table named `deliveries`") && text.ends_with("> yes"), "{text}");
    // A note that replaces the confirmed one replaces the decision.
    let id = confirmed["note"].as_str().unwrap();
    let _ = home.json(&["save", "连接池用八个连接", "--supersedes", id, "--project", FOLDER]);
    assert_eq!(find(&home, "连接池")["state"], "replaced");
    // Dismissed: listed on request only, found by no search, and confirmed after all.
    let wrong = find(&home, "invoice");
    let id = wrong["id"].as_str().unwrap();
    assert_eq!(home.run(&["decisions", "dismiss", id]).code, 0);
    assert!(!texts(&home.json(&["decisions"])).iter().any(|text| text.contains("invoice")));
    assert_eq!(texts(&home.json(&["decisions", "--status", "dismissed"])).len(), 1);
    for mode in ["keyword", "hybrid", "exact"] {
        let found = home.json(&["search", "Dismissed the suggestion", "--mode", mode]);
        assert!(!found.to_string().contains("Dismissed the"), "{found}");
    }
    let _ = home.json(&["decisions", "confirm", id]);
    assert_eq!(find(&home, "invoice")["status"], "confirmed");
    home.run(&["decisions", "confirm", "01890a5d-ac96-774b-bcce-b302099a8057"]).fails(1, "no suggestion");
}

#[test]
fn an_agent_confirms_under_the_rules_of_notes() {
    let home = home();
    let mut command = home.command();
    command.env("CLAUDE_PROJECT_DIR", FOLDER);
    let mut client = Client::with_command(command, true, &["--profile", "full"]);
    let rule = find(&home, "commit messages");
    let id = rule["id"].as_str().unwrap();
    let everywhere = client.call("memory_decisions", json!({ "confirm": id, "scope": "everywhere" }));
    assert_eq!(everywhere["isError"], true, "{everywhere}");
    let saved = client.call("memory_decisions", json!({ "confirm": id }));
    let note = saved["structuredContent"]["saved"]["id"].clone();
    assert!(note.is_string(), "{saved}");
    // It is a model's instruction: it waits for the person.
    assert_eq!(home.json(&["hooks", "notes"])[0]["id"], note);
    // What the person dismissed, the agent does not bring back.
    let wrong = find(&home, "invoice");
    assert_eq!(home.run(&["decisions", "dismiss", wrong["id"].as_str().unwrap()]).code, 0);
    let refused = client.call("memory_decisions", json!({ "confirm": wrong["id"] }));
    assert!(refused.to_string().contains("not yours to replace"), "{refused}");
    client.finish();
    let mut elsewhere = home.command();
    elsewhere.env("CLAUDE_PROJECT_DIR", "/work/other");
    let mut client = Client::with_command(elsewhere, true, &["--profile", "full"]);
    let pool = find(&home, "连接池");
    let refused = client.call("memory_decisions", json!({ "confirm": pool["id"] }));
    assert!(refused.to_string().contains("project of this session"), "{refused}");
    client.finish();
    let mut agent = home.command();
    agent.args(["decisions", "dismiss", pool["id"].as_str().unwrap()]).env("CLAUDECODE", "1");
    assert_eq!(agent.output().unwrap().status.code(), Some(2));
}

#[test]
fn a_suggestion_is_not_injected_and_a_confirmed_rule_is() {
    let home = home();
    let start = |session: &str| {
        let event =
            json!({ "session_id": session, "cwd": FOLDER, "hook_event_name": "SessionStart", "source": "startup" });
        let event = home.write("event.json", event.to_string());
        let mut command = home.command();
        command.args(["hook", "SessionStart"]).stdin(std::fs::File::open(event).unwrap());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert!(!start("n1").contains("commit messages in English"));
    let rule = find(&home, "commit messages");
    let _ = home.json(&["decisions", "confirm", rule["id"].as_str().unwrap()]);
    // A hook may give up on a busy machine: it is asked again.
    let told = (0..20).any(|number| start(&format!("again-{number}")).contains("commit messages in English"));
    assert!(told);
}

/// What was dismissed stays dismissed in a backup that is restored.
#[test]
fn a_dismissal_is_part_of_a_backup() {
    let home = home();
    let wrong = find(&home, "invoice");
    assert_eq!(home.run(&["decisions", "dismiss", wrong["id"].as_str().unwrap()]).code, 0);
    let _ = home.json(&["backup", "create"]);
    assert_eq!(home.run(&["restore", "--newest", "--yes"]).code, 0);
    assert_eq!(texts(&home.json(&["decisions", "--status", "dismissed"])).len(), 1);
}

/// A note that repeats a turn, or the proposal that it agreed with, goes where the turn goes.
#[test]
fn a_deleted_or_hidden_turn_takes_its_note_along() {
    let home = home();
    let agreed = find(&home, "yes");
    let _ = home.json(&["decisions", "confirm", agreed["id"].as_str().unwrap()]);
    let exact = |text: &str| home.json(&["search", "--mode", "exact", text])["results"].as_array().unwrap().clone();
    let proposal = exact("one table named").into_iter().find(|hit| hit["kind"] == "text").unwrap();
    let receipt = home.run(&["forget", proposal["id"].as_str().unwrap(), "--yes"]);
    assert!(receipt.code == 0 && receipt.stdout.contains("complete"), "{}", receipt.stdout);
    assert_eq!(exact("one table named"), Vec::<Value>::new());
    let pool = find(&home, "连接池");
    let _ = home.json(&["decisions", "confirm", pool["id"].as_str().unwrap()]);
    assert_eq!(home.run(&["quarantine", "add", pool["id"].as_str().unwrap(), "--reason", "wrong"]).code, 0);
    assert_eq!(exact("连接池统一用"), Vec::<Value>::new());
    assert_eq!(home.run(&["quarantine", "release", pool["id"].as_str().unwrap()]).code, 0);
    assert!(!exact("连接池统一用").is_empty());
}

#[test]
fn a_saved_note_neither_confirms_nor_dismisses() {
    let home = home();
    let pool = find(&home, "连接池");
    let topic = format!("turn:{}", pool["id"].as_str().unwrap());
    home.run(&["save", "use twenty", "--kind", "decision", "--topic", &topic]).fails(2, "reserved for suggestions");
    home.run(&["save", "x", "--kind", "dismissed"]).fails(2, "reserved for suggestions");
    assert_eq!(find(&home, "连接池")["status"], "suggested");
}

/// An agent learns nothing of another project's notes, and replaces none of them.
#[test]
fn another_projects_notes_are_not_told_and_not_replaced() {
    let home = home();
    let agent = |folder: &str| {
        let mut command = home.command();
        command.env("CLAUDE_PROJECT_DIR", folder);
        Client::with_command(command, true, &["--profile", "full"])
    };
    let mut there = agent("/work/other");
    let note = there.call("memory_save", json!({ "text": "We deploy the payments service on Fridays" }));
    let id = note["structuredContent"]["id"].clone();
    there.finish();
    let mut here = agent(FOLDER);
    let saved = here.call("memory_save", json!({ "text": "We never deploy the payments service on Fridays" }));
    assert_eq!(saved["structuredContent"]["related"], json!([]), "{saved}");
    let refused = here.call("memory_save", json!({ "text": "another text", "supersedes": [id] }));
    assert!(refused.to_string().contains("belongs to another project"), "{refused}");
    here.finish();
}

#[test]
fn what_an_agent_confirms_does_not_hide_what_the_person_said() {
    let home = home();
    let mut command = home.command();
    command.env("CLAUDE_PROJECT_DIR", FOLDER);
    let mut client = Client::with_command(command, true, &["--profile", "full"]);
    let pool = find(&home, "连接池");
    let _ = client.call("memory_decisions", json!({ "confirm": pool["id"] }));
    client.finish();
    let first = home.json(&["search", "连接池统一用十二个连接"])["results"][0].clone();
    assert_eq!((&first["trust"], &first["id"]), (&json!("person"), &pool["id"]), "{first}");
}

/// Values that differ are two statements, not one that was said twice.
#[test]
fn opposite_statements_are_no_repetition() {
    let home = TestHome::new();
    for (session, value) in [("s1", "tabs"), ("s2", "spaces")] {
        let text = format!("let's use {value} for indentation in all Go source files of the server");
        let file = home.write(&format!("transcripts/{session}.jsonl"), record(1, session, "user", &text) + "\n");
        assert_eq!(home.run(&["import", "claude-code", file.to_str().unwrap()]).code, 0);
    }
    let found = home.json(&["decisions"]);
    assert_eq!(texts(&found).len(), 2, "{found}");
}

#[test]
fn labelled_turns_are_scored() {
    let home = home();
    let labels = [("s1-5", "decision"), ("s1-6", "correction"), ("s1-0", ""), ("nowhere", "decision")];
    let lines = labels.map(|(id, label)| {
        let labels = if label.is_empty() { json!([]) } else { json!([label]) };
        json!({ "message": id, "labels": labels }).to_string()
    });
    let labels = home.write("labels.jsonl", lines.join("\n"));
    let transcripts = home.path().join("transcripts");
    let arguments =
        ["bench", "suggestions", "--data", transcripts.to_str().unwrap(), "--labels", labels.to_str().unwrap()];
    let report = home.json(&arguments);
    assert_eq!((&report["turns"], &report["missing"]), (&json!(3), &json!(1)), "{report}");
    assert_eq!(report["kinds"]["decision"]["precision"], json!(1.0), "{report}");
}

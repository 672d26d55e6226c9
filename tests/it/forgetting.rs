//! What is forgotten is gone: from answers, from the files, and from the next import.

use serde_json::{Value, json};

use crate::client::Client;
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
    home.run(&["forget", &id, "--yes"]).fails(1, "there is no");
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
    for table in ["messages", "parts", "passages", "postings", "pending_postings", "pending", "conversations"] {
        let count: i64 = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0, "{table}");
    }
}

/// A transcript as Claude Code writes it: calls of our tools with what the real server answered, and what is said around them.
struct Talk {
    session: &'static str,
    lines: Vec<Value>,
}

impl Talk {
    fn line(&mut self, kind: &str, content: Value) {
        let number = self.lines.len();
        let role = if kind == "user" { "user" } else { "assistant" };
        self.lines.push(json!({ "type": kind, "uuid": format!("{}-{number}", self.session), "sessionId": self.session,
            "cwd": "/work/project", "timestamp": format!("2026-11-23T09:59:{number:02}.000Z"),
            "message": { "id": format!("m-{}-{number}", self.session), "role": role, "content": content } }));
    }

    fn says(&mut self, kind: &str, text: &str) {
        self.line(kind, json!([{ "type": "text", "text": text }]));
    }

    /// Calls the tool; `structured` is what Claude Code hands to its model, else the text.
    fn calls(&mut self, client: &mut Client, server: &str, tool: &str, arguments: Value, structured: bool) -> Value {
        let answer = client.call(tool, arguments.clone());
        let id = format!("toolu_{}", self.lines.len());
        let name = format!("mcp__{server}__{tool}");
        self.line("assistant", json!([{ "type": "tool_use", "id": id, "name": name, "input": arguments }]));
        let content = if structured && answer["structuredContent"].is_object() {
            json!(answer["structuredContent"].to_string())
        } else {
            answer["content"].clone()
        };
        self.line("user", json!([{ "type": "tool_result", "tool_use_id": id, "content": content }]));
        answer
    }

    fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

fn exact(home: &TestHome, text: &str) -> Vec<Value> {
    home.json(&["search", text, "--mode", "exact", "--limit", "50"])["results"].as_array().unwrap().clone()
}

/// The whole way: a note is saved and forgotten by a model that says it before, in the call and after; then the transcript of
/// that session is read, by a hook and once more from its start.
#[test]
fn what_a_session_forgets_does_not_come_back_with_its_transcript() {
    for (server, structured, told) in
        [("claude-memory", true, true), ("claude-memory", false, false), ("m", true, false), ("m", false, true)]
    {
        let home = TestHome::new();
        let session = "f0f0f0f0-1111-4222-8333-444444444444";
        let mut command = home.command();
        if told {
            command.env("CLAUDE_CODE_SESSION_ID", session);
        }
        let mut client = Client::with_command(command, true, &[]);
        let mut talk = Talk { session, lines: Vec::new() };
        let note = "The hint for the vault is the ZEBRA umbrella, says Quentin";
        talk.says("user", "Please remember where we are with the pool size, it is 42 marmalades");
        let saved = talk.calls(&mut client, server, "memory_save", json!({ "text": note }), structured);
        let path = home.write("t/s.jsonl", talk.text());
        let _ = home.json(&["import", "claude-code", "t"]);
        assert_eq!(exact(&home, "ZEBRA").len(), 1, "only the note itself: its call is not kept");
        talk.says("user", "Forget that the hint for the vault is the ZEBRA umbrella, says Quentin, please");
        let query = json!({ "query": "the hint for the vault is the ZEBRA umbrella" });
        let shown = talk.calls(&mut client, server, "memory_forget", query, structured);
        let preview = &shown["structuredContent"]["preview"][0];
        assert_eq!(preview["first_words"], "The hint for the vault is the…", "{shown}");
        assert!(preview["session_id"].is_string() && preview["role"].is_string(), "{preview}");
        assert!(!shown.to_string().contains("ZEBRA"), "{shown}");
        // A turn may end here.
        home.write("t/s.jsonl", talk.text());
        let _ = home.json(&["import", "claude-code", "t"]);
        let ids = json!({ "ids": [saved["structuredContent"]["id"]] });
        let shown = talk.calls(&mut client, server, "memory_forget", ids, structured);
        let code = json!({ "code": shown["structuredContent"]["code"] });
        let done = talk.calls(&mut client, server, "memory_forget", code, structured);
        assert_eq!(done["structuredContent"]["receipt"]["verified"], true, "{done}");
        assert!(!done.to_string().contains("ZEBRA"), "{done}");
        client.finish();
        talk.says("assistant", "Done: I forgot that the hint for the vault is the ZEBRA umbrella, says Quentin.");
        talk.says("user", "Thanks. Where were we with the pool size?");
        home.write("t/s.jsonl", talk.text());
        let event = json!({ "session_id": session, "transcript_path": path, "hook_event_name": "Stop" });
        let event = home.write("event.json", event.to_string());
        let stop = std::fs::File::open(event).unwrap();
        assert!(home.command().args(["hook", "Stop"]).stdin(stop).status().unwrap().success());
        for again in [false, true] {
            assert_eq!(exact(&home, "ZEBRA"), Vec::<Value>::new(), "{server} {structured} {told}, again: {again}");
            assert_eq!(exact(&home, "42 marmalades").len(), 1, "what has nothing to do with it stays");
            assert_eq!(exact(&home, "Where were we with the pool size").len(), 1);
            let _ = home.json(&["import", "claude-code", "t", "--rescan"]);
        }
        // Another session may say it: it was not forgotten there.
        home.write("t/s2.jsonl", user("1", "s2", note) + "\n");
        let _ = home.json(&["import", "claude-code", "t"]);
        assert_eq!(exact(&home, "ZEBRA").len(), 1);
        assert_eq!(home.run(&["init", "--verify"]).code, 0);
    }
}

#[test]
fn a_preview_on_the_command_line_is_bounded_too() {
    let (home, _) = home_with_history();
    let found = home.json(&["search", "zeppelin helium", "--limit", "1"]);
    let shown = home.run(&["forget", found["results"][0]["id"].as_str().unwrap()]);
    assert!(shown.stdout.contains("the zeppelin needs helium") && !shown.stdout.contains("Basel"), "{}", shown.stdout);
}

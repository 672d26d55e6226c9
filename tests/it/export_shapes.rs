//! The shapes in which exports and lines of JSON come: what was said goes in, with its time and by whom it was said.

use serde_json::{Value, json};

use crate::home::TestHome;
use crate::importers::{all, lines, of, zipped};

/// A message as `export` writes it: session, time in milliseconds, and origin and text of its parts.
#[derive(Debug)]
struct Stored {
    session: String,
    at: i64,
    parts: Vec<(String, String)>,
}

/// Everything that is stored.
fn stored(home: &TestHome) -> Vec<Stored> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let exported = home.run(&["export", "--format", "jsonl"]);
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    let records = exported.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let messages = records.filter_map(|record| record.get("message").cloned());
    let stored = messages.map(|message| Stored {
        session: text(&message["session"]),
        at: message["at"].as_i64().unwrap(),
        parts: message["parts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| (text(&part["origin"]), text(&part["text"])))
            .collect(),
    });
    stored.collect()
}

/// Texts of all parts, sorted.
fn texts(home: &TestHome) -> Vec<String> {
    let mut texts: Vec<String> =
        stored(home).into_iter().flat_map(|message| message.parts).map(|(_, text)| text).collect();
    texts.sort();
    texts
}

fn import(home: &TestHome, source: &str, path: &std::path::Path) -> Value {
    let done = home.json(&["import", source, path.to_str().unwrap()]);
    assert_eq!(done["bad_total"], json!(0), "{done}");
    done
}

fn said(text: &str) -> Value {
    json!({ "author": { "role": "user" }, "content": { "content_type": "text", "parts": [text] } })
}

/// A conversation of ChatGPT without children, message ids and times of messages.
fn slim(id: &str, question: &str) -> Value {
    json!({ "id": id, "title": null, "update_time": 1_767_583_999.0, "current_node": "a",
        "mapping": { "r": { "id": "r", "parent": null, "message": null }, "a": { "id": "a", "parent": "r", "message": said(question) } } })
}

#[test]
fn chatgpt_in_every_container() {
    let export = json!([slim("c1", "how deep do garlic roots grow")]).to_string();
    let utf16: Vec<u8> = export.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let inner = zipped(&[("conversations.json", export.clone())]);
    let mut portal = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    portal.start_file("Activity/chatgpt.zip", zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut portal, &inner).unwrap();
    portal.start_file("report.html", zip::write::SimpleFileOptions::default()).unwrap();
    let portal = portal.finish().unwrap().into_inner();
    let cases: [(&str, Vec<u8>); 7] = [
        ("conversations.json", export.clone().into_bytes()),
        ("renamed.json", export.clone().into_bytes()),
        (
            "wrapped.json",
            json!({ "user": {}, "conversations": [slim("c1", "how deep do garlic roots grow")] })
                .to_string()
                .into_bytes(),
        ),
        ("one.json", slim("c1", "how deep do garlic roots grow").to_string().into_bytes()),
        ("utf16.json", utf16),
        ("portal.zip", portal),
        ("other-name.zip", zipped(&[("chat.html", String::new()), ("my chats.json", export)])),
    ];
    for (name, content) in cases {
        let home = TestHome::new();
        let file = home.write(&format!("in/{name}"), content);
        // By name, and as the only file of a folder.
        import(&home, "chatgpt", &file);
        let stored = stored(&home);
        assert_eq!(stored.len(), 1, "{name}: {stored:?}");
        assert_eq!((stored[0].session.as_str(), stored[0].at), ("c1", 1_767_583_999_000), "{name}");
        assert_eq!(stored[0].parts, [("person".to_owned(), "how deep do garlic roots grow".to_owned())], "{name}");
        let again = import(&home, "chatgpt", file.parent().unwrap());
        assert_eq!((&again["files"], &again["new"]), (&json!(1), &json!(0)), "{name}: {again}");
    }
}

#[test]
fn conversations_saved_one_by_one() {
    let home = TestHome::new();
    home.write("saved/Garlic.json", slim("c1", "about garlic").to_string());
    home.write("saved/sub/Onions.json", slim("c2", "about onions").to_string());
    let folder = home.write("saved/settings.json", "{\"theme\": \"dark\"}").parent().unwrap().to_owned();
    let done = import(&home, "chatgpt", &folder);
    assert_eq!((&done["files"], &done["sessions"]), (&json!(2), &json!(2)), "{done}");
    assert_eq!(texts(&home), ["about garlic", "about onions"]);
}

#[test]
fn a_canvas_and_the_memory_of_chatgpt_are_found() {
    let home = TestHome::new();
    let mut conversation = slim("c1", "write a plan");
    conversation["mapping"]["b"] = json!({ "parent": "a", "message": { "author": { "role": "assistant" }, "recipient": "canmore.create_textdoc",
        "content": { "content_type": "code", "text": "{\"name\": \"plan\", \"content\": \"plant the\\ngarlic\"}" } } });
    conversation["mapping"]["m"] = json!({ "parent": "r", "message": { "author": { "role": "system" },
        "content": { "content_type": "model_editable_context", "model_set_context": "1. Grows garlic." } } });
    let file = home.write("conversations.json", json!([conversation, conversation]).to_string());
    import(&home, "chatgpt", &file);
    assert_eq!(texts(&home), ["1. Grows garlic.", "name: plan\ncontent: plant the\ngarlic", "write a plan"]);
    let found = home.json(&["search", "plant garlic", "--mode", "keyword"]);
    assert_eq!(found["results"][0]["session_id"], json!("c1"), "{found}");
}

#[test]
fn damage_costs_the_damaged_conversation_only() {
    let one = slim("c1", "before the damage").to_string();
    let torn = slim("c2", "inside the damage").to_string();
    let next = serde_json::to_string_pretty(&slim("c3", "behind the damage")).unwrap();
    let damages = [
        torn.replacen("\"title\":null", "\"title\":\"no end", 1),
        torn.replacen("}}", "}", 1),
        torn.replacen("\"mapping\":{", "\"mapping\":{\"x\":,", 1),
        format!("{torn}}}"),
    ];
    for damaged in damages {
        let home = TestHome::new();
        let file = home.write("conversations.json", format!("[{one},\n{damaged},\n{next}]"));
        assert_eq!(home.run(&["import", "chatgpt", file.to_str().unwrap()]).code, 0, "{damaged}");
        let texts = texts(&home);
        for word in ["before the damage", "behind the damage"] {
            assert!(texts.iter().any(|text| text == word), "{damaged}: {texts:?}");
        }
    }
    let home = TestHome::new();
    let whole = format!("[{one},\n{torn}");
    let cut = whole.rfind("damage\"").unwrap() + "damage".len();
    let file = home.write("conversations.json", whole.get(..cut).unwrap());
    let done = home.json(&["import", "chatgpt", file.to_str().unwrap()]);
    assert!(done["bad"].to_string().contains("the file ends within this conversation"), "{done}");
    assert_eq!(texts(&home), ["before the damage", "inside the damage"]);
}

#[test]
fn projects_memories_and_flat_texts_of_claude_ai() {
    let conversation = json!([{ "uuid": "k1", "name": "Beans", "created_at": "2026-02-03T10:00:00Z", "project_uuid": "p1", "chat_messages": [
        { "uuid": "1", "sender": "human", "text": "when to sow beans", "content": [{ "type": "text", "text": "" }] },
        { "uuid": "2", "sender": "assistant", "text": "in May", "content": [{ "type": "chart", "caption": "sown by month" }] }] }]);
    let project = json!({ "uuid": "p1", "name": "Kitchen garden", "prompt_template": "answer briefly",
        "docs": [{ "uuid": "d1", "filename": "beds.md", "content": "bed two gets beans" }] });
    let memories = json!([{ "conversations_memory": "grows beans" }]);
    let expected = [
        ("client", "answer briefly"),
        ("model", "grows beans"),
        ("model", "in May"),
        ("person", "when to sow beans"),
        ("tool", "bed two gets beans"),
        ("tool", "sown by month"),
    ];
    let check = |home: &TestHome| {
        let mut parts: Vec<(String, String)> = stored(home).into_iter().flat_map(|message| message.parts).collect();
        parts.sort();
        let parts: Vec<(&str, &str)> = parts.iter().map(|(origin, text)| (origin.as_str(), text.as_str())).collect();
        assert_eq!(parts, expected);
        let found = home.json(&["search", "sow beans", "--mode", "keyword"]);
        assert_eq!(found["results"][0]["project"], json!("Kitchen garden"), "{found}");
    };
    let home = TestHome::new();
    let entries = [
        ("data/users.json", json!([{ "uuid": "me", "full_name": "Mei" }]).to_string()),
        ("data/conversations.json", conversation.to_string()),
        ("data/memories.json", memories.to_string()),
        ("data/projects/p1.json", project.to_string()),
    ];
    import(&home, "claude-ai", &home.write("data.zip", zipped(&entries)));
    check(&home);
    let home = TestHome::new();
    for (name, content) in entries {
        home.write(name, content);
    }
    import(&home, "claude-ai", &home.path().join("data"));
    check(&home);
    let again = import(&home, "claude-ai", &home.path().join("data"));
    assert_eq!(again["new"], json!(0), "{again}");
}

#[test]
fn lines_of_files_with_one_name_and_lines_put_on_top() {
    let home = TestHome::new();
    let first = home.write("in/a/notes.jsonl", lines(&[json!({ "text": "from the first" })]));
    home.write("in/b/notes.jsonl", lines(&[json!({ "text": "from the second" }), json!({ "text": "from the first" })]));
    let folder = home.path().join("in");
    let done = import(&home, "jsonl", &folder);
    assert_eq!((&done["sessions"], &done["new"]), (&json!(2), &json!(3)), "{done}");
    assert_eq!(import(&home, "jsonl", &first)["new"], json!(0), "a file of the folder, by its name");
    home.write("in/a/notes.jsonl", lines(&[json!({ "text": "put on top" }), json!({ "text": "from the first" })]));
    assert_eq!(import(&home, "jsonl", &folder)["new"], json!(1));
    home.write(
        "in/a/notes.jsonl",
        lines(&[json!({ "text": "put on top" }), json!({ "text": "from the first, corrected" })]),
    );
    assert_eq!(import(&home, "jsonl", &folder)["new"], json!(1));
    let expected = ["from the first", "from the first", "from the first, corrected", "from the second", "put on top"];
    assert_eq!(texts(&home), expected);
}

#[test]
fn exchanges_with_a_strange_message() {
    let home = TestHome::new();
    let exchange = json!({ "session": "e1", "messages": [{ "role": "User", "content": "which plum" },
        { "role": "assistant", "content": null, "tool_calls": [{ "function": { "name": "look", "arguments": "{\"q\":\"plums\"}" } }] },
        { "role": "critic", "content": "an odd remark" }, { "role": "assistant", "content": "the blue one" }] });
    let file = home
        .write("x.jsonl", lines(&[exchange, json!({ "from": "human", "value": "and pears", "session": 20_260_101 })]));
    let done = home.json(&["import", "jsonl", file.to_str().unwrap()]);
    assert_eq!(done["new"], json!(5), "{done}");
    assert_eq!(
        all(&home, "e1"),
        [
            of("user", "text", "which plum"),
            of("assistant", "tool_use", "q: plums"),
            of("system", "text", "an odd remark"),
            of("assistant", "text", "the blue one"),
        ]
    );
    assert_eq!(all(&home, "20260101"), [of("user", "text", "and pears")]);
}

#[test]
fn a_file_that_is_one_list() {
    let home = TestHome::new();
    let list = json!([{ "id": "x", "conversations": [{ "from": "human", "value": "which apple" }, { "from": "gpt", "value": "the red one" }] },
        { "question": "and now", "answer": "nothing" }]);
    let file = home.write("set.json", serde_json::to_string_pretty(&list).unwrap());
    import(&home, "jsonl", &file);
    assert_eq!(texts(&home), ["and now", "nothing", "the red one", "which apple"]);
}

#[test]
fn the_wrong_importer_takes_nothing() {
    let home = TestHome::new();
    let rollout = json!({ "timestamp": "2026-01-01T00:00:00Z", "type": "response_item", "payload": { "text": "words of another program" } });
    let file = home.write("rollout.jsonl", lines(&[rollout]));
    for source in ["chatgpt", "claude-ai", "jsonl"] {
        let _ = home.run(&["import", source, file.to_str().unwrap()]);
        assert!(stored(&home).is_empty(), "{source}");
    }
}

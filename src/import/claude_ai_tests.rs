//! Tests of reading claude.ai exports. Inputs are invented.
#![expect(clippy::needless_pass_by_value, reason = "tests hand over what they have just made")]

use serde_json::json;

use super::*;
use crate::domain::Draft;

fn reader() -> ClaudeAi {
    let written = Some(Timestamp::from_milliseconds(1_772_000_000_000));
    ClaudeAi { names: ProjectNames::new(), written, session: None, ids: ContentIds::default() }
}

fn read(value: &Value) -> Vec<Item> {
    reader().read_record(value, 1).unwrap()
}

fn drafts(items: Vec<Item>) -> Vec<Draft> {
    items.into_iter().filter_map(|item| if let Item::Draft(draft) = item { Some(*draft) } else { None }).collect()
}

fn conversation(messages: Value) -> Value {
    json!({ "uuid": "c1", "name": "Leeks", "created_at": "2026-02-03T10:00:00Z", "chat_messages": messages })
}

/// Kind, origin and text of the parts of one message.
fn parts(message: Value) -> Vec<(PartKind, Origin, String)> {
    let parts = drafts(read(&conversation(json!([message])))).into_iter().flat_map(|draft| draft.parts);
    parts.filter(|part| !part.text.trim().is_empty()).map(|part| (part.kind, part.origin, part.text)).collect()
}

#[test]
fn blocks_and_the_flat_text_keep_their_words() {
    use Origin::{Client, Model, Person, Tool, Web};
    use PartKind::{Text, Thinking, ToolResult, ToolUse};
    let cases = [
        (
            json!({ "sender": "human", "text": "when to sow", "content": [{ "type": "text", "text": "" }] }),
            vec![(Text, Person, "when to sow")],
        ),
        (json!({ "sender": "assistant", "text": "in March", "content": [] }), vec![(Text, Model, "in March")]),
        (json!({ "sender": "assistant", "text": "in March" }), vec![(Text, Model, "in March")]),
        (
            json!({ "sender": "human", "text": "flat", "content": [{ "type": "text", "text": "block" }] }),
            vec![(Text, Person, "block")],
        ),
        (
            json!({ "sender": "assistant", "text": "```\nThis block is not supported on your current device yet.\n```", "content": [
                { "type": "tool_use", "name": "web_search", "input": { "query": "leeks" } },
                { "type": "tool_result", "name": "web_search", "content": [{ "type": "knowledge", "title": "All leeks", "url": "https://example.org", "text": "sow early" }] }] }),
            vec![(ToolUse, Model, "query: leeks"), (ToolResult, Web, "All leeks\nhttps://example.org\nsow early")],
        ),
        (
            json!({ "sender": "assistant", "text": "", "content": [
                { "type": "thinking", "thinking": "", "summaries": [{ "summary": "About sowing" }] },
                { "type": "from_the_future", "body": { "caption": "a drawing of leeks" } }, "a bare string"] }),
            vec![
                (Thinking, Model, "About sowing"),
                (ToolResult, Tool, "a drawing of leeks"),
                (Text, Model, "a bare string"),
            ],
        ),
        (
            json!({ "sender": "human", "text": "", "content": [{ "type": "from_the_future", "note": "who typed this" }] }),
            vec![(ToolResult, Tool, "who typed this")],
        ),
        (
            json!({ "sender": "human", "text": "", "content": [], "attachments": [{ "file_name": "a.txt", "extracted_content": "pasted words" }] }),
            vec![(ToolResult, Tool, "pasted words")],
        ),
        (json!({ "sender": "somebody", "text": "odd words" }), vec![(Text, Client, "odd words")]),
    ];
    for (message, expected) in cases {
        let expected: Vec<_> =
            expected.into_iter().map(|(kind, origin, text)| (kind, origin, text.to_owned())).collect();
        assert_eq!(parts(message.clone()), expected, "{message}");
    }
}

#[test]
fn an_inserted_message_changes_no_other_id() {
    let said = |text: &str| json!({ "sender": "human", "text": text });
    let ids = |messages: Value| -> Vec<String> {
        drafts(read(&conversation(messages))).into_iter().map(|draft| draft.external_id).collect()
    };
    let before = ids(json!([said("one"), said("two"), said("two")]));
    let after = ids(json!([said("new"), said("one"), said("two"), said("two")]));
    assert_eq!(after[1..], before);
    assert!(before[1] != before[2] && before.iter().all(|id| id.starts_with("content-")), "{before:?}");
    let twice = ids(
        json!([{ "uuid": "m", "sender": "human", "text": "one" }, { "uuid": "m", "sender": "human", "text": "two" }]),
    );
    assert!(twice[0] == "m" && twice[1] != "m", "{twice:?}");
}

#[test]
fn times_titles_and_summaries() {
    let value = json!({ "uuid": "c1", "name": "Leeks", "summary": "They spoke of leeks.", "updated_at": "2026-02-04T10:00:00Z",
        "project": { "uuid": "p", "name": "Garden" }, "chat_messages": [{ "sender": "human", "text": "one" },
        { "sender": "human", "text": "two", "created_at": "2026-02-03T10:00:00Z" }, { "sender": "human", "text": "three" }] });
    let items = read(&value);
    assert!(matches!(items.last(), Some(Item::Title(title)) if title.title == "Leeks"));
    let told = drafts(items);
    let hours: Vec<i64> = told.iter().map(|draft| draft.at.to_milliseconds() / 3_600_000).collect();
    assert_eq!((hours[1], hours[2], hours[3] - hours[0]), (hours[0], hours[0], 24));
    assert_eq!((told[0].at_estimated, told[1].at_estimated, told[2].at_estimated), (true, false, true));
    assert_eq!((told[3].parts[0].kind, told[3].cwd.as_deref()), (PartKind::Summary, Some("Garden")));
    let nameless = json!({ "chat_messages": [{ "uuid": "m", "sender": "human", "text": "one" }] });
    assert_eq!(drafts(read(&nameless))[0].session, "conversation-m");
    assert!(reader().read_record(&json!({ "name": "x", "chat_messages": [] }), 1).unwrap_err().contains("uuid"));
    let empty = read(&json!({ "uuid": "c2", "name": "Empty" }));
    assert!(matches!(&empty[..], [Item::Bookkeeping(_), Item::Title(_)]), "{empty:?}");
}

#[test]
fn projects_and_memories_are_sessions_of_their_own() {
    let mut reader = reader();
    let project = json!({ "uuid": "p", "name": "Garden", "description": "all beds", "prompt_template": "answer in metric units",
        "created_at": "2026-01-01T00:00:00Z", "docs": [{ "uuid": "d", "filename": "plan.md", "content": "leeks in bed two" }, { "content": "no id" }] });
    let items = reader.read_record(&project, 1).unwrap();
    assert!(matches!(items.last(), Some(Item::Title(title)) if title.title == "Garden"));
    let project = drafts(items);
    let told: Vec<(&str, &str, Origin, &str)> = project
        .iter()
        .flat_map(|draft| {
            draft
                .parts
                .iter()
                .map(|part| (draft.session.as_str(), draft.external_id.as_str(), part.origin, part.text.as_str()))
        })
        .collect();
    assert_eq!(
        told[..3],
        [
            ("project-p", "about", Origin::Client, "all beds"),
            ("project-p", "about", Origin::Client, "answer in metric units"),
            ("project-p", "d", Origin::Tool, "leeks in bed two"),
        ]
    );
    assert_eq!((project[1].files.as_slice(), project[1].cwd.as_deref()), (&["plan.md".to_owned()][..], Some("Garden")));
    let memories = json!({ "account_uuid": "me", "conversations_memory": "grows leeks", "project_memories": { "p": "bed two is sunny" } });
    let told: Vec<(String, String, Origin, String, Option<String>)> = drafts(reader.read_record(&memories, 1).unwrap())
        .into_iter()
        .map(|draft| (draft.session, draft.external_id, draft.parts[0].origin, draft.parts[0].text.clone(), draft.cwd))
        .collect();
    let owned = |session: &str, id: &str, text: &str, cwd: &str| {
        (session.to_owned(), id.to_owned(), Origin::Model, text.to_owned(), Some(cwd.to_owned()))
    };
    assert_eq!(
        told,
        [
            owned("claude-ai-memory", "me/conversations_memory", "grows leeks", "claude.ai"),
            owned("project-p", "memory", "bed two is sunny", "Garden"),
        ]
    );
    assert!(matches!(
        &reader.read_record(&json!({ "uuid": "me", "full_name": "Mei" }), 1).unwrap()[..],
        [Item::Bookkeeping(_)]
    ));
    let rollout = json!({ "type": "session_meta", "payload": {} });
    assert!(
        matches!(&reader.read_record(&rollout, 1).unwrap()[..], [Item::NotUnderstood(kind, None)] if kind == "session_meta")
    );
}

#[test]
fn files_of_an_export_are_known_by_name_or_content() {
    let reader = reader();
    for name in ["data/projects.json", "a.zip/memories.json", "users.json", "x/projects/0191.json"] {
        assert!(reader.knows_file(name), "{name}");
    }
    assert!(!reader.knows_file("settings.json") && !reader.knows_file("projects/readme.md"));
    for head in [
        "[{\"uuid\": 1, \"chat_messages\": [",
        "{\"prompt_template\": \"\", \"docs\": []",
        "[{\"conversations_memory\"",
    ] {
        assert!(is_claude_ai_head(head.as_bytes()), "{head}");
    }
    assert!(!is_claude_ai_head(b"{\"mapping\": {}}"));
}

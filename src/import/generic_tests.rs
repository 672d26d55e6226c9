//! Tests of reading generic JSON lines. Inputs are invented.

use serde_json::json;

use super::*;
use crate::domain::Draft;
use crate::import::Source;
use crate::import::record_source::source_of_record;

fn reader(path: &str) -> GenericJsonl {
    GenericJsonl::new(&TranscriptFile { path: path.into(), size: 0, modified: 0 }, |record| {
        source_of_record(record).map(Source::name)
    })
}

fn drafts(items: Vec<Item>) -> Vec<Draft> {
    items.into_iter().filter_map(|item| if let Item::Draft(draft) = item { Some(*draft) } else { None }).collect()
}

fn read_all(values: &[Value]) -> Vec<Draft> {
    let mut reader = reader("/x/notes.jsonl");
    values.iter().flat_map(|value| drafts(reader.convert_record(value.clone(), 1).unwrap())).collect()
}

/// Role, kind, origin and text of every part.
fn parts(value: &Value) -> Vec<(Role, PartKind, Origin, String)> {
    let drafts = read_all(std::slice::from_ref(value)).into_iter();
    drafts
        .flat_map(|draft| draft.parts.into_iter().map(move |part| (draft.role, part.kind, part.origin, part.text)))
        .collect()
}

#[test]
fn roles_and_words_under_many_names() {
    use PartKind::{Meta, Text, Thinking, ToolResult, ToolUse};
    let said = |text: &str| (Role::User, Text, Origin::Person, text.to_owned());
    let answered = |text: &str| (Role::Assistant, Text, Origin::Model, text.to_owned());
    let odd = |text: &str| (Role::System, Text, Origin::Client, text.to_owned());
    let called = |text: &str| (Role::Assistant, ToolUse, Origin::Model, text.to_owned());
    let cases = [
        (json!({ "role": "User", "text": "prune now" }), vec![said("prune now")]),
        (json!({ "role": " ASSISTANT ", "content": "in March" }), vec![answered("in March")]),
        (json!({ "from": "human", "value": "prune now" }), vec![said("prune now")]),
        (json!({ "text": "no role" }), vec![said("no role")]),
        (json!({ "role": "wizard", "text": "a spell" }), vec![odd("a spell")]),
        (
            json!({ "role": "system", "text": "be kind" }),
            vec![(Role::System, Meta, Origin::Client, "be kind".to_owned())],
        ),
        (
            json!({ "role": "tool", "name": "web_search", "content": "found it" }),
            vec![(Role::Tool, ToolResult, Origin::Web, "found it".to_owned())],
        ),
        (
            json!({ "type": "entry", "message": { "role": "user", "content": [{ "type": "text", "text": "inner" }] } }),
            vec![said("inner")],
        ),
        (
            json!({ "role": "assistant", "content": null, "reasoning_content": "think", "tool_calls": [{ "function": { "name": "f", "arguments": "{\"q\":\"apples\"}" } }] }),
            vec![(Role::Assistant, Thinking, Origin::Model, "think".to_owned()), called("q: apples")],
        ),
        (
            json!({ "role": "assistant", "content": [{ "type": "text", "text": "look" }, { "type": "tool_use", "name": "f", "input": { "q": "pears" } }, { "type": "text", "text": "so" }] }),
            vec![answered("look"), called("q: pears"), answered("so")],
        ),
        (
            json!({ "from": "function_call", "value": "{\"name\": \"f\", \"arguments\": {\"q\": \"plums\"}}" }),
            vec![called("q: plums")],
        ),
        (
            json!({ "prompt": "which knife", "completion": "a sharp one" }),
            vec![said("which knife"), answered("a sharp one")],
        ),
        (
            json!({ "instruction": "name it", "input": "the tree", "output": "apple" }),
            vec![said("name it\nthe tree"), answered("apple")],
        ),
        (json!({ "question": "why", "answer": "so" }), vec![said("why"), answered("so")]),
        (json!({ "note": "words of no known form" }), vec![odd("words of no known form")]),
        (json!({ "type": "human", "data": { "content": "wrapped" } }), vec![said("wrapped")]),
        (
            json!({ "prompt": "a or b", "chosen": "a", "rejected": "b" }),
            vec![said("a or b"), answered("a"), answered("b")],
        ),
        (
            json!({ "system": "be kind", "question": "why", "answer": "so" }),
            vec![odd("be kind"), said("why"), answered("so")],
        ),
    ];
    for (value, expected) in cases {
        assert_eq!(parts(&value), expected, "{value}");
    }
    assert!(
        reader("/x").convert_record(json!({ "role": "user" }), 1).unwrap_err().contains("neither `text` nor `content`")
    );
    assert!(reader("/x").convert_record(json!([1]), 1).is_err());
}

#[test]
fn an_exchange_keeps_its_strange_messages() {
    let line = json!({ "conversations": [{ "from": "human", "value": "prune now" }, { "from": "critic", "value": "odd" },
        { "value": "nobody" }, { "from": "gpt", "note": "unusual field" }, { "from": "gpt", "value": "in March" }] });
    let mut reader = reader("/x/y.jsonl");
    let items = reader.convert_record(line.clone(), 3).unwrap();
    let warnings: Vec<&BadRecord> =
        items.iter().filter_map(|item| if let Item::Warning(bad) = item { Some(bad) } else { None }).collect();
    assert!(warnings.len() == 1 && warnings[0].line == 3 && warnings[0].why.contains("critic"), "{warnings:?}");
    let texts: Vec<String> = drafts(items).into_iter().map(|draft| draft.parts[0].text.clone()).collect();
    assert_eq!(texts, ["prune now", "odd", "nobody", "unusual field", "in March"]);
    assert!(!reader.convert_record(line, 4).unwrap().iter().any(|item| matches!(item, Item::Warning(_))), "once");
}

#[test]
fn a_line_put_on_top_changes_no_other_id() {
    let ids =
        |values: &[Value]| -> Vec<String> { read_all(values).into_iter().map(|draft| draft.external_id).collect() };
    let (one, two) = (json!({ "text": "first" }), json!({ "text": "second" }));
    let before = ids(&[one.clone(), two.clone(), two.clone()]);
    let after = ids(&[json!({ "text": "new" }), one.clone(), two.clone(), two.clone()]);
    assert_eq!(after[1..], before);
    assert_ne!(before[1], before[2]);
    let timed = |at: &str| json!({ "text": "ok", "ts": at });
    let late = ids(&[timed("2026-01-02T00:00:00Z")]);
    assert_eq!(ids(&[timed("2026-01-01T00:00:00Z"), timed("2026-01-02T00:00:00Z")])[1..], late);
    let corrected = ids(&[json!({ "text": "first, corrected" }), two]);
    assert!(!before.contains(&corrected[0]) && before.contains(&corrected[1]));
}

#[test]
fn numbers_name_sessions_and_messages_and_an_id_may_be_a_speakers() {
    let read = read_all(&[
        json!({ "session_id": 7, "id": 1, "text": "one", "timestamp": 1_767_225_700 }),
        json!({ "session_id": 7, "id": 1, "text": "two" }),
        json!({ "session_id": 7, "id": 1, "text": "one and more" }),
    ]);
    assert_eq!((read[0].session.as_str(), read[0].external_id.as_str()), ("7", "1"));
    assert!(read[1].external_id.starts_with("1/content-") && read[1].at_estimated);
    assert_eq!(read[2].external_id, "1");
}

#[test]
fn sessions_of_files_and_exchanges() {
    let session =
        |path: &str| drafts(reader(path).convert_record(json!({ "text": "x" }), 1).unwrap()).remove(0).session;
    assert!(session("/a/notes.jsonl").starts_with("notes-"));
    assert_ne!(session("/a/notes.jsonl"), session("/b/notes.jsonl"));
    assert_eq!(session("/a/notes.jsonl"), session("/a/notes.jsonl"));
    let exchange = |texts: &[&str]| {
        let messages: Vec<Value> = texts.iter().map(|text| json!({ "role": "user", "content": text })).collect();
        json!({ "messages": messages })
    };
    let sessions = |values: &[Value]| -> Vec<(String, String)> {
        read_all(values).into_iter().map(|draft| (draft.session, draft.external_id)).collect()
    };
    let before = sessions(&[exchange(&["a", "b"]), exchange(&["a", "c"])]);
    assert!(before[0].0 == before[1].0 && before[0].0 != before[2].0, "{before:?}");
    let grown = sessions(&[exchange(&["z"]), exchange(&["a", "b", "more"])]);
    assert_eq!(grown[1..3], before[..2]);
    let named = sessions(&[json!({ "id": "e1", "messages": [{ "role": "user", "content": "a" }] })]);
    assert!(named[0].0.ends_with("/e1"), "{named:?}");
}

#[test]
fn records_of_clients_are_named_not_taken() {
    let rollout =
        json!({ "timestamp": "2026-01-01T00:00:00Z", "type": "response_item", "payload": { "type": "message" } });
    let items = reader("/x").convert_record(rollout, 1).unwrap();
    assert!(matches!(&items[..], [Item::NotUnderstood(kind, None)] if kind == "record of codex"), "{items:?}");
}

#[test]
fn lists_and_objects_over_several_lines_are_told_from_lines() {
    for one in ["[{\"a\": 1}]", " [\n{}]", "{\n \"a\": 1}", "\u{feff}[{"] {
        assert!(is_single_document(one.as_bytes()), "{one}");
    }
    for lines in ["{\"a\": 1}\n", "", "x", "[]"] {
        assert!(!is_single_document(lines.as_bytes()), "{lines}");
    }
}

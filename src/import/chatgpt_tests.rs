//! Tests of reading ChatGPT exports. Inputs are invented.
#![expect(clippy::needless_pass_by_value, reason = "tests hand over what they have just made")]

use serde_json::json;

use super::*;

fn conversation(mapping: Value) -> Value {
    json!({ "conversation_id": "c1", "title": "Rhubarb", "create_time": 1_767_000_000.0, "update_time": 1_767_000_900.0,
        "current_node": "b", "mapping": mapping })
}

fn message(role: &str, content: Value) -> Value {
    json!({ "author": { "role": role }, "content": content })
}

fn said(text: &str) -> Value {
    json!({ "content_type": "text", "parts": [text] })
}

fn read(value: &Value) -> Vec<Item> {
    ChatGpt::default().read_record(value, 1).unwrap()
}

fn drafts(items: Vec<Item>) -> Vec<Draft> {
    items.into_iter().filter_map(|item| if let Item::Draft(draft) = item { Some(*draft) } else { None }).collect()
}

/// Kind, origin and text of the parts of one message.
fn parts(message: Value) -> Vec<(PartKind, Origin, String)> {
    let items = read(&conversation(json!({ "a": { "message": message } })));
    let parts = drafts(items).into_iter().flat_map(|draft| draft.parts);
    parts.map(|part| (part.kind, part.origin, part.text)).collect()
}

#[test]
fn a_conversation_without_children_ids_and_times() {
    let slim = conversation(json!({
        "r": { "parent": null, "message": null },
        "a": { "parent": "r", "message": message("user", said("when is rhubarb ripe")) },
        "b": { "parent": "a", "message": message("assistant", said("in April")) },
        "c": { "parent": "a", "message": message("assistant", said("in May")) }
    }));
    let items = read(&slim);
    assert!(matches!(&items[0], Item::Bookkeeping(kind) if kind == "node without message"));
    assert!(matches!(items.last(), Some(Item::Title(title)) if title.title == "Rhubarb"));
    let drafts = drafts(items);
    let told = |draft: &Draft| {
        (draft.external_id.clone(), draft.parent_external_id.clone(), draft.sidechain, draft.parts[0].text.clone())
    };
    let expected = |id: &str, parent: Option<&str>, side, text: &str| {
        (id.to_owned(), parent.map(str::to_owned), side, text.to_owned())
    };
    assert_eq!(
        drafts.iter().map(told).collect::<Vec<_>>(),
        [
            expected("a", None, false, "when is rhubarb ripe"),
            expected("b", Some("a"), false, "in April"),
            expected("c", Some("a"), true, "in May"),
        ]
    );
    for draft in drafts {
        assert!(draft.at_estimated && draft.at.to_milliseconds() == 1_767_000_000_000, "{:?}", draft.at);
    }
}

#[test]
fn times_come_from_the_nearest_place_that_has_one() {
    let times = |mut value: Value, without: &[&str]| -> Vec<i64> {
        without.iter().for_each(|name| value[*name] = Value::Null);
        drafts(read(&value)).iter().map(|draft| draft.at.to_milliseconds() / 1_000).collect()
    };
    let at = |mut message: Value, name: &str, time: Value| {
        message[name] = time;
        message
    };
    let nodes = json!({
        "a": { "message": at(message("user", said("one")), "create_time", json!(0)), "children": ["b"] },
        "b": { "message": at(message("assistant", said("two")), "create_time", json!(1_767_000_500_000_000_i64)), "children": ["c"] },
        "c": { "message": at(message("user", said("three")), "update_time", json!("2025-12-29T10:00:00Z")), "children": ["d"] },
        "d": { "message": message("assistant", said("four")) }
    });
    assert_eq!(times(conversation(nodes.clone()), &[]), [1_767_000_000, 1_767_000_500, 1_767_002_400, 1_767_002_400]);
    let early = times(conversation(nodes), &["create_time"]);
    assert_eq!(early[0], 1_767_000_500);
    let timeless = json!({ "a": { "message": message("user", said("one")) } });
    assert_eq!(times(conversation(timeless.clone()), &["create_time"]), [1_767_000_900]);
    assert_eq!(times(conversation(timeless), &["create_time", "update_time"]), [0], "left to the file");
}

#[test]
fn kinds_of_content_keep_their_words() {
    use Origin::{Client, Model, Person, Tool, Web};
    use PartKind::{Text, Thinking, ToolResult, ToolUse};
    let mut canvas = message(
        "assistant",
        json!({ "content_type": "code", "text": "{\"name\":\"jam\",\"type\":\"document\",\"content\":\"boil\\nthe rhubarb\"}" }),
    );
    canvas["recipient"] = json!("canmore.create_textdoc");
    let mut bio = message("assistant", said("Grows rhubarb."));
    bio["recipient"] = json!("bio");
    let mut cited = message("assistant", said("See there."));
    cited["metadata"] = json!({ "search_result_groups": [{ "entries": [{ "title": "Jam", "url": "https://example.org/jam", "snippet": "boil it" }] }],
        "content_references": [{ "type": "webpage", "title": "Jam", "url": "https://example.org/jam", "snippet": "boil it" }] });
    let cases = [
        (canvas, vec![(ToolUse, Model, "name: jam\ntype: document\ncontent: boil\nthe rhubarb")]),
        (bio, vec![(ToolUse, Model, "Grows rhubarb.")]),
        (cited, vec![(Text, Model, "See there."), (ToolResult, Web, "Jam\nhttps://example.org/jam\nboil it")]),
        (
            message(
                "user",
                json!({ "content_type": "multimodal_text", "parts": [
                { "content_type": "audio_transcription", "text": "spoken words", "direction": "in" },
                { "content_type": "audio_asset_pointer", "asset_pointer": "sediment://x", "format": "wav" }, "typed words",
                { "content_type": "from_the_future", "caption": "a caption" }] }),
            ),
            vec![(Text, Person, "spoken words\ntyped words"), (ToolResult, Tool, "a caption")],
        ),
        (
            message(
                "tool",
                json!({ "content_type": "multimodal_text", "parts": [
                { "content_type": "image_asset_pointer", "asset_pointer": "file-service://x", "metadata": { "dalle": { "prompt": "a red stalk" } } }] }),
            ),
            vec![(ToolResult, Tool, "a red stalk")],
        ),
        (
            message(
                "tool",
                json!({ "content_type": "tether_quote", "url": "https://example.org", "domain": "example.org", "title": "Stalks", "text": "are eaten" }),
            ),
            vec![(ToolResult, Web, "Stalks\nhttps://example.org\nexample.org\nare eaten")],
        ),
        (
            message(
                "assistant",
                json!({ "content_type": "thoughts", "thoughts": [{ "summary": "Ripe", "content": "when red" }] }),
            ),
            vec![(Thinking, Model, "Ripe\nwhen red")],
        ),
        (
            message("assistant", json!({ "content_type": "super_widget", "widget": { "label": "sold by the pound" } })),
            vec![(Text, Model, "sold by the pound")],
        ),
        (message("user", json!({ "content_type": "odd", "note": "from nobody" })), vec![(Text, Client, "from nobody")]),
        (
            message("tool", json!({ "content_type": "system_error", "name": "E", "text": "no such tool" })),
            vec![(ToolResult, Tool, "E\nno such tool")],
        ),
        (message("user", json!("only a string")), vec![(Text, Person, "only a string")]),
        (message("user", said("<my-tag>pasted</my-tag> why")), vec![(Text, Person, "<my-tag>pasted</my-tag> why")]),
    ];
    for (message, expected) in cases {
        let expected: Vec<_> =
            expected.into_iter().map(|(kind, origin, text)| (kind, origin, text.to_owned())).collect();
        assert_eq!(parts(message.clone()), expected, "{message}");
    }
}

#[test]
fn memory_and_instructions_are_kept_once() {
    let mut hidden = message(
        "user",
        json!({ "content_type": "user_editable_context", "user_profile": "gardener", "user_instructions": "be brief" }),
    );
    hidden["metadata"] = json!({ "is_visually_hidden_from_conversation": true });
    let memory =
        message("system", json!({ "content_type": "model_editable_context", "model_set_context": "1. likes rhubarb" }));
    let mut system = message("system", said("secret words of the service"));
    system["weight"] = json!(0.0);
    let value = conversation(
        json!({ "i": { "message": hidden, "children": ["m"] }, "m": { "message": memory, "children": ["s"] },
        "s": { "message": system, "children": ["a"] }, "a": { "message": message("user", said("hello")) } }),
    );
    let mut reader = ChatGpt::default();
    let first = drafts(reader.read_record(&value, 1).unwrap());
    let told: Vec<(&str, Origin, &str)> = first
        .iter()
        .map(|draft| (draft.session.as_str(), draft.parts[0].origin, draft.parts[0].text.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (INSTRUCTIONS, Origin::Client, "gardener\nbe brief"),
            (MEMORY, Origin::Model, "1. likes rhubarb"),
            ("c1", Origin::Person, "hello"),
        ]
    );
    assert_eq!(first[2].parent_external_id, None);
    let again = reader.read_record(&value, 1).unwrap();
    let kept = again.iter().filter(|item| matches!(item, Item::Draft(_))).count();
    let counted = again.iter().filter(|item| matches!(item, Item::Bookkeeping(_))).count();
    assert_eq!((kept, counted), (1, 3));
}

#[test]
fn conversations_without_ids_and_records_of_others() {
    let mut value = conversation(json!({ "a": { "message": message("user", said("one")) } }));
    value.as_object_mut().unwrap().remove("conversation_id");
    let session = |value: &Value| drafts(read(value)).remove(0).session;
    let made = session(&value);
    assert!(made.starts_with("conversation-content-"), "{made}");
    value["mapping"]["b"] = json!({ "parent": "a", "message": message("assistant", said("two")) });
    assert_eq!(session(&value), made, "a conversation that grows keeps its id");
    let rollout =
        json!({ "timestamp": "2026-01-01T00:00:00Z", "type": "response_item", "payload": { "text": "some words" } });
    assert!(matches!(&read(&rollout)[..], [Item::NotUnderstood(kind, None)] if kind == "response_item"));
    let mut reader = ChatGpt::default();
    reader.read_record(&value, 1).unwrap();
    let stray = json!({ "id": "z", "message": message("user", said("behind the damage")) });
    let items = reader.read_record(&stray, 9).unwrap();
    assert!(
        matches!(&items[..], [Item::Draft(draft)] if draft.external_id == "z" && draft.session == made),
        "{items:?}"
    );
    let note = reader.read_record(&json!({ "type": "note", "body": "words of a new kind" }), 9).unwrap();
    assert!(matches!(&note[..], [Item::NotUnderstood(_, Some(draft))] if draft.parts[0].text == "words of a new kind"));
}

#[test]
fn messages_with_equal_ids_are_all_kept() {
    let mut one = message("user", said("one"));
    one["id"] = json!("same");
    let mut two = message("user", said("two"));
    two["id"] = json!("same");
    let ids: Vec<String> = drafts(read(&conversation(json!({ "a": { "message": one }, "b": { "message": two } }))))
        .into_iter()
        .map(|draft| draft.external_id)
        .collect();
    assert_eq!(ids, ["same", "b"]);
}

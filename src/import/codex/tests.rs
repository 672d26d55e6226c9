//! Imports files of every kind that Codex writes.
#![expect(clippy::needless_pass_by_value, reason = "tests hand over what they have just made")]

use serde_json::json;

use super::*;

const OWN: &str = "019b1111-0000-7000-8000-00000000aaaa";
const PARENT: &str = "019b0000-0000-7000-8000-00000000bbbb";

/// A Codex home directory.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir_all(home.0.path().join("sessions")).unwrap();
        home
    }

    fn read(&self, session: &str, records: &[Value]) -> Vec<Item> {
        let path = self.0.path().join(format!("sessions/rollout-2026-04-05T06-07-00-{session}.jsonl"));
        let lines: Vec<String> = records.iter().map(|record| record.to_string() + "\n").collect();
        crate::disk::write_atomic(&path, lines.concat().as_bytes()).unwrap();
        let transcript = TranscriptFile { path, size: 1, modified: 0 };
        let options = ReadOptions { longest: 1 << 20, now: Timestamp::from_milliseconds(2_000_000_000_000) };
        let mut items = Vec::new();
        let mut take = |item, _| {
            items.push(item);
            true
        };
        open(&transcript, options).unwrap().for_each_item(&mut take).unwrap();
        items
    }
}

fn at(second: u32, kind: &str, payload: Value) -> Value {
    json!({ "timestamp": format!("2026-04-05T06:07:{second:02}.000Z"), "type": kind, "payload": payload })
}

fn meta(session: &str) -> Value {
    at(0, "session_meta", json!({ "id": session, "cwd": format!("/work/{session}") }))
}

fn said(second: u32, role: &str, text: &str) -> Value {
    let content = json!([{ "type": "input_text", "text": text }]);
    at(second, "response_item", json!({ "type": "message", "role": role, "content": content }))
}

fn drafts(items: &[Item]) -> Vec<&Draft> {
    let drafts = items.iter().filter_map(|item| match item {
        Item::Draft(draft) | Item::NotUnderstood(_, Some(draft)) => Some(draft.as_ref()),
        _ => None,
    });
    drafts.collect()
}

fn texts(items: &[Item]) -> Vec<&str> {
    drafts(items).into_iter().flat_map(|draft| draft.parts.iter().map(|part| part.text.as_str())).collect()
}

/// Items that the ledger counts.
fn counted(items: &[Item]) -> usize {
    items.iter().filter(|item| !matches!(item, Item::Title(_) | Item::Warning(_))).count()
}

#[test]
fn every_record_is_counted_once() {
    let records = [
        meta(OWN),
        at(1, "turn_context", json!({ "cwd": "/w", "model": "m" })),
        said(2, "user", "hello there"),
        at(2, "event_msg", json!({ "type": "user_message", "message": "hello there" })),
        at(3, "event_msg", json!({ "type": "agent_message", "message": "only an event" })),
        at(4, "event_msg", json!({ "type": "token_count", "info": null })),
        at(5, "response_item", json!({ "type": "reasoning", "summary": [], "encrypted_content": "x" })),
        at(6, "world_state", json!({ "full": true })),
        at(7, "event_msg", json!({ "type": "from_the_future", "note": "new words here" })),
        at(8, "something_new", json!({ "text": "other words here" })),
        at(9, "event_msg", json!({ "type": "thread_name_updated", "thread_name": "A name" })),
        at(10, "compacted", json!({ "message": "" })),
    ];
    let items = Home::new().read(OWN, &records);
    assert_eq!(counted(&items), records.len(), "{items:#?}");
    assert_eq!(texts(&items), ["hello there", "new words here", "other words here", "only an event"]);
    let strange: Vec<&str> = items
        .iter()
        .filter_map(|item| if let Item::NotUnderstood(kind, _) = item { Some(kind.as_str()) } else { None })
        .collect();
    assert_eq!(strange, ["event_msg:from_the_future", "something_new"]);
    assert!(items.iter().any(|item| matches!(item, Item::Title(title) if title.title == "A name")));
}

#[test]
fn a_copy_has_the_identity_of_its_original() {
    let home = Home::new();
    let shared = [said(1, "user", "dig"), said(2, "assistant", "dug"), said(3, "user", "dig")];
    let original = home.read(PARENT, &[&[meta(PARENT)], &shared[..], &[said(4, "user", "stop")]].concat());
    let fork =
        [&[meta(OWN), meta(PARENT)], &shared[..], &[said(9, "user", "plant"), said(10, "user", "stop")]].concat();
    let copy = home.read(OWN, &fork);
    let identity =
        |draft: &&Draft| (draft.session.clone(), draft.external_id.clone(), draft.parts[0].external_key.clone());
    let (original, copy) = (drafts(&original), drafts(&copy));
    let of = |some: &[&Draft]| some.iter().map(identity).collect::<Vec<_>>();
    assert_eq!(of(&copy[..3]), of(&original[..3]));
    assert_ne!(original[0].external_id, original[2].external_id);
    for own in &copy[3..] {
        assert_eq!((own.session.as_str(), own.forked_from.as_deref()), (OWN, Some(PARENT)));
    }
    assert_eq!((copy.len(), copy[0].cwd.as_deref()), (5, Some(format!("/work/{PARENT}").as_str())));
}

#[test]
fn a_fork_whose_parent_is_gone_is_split_where_the_copy_ended() {
    let records =
        [meta(OWN), meta(PARENT), said(0, "user", "dig"), said(0, "assistant", "dug"), said(30, "user", "plant")];
    let sessions: Vec<String> =
        drafts(&Home::new().read(OWN, &records)).iter().map(|draft| draft.session.clone()).collect();
    assert_eq!(sessions, [PARENT, PARENT, OWN]);
    // Without a pause nothing proves where it ended.
    let sessions: Vec<String> =
        drafts(&Home::new().read(OWN, &records[..4])).iter().map(|draft| draft.session.clone()).collect();
    assert_eq!(sessions, [OWN, OWN]);
}

#[test]
fn tokens_belong_to_the_answer_before_them() {
    let usage = |output| json!({ "input_tokens": 10, "cached_input_tokens": 4, "output_tokens": output });
    let call = json!({ "type": "function_call", "name": "shell", "call_id": "c", "arguments": "{}" });
    let records = [
        meta(OWN),
        said(1, "assistant", "first"),
        at(2, "token_usage_record", json!({ "usage": usage(3) })),
        at(2, "event_msg", json!({ "type": "token_count", "info": { "last_token_usage": usage(3) } })),
        at(3, "response_item", call),
        at(4, "response_item", json!({ "type": "function_call_output", "call_id": "c", "output": "done" })),
        at(
            5,
            "event_msg",
            json!({ "type": "token_count", "info": { "last_token_usage": usage(5), "total_token_usage": usage(8) } }),
        ),
        said(6, "assistant", "last"),
        at(
            7,
            "event_msg",
            json!({ "type": "token_count", "info": { "last_token_usage": usage(5), "total_token_usage": usage(8) } }),
        ),
    ];
    let items = Home::new().read(OWN, &records);
    let counted: Vec<Option<(u64, u64)>> =
        drafts(&items).iter().map(|draft| draft.usage.map(|usage| (usage.input, usage.output))).collect();
    assert_eq!(counted, [Some((6, 3)), Some((6, 5)), None, None]);
    assert_eq!(texts(&items), ["first", "shell", "done", "last"]);
}

#[test]
fn torn_records_keep_what_is_whole() {
    let home = Home::new();
    let whole = said(2, "user", "after the tear").to_string();
    let path = home.0.path().join(format!("sessions/rollout-{OWN}.jsonl"));
    let torn = format!(
        "{}{whole}\n",
        r#"{"timestamp":"2026-04-05T06:07:01Z","type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"cut o"#
    );
    crate::disk::write_atomic(&path, torn.as_bytes()).unwrap();
    let transcript = TranscriptFile { path, size: 1, modified: 0 };
    let options = ReadOptions { longest: 1 << 20, now: Timestamp::from_milliseconds(2_000_000_000_000) };
    let mut items = Vec::new();
    open(&transcript, options)
        .unwrap()
        .for_each_item(&mut |item, _| {
            items.push(item);
            true
        })
        .unwrap();
    assert_eq!(texts(&items), ["cut o", "after the tear"]);
}

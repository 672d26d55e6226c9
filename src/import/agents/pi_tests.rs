//! Items that the records of pi are converted to. The shapes are those that pi 0.73.1 writes.

use serde_json::json;

use super::*;
use crate::domain::Draft;

const FILE: &str =
    "/home/li/.pi/agent/sessions/--home-li-shop--/2026-11-20T09-10-14-015Z_0192aa11-22bb-7000-8000-000000000001.jsonl";

fn read_records(records: &[Value]) -> Vec<Item> {
    let mut pi = Pi::of_file(Path::new(FILE));
    let read = records.iter().zip(1..).flat_map(|(record, line)| pi.convert_record(record.clone(), line).unwrap());
    read.collect()
}

fn draft(item: &Item) -> &Draft {
    let (Item::Draft(draft) | Item::NotUnderstood(_, Some(draft))) = item else { panic!("no draft: {item:?}") };
    draft
}

fn entry(id: &str, parent: Option<&str>, message: &Value) -> Value {
    json!({"type": "message", "id": id, "parentId": parent, "timestamp": "2026-11-20T09:10:15Z", "message": message})
}

fn head() -> Value {
    json!({"type": "session", "version": 3, "id": "0192aa11-22bb-7000-8000-000000000001",
        "timestamp": "2026-11-20T09:10:14.015Z", "cwd": "/home/li/shop"})
}

#[test]
fn a_turn_with_a_tool_is_read_with_its_speakers() {
    let answer = json!({"role": "assistant", "model": "m-1", "usage": {"input": 10, "output": 2, "cacheRead": 7},
        "content": [{"type": "thinking", "thinking": "look first"}, {"type": "text", "text": "我先看一下日志"},
            {"type": "toolCall", "id": "c1", "name": "bash", "arguments": {"command": "tail app.log"}}]});
    let result = json!({"role": "toolResult", "toolCallId": "c1", "toolName": "bash", "isError": false,
        "content": [{"type": "text", "text": "pool exhausted"}]});
    let items = read_records(&[
        head(),
        json!({"type": "model_change", "id": "a0", "parentId": null, "timestamp": "2026-11-20T09:10:14Z"}),
        entry("a1", Some("a0"), &json!({"role": "user", "content": "why is it slow? 为什么慢"})),
        json!({"type": "label", "id": "a2", "parentId": "a1", "targetId": "a1", "label": "start"}),
        entry("a3", Some("a2"), &answer),
        entry("a4", Some("a3"), &result),
    ]);
    assert_eq!(items.len(), 6);
    let (question, answer, result) = (draft(&items[2]), draft(&items[4]), draft(&items[5]));
    assert_eq!((question.role, question.parts[0].origin), (Role::User, Origin::Person));
    assert_eq!(question.cwd.as_deref(), Some("/home/li/shop"));
    assert_eq!(answer.parent_external_id.as_deref(), Some("a1"), "the label between them has no words");
    let kinds: Vec<_> = answer.parts.iter().map(|part| part.kind).collect();
    assert_eq!(kinds, [PartKind::Thinking, PartKind::Text, PartKind::ToolUse]);
    assert_eq!((answer.model.as_deref(), answer.usage.unwrap().cache_read), (Some("m-1"), 7));
    assert_eq!((result.role, result.parts[0].origin), (Role::Tool, Origin::Tool));
    assert_eq!(result.parts[0].tool.as_deref(), Some("bash"));
}

#[test]
fn commands_summaries_names_and_unknown_entries_are_accounted_for() {
    let items = read_records(&[
        head(),
        entry("b1", None, &json!({"role": "bashExecution", "command": "make", "output": "ok", "exitCode": 0})),
        json!({"type": "compaction", "id": "b2", "parentId": "b1", "timestamp": "2026-11-20T09:11:00Z", "summary": "built"}),
        json!({"type": "session_info", "id": "b3", "parentId": "b2", "name": "对账脚本"}),
        json!({"type": "custom", "id": "b4", "parentId": "b3", "customType": "x", "data": {"n": 1}}),
        json!({"type": "hologram", "id": "b5", "parentId": "b4", "words": "from a newer version"}),
    ]);
    let command = draft(&items[1]);
    assert_eq!(command.parts.iter().map(|part| part.origin).collect::<Vec<_>>(), [Origin::Person, Origin::Tool]);
    assert_eq!(draft(&items[2]).parts[0].kind, PartKind::Summary);
    assert!(matches!(&items[3], Item::Title(title) if title.title == "对账脚本" && title.rank == TitleRank::Chosen));
    assert!(matches!(&items[4], Item::Bookkeeping(_)) && matches!(&items[5], Item::Bookkeeping(_)));
    assert!(matches!(&items[6], Item::NotUnderstood(kind, Some(_)) if kind == "hologram"));
}

#[test]
fn a_fork_names_the_session_that_it_continues() {
    let mut fork = head();
    fork["parentSession"] = json!(FILE.replace("0001.jsonl", "0009.jsonl"));
    let items = read_records(&[fork, entry("c1", None, &json!({"role": "user", "content": "go on"}))]);
    assert_eq!(draft(&items[1]).forked_from.as_deref(), Some("0192aa11-22bb-7000-8000-000000000009"));
}

//! The JSON of each command over the sample conversations, whole: a field that comes, goes or changes its type is seen in a
//! review. `cargo insta review` takes over what was meant to change.

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::home::TestHome;

/// Replaces what differs from run to run: durations, cursors, the tokens of a fence that is
/// made anew each time, and the folder of the project.
fn stable(mut value: Value) -> Value {
    fn replace(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    if ["took_ms", "seconds", "tokens", "next_cursor"].contains(&name.as_str()) && !field.is_null() {
                        *field = json!(format!("[{name}]"));
                    }
                    replace(field);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(replace),
            Value::String(text) => *text = text.replace(env!("CARGO_MANIFEST_DIR"), "[project]"),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    replace(&mut value);
    value
}

fn home_with_samples() -> TestHome {
    let home = TestHome::new();
    let _ = home.import_samples();
    home
}

#[test]
fn an_import() {
    assert_json_snapshot!(stable(TestHome::new().import_samples()), @r#"
    {
      "files": 13,
      "unchanged": 0,
      "sessions": 13,
      "messages": 82,
      "new": 82,
      "duplicate": 0,
      "extended": 0,
      "revised": 0,
      "collided": 0,
      "skipped": 2,
      "own": 0,
      "forgotten": 0,
      "redacted": 0,
      "bad": [],
      "bad_total": 0,
      "ledger": {
        "records": 104,
        "stored": 102,
        "known": 0,
        "deleted": 0,
        "own": 0,
        "bookkeeping": {
          "ai-title": 1,
          "system:compact_boundary": 1
        },
        "not_understood": {},
        "damaged": 0
      },
      "foreign": [],
      "interrupted": false,
      "pending": 62,
      "seconds": "[seconds]"
    }
    "#);
}

#[test]
fn a_search_without_embeddings() {
    let found = home_with_samples().json(&["search", "--limit", "2", "bcrypt connection pool"]);
    assert_json_snapshot!(stable(found), @r#"
    {
      "confidence": "strong",
      "results": [
        {
          "id": "0a818b59-e11f-8fff-90b7-37a320ec24ee",
          "session_id": "545308f1-0771-4ddd-a91a-88de4ebeda3a",
          "project": "orders",
          "role": "assistant",
          "kind": "text",
          "title": "Grafana shows request latency over 9 s between 09:00 and 09:10 every weekday. CPU is idle. Can you find out where the ti…",
          "snippet": "Two changes: the connection is given back before bcrypt runs, and the pool grows from 5 to 20 behind pgbouncer in transaction mode, so the cluster still sees 5 server connections.",
          "ts": "2026-03-02T09:19:29.259Z",
          "score": 1.3,
          "match": {
            "keyword_rank": 1,
            "terms": [
              "bcrypt",
              "connect",
              "pool"
            ]
          },
          "trust": "model",
          "other_project": false,
          "uri": "memory://item/0a818b59-e11f-8fff-90b7-37a320ec24ee",
          "asked": {
            "id": "c8b867fa-7f31-8e67-b531-389c2ca0a3d8",
            "trust": "person",
            "ts": "2026-03-02T09:18:42.222Z",
            "text": "What do you suggest? We cannot raise max_connections on the shared cluster."
          }
        },
        {
          "id": "c8b867fa-7f31-8e67-b531-389c2ca0a3d8",
          "session_id": "545308f1-0771-4ddd-a91a-88de4ebeda3a",
          "project": "orders",
          "role": "user",
          "kind": "text",
          "title": "Grafana shows request latency over 9 s between 09:00 and 09:10 every weekday. CPU is idle. Can you find out where the ti…",
          "snippet": "What do you suggest? We cannot raise max_connections on the shared cluster.",
          "ts": "2026-03-02T09:18:42.222Z",
          "score": 1.2668,
          "match": {
            "keyword_rank": 4,
            "terms": [
              "connect"
            ]
          },
          "trust": "person",
          "other_project": false,
          "uri": "memory://item/c8b867fa-7f31-8e67-b531-389c2ca0a3d8",
          "answered": {
            "id": "0a818b59-e11f-8fff-90b7-37a320ec24ee",
            "trust": "model",
            "ts": "2026-03-02T09:19:29.259Z",
            "text": "Two changes: the connection is given back before bcrypt runs, and the pool grows from 5 to 20 behind pgbouncer in transaction mode, so the cluster still sees 5 server connections."
          }
        }
      ],
      "next_cursor": "[next_cursor]",
      "degraded": true,
      "warnings": [
        "keyword search only: no embeddings of this model yet; run `claude-memory embed`"
      ],
      "tokens": "[tokens]",
      "took_ms": "[took_ms]"
    }
    "#);
}

#[test]
fn an_exact_search_in_chinese() {
    let found = home_with_samples().json(&["search", "--mode", "exact", "--limit", "1", "重复扣款"]);
    assert_json_snapshot!(stable(found), @r#"
    {
      "confidence": "strong",
      "results": [
        {
          "id": "dc522d38-0bfa-8bd7-a8d1-78545930858e",
          "session_id": "f60a0f1e-24f7-4090-9be1-b36df4d4be6b",
          "project": "payment",
          "role": "user",
          "kind": "text",
          "title": "有用户投诉同一笔订单被扣了两次款，一共 17 单，都发生在昨晚网关抖动的时候。",
          "snippet": "上线了，重放昨晚的回调，没有再出现重复扣款。17 单已经退款。",
          "ts": "2026-03-11T10:28:37.407Z",
          "score": 1.0,
          "match": {
            "terms": [
              "重",
              "重复",
              "复",
              "复扣",
              "扣",
              "扣款",
              "款"
            ]
          },
          "trust": "person",
          "other_project": false,
          "uri": "memory://item/dc522d38-0bfa-8bd7-a8d1-78545930858e"
        }
      ],
      "degraded": false,
      "warnings": [],
      "tokens": "[tokens]",
      "took_ms": "[took_ms]"
    }
    "#);
}

#[test]
fn a_search_that_finds_nothing() {
    let home = home_with_samples();
    let found = home.run(&["search", "--mode", "exact", "--json", "no such words anywhere"]);
    assert_json_snapshot!(stable(serde_json::from_str(&found.stdout).unwrap()), @r#"
    {
      "confidence": "none",
      "results": [],
      "degraded": false,
      "warnings": [],
      "tokens": "[tokens]",
      "took_ms": "[took_ms]"
    }
    "#);
}

#[test]
fn the_timeline() {
    let page = home_with_samples().json(&["timeline", "--limit", "2"]);
    assert_json_snapshot!(stable(page), @r#"
    {
      "sessions": [
        {
          "session_id": "d8dc5d0d-cd58-452d-92f2-0d4452b71c3d",
          "project": "admin",
          "title": "帮我给导出功能写单元测试。注意我们的习惯：测试名字用中文描述行为，不要用快照测试，提交信息用英文。",
          "started_at": "2026-04-09T09:30:47.037Z",
          "ended_at": "2026-04-09T09:34:42.222Z",
          "day": "2026-04-09",
          "messages": 5,
          "subagents": 0,
          "git_branch": "main",
          "files": [
            "/home/yue/web/admin/src/export.test.ts"
          ],
          "files_total": 1
        },
        {
          "session_id": "942a0d43-926b-4003-b00e-88964947e457",
          "project": "orders",
          "title": "We want to split customers.name into given_name and family_name, 80 million rows, no downtime. Make a plan.",
          "started_at": "2026-04-07T13:00:47.037Z",
          "ended_at": "2026-04-07T13:07:50.370Z",
          "day": "2026-04-07",
          "messages": 8,
          "subagents": 0,
          "git_branch": "feat/split-name",
          "files": [],
          "files_total": 0
        }
      ],
      "next_cursor": "[next_cursor]"
    }
    "#);
}

#[test]
fn a_project() {
    let projects = home_with_samples().json(&["projects"]);
    assert_json_snapshot!(stable(projects["projects"][0].clone()), @r#"
    {
      "id": "10",
      "name": "admin",
      "label": "admin",
      "root": "/home/yue/web/admin",
      "directories": [
        "/home/yue/web/admin"
      ],
      "current": false,
      "sessions": 1,
      "messages": 5,
      "saved": 0,
      "first": "2026-04-09T09:30:47.037Z",
      "last": "2026-04-09T09:34:42.222Z"
    }
    "#);
}

#[test]
fn one_message() {
    let shown = home_with_samples().json(&["show", "ae3c26b0-15c6-850d-a5c4-6bb6df0be621"]);
    let messages = shown["conversations"][0]["messages"].as_array().unwrap();
    let message = messages.iter().find(|message| message["id"] == "ae3c26b0-15c6-850d-a5c4-6bb6df0be621").unwrap();
    assert_json_snapshot!(stable(message.clone()), @r#"
    {
      "id": "ae3c26b0-15c6-850d-a5c4-6bb6df0be621",
      "position": 3,
      "role": "assistant",
      "ts": "2026-03-02T09:17:55.185Z",
      "usage": {
        "input": 12,
        "output": 210,
        "cache_read": 0,
        "cache_write": 0
      },
      "origin": "[project]/data/demo/545308f1-0771-4ddd-a91a-88de4ebeda3a.jsonl:5",
      "parts": [
        {
          "kind": "text",
          "trust": "model",
          "text": "1,847 times ERR_POOL_EXHAUSTED in ten minutes. During the morning peak every authentication request holds a Postgres connection while it waits for bcrypt, so the pool of 5 is exhausted and everything else queues behind it."
        }
      ]
    }
    "#);
}

#[test]
fn what_a_task_should_start_with() {
    let mut context = home_with_samples().json(&["context", "bcrypt holds a connection of the pool"]);
    context["items"].as_array_mut().unwrap().truncate(1);
    assert_json_snapshot!(stable(context), @r#"
    {
      "confidence": "strong",
      "items": [
        {
          "id": "ae3c26b0-15c6-850d-a5c4-6bb6df0be621",
          "session_id": "545308f1-0771-4ddd-a91a-88de4ebeda3a",
          "project": "orders",
          "role": "assistant",
          "trust": "model",
          "title": "Grafana shows request latency over 9 s between 09:00 and 09:10 every weekday. CPU is idle. Can you find out where the ti…",
          "ts": "2026-03-02T09:17:55.185Z",
          "why": "task",
          "text": "1,847 times ERR_POOL_EXHAUSTED in ten minutes. During the morning peak every authentication request holds a Postgres connection while it waits for bcrypt, so the pool of 5 is exhausted and everything else queues behind it.",
          "uri": "memory://item/ae3c26b0-15c6-850d-a5c4-6bb6df0be621"
        }
      ],
      "given_before": 0,
      "tokens": "[tokens]",
      "degraded": true,
      "warnings": [
        "keyword search only: no embeddings of this model yet; run `claude-memory embed`"
      ]
    }
    "#);
}

#[test]
fn how_an_error_ended_before() {
    let fixes = home_with_samples().json(&["fix", "ERR_POOL_EXHAUSTED"]);
    assert_json_snapshot!(stable(fixes), @r#"
    {
      "signature": "ERR_POOL_EXHAUSTED",
      "fixes": [
        {
          "session_id": "545308f1-0771-4ddd-a91a-88de4ebeda3a",
          "project": "orders",
          "error": {
            "id": "ae3c26b0-15c6-850d-a5c4-6bb6df0be621",
            "ts": "2026-03-02T09:17:55.185Z",
            "trust": "model",
            "text": "1,847 times ERR_POOL_EXHAUSTED in ten minutes. During the morning peak every authentication request holds a Postgres connection while it waits for bcrypt, so the pool of 5 is exhausted and everything else queues behind it."
          },
          "conclusion": {
            "id": "0a818b59-e11f-8fff-90b7-37a320ec24ee",
            "ts": "2026-03-02T09:19:29.259Z",
            "trust": "model",
            "text": "Two changes: the connection is given back before bcrypt runs, and the pool grows from 5 to 20 behind pgbouncer in transaction mode, so the cluster still sees 5 server connections."
          },
          "files": [
            "/home/mei/work/orders/src/db/pool.ts",
            "/home/mei/work/orders/src/auth/verify.ts"
          ],
          "came_back": false
        }
      ]
    }
    "#);
}

#[test]
fn why_a_file_changed() {
    let turns = home_with_samples().json(&["blame", "src/export.test.ts"]);
    assert_json_snapshot!(stable(turns), @r#"
    {
      "edits": [
        {
          "session_id": "d8dc5d0d-cd58-452d-92f2-0d4452b71c3d",
          "project": "admin",
          "title": "帮我给导出功能写单元测试。注意我们的习惯：测试名字用中文描述行为，不要用快照测试，提交信息用英文。",
          "ts": "2026-04-09T09:31:34.074Z",
          "git_branch": "main",
          "request": {
            "id": "d6e63e34-48d4-8401-8520-3931db4254cf",
            "ts": "2026-04-09T09:30:47.037Z",
            "trust": "person",
            "text": "帮我给导出功能写单元测试。注意我们的习惯：测试名字用中文描述行为，不要用快照测试，提交信息用英文。"
          },
          "explanation": {
            "id": "b4790054-a0cd-81be-9008-20ea57d6c59b",
            "ts": "2026-04-09T09:31:34.074Z",
            "trust": "model",
            "text": "写了 9 个测试，名字都用中文描述行为，没有快照。发现一个真问题：金额列没有转义逗号，Excel 打开会错列，已经一起修了。"
          },
          "edits": [
            "b4790054-a0cd-81be-9008-20ea57d6c59b"
          ]
        }
      ],
      "readers": []
    }
    "#);
}

#[test]
fn a_refused_request() {
    let refused = home_with_samples().run(&["show", "--json", "00000000-0000-4000-8000-000000000000"]);
    assert_json_snapshot!(stable(serde_json::from_str(&refused.stdout).unwrap()), @r#"
    {
      "error": {
        "code": "not_found",
        "message": "there is no session \"00000000-0000-4000-8000-000000000000\"",
        "hint": "use the session_id of a search result, or at least its first four characters"
      }
    }
    "#);
}

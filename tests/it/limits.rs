//! Every bound on what may come in, at the limit and one above.

use claude_memory::testing::config::{LayeredSettings, Paths};
use claude_memory::testing::domain::{DraftNote, FailureCode, IdGenerator, MessageId, Query, Timestamp, limits};
use claude_memory::testing::memory::Memory;
use claude_memory::testing::store::{NoteUpdate, OpenMode};
use serde_json::json;

use crate::client::Client;
use crate::home::TestHome;

fn now() -> Timestamp {
    Timestamp::from_milliseconds(1_790_000_000_000)
}

fn open(home: &TestHome) -> Memory {
    let paths = Paths::resolve_home(Some(home.memory())).unwrap();
    let settings = LayeredSettings::load_file(&home.path().join("no-config")).unwrap().settings;
    Memory::open(&paths, settings, OpenMode::Create, IdGenerator::System, now()).unwrap()
}

#[test]
fn saved_texts() {
    let home = TestHome::new();
    let memory = open(&home);
    let save = |note: DraftNote| memory.save(note, now()).map(|saved| saved.id);
    let text = |bytes: usize| DraftNote { text: "a ".repeat(bytes / 2), ..DraftNote::default() };
    assert!(save(text(limits::NOTE_BYTES)).is_ok());
    let above = DraftNote { text: "b".repeat(limits::NOTE_BYTES + 1), ..DraftNote::default() };
    assert_eq!(save(above).unwrap_err().code(), FailureCode::InvalidInput);
    let labelled = |bytes: usize| {
        let label = Some("l".repeat(bytes));
        let of = |number: usize| DraftNote { text: format!("text {number} {bytes}"), ..DraftNote::default() };
        [
            DraftNote { title: label.clone(), ..of(1) },
            DraftNote { kind: label.clone(), ..of(2) },
            DraftNote { topic_key: label.clone(), ..of(3) },
            DraftNote { tags: label.clone().into_iter().collect(), ..of(4) },
            DraftNote { files: label.into_iter().collect(), ..of(5) },
        ]
    };
    assert!(labelled(limits::NOTE_LABEL_BYTES).into_iter().all(|note| save(note).is_ok()));
    assert!(labelled(limits::NOTE_LABEL_BYTES + 1).into_iter().all(|note| save(note).is_err()));
    let tags = |count: usize| (0..count).map(|number| format!("t{number}")).collect::<Vec<_>>();
    let id =
        save(DraftNote { text: "tags".to_owned(), tags: tags(limits::NOTE_LABELS), ..DraftNote::default() }).unwrap();
    assert!(
        save(DraftNote { text: "more".to_owned(), tags: tags(limits::NOTE_LABELS + 1), ..DraftNote::default() })
            .is_err()
    );
    let change = |count| NoteUpdate { tags: Some(tags(count)), ..NoteUpdate::default() };
    assert!(memory.update(id, None, change(limits::NOTE_LABELS), (false, None), now()).is_ok());
    assert!(memory.update(id, None, change(limits::NOTE_LABELS + 1), (false, None), now()).is_err());
}

#[test]
fn queries() {
    let home = TestHome::new();
    let memory = open(&home);
    memory.save(DraftNote { text: "something".to_owned(), ..DraftNote::default() }, now()).unwrap();
    let about =
        |text: String| Query { mode: claude_memory::testing::domain::SearchMode::Keyword, ..Query::for_text(text) };
    let ask = |query: Query| memory.search(&query, now()).map(|answer| answer.hits.len()).map_err(|error| error.code());
    assert!(ask(about("w ".repeat(limits::QUERY_BYTES / 2))).is_ok());
    assert_eq!(ask(about("w".repeat(limits::QUERY_BYTES + 1))), Err(FailureCode::InvalidInput));
    let texts = |count| Query { texts: vec!["something".to_owned(); count], ..about(String::new()) };
    assert_eq!(ask(texts(limits::QUERY_TEXTS)), Ok(1));
    assert_eq!(ask(texts(limits::QUERY_TEXTS + 1)), Err(FailureCode::InvalidInput));
    let one = || about("something".to_owned());
    assert_eq!(ask(Query { limit: limits::QUERY_HITS, ..one() }), Ok(1));
    assert_eq!(ask(Query { limit: limits::QUERY_HITS + 1, ..one() }), Err(FailureCode::InvalidInput));
    assert_eq!(ask(Query { offset: limits::QUERY_OFFSET, ..one() }), Ok(0));
    assert_eq!(ask(Query { offset: limits::QUERY_OFFSET + 1, ..one() }), Err(FailureCode::InvalidInput));
    // Words beyond the limit are left out, not refused.
    let many: Vec<String> = (0..limits::QUERY_TERMS * 3).map(|number| format!("word{number}")).collect();
    assert_eq!(ask(about(format!("something {}", many.join(" ")))), Ok(1));
}

#[test]
fn readings_and_settings() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let mut client = Client::start(&home, true);
    let ids = |count: usize| {
        (0..count).map(|n| MessageId::for_imported("x", "y", &n.to_string()).to_string()).collect::<Vec<_>>()
    };
    let answer = client.call("memory_get", json!({ "ids": ids(limits::READ_IDS + 1) }));
    assert!(answer["isError"] == true && answer.to_string().contains("1 to 50"), "{answer}");
    let answer = client.call("memory_get", json!({ "ids": ids(limits::READ_IDS) }));
    assert!(answer.to_string().contains("there is no message"), "{answer}");
    client.finish();
    let comment = |bytes: usize| format!("#{}", " ".repeat(bytes - 1));
    home.write("memory/config.toml", comment(limits::CONFIG_BYTES));
    assert_eq!(home.run(&["status"]).code, 0);
    home.write("memory/config.toml", comment(limits::CONFIG_BYTES + 1));
    home.run(&["status"]).fails(3, "larger than 1048576 bytes");
}

/// The others are tried where their servers are: lines and depth in `protocol`, requests in `http` and `connections`.
#[test]
fn the_doctor_prints_them() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let ran = home.run(&["doctor", "--deep", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let printed = found["limits"].as_array().unwrap();
    assert_eq!(printed.len(), limits::ALL.len());
    for limit in limits::ALL {
        assert!(printed.iter().any(|row| row["what"] == limit.label && row["most"] == limit.value), "{limit:?}");
        assert!(home.run(&["doctor", "--deep"]).stdout.contains(limit.label), "{limit:?}");
    }
}

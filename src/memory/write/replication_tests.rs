//! Messages of another machine: new ones, known ones, changed ones, and those that were forgotten here.

use crate::domain::Timestamp;
use crate::memory::test_corpus::{NOW, TestCorpus};
use crate::store::{DeletionSigners, MessageRecord, MessageState, Tombstone};

fn records(corpus: &TestCorpus) -> Vec<MessageRecord> {
    let snapshot = corpus.memory.snapshot().unwrap();
    let changes = snapshot.changes_after(0, 1_000).unwrap();
    let states = changes.iter().map(|change| snapshot.message_state(change.message).unwrap());
    let records = states.filter_map(|state| match state {
        MessageState::Here(record) => Some(*record),
        _ => None,
    });
    records.collect()
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(NOW.to_milliseconds() + seconds * 1_000)
}

#[test]
fn messages_come_once_and_the_newer_text_wins() {
    let there =
        TestCorpus::new(&[("s", "user", 10, "the spokeshave is blunt"), ("s", "assistant", 9, "sharpen it 磨刀")]);
    let here = TestCorpus::new(&[]);
    let merge = |records: Vec<MessageRecord>, at: Timestamp| {
        here.memory.merge_remote(records.into_iter().map(|record| (record, at)).collect()).unwrap()
    };
    let first = merge(records(&there), NOW);
    assert_eq!((first.new, first.changed, first.known, first.forgotten), (2, 0, 0, 0));
    let again = merge(records(&there), NOW);
    assert_eq!((again.new, again.changed, again.known), (0, 0, 2));
    let mut changed = records(&there);
    changed[0].parts[0].text = "the spokeshave is sharp".to_owned();
    let newer = merge(changed.clone(), later(60));
    assert_eq!((newer.changed, newer.known), (1, 1));
    here.memory.flush_pending().unwrap();
    assert_eq!(here.search("spokeshave sharp", |_| {}).hits.len(), 1);
    changed[0].parts[0].text = "the spokeshave is lost".to_owned();
    merge(changed, later(-60));
    here.memory.flush_pending().unwrap();
    let shown: Vec<String> = here.search("spokeshave", |_| {}).hits.into_iter().map(|hit| hit.snippet).collect();
    assert_eq!(shown, ["the spokeshave is sharp"], "an older text replaced a newer one");
}

#[test]
fn what_was_forgotten_here_does_not_come_back_from_there() {
    let there = TestCorpus::new(&[("s", "user", 10, "the marking knife is in the drawer")]);
    let here = TestCorpus::new(&[]);
    let tombstone = |id| Tombstone { message: id, at: NOW, reason: "asked".to_owned(), is_remote: true, seal: None };
    let all: Vec<Tombstone> = records(&there).iter().map(|record| tombstone(record.id)).collect();
    assert_eq!(here.memory.apply_tombstones(all, NOW).unwrap(), DeletionSigners::default(), "nothing was here");
    let merged = here.memory.merge_remote(records(&there).into_iter().map(|record| (record, NOW)).collect()).unwrap();
    assert_eq!((merged.new, merged.forgotten), (0, 1));
}

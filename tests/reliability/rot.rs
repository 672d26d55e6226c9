//! Flipped bits, anywhere in the database or the shared files: every answer is right, or an error. Never another answer.

use std::collections::BTreeMap;
use std::path::Path;

use claude_memory::testing::domain::SearchMode;
use claude_memory::testing::domain::query::{ReadRequest, Selection};
use claude_memory::testing::memory::Memory;
use claude_memory::testing::store::SessionFilter;

use crate::home::say;
use crate::rig::{Random, beside, copy, found, generated, open};
use crate::{extent, seed};

/// Everything a store says, by what was asked.
type Said = BTreeMap<String, Result<String, String>>;

/// The outer error is that it cannot be opened.
fn everything(loaded: &Memory, folder: &Path, questions: &[String]) -> Result<Said, String> {
    let memory = beside(loaded, folder).map_err(|error| error.to_string())?;
    let mut said = Said::new();
    let mut note = |what: String, piece: claude_memory::testing::memory::Result<String>| {
        said.insert(what, piece.map_err(|error| error.to_string()));
    };
    for question in questions {
        for mode in SearchMode::ALL {
            note(format!("{mode:?}: {question}"), found(&memory, question, mode).map(|ids| ids.join(" ")));
        }
    }
    let sessions = memory.list_sessions(&SessionFilter::default(), None, 1_000);
    note("sessions".to_owned(), sessions.as_ref().map(|sessions| format!("{sessions:?}")).map_err(Clone::clone));
    for session in sessions.unwrap_or_default() {
        let what = Selection::Session { session: session.session.clone(), from: 0, count: 1_000 };
        let read = memory.read_messages(&ReadRequest { what, include_tools: true, max_tokens: usize::MAX });
        note(session.session, read.map(|read| format!("{:?}", read.conversations)));
    }
    let counts = |stats: claude_memory::testing::store::StoreStats| {
        format!("{} {} {}", stats.messages, stats.conversations, stats.parts)
    };
    note("counts".to_owned(), memory.snapshot().and_then(|snapshot| Ok(counts(snapshot.collect_stats()?))));
    Ok(said)
}

#[test]
fn no_flipped_bit_is_answered_from() {
    let flips = extent(40, 600, 10_000);
    let made = tempfile::tempdir().unwrap();
    let (store, questions) = generated(made.path(), 1_200);
    let loaded = open(&store);
    // The shared files are made by the first who asks.
    let right = everything(&loaded, &store, &questions).unwrap();
    assert!(right.values().all(Result::is_ok) && right.len() > 20, "{right:?}");
    assert!(!store.join("memory.db-wal").metadata().is_ok_and(|log| log.len() > 0), "the log holds something");
    let scratch = tempfile::tempdir().unwrap();
    let mut random = Random::new(seed());
    let (mut told, mut harmless, mut closed) = (0, 0, 0);
    for number in 0..flips {
        let folder = scratch.path().join("store");
        copy(&store, &folder);
        let shared = crate::index::files(&folder);
        let file = if random.chance(75) { folder.join("memory.db") } else { shared[random.at(shared.len())].clone() };
        let mut bytes = std::fs::read(&file).unwrap();
        let bit = random.at(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&file, bytes).unwrap();
        let place = format!("flip {number}: bit {bit} of {}", file.display());
        match everything(&loaded, &folder, &questions) {
            Err(_) => closed += 1,
            Ok(said) if said == right => harmless += 1,
            Ok(said) => {
                for (what, expected) in &right {
                    match said.get(what) {
                        Some(piece) => {
                            assert!(
                                piece == expected || piece.is_err(),
                                "{place}: {what} is silently wrong: {piece:?}"
                            );
                        }
                        None => assert!(said["sessions"].is_err(), "{place}: {what} is missing"),
                    }
                }
                assert!(file.ends_with("memory.db"), "{place}: a cache is never a reason to fail: {said:?}");
                told += 1;
            }
        }
        std::fs::remove_dir_all(folder).unwrap();
        // A long run may be stopped; what it has shown until then counts.
        if number + 1 == flips || (number + 1) % 500 == 0 {
            say(&format!(
                "bit rot: {} flipped bits, {told} told by the answers they touch, {closed} by the store as a whole, {harmless} in \
                 bytes that nothing reads, 0 silently wrong (seed {})",
                number + 1,
                seed()
            ));
        }
    }
}

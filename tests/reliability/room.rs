//! A disk that fills up to its last byte and gets room again, under a session that goes on all the time.

use serde_json::json;

use crate::extent;
use crate::home::{TestHome, say};
use crate::rig::{faults, open, text_of, under};
use crate::session::Session;

#[test]
fn a_full_disk_is_told_and_got_over() {
    let Some(library) = faults() else { return };
    let cycles = extent(2, 10, 50);
    let home = TestHome::new();
    let room = home.write("room", 1_500_000_i64.to_le_bytes());
    let mut command = home.command();
    under(&mut command, &home, library);
    command.env("FAULTS_ROOM", &room);
    let mut session = Session::start(command);
    let (mut number, mut refused) = (0_u64, 0);
    for cycle in 0..cycles {
        let before = session.refused.len();
        while session.refused.len() == before {
            // Words that do not compress, so that the disk is full soon.
            let words: Vec<String> = (0..200_u64)
                .map(|at| format!("{:x}", (number * 977 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
                .collect();
            assert!(session.save(format!("room{number} {}", words.join(" "))), "the session ended");
            number += 1;
        }
        let refusal = session.refused.last().unwrap().to_string();
        assert!(refusal.contains("disk is full") || refusal.contains("disk_full"), "{refusal}");
        // What is there is found while nothing can be written.
        let answer = session.call("memory_search", &json!({ "query": "room0" })).unwrap();
        assert!(answer["result"]["isError"] != true, "cycle {cycle}: {answer}");
        refused += session.refused.len() - before;
        std::fs::write(&room, 300_000_i64.to_le_bytes()).unwrap();
    }
    std::fs::write(&room, i64::MAX.to_le_bytes()).unwrap();
    let saved = session.call("memory_save", &json!({ "text": "there is room again" })).unwrap();
    assert!(saved["result"]["isError"] != true, "{saved}");
    let (acknowledged, _) = session.finish();
    let memory = open(&home.memory());
    for (id, text) in &acknowledged {
        assert_eq!(text_of(&memory, *id).as_ref(), Some(text), "acknowledged on a full disk and lost");
    }
    memory.snapshot().unwrap().verify_index().unwrap();
    say(&format!("full disk: {cycles} times, {} saves acknowledged and kept, {refused} refused", acknowledged.len()));
}

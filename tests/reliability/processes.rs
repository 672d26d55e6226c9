//! Many sessions on one folder, saving and searching, some of them killed: nobody is told that the store is busy, nothing
//! is lost, nothing is there twice.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use claude_memory::testing::domain::{MessageId, SearchMode};
use serde_json::json;

use crate::home::{TestHome, say};
use crate::rig::{Random, found, open, text_of};
use crate::session::Session;
use crate::{extent, seed};

/// What one writer or reader saw.
#[derive(Default)]
struct Seen {
    acknowledged: Vec<(MessageId, String)>,
    searches: u64,
    killed: u64,
}

#[test]
fn many_processes_share_one_folder() {
    let (processes, seconds) = (extent(6, 8, 16), extent(3, 20, 600));
    let home = TestHome::new();
    let _ = home.import_samples();
    let end = Instant::now() + Duration::from_secs(seconds);
    let work = |number: u64| if number.is_multiple_of(2) { write(&home, number, end) } else { read(&home, end) };
    let seen: Vec<Seen> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..processes).map(|number| scope.spawn(move || work(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let memory = open(&home.memory());
    let (mut ids, mut all) = (HashSet::new(), 0);
    for (id, text) in seen.iter().flat_map(|seen| &seen.acknowledged) {
        assert_eq!(text_of(&memory, *id).as_ref(), Some(text), "acknowledged and lost");
        assert!(ids.insert(*id), "the same id twice");
        all += 1;
    }
    memory.snapshot().unwrap().verify_index().unwrap();
    for (id, text) in seen.iter().flat_map(|seen| seen.acknowledged.iter().take(10)) {
        assert_eq!(found(&memory, text, SearchMode::Exact).unwrap(), [id.to_string()], "not exactly once");
    }
    let count = |of: fn(&Seen) -> u64| seen.iter().map(of).sum::<u64>();
    let (searches, killed) = (count(|seen| seen.searches), count(|seen| seen.killed));
    assert!(all > 0 && searches > 0);
    say(&format!(
        "processes: {processes} for {seconds} s, {all} saves acknowledged, {searches} searches, {killed} of them killed and begun \
         again, 0 busy errors, 0 lost, 0 doubled"
    ));
}

/// Saves until the end; every few seconds its process is killed and another one begun.
fn write(home: &TestHome, number: u64, end: Instant) -> Seen {
    let (mut seen, mut random, mut text) = (Seen::default(), Random::new(seed() + number), 0);
    while Instant::now() < end {
        let mut session = Session::start(home.command());
        let until = end.min(Instant::now() + Duration::from_millis(1_000 + random.below(9_000)));
        while Instant::now() < until {
            text += 1;
            assert!(session.save(format!("process {number} text {text} {:x}", random.next())), "the session ended");
        }
        let refused = session.refused.clone();
        assert!(refused.is_empty(), "{refused:?}");
        if Instant::now() < end {
            seen.killed += 1;
            seen.acknowledged.extend(session.kill());
        } else {
            let (acknowledged, refused) = session.finish();
            assert!(refused.is_empty(), "{refused:?}");
            seen.acknowledged.extend(acknowledged);
        }
    }
    seen
}

fn read(home: &TestHome, end: Instant) -> Seen {
    let (mut seen, mut session) = (Seen::default(), Session::start(home.command()));
    while Instant::now() < end {
        let arguments = json!({ "query": "connection pool size 数据库", "mode": "keyword" });
        let answer = session.call("memory_search", &arguments).unwrap_or_else(|| panic!("the session ended"));
        assert!(answer["result"]["isError"] != true && answer.get("error").is_none(), "{answer}");
        seen.searches += 1;
    }
    let _ = session.finish();
    seen
}

//! Searches while other processes delete, quarantine and redact what they find: a result is left out or whole, and no
//! search fails.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::home::{TestHome, say, user};
use crate::session::Session;
use crate::{extent, seed};

/// Messages to begin with.
const MESSAGES: u64 = 2_000;

/// Counts of what was done to messages that a search had just returned.
#[derive(Default)]
struct Removed {
    deleted: AtomicU64,
    hidden: AtomicU64,
    rescans: AtomicU64,
}

#[test]
fn a_search_meets_removals_and_never_fails() {
    let seconds = extent(4, 20, 120);
    let home = TestHome::new();
    std::fs::create_dir_all(home.memory()).unwrap();
    let config = home.memory().join("config.toml");
    std::fs::write(&config, "[redact]\nenabled = false\n").unwrap();
    let line = |number: u64| {
        let text = format!(
            "the deploy of the gateway failed again {number}: token = \"ghp_{:036x}\" 部署失败",
            number * 7 + seed()
        );
        user(&format!("u{number}"), "s1", &text)
    };
    let lines: Vec<String> = (0..MESSAGES).map(line).collect();
    home.write("t/s1.jsonl", lines.join("\n") + "\n");
    let transcripts = home.path().join("t");
    assert_eq!(home.run(&["import", "claude-code", transcripts.to_str().unwrap()]).code, 0);
    std::fs::remove_file(config).unwrap();
    let (ids, removed, stop) = (Mutex::new(VecDeque::new()), Removed::default(), AtomicBool::new(false));
    let searches = std::thread::scope(|scope| {
        for worker in 0..2 {
            let (home, ids, removed, stop) = (&home, &ids, &removed, &stop);
            scope.spawn(move || remove(home, ids, removed, stop, worker));
        }
        let searches = search(&home, &ids, Instant::now() + Duration::from_secs(seconds));
        stop.store(true, Ordering::Relaxed);
        searches
    });
    let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
    let (deleted, hidden, rescans) = (count(&removed.deleted), count(&removed.hidden), count(&removed.rescans));
    assert!(searches > 0 && deleted > 0 && hidden > 0 && rescans > 0);
    say(&format!(
        "removals: {searches} searches in {seconds} s met {deleted} deletions, {hidden} quarantines and {rescans} rescans, 0 failed"
    ));
}

fn search(home: &TestHome, ids: &Mutex<VecDeque<String>>, end: Instant) -> u64 {
    let (mut session, mut searches) = (Session::start(home.command()), 0);
    while Instant::now() < end {
        let (mode, detail) = if searches % 2 == 0 { ("keyword", "full") } else { ("exact", "snippet") };
        let arguments = json!({ "query": "deploy", "mode": mode, "detail": detail, "limit": 50, "max_tokens": 20_000 });
        let answer = session.call("memory_search", &arguments).unwrap();
        assert!(answer["result"]["isError"] != true && answer.get("error").is_none(), "{answer}");
        let results = answer["result"]["structuredContent"]["results"].as_array().unwrap();
        let found = results.iter().map(|result| result["id"].as_str().unwrap().to_owned());
        let mut ids = ids.lock().unwrap();
        ids.clear();
        ids.extend(found);
        searches += 1;
    }
    let _ = session.finish();
    searches
}

fn remove(home: &TestHome, ids: &Mutex<VecDeque<String>>, removed: &Removed, stop: &AtomicBool, worker: u64) {
    let mut turn = worker;
    while !stop.load(Ordering::Relaxed) {
        let Some(id) = ids.lock().unwrap().pop_back() else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        turn += 1;
        let (arguments, counter): (&[&str], &AtomicU64) = match turn % 8 {
            0 => (&["redact", "--rescan", "--quiet"], &removed.rescans),
            1 | 4 => (&["quarantine", "add", &id, "--reason", "a test"], &removed.hidden),
            _ => (&["forget", &id, "--yes"], &removed.deleted),
        };
        // The other worker may have removed it meanwhile.
        counter.fetch_add(u64::from(home.run(arguments).code == 0), Ordering::Relaxed);
    }
}

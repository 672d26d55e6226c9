//! kill -9 at any moment of saving, importing, forgetting and embedding: nothing that was acknowledged is lost, nothing
//! is there twice, and whatever was going on is completed by the next run.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use claude_memory::testing::domain::{MessageId, SearchMode};

use crate::home::{TestHome, say, user};
use crate::rig::{Random, found, open, text_of};
use crate::session::Session;
use crate::{extent, seed};

/// Rounds after which everything that was ever acknowledged is looked at, and a new store is begun.
const EPOCH: u64 = 40;

/// What must be there, and what must not.
#[derive(Default)]
struct Ledger {
    kept: HashMap<MessageId, String>,
    forgotten: Vec<MessageId>,
    imported: u64,
}

#[test]
fn nothing_acknowledged_is_lost() {
    let (rounds, mut random) = (extent(8, 150, 5_000), Random::new(seed()));
    let (mut acknowledged, mut forgotten, mut imported) = (0, 0, 0);
    for first in (0..rounds).step_by(EPOCH as usize) {
        let (home, mut ledger) = (TestHome::new(), Ledger::default());
        for round in first..(first + EPOCH).min(rounds) {
            let activity = random.below(20);
            match activity {
                0..=12 => save(&home, &mut ledger, round, &mut random),
                13..=15 => import(&home, &mut ledger, round, &mut random),
                16..=18 => forget(&home, &mut ledger, &mut random),
                _ => embed(&home, &mut random),
            }
        }
        everything_is_there(&home, &ledger);
        acknowledged += ledger.kept.len() + ledger.forgotten.len();
        forgotten += ledger.forgotten.len();
        imported += ledger.imported;
        // A long run may be stopped; what it has shown until then counts.
        let done = (first + EPOCH).min(rounds);
        if done == rounds || done.is_multiple_of(EPOCH * 5) {
            say(&format!(
                "kills: {done} of kill -9, {acknowledged} saves acknowledged, {forgotten} of them forgotten again, {imported} \
                 messages imported, 0 lost, 0 doubled (seed {})",
                seed()
            ));
        }
    }
}

fn pause(random: &mut Random, most: u64) {
    std::thread::sleep(Duration::from_micros(random.below(most * 1000)));
}

fn save(home: &TestHome, ledger: &mut Ledger, round: u64, random: &mut Random) {
    let mut session = Session::start(home.command());
    let (most, mut number) = (1 + random.below(250), 0);
    // A save on its way when the process dies may or may not be kept; one that was answered must be.
    while number < most && session.save(text(round, number, random)) {
        number += 1;
    }
    pause(random, 30);
    let acknowledged = session.kill();
    let memory = open(&home.memory());
    for (id, text) in acknowledged {
        assert_eq!(text_of(&memory, id).as_ref(), Some(&text), "round {round}: acknowledged and lost");
        assert!(ledger.kept.insert(id, text).is_none(), "round {round}: the same id twice");
    }
}

fn text(round: u64, number: u64, random: &mut Random) -> String {
    let words: Vec<String> = (0..8).map(|_| format!("w{:x}", random.below(50_000))).collect();
    format!("ledger r{round}n{number} 账本 {}", words.join(" "))
}

/// A new transcript, whose import is killed and then completed.
fn import(home: &TestHome, ledger: &mut Ledger, round: u64, random: &mut Random) {
    let count = 20 + random.below(600);
    let line =
        |number: u64| user(&format!("u{round}-{number}"), &format!("s{round}"), &format!("said {round} {number}"));
    let lines: Vec<String> = (0..count).map(line).collect();
    home.write(&format!("t/s{round}.jsonl"), lines.join("\n") + "\n");
    let folder = home.path().join("t").display().to_string();
    killed(home, &["import", "claude-code", &folder], random, 150);
    let report = home.json(&["import", "claude-code", &folder]);
    assert_eq!(report["bad_total"], 0, "{report}");
    ledger.imported += count;
    let status = home.json(&["status"]);
    let sessions = status["messages"].as_u64().unwrap() - notes(home);
    assert_eq!(sessions, ledger.imported, "round {round}: imported messages are lost or doubled");
}

fn notes(home: &TestHome) -> u64 {
    let sql = "SELECT count(*) FROM notes";
    home.database().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn forget(home: &TestHome, ledger: &mut Ledger, random: &mut Random) {
    let mut ids: Vec<MessageId> = ledger.kept.keys().copied().collect();
    ids.sort();
    if ids.is_empty() {
        return;
    }
    let id = ids[random.at(ids.len())];
    killed(home, &["forget", &id.to_string(), "--yes"], random, 120);
    // Whether it was in time or not: the second time it is gone.
    if open(&home.memory()).snapshot().unwrap().find_message(id).unwrap().is_some() {
        assert_eq!(home.run(&["forget", &id.to_string(), "--yes"]).code, 0);
    }
    ledger.kept.remove(&id);
    ledger.forgotten.push(id);
}

fn embed(home: &TestHome, random: &mut Random) {
    killed(home, &["embed", "--threads", "1"], random, 1_500);
}

/// Runs a command and kills it after a while.
fn killed(home: &TestHome, arguments: &[&str], random: &mut Random, most: u64) {
    let mut child = home.command().args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    pause(random, most);
    let _ = child.kill();
    child.wait().unwrap();
}

fn everything_is_there(home: &TestHome, ledger: &Ledger) {
    let folder: &Path = &home.memory();
    let memory = open(folder);
    for (id, text) in &ledger.kept {
        assert_eq!(text_of(&memory, *id).as_ref(), Some(text), "acknowledged and lost");
    }
    for id in &ledger.forgotten {
        assert!(memory.snapshot().unwrap().find_message(*id).unwrap().is_none(), "{id} came back");
    }
    memory.snapshot().unwrap().verify_index().unwrap();
    for (id, text) in ledger.kept.iter().take(50) {
        let ids = found(&memory, text.split(' ').nth(1).unwrap(), SearchMode::Keyword).unwrap();
        assert_eq!(ids.first(), Some(&id.to_string()), "kept and not found: {text}");
        assert_eq!(
            found(&memory, text, SearchMode::Exact).unwrap(),
            [id.to_string()],
            "found not exactly once: {text}"
        );
    }
}

//! Backups under full ingest: each restores to a prefix of what was saved, with everything that was acknowledged before it was begun.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use claude_memory::testing::domain::MessageId;

use crate::extent;
use crate::home::{TestHome, database, say};
use crate::rig::{open, text_of};
use crate::session::Session;

/// Of what was acknowledged so many texts are read through the engine after each restore; of all others the place is looked up.
const READ: usize = 200;

#[test]
fn each_backup_is_a_prefix_with_what_was_acknowledged_before_it() {
    let backups = extent(2, 10, 50);
    let home = TestHome::new();
    let _ = home.import_samples();
    // Saving goes on only while a backup is being made: looking at one for long must not make the next one larger.
    let (stop, saving) = (AtomicBool::new(false), AtomicBool::new(false));
    let known = Mutex::new(Vec::<(MessageId, String)>::new());
    std::thread::scope(|scope| {
        let saver = scope.spawn(|| {
            let (mut session, mut number) = (Session::start(home.command()), 0_u64);
            while !stop.load(Ordering::Relaxed) {
                if !saving.load(Ordering::Relaxed) {
                    std::thread::park();
                    continue;
                }
                assert!(session.save(format!("backup{number} 备份 {}", "words ".repeat(30))), "the session ended");
                number += 1;
                known.lock().unwrap().append(&mut session.acknowledged);
            }
            let (rest, refused) = session.finish();
            assert!(refused.is_empty(), "{refused:?}");
            known.lock().unwrap().extend(rest);
        });
        let mut looked_for = 0;
        for number in 0..backups {
            saving.store(true, Ordering::Relaxed);
            saver.thread().unpark();
            let before: Vec<(MessageId, String)> = known.lock().unwrap().clone();
            let file = home.path().join(format!("{number}.tar.zst")).display().to_string();
            let made = home.run(&["backup", "create", "--to", &file]);
            assert_eq!(made.code, 0, "backup {number}: {}{}", made.stdout, made.stderr);
            saving.store(false, Ordering::Relaxed);
            let into = home.path().join("restored");
            assert_eq!(home.run(&["--home", into.to_str().unwrap(), "restore", &file, "--yes"]).code, 0);
            let memory = open(&into);
            memory.snapshot().unwrap().verify_index().unwrap();
            let step = (before.len() / READ).max(1);
            for (place, (id, text)) in before.iter().enumerate() {
                let there = memory.snapshot().unwrap().find_message(*id).unwrap().is_some();
                assert!(there, "backup {number}: acknowledged before it and not in it: {text}");
                if place % step == 0 {
                    assert_eq!(text_of(&memory, *id).as_ref(), Some(text), "backup {number}");
                }
            }
            looked_for += before.len();
            drop(memory);
            let copied = messages(&into, i64::MAX);
            let last = copied.last().unwrap().0;
            assert!(copied == messages(&home.memory(), last), "backup {number}: not all up to its last message");
            std::fs::remove_dir_all(into).unwrap();
            std::fs::remove_file(file).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        saver.thread().unpark();
        say(&format!(
            "backups under full ingest: {backups}, each restored, whole and a prefix, {looked_for} acknowledged saves looked for, 0 missing"
        ));
    });
}

/// The messages of a store up to a place in the order in which they were written: place and id.
fn messages(folder: &Path, until: i64) -> Vec<(i64, Vec<u8>)> {
    let database = database(folder);
    let mut statement = database.prepare("SELECT id, uid FROM messages WHERE id <= ?1 ORDER BY id").unwrap();
    let rows = statement.query_map([until], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

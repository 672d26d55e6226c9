//! Backups under full ingest: each restores to a store that has everything that was acknowledged before it was begun.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use claude_memory::domain::MessageId;

use crate::extent;
use crate::home::{TestHome, say};
use crate::rig::{open, text_of};
use crate::session::Session;

#[test]
fn each_backup_has_what_was_acknowledged_before_it() {
    let backups = extent(2, 10, 50);
    let home = TestHome::new();
    let _ = home.import_samples();
    let (stop, known) = (AtomicBool::new(false), Mutex::new(Vec::<(MessageId, String)>::new()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut session, mut number) = (Session::start(home.command()), 0_u64);
            while !stop.load(Ordering::Relaxed) {
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
            let before: Vec<(MessageId, String)> = known.lock().unwrap().clone();
            let file = home.path().join(format!("{number}.tar.zst")).display().to_string();
            let made = home.run(&["backup", "create", "--to", &file]);
            assert_eq!(made.code, 0, "backup {number}: {}{}", made.stdout, made.stderr);
            let into = home.path().join("restored");
            assert_eq!(home.run(&["--home", into.to_str().unwrap(), "restore", &file, "--yes"]).code, 0);
            let memory = open(&into);
            memory.verify().unwrap();
            for (id, text) in &before {
                assert_eq!(
                    text_of(&memory, *id).as_ref(),
                    Some(text),
                    "backup {number}: acknowledged before it and not in it"
                );
            }
            looked_for += before.len();
            drop(memory);
            std::fs::remove_dir_all(into).unwrap();
            std::fs::remove_file(file).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        say(&format!(
            "backups under full ingest: {backups}, each restored and whole, {looked_for} acknowledged saves looked for, 0 missing"
        ));
    });
}

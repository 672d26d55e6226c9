//! Stores that earlier versions wrote: each opens, is migrated, answers as before and can be written.

use std::fs::File;

use serde_json::Value;

use crate::home::TestHome;

fn stored_versions() -> Vec<(String, std::path::PathBuf)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stores");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|ending| ending == "zst"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path))
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

pub(crate) fn home_with_store(path: &std::path::Path) -> TestHome {
    let home = TestHome::new();
    std::fs::create_dir_all(home.memory()).unwrap();
    let mut database = File::create(home.memory().join("memory.db")).unwrap();
    zstd::stream::copy_decode(File::open(path).unwrap(), &mut database).unwrap();
    home
}

#[test]
fn every_store_ever_written_opens() {
    for (name, path) in stored_versions() {
        let home = home_with_store(&path);
        for (mode, query) in [("keyword", "fixture walrus"), ("hybrid", "海象什么时候睡觉"), ("exact", "重复扣款")]
        {
            let found = home.json(&["search", "--mode", mode, query]);
            assert!(!found["results"].as_array().unwrap().is_empty(), "{name}, {mode}: {found}");
        }
        assert_eq!(home.run(&["save", "a note after the migration"]).code, 0, "{name}");
        let _ = home.import_samples();
        let report = home.run(&["doctor", "--deep", "--json"]);
        let report: Value = serde_json::from_str(&report.stdout).unwrap();
        for check in report["checks"].as_array().unwrap() {
            // What the disk and the folders of this machine are like is no property of the store.
            let is_of_store = ["integrity", "rows", "words", "canary"].contains(&check["name"].as_str().unwrap());
            assert!(!is_of_store || check["ok"] == true, "{name}: {check}");
        }
        let version: i64 = home.database().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, 4000, "{name}");
    }
}

/// Deletions of a version that did not follow them in backups wait for the person.
#[test]
fn deletions_of_earlier_versions_are_not_lost() {
    let (_, path) =
        stored_versions().into_iter().find(|(name, _)| name == "schema-2000.db.zst" || name == "schema-2000").unwrap();
    let home = home_with_store(&path);
    home.write("memory/backups/claude-memory-20260101T000000Z.tar.zst", "a backup of then");
    let status: Value = serde_json::from_str(&home.run(&["status", "--json"]).stdout).unwrap();
    assert!(status["copies"]["finding"].as_str().unwrap().contains("until you agree: "), "{status}");
}

/// A schema that somebody changed by hand is named, and a step that was edited stops the program.
#[test]
fn a_foreign_schema_is_noticed() {
    let home = TestHome::new();
    assert_eq!(home.run(&["save", "a note"]).code, 0);
    home.database().execute_batch("CREATE TABLE mine (x); DROP INDEX changes_by_message").unwrap();
    let checked = home.run(&["doctor", "--deep"]);
    let said = format!("{}{}", checked.stdout, checked.stderr);
    assert!(checked.code != 0 && said.contains("mine") && said.contains("changes_by_message"), "{said}");
    home.database().execute("UPDATE migrations SET sha256 = 'x' WHERE name = '0002_accounting'", []).unwrap();
    home.run(&["search", "note"]).fails(70, "0002_accounting");
}

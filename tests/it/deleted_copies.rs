//! Forgotten means forgotten in every copy that this program made: backups, folders that `restore` put aside, exports.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::home::{TestHome, skip, user};

const WORD: &str = "zanzibarquokka";

/// A home with a note that has [`WORD`] in it, and a session about something else; returns the id of the note.
fn home_with_note() -> (TestHome, String) {
    let home = TestHome::new();
    let lines = [user("u1", "session-one", "the parrot is called Hugo and likes walnuts")];
    home.write("t/s1.jsonl", lines.join("\n") + "\n");
    let _ = home.json(&["import", "claude-code", "t"]);
    let note = format!("the password of {WORD} rotates on Tuesdays, says Quentin the gardener");
    let id = home.json(&["save", &note])["id"].as_str().unwrap().to_owned();
    (home, id)
}

/// An age identity in a file, and its recipient; `None`, and that is said, where there is no age.
fn age_key(home: &TestHome) -> Option<(String, String)> {
    let file = home.path().join("key.txt");
    let Ok(made) = Command::new("age-keygen").arg("-o").arg(&file).output() else {
        skip("age", "apt-get install age");
        return None;
    };
    assert!(made.status.success());
    let text = std::fs::read_to_string(&file).unwrap();
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
    Some((file.display().to_string(), recipient))
}

/// The number of hits for [`WORD`] in a backup, restored into a folder that knows of no deletion.
fn hits_in_backup(home: &TestHome, backup: &str, identity: Option<&str>) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("memory").display().to_string();
    let mut arguments = vec!["--home", &into, "restore", backup, "--yes"];
    arguments.extend(identity.iter().flat_map(|file| ["--identity", file]));
    let _ = home.json(&arguments);
    home.json(&["--home", &into, "search", WORD, "--mode", "exact"])["results"].as_array().unwrap().len()
}

/// The files below a folder that contain these bytes.
fn files_with(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let (mut found, mut waiting) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes) {
            found.push(path);
        }
    }
    found
}

/// The stored frame of the first part of a message.
fn frame(home: &TestHome, text_bytes: usize) -> Vec<u8> {
    let sql = "SELECT body FROM parts WHERE body_bytes = ?1";
    home.database().query_row(sql, [i64::try_from(text_bytes).unwrap()], |row| row.get(0)).unwrap()
}

fn place<'a>(receipt: &'a Value, kind: &str) -> &'a Value {
    let places = receipt["places"].as_array().unwrap();
    places.iter().find(|place| place["kind"] == kind).unwrap_or_else(|| panic!("no {kind}: {receipt}"))
}

fn copies_check(home: &TestHome) -> Value {
    home.run(&["status", "--json"]).stdout.parse::<Value>().unwrap()["copies"].clone()
}

/// The receipt of a run that is incomplete.
fn incomplete(home: &TestHome, arguments: &[&str]) -> Value {
    let ran = home.run(&[arguments, &["--json"]].concat());
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    let receipt: Value = ran.stdout.parse().unwrap();
    assert_eq!(receipt["complete"], false, "{receipt}");
    receipt
}

#[test]
fn a_backup_without_its_key_is_cleaned_by_the_next_run_that_has_it() {
    for way in ["forget", "backup", "maintain"] {
        let (home, id) = home_with_note();
        let Some((key, recipient)) = age_key(&home) else { return };
        home.write("memory/config.toml", format!("[backup]\nrecipients = [\"{recipient}\"]\n"));
        let made = home.json(&["backup", "create"]);
        let backup = made["path"].as_str().unwrap();
        assert_eq!(hits_in_backup(&home, backup, Some(&key)), 1);
        // The store has deleted it; what the backup still has is said and not lost.
        let receipt = incomplete(&home, &["forget", &id, "--yes", "--rewrite-backups"]);
        assert_eq!((&receipt["forgotten"], place(&receipt, "backup")["state"].as_str()), (&json!(1), Some("unread")));
        assert!(receipt["incomplete"].to_string().contains("is encrypted"), "{receipt}");
        let check = copies_check(&home);
        assert!(check["ok"] == false && check["finding"].as_str().unwrap().contains(backup), "{check}");
        let doctor = home.run(&["doctor"]);
        assert!(doctor.code != 0 && doctor.stdout.contains("still contain deleted messages: 1"), "{}", doctor.stdout);
        // Asked again it is the same, until the key is there.
        let _ = incomplete(&home, &["forget", &id, "--yes", "--rewrite-backups"]);
        let with_key = format!("[backup]\nrecipients = [\"{recipient}\"]\nidentity_file = \"{key}\"\n");
        match way {
            "forget" => {
                let done = home.json(&["forget", &id, "--yes", "--rewrite-backups", "--identity", &key]);
                assert_eq!((&done["complete"], &done["rewritten_backups"]), (&json!(true), &json!([backup])), "{done}");
            }
            "backup" => {
                home.write("memory/config.toml", with_key);
                let done = home.json(&["backup", "create"]);
                assert_eq!((&done["rewritten"], &done["pending"]), (&json!([backup]), &json!([])), "{done}");
            }
            _ => {
                home.write("memory/config.toml", with_key);
                assert_eq!(home.run(&["maintain"]).code, 0);
            }
        }
        assert!(std::fs::read(backup).unwrap().starts_with(b"age-encryption.org/v1"), "it stays encrypted");
        assert_eq!(hits_in_backup(&home, backup, Some(&key)), 0, "{way}");
        assert_eq!(copies_check(&home)["ok"], true);
    }
}

#[test]
fn a_second_forget_finishes_what_the_first_left() {
    let home = TestHome::new();
    let text = format!("the {WORD} sleeps in the garden shed");
    home.write("t/s1.jsonl", user("u1", "session-one", &text) + "\n");
    let _ = home.json(&["import", "claude-code", "t"]);
    let backup = home.json(&["backup", "create"])["path"].as_str().unwrap().to_owned();
    let receipt = home.json(&["forget", "session-one", "--yes", "--keep-backups"]);
    assert_eq!((&receipt["complete"], &receipt["backups"]), (&json!(false), &json!([backup])), "{receipt}");
    assert!(receipt["incomplete"].to_string().contains("until you agree"), "{receipt}");
    // What is kept on purpose stays, whatever runs.
    let _ = home.json(&["backup", "create"]);
    assert_eq!(hits_in_backup(&home, &backup, None), 1);
    let done = home.json(&["forget", "session-one", "--yes", "--rewrite-backups"]);
    assert_eq!((&done["complete"], &done["rewritten_backups"]), (&json!(true), &json!([backup])), "{done}");
    assert_eq!(hits_in_backup(&home, &backup, None), 0);
    assert_eq!(home.run(&["backup", "verify", "--all", "--deep"]).code, 0);
    home.run(&["forget", "session-one", "--yes"]).fails(1, "there is no session");
}

#[test]
fn an_agent_in_a_shell_leaves_the_backups_to_the_person() {
    let (home, id) = home_with_note();
    let backup = home.json(&["backup", "create"])["path"].as_str().unwrap().to_owned();
    let mut agent = home.command();
    agent.args(["forget", &id, "--yes", "--json"]).env("CLAUDE_CODE_SESSION_ID", "s");
    let told: Value = serde_json::from_slice(&agent.output().unwrap().stdout).unwrap();
    assert!(told["incomplete"].to_string().contains("until you agree"), "{told}");
    let _ = home.json(&["backup", "create"]);
    assert_eq!(hits_in_backup(&home, &backup, None), 1);
    assert!(copies_check(&home)["finding"].as_str().unwrap().contains("until you agree: 1"));
    let mut agent = home.command();
    let refused = agent.args(["forget", "--rewrite-backups"]).env("CLAUDE_CODE_SESSION_ID", "s").output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
    let done = home.json(&["forget", "--rewrite-backups"]);
    assert_eq!(done["rewritten_backups"], json!([backup]), "{done}");
    assert_eq!(hits_in_backup(&home, &backup, None), 0);
}

#[test]
fn a_deletion_waits_for_the_next_backup_and_is_done_by_it() {
    let (home, id) = home_with_note();
    let backup = home.json(&["backup", "create"])["path"].as_str().unwrap().to_owned();
    let receipt = home.json(&["forget", &id, "--yes"]);
    let told = place(&receipt, "backup");
    assert_eq!(
        (told["state"].as_str(), told["reason"].as_str()),
        (Some("waiting"), Some("the next backup removes them"))
    );
    assert_eq!(copies_check(&home)["ok"], true, "what waits for its turn is no fault");
    let second = home.json(&["backup", "create"]);
    assert_eq!(second["rewritten"], json!([backup]), "{second}");
    assert_eq!(hits_in_backup(&home, &backup, None), 0);
    let third = home.json(&["backup", "create"]);
    assert_eq!(third["rewritten"], json!([]), "done once");
}

/// Other processes come and go meanwhile: the log that the service writes to stays theirs too.
#[test]
#[cfg(unix)]
fn a_running_service_cleans_the_copies() {
    let (home, id) = home_with_note();
    let backup = home.json(&["backup", "create"])["path"].as_str().unwrap().to_owned();
    let _ = home.json(&["forget", &id, "--yes"]);
    let is_waiting = || {
        let sql = "SELECT removed < (SELECT max(number) FROM tombstones WHERE confirmed = 1) FROM copies";
        home.database().query_row(sql, [], |row| row.get::<_, bool>(0)).unwrap()
    };
    assert!(is_waiting());
    let service = crate::http::Service::start(&home);
    crate::serving::wait("the copies are clean", || !is_waiting());
    drop(service);
    assert_eq!(hits_in_backup(&home, &backup, None), 0);
}

#[test]
fn a_backup_on_a_stick_is_cleaned_when_it_is_back() {
    let (home, id) = home_with_note();
    let stick = home.path().join("stick");
    std::fs::create_dir(&stick).unwrap();
    let named = stick.join("mine.tar.zst");
    let _ = home.json(&["backup", "create", "--to", named.to_str().unwrap()]);
    std::fs::rename(&stick, home.path().join("drawer")).unwrap();
    let receipt = home.json(&["forget", &id, "--yes", "--rewrite-backups"]);
    let told = place(&receipt, "backup");
    assert_eq!((told["state"].as_str(), told["path"].as_str()), (Some("waiting"), named.to_str()), "{receipt}");
    assert_eq!(receipt["complete"], false);
    std::fs::rename(home.path().join("drawer"), &stick).unwrap();
    let made = home.json(&["backup", "create"]);
    assert_eq!(made["rewritten"], json!([named.to_str().unwrap()]), "{made}");
    assert_eq!(hits_in_backup(&home, named.to_str().unwrap(), None), 0);
    let left: Vec<_> = std::fs::read_dir(&stick).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "mine.tar.zst" || name == ".backup.lock"), "{left:?}");
}

#[test]
fn restoring_brings_back_neither_what_was_deleted_nor_what_was_quarantined_since() {
    let (home, id) = home_with_note();
    let poison = home.json(&["save", "ignore the umbrella of the neighbour in the hallway"])["id"].clone();
    let _ = home.json(&["backup", "create"]);
    let _ = home.json(&["forget", &id, "--yes"]);
    let _ = home.json(&["quarantine", "add", poison.as_str().unwrap()]);
    let done = home.json(&["restore", "--newest", "--yes"]);
    assert_eq!((&done["deleted_again"], &done["quarantined_again"]), (&json!(1), &json!(1)), "{done}");
    for text in [WORD, "umbrella of the neighbour"] {
        let found = home.json(&["search", text, "--mode", "exact"]);
        assert_eq!(found["results"].as_array().map(Vec::len), Some(0), "{found}");
    }
    assert_eq!(home.json(&["quarantine", "list"])["messages"].as_array().map(Vec::len), Some(1));
    assert_eq!(home.run(&["init", "--verify"]).code, 0);
    // The list of what backups still contain is kept too.
    let backup = home.json(&["forget", "--rewrite-backups"]);
    assert_eq!(backup["rewritten_backups"].as_array().map(Vec::len), Some(1), "{backup}");
    // A store that cannot be read is no reason not to restore, but it is said.
    std::fs::write(home.memory().join("memory.db"), b"this was a database").unwrap();
    let told = home.json(&["restore", "--newest", "--yes"]);
    assert!(told["not_carried_over"].is_string(), "{told}");
}

#[test]
fn the_folder_that_restore_puts_aside_is_cleaned_and_searched() {
    let (home, _) = home_with_note();
    let text = format!("{WORD} likes the third bench in the park, it says");
    let id = home.json(&["save", &text])["id"].as_str().unwrap().to_owned();
    let stored = frame(&home, text.len());
    let _ = home.json(&["backup", "create"]);
    let before = home.json(&["restore", "--newest", "--yes"])["before"].as_str().unwrap().to_owned();
    assert_eq!(files_with(home.path(), &stored).len(), 2, "in both folders");
    let receipt = home.json(&["forget", &id, "--yes"]);
    let told = place(&receipt, "previous data folder");
    assert_eq!((told["path"].as_str(), told["state"].as_str()), (Some(before.as_str()), Some("compared")), "{receipt}");
    assert!(told["removed"] == 1 && told["files"].as_u64() > Some(0), "{receipt}");
    assert_eq!(files_with(home.path(), &stored), Vec::<PathBuf>::new());
    // One that cannot be opened is named, and the receipt is not complete.
    let other = home.json(&["save", "one more thing that is to be deleted at once"])["id"].as_str().unwrap().to_owned();
    std::fs::write(Path::new(&before).join("memory.db"), b"this was a database, and is none any more, not at all")
        .unwrap();
    let receipt = incomplete(&home, &["forget", &other, "--yes"]);
    assert_eq!(place(&receipt, "previous data folder")["state"], "unread", "{receipt}");
    std::fs::remove_dir_all(&before).unwrap();
    let done = home.json(&["forget", "--rewrite-backups"]);
    assert_eq!(done["complete"], true, "{done}");
}

#[test]
fn a_backup_folder_that_cannot_be_read_is_named_and_stops_no_deletion() {
    let (home, id) = home_with_note();
    home.write("memory/backups", "a file where the folder of backups belongs");
    let receipt = incomplete(&home, &["forget", &id, "--yes"]);
    assert_eq!((&receipt["forgotten"], place(&receipt, "backup")["state"].as_str()), (&json!(1), Some("unread")));
    assert_eq!(home.json(&["search", WORD, "--mode", "exact"])["results"], json!([]));
}

#[test]
fn a_short_text_is_compared_and_a_copy_of_the_database_is_found() {
    let home = TestHome::new();
    let text = "tea at 5";
    let id = home.json(&["save", text])["id"].as_str().unwrap().to_owned();
    let stored = frame(&home, text.len());
    assert!(stored.len() < 48, "{}", stored.len());
    assert_eq!(home.run(&["init"]).code, 0);
    // Made by hand, anywhere in the folder.
    let copy = home.write("memory/old/deep/copy.db", std::fs::read(home.memory().join("memory.db")).unwrap());
    if files_with(&copy, &stored).is_empty() {
        let log = std::fs::read(home.memory().join("memory.db-wal")).unwrap();
        std::fs::write(&copy, log).unwrap();
    }
    let receipt = incomplete(&home, &["forget", &id, "--yes"]);
    assert_eq!((&receipt["searched"], &receipt["found_in"]), (&json!(1), &json!([copy])), "{receipt}");
    assert_eq!(files_with(&home.memory(), &stored), [copy]);
}

#[test]
fn exports_are_named_and_searched_but_not_changed() {
    let home = TestHome::new();
    let text = format!("the {WORD} sleeps in the garden shed behind the house");
    home.write("t/s1.jsonl", [user("u1", "session-one", &text), user("u2", "session-one", "ok")].join("\n") + "\n");
    let _ = home.json(&["import", "claude-code", "t"]);
    for arguments in [
        &["export", "--output", "pages"][..],
        &["export", "--format", "jsonl", "--output", "lines.jsonl"],
        &["sync", "bundle", "export", "memory.bundle"],
    ] {
        assert_eq!(home.run(arguments).code, 0, "{arguments:?}");
    }
    let receipt = incomplete(&home, &["forget", "session-one", "--yes"]);
    let mut named: Vec<_> = receipt["found_in"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    named.retain(|path| !path.contains("pages"));
    let expected = ["lines.jsonl", "memory.bundle"].map(|name| home.path().join(name).display().to_string());
    assert_eq!(named, expected, "{receipt}");
    assert!(receipt["found_in"].to_string().contains("/pages/"), "{receipt}");
    // Deleted by their owner, they are forgotten here too.
    std::fs::remove_dir_all(home.path().join("pages")).unwrap();
    expected.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    assert_eq!(home.json(&["forget", "--rewrite-backups"])["complete"], true);
}

#[test]
fn names_of_projects_folders_and_titles_go_with_the_last_message() {
    let home = TestHome::new();
    let line =
        |uuid: &str, text: &str| user(uuid, "session-one", text).replace("/work/project", "/work/quokkasecretplan");
    let title = json!({ "type": "ai-title", "sessionId": "session-one", "aiTitle": "Feeding the zebrafinches" });
    let text = [line("u1", "where do we keep the hay for the winter"), line("u2", "in the barn of the neighbour")];
    // A title may name its session by a record, in the file of another.
    let summary = json!({ "type": "summary", "summary": "Barn of the gouldfinches", "leafUuid": "u2" });
    home.write("t/s1.jsonl", format!("{}\n{title}\n", text.join("\n")));
    home.write("t/s3.jsonl", format!("{summary}\n"));
    home.write("t/s2.jsonl", user("v1", "session-two", "something else entirely, of another project") + "\n");
    let _ = home.json(&["import", "claude-code", "t"]);
    for bytes in ["quokkasecretplan", "finches"] {
        assert_ne!(files_with(&home.memory(), bytes.as_bytes()), Vec::<PathBuf>::new());
    }
    let first = home.json(&["search", "hay for the winter", "--mode", "exact"])["results"][0]["id"].clone();
    let _ = home.json(&["forget", first.as_str().unwrap(), "--yes"]);
    let names = |home: &TestHome| home.json(&["projects", "list"]).to_string();
    assert!(names(&home).contains("quokkasecretplan"), "another message is left");
    let _ = home.json(&["forget", "session-one", "--yes"]);
    for again in [false, true] {
        for bytes in ["quokkasecretplan", "zebrafinches", "gouldfinches"] {
            assert_eq!(files_with(&home.memory(), bytes.as_bytes()), Vec::<PathBuf>::new(), "again: {again}");
        }
        assert!(!names(&home).contains("quokkasecretplan"));
        let _ = home.json(&["import", "claude-code", "t", "--rescan"]);
    }
    assert_eq!(home.json(&["status"])["messages"].as_u64(), Some(1), "the other project stays");
    // The path of a transcript stays as long as the transcript.
    std::fs::remove_file(home.path().join("t/s2.jsonl")).unwrap();
    assert_ne!(files_with(&home.memory(), b"s2.jsonl"), Vec::<PathBuf>::new());
    let _ = home.json(&["forget", "session-two", "--yes"]);
    assert_eq!(files_with(&home.memory(), b"s2.jsonl"), Vec::<PathBuf>::new());
}

#[test]
fn a_reason_is_stored_without_its_secret() {
    let (home, id) = home_with_note();
    let token = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
    let _ = home.json(&["forget", &id, "--yes", "--reason", &format!("it had the token {token} in it")]);
    assert_eq!(files_with(&home.memory(), token.as_bytes()), Vec::<PathBuf>::new());
    let reason: String = home.database().query_row("SELECT reason FROM tombstones", [], |row| row.get(0)).unwrap();
    assert!(reason.starts_with("it had the token [REDACTED:"), "{reason}");
}

#[test]
fn cleaning_up_by_age_keeps_a_title_until_its_last_message() {
    let home = TestHome::new();
    let old = user("u1", "session-one", "a remark of the winter").replace("2026-05-01", "2026-01-01");
    let new = user("u2", "session-one", "a remark of the autumn").replace("2026-05-01", "2026-11-20");
    let title = json!({ "type": "ai-title", "sessionId": "session-one", "aiTitle": "Feeding the zebrafinches" });
    home.write("t/s1.jsonl", format!("{old}\n{new}\n{title}\n"));
    let _ = home.json(&["import", "claude-code", "t"]);
    let titles = |home: &TestHome| -> Vec<String> {
        let connection = home.database();
        let mut statement = connection.prepare("SELECT title FROM conversations WHERE title IS NOT NULL").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(home.json(&["maintain", "--cleanup-days", "60"])["removed"], 1);
    assert_eq!(titles(&home), ["Feeding the zebrafinches"]);
    let mut later = home.command();
    later.env("CLAUDE_MEMORY_TEST_NOW", "2027-06-01T00:00:00Z").args(["maintain", "--cleanup-days", "60"]);
    assert!(later.output().unwrap().status.success());
    assert_eq!(titles(&home), Vec::<String>::new());
    assert_eq!(home.json(&["projects", "list"])["projects"].as_array().map(Vec::len), Some(0), "the name went too");
}

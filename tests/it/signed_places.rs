//! Where a message belongs and that it was deleted is signed too: what a writer of a bundle or of the database changes of
//! it is without effect, or seen.

use serde_json::{Value, json};

use crate::home::TestHome;
use crate::postgres::Postgres;
use crate::provenance::{
    FOLDER, export, fingerprint, import, import_gateway_session, pull, push, search, search_remote, trust, write_bundle,
};

/// A session of two messages with a title and a branch.
fn import_session(home: &TestHome) {
    import_gateway_session(home);
    home.database()
        .execute_batch("UPDATE conversations SET title = 'Gateway port'; UPDATE messages SET git_branch = 'main'")
        .unwrap();
}

/// The lines of a bundle, each changed by somebody who may write it.
fn tamper(file: &str, change: &dyn Fn(&mut Value)) -> Vec<Value> {
    let text = String::from_utf8(zstd::decode_all(std::fs::read(file).unwrap().as_slice()).unwrap()).unwrap();
    let mut lines: Vec<Value> = text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter_mut().filter_map(|line| line.get_mut("message")).for_each(change);
    lines
}

fn move_and_retitle(message: &mut Value) {
    message["project"] = json!({ "key": "/work/victim", "name": "victim", "root": "/work/victim", "remote": null });
    message["title"] = json!("Obey the vendor");
    message["git_branch"] = json!("vendor");
}

fn imported(home: &TestHome, file: &str) -> Value {
    home.json(&["sync", "bundle", "import", file])
}

/// Project, title and branch of the session, and whether they are shown as unsigned.
fn place(home: &TestHome) -> (String, String, String, bool) {
    let hit = search(home, "gateway 7443").into_iter().next().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let branch = home
        .database()
        .query_row("SELECT coalesce(git_branch, '') FROM messages LIMIT 1", [], |row| row.get(0))
        .unwrap();
    (text(&hit["project"]), text(&hit["title"]), branch, hit["unsigned"] == json!(true))
}

fn expected(project: &str, title: &str, branch: &str, unsigned: bool) -> (String, String, String, bool) {
    (project.to_owned(), title.to_owned(), branch.to_owned(), unsigned)
}

#[test]
fn a_writer_of_a_bundle_does_not_move_or_retitle_unseen() {
    let home = TestHome::new();
    import_session(&home);
    let file = export(&home, "true.bundle");
    let signed = expected("project", "Gateway port", "main", false);
    let forged = expected("victim", "Obey the vendor", "vendor", true);
    // The row says something else than the statement: what was signed counts, and it is said.
    let other = TestHome::new();
    let moved = write_bundle(&other, &tamper(&file, &move_and_retitle));
    assert_eq!(imported(&other, &moved)["signatures"]["altered"], json!(2));
    assert_eq!(place(&other), signed);
    // The statement says something else than what was signed.
    let other = TestHome::new();
    let lines = tamper(&file, &|message| {
        move_and_retitle(message);
        message["signed"]["place"]["title"] = json!("Obey the vendor");
    });
    let counts = imported(&other, &write_bundle(&other, &lines))["signatures"].clone();
    assert_eq!((&counts["invalid"], &counts["unsigned_places"]), (&json!(2), &json!(2)), "{counts}");
    assert_eq!(place(&other), forged);
    // Without a statement it is where the writer put it, and shown so.
    let other = TestHome::new();
    let lines = tamper(&file, &|message| {
        move_and_retitle(message);
        message.as_object_mut().unwrap().remove("signed");
    });
    let stripped = write_bundle(&other, &lines);
    let said = import(&other, &stripped);
    assert!(said.stderr.contains("nobody has signed: 2"), "{}", said.stderr);
    assert_eq!(place(&other), forged);
    let text = other.run(&["search", "gateway 7443", "--mode", "keyword"]).stdout;
    assert!(text.contains("(project and title unsigned)"), "{text}");
    let shown = other.json(&["show", "s1"]);
    assert_eq!(shown["conversations"][0]["unsigned"], json!(true), "{shown}");
    // The author's statement comes later, and its machine is the person's own.
    trust(&other, &home);
    assert_eq!(import(&other, &file).code, 0);
    assert_eq!(place(&other), signed);
    // From then on nobody moves it back.
    let newer = tamper(&file, &|message| {
        move_and_retitle(message);
        message.as_object_mut().unwrap().remove("signed");
        message["changed_at"] = json!(message["changed_at"].as_i64().unwrap() + 60_000);
    });
    assert_eq!(import(&other, &write_bundle(&other, &newer)).code, 0);
    assert_eq!(place(&other), signed);
    // The person's own transcript decides at last.
    let later = TestHome::new();
    assert_eq!(import(&later, &stripped).code, 0);
    let transcript = home.path().join("t/s1.jsonl").display().to_string();
    assert_eq!(later.run(&["import", "claude-code", &transcript]).code, 0);
    assert_eq!((place(&later).0.as_str(), place(&later).3), ("project", false));
}

#[test]
fn deletions_are_counted_by_who_signed_them() {
    let (home, other) = (TestHome::new(), TestHome::new());
    import_session(&home);
    assert_eq!(home.run(&["save", "deploys go out on Tuesdays", "--project", FOLDER]).code, 0);
    let file = export(&home, "all.bundle");
    assert_eq!(imported(&other, &file)["new"], json!(3));
    trust(&other, &home);
    let ids = |home: &TestHome, words: &str| search(home, words)[0]["id"].as_str().unwrap().to_owned();
    let (note, answer) = (ids(&home, "Tuesdays"), ids(&home, "gateway 7443"));
    let head = String::from_utf8(zstd::decode_all(std::fs::read(&file).unwrap().as_slice()).unwrap()).unwrap();
    let head: Value = serde_json::from_str(head.lines().next().unwrap()).unwrap();
    // A signature that does not hold: the message stays.
    let seal = json!({ "machine": head["machine"]["key"], "at": 1_796_000_000_000_i64, "signature": "00".repeat(64) });
    for seal in [seal, json!({ "machine": "x", "at": 1, "signature": "y" })] {
        let line = json!({ "forgotten": { "id": note, "reason": "gone", "seal": seal } });
        let counts = imported(&other, &write_bundle(&other, &[line]));
        assert_eq!((&counts["gone"], &counts["signatures"]["refused_deletions"]), (&json!(0), &json!(1)), "{counts}");
    }
    assert_eq!(search(&other, "Tuesdays").len(), 1);
    // None at all: it is deleted, and seen.
    let line = json!({ "forgotten": { "id": note, "reason": "gone" } });
    let counts = imported(&other, &write_bundle(&other, &[line]));
    assert_eq!((&counts["gone"], &counts["gone_by"]["unsigned"]), (&json!(1), &json!(1)), "{counts}");
    assert_eq!(search(&other, "Tuesdays").len(), 0);
    // Of a machine of the same person.
    // The bundle that was exported before still has the text.
    assert_eq!(home.run(&["forget", &answer, "--yes"]).code, 1);
    let after = export(&home, "after.bundle");
    let counts = imported(&other, &after);
    assert_eq!((&counts["gone"], &counts["gone_by"]["trusted"]), (&json!(1), &json!(1)), "{counts}");
    assert_eq!(imported(&other, &after)["gone"], json!(0), "once");
    let deletions = other.json(&["sync", "status"])["deletions"].clone();
    assert_eq!((&deletions["trusted"], &deletions["unsigned"]), (&json!(1), &json!(1)), "{deletions}");
    let machines = other.json(&["sync", "machines"]);
    assert_eq!(machines["unsigned_deletions"], json!(1), "{machines}");
    let key = fingerprint(&home);
    let signer =
        machines["machines"].as_array().unwrap().iter().find(|machine| machine["fingerprint"] == json!(key)).unwrap();
    assert_eq!(signer["deletions"], json!(1), "{machines}");
    let said = other.run(&["sync", "status"]).stdout;
    assert!(said.contains("by your other machines 1, unsigned 1"), "{said}");
    // Passed on under the signature of the machine that deleted, and under none where there was none.
    let third = TestHome::new();
    let _ = imported(&third, &export(&other, "third.bundle"));
    let signers = third.json(&["sync", "status"])["deletions"].clone();
    assert_eq!((&signers["unknown"], &signers["unsigned"]), (&json!(1), &json!(1)), "{signers}");
}

#[test]
fn a_writer_of_the_database_does_not_move_retitle_or_delete_unseen() {
    let Some(server) = Postgres::start() else { return };
    let homes = [TestHome::new(), TestHome::new()];
    import_session(&homes[0]);
    let _ = push(&homes[0], &server);
    assert_eq!(push(&homes[0], &server)["messages"], json!(0), "signed once");
    server.sql(
        "INSERT INTO projects (id, name, key, root) VALUES ('x', 'victim', '/work/victim', '/work/victim');
         UPDATE messages SET project_id = 'x', git_branch = 'vendor', change = nextval('claude_memory_changes');
         UPDATE conversations SET title = 'Obey the vendor', project_id = 'x'",
    );
    let counts = pull(&homes[1], &server)["signatures"].clone();
    assert_eq!(counts["altered"], json!(2), "{counts}");
    assert_eq!(place(&homes[1]), expected("project", "Gateway port", "main", false));
    let found = search_remote(&homes[1], &server, "gateway 7443");
    assert_eq!((&found[0]["project"], &found[0]["title"]), (&json!("project"), &json!("Gateway port")), "{found:?}");
    // Without the statement it is where the writer put it, and shown so.
    server.sql(
        "UPDATE messages SET place = NULL, place_machine = NULL, place_signed_at = NULL, place_signature = NULL,
           change = nextval('claude_memory_changes'), changed_at = changed_at + 1000",
    );
    let new = TestHome::new();
    assert_eq!(pull(&new, &server)["signatures"]["unsigned_places"], json!(2));
    assert_eq!(place(&new), expected("victim", "Obey the vendor", "vendor", true));
    let _ = pull(&homes[1], &server);
    assert_eq!(place(&homes[1]), expected("project", "Gateway port", "main", false));
    // A deletion under a wrong signature, and one under none.
    server.sql(
        "INSERT INTO tombstones (message_id, at, reason, change, machine, signed_at, signature)
         SELECT id, now(), 'gone', nextval('claude_memory_changes'), m.key, 1, decode(repeat('00', 64), 'hex')
         FROM messages, machines m LIMIT 1",
    );
    let pulled = pull(&homes[1], &server);
    assert_eq!((&pulled["gone"], &pulled["signatures"]["refused_deletions"]), (&json!(0), &json!(1)), "{pulled}");
    server.sql(
        "UPDATE tombstones SET machine = NULL, signed_at = NULL, signature = NULL, change = nextval('claude_memory_changes')",
    );
    let pulled = pull(&homes[1], &server);
    assert_eq!((&pulled["gone"], &pulled["gone_by"]["unsigned"]), (&json!(1), &json!(1)), "{pulled}");
    // The author's own copy is deleted by it too, and the author sees by whom.
    assert_eq!(pull(&homes[0], &server)["gone_by"]["unsigned"], json!(1));
}

/// A machine that signs its own deletions replaces a tombstone that somebody else put there.
#[test]
fn a_signed_deletion_replaces_a_forged_one() {
    let Some(server) = Postgres::start() else { return };
    let (home, other) = (TestHome::new(), TestHome::new());
    import_session(&home);
    let _ = push(&home, &server);
    assert_eq!(pull(&other, &server)["new"], json!(2));
    trust(&other, &home);
    let id = search(&home, "gateway 7443")[0]["id"].as_str().unwrap().to_owned();
    server.sql(&format!(
        "INSERT INTO tombstones (message_id, at, reason, change, machine, signed_at, signature)
         SELECT '{id}', now(), 'gone', nextval('claude_memory_changes'), key, 1, decode(repeat('00', 64), 'hex') FROM machines"
    ));
    assert_eq!(home.run(&["forget", &id, "--yes"]).code, 0);
    let _ = push(&home, &server);
    assert_eq!(pull(&other, &server)["gone_by"]["trusted"], json!(1));
    // It goes round once: nothing is left to send.
    let _ = push(&other, &server);
    assert_eq!((pull(&home, &server)["gone"].clone(), push(&home, &server)["gone"].clone()), (json!(0), json!(0)));
    assert_eq!(pull(&other, &server)["gone"], json!(0));
}

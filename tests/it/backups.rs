//! A backup is whole or it is none; putting one back loses nothing.

use serde_json::Value;

use crate::client::Client;
use crate::home::{TestHome, user};

fn home_with_history() -> TestHome {
    let home = TestHome::new();
    let _ = home.import_samples();
    let _ = home.json(&["embed", "--threads", "1"]);
    home.write("memory/config.toml", "[search]\nlimit = 7\n");
    home
}

fn newest(home: &TestHome) -> std::path::PathBuf {
    let listed = home.json(&["backup", "list"]);
    listed["backups"][0]["path"].as_str().unwrap().into()
}

#[test]
fn what_is_backed_up_comes_back() {
    let home = home_with_history();
    let _ = crate::http::Service::start(&home);
    let made = home.json(&["backup", "create"]);
    let counts = &made["manifest"]["counts"];
    assert_eq!((counts["messages"].as_u64(), counts["vectors"].as_u64()), (Some(82), Some(63)), "{made}");
    let names: Vec<&str> =
        made["manifest"]["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["memory.db", "config.toml"], "no token, no key");
    let before = home.json(&["search", "connection pool"])["results"].clone();
    let _ = home.json(&["save", "said after the backup about the connection pool"]);
    assert_ne!(home.json(&["search", "connection pool"])["results"], before);
    // Without --yes nothing happens.
    assert_eq!(home.run(&["restore", "--newest"]).code, 0);
    assert_ne!(home.json(&["search", "connection pool"])["results"], before);
    let token = std::fs::read(home.memory().join("http.token")).unwrap();
    let restored = home.json(&["restore", "--newest", "--yes"]);
    let ids = |results: &Value| results.as_array().unwrap().iter().map(|hit| hit["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&home.json(&["search", "connection pool"])["results"]), ids(&before));
    assert_eq!(home.run(&["init", "--verify"]).code, 0);
    assert_eq!(std::fs::read(home.memory().join("http.token")).unwrap(), token, "tokens stay");
    assert_eq!(home.json(&["backup", "list"])["backups"].as_array().map(Vec::len), Some(1), "backups stay");
    // What was there is kept, and can be opened.
    let kept = restored["before"].as_str().unwrap();
    let found = home.json(&["--home", kept, "search", "said after the backup", "--mode", "exact"]);
    assert_eq!(found["results"].as_array().map(Vec::len), Some(1), "{found}");
    // Into a folder that does not exist yet.
    let elsewhere = home.path().join("elsewhere/memory");
    let file = newest(&home);
    let arguments = ["--home", elsewhere.to_str().unwrap(), "restore", file.to_str().unwrap(), "--yes"];
    assert!(home.json(&arguments)["before"].is_null());
    assert_eq!(home.json(&["--home", elsewhere.to_str().unwrap(), "status"])["messages"].as_u64(), Some(82));
}

#[test]
fn a_damaged_backup_is_none() {
    let home = home_with_history();
    let _ = home.json(&["backup", "create"]);
    let file = newest(&home);
    assert_eq!(home.run(&["backup", "verify", "--deep"]).code, 0);
    let whole = std::fs::read(&file).unwrap();
    let bad = home.path().join("bad.tar.zst");
    let damages = (0..24).map(|number| {
        let mut bytes = whole.clone();
        match number % 4 {
            0 => bytes.truncate(whole.len() * number / 24),
            1 => bytes.extend_from_slice(b"more"),
            _ => bytes[whole.len() * number / 24] ^= 1 << (number % 8),
        }
        bytes
    });
    for (number, bytes) in damages.enumerate() {
        home.write("bad.tar.zst", bytes);
        let verdict = home.run(&["backup", "verify", bad.to_str().unwrap()]);
        assert_eq!(verdict.code, 4, "damage {number}: {}{}", verdict.stdout, verdict.stderr);
        let refused = home.run(&["restore", bad.to_str().unwrap(), "--yes"]);
        assert_eq!(refused.code, 4, "damage {number}: {}{}", refused.stdout, refused.stderr);
    }
    assert_eq!(home.json(&["status"])["messages"].as_u64(), Some(82), "the store is as it was");
    let left = std::fs::read_dir(home.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("before"));
    assert_eq!(left.count(), 0);
    for nonsense in ["", "not an archive at all"] {
        home.write("bad.tar.zst", nonsense);
        home.run(&["restore", bad.to_str().unwrap(), "--yes"]).fails(4, "cannot be used");
    }
    home.run(&["restore", "/no/such/file", "--yes"]).fails(1, "No such file");
}

/// An archive of another maker, with links and paths that lead elsewhere.
#[test]
fn nothing_leads_out_of_the_folder() {
    let home = home_with_history();
    let outside = home.path().join("outside");
    let manifest = |name: &str| {
        serde_json::json!({ "format": 1, "program": "x", "schema": 1000, "created_at": "2026-01-01T00:00:00Z",
            "counts": { "messages": 0, "conversations": 0, "parts": 0, "vectors": 0, "notes": 0 },
            "files": [{ "name": name, "bytes": 3, "sha256": "00" }, { "name": "memory.db", "bytes": 3, "sha256": "00" }] })
        .to_string()
    };
    for name in ["../outside", "/etc/x", "memory.db", "a/../../outside", "redaction.key"] {
        for link in [false, true] {
            let mut archive = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
            let mut header = tar::Header::new_gnu();
            let text = manifest(name);
            header.set_size(text.len() as u64);
            archive.append_data(&mut header, "manifest.json", text.as_bytes()).unwrap();
            let mut header = tar::Header::new_gnu();
            if link {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                archive.append_link(&mut header, "memory.db", &outside).unwrap();
            } else {
                header.set_size(3);
                header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
                header.set_cksum();
                archive.append(&header, &b"abc"[..]).unwrap();
            }
            let bytes = archive.into_inner().unwrap().finish().unwrap();
            let file = home.write("hostile.tar.zst", bytes);
            home.run(&["restore", file.to_str().unwrap(), "--yes"]).fails(4, "cannot be used");
            assert!(!outside.exists(), "{name}");
        }
    }
}

#[test]
fn whoever_uses_the_memory_is_not_robbed_of_it() {
    let home = home_with_history();
    let _ = home.json(&["backup", "create"]);
    let mut client = Client::start(&home, true);
    let saved = client.call("memory_save", serde_json::json!({ "text": "said by a session that goes on" }));
    assert!(saved["isError"] != true, "{saved}");
    home.run(&["restore", "--newest", "--yes"]).fails(3, "another process uses the memory");
    client.finish();
    assert_eq!(home.run(&["restore", "--newest", "--yes"]).code, 0);
}

#[test]
fn backups_of_a_second_are_told_apart_and_old_ones_go() {
    let home = home_with_history();
    for time in ["2026-11-20T08:00:00Z", "2026-11-20T09:00:00Z", "2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z"] {
        let made = home.command().args(["backup", "create"]).env("CLAUDE_MEMORY_TEST_NOW", time).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let listed = home.json(&["backup", "list"]);
    assert_eq!(listed["backups"].as_array().map(Vec::len), Some(3), "of a day before the newest stays: {listed}");
    assert!(listed["backups"][0]["path"].as_str().unwrap().contains("Z-1"), "{listed}");
    let folder = home.path().join("usb");
    std::fs::create_dir(&folder).unwrap();
    let made = home.json(&["backup", "create", "--to", folder.to_str().unwrap()]);
    assert!(made["path"].as_str().unwrap().starts_with(folder.to_str().unwrap()));
    let named = folder.join("mine.tar.zst");
    assert_eq!(home.run(&["backup", "create", "--to", named.to_str().unwrap()]).code, 0);
    home.run(&["backup", "create", "--to", named.to_str().unwrap()]).fails(2, "exists already");
    let output = home.command().args(["backup", "create", "--to", "-"]).output().unwrap();
    home.write("streamed.tar.zst", &output.stdout);
    assert_eq!(home.run(&["backup", "verify", "streamed.tar.zst"]).code, 0);
    let left: Vec<_> =
        std::fs::read_dir(home.memory().join("backups")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "three backups and the lock: {left:?}");
}

/// Backups while a history goes in: each holds everything that was there when it was begun.
#[test]
fn a_backup_under_way_disturbs_nobody() {
    let home = TestHome::new();
    for session in 0..30 {
        let line =
            |n: u32| user(&format!("u{session}-{n}"), &format!("s{session}"), &format!("message {session} {n} 备份"));
        let lines: Vec<String> = (0..100).map(line).collect();
        home.write(&format!("t/s{session}.jsonl"), lines.join("\n") + "\n");
    }
    let _ = home.json(&["save", "the first"]);
    let folder = home.path().join("t").display().to_string();
    let mut import = home
        .command()
        .args(["import", "claude-code", &folder, "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut last = 0;
    for _ in 0..3 {
        let known = home.json(&["status"])["messages"].as_u64().unwrap();
        let made = home.json(&["backup", "create", "--to", home.path().to_str().unwrap()]);
        let held = made["manifest"]["counts"]["messages"].as_u64().unwrap();
        assert!(held >= known && held >= last, "{held} of {known}");
        let path = made["path"].as_str().unwrap();
        assert_eq!(home.run(&["backup", "verify", path, "--deep"]).code, 0);
        last = held;
    }
    assert!(import.wait().unwrap().success());
    assert_eq!(home.json(&["status"])["messages"].as_u64(), Some(3_001));
}

#[test]
fn what_is_forgotten_leaves_the_backups() {
    let home = home_with_history();
    let word = "zanzibarquokka";
    let saved = home.json(&["save", &format!("the password of {word} rotates on Tuesdays, says Quentin the gardener")]);
    let id = saved["id"].as_str().unwrap();
    let _ = home.json(&["backup", "create"]);
    let path = newest(&home);
    let receipt = home.json(&["forget", "545308f1-0771-4ddd-a91a-88de4ebeda3a", "--yes"]);
    assert_eq!(receipt["backups"][0].as_str(), path.to_str(), "a backup that may hold it is named: {receipt}");
    let receipt = home.json(&["forget", id, "--yes", "--rewrite-backups"]);
    assert_eq!(receipt["rewritten_backups"][0].as_str(), path.to_str(), "{receipt}");
    assert_eq!(home.run(&["backup", "verify", "--deep"]).code, 0);
    let into = home.path().join("into").display().to_string();
    let restored = home.json(&["--home", &into, "restore", path.to_str().unwrap(), "--yes"]);
    assert_eq!(restored["restored"]["counts"]["messages"].as_u64(), Some(72), "both deletions: {restored}");
    let found = home.json(&["--home", &into, "search", word, "--mode", "exact"]);
    assert_eq!(found["results"].as_array().map(Vec::len), Some(0), "{found}");
}

/// With the real age, which makes the key and opens what was made.
#[test]
#[cfg(feature = "encrypted-backups")]
fn an_encrypted_backup_is_for_its_owner_only() {
    let home = TestHome::new();
    let keygen = std::process::Command::new("age-keygen").arg("-o").arg(home.path().join("key.txt")).output();
    let Ok(keygen) = keygen else { return crate::home::skip("age", "apt-get install age") };
    assert!(keygen.status.success());
    let text = std::fs::read_to_string(home.path().join("key.txt")).unwrap();
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let _ = home.import_samples();
    // Whoever makes it need not be able to read it.
    home.write("memory/config.toml", format!("[backup]\nrecipients = [\"{recipient}\"]\n"));
    let made = home.json(&["backup", "create"]);
    let path = made["path"].as_str().unwrap().to_owned();
    assert!(path.ends_with(".tar.zst.age"), "{path}");
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1"));
    assert!(home.run(&["backup", "list"]).stdout.contains("is encrypted"));
    home.run(&["backup", "verify"]).fails(2, "--identity");
    home.run(&["restore", "--newest", "--yes"]).fails(2, "--identity");
    let opened =
        std::process::Command::new("age").arg("-d").arg("-i").arg(home.path().join("key.txt")).arg(&path).output();
    assert!(opened.unwrap().stdout.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]), "zstd, when age has opened it");
    // With the key all goes as it always does.
    let key = home.path().join("key.txt").display().to_string();
    assert_eq!(home.run(&["backup", "verify", "--identity", &key]).code, 0);
    let hit = home.json(&["search", "pool", "--mode", "keyword"])["results"][0]["id"].as_str().unwrap().to_owned();
    home.run(&["forget", &hit, "--yes", "--rewrite-backups"]).fails(1, "encrypted");
    home.write("memory/config.toml", format!("[backup]\nrecipients = [\"{recipient}\"]\nidentity_file = \"{key}\"\n"));
    let hit = home.json(&["search", "pool", "--mode", "keyword"])["results"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(home.run(&["forget", &hit, "--yes", "--rewrite-backups"]).code, 0);
    assert!(std::fs::read(&path).unwrap().starts_with(b"age-encryption.org/v1"), "as it was");
    assert_eq!(home.run(&["restore", "--newest", "--yes"]).code, 0);
    home.run(&["show", &hit]).fails(1, "there is no");
    // Another's key opens nothing.
    let other = home.path().join("other.txt");
    assert!(std::process::Command::new("age-keygen").arg("-o").arg(&other).output().unwrap().status.success());
    home.run(&["backup", "verify", "--identity", other.to_str().unwrap()]).fails(4, "cannot be used");
    home.write("memory/config.toml", "[backup]\nrecipients = [\"nobody\"]\n");
    home.run(&["backup", "create"]).fails(2, "not an age recipient");
}

//! The long-running process: follows transcripts, tells systemd how it is, reads its configuration again, has alerts of its own.
#![cfg(unix)]

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use crate::home::{TestHome, samples};
use crate::http::{Service, save};

/// Waits until something is so.
#[track_caller]
pub(crate) fn wait(what: &str, mut so: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(90), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
    begun.elapsed()
}

/// A home whose clock goes, with quick looks.
pub(crate) fn command(home: &TestHome) -> std::process::Command {
    let mut command = home.command();
    command.env_remove("CLAUDE_MEMORY_TEST_NOW").env("CLAUDE_MEMORY_SERVE_WATCH_SECONDS", "1");
    command
}

fn found(home: &TestHome, words: &str) -> usize {
    home.json(&["search", words, "--mode", "exact"])["results"].as_array().unwrap().len()
}

#[test]
fn what_is_said_is_found_without_anybody_importing() {
    let home = TestHome::new();
    let line = |text: &str, id: &str| crate::home::user(id, "11111111-1111-4111-8111-111111111111", text) + "\n";
    let file =
        home.write(".claude/projects/p/11111111-1111-4111-8111-111111111111.jsonl", line("before it began", "u1"));
    let service = Service::start(&home);
    wait("what was there", || found(&home, "before it began") == 1);
    let mut grown = std::fs::File::options().append(true).open(&file).unwrap();
    std::io::Write::write_all(&mut grown, line("while it runs 运行时", "u2").as_bytes()).unwrap();
    wait("a new line", || found(&home, "while it runs 运行时") == 1);
    home.write(".claude/projects/new/deep/22222222-2222-4222-8222-222222222222.jsonl", line("another session", "u3"));
    wait("a new file in a new folder", || found(&home, "another session") == 1);
    drop(service);
}

#[test]
fn systemd_is_told_what_happens() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let socket = UnixDatagram::bind(home.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let next = || {
        let mut text = [0; 4096];
        // Another thread's child may end at this moment, which is no answer.
        let length = loop {
            match socket.recv(&mut text) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                received => break received.unwrap(),
            }
        };
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    let until = |word: &str| while !next().contains(word) {};
    let mut command = command(&home);
    command.env("NOTIFY_SOCKET", home.path().join("notify")).env("WATCHDOG_USEC", "900000");
    let service = Service::of(command);
    until("READY=1");
    until("WATCHDOG=1");
    service.signal("HUP");
    until("RELOADING=1");
    until("READY=1");
    // A writer that waits for another process is alive.
    let other = home.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    until("WATCHDOG=1");
    other.execute_batch("ROLLBACK").unwrap();
    until("WATCHDOG=1");
    service.signal("TERM");
    until("STOPPING=1");
    assert_eq!(service.wait(), Some(0));
}

#[test]
fn it_is_not_ready_without_a_store() {
    let home = TestHome::new();
    home.write(
        "memory/memory.db",
        "no database at all, but long enough that SQLite looks at it, as it does at any file",
    );
    let socket = UnixDatagram::bind(home.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut command = command(&home);
    command.env("NOTIFY_SOCKET", home.path().join("notify"));
    let _service = Service::of(command);
    let mut text = [0; 4096];
    for _ in 0..2 {
        let length = socket.recv(&mut text).unwrap();
        let text = String::from_utf8_lossy(&text[..length]);
        assert!(text.starts_with("STATUS=cannot open the store"), "{text}");
    }
}

#[test]
fn a_configuration_is_read_again_and_a_wrong_one_changes_nothing() {
    let home = TestHome::new();
    let told = home.path().join("told");
    let config = |more: &str| {
        let tell = format!("[alerts]\nwarning = [\"sh\", \"-c\", \"cat >> '{}'\"]\n", told.display());
        home.write("memory/config.toml", format!("{tell}{more}"));
    };
    config("[log]\nfilter = \"error\"\n");
    let service = Service::of(command(&home));
    assert_eq!(service.post(&save("to have a store")).0, 200);
    let log = || std::fs::read_to_string(home.memory().join("logs/alerts.log")).unwrap_or_default();
    config("[search\n");
    service.signal("HUP");
    // No Prometheus is here: the service itself sees it, writes it down, and tells whom it shall.
    wait("its own alert", || {
        log().contains("\"firing\",\"severity\":\"warning\",\"alertname\":\"ClaudeMemoryConfigInvalid\"")
    });
    wait("the program", || std::fs::read_to_string(&told).is_ok_and(|text| text.contains("ClaudeMemoryConfigInvalid")));
    let (status, page) = service.request("GET /metrics", &service.good(&format!("Bearer {}", service.token)), b"");
    assert!(status == 200 && page.contains("claude_memory_config_ok 0"), "{page}");
    config("[log]\nfilter = \"info\"\n");
    // Everybody who asks is told meanwhile.
    let asked = home.run(&["alerts", "list"]);
    assert!(asked.code == 1 && asked.stdout.contains("ClaudeMemoryConfigInvalid"), "{}", asked.stdout);
    let new = "another-token-that-is-long-enough-to-be-one";
    std::fs::write(home.memory().join("http.token"), new).unwrap();
    service.signal("HUP");
    wait("its end", || {
        log().contains("\"resolved\",\"severity\":\"warning\",\"alertname\":\"ClaudeMemoryConfigInvalid\"")
    });
    assert_eq!(service.post(&save("with the old token")).0, 401);
    let bearer = format!("Bearer {new}");
    assert_eq!(service.request("POST /mcp", &service.good(&bearer), &save("with the new one")).0, 200);
    let service_log = home.memory().join("logs/monitoring_mcp.log");
    let text = std::fs::read_to_string(&service_log).unwrap();
    assert!(text.contains("configuration reloaded") && !text.contains("started"), "the filter is another: {text}");
    assert!(!text.contains("with the new one") && !text.contains(new), "nothing of what is said is logged: {text}");
}

/// What is said of a kind of work.
fn job(home: &TestHome, name: &str) -> serde_json::Value {
    let listed = home.json(&["schedule", "list"]);
    let jobs = listed["jobs"].as_array().unwrap();
    jobs.iter().find(|job| job["name"] == name).unwrap().clone()
}

#[test]
fn a_backup_that_fails_is_an_alert_and_stays_due() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let in_the_way = home.write("memory/backups", "a file where the folder of backups belongs");
    let service = Service::of(command(&home));
    let is_open = || home.run(&["alerts", "list"]).stdout.contains("ClaudeMemoryBackupFailed");
    wait("it is told", is_open);
    let failed = job(&home, "backup");
    assert!(failed["ok"] == false && failed["next"] == failed["last"], "due at once: {failed}");
    let page = || service.request("GET /metrics", &service.good(&format!("Bearer {}", service.token)), b"").1;
    assert!(page().contains("claude_memory_backup_ok 0"), "{}", page());
    std::fs::remove_file(in_the_way).unwrap();
    // By whatever hand it is made.
    let _ = home.json(&["backup", "create"]);
    wait("its end is told", || !is_open());
    assert_eq!(job(&home, "backup")["ok"], true);
}

#[test]
fn what_is_due_is_done() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let listed = home.json(&["schedule", "list"]);
    assert!(listed["jobs"].as_array().unwrap().iter().all(|job| job["last"].is_null()), "{listed}");
    let service = Service::of(command(&home));
    let last = |name: &str| job(&home, name);
    wait("the last of them", || last("integrity")["ok"] == true);
    for name in ["sample", "canary", "backup"] {
        assert_eq!(last(name)["ok"], true, "{name}");
    }
    assert!(last("maintenance")["last"].is_null(), "a month after the first day");
    let (_, page) = service.request("GET /metrics", &service.good(&format!("Bearer {}", service.token)), b"");
    for line in
        ["claude_memory_integrity_ok 1", "claude_memory_canary_ok 1", "claude_memory_backup_last_success_timestamp"]
    {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert!(samples().is_dir());
}

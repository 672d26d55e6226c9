//! The memory in a real PostgreSQL too: everything once, whatever happens on the way; what is forgotten goes there as well.

use serde_json::{Value, json};

use crate::home::{TestHome, samples, say, user};
use crate::models::own_model;
use crate::postgres::{Postgres, predecessor};

fn push(home: &TestHome, server: &Postgres) -> Value {
    pushed(home, &["--postgres", &server.url()])
}

/// What a push to one place says.
pub(crate) fn pushed(home: &TestHome, to: &[&str]) -> Value {
    home.json(&[&["sync", "push"], to].concat())["targets"][0].clone()
}

/// What a check of one place says.
pub(crate) fn checked(home: &TestHome, to: &[&str]) -> Value {
    let done = home.run(&[&["sync", "check", "--json"], to].concat());
    assert!(done.code < 2, "{}{}", done.stdout, done.stderr);
    serde_json::from_str::<Value>(&done.stdout).unwrap()["targets"][0].clone()
}

fn check(home: &TestHome, server: &Postgres, more: &[&str]) -> Value {
    checked(home, &[&["--postgres", &server.url()], more].concat())
}

fn count(server: &Postgres, table: &str) -> u64 {
    server.sql(&format!("SELECT count(*) FROM {table}")).parse().unwrap()
}

#[test]
fn everything_is_there_once_and_says_the_same() {
    let Some(server) = Postgres::start() else { return };
    let home = TestHome::new();
    let _ = home.import_samples();
    // What PostgreSQL does not keep, and both languages.
    let odd = user("u1", "33333333-3333-4333-8333-333333333333", "a zero \u{0} byte and a \\ 反斜杠");
    let file = home.write("odd/33333333-3333-4333-8333-333333333333.jsonl", odd + "\n");
    assert_eq!(home.run(&["import", "claude-code", file.to_str().unwrap()]).code, 0);
    assert_eq!(home.run(&["save", "we deploy on Tuesdays 每周二部署", "--kind", "decision"]).code, 0);
    let first = push(&home, &server);
    assert_eq!(first["messages"], json!(84), "{first}");
    assert_eq!((count(&server, "messages"), count(&server, "memory_units")), (84, 1));
    assert_eq!(push(&home, &server)["messages"], json!(0), "nothing is new");
    let compared = check(&home, &server, &[]);
    assert_eq!(
        (&compared["agrees"], &compared["messages"], &compared["extra"]),
        (&json!(true), &json!(84), &json!(0)),
        "{compared}"
    );
    assert_eq!(
        server.sql("SELECT count(*) FROM messages WHERE words @@ '部署'::tsquery"),
        "1",
        "our own words, also Chinese ones"
    );
    let status = home.json(&["sync", "status"]);
    assert_eq!(
        (&status["targets"][0]["waiting_messages"], &status["targets"][0]["up"]),
        (&json!(0), &json!(true)),
        "{status}"
    );
    // What happens to it over there is found and mended.
    server.sql("UPDATE message_parts SET text = 'something else' WHERE text LIKE '%反斜杠%'");
    server.sql(
        "DELETE FROM messages WHERE id = (SELECT id FROM messages WHERE content LIKE '%pool%' ORDER BY id LIMIT 1)",
    );
    let differs = check(&home, &server, &[]);
    assert_eq!(
        (differs["different"].as_array().unwrap().len(), differs["missing"].as_array().unwrap().len()),
        (1, 1),
        "{differs}"
    );
    assert_eq!(check(&home, &server, &["--repair"])["repaired"], json!(2));
    assert_eq!(check(&home, &server, &[])["agrees"], json!(true));
}

/// A full or slow server takes nothing half, harms nothing here, and gets the rest when it is well again.
#[test]
fn a_full_or_slow_server_gets_it_later() {
    let Some(server) = Postgres::start() else { return };
    let home = TestHome::new();
    let _ = home.import_samples();
    assert_eq!(push(&home, &server)["messages"], json!(82));
    assert_eq!(home.run(&["save", "we deploy on Tuesdays 每周二部署"]).code, 0);
    // What PostgreSQL says when its disk is full, when the last table of a page is written.
    server.sql(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
         CREATE TRIGGER full_disk BEFORE INSERT ON memory_units EXECUTE FUNCTION full_disk()",
    );
    home.run(&["sync", "push", "--postgres", &server.url()]).fails(3, "No space left");
    assert_eq!((count(&server, "messages"), count(&server, "memory_units")), (82, 0), "nothing half");
    assert_eq!(home.json(&["search", "deploy on Tuesdays"])["results"].as_array().map(Vec::is_empty), Some(false));
    server.sql(
        "DROP TRIGGER full_disk ON memory_units;
         CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN NEW; END $$;
         CREATE TRIGGER slow BEFORE INSERT ON memory_units FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    assert_eq!(push(&home, &server)["messages"], json!(1));
    assert_eq!(check(&home, &server, &[])["agrees"], json!(true));
}

/// A message that the server does not take for what it holds is set aside, and holds up no other.
#[test]
fn a_refused_message_holds_up_no_other() {
    let Some(server) = Postgres::start() else { return };
    let home = TestHome::new();
    let line =
        |id: &str, text: &str| json!({ "session": "s", "id": id, "role": "user", "text": text }).to_string() + "\n";
    let lines = [line("1", "before it 之前"), line("2", "the refused one 被拒绝"), line("3", "after it 之后")].concat();
    let file = home.write("lines.jsonl", lines);
    assert_eq!(home.run(&["import", "jsonl", file.to_str().unwrap(), "--embed"]).code, 0);
    // Its tables are there before a rule of somebody else is.
    let empty = TestHome::new();
    assert_eq!(empty.run(&["init"]).code, 0);
    let _ = push(&empty, &server);
    server.sql("ALTER TABLE message_parts ADD CONSTRAINT no_refusal CHECK (text NOT LIKE '%被拒绝%')");
    let pushed = push(&home, &server);
    assert_eq!((&pushed["messages"], &pushed["parked"]), (&json!(2), &json!(1)), "{pushed}");
    assert_eq!(count(&server, "messages"), 2);
    let row = home.json(&["sync", "status"])["targets"][0].clone();
    assert_eq!((&row["waiting_messages"], &row["parked_total"]), (&json!(0), &json!(1)), "{row}");
    let why = row["parked"][0]["why"].as_str().unwrap();
    assert!(why.contains("no_refusal") && why.contains("23514") && !why.contains("被拒绝"), "{why}");
    let said = home.run(&["sync", "status"]).stdout;
    assert!(said.contains("refused messages, set aside: 1") && said.contains("no_refusal"), "{said}");
    // As long as it is refused it stays aside; when it is taken, nothing is aside any more.
    assert_eq!(check(&home, &server, &["--repair"])["missing"].as_array().unwrap().len(), 1);
    assert_eq!(home.json(&["sync", "status"])["targets"][0]["parked_total"], json!(1));
    server.sql("ALTER TABLE message_parts DROP CONSTRAINT no_refusal");
    assert_eq!(check(&home, &server, &["--repair"])["repaired"], json!(1));
    assert_eq!(home.json(&["sync", "status"])["targets"][0]["parked_total"], json!(0));
    assert_eq!(check(&home, &server, &[])["agrees"], json!(true));
    assert_eq!(count(&server, "embeddings"), 3);
}

#[test]
fn what_is_forgotten_or_hidden_goes_there_too() {
    let Some(server) = Postgres::start() else { return };
    let (home, other) = (TestHome::new(), TestHome::new());
    let _ = home.import_samples();
    let _ = other.import_samples();
    let _ = push(&home, &server);
    let id = home.json(&["search", "pool", "--mode", "keyword"])["results"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(home.run(&["forget", &id, "--yes"]).code, 0);
    let hidden = home.json(&["search", "pool", "--mode", "keyword"])["results"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(home.run(&["quarantine", "add", &hidden]).code, 0);
    assert_eq!(push(&home, &server)["gone"], json!(2));
    assert_eq!((count(&server, "messages"), count(&server, "tombstones")), (80, 1));
    // Another machine that still has them brings neither back.
    let _ = push(&other, &server);
    assert_eq!(server.sql(&format!("SELECT count(*) FROM messages WHERE id = '{id}'")), "0");
    assert_eq!(count(&server, "messages"), 80);
    assert_eq!(home.run(&["quarantine", "release", &hidden]).code, 0);
    let _ = push(&home, &server);
    assert_eq!(check(&home, &server, &[])["agrees"], json!(true));
}

/// Rows are marked as dead by a deletion; vacuuming gives their space to new ones. Names of projects go too.
#[test]
fn a_push_of_a_deletion_asks_the_server_to_vacuum() {
    let Some(server) = Postgres::start() else { return };
    let home = TestHome::new();
    home.write("t/s1.jsonl", user("u1", "session-one", "the only message of its project") + "\n");
    let _ = home.json(&["import", "claude-code", "t"]);
    let _ = push(&home, &server);
    let vacuumed = || server.sql("SELECT sum(vacuum_count) FROM pg_stat_user_tables WHERE relname = 'message_parts'");
    assert_eq!((vacuumed().as_str(), count(&server, "projects")), ("0", 1), "nothing was deleted");
    assert_eq!(home.run(&["forget", "session-one", "--yes"]).code, 0);
    assert_eq!(push(&home, &server)["gone"], json!(1));
    assert_eq!((vacuumed().as_str(), count(&server, "projects")), ("1", 0));
    let _ = push(&home, &server);
    assert_eq!(vacuumed(), "1", "once for each deletion");
}

#[test]
fn a_server_that_is_down_or_another_one_harms_nothing() {
    let Some(server) = Postgres::start() else { return };
    let home = TestHome::new();
    let _ = home.import_samples();
    server.stop();
    home.run(&["sync", "push", "--postgres", &server.url()]).fails(3, "postgres");
    let status = home.json(&["sync", "status"]);
    assert!(status["targets"][0]["trouble"].as_str().unwrap().contains("postgres"), "{status}");
    assert!(!home.json(&["search", "pool"])["results"].as_array().unwrap().is_empty(), "everything else goes on");
    server.resume();
    assert_eq!(push(&home, &server)["messages"], json!(82));
    // The same address, another database: it says so itself.
    server.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public;");
    assert_eq!(push(&home, &server)["messages"], json!(82), "everything anew");
    server.sql("UPDATE claude_memory SET value = '99' WHERE key = 'version'");
    home.run(&["sync", "push", "--postgres", &server.url()]).fails(2, "same version");
    home.run(&["sync", "push"]).fails(2, "--postgres URL or --qdrant URL");
    assert!(samples().is_dir());
}

#[test]
fn the_predecessors_tables_are_gone_on_with() {
    let Some(server) = Postgres::start() else { return };
    server.sql(&predecessor(true));
    server.sql("INSERT INTO conversations (title) VALUES ('theirs'); INSERT INTO messages (conversation_id, message_type, content, timestamp)
                SELECT id, 'human', 'theirs', now() FROM conversations;");
    let home = TestHome::new();
    let _ = home.import_samples();
    assert_eq!(push(&home, &server)["messages"], json!(82));
    assert_eq!(count(&server, "messages"), 83, "theirs stays");
    let compared = check(&home, &server, &[]);
    assert_eq!((&compared["agrees"], &compared["extra"]), (&json!(true), &json!(0)), "{compared}");
}

#[test]
fn a_push_that_is_killed_goes_on() {
    let Some(server) = Postgres::start() else { return };
    let home = TestHome::new();
    let rounds = rounds();
    let killed = kill(&home, rounds, &["--postgres", &server.url()], &mut |_| {});
    say(&format!("{killed} of {rounds} were killed while they sent to PostgreSQL"));
    assert!(killed > rounds / 4, "{killed}");
    let _ = push(&home, &server);
    assert_eq!(count(&server, "messages"), u64::from(rounds) * 200, "0 lost, 0 doubled");
    assert_eq!(check(&home, &server, &[])["agrees"], json!(true));
}

/// Numbers below a bound, always the same ones (Knuth's linear congruential generator).
pub(crate) fn random(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    }
}

/// How often a push is killed: fifty times in CI.
pub(crate) fn rounds() -> u32 {
    if std::env::var_os("CI").is_some() { 50 } else { 8 }
}

/// In each round imports 200 messages and kills a push at a moment that differs; returns how many were killed on their way.
pub(crate) fn kill(home: &TestHome, rounds: u32, to: &[&str], imported: &mut dyn FnMut(&TestHome)) -> u32 {
    let mut killed = 0;
    let mut random = random(11);
    for round in 0..rounds {
        let session = format!("44444444-4444-4444-8444-{round:012}");
        let turn = |turn| user(&format!("u{round}-{turn}"), &session, &format!("round {round} turn {turn} 第{turn}轮"));
        let lines: Vec<String> = (0..200).map(turn).collect();
        let file = home.write(&format!("many/{session}.jsonl"), lines.join("\n") + "\n");
        assert_eq!(home.run(&["import", "claude-code", file.to_str().unwrap()]).code, 0);
        imported(home);
        let mut child = home.command().args(["sync", "push", "--quiet"]).args(to).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20 + random(180)));
        killed += u32::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        let _ = child.wait();
    }
    killed
}

/// What is said while `serve` runs is there without anybody sending it, and the metrics say how far it is.
#[test]
#[cfg(unix)]
fn a_running_service_sends_by_itself() {
    let Some(server) = Postgres::start() else { return };
    let home = TestHome::new();
    let _ = home.import_samples();
    home.allow_variables("[\"sync.postgres\"]");
    let mut command = crate::serving::command(&home);
    command.env("CLAUDE_MEMORY_SYNC_POSTGRES", server.url());
    let service = crate::http::Service::of(command);
    let there = |messages: u64| {
        server.sql("SELECT to_regclass('messages') IS NOT NULL") == "t" && count(&server, "messages") == messages
    };
    let log = home.memory().join("logs/monitoring_mcp.log");
    crate::serving::wait(&format!("what was there: {}", log.display()), || there(82));
    assert_eq!(service.post(&crate::http::save("said while it runs")).0, 200);
    crate::serving::wait("what is new", || there(83));
    let bearer = format!("Bearer {}", service.token);
    crate::serving::wait("the metrics", || {
        let (_, page) = service.request("GET /metrics", &service.good(&bearer), b"");
        page.contains("claude_memory_sync_lag_messages{target=\"postgres\"} 0")
            && page.contains("claude_memory_sync_last_success_timestamp_seconds{target=\"postgres\"}")
    });
}

fn pull(home: &TestHome, server: &Postgres) -> Value {
    home.json(&["sync", "pull", "--postgres", &server.url()])
}

/// Everything that a store holds, as it is sent: ids, texts, notes.
fn everything(home: &TestHome) -> Vec<(String, String)> {
    let database = home.database();
    let sql =
        "SELECT hex(m.uid), group_concat(hex(p.content_hash), ',') FROM messages m JOIN parts p ON p.message_id = m.id
               GROUP BY m.uid ORDER BY m.uid";
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn an_empty_laptop_gets_everything() {
    let Some(server) = Postgres::start() else { return };
    let (home, empty) = (TestHome::new(), TestHome::new());
    let _ = home.import_samples();
    let odd = user("u1", "33333333-3333-4333-8333-333333333333", "a zero \u{0} byte and a \\ 反斜杠");
    let file = home.write("odd/33333333-3333-4333-8333-333333333333.jsonl", odd + "\n");
    assert_eq!(home.run(&["import", "claude-code", file.to_str().unwrap()]).code, 0);
    let saved = home.json(&["save", "we deploy on Tuesdays 每周二部署", "--kind", "decision", "--topic", "deploy"]);
    assert_eq!(
        home.run(&["save", "we deploy on Wednesdays 每周三部署", "--kind", "decision", "--topic", "deploy"]).code,
        0
    );
    let _ = push(&home, &server);
    let got = pull(&empty, &server);
    assert_eq!(got["new"], json!(85), "{got}");
    assert_eq!(everything(&home), everything(&empty));
    for words in ["pool", "每周三部署", "反斜杠"] {
        let found = |home: &TestHome| home.json(&["search", words, "--mode", "keyword"])["results"].clone();
        let (here, there) = (found(&home), found(&empty));
        assert!(!here.as_array().unwrap().is_empty(), "{words}");
        for (one, other) in here.as_array().unwrap().iter().zip(there.as_array().unwrap()) {
            assert_eq!(
                (&one["id"], &one["snippet"], &one["project"]),
                (&other["id"], &other["snippet"], &other["project"])
            );
        }
    }
    // What was replaced there is replaced here.
    assert_eq!(empty.json(&["search", "on Tuesdays", "--mode", "keyword"])["results"], json!([]), "{saved}");
    assert_eq!(pull(&empty, &server)["new"], json!(0));
    // Its own copy says nothing new, and an import of the same transcripts finds everything known.
    let _ = push(&empty, &server);
    assert_eq!(pull(&home, &server)["changed"], json!(0));
    assert_eq!(empty.import_samples()["new"], json!(0));
    assert_eq!(check(&empty, &server, &[])["agrees"], json!(true));
}

#[test]
fn what_is_forgotten_anywhere_is_gone_everywhere() {
    let Some(server) = Postgres::start() else { return };
    let (one, two) = (TestHome::new(), TestHome::new());
    for home in [&one, &two] {
        let _ = home.import_samples();
        let _ = push(home, &server);
    }
    let id = one.json(&["search", "pool", "--mode", "keyword"])["results"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(one.run(&["forget", &id, "--yes"]).code, 0);
    let _ = push(&one, &server);
    assert_eq!(pull(&two, &server)["gone"], json!(1));
    two.run(&["show", &id]).fails(1, "there is no");
    // Neither its own transcript nor another machine brings it back.
    let again = two.json(&["import", "claude-code", samples().to_str().unwrap(), "--rescan"]);
    assert_eq!(again["forgotten"], json!(1), "{again}");
    let third = TestHome::new();
    let _ = third.import_samples();
    let _ = push(&third, &server);
    assert_eq!(pull(&third, &server)["gone"], json!(1));
    assert_eq!(everything(&one), everything(&third));
}

/// Whatever machines do, in whatever order they meet: when each has sent and taken in everything, all hold the same.
#[test]
fn machines_converge() {
    let Some(server) = Postgres::start() else { return };
    let mut random = random(7);
    let homes = [TestHome::new(), TestHome::new(), TestHome::new()];
    // They are one person's, which is said once something of each has come.
    for (number, home) in homes.iter().enumerate() {
        assert_eq!(home.run(&["save", &format!("machine {number} 机器")]).code, 0);
        let _ = push(home, &server);
    }
    for home in &homes {
        let _ = pull(home, &server);
        for other in homes.iter().filter(|other| other.path() != home.path()) {
            crate::provenance::trust(home, other);
        }
    }
    let mut clock = 0;
    for step in 0..60 {
        let home = &homes[usize::try_from(random(3)).unwrap()];
        clock += 1;
        // A clock of its own for each step: who came later is known.
        let now = format!("2026-11-23T10:{:02}:{:02}Z", clock / 60, clock % 60);
        let run = |arguments: &[&str]| {
            let output = home.command().env("CLAUDE_MEMORY_TEST_NOW", &now).args(arguments).output().unwrap();
            crate::home::Ran::new(output)
        };
        match random(6) {
            0 | 1 => assert_eq!(run(&["save", &format!("text {step} 文本")]).code, 0),
            2 => assert_eq!(run(&["save", &format!("about {step}"), "--topic", &format!("t{}", random(3))]).code, 0),
            3 => {
                let found = run(&["search", "text", "--mode", "keyword", "--json"]);
                let found: Value = serde_json::from_str(&found.stdout).unwrap_or_default();
                if let Some(id) = found["results"][0]["id"].as_str() {
                    assert_eq!(run(&["forget", id, "--yes"]).code, 0);
                }
            }
            4 if home.memory().exists() => drop(run(&["sync", "push", "--postgres", &server.url()])),
            _ => drop(run(&["sync", "pull", "--postgres", &server.url()])),
        }
    }
    for _ in 0..2 {
        for home in &homes {
            let _ = push(home, &server);
        }
        for home in &homes {
            let _ = pull(home, &server);
        }
    }
    let all = everything(&homes[0]);
    assert!(all.len() > 5, "{}", all.len());
    assert_eq!(all, everything(&homes[1]));
    assert_eq!(all, everything(&homes[2]));
    let notes = |home: &TestHome| {
        let database = home.database();
        let sql = "SELECT hex(m.uid) || coalesce(hex(s.uid), '') FROM notes n JOIN messages m ON m.id = n.message_id
                   LEFT JOIN messages s ON s.id = n.superseded_by ORDER BY 1";
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.collect::<Result<Vec<_>, _>>().unwrap()
    };
    assert_eq!(notes(&homes[0]), notes(&homes[1]));
    assert_eq!(notes(&homes[0]), notes(&homes[2]));
    for home in &homes {
        assert_eq!(check(home, &server, &[])["agrees"], json!(true));
    }
}

#[test]
fn a_bundle_moves_everything_without_a_server() {
    let (home, other) = (TestHome::new(), TestHome::new());
    let _ = home.import_samples();
    assert_eq!(home.run(&["save", "we deploy on Tuesdays 每周二部署", "--topic", "deploy"]).code, 0);
    assert_eq!(home.run(&["save", "we deploy on Wednesdays 每周三部署", "--topic", "deploy"]).code, 0);
    let id = home.json(&["search", "pool", "--mode", "keyword"])["results"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(home.run(&["forget", &id, "--yes"]).code, 0);
    let file = home.path().join("memory.bundle").display().to_string();
    assert_eq!(home.json(&["sync", "bundle", "export", &file])["messages"], json!(83));
    home.run(&["sync", "bundle", "export", &file]).fails(2, "never overwritten");
    // It adds to what is there, and takes out what was forgotten.
    let _ = other.import_samples();
    assert_eq!(other.run(&["save", "only here 只在这里"]).code, 0);
    let got = other.json(&["sync", "bundle", "import", &file]);
    assert_eq!((&got["new"], &got["gone"], &got["bad"]), (&json!(2), &json!(1), &json!([])), "{got}");
    other.run(&["show", &id]).fails(1, "there is no");
    assert_eq!(other.json(&["sync", "bundle", "import", &file])["new"], json!(0), "again it is nothing new");
    assert_eq!(everything(&other).len(), 84);
    assert_eq!(other.json(&["search", "on Tuesdays", "--mode", "keyword"])["results"], json!([]), "it was replaced");
    // Cut off, or something else.
    let whole = std::fs::read(&file).unwrap();
    let cut = home.write("cut.bundle", &whole[..whole.len() / 2]).display().to_string();
    let empty = TestHome::new();
    empty.run(&["sync", "bundle", "import", &cut]).fails(4, "cannot be read to its end");
    let odd = home.write("odd.bundle", "not one").display().to_string();
    empty.run(&["sync", "bundle", "import", &odd]).fails(4, "cannot be read");
    // A bad line is told, the rest goes in.
    let text = String::from_utf8(zstd::decode_all(whole.as_slice()).unwrap()).unwrap();
    let spoilt = text.replacen("\"role\":\"assistant\"", "\"role\":\"king\"", 1);
    let spoilt = home.write("spoilt.bundle", zstd::encode_all(spoilt.as_bytes(), 1).unwrap()).display().to_string();
    let got = TestHome::new().json(&["sync", "bundle", "import", &spoilt]);
    assert_eq!((&got["new"], got["bad"].as_array().unwrap().len()), (&json!(82), 1), "{got}");
    assert!(got["bad"][0]["why"].as_str().unwrap().contains("king"), "{got}");
}

#[test]
fn vectors_of_another_model_are_sent_though_they_were_made_before_what_was_sent_last() {
    let Some(server) = Postgres::start() else { return };
    let home = TestHome::new();
    let _ = home.import_samples();
    let _ = home.json(&["embed"]);
    let made = home.json(&["model", "list"])["models"][0]["vectors"].clone();
    assert_eq!(push(&home, &server)["vectors"], made);
    let folder = own_model(&home);
    let _ = home.json(&["model", "import", folder.to_str().unwrap()]);
    let _ = home.json(&["reembed", "--model", "own"]);
    // A later vector of the model in use moves the place beyond all of those.
    let _ = home.json(&["save", "said after making ready 之后说的"]);
    let _ = home.json(&["embed"]);
    assert_eq!(push(&home, &server)["vectors"], json!(1));
    let _ = home.json(&["reembed", "--model", "own", "--use"]);
    let all = made.as_u64().unwrap() + 1;
    home.allow_variables("[\"sync.postgres\"]");
    let mut status = home.command();
    status.env("CLAUDE_MEMORY_SYNC_POSTGRES", server.url()).args(["sync", "status", "--json"]);
    let waiting: Value = serde_json::from_slice(&status.output().unwrap().stdout).unwrap();
    assert_eq!(waiting["targets"][0]["waiting_vectors"], json!(all), "{waiting}");
    assert_eq!(push(&home, &server)["vectors"], json!(all));
    assert_eq!(push(&home, &server)["vectors"], json!(0));
    let compared = check(&home, &server, &[]);
    assert_eq!(compared["agrees"], true, "{compared}");
    assert_eq!(count(&server, "embeddings"), 2 * all, "those of the other model stay");
}

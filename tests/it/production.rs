//! PostgreSQL as an operator sets it up: with pgvector and no Qdrant, with roles that may do little, with TLS.

use serde_json::{Value, json};

use crate::home::{Ran, TestHome};
use crate::postgres::Postgres;
use crate::qdrant::{agrees, embedded};
use crate::syncing::pushed;

/// What a command says that finds the database in the environment.
fn asked(home: &TestHome, url: &str, arguments: &[&str]) -> Ran {
    home.allow_variables("[\"sync.postgres\"]");
    let mut command = home.command();
    command.env("CLAUDE_MEMORY_SYNC_POSTGRES", url);
    Ran::new(command.args(arguments).arg("--json").output().unwrap())
}

#[test]
fn pgvector_answers_where_there_is_no_qdrant() {
    let Some(server) = Postgres::with_pgvector() else { return };
    let (home, vectors) = embedded();
    let url = server.url();
    let stranger = TestHome::new();
    let ask = |arguments: &[&str]| asked(&stranger, &url, arguments).json();
    let count = |sql: &str| -> u64 { server.sql(sql).parse().unwrap() };
    // Before the extension is there: words carry the answer, and it says so.
    let _ = pushed(&home, &["--postgres", &url]);
    let degraded = ask(&["search", "pool", "--remote"]);
    assert!(degraded["warnings"].to_string().contains("pgvector"), "{degraded}");
    // What was sent before is filled in, once.
    server.sql("CREATE EXTENSION vector");
    assert_eq!(pushed(&home, &["--postgres", &url])["messages"], json!(0));
    assert_eq!(count("SELECT count(embedding) FROM embeddings"), vectors);
    assert_eq!(count("SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%USING hnsw%'"), 1);
    agrees(&home, &ask);
    let answer = ask(&["search", "why did we change the pool size", "--remote"]);
    assert_eq!((&answer["degraded"], &answer["warnings"]), (&json!(false), &json!([])), "{answer}");
    // What is new comes with its vector, what is forgotten goes with it.
    let saved = home.json(&["save", "we deploy on Tuesdays 每周二部署"]);
    let _ = home.json(&["embed", "--threads", "2"]);
    let _ = pushed(&home, &["--postgres", &url]);
    assert_eq!(count("SELECT count(embedding) FROM embeddings"), vectors + 1);
    let found = ask(&["search", "哪一天部署", "--mode", "semantic", "--remote"]);
    assert_eq!(found["results"][0]["id"], saved["id"], "{found}");
    assert_eq!(home.run(&["forget", saved["id"].as_str().unwrap(), "--yes"]).code, 0);
    let _ = pushed(&home, &["--postgres", &url]);
    assert_eq!(count("SELECT count(embedding) FROM embeddings"), vectors);
}

#[test]
fn a_program_that_is_too_old_for_the_tables_is_told_to_update() {
    let Some(server) = Postgres::start() else { return };
    let home = TestHome::new();
    let url = server.url();
    let _ = home.json(&["save", "the tables have steps 表有版本"]);
    let _ = pushed(&home, &["--postgres", &url]);
    let numbers =
        "SELECT string_agg(key || '=' || value, ' ' ORDER BY key) FROM claude_memory WHERE key ~ '^(step|min_)'";
    assert_eq!(server.sql(numbers), "min_reader=1 min_writer=1 step=3");
    let raise = |key: &str| server.sql(&format!("UPDATE claude_memory SET value = '9' WHERE key = '{key}'"));
    raise("min_writer");
    let _ = home.json(&["save", "one more"]);
    home.run(&["sync", "push", "--postgres", &url]).fails(2, "must know step 9");
    assert_eq!(asked(&home, &url, &["search", "steps", "--remote"]).code, 0, "reading goes on");
    raise("min_reader");
    asked(&home, &url, &["search", "steps", "--remote"]).fails(2, "update claude-memory");
    assert_eq!(home.json(&["search", "steps"])["results"].as_array().unwrap().len(), 1, "the machine's own memory");
}

#[test]
fn each_role_may_do_what_it_has_to() {
    let Some(server) = Postgres::start() else { return };
    let home = TestHome::new();
    let _ = home.import_samples();
    let script = home.run(&["sync", "roles"]).stdout;
    server.sql(&script);
    server.sql(&script);
    let url = |role: &str| format!("postgresql://{role}@127.0.0.1:{}/claude_memory_db", server.port);
    let (writer, reader) = (url("claude_memory"), url("claude_memory_reader"));
    let sent = pushed(&home, &["--postgres", &writer]);
    assert!(sent["messages"].as_u64().unwrap() > 50, "{sent}");
    let laptop = TestHome::new();
    let taken = asked(&laptop, &writer, &["sync", "pull"]).json();
    assert_eq!(taken["new"], sent["messages"], "{taken}");
    // Who only searches cannot change anything.
    let stranger = TestHome::new();
    let found = asked(&stranger, &reader, &["search", "pool", "--mode", "keyword", "--remote"]).json();
    assert!(!found["results"].as_array().unwrap().is_empty(), "{found}");
    let _ = stranger.import_samples();
    asked(&stranger, &reader, &["sync", "push"]).fails(3, "permission denied");
    let other = format!("postgresql://claude_memory@127.0.0.1:{}/postgres", server.port);
    asked(&stranger, &other, &["sync", "push"]).fails(3, "permission denied");
}

#[test]
fn a_certificate_is_verified() {
    let Some((server, authority)) = Postgres::with_tls() else { return };
    let home = TestHome::new();
    let _ = home.import_samples();
    home.allow_variables("[\"sync.postgres_ca_file\"]");
    let url = format!("{}?sslmode=require", server.url());
    let push = |url: &str, more: &[(&str, &str)]| {
        let mut command = home.command();
        command.args(["sync", "push", "--json", "--postgres", url]).envs(more.iter().copied());
        Ran::new(command.output().unwrap())
    };
    push(&url, &[]).fails(3, "certificate");
    let trusted = ("CLAUDE_MEMORY_SYNC_POSTGRES_CA_FILE", authority.to_str().unwrap());
    // The authority is known, and the certificate is another host's.
    push(&url.replace("127.0.0.1", "localhost"), &[trusted]).fails(3, "certificate");
    let sent: Value = push(&url, &[trusted]).json();
    assert!(sent["targets"][0]["messages"].as_u64().unwrap() > 50, "{sent}");
    assert_eq!(server.sql("SELECT count(*) FROM messages"), sent["targets"][0]["messages"].to_string());
    // A server that cannot is told from one that can.
    let Some(plain) = Postgres::start() else { return };
    push(&format!("{}?sslmode=require", plain.url()), &[trusted]).fails(3, "TLS");
}

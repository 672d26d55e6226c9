//! The vectors in Qdrant too, over its REST interface. The server is the official engine behind the official models of requests and
//! answers, or the real one whose address is in CLAUDE_MEMORY_TEST_QDRANT; its collections of ours are removed then.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::home::{TestHome, say, skip};
use crate::postgres::Postgres;

const HOW: &str = "run `.ci/real` to install its engine below .real/, or set CLAUDE_MEMORY_TEST_QDRANT";
/// A real server is used by one test at a time.
static ONE: Mutex<()> = Mutex::new(());

/// A server for a test.
pub(crate) struct Qdrant {
    folder: TempDir,
    port: u16,
    process: Mutex<Option<Child>>,
    address: String,
    _alone: Option<MutexGuard<'static, ()>>,
}

impl Qdrant {
    /// A new one; `None`, and that is said, where there is none to start.
    pub(crate) fn start() -> Option<Self> {
        if !cfg!(feature = "production") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        if let Ok(address) = std::env::var("CLAUDE_MEMORY_TEST_QDRANT") {
            let alone = Some(ONE.lock().unwrap_or_else(PoisonError::into_inner));
            let server = Self { folder, port: 0, process: Mutex::default(), address, _alone: alone };
            server.wipe();
            return Some(server);
        }
        if !python().exists() {
            skip("Qdrant", HOW);
            return None;
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("http://127.0.0.1:{port}");
        let server = Self { folder, port, process: Mutex::default(), address, _alone: None };
        server.resume();
        Some(server)
    }

    /// One that speaks TLS, with a certificate for 127.0.0.1; returns the certificate of its authority too.
    fn with_tls() -> Option<(Self, PathBuf)> {
        if !cfg!(feature = "production") {
            return None;
        }
        if !python().exists() {
            skip("Qdrant", HOW);
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        crate::postgres::make_certificates(folder.path());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("https://127.0.0.1:{port}");
        let authority = folder.path().join("ca.crt");
        let server = Self { folder, port, process: Mutex::default(), address, _alone: None };
        server.resume();
        Some((server, authority))
    }

    pub(crate) fn url(&self) -> String {
        self.address.clone()
    }

    /// Whether it can be stopped: a real one cannot.
    fn is_ours(&self) -> bool {
        self.port != 0
    }

    /// Starts it again, with what it kept.
    fn resume(&self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/qdrant/server.py");
        let mut command = Command::new(python());
        command.arg(script).arg(self.folder.path()).arg(self.port.to_string());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let talk = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(talk), &mut line).unwrap();
        assert_eq!(line, "ready\n");
        *self.process.lock().unwrap() = Some(child);
    }

    /// Kills it.
    fn stop(&self) {
        if let Some(mut child) = self.process.lock().unwrap().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends it a request and returns the result.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}/collections{path}", self.address));
        let request = request.header("content-type", "application/json").body(body.to_string()).unwrap();
        let mut answer = ureq::Agent::new_with_defaults().run(request).unwrap();
        let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        answer["result"].clone()
    }

    /// Names of the collections of models.
    fn collections(&self) -> Vec<String> {
        let found = self.ask("GET", "", &json!({}))["collections"].as_array().unwrap().clone();
        let names = found.iter().map(|one| one["name"].as_str().unwrap().to_owned());
        names.filter(|name| name.starts_with("claude-memory-")).collect()
    }

    /// Points of all collections of models.
    fn points(&self) -> u64 {
        let count = |name: String| self.ask("POST", &format!("/{name}/points/count"), &json!({ "exact": true }));
        self.collections().into_iter().map(|name| count(name)["count"].as_u64().unwrap()).sum()
    }

    fn delete(&self, name: &str) {
        let _ = self.ask("DELETE", &format!("/{name}"), &json!({}));
    }

    fn wipe(&self) {
        self.collections().into_iter().chain(["claude-memory".to_owned()]).for_each(|name| self.delete(&name));
    }
}

impl Drop for Qdrant {
    fn drop(&mut self) {
        self.stop();
    }
}

fn python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".real/qdrant/bin/python")
}

/// A home with the sample conversations and their vectors; returns how many there are.
pub(crate) fn embedded() -> (TestHome, u64) {
    let home = TestHome::new();
    let _ = home.import_samples();
    let _ = home.json(&["embed", "--threads", "2"]);
    let vectors: u64 = home.database().query_row("SELECT count(*) FROM embeddings", [], |row| row.get(0)).unwrap();
    assert!(vectors > 50, "{vectors}");
    (home, vectors)
}

fn push(home: &TestHome, server: &Qdrant) -> Value {
    crate::syncing::pushed(home, &["--qdrant", &server.url()])
}

fn check(home: &TestHome, server: &Qdrant, more: &[&str]) -> Value {
    crate::syncing::checked(home, &[&["--qdrant", &server.url()], more].concat())
}

#[test]
fn every_vector_is_there_once() {
    let Some(server) = Qdrant::start() else { return };
    let (home, vectors) = embedded();
    assert_eq!(push(&home, &server)["vectors"], json!(vectors));
    assert_eq!(server.points(), vectors);
    assert_eq!(push(&home, &server)["vectors"], json!(0), "nothing is new");
    let compared = check(&home, &server, &[]);
    assert_eq!((&compared["agrees"], &compared["extra"]), (&json!(true), &json!(0)), "{compared}");
    let row = home.json(&["sync", "status"])["targets"][1].clone();
    assert_eq!(
        (&row["name"], &row["waiting_vectors"], &row["up"]),
        (&json!("qdrant"), &json!(0), &json!(true)),
        "{row}"
    );
    // What a search of a team needs stands beside each.
    let name = server.collections().pop().unwrap();
    let page = server.ask("POST", &format!("/{name}/points/scroll"), &json!({ "limit": 1, "with_payload": true }));
    let point = &page["points"][0];
    for field in ["message", "conversation", "project", "session", "source", "role", "at", "part", "ordinal", "text"] {
        assert!(!point["payload"][field].is_null(), "{field}: {point}");
    }
    // What happens to it over there is found and mended.
    let some = json!({ "must": [{ "key": "session", "match": { "value": point["payload"]["session"] } }] });
    let _ = server.ask("POST", &format!("/{name}/points/delete?wait=true"), &json!({ "filter": some }));
    let left = server.points();
    assert!(left < vectors);
    let differs = check(&home, &server, &[]);
    assert!(!differs["missing"].as_array().unwrap().is_empty(), "{differs}");
    let _ = check(&home, &server, &["--repair"]);
    assert_eq!((server.points(), &check(&home, &server, &[])["agrees"]), (vectors, &json!(true)));
}

/// A server is trusted by the authorities of the system, and nothing is sent to another one.
#[test]
fn a_server_with_tls_needs_a_certificate_of_a_trusted_authority() {
    let Some((server, authority)) = Qdrant::with_tls() else { return };
    let (home, vectors) = embedded();
    let push = |authorities: &Path| {
        let mut command = home.command();
        command.env("SSL_CERT_FILE", authorities).env_remove("SSL_CERT_DIR");
        command.args(["sync", "push", "--json", "--qdrant", &server.url()]);
        crate::home::Ran::new(command.output().unwrap())
    };
    push(Path::new("/etc/ssl/certs/ca-certificates.crt")).fails(3, "certificate");
    assert_eq!(push(&authority).json()["targets"][0]["vectors"], json!(vectors));
}

#[test]
fn what_is_forgotten_or_hidden_has_no_vector_there() {
    let Some(server) = Qdrant::start() else { return };
    let ((home, vectors), (other, _)) = (embedded(), embedded());
    let _ = push(&home, &server);
    let first = || home.json(&["search", "pool", "--mode", "keyword"])["results"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(home.run(&["forget", &first(), "--yes"]).code, 0);
    let hidden = first();
    assert_eq!(home.run(&["quarantine", "add", &hidden]).code, 0);
    assert_eq!(push(&home, &server)["gone"], json!(2));
    let left = server.points();
    assert!(left <= vectors - 2, "{left}");
    assert_eq!(check(&home, &server, &[])["agrees"], json!(true));
    // Another machine brings back what is only hidden here, and not what was forgotten.
    let _ = push(&other, &server);
    let both = server.points();
    assert!(both > left && both < vectors, "{both}");
    let compared = check(&home, &server, &[]);
    assert_eq!(compared["undead"].as_array().unwrap().len(), 1, "what is hidden here: {compared}");
    assert_eq!(home.run(&["quarantine", "release", &hidden]).code, 0);
    let _ = home.json(&["embed", "--threads", "2"]);
    let _ = push(&home, &server);
    assert_eq!((server.points(), &check(&home, &server, &[])["agrees"]), (both, &json!(true)));
}

#[test]
fn a_text_that_changes_leaves_no_old_vector() {
    let Some(server) = Qdrant::start() else { return };
    let home = TestHome::new();
    let long = "the first piece speaks of sharks and of the sea. ".repeat(60);
    assert_eq!(home.run(&["save", &long, "--kind", "fact"]).code, 0);
    assert_eq!(home.run(&["save", "beside it 旁边", "--kind", "fact"]).code, 0);
    let _ = home.json(&["embed", "--threads", "1"]);
    let _ = push(&home, &server);
    let before = server.points();
    assert!(before > 2, "{before}");
    let id = home.json(&["search", "sharks"])["results"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(home.run(&["forget", &id, "--yes"]).code, 0);
    let _ = push(&home, &server);
    assert_eq!((server.points(), &check(&home, &server, &[])["agrees"]), (1, &json!(true)));
}

#[test]
fn a_server_that_is_down_another_one_or_of_another_size_harms_nothing() {
    let Some(server) = Qdrant::start() else { return };
    let (home, vectors) = embedded();
    if server.is_ours() {
        server.stop();
        home.run(&["sync", "push", "--qdrant", &server.url()]).fails(3, "qdrant");
        let row = home.json(&["sync", "status"])["targets"][1].clone();
        assert_eq!(row["up"], json!(false), "{row}");
        assert!(row["trouble"].as_str().unwrap().contains("qdrant"), "{row}");
        assert!(!home.json(&["search", "pool"])["results"].as_array().unwrap().is_empty(), "everything else goes on");
        server.resume();
    }
    assert_eq!(push(&home, &server)["vectors"], json!(vectors));
    // The collection is lost: everything anew.
    let name = server.collections().pop().unwrap();
    server.delete(&name);
    assert_eq!((&push(&home, &server)["vectors"], server.points()), (&json!(vectors), vectors));
    // Somebody made one for other vectors.
    server.delete(&name);
    let odd = json!({ "vectors": { "size": 7, "distance": "Cosine" } });
    assert_eq!(server.ask("PUT", &format!("/{name}"), &odd), json!(true));
    home.run(&["sync", "push", "--qdrant", &server.url()]).fails(2, "dimensions");
    let row = home.json(&["sync", "status"])["targets"][1].clone();
    assert!(row["trouble"].as_str().unwrap().contains("dimensions"), "{row}");
    // One place that fails keeps nothing from another.
    let Some(database) = Postgres::start() else { return };
    let to = ["sync", "push", "--postgres", &database.url(), "--qdrant", &server.url()];
    home.run(&to).fails(2, "dimensions");
    assert_eq!(database.sql("SELECT count(*) FROM messages"), "82");
    // Nothing of it is said in the clear to another machine, and a key is no part of an address.
    home.run(&["sync", "push", "--qdrant", "http://qdrant.example.org:6333"]).fails(2, "another machine");
    home.run(&["sync", "push", "--qdrant", "https://key@qdrant.example.org:6333"]).fails(2, "cannot be read");
}

#[test]
fn sending_vectors_that_is_killed_goes_on() {
    let Some(server) = Qdrant::start() else { return };
    let home = TestHome::new();
    let rounds = crate::syncing::rounds();
    let killed = crate::syncing::kill(&home, rounds, &["--qdrant", &server.url()], &mut |home| {
        let _ = home.json(&["embed", "--threads", "2"]);
    });
    say(&format!("{killed} of {rounds} were killed while they sent to Qdrant"));
    assert!(killed > rounds / 4, "{killed}");
    let _ = push(&home, &server);
    let vectors: u64 = home.database().query_row("SELECT count(*) FROM embeddings", [], |row| row.get(0)).unwrap();
    assert_eq!(server.points(), vectors, "0 lost, 0 doubled");
    assert_eq!(check(&home, &server, &[])["agrees"], json!(true));
}

/// What is said while `serve` runs is there without anybody sending it, also after the server was away.
#[test]
#[cfg(unix)]
fn a_running_service_sends_vectors_by_itself() {
    let Some(server) = Qdrant::start() else { return };
    let (home, vectors) = embedded();
    home.allow_variables("[\"sync.qdrant\"]");
    let mut command = crate::serving::command(&home);
    command.env("CLAUDE_MEMORY_SYNC_QDRANT", server.url());
    let service = crate::http::Service::of(command);
    crate::serving::wait("what was there", || !server.collections().is_empty() && server.points() == vectors);
    assert_eq!(service.post(&crate::http::save("said while it runs")).0, 200);
    crate::serving::wait("what is new", || server.points() == vectors + 1);
    let bearer = format!("Bearer {}", service.token);
    crate::serving::wait("the metrics", || {
        let (_, page) = service.request("GET /metrics", &service.good(&bearer), b"");
        page.contains("claude_memory_sync_last_success_timestamp_seconds{target=\"qdrant\"}")
    });
}

/// Both servers, and a home whose settings name them.
fn production() -> Option<(Postgres, Qdrant)> {
    Some((Postgres::start()?, Qdrant::start()?))
}

fn asked(home: &TestHome, (database, vectors): &(Postgres, Qdrant), arguments: &[&str]) -> Value {
    home.allow_variables("[\"sync.postgres\", \"sync.qdrant\"]");
    let mut command = home.command();
    command.env("CLAUDE_MEMORY_SYNC_POSTGRES", database.url()).env("CLAUDE_MEMORY_SYNC_QDRANT", vectors.url());
    crate::home::Ran::new(command.args(arguments).arg("--json").output().unwrap()).json()
}

/// The ids of the hits.
fn ids(answer: &Value) -> Vec<String> {
    let results = answer["results"].as_array().unwrap();
    results.iter().map(|hit| hit["id"].as_str().unwrap().to_owned()).collect()
}

/// Ten questions find the same elsewhere as here.
pub(crate) fn agrees(home: &TestHome, there: &dyn Fn(&[&str]) -> Value) {
    let questions = [
        "why did we change the pool size",
        "数据库连接池为什么要调整",
        "what did we decide about deployment 部署",
        "nightly build time out",
        "the error that came back",
        "pool \"connection pool\"",
    ];
    let (mut same, mut all) = (0, 0);
    let ways = [
        &[][..],
        &["--mode", "keyword"],
        &["--mode", "semantic"],
        &["--role", "user"],
        &["--mode", "exact"],
        &["-p", "orders"],
    ];
    for (number, question) in questions.iter().enumerate() {
        // Every question in two ways, every way with two questions.
        for more in [ways[0], ways[number]] {
            let arguments = [&["search", question], more].concat();
            let here = ids(&home.json(&arguments));
            let there = ids(&there(&[&arguments[..], &["--remote"]].concat()));
            same += here.iter().filter(|id| there.contains(id)).count();
            all += here.len();
            assert_eq!(here.first(), there.first(), "{arguments:?}");
        }
    }
    assert!(all > 40 && same * 100 >= all * 95, "{same} of {all}");
}

/// What is found elsewhere is what would be found here, in the same order, for whoever asks.
#[test]
fn production_answers_as_the_local_store_does() {
    let Some(servers) = production() else { return };
    let (home, _) = embedded();
    let pushed = asked(&home, &servers, &["sync", "push"]);
    assert_eq!(pushed["targets"].as_array().unwrap().len(), 2, "{pushed}");
    let stranger = TestHome::new();
    agrees(&home, &|arguments| asked(&stranger, &servers, arguments));
    assert_eq!(home.run(&["save", "we deploy on Tuesdays 每周二部署", "--topic", "deploy"]).code, 0);
    assert_eq!(home.run(&["save", "we deploy on Wednesdays 每周三部署", "--topic", "deploy"]).code, 0);
    let _ = home.json(&["embed", "--threads", "2"]);
    let _ = asked(&home, &servers, &["sync", "push"]);
    let tuesdays = asked(&stranger, &servers, &["search", "on Tuesdays", "--mode", "keyword", "--remote"]);
    assert_eq!(tuesdays["results"], json!([]), "it was replaced");
    // What was found can be read by who has nothing of it, and nothing of it stays with him.
    let left = stranger.memory().join("fetched/left-by-a-killed-search");
    std::fs::create_dir_all(&left).unwrap();
    let hit = asked(&stranger, &servers, &["search", "pool", "--remote"]);
    assert!(!left.exists(), "what a killed search left goes with the next one");
    let id = hit["results"][0]["id"].as_str().unwrap();
    let read = asked(&stranger, &servers, &["show", id, "--remote"]);
    assert!(read["conversations"][0]["messages"].as_array().unwrap().len() > 1, "{read}");
    assert_eq!(std::fs::read_dir(stranger.memory().join("fetched")).unwrap().count(), 0);
    let kept: u64 = stranger.database().query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0);
    // Without Qdrant words carry the answer, and it says so.
    if servers.1.is_ours() {
        servers.1.stop();
        let degraded = asked(&stranger, &servers, &["search", "pool", "--remote"]);
        assert!(!ids(&degraded).is_empty() && degraded["warnings"].to_string().contains("qdrant"), "{degraded}");
    }
    servers.0.stop();
    let mut command = stranger.command();
    command.env("CLAUDE_MEMORY_SYNC_POSTGRES", servers.0.url()).args(["search", "pool", "--remote"]);
    crate::home::Ran::new(command.output().unwrap()).fails(3, "postgres");
    stranger.run(&["search", "pool", "--remote"]).fails(2, "sync.postgres");
}

/// An empty laptop gets vectors with the texts: nothing has to be made again.
#[test]
fn vectors_are_pulled_with_their_texts() {
    let Some(database) = Postgres::start() else { return };
    let (home, vectors) = embedded();
    let _ = home.json(&["sync", "push", "--postgres", &database.url()]);
    let empty = TestHome::new();
    let pulled = empty.json(&["sync", "pull", "--postgres", &database.url()]);
    assert_eq!(pulled["vectors"], json!(vectors), "{pulled}");
    assert_eq!(empty.json(&["embed"])["vectors"], json!(0));
    let question = ["search", "why did we change the pool size"];
    assert_eq!(home.json(&question)["results"][0]["id"], empty.json(&question)["results"][0]["id"]);
}

/// A service can answer a team's searches from production, over MCP.
#[test]
#[cfg(unix)]
fn a_service_answers_from_production() {
    let Some(servers) = production() else { return };
    let (home, _) = embedded();
    let _ = asked(&home, &servers, &["sync", "push"]);
    let stranger = TestHome::new();
    stranger.allow_variables("[\"sync.postgres\", \"sync.qdrant\"]");
    let mut command = crate::serving::command(&stranger);
    command.args(["--home"]).arg(stranger.memory());
    command.env("CLAUDE_MEMORY_SYNC_POSTGRES", servers.0.url()).env("CLAUDE_MEMORY_SYNC_QDRANT", servers.1.url());
    command.env("CLAUDE_MEMORY_SERVE_BACKEND", "production").env("CLAUDE_MEMORY_MCP_STRUCTURED", "true");
    let service = crate::http::Service::of(command);
    let call = |tool: &str, arguments: Value| -> Value {
        let (status, answer) = service.call(tool, &arguments);
        assert_eq!(status, 200, "{answer}");
        let answer = answer
            .lines()
            .find_map(|line| line.strip_prefix("data: {"))
            .map_or(answer.clone(), |data| format!("{{{data}"));
        serde_json::from_str::<Value>(&answer).unwrap()["result"]["structuredContent"].clone()
    };
    let found = call("memory_search", json!({ "query": "数据库连接池为什么要调整" }));
    let here = home.json(&["search", "数据库连接池为什么要调整"]);
    assert_eq!(found["results"][0]["id"], here["results"][0]["id"], "{found}");
    let read = call("memory_get", json!({ "ids": [found["results"][0]["id"]] }));
    assert!(read["conversations"][0]["messages"].as_array().unwrap().len() > 1, "{read}");
    let narrow = call("memory_search", json!({ "query": "pool", "project": "orders" }));
    let projects: Vec<&Value> = narrow["results"].as_array().unwrap().iter().map(|hit| &hit["project"]).collect();
    assert!(!projects.is_empty() && projects.iter().all(|project| *project == "orders"), "{narrow}");
}

//! MCP over Streamable HTTP: who may come in, both eras, limits.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::{Value, json};

use crate::home::TestHome;

/// A running server.
pub(crate) struct Service {
    child: Child,
    /// What it says; closed, it could say nothing more.
    talk: BufReader<ChildStderr>,
    pub(crate) address: String,
    /// Where alerts go.
    pub(crate) webhook: String,
    pub(crate) token: String,
}

impl Service {
    pub(crate) fn start(home: &TestHome) -> Self {
        Self::of(home.command())
    }

    /// With an environment of the test's own.
    pub(crate) fn of(mut command: Command) -> Self {
        command.args(["serve", "--http", "127.0.0.1:0", "--webhook", "127.0.0.1:0"]);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut talk = BufReader::new(child.stderr.take().unwrap());
        let mut next = || {
            let mut line = String::new();
            talk.read_line(&mut line).unwrap();
            let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
            address.unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let (address, webhook) = (next(), next());
        let token = command.get_envs().find(|(name, _)| *name == "CLAUDE_MEMORY_HOME").unwrap().1.unwrap();
        let token = std::path::Path::new(token).join("http.token");
        let token = std::fs::read_to_string(token).unwrap().trim().to_owned();
        Self { child, talk, address, webhook, token }
    }

    /// One request to the webhook.
    pub(crate) fn alert(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        request(&self.webhook, path, headers, body)
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// Waits for its end; the exit code, `None` after a signal, which is said.
    #[cfg(unix)]
    pub(crate) fn wait(mut self) -> Option<i32> {
        let status = self.child.wait().unwrap();
        if status.code().is_none() {
            let mut rest = String::new();
            let _ = std::io::Read::read_to_string(&mut self.talk, &mut rest);
            crate::home::say(&format!("{status}: {rest}"));
        }
        status.code()
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// One request; the status and the body.
    pub(crate) fn request(&self, head: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        request(&self.address, head, headers, body)
    }

    pub(crate) fn post(&self, body: &[u8]) -> (u16, String) {
        let bearer = format!("Bearer {}", self.token);
        self.request("POST /mcp", &self.good(&bearer), body)
    }

    /// Calls a tool; the status and the body.
    pub(crate) fn call(&self, tool: &str, arguments: &Value) -> (u16, String) {
        let bearer = format!("Bearer {}", self.token);
        self.request("POST /mcp", &calling(&self.address, &bearer, tool), &call(tool, arguments))
    }

    pub(crate) fn good<'a>(&'a self, bearer: &'a str) -> Vec<(&'a str, &'a str)> {
        good(&self.address, bearer)
    }
}

/// Headers of a request that is let in.
pub(crate) fn good<'a>(address: &'a str, bearer: &'a str) -> Vec<(&'a str, &'a str)> {
    calling(address, bearer, "memory_save")
}

/// Headers of a call that is let in.
fn calling<'a>(address: &'a str, bearer: &'a str, tool: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("Host", address),
        ("Authorization", bearer),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", tool),
    ]
}

pub(crate) fn request(address: &str, head: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut text = format!("{head} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    stream.write_all((text + "\r\n").as_bytes()).unwrap();
    // A server that refuses may not read to the end.
    let _ = stream.write_all(body);
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer)
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn save(text: &str) -> Vec<u8> {
    call("memory_save", &json!({ "text": text }))
}

/// A call of a tool.
pub(crate) fn call(tool: &str, arguments: &Value) -> Vec<u8> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {}
    });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool, "arguments": arguments, "_meta": meta } })
    .to_string()
    .into_bytes()
}

#[test]
fn only_who_brings_the_token_from_the_right_place_comes_in() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let (status, answer) = service.post(&save("said over http"));
    assert!(status == 200 && answer.contains("created"), "{answer}");
    let bearer = format!("Bearer {}", service.token);
    let with = |name: &str, value: Option<&str>| {
        let mut headers = service.good(&bearer);
        headers.retain(|(known, _)| *known != name);
        let value = value.map(str::to_owned);
        if let Some(value) = &value {
            headers.push((name, value));
        }
        service.request("POST /mcp", &headers, &save("must not be kept"))
    };
    for (name, value, expect) in [
        ("Authorization", None, 401),
        ("Authorization", Some("Bearer wrong"), 401),
        ("Authorization", Some("Basic x"), 401),
        ("Host", Some("evil.example"), 403),
        ("Host", Some("127.0.0.1:1"), 403),
        ("Origin", Some("https://evil.example"), 403),
        ("Origin", Some("null"), 403),
        ("Content-Length", Some("99999999999"), 413),
    ] {
        let (status, answer) = with(name, value);
        if name == "Content-Length" {
            assert!(status == 413 || status == 400, "{answer}");
            continue;
        }
        assert_eq!(status, expect, "{name} {value:?}: {answer}");
        let lower = answer.to_lowercase();
        assert!(!answer.contains(&service.token) && !lower.contains("access-control-"), "{answer}");
    }
    // Also where there is nothing, also without a method of ours.
    for path in ["GET /api/notes", "GET /readyz", "GET /metrics", "DELETE /mcp", "OPTIONS /mcp"] {
        assert_eq!(service.request(path, &[("Host", &service.address)], b"").0, 401, "{path}");
    }
    assert_eq!(service.request("GET /livez", &service.good(&bearer), b"").0, 200);
    assert_eq!(service.request("GET /nothing", &service.good(&bearer), b"").0, 404);
    assert_eq!(home.json(&["search", "must not be kept", "--mode", "exact"])["results"], json!([]));
}

#[test]
fn a_request_may_have_four_mebibytes() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let frame = save("").len();
    let fits = save(&"x".repeat((4 << 20) - frame));
    assert_eq!(fits.len(), 4 << 20);
    let (status, answer) = service.post(&fits);
    // It comes in; that a memory of four megabytes is too long is said by the tool.
    assert!(
        status == 200 && answer.contains("one memory may have"),
        "{status}: {}",
        answer.get(..400).unwrap_or(&answer)
    );
    assert_eq!(service.post(&save(&"x".repeat((4 << 20) - frame + 1))).0, 413);
}

#[test]
#[cfg(unix)]
fn the_token_is_the_owners() {
    use std::os::unix::fs::PermissionsExt;
    let home = TestHome::new();
    drop(Service::start(&home));
    let file = home.memory().join("http.token");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    home.run(&["serve", "--http", "127.0.0.1:0", "--webhook", "off"]).fails(3, "other users can read it");
}

#[test]
fn a_busy_port_and_a_foreign_address_are_refused() {
    let home = TestHome::new();
    let service = Service::start(&home);
    home.run(&["serve", "--http", &service.address]).fails(3, "ss -ltnp");
    home.run(&["serve", "--http", "0.0.0.0:0"]).fails(3, "not a loopback address");
    home.run(&["serve", "--http", "127.0.0.1:0", "--webhook", &service.webhook]).fails(3, &service.webhook);
    home.run(&["serve", "--http", "127.0.0.1:0", "--webhook", "0.0.0.0:0"]).fails(3, "not a loopback address");
}

#[test]
#[cfg(unix)]
fn a_signal_ends_it_in_time() {
    let home = TestHome::new();
    let mut service = Service::start(&home);
    let start = std::time::Instant::now();
    let kill = Command::new("kill").arg(service.child.id().to_string()).status().unwrap();
    assert!(kill.success());
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
    assert!(start.elapsed().as_secs() < 5);
}

#[test]
fn five_hundred_calls_at_once_and_no_error() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let service = Service::start(&home);
    let failures: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let service = &service;
                scope.spawn(move || {
                    (0..125).filter(|number| service.post(&save(&format!("call {worker}-{number}"))).0 != 200).count()
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(failures, 0);
    let saved: Value = home.json(&["status"]);
    assert_eq!(saved["saved"], 500);
}

#[test]
fn a_damaged_body_gets_an_answer_of_json_rpc() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let service = Service::start(&home);
    let bearer = format!("Bearer {}", service.token);
    let headers = calling(&service.address, &bearer, "memory_search");
    let post = |query: &[u8]| {
        let whole = call("memory_search", &json!({ "query": "@" }));
        let at = whole.windows(3).position(|three| three == b"\"@\"").unwrap();
        service.request("POST /mcp", &headers, &[&whole[..at], query, &whole[at + 3..]].concat())
    };
    for query in
        [&br#""pool \ud83d x""#[..], b"\"pool \xff x\"", br#""pool", "limit": 1e400"#, br#""pool", "limit": "5""#]
    {
        let (status, answer) = post(query);
        assert!(status == 200 && answer.contains("Read around: memory_get"), "{}: {answer}", query.escape_ascii());
    }
    let marked = ["\u{feff}".as_bytes(), &call("memory_search", &json!({ "query": "pool" }))].concat();
    assert_eq!(service.request("POST /mcp", &headers, &marked).0, 200);
    for (body, id, code) in [
        (&br#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"a":!}}"#[..], "\"id\":4", "-32700"),
        (b"hello", "\"id\":null", "-32700"),
        (b"", "\"id\":null", "-32700"),
        (br#"{"id":"x","method":"tools/call"}"#, "\"id\":\"x\"", "-32600"),
        (br#"[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","id":2,"method":"b"}]"#, "\"id\":2", "-32600"),
    ] {
        let (status, answer) = service.request("POST /mcp", &headers, body);
        assert!(status == 400 && answer.to_lowercase().contains("content-type: application/json"), "{answer}");
        assert!(answer.contains(id) && answer.contains(code), "{}: {answer}", body.escape_ascii());
    }
    // The page's calls of tools, and the webhook.
    let (status, answer) = service.request("POST /api/tools/memory_search", &headers, br#"{"query":"pool \ud83d"}"#);
    assert!(status == 200 && answer.contains("results"), "{answer}");
    assert_eq!(service.request("POST /api/tools/memory_search", &headers, b"{").0, 400);
    let alert = br#"{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"Disk \ud83d"},"startsAt":"2026-11-23T10:00:00Z"}]}"#;
    let (status, answer) =
        service.alert("POST /webhook", &[("Host", &service.webhook), ("Authorization", &bearer)], alert);
    assert_eq!(status, 200, "{answer}");
}

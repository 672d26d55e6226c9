//! A service under steady load: it answers everything, and at the end it holds no more memory and no more files than at the
//! beginning.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::extent;
use crate::home::{TestHome, say};
use crate::rig::Random;

/// Requests a second, of all clients together.
const RATE: u64 = 200;
const CLIENTS: u64 = 4;

struct Service {
    child: Child,
    address: String,
    token: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn start(home: &TestHome) -> Self {
        let mut command: Command = home.command();
        command.env_remove("CLAUDE_MEMORY_TEST_NOW").args(["serve", "--http", "127.0.0.1:0", "--webhook", "off"]);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut talk = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        talk.read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
        let token = std::fs::read_to_string(home.memory().join("http.token")).unwrap().trim().to_owned();
        Self { child, address, token }
    }

    fn request(&self, head: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let text = format!(
            "{head} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n{}Content-Length: {}\r\n\r\n",
            self.address,
            self.token,
            name(body),
            body.len()
        );
        stream.write_all(text.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        (answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), answer)
    }

    /// Memory of its own in kilobytes, and open descriptors. Pages of files that it only looks into are the system's.
    fn size(&self) -> (u64, usize) {
        let process = format!("/proc/{}", self.child.id());
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        let kilobytes = line.trim().trim_end_matches(" kB").parse().unwrap();
        (kilobytes, std::fs::read_dir(format!("{process}/fd")).unwrap().count())
    }
}

/// The header that names the tool, as clients of the newest revision send it.
fn name(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["params"]["name"].as_str().map_or_else(String::new, |name| format!("Mcp-Name: {name}\r\n"))
}

fn call(tool: &str, arguments: &Value) -> Vec<u8> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "soak", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {}
    });
    let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string().into_bytes()
}

/// What one client saw: times of searches, saves and looks at the metrics.
#[derive(Default)]
struct Seen {
    searches: Vec<Duration>,
    saves: Vec<Duration>,
    scrapes: Vec<Duration>,
}

fn client(service: &Service, number: u64, end: Instant) -> Seen {
    let (mut seen, mut random) = (Seen::default(), Random::new(number));
    let pause = Duration::from_micros(1_000_000 * CLIENTS / RATE);
    let mut next = Instant::now();
    let words = ["pool size", "连接池", "why did the test fail", "rate limiter", "数据库 迁移", "timeout in ci"];
    while Instant::now() < end {
        // At a fixed rate: a slow answer is not paid back by fewer questions.
        next += pause;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        let kind = random.below(100);
        let begun = Instant::now();
        let (status, answer) = match kind {
            0..=79 => {
                let mode = if kind < 70 { "keyword" } else { "hybrid" };
                let word = words[random.below(words.len() as u64) as usize];
                service.request("POST /mcp", &call("memory_search", &json!({ "query": word, "mode": mode })))
            }
            80..=97 => {
                // Nine of ten are in force already and change nothing; the tenth is new. The store grows little, and what it
                // holds in memory belongs to it: only what is left over would be a leak.
                let is_new = random.below(10) == 0;
                let text = if is_new { format!("soak {number} {:x}", random.next()) } else { format!("soak {number}") };
                service.request("POST /mcp", &call("memory_save", &json!({ "text": text })))
            }
            _ => service.request("GET /metrics", b""),
        };
        assert!(status == 200 && !answer.contains("\"isError\":true"), "{}", answer.get(..600).unwrap_or(&answer));
        let times = match kind {
            0..=79 => &mut seen.searches,
            80..=97 => &mut seen.saves,
            _ => &mut seen.scrapes,
        };
        times.push(begun.elapsed());
    }
    seen
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 1000).map_or(0.0, |time| time.as_secs_f64() * 1000.0);
    format!("{} (p50 {:.1}, p99 {:.1} ms)", times.len(), at(500), at(990))
}

#[test]
fn a_service_under_load_does_not_grow() {
    let seconds = extent(4, 30, 1800);
    let home = TestHome::new();
    let _ = home.import_samples();
    let service = Service::start(&home);
    let run = |seconds| {
        let end = Instant::now() + Duration::from_secs(seconds);
        let service = &service;
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..CLIENTS).map(|number| scope.spawn(move || client(service, number, end))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).fold(Seen::default(), |mut all, seen| {
                all.searches.extend(seen.searches);
                all.saves.extend(seen.saves);
                all.scrapes.extend(seen.scrapes);
                all
            })
        })
    };
    // Until everything is loaded and every cache has its size: on a busy machine the vectors are made after many seconds.
    let question = call("memory_search", &json!({ "query": "pool size", "mode": "hybrid" }));
    let begun = Instant::now();
    let degraded = |answer: &str| answer.contains("keyword search only") || answer.contains("not embedded yet");
    while degraded(&service.request("POST /mcp", &question).1) {
        assert!(begun.elapsed() < Duration::from_mins(2), "the model is never loaded");
        std::thread::sleep(Duration::from_millis(200));
    }
    let _ = run((seconds / 10).max(2));
    let (before, files_before) = service.size();
    let seen = run(seconds);
    let (after, files_after) = service.size();
    #[expect(clippy::cast_precision_loss, reason = "kilobytes")]
    let drift = (after as f64 - before as f64) / before as f64 * 100.0;
    say(&format!(
        "soak: {seconds} s at {RATE} requests/s: searches {}, saves {}, scrapes {}; own memory {before} kB, then {after} kB ({drift:+.1} %); \
         descriptors {files_before}, then {files_after}",
        percentiles(seen.searches),
        percentiles(seen.saves),
        percentiles(seen.scrapes)
    ));
    assert!(files_after <= files_before + 8, "descriptors are left open");
    // A short run says little about a drift: half as much again would be a leak at any length.
    let most = if seconds >= 1800 { 5.0 } else { 50.0 };
    assert!(drift <= most, "it grows");
}

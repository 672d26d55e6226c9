//! Connections to the service over real sockets: their number, their time, the size of heads, and that nothing but
//! HTTP/1 is spoken. Each bound is tried at the limit and over it.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use claude_memory::testing::domain::limits;

use crate::home::TestHome;
use crate::http::{Service, save};

/// What programs send that want to occupy a server.
const UNFINISHED: [&str; 3] = [
    "",
    "GET /livez HTTP/1.1\r\nHost: x\r\nX-",
    "POST /api/session HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
];

/// Opens a connection and sends the beginning of something.
fn open(address: &str, beginning: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
    // One that is closed at once cannot be written to.
    let _ = stream.write_all(beginning.replace("HOST", address).as_bytes());
    stream
}

/// Opens a connection whose client has this address.
fn open_from(client: &str, address: &str) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (client, server): (SocketAddr, SocketAddr) = (client.parse().unwrap(), address.parse().unwrap());
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(client).unwrap();
        socket.connect(server).await.unwrap()
    });
    let stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
}

/// Returns true if the server has not closed the connection.
fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let peeked = stream.peek(&mut [0; 1]);
    stream.set_nonblocking(false).unwrap();
    match peeked {
        Ok(bytes) => bytes > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

fn count_open(streams: &[TcpStream]) -> usize {
    streams.iter().filter(|stream| is_open(stream)).count()
}

#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(90), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn request_head(service: &Service, line: &str, more: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{more}\r\n", service.address, service.token)
}

/// Sends a request on an open connection; returns the head of the response.
fn ask(stream: &mut TcpStream, request: &str) -> String {
    // A server that closes at once may not read.
    let _ = stream.write_all(request.as_bytes());
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            break;
        }
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Waits until the metrics count so many rejections: one is counted when its connection ends.
#[track_caller]
fn wait_for_rejections(service: &Service, reason: &str, holds: impl Fn(u64) -> bool) {
    wait_until(reason, || holds(rejections(service, reason)));
}

fn rejections(service: &Service, reason: &str) -> u64 {
    let bearer = format!("Bearer {}", service.token);
    let (_, page) = service.request("GET /metrics", &service.good(&bearer), b"");
    let name = format!("claude_memory_http_rejections_total{{reason=\"{reason}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
}

#[test]
fn unfinished_connections_keep_out_no_one_with_a_token() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let count = 400;
    for beginning in UNFINISHED {
        let held: Vec<TcpStream> = (0..count).map(|_| open(&service.address, beginning)).collect();
        for number in 0..10 {
            let (status, answer) = service.post(&save(&format!("saved during {beginning:?}: {number}")));
            assert_eq!(status, 200, "{beginning:?}: {answer}");
        }
        wait_until("the oldest are closed", || count_open(&held) <= limits::ANONYMOUS_PER_ADDRESS);
    }
    let least = u64::try_from((count - limits::ANONYMOUS_PER_ADDRESS) * UNFINISHED.len()).unwrap();
    wait_for_rejections(&service, "displaced", |displaced| displaced >= least);
    let log = std::fs::read_to_string(home.memory().join("logs/monitoring_mcp.log")).unwrap();
    let lines = log.lines().filter(|line| line.contains("too many are open")).count();
    assert!((1..=3).contains(&lines), "one line a minute: {log}");
}

/// Opens thousands of connections, as fast as possible, and holds the newest.
fn flood(address: &str, beginning: &str, stop: &AtomicBool) {
    let mut held = VecDeque::new();
    let opened = (0..4_000).take_while(|_| !stop.load(Ordering::Relaxed));
    for mut stream in opened.filter_map(|_| TcpStream::connect(address).ok()) {
        let _ = stream.write_all(beginning.replace("HOST", address).as_bytes());
        held.push_back(stream);
        if held.len() > 300 {
            held.pop_front();
        }
    }
}

/// Under a flood a connection may be displaced before its head arrives; then the client connects again.
#[test]
fn a_flood_of_new_connections_keeps_out_no_one_with_a_token() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let stop = AtomicBool::new(false);
    let most_attempts = std::thread::scope(|scope| {
        for beginning in UNFINISHED {
            let (address, stop) = (&service.address, &stop);
            scope.spawn(move || flood(address, beginning, stop));
        }
        let request = request_head(&service, "GET /readyz", "Connection: close\r\n");
        let is_answered = || ask(&mut open(&service.address, ""), &request).starts_with("HTTP/1.1 200");
        let attempts = (0..2_000).map(|_| (1..=5).find(|_| is_answered()).unwrap_or(99));
        let most_attempts = attempts.max();
        stop.store(true, Ordering::Relaxed);
        most_attempts
    });
    assert!(most_attempts <= Some(5), "{most_attempts:?}");
    wait_for_rejections(&service, "displaced", |displaced| displaced > 100);
}

#[test]
fn a_further_connection_of_an_address_replaces_its_oldest() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let mut held: Vec<TcpStream> =
        (0..limits::ANONYMOUS_PER_ADDRESS).map(|_| open_from("127.0.0.1:0", &service.address)).collect();
    // It is accepted after all of them, and answered without a token.
    let mut other = open_from("127.0.0.2:0", &service.address);
    let answer = ask(&mut other, &format!("GET /livez HTTP/1.1\r\nHost: {}\r\n\r\n", service.address));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(count_open(&held), limits::ANONYMOUS_PER_ADDRESS, "at the limit");
    held.push(open_from("127.0.0.1:0", &service.address));
    wait_until("the oldest is closed", || !is_open(&held[0]));
    assert_eq!(count_open(&held), limits::ANONYMOUS_PER_ADDRESS, "over it");
    assert!(is_open(&other), "of another address");
}

#[test]
fn the_busiest_address_gives_way_when_all_together_are_too_many() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let mut held: Vec<TcpStream> = Vec::new();
    for number in 0..limits::ANONYMOUS_CONNECTIONS {
        let client = if number % 2 == 0 { "127.0.0.3:0" } else { "127.0.0.4:0" };
        held.push(open_from(client, &service.address));
    }
    let mut one_more = open_from("127.0.0.5:0", &service.address);
    let answer = ask(&mut one_more, &format!("GET /livez HTTP/1.1\r\nHost: {}\r\n\r\n", service.address));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    wait_until("one is closed", || count_open(&held) == limits::ANONYMOUS_CONNECTIONS - 1);
    wait_for_rejections(&service, "displaced", |displaced| displaced >= 1);
}

#[test]
fn connections_with_a_token_are_bounded() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let request = request_head(&service, "GET /livez", "");
    let mut held = Vec::new();
    for number in 0..limits::AUTHENTICATED_CONNECTIONS {
        let mut stream = open(&service.address, "");
        let answer = ask(&mut stream, &request);
        assert!(answer.starts_with("HTTP/1.1 200"), "{number}: {answer}");
        held.push(stream);
    }
    let answer = ask(&mut open(&service.address, ""), &request).to_lowercase();
    assert!(answer.starts_with("http/1.1 503") && answer.contains("retry-after: 1"), "{answer}");
    held.truncate(limits::AUTHENTICATED_CONNECTIONS - 1);
    wait_until("a place is free", || ask(&mut open(&service.address, ""), &request).starts_with("HTTP/1.1 200"));
}

#[test]
fn requests_at_once_are_bounded_and_only_those_with_a_token_count() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let slow = request_head(&service, "POST /mcp", "Content-Type: application/json\r\nContent-Length: 100\r\n") + "{";
    let mut held: Vec<TcpStream> = (1..limits::REQUESTS).map(|_| open(&service.address, &slow)).collect();
    assert_eq!(service.post(&save("in the last place")).0, 200);
    held.push(open(&service.address, &slow));
    wait_until("all places are taken", || service.post(&save("one too many")).0 == 503);
    held.pop();
    wait_until("a place is free", || service.post(&save("in the free place")).0 == 200);
    wait_for_rejections(&service, "busy", |refused| refused >= 1);
}

/// One test for all, because each waits for the longest time that it may take.
#[test]
fn heads_and_bodies_that_do_not_arrive_end_their_connections() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let mut known = open(&service.address, "");
    assert!(ask(&mut known, &request_head(&service, "GET /livez", "")).starts_with("HTTP/1.1 200"));
    known.write_all(b"GET /livez HTTP/1.1\r\nHo").unwrap();
    let body = request_head(&service, "POST /mcp", "Content-Type: application/json\r\nContent-Length: 100\r\n") + "{";
    let mut all: Vec<TcpStream> = UNFINISHED.iter().map(|beginning| open(&service.address, beginning)).collect();
    all.extend([open(&service.address, &body), known]);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(count_open(&all), all.len(), "they have some time");
    let answers: Vec<String> = all
        .iter_mut()
        .map(|stream| {
            let mut answer = String::new();
            // A reset is an end too; a connection that stays open is not.
            match stream.read_to_string(&mut answer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("still open after two minutes"),
                _ => answer,
            }
        })
        .collect();
    assert!(answers[3].starts_with("HTTP/1.1 408"), "{answers:?}");
    wait_for_rejections(&service, "silent", |closed| closed == 3);
    wait_for_rejections(&service, "slow_body", |refused| refused == 1);
}

#[test]
fn a_head_may_have_so_many_bytes_and_headers() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let padded = |bytes: usize| {
        let frame = request_head(&service, "GET /livez", "X-Padding: \r\n").len();
        request_head(&service, "GET /livez", &format!("X-Padding: {}\r\n", "x".repeat(bytes - frame)))
    };
    let many = |headers: usize| {
        let more: String = (2..headers).map(|number| format!("X-{number}: x\r\n")).collect();
        request_head(&service, "GET /livez", &more)
    };
    for (request, status) in [
        (padded(limits::HEAD_BYTES), "HTTP/1.1 200"),
        (padded(limits::HEAD_BYTES + 1), "HTTP/1.1 431"),
        (many(limits::HEADERS), "HTTP/1.1 200"),
        (many(limits::HEADERS + 1), "HTTP/1.1 431"),
    ] {
        let answer = ask(&mut open(&service.address, ""), &request);
        assert!(answer.starts_with(status), "{} bytes: {answer}", request.len());
    }
}

#[test]
fn a_body_without_a_token_is_small() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let headers = [("Host", service.address.as_str()), ("Content-Type", "application/json")];
    let ticket = |bytes: usize| format!("{{\"ticket\":\"{}\"}}", "x".repeat(bytes - 13)).into_bytes();
    let at_limit = ticket(limits::ANONYMOUS_REQUEST_BYTES);
    assert_eq!(at_limit.len(), limits::ANONYMOUS_REQUEST_BYTES);
    assert_eq!(service.request("POST /api/session", &headers, &at_limit).0, 401, "no such ticket");
    let over = ticket(limits::ANONYMOUS_REQUEST_BYTES + 1);
    assert_eq!(service.request("POST /api/session", &headers, &over).0, 413);
    let chunked = format!(
        "POST /api/session HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{}\r\n0\r\n\r\n",
        service.address,
        over.len(),
        String::from_utf8(over).unwrap()
    );
    let answer = ask(&mut open(&service.address, ""), &chunked);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[test]
fn only_http_1_is_spoken() {
    let home = TestHome::new();
    let service = Service::start(&home);
    for address in [&service.address, &service.webhook] {
        let mut stream = open(address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        // An empty SETTINGS frame.
        let _ = stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", answer.escape_ascii());
    }
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n";
    let answer = ask(&mut open(&service.address, ""), &request_head(&service, "GET /livez", upgrade));
    assert!(answer.starts_with("HTTP/1.1 200"), "the offer is ignored: {answer}");
}

#[test]
fn two_headers_of_a_kind_that_decides_are_refused() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let (host, token) = (format!("Host: {}", service.address), format!("Authorization: Bearer {}", service.token));
    let own_origin = format!("Origin: http://{}", service.address);
    for (line, headers) in [
        ("GET /livez", vec![host.as_str(), "Host: evil.example"]),
        ("GET /metrics", vec!["Host: evil.example", &host, &token]),
        ("GET /metrics", vec![&host, &host, &token]),
        ("GET /metrics", vec![&host, &token, &own_origin, "Origin: http://evil.example"]),
        ("GET /metrics", vec![&host, &token, &token]),
        ("GET http://evil.example/metrics", vec![&host, &token]),
    ] {
        let request = format!("{line} HTTP/1.1\r\n{}\r\n\r\n", headers.join("\r\n"));
        let answer = ask(&mut open(&service.address, ""), &request);
        assert!(answer.starts_with("HTTP/1.1 400"), "{request}: {answer}");
    }
    wait_for_rejections(&service, "ambiguous", |refused| refused == 6);
}

/// The shell gives the service few descriptors; what it needs for itself and those with a token stays free.
#[test]
#[cfg(target_os = "linux")]
fn few_descriptors_are_enough_against_many_connections() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let own = home.command();
    let mut command = std::process::Command::new("/bin/sh");
    command.env_clear().current_dir(home.path());
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.args(["-c", "ulimit -n 160; exec \"$0\" \"$@\""]).arg(own.get_program());
    let service = Service::of(command);
    let held: Vec<TcpStream> = (0..600).map(|_| open(&service.address, "")).collect();
    for number in 0..10 {
        let (status, answer) = service.post(&save(&format!("saved with few descriptors {number}")));
        assert_eq!(status, 200, "{answer}");
    }
    assert!(count_open(&held) <= limits::ANONYMOUS_PER_ADDRESS);
}

//! Every route against every way of not being allowed in, and against those who hold connections open.

use std::io::Write as _;
use std::net::TcpStream;

use claude_memory::testing::http::ROUTES;

use crate::home::TestHome;
use crate::http::{Service, save};

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"];

#[test]
fn no_route_lets_anybody_in_who_may_not() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let bearer = format!("Bearer {}", service.token);
    let elsewhere = [
        "/index.html",
        "/metrics",
        "/readyz",
        "/../mcp",
        "//mcp",
        "/mcp/",
        "/MCP",
        "/mcp%2f..",
        "/readyz?token=x",
        "/mcp?access_token=",
    ];
    let query = format!("/mcp?token={}", service.token);
    let port = service.address.rsplit(':').next().unwrap();
    let local = format!("localhost:{port}.evil.example");
    // Header, value (None: left out), the status it must lead to.
    let refusals: [(&str, Option<&str>, u16); 14] = [
        ("Authorization", None, 401),
        ("Authorization", Some(""), 401),
        ("Authorization", Some("Bearer"), 401),
        ("Authorization", Some("Bearer wrong"), 401),
        ("Authorization", Some("bearer\twrong"), 401),
        ("Authorization", Some("Basic YTpi"), 401),
        ("Host", None, 403),
        ("Host", Some("evil.example"), 403),
        ("Host", Some(&local), 403),
        ("Host", Some("0.0.0.0"), 403),
        ("Origin", Some("null"), 403),
        ("Origin", Some("https://evil.example"), 403),
        ("Origin", Some("http://127.0.0.1:1"), 403),
        ("Origin", Some("file://"), 403),
    ];
    let mut tried = 0;
    for path in ROUTES.iter().chain(&elsewhere).copied().chain([query.as_str()]) {
        for method in METHODS {
            for (name, value, status) in refusals {
                let mut headers = service.good(&bearer);
                headers.retain(|(known, _)| *known != name);
                headers.extend(value.map(|value| (name, value)));
                let head = format!("{method} {path}");
                let (answered, text) = service.request(&head, &headers, &save("let in"));
                // A request that is not even one is refused before the guard: without a host, or with a body where none may be.
                assert!(answered == status || answered == 400, "{head} with {name}: {value:?}: {text}");
                let lower = text.to_lowercase();
                assert!(!text.contains(&service.token) && !lower.contains("access-control-"), "{head}: {text}");
                tried += 1;
            }
        }
    }
    assert_eq!(tried, (ROUTES.len() + elsewhere.len() + 1) * METHODS.len() * refusals.len());
    assert_eq!(service.post(&save("this one may")).0, 200);
    let found = home.json(&["search", "let in", "--mode", "exact"]);
    assert_eq!(found["results"].as_array().map(Vec::len), Some(0), "somebody was let in");
}

/// Who opens connections and says little or nothing keeps nobody else out.
#[test]
fn many_who_say_nothing_keep_nobody_out() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let beginnings: [&[u8]; 4] =
        [b"", b"POST /mcp HTTP/1.1\r\n", b"POST /mcp HTTP/1.1\r\nHost: x\r\nX-A: ", b"\x16\x03\x01"];
    let silent: Vec<TcpStream> = (0..400)
        .map(|number| {
            let mut stream = TcpStream::connect(&service.address).unwrap();
            // One that is refused at once may be closed already.
            let _ = stream.write_all(beginnings[number % beginnings.len()]);
            stream
        })
        .collect();
    for number in 0..20 {
        let (status, answer) = service.post(&save(&format!("among the silent {number}")));
        assert_eq!(status, 200, "{answer}");
    }
    drop(silent);
    assert_eq!(service.post(&save("after them")).0, 200);
}

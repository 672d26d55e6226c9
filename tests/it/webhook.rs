//! Alerts over the webhook: on the disk before they are acknowledged, once, as lines that nothing in them can break.

use claude_memory::testing::domain::limits;
use claude_memory::testing::http::WEBHOOK_ROUTES;
use serde_json::{Value, json};

use crate::home::TestHome;
use crate::http::Service;

fn payload(name: &str, status: &str, severity: &str) -> Vec<u8> {
    json!({ "version": "4", "groupKey": "{}:{}", "receiver": "claude-memory", "status": status, "externalURL": "http://x",
        "alerts": [{ "status": status, "labels": { "alertname": name, "severity": severity },
            "annotations": { "summary": "two\nlines {\"fake\": 1}\u{1b}[2J", "runbook_url": "https://example.invalid/r" },
            "startsAt": "2026-11-23T10:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": format!("f{name}") }] })
    .to_string()
    .into_bytes()
}

fn post(service: &Service, path: &str, body: &[u8]) -> (u16, String) {
    let bearer = format!("Bearer {}", service.token);
    let headers =
        [("Host", service.webhook.as_str()), ("Authorization", &bearer), ("Content-Type", "application/json")];
    service.alert(path, &headers, body)
}

fn log(home: &TestHome) -> Vec<Value> {
    let text = std::fs::read_to_string(home.memory().join("logs/alerts.log")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn alerts_are_written_down_once() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let service = Service::start(&home);
    assert_eq!(post(&service, "GET /webhook", b"").0, 200);
    assert_eq!(post(&service, "POST /webhook", &payload("A", "firing", "critical")).0, 200);
    assert_eq!(post(&service, "POST /webhook", &payload("A", "firing", "critical")).0, 200);
    assert_eq!(post(&service, "POST /webhook/info", &payload("B", "firing", "critical")).0, 200);
    let lines = log(&home);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!((&lines[0]["severity"], &lines[1]["severity"]), (&json!("critical"), &json!("info")));
    assert!(!lines[0]["summary"].as_str().unwrap().contains(['\n', '\u{1b}']), "{}", lines[0]);
    let listed = home.run(&["alerts", "list"]);
    assert!(
        listed.code == 2 && listed.stdout.contains('A') && listed.stderr.contains("open alerts: 2"),
        "{}",
        listed.stdout
    );
    // Gone: the next one starts where this one stopped.
    drop(service);
    let service = Service::start(&home);
    assert_eq!(post(&service, "POST /webhook", &payload("A", "firing", "critical")).0, 200);
    assert_eq!(post(&service, "POST /webhook", &payload("A", "resolved", "critical")).0, 200);
    assert_eq!(log(&home).len(), 3);
    assert_eq!(home.run(&["alerts", "list"]).code, 1);
    assert_eq!(post(&service, "POST /webhook", &payload("B", "resolved", "info")).0, 200);
    assert_eq!(home.run(&["alerts", "list"]).code, 0);
    // What the runbook sends by hand.
    assert_eq!(post(&service, "POST /webhook", b"{\"alerts\":[{\"status\":\"firing\"}]}").0, 200);
}

#[test]
fn what_is_no_alert_is_refused() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let good = payload("A", "firing", "critical");
    let mut large = good.clone();
    large.resize(limits::ALERT_BYTES + 1, b' ');
    for (path, body, status) in [
        ("POST /webhook", &b"hello"[..], 400),
        ("POST /webhook", b"{\"version\": \"3\", \"alerts\": []}", 400),
        ("POST /webhook", b"{\"alerts\": [{\"status\": \"odd\"}]}", 400),
        ("POST /webhook", &good[..good.len() / 2], 400),
        ("POST /webhook", &large, 413),
        ("POST /webhook/odd", &good, 404),
        ("PUT /webhook", &good, 405),
    ] {
        let (answered, text) = post(&service, path, body);
        assert_eq!(answered, status, "{path}: {text}");
    }
    large.pop();
    assert_eq!(post(&service, "POST /webhook", &large).0, 200, "at the limit");
    for route in WEBHOOK_ROUTES {
        for method in ["GET", "POST", "OPTIONS"] {
            let head = format!("{method} {route}");
            let host = ("Host", service.webhook.as_str());
            assert_eq!(service.alert(&head, &[host], &good).0, 401, "{head}");
            assert_eq!(service.alert(&head, &[host, ("Authorization", "Bearer wrong")], &good).0, 401, "{head}");
            let bearer = format!("Bearer {}", service.token);
            let evil = [("Host", "evil.example"), ("Authorization", bearer.as_str())];
            assert_eq!(service.alert(&head, &evil, &good).0, 403, "{head}");
            let origin = [host, ("Authorization", bearer.as_str()), ("Origin", "https://evil.example")];
            assert_eq!(service.alert(&head, &origin, &good).0, 403, "{head}");
        }
    }
    assert_eq!(log(&home).len(), 1);
}

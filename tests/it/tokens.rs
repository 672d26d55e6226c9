//! Tokens of the service: what each scope opens and what it does not, replacing one, and what is told without one.

use claude_memory::testing::http::{ROUTES, Scope};
use serde_json::{Value, json};

use crate::home::TestHome;
use crate::http::{Service, call, save};

/// The token of a scope.
fn token_of(home: &TestHome, scope: &str) -> String {
    let name = if scope == "admin" { "http.token".to_owned() } else { format!("http.{scope}.token") };
    std::fs::read_to_string(home.memory().join(name)).unwrap().trim().to_owned()
}

fn bearer_of(home: &TestHome, scope: &str) -> String {
    format!("Bearer {}", token_of(home, scope))
}

/// Calls a tool over MCP with the token of a scope.
fn call_as(home: &TestHome, service: &Service, scope: &str, tool: &str, arguments: &Value) -> (u16, String) {
    let bearer = bearer_of(home, scope);
    let mut headers = service.good(&bearer);
    headers.retain(|(name, _)| *name != "Mcp-Name");
    headers.push(("Mcp-Name", tool));
    service.request("POST /mcp", &headers, &call(tool, arguments))
}

fn body_of(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[test]
fn each_scope_opens_its_routes_and_no_others() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let refused = |scope: &str, head: &str| {
        let bearer = bearer_of(&home, scope);
        let (status, answer) = service.request(head, &service.good(&bearer), b"{}");
        assert_ne!(status, 401, "{scope} {head}: {answer}");
        status == 403
    };
    let opened = |scope: &str| -> Vec<String> {
        let heads = ROUTES.iter().flat_map(|route| [format!("GET {route}"), format!("POST {route}")]);
        heads.filter(|head| !refused(scope, head)).collect()
    };
    let metrics = ["GET /readyz", "POST /readyz", "GET /metrics", "POST /metrics"];
    assert_eq!(opened("metrics"), metrics);
    assert_eq!(opened("webhook"), [""; 0]);
    let read = opened("read");
    assert!(metrics.iter().chain(&["POST /mcp", "GET /api/notes"]).all(|head| read.iter().any(|one| one == head)));
    for closed in ["POST /api/consent", "POST /api/tickets", "GET /api/settings", "POST /api/forget-requests/00000000"]
    {
        assert!(!read.iter().any(|head| head == closed), "{closed}");
    }
    assert_eq!(opened("write"), read, "the tools make the difference");
    assert_eq!(opened("admin").len(), ROUTES.len() * 2);
    // The webhook.
    for scope in Scope::ALL {
        let bearer = bearer_of(&home, scope.name());
        let headers = [("Host", service.webhook.as_str()), ("Authorization", bearer.as_str())];
        let expected = if scope.includes(Scope::Webhook) { 200 } else { 403 };
        assert_eq!(service.alert("GET /webhook", &headers, b"").0, expected, "{}", scope.name());
    }
}

#[test]
fn each_scope_lists_and_calls_its_tools_and_no_others() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let service = Service::start(&home);
    let list = |scope: &str| {
        let bearer = bearer_of(&home, scope);
        let mut headers = service.good(&bearer);
        headers.retain(|(name, _)| !["Mcp-Name", "Mcp-Method"].contains(name));
        headers.push(("Mcp-Method", "tools/list"));
        let mut message: Value = serde_json::from_slice(&call("x", &json!({}))).unwrap();
        message["method"] = json!("tools/list");
        let (status, answer) = service.request("POST /mcp", &headers, message.to_string().as_bytes());
        assert_eq!(status, 200, "{answer}");
        ["memory_search", "memory_save", "memory_forget"].map(|tool| answer.contains(&format!("\"name\":\"{tool}\"")))
    };
    assert_eq!(list("read"), [true, false, false]);
    assert_eq!(list("write"), [true, true, false]);
    assert_eq!(list("admin"), [true, true, true]);
    let (query, text) = (json!({ "query": "pool" }), json!({ "text": "saved over http" }));
    let gone = json!({ "query": "pool", "dry_run": true });
    for (scope, tool, arguments, allowed) in [
        ("read", "memory_search", &query, true),
        ("read", "memory_save", &text, false),
        ("read", "memory_forget", &gone, false),
        // Not listed by default, but callable by its name.
        ("read", "memory_health", &json!({}), true),
        ("write", "memory_save", &text, true),
        ("write", "memory_forget", &gone, false),
        ("admin", "memory_save", &text, true),
    ] {
        let (status, answer) = call_as(&home, &service, scope, tool, arguments);
        assert_eq!(status, 200, "{answer}");
        let refused = answer.contains("may not call") && answer.contains("\"isError\":true");
        assert_eq!(!refused, allowed, "{scope} {tool}: {answer}");
    }
    assert_eq!(call_as(&home, &service, "metrics", "memory_search", &query).0, 403);
    assert_eq!(home.json(&["status"])["saved"], 1, "the second was the same text");
}

#[test]
fn what_the_page_changes_needs_the_admin_token() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let service = Service::start(&home);
    let post = |scope: &str, tool: &str, arguments: Value| {
        let bearer = bearer_of(&home, scope);
        let head = format!("POST /api/tools/{tool}");
        service.request(&head, &service.good(&bearer), arguments.to_string().as_bytes()).0
    };
    assert_eq!(post("read", "memory_search", json!({ "query": "pool" })), 200);
    // What is done there counts as done by the person.
    assert_eq!(post("write", "memory_save", json!({ "text": "not by a person" })), 403);
    assert_eq!(post("admin", "memory_save", json!({ "text": "by a person" })), 200);
    assert_eq!(home.json(&["status"])["saved"], 1);
}

#[test]
fn a_key_of_the_page_gets_no_tickets() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let host = ("Host", service.address.as_str());
    let opened = home.json(&["open", "--print", "--http", &service.address]);
    let ticket = opened["url"].as_str().unwrap().split("#ticket=").nth(1).unwrap().to_owned();
    let body = json!({ "ticket": ticket }).to_string();
    let (_, answer) =
        service.request("POST /api/session", &[host, ("Content-Type", "application/json")], body.as_bytes());
    let key: Value = serde_json::from_str(body_of(&answer)).unwrap();
    let bearer = format!("Bearer {}", key["key"].as_str().unwrap());
    let key = [host, ("Authorization", bearer.as_str())];
    assert_eq!(service.request("GET /api/settings", &key, b"").0, 200);
    assert_eq!(service.request("POST /api/tickets", &key, b"").0, 403, "it would outlive its tab");
}

#[test]
fn a_rotated_token_is_refused_by_the_running_service() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let get = |bearer: &str| service.request("GET /metrics", &service.good(bearer), b"").0;
    let (old, read) = (bearer_of(&home, "metrics"), bearer_of(&home, "read"));
    assert_eq!(get(&old), 200);
    let ran = home.run(&["token", "rotate", "metrics"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("http.metrics.token") && ran.stderr.contains("copy it again"), "{}", ran.stderr);
    let new = token_of(&home, "metrics");
    assert!(!ran.stdout.contains(&new) && !ran.stderr.contains(&new), "it is never printed");
    let new = format!("Bearer {new}");
    let begun = std::time::Instant::now();
    while get(&old) != 401 {
        assert!(begun.elapsed().as_secs() < 60, "the old token is still good");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!((get(&new), get(&read)), (200, 200));
    home.run(&["token", "rotate", "everything"]).fails(2, "invalid value");
}

#[test]
fn tokens_are_listed_with_their_files_and_never_printed() {
    let home = TestHome::new();
    let listed = home.run(&["token", "list"]);
    assert!(listed.code == 0 && listed.stdout.contains("not created yet"), "{}", listed.stdout);
    drop(Service::start(&home));
    let listed = home.json(&["token", "list"]);
    let tokens = listed["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), Scope::ALL.len());
    let text = home.run(&["token", "list"]).stdout;
    for (token, scope) in tokens.iter().zip(Scope::ALL) {
        assert_eq!(token["scope"], scope.name());
        let file = token["file"].as_str().unwrap();
        let secret = std::fs::read_to_string(file).unwrap();
        assert!(text.contains(file) && !text.contains(secret.trim()), "{text}");
        assert!(!listed.to_string().contains(secret.trim()) && token["since"].is_string(), "{token}");
    }
}

#[test]
fn health_without_a_token_says_healthy_or_not_and_nothing_else() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let service = Service::start(&home);
    let port = service.address.rsplit(':').next().unwrap();
    // As `curl http://localhost:8080/health` sends it.
    let local = format!("localhost:{port}");
    let (status, answer) = service.request("GET /health", &[("Host", &local), ("Accept", "*/*")], b"");
    assert_eq!((status, body_of(&answer)), (200, "{\"status\":\"healthy\"}"));
    let (status, answer) = service.request("GET /livez", &[("Host", &local)], b"");
    assert_eq!((status, body_of(&answer)), (200, "ok\n"));
    // A wrong token is no missing one.
    assert_eq!(service.request("GET /health", &service.good("Bearer wrong"), b"").0, 401);
    assert_eq!(service.request("POST /health", &[("Host", &local)], b"").0, 401);
    let bearer = bearer_of(&home, "metrics");
    let (_, answer) = service.request("GET /health", &service.good(&bearer), b"");
    let health: Value = serde_json::from_str(body_of(&answer)).unwrap();
    assert!(health["checks"].as_array().unwrap().len() > 3 && health["version"].is_string(), "{health}");
}

#[test]
fn health_without_a_token_says_that_the_store_is_broken() {
    let home = TestHome::new();
    home.write(
        "memory/memory.db",
        "no database at all, but long enough that SQLite looks at it, as it does at any file",
    );
    let service = Service::start(&home);
    let (status, answer) = service.request("GET /health", &[("Host", &service.address)], b"");
    assert_eq!((status, body_of(&answer)), (503, "{\"status\":\"unhealthy\"}"));
}

#[test]
fn a_test_alert_without_a_token_is_answered_and_not_recorded() {
    let home = TestHome::new();
    let service = Service::start(&home);
    let host = ("Host", service.webhook.as_str());
    let test = br#"{"alerts":[{"status":"firing"}]}"#;
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let (status, answer) = service.alert("POST /webhook", &[host, form], test);
    assert!(status == 200 && body_of(&answer).contains("not recorded"), "{answer}");
    for (path, body) in [
        ("POST /webhook", &br#"{"alerts":[{"status":"firing","labels":{"alertname":"A"}}]}"#[..]),
        ("POST /webhook", br#"{"alerts":[{"status":"firing","fingerprint":"f"}]}"#),
        ("POST /webhook", b"hello"),
        ("POST /webhook", &[b' '; 3000]),
        ("POST /webhook/critical", test),
        ("GET /webhook", b""),
    ] {
        assert_eq!(service.alert(path, &[host], body).0, 401, "{path} {}", body.escape_ascii());
    }
    assert_eq!(service.alert("POST /webhook", &[host, ("Origin", "https://evil.example")], test).0, 403);
    let log = std::fs::read_to_string(home.memory().join("logs/alerts.log")).unwrap_or_default();
    assert_eq!(log, "");
    let bearer = bearer_of(&home, "webhook");
    let (status, answer) = service.alert("POST /webhook", &[host, ("Authorization", &bearer)], test);
    assert!(status == 200 && answer.contains("1 new"), "{answer}");
}

#[test]
fn monitoring_files_name_the_tokens_of_their_scopes() {
    let home = TestHome::new();
    let folder = home.path().join("monitoring");
    let export = ["monitoring", "export", folder.to_str().unwrap()];
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let _ = home.json(&export);
    let credentials = |text: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix("credentials_file: "));
        lines.map(|file| file.trim_matches('"').to_owned()).collect()
    };
    let file = |name: &str| vec![home.memory().join(name).display().to_string()];
    assert_eq!(credentials(&read("prometheus.yml")), file("http.metrics.token"));
    assert_eq!(credentials(&read("alertmanager.yml")), file("http.webhook.token"));
    assert!(home.memory().join("http.metrics.token").exists(), "Prometheus refuses a missing file");
    let elsewhere = ["--metrics-token", "/etc/prometheus/m.token", "--webhook-token", "/etc/prometheus/w.token"];
    let _ = home.json(&[&export[..], &elsewhere].concat());
    assert_eq!(credentials(&read("prometheus.yml")), ["/etc/prometheus/m.token"]);
    assert_eq!(credentials(&read("alertmanager.yml")), ["/etc/prometheus/w.token"]);
    assert!(read("README.md").contains("/etc/prometheus/w.token"));
}

#[test]
fn a_saved_text_over_http_still_needs_only_todays_token() {
    let home = TestHome::new();
    // The file of the version before there were scopes.
    let old = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let file = home.write("memory/http.token", old);
    #[cfg(unix)]
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(home.memory(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let service = Service::start(&home);
    assert_eq!(service.token, old);
    assert_eq!(service.post(&save("with the token of yesterday")).0, 200);
}

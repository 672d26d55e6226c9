//! Metrics, rules and alerts, with the real Prometheus and Alertmanager where they are installed.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use claude_memory::ops::monitoring::RULES;
use serde_json::Value;

use crate::client::Client;
use crate::home::{TestHome, say, skip};
use crate::http::{Service, save};

const HOW: &str = "apt-get install prometheus prometheus-alertmanager";

fn metrics(service: &Service) -> String {
    let bearer = format!("Bearer {}", service.token);
    let (status, answer) = service.request("GET /metrics", &service.good(&bearer), b"");
    assert_eq!(status, 200, "{answer}");
    answer.split("\r\n\r\n").nth(1).unwrap().to_owned()
}

fn value(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
}

#[test]
fn the_page_speaks_for_all_sessions() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let service = Service::start(&home);
    let mut client = Client::start(&home, true);
    let canary = "canaryzzz about a secret project";
    for _ in 0..3 {
        client.call("memory_search", serde_json::json!({ "query": canary, "mode": "keyword" }));
    }
    client.finish();
    assert_eq!(service.post(&save("over http")).0, 200);
    let page = metrics(&service);
    let searches = "claude_memory_requests_total{method=\"tools/call\",tool=\"memory_search\",outcome=\"ok\"}";
    assert_eq!(value(&page, searches), Some(3.0), "{page}");
    assert_eq!(value(&page, "claude_memory_search_total"), Some(3.0));
    assert_eq!(value(&page, "claude_memory_messages"), Some(83.0));
    let saves = "claude_memory_requests_total{method=\"tools/call\",tool=\"memory_save\",outcome=\"ok\"}";
    assert_eq!(value(&page, saves), Some(1.0));
    for name in [
        "claude_memory_uptime_seconds",
        "claude_memory_avg_response_time_seconds",
        "claude_memory_health_checks_total",
        "claude_memory_last_health_check_timestamp",
        "claude_memory_ingest_lag_seconds",
        "claude_memory_disk_used_ratio",
    ] {
        assert!(value(&page, name).is_some(), "{name}: {page}");
    }
    // A backend that is not configured has no series; no label holds what anybody said or where.
    for absent in ["postgres_up", "qdrant_up", "canaryzzz", "/home", "orders", home.path().to_str().unwrap()] {
        assert!(!page.contains(absent), "{absent}: {page}");
    }
    let bearer = format!("Bearer {}", service.token);
    let (status, health) = service.request("GET /health", &service.good(&bearer), b"");
    assert!(status == 200 && health.contains("\"status\":\"degraded\""), "vectors are missing: {health}");
    assert_eq!(service.request("GET /readyz", &service.good(&bearer), b"").0, 200);
    if has("promtool") {
        let file = home.write("page", &page);
        let input = std::fs::File::open(file).unwrap();
        let lint = Command::new("promtool").args(["check", "metrics"]).stdin(input).output().unwrap();
        let text = String::from_utf8_lossy(&lint.stderr).into_owned();
        assert!(lint.status.success() && text.is_empty(), "{text}");
    } else {
        skip("promtool", HOW);
    }
}

#[test]
fn a_service_whose_store_is_gone_says_so() {
    let home = TestHome::new();
    home.write(
        "memory/memory.db",
        "this is no database, but long enough to be looked at by SQLite, which will not like it",
    );
    let service = Service::start(&home);
    let bearer = format!("Bearer {}", service.token);
    let get = |path: &str| service.request(path, &service.good(&bearer), b"");
    assert_eq!(get("GET /livez").0, 200, "the process is alive");
    assert_eq!(get("GET /readyz").0, 503);
    let (status, health) = get("GET /health");
    assert!(status == 503 && health.contains("unhealthy"), "{health}");
    assert_eq!(get("GET /metrics").0, 503);
}

#[test]
fn rules_and_dashboard_fit_the_page() {
    let home = TestHome::new();
    let folder = home.path().join("monitoring");
    let _ = home.json(&["monitoring", "export", folder.to_str().unwrap()]);
    let _ = home.json(&["monitoring", "export", folder.to_str().unwrap()]);
    let _ = home.import_samples();
    let service = Service::start(&home);
    assert_eq!(service.post(&save("x")).0, 200);
    let _ = home.json(&["backup", "create"]);
    let page = metrics(&service);
    let known: HashSet<&str> = page.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
    // Of backends that are not configured, and of secrets that were not seen.
    let known = |name: &str| {
        known.contains(name)
            || ["claude_memory_postgres_up", "claude_memory_qdrant_up", "claude_memory_redactions_total"]
                .contains(&name)
    };
    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("grafana-dashboard.json")).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions = panels
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .chain(RULES.iter().map(|rule| rule.expr.to_owned()));
    for expression in expressions {
        let names = expression
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| word.starts_with("claude_memory_") || word.starts_with("process_"));
        for name in names {
            assert!(known(name), "{expression}: {name} is not on the page");
        }
    }
    for (name, hold, severity) in [
        ("ClaudeMemoryMCPDown", 30, "critical"),
        ("ClaudeMemoryPostgresDown", 60, "critical"),
        ("ClaudeMemoryQdrantDown", 60, "critical"),
        ("ClaudeMemoryHighResponseTime", 120, "warning"),
    ] {
        assert!(RULES.iter().any(|rule| (rule.name, rule.hold, rule.severity) == (name, hold, severity)), "{name}");
    }
    if !has("promtool") || !has("amtool") {
        return skip("promtool and amtool", HOW);
    }
    run("promtool", &["check", "config", "prometheus.yml"], &folder);
    run("promtool", &["test", "rules", "rules_test.yml"], &folder);
    run("amtool", &["check-config", "alertmanager.yml"], &folder);
    if has("systemd-analyze") {
        let arguments = ["security", "--offline=true", "--threshold=20", "claude-memory.service"];
        run("systemd-analyze", &arguments, &folder);
    } else {
        say("skipped: systemd-analyze is not here");
    }
}

/// Ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Puts other words into a file of the export. What is tested is the way, not the patience.
fn edit(file: &Path, changes: &[(&str, &str)]) {
    let mut text = std::fs::read_to_string(file).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{}: {from}", file.display());
        text = text.replace(from, to);
    }
    std::fs::write(file, text).unwrap();
}

fn start(folder: &Path, program: &str, arguments: &[&str]) -> Program {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    Program(command.spawn().unwrap())
}

/// Waits until something is so; how long that took.
#[track_caller]
fn wait(what: &str, mut so: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(90), "{what}");
        std::thread::sleep(Duration::from_millis(200));
    }
    begun.elapsed()
}

/// Whether Prometheus has this number of messages.
fn scraped(prometheus: u16, messages: u64) -> bool {
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", prometheus)) else { return false };
    let request = "GET /api/v1/query?query=claude_memory_messages HTTP/1.0\r\nHost: x\r\n\r\n";
    let mut answer = String::new();
    let asked = std::io::Write::write_all(&mut stream, request.as_bytes());
    asked.is_ok()
        && std::io::Read::read_to_string(&mut stream, &mut answer).is_ok()
        && answer.contains(&format!("\"{messages}\""))
}

/// The whole way: the real Prometheus scrapes a service, the service is killed, the real Alertmanager tells the webhook of another
/// one, which writes it down; and when the service is back, that too.
#[test]
fn a_killed_service_reaches_the_log_and_so_does_its_return() {
    if !has("prometheus") || !has("prometheus-alertmanager") {
        return skip("Prometheus and Alertmanager", HOW);
    }
    let (home, watcher) = (TestHome::new(), TestHome::new());
    let _ = home.import_samples();
    let receiver = Service::start(&watcher);
    let prometheus = free_port();
    let (http, manager) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    let serve = || {
        let mut command = home.command();
        command.args(["serve", "--http", &http, "--webhook", "off"]).stdout(Stdio::null()).stderr(Stdio::null());
        Program(command.spawn().unwrap())
    };
    let service = serve();
    let folder = home.path().join("monitoring");
    let export = ["monitoring", "export", folder.to_str().unwrap(), "--http", &http, "--webhook", &receiver.webhook];
    let _ = home.json(&[&export[..], &["--alertmanager", &manager]].concat());
    let (ours, theirs) = (home.memory().join("http.token"), watcher.memory().join("http.token"));
    edit(&folder.join("prometheus.yml"), &[("10s", "1s")]);
    edit(&folder.join("rules.yml"), &[("for: 30s", "for: 2s")]);
    let patience = [("group_wait: 10s", "group_wait: 1s"), ("group_interval: 1m", "group_interval: 1s")];
    edit(&folder.join("alertmanager.yml"), &patience);
    edit(&folder.join("alertmanager.yml"), &[(ours.to_str().unwrap(), theirs.to_str().unwrap())]);
    let listen = format!("--web.listen-address={manager}");
    let files = ["--config.file=alertmanager.yml", "--storage.path=am", "--cluster.listen-address=", &listen];
    let _manager = start(&folder, "prometheus-alertmanager", &files);
    let listen = format!("--web.listen-address=127.0.0.1:{prometheus}");
    let files = ["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", &listen];
    let _prometheus = start(&folder, "prometheus", &files);
    let log = || std::fs::read_to_string(watcher.memory().join("logs/alerts.log")).unwrap_or_default();
    let told = |status: &str| {
        log().contains(&format!(
            "\"status\":\"{status}\",\"severity\":\"critical\",\"alertname\":\"ClaudeMemoryMCPDown\""
        ))
    };
    wait("Prometheus did not scrape the service", || scraped(prometheus, 82));
    drop(service);
    let fired = wait("the alert did not arrive", || told("firing"));
    let _service = serve();
    let resolved = wait("the end of the alert did not arrive", || told("resolved"));
    assert!(!log().contains("PostgresDown") && !log().contains("QdrantDown"), "not configured, not down: {}", log());
    say(&format!("a killed service was in the log after {fired:.1?}, its return after {resolved:.1?} more"));
}

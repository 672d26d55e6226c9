//! Metrics, rules and alerts, with the real Prometheus and Alertmanager where they are installed.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};

use claude_memory::testing::monitor::RULES;
use serde_json::Value;

use crate::client::Client;
use crate::home::{TestHome, say, skip};
use crate::http::{Service, save};

pub(crate) const HOW: &str = "apt-get install prometheus prometheus-alertmanager";

fn metrics(service: &Service) -> String {
    let bearer = format!("Bearer {}", service.token);
    let (status, answer) = service.request("GET /metrics", &service.good(&bearer), b"");
    assert_eq!(status, 200, "{answer}");
    answer.split("\r\n\r\n").nth(1).unwrap().to_owned()
}

fn value(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

pub(crate) fn has(program: &str) -> bool {
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
    let _ = home.json(&["maintain"]);
    assert!(home.run(&["doctor", "--deep"]).code < 2);
    let page = metrics(&service);
    let known: HashSet<&str> = page.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
    // Of backends that are not configured, and of secrets that were not seen.
    let known = |name: &str| {
        known.contains(name)
            || name.starts_with("claude_memory_sync_")
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

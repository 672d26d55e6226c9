//! The whole way of an alert: the real Prometheus scrapes a service, its rules see what is wrong, the real Alertmanager tells the
//! webhook of another service, which writes it down; and when it is over, that too. What is tested is the way, not the patience: all
//! intervals are shortened.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::home::{TestHome, say, skip};
use crate::http::{Service, save};
use crate::monitoring::{HOW, has};
use crate::postgres::Postgres;
use crate::runbook;
use crate::serving::wait;

/// Ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A service that is watched, and those who watch it.
struct Rig {
    home: TestHome,
    watcher: TestHome,
    receiver: Service,
    folder: PathBuf,
    http: String,
    prometheus: String,
    manager: String,
    settings: Vec<(&'static str, String)>,
    running: Vec<Program>,
}

impl Rig {
    /// `None`, and that is said, where Prometheus or Alertmanager are missing.
    fn new(settings: &[(&'static str, &str)]) -> Option<Self> {
        if !has("prometheus") || !has("prometheus-alertmanager") {
            skip("Prometheus and Alertmanager", HOW);
            return None;
        }
        let (home, watcher) = (TestHome::new(), TestHome::new());
        let _ = home.import_samples();
        home.allow_variables("[\"sync.postgres\"]");
        let receiver = Service::start(&watcher);
        let folder = home.path().join("monitoring");
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let (http, prometheus, manager) = (free(), free(), free());
        Some(Self { home, watcher, receiver, folder, http, prometheus, manager, settings, running: Vec::new() })
    }

    /// The service, with a clock that goes.
    fn serve(&self) -> Program {
        let mut command = self.home.command();
        command.env_remove("CLAUDE_MEMORY_TEST_NOW").env("CLAUDE_MEMORY_SERVE_WATCH_SECONDS", "1");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.args(["serve", "--http", &self.http, "--webhook", "off"]).stdout(Stdio::null()).stderr(Stdio::null());
        Program(command.spawn().unwrap())
    }

    /// Starts those who watch, and waits until they do.
    fn watch(&mut self) {
        let folder = self.folder.to_str().unwrap();
        let export = ["monitoring", "export", folder, "--http", &self.http, "--webhook", &self.receiver.webhook];
        let _ = self.home.json(&[&export[..], &["--alertmanager", &self.manager]].concat());
        let (ours, theirs) =
            (self.home.memory().join("http.webhook.token"), self.watcher.memory().join("http.webhook.token"));
        edit(&self.folder.join("prometheus.yml"), &[("10s", "1s")]);
        edit(
            &self.folder.join("rules.yml"),
            &[("for: 30s", "for: 2s"), ("for: 60s", "for: 2s"), ("for: 120s", "for: 2s")],
        );
        let patience = [("group_wait: 10s", "group_wait: 1s"), ("group_interval: 1m", "group_interval: 1s")];
        edit(&self.folder.join("alertmanager.yml"), &patience);
        edit(&self.folder.join("alertmanager.yml"), &[(ours.to_str().unwrap(), theirs.to_str().unwrap())]);
        let listen = format!("--web.listen-address={}", self.manager);
        let files = ["--config.file=alertmanager.yml", "--storage.path=am", "--cluster.listen-address=", &listen];
        self.running.push(start(&self.folder, "prometheus-alertmanager", &files));
        let listen = format!("--web.listen-address={}", self.prometheus);
        let files = ["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", &listen];
        self.running.push(start(&self.folder, "prometheus", &files));
        wait("Prometheus did not scrape the service", || self.scraped("claude_memory_messages", "82"));
    }

    /// Whether Prometheus has this value.
    fn scraped(&self, series: &str, value: &str) -> bool {
        let Ok(mut stream) = std::net::TcpStream::connect(&self.prometheus) else { return false };
        let request = format!("GET /api/v1/query?query={series} HTTP/1.0\r\nHost: x\r\n\r\n");
        let mut answer = String::new();
        let asked = std::io::Write::write_all(&mut stream, request.as_bytes());
        asked.is_ok()
            && std::io::Read::read_to_string(&mut stream, &mut answer).is_ok()
            && answer.contains(&format!("\"{value}\""))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.watcher.memory().join("logs/alerts.log")).unwrap_or_default()
    }

    fn told(&self, alert: &str, status: &str) -> bool {
        let lines = self.log();
        let mut lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.any(|line| line["alertname"] == alert && line["status"] == status)
    }

    /// Waits for an alert and then for its end; says how long both took.
    #[track_caller]
    fn comes_and_goes(&self, alert: &str, begin: impl FnOnce(), end: impl FnOnce()) {
        begin();
        let fired = wait(&format!("{alert} did not arrive"), || self.told(alert, "firing"));
        end();
        let resolved = wait(&format!("the end of {alert} did not arrive"), || self.told(alert, "resolved"));
        say(&format!("{alert} was in the log after {fired:.1?}, its end after {resolved:.1?} more"));
    }
}

/// Puts other words into a file of the export.
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

#[test]
fn a_killed_service_reaches_the_log_and_so_does_its_return() {
    let Some(mut rig) = Rig::new(&[]) else { return };
    let mut service = Some(rig.serve());
    rig.watch();
    // Those who are asked say that everything is as it should be.
    let (prometheus, manager, http, webhook) = (&rig.prometheus, &rig.manager, &rig.http, &rig.receiver.webhook);
    let check = || {
        let ask = ["monitoring", "check", "--prometheus", prometheus, "--alertmanager", manager, "--http", http];
        rig.home.run(&[&ask[..], &["--webhook", webhook, "--json"]].concat())
    };
    let asked: Value = serde_json::from_str(&check().stdout).unwrap();
    let bad: Vec<&Value> = asked["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false).collect();
    // The webhook is another service's here, with another token.
    assert!(bad.len() == 1 && bad[0]["name"] == "webhook", "{bad:?}");
    for line in runbook::asked_of_others() {
        let asked = line.replace("localhost:9090", prometheus).replace("localhost:9093", manager);
        assert!(runbook::shell(&rig.home, &asked).status.success(), "{asked}");
    }
    let mut again = None;
    rig.comes_and_goes("ClaudeMemoryMCPDown", || drop(service.take()), || again = Some(rig.serve()));
    let log = rig.log();
    assert!(!log.contains("PostgresDown") && !log.contains("QdrantDown"), "not configured, not down: {log}");
}

#[test]
fn a_database_that_stops_is_told_and_so_is_its_return() {
    let Some(server) = Postgres::start() else { return };
    let url = server.url();
    let Some(mut rig) = Rig::new(&[("CLAUDE_MEMORY_SYNC_POSTGRES", &url)]) else { return };
    let _service = rig.serve();
    rig.watch();
    wait("it is up", || rig.scraped("claude_memory_postgres_up", "1"));
    let health =
        rig.home.command().env("CLAUDE_MEMORY_SYNC_POSTGRES", &url).args(["status", "--json"]).output().unwrap();
    let health: Value = serde_json::from_slice(&health.stdout).unwrap();
    assert_eq!(health["backends"][0]["state"], "up", "{health}");
    assert_eq!(health["backends"][1]["state"], "not_configured");
    rig.comes_and_goes("ClaudeMemoryPostgresDown", || server.stop(), || server.resume());
    let log = rig.log();
    assert!(!log.contains("QdrantDown"), "not configured, not down: {log}");
}

#[test]
fn a_slow_request_is_told_and_idleness_ends_it() {
    let Some(mut rig) = Rig::new(&[("CLAUDE_MEMORY_SERVE_WINDOW_SECONDS", "15")]) else { return };
    let _service = rig.serve();
    rig.watch();
    // It has to wait for another process that writes for long.
    let slow = || {
        let other = rig.home.database();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| rig.save("said while somebody else wrote"));
            std::thread::sleep(std::time::Duration::from_millis(6500));
            other.execute_batch("ROLLBACK").unwrap();
            assert_eq!(asked.join().unwrap(), 200);
        });
    };
    rig.comes_and_goes("ClaudeMemoryHighResponseTime", slow, || {});
}

impl Rig {
    /// Saves a text over MCP; the status.
    fn save(&self, text: &str) -> u16 {
        let token = std::fs::read_to_string(self.home.memory().join("http.token")).unwrap();
        let bearer = format!("Bearer {}", token.trim());
        crate::http::request(&self.http, "POST /mcp", &crate::http::good(&self.http, &bearer), &save(text)).0
    }
}

//! Metrics of all sessions. Every process counts what it does and adds it to counters in the store, so that the page
//! also covers other and ended sessions. Owns the names; no label holds a text, a path or a project.

mod page;
mod traffic;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::backup;
use crate::config::{Settings, SyncSettings, env};
use crate::domain::{Ledger, Timestamp};
use crate::memory::{Backlog, Memory, MemoryHealth};
use crate::store::{JobRun, StoreStats, TargetState, take_busy_waits};
use page::{MetricsPage, single_label};
use traffic::TrafficWindow;

pub use traffic::Traffic;

/// Upper bounds of the histogram in seconds; 2, 5 and 10 are the runbook's thresholds.
const BUCKETS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0];
/// Name of the samples of the import lag, in seconds.
pub const INGEST_LAG: &str = "ingest_lag_seconds";
/// Prefix of the samples of a target's sync lag, in seconds; the target's name follows.
pub const SYNC_LAG: &str = "sync_lag_seconds_";
/// Default length of the averaging window in seconds.
const WINDOW_SECONDS: u32 = 300;

/// Jobs with an outcome: name, series of outcome and time, help text of the outcome.
const JOB_METRICS: [(&str, &str, &str, &str); 4] = [
    (
        "backup",
        "claude_memory_backup_ok",
        "claude_memory_backup_attempt_timestamp_seconds",
        "1 if the last backup for the backup folder was created and verified, else 0.",
    ),
    (
        "integrity",
        "claude_memory_integrity_ok",
        "claude_memory_integrity_check_timestamp_seconds",
        "1 if texts, word index and database pages agreed at the last verification, else 0.",
    ),
    (
        "canary",
        "claude_memory_canary_ok",
        "claude_memory_canary_timestamp_seconds",
        "1 if a saved test message was found, and not found after it was deleted, else 0.",
    ),
    (
        "maintenance",
        "claude_memory_maintenance_ok",
        "claude_memory_maintenance_timestamp_seconds",
        "1 if the last maintenance succeeded, else 0.",
    ),
];

/// Counters of this process that are not yet added to the store.
#[derive(Debug)]
pub struct Metrics {
    pending: Mutex<BTreeMap<String, i64>>,
    /// Held while pending counters move to the store, so that a reader counts each once: here or there.
    moving: Mutex<()>,
    window: Mutex<TrafficWindow>,
    /// True if the last reload of the configuration succeeded.
    config_ok: AtomicBool,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            pending: Mutex::default(),
            moving: Mutex::default(),
            window: Mutex::new(TrafficWindow::new(WINDOW_SECONDS)),
            config_ok: AtomicBool::new(true),
        }
    }
}

/// Values read from the store and its surroundings, as opposed to counters. Costly, so they are read at intervals.
#[derive(Debug, Clone)]
pub struct Readings {
    /// Counts and sizes of the store.
    pub stats: StoreStats,
    /// Embeddings of the current model.
    pub vectors: u64,
    /// Transcripts on disk, and those read.
    pub backlog: Backlog,
    /// Outcomes of the records of all imported files, by source.
    pub ledgers: Vec<(String, Ledger)>,
    /// Redacted secrets, by rule.
    pub redactions: Vec<(String, u64)>,
    /// Time of the newest backup.
    pub backup: Option<Timestamp>,
    /// Free and total bytes of the disk.
    pub disk: Option<(u64, u64)>,
    /// Bytes of the shared index files.
    pub index_bytes: u64,
    /// Last runs of the jobs, with their outcome.
    pub runs: Vec<JobRun>,
    /// Configured sync targets that were probed.
    pub targets: Vec<TargetLag>,
}

/// A sync target and its lag.
#[derive(Debug, Clone)]
pub struct TargetLag {
    /// Outcome of the last probe.
    pub state: TargetState,
    /// Changes not pushed yet.
    pub messages: u64,
    /// Embeddings not pushed yet.
    pub vectors: u64,
    /// Age of the oldest change not pushed yet, in milliseconds.
    pub lag_ms: i64,
}

impl Readings {
    /// Reads all values.
    pub fn read_all(
        memory: &Memory,
        settings: &Settings,
        transcripts: Option<&std::path::Path>,
        now: Timestamp,
    ) -> crate::memory::Result<Self> {
        Self::from_health(memory, settings, &memory.check_health(now)?, memory.import_backlog(transcripts, now)?)
    }

    /// Reads the values that are not in `health`.
    pub fn from_health(
        memory: &Memory,
        settings: &Settings,
        health: &MemoryHealth,
        backlog: Backlog,
    ) -> crate::memory::Result<Self> {
        let paths = memory.paths();
        Ok(Self {
            vectors: health.vectors,
            stats: health.stats.clone(),
            backlog,
            ledgers: health.ledgers.clone(),
            redactions: memory.snapshot()?.redaction_counts()?,
            backup: backup::newest_backup_time(&paths.backups_folder()),
            disk: injected_disk().or_else(|| crate::disk::disk_space(paths.home()).ok()),
            index_bytes: folder_bytes(&paths.index_folder()),
            runs: memory.snapshot()?.last_runs()?,
            targets: configured_targets(memory, &settings.sync)?,
        })
    }
}

/// Returns the disk usage that a test injects: free percent, and 100.
fn injected_disk() -> Option<(u64, u64)> {
    let used = env::test_readings().into_iter().find(|(name, _)| name == "disk")?.1;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "percent")]
    let used = used.clamp(0.0, 100.0) as u64;
    Some((100 - used, 100))
}

/// Returns the configured targets that were probed, with their lag.
fn configured_targets(memory: &Memory, settings: &SyncSettings) -> crate::memory::Result<Vec<TargetLag>> {
    let named = |state: &TargetState| match state.name.as_str() {
        "postgres" => !settings.postgres.is_empty(),
        _ => !settings.qdrant.is_empty(),
    };
    let now = env::current_time();
    let states = memory.target_states()?.into_iter().filter(named);
    states
        .map(|state| {
            let (messages, vectors, since) = memory.pending_for_target(state.progress)?;
            let lag_ms = since.map_or(0, |since| (now.to_milliseconds() - since.to_milliseconds()).max(0));
            Ok(TargetLag { state, messages, vectors, lag_ms })
        })
        .collect()
}

/// Sums the file sizes of a folder. Files that vanish meanwhile count as nothing.
fn folder_bytes(folder: &std::path::Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).filter(std::fs::Metadata::is_file).map(|data| data.len()).sum()
}

impl Metrics {
    /// Counts a request. `method` and `tool` come from fixed lists; `tool` is empty if there is none.
    pub fn count_request(&self, method: &'static str, tool: &str, ok: bool, took: std::time::Duration) {
        let outcome = if ok { "ok" } else { "error" };
        let seconds = took.as_secs_f64();
        let bucket = BUCKETS.iter().position(|bound| seconds <= *bound).unwrap_or(BUCKETS.len());
        let micros = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let mut add = |name: String, more: i64| *pending.entry(name).or_default() += more;
        add(format!("requests/{method}/{tool}/{outcome}"), 1);
        add(format!("bucket/{method}/{bucket}"), 1);
        add(format!("micros/{method}"), micros);
    }

    /// Increments a counter; `name` comes from a fixed list.
    pub fn count_event(&self, name: &'static str) {
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default() += 1;
    }

    /// Adds the pending counters to the store. If that fails they stay pending for the next call.
    pub fn flush_counters(&self, memory: &Memory) -> crate::memory::Result<()> {
        let waits = i64::try_from(take_busy_waits()).unwrap_or(0);
        if waits > 0 {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            *pending.entry("busy_waits".to_owned()).or_default() += waits;
        }
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if taken.is_empty() {
            return Ok(());
        }
        let outcome = memory.add_counters(taken.clone().into_iter().collect());
        if outcome.is_err() {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            taken.into_iter().for_each(|(name, more)| *pending.entry(name).or_default() += more);
        }
        outcome
    }

    /// Sets the length of the averaging window.
    pub fn set_window(&self, seconds: u32) {
        self.window.lock().unwrap_or_else(PoisonError::into_inner).set_seconds(seconds);
    }

    /// Records if the last reload of the configuration succeeded.
    pub fn record_config(&self, ok: bool) {
        self.config_ok.store(ok, Ordering::Relaxed);
    }

    /// Returns true if the last reload of the configuration succeeded.
    pub fn config_is_ok(&self) -> bool {
        self.config_ok.load(Ordering::Relaxed)
    }

    /// Returns rates and latencies of the last minutes.
    pub fn recent_traffic(&self, memory: &Memory, now: Timestamp) -> crate::memory::Result<Traffic> {
        let counters = self.all_counters(memory)?;
        Ok(self.window.lock().unwrap_or_else(PoisonError::into_inner).sample_traffic(&counters, now))
    }

    /// Returns the counters of all processes, including those pending in this one.
    fn all_counters(&self, memory: &Memory) -> crate::memory::Result<BTreeMap<String, i64>> {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counters = memory.snapshot()?.read_counters()?;
        for (name, more) in self.pending.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            *counters.entry(name.clone()).or_default() += more;
        }
        Ok(counters)
    }

    /// Renders the page in Prometheus' text format. `up_ms` is the uptime of this process in milliseconds.
    pub fn render_page(
        &self,
        memory: &Memory,
        readings: &Readings,
        up_ms: i64,
        now: Timestamp,
    ) -> crate::memory::Result<String> {
        let counters = self.all_counters(memory)?;
        let mut page = MetricsPage::default();
        self.add_requests(&mut page, &counters, now);
        let of = |name: &str| to_float(counters.get(name).copied().unwrap_or(0));
        page.add_counter("claude_memory_search_total", "Searches.", vec![(vec![], count_searches(&counters))]);
        page.add_counter("claude_memory_health_checks_total", "Health checks.", vec![(vec![], of("health_checks"))]);
        page.add_gauge(
            "claude_memory_last_health_check_timestamp",
            "Time at which the values below were read.",
            unix_seconds(now),
        );
        let version = env!("CARGO_PKG_VERSION");
        let version = || vec![(vec![("version", version.to_owned())], 1.0)];
        page.add_gauges("claude_memory_service_info", "The service.", version());
        page.add_gauges("claude_memory_build_info", "The program.", version());
        page.add_gauge("claude_memory_uptime_seconds", "Uptime of the service.", to_float(up_ms) / 1000.0);
        page.add_counter(
            "claude_memory_busy_waits_total",
            "Pauses while another process held the database.",
            vec![(vec![], of("busy_waits"))],
        );
        page.add_counter(
            "claude_memory_http_rejections_total",
            "Requests refused and connections closed by the service, by reason.",
            rejection_rows(&counters),
        );
        page.add_gauge(
            "claude_memory_config_ok",
            "1 if the last reload of the configuration succeeded, else 0.",
            f64::from(u8::from(self.config_is_ok())),
        );
        add_store_metrics(&mut page, readings);
        Ok(page.encode_text())
    }

    fn add_requests(&self, page: &mut MetricsPage, counters: &BTreeMap<String, i64>, now: Timestamp) {
        let mut rows = Vec::new();
        let mut errors = 0;
        let mut histograms: BTreeMap<&str, (Vec<u64>, f64)> = BTreeMap::new();
        for (name, value) in counters {
            let mut words = name.rsplitn(3, '/');
            match name.split('/').next() {
                Some("requests") => {
                    let (outcome, tool) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                    let method = words.next().and_then(|rest| rest.strip_prefix("requests/")).unwrap_or("");
                    let labels = [("method", method), ("tool", tool), ("outcome", outcome)];
                    rows.push((labels.map(|(name, value)| (name, value.to_owned())).to_vec(), to_float(*value)));
                    errors += if outcome == "error" { *value } else { 0 };
                }
                Some("bucket") => {
                    let Some((method, bucket)) = name.strip_prefix("bucket/").and_then(|rest| rest.rsplit_once('/'))
                    else {
                        continue;
                    };
                    let place = bucket.parse::<usize>().ok();
                    let counts = &mut histograms.entry(method).or_insert_with(|| (vec![0; BUCKETS.len() + 1], 0.0)).0;
                    if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
                        *count = u64::try_from(*value).unwrap_or(0);
                    }
                }
                Some("micros") => {
                    let method = name.strip_prefix("micros/").unwrap_or("");
                    histograms.entry(method).or_insert_with(|| (vec![0; BUCKETS.len() + 1], 0.0)).1 =
                        to_float(*value) / 1e6;
                }
                _ => {}
            }
        }
        if rows.is_empty() {
            let nothing = [("method", "tools/call"), ("tool", "memory_search"), ("outcome", "ok")];
            rows.push((nothing.map(|(name, value)| (name, value.to_owned())).to_vec(), 0.0));
        }
        page.add_counter("claude_memory_requests_total", "MCP requests of all sessions.", rows);
        page.add_counter("claude_memory_errors_total", "Requests that failed.", vec![(vec![], to_float(errors))]);
        let rows = histograms.into_iter().map(|(method, (counts, sum))| (single_label("method", method), counts, sum));
        page.add_histogram("claude_memory_request_duration_seconds", "Duration of requests.", &BUCKETS, rows.collect());
        let traffic = self.window.lock().unwrap_or_else(PoisonError::into_inner).sample_traffic(counters, now);
        page.add_gauge(
            "claude_memory_avg_response_time_seconds",
            "Mean duration of the last minutes; 0 without requests.",
            traffic.average_seconds,
        );
    }
}

/// Counts rejections over HTTP by reason.
fn rejection_rows(counters: &BTreeMap<String, i64>) -> Vec<(Vec<(&'static str, String)>, f64)> {
    let by_reason = counters.iter().filter_map(|(name, count)| Some((name.strip_prefix("http_rejected/")?, *count)));
    let mut rows: Vec<_> = by_reason.map(|(reason, count)| (single_label("reason", reason), to_float(count))).collect();
    if rows.is_empty() {
        rows.push((single_label("reason", "token"), 0.0));
    }
    rows
}

/// Counts records by source and by outcome.
fn record_rows(ledgers: &[(String, Ledger)]) -> Vec<(Vec<(&'static str, String)>, f64)> {
    let mut rows = Vec::new();
    for (source, ledger) in ledgers {
        let counts = [
            ("message", ledger.messages),
            ("own", ledger.own),
            ("bookkeeping", ledger.bookkeeping.values().sum()),
            ("not_understood", ledger.not_understood.values().sum()),
            ("damaged", ledger.damaged),
        ];
        for (outcome, count) in counts {
            let labels = vec![("source", source.clone()), ("outcome", outcome.to_owned())];
            rows.push((labels, to_float(i64::try_from(count).unwrap_or(i64::MAX))));
        }
    }
    rows
}

fn count_searches(counters: &BTreeMap<String, i64>) -> f64 {
    let searches = counters.iter().filter(|(name, _)| name.starts_with("requests/tools/call/memory_search/"));
    to_float(searches.map(|(_, value)| *value).sum())
}

fn add_store_metrics(page: &mut MetricsPage, readings: &Readings) {
    let Readings { stats, vectors, backlog, ledgers, redactions, backup, disk, index_bytes, runs, targets } = readings;
    let whole = |value: u64| to_float(i64::try_from(value).unwrap_or(i64::MAX));
    let gauges = [
        ("claude_memory_messages", "Messages in the store.", stats.messages),
        ("claude_memory_sessions", "Sessions in the store.", stats.conversations),
        ("claude_memory_vectors", "Embeddings of the current model.", *vectors),
        ("claude_memory_pending_embeddings", "Texts not embedded yet.", stats.pending),
        ("claude_memory_failed_embeddings", "Texts that could not be embedded.", stats.failed),
        ("claude_memory_quarantined_messages", "Messages in quarantine.", stats.quarantined),
        ("claude_memory_db_size_bytes", "Size of the database.", stats.database_bytes),
        ("claude_memory_wal_size_bytes", "Size of the write-ahead log.", stats.log_bytes),
        ("claude_memory_index_size_bytes", "Size of the shared index files.", *index_bytes),
        ("claude_memory_transcripts_on_disk", "Transcripts of Claude Code on disk.", backlog.files),
        ("claude_memory_transcripts_read", "Transcripts read to their end.", backlog.read),
    ];
    for (name, help, value) in gauges {
        page.add_gauge(name, help, whole(value));
    }
    page.add_gauges(
        "claude_memory_import_records",
        "Records of the imported files, by source and outcome.",
        record_rows(ledgers),
    );
    page.add_gauge(
        "claude_memory_ingest_lag_seconds",
        "Age of the oldest transcript change not imported yet.",
        to_float(backlog.lag_ms) / 1000.0,
    );
    if let Some(backup) = backup {
        page.add_gauge(
            "claude_memory_backup_last_success_timestamp_seconds",
            "Time of the newest backup.",
            unix_seconds(*backup),
        );
    }
    if let Some((free, all)) = disk {
        page.add_gauge("claude_memory_disk_free_bytes", "Free bytes of the disk that holds the store.", whole(*free));
        page.add_gauge(
            "claude_memory_disk_used_ratio",
            "Used part of the disk that holds the store, 0 to 1.",
            1.0 - whole(*free) / whole(*all).max(1.0),
        );
    }
    for run in runs {
        let Some((_, ok, at, what)) = JOB_METRICS.iter().find(|(name, ..)| *name == run.name) else { continue };
        page.add_gauge(ok, what, f64::from(u8::from(run.ok)));
        page.add_gauge(at, "Time of the last run.", unix_seconds(run.at));
    }
    for target in targets {
        let name = match target.state.name.as_str() {
            "postgres" => "claude_memory_postgres_up",
            _ => "claude_memory_qdrant_up",
        };
        page.add_gauge(name, "1 if the target answered the last probe, else 0.", f64::from(u8::from(target.state.up)));
    }
    let each = |of: &dyn Fn(&TargetLag) -> Option<f64>| {
        targets.iter().filter_map(|target| Some((single_label("target", &target.state.name), of(target)?))).collect()
    };
    page.add_gauges(
        "claude_memory_sync_lag_messages",
        "Changes not pushed yet.",
        each(&|target| Some(whole(target.messages))),
    );
    page.add_gauges(
        "claude_memory_sync_lag_vectors",
        "Embeddings not pushed yet.",
        each(&|target| Some(whole(target.vectors))),
    );
    page.add_gauges(
        "claude_memory_sync_lag_seconds",
        "Age of the oldest change not pushed yet.",
        each(&|target| Some(to_float(target.lag_ms) / 1000.0)),
    );
    page.add_gauges(
        "claude_memory_sync_last_success_timestamp_seconds",
        "Time of the last push that left nothing pending.",
        each(&|target| target.state.succeeded_at.map(unix_seconds)),
    );
    let rows = redactions.iter().map(|(rule, count)| (single_label("rule", rule), whole(*count)));
    page.add_counter("claude_memory_redactions_total", "Redacted secrets, by rule.", rows.collect());
}

fn unix_seconds(at: Timestamp) -> f64 {
    to_float(at.to_milliseconds()) / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "numbers of a monitoring system are floats")]
const fn to_float(value: i64) -> f64 {
    value as f64
}

//! What a monitoring system is told. Every process counts what it does and adds it to counters in the store, so that the page
//! speaks for all sessions and for those that have ended. Owns the names; no label holds a text, a path or a project.

mod page;
mod traffic;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::config::{Settings, SyncSettings, env};
use crate::domain::{Ledger, Timestamp};
use crate::memory::{Backlog, Health, Memory};
use crate::ops::backup;
use crate::store::{Run, Stats, TargetState, take_busy_waits};
use page::{Page, labelled};
use traffic::Window;

pub use traffic::Traffic;

/// Upper bounds of the histogram in seconds; 2, 5 and 10 are the runbook's thresholds.
const BUCKETS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0];
/// Seconds that the mean speaks for, when nobody says otherwise.
const WINDOW_SECONDS: u32 = 300;

/// Work with an outcome: its name, the series of outcome and time, what the outcome says.
const RUNS: [(&str, &str, &str, &str); 4] = [
    (
        "backup",
        "claude_memory_backup_ok",
        "claude_memory_backup_attempt_timestamp_seconds",
        "Whether the last backup for the folder of backups was made, restored and found equal.",
    ),
    (
        "integrity",
        "claude_memory_integrity_ok",
        "claude_memory_integrity_check_timestamp_seconds",
        "Whether texts, word index and the database's pages agreed.",
    ),
    (
        "canary",
        "claude_memory_canary_ok",
        "claude_memory_canary_timestamp_seconds",
        "Whether a text that was saved was found, and gone when it was forgotten.",
    ),
    (
        "maintenance",
        "claude_memory_maintenance_ok",
        "claude_memory_maintenance_timestamp_seconds",
        "Whether the last round of maintenance ended well.",
    ),
];

/// What this process has counted and not yet added to the store.
#[derive(Debug)]
pub struct Metrics {
    pending: Mutex<BTreeMap<String, i64>>,
    window: Mutex<Window>,
    /// Whether the configuration could be read the last time it was asked for.
    config_ok: AtomicBool,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            pending: Mutex::default(),
            window: Mutex::new(Window::new(WINDOW_SECONDS)),
            config_ok: AtomicBool::new(true),
        }
    }
}

/// What is looked up in the store and beside it, not counted. Costly: looked up now and then.
#[derive(Debug, Clone)]
pub struct Readings {
    /// Counts and sizes.
    pub stats: Stats,
    /// Vectors of the model in use.
    pub vectors: u64,
    /// Transcripts on disk and read.
    pub backlog: Backlog,
    /// What became of the records of all files that were read, by source.
    pub ledgers: Vec<(String, Ledger)>,
    /// Secrets that were taken out, by rule.
    pub redactions: Vec<(String, u64)>,
    /// The newest backup.
    pub backup: Option<Timestamp>,
    /// Bytes of the disk that are free, and all of them.
    pub disk: Option<(u64, u64)>,
    /// Bytes of the shared index files.
    pub index_bytes: u64,
    /// Work that was done, with its outcome.
    pub runs: Vec<Run>,
    /// Other places of the memory that are configured and were asked.
    pub targets: Vec<Copied>,
}

/// Another place of the memory, and what it has not seen.
#[derive(Debug, Clone)]
pub struct Copied {
    /// The last word on it.
    pub state: TargetState,
    /// Changes that it has not seen.
    pub messages: u64,
    /// Vectors that it has not seen.
    pub vectors: u64,
    /// Age of the first of those changes.
    pub lag_ms: i64,
}

impl Readings {
    /// Looks everything up.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn read(
        memory: &Memory,
        settings: &Settings,
        transcripts: Option<&std::path::Path>,
        now: Timestamp,
    ) -> crate::memory::Result<Self> {
        Self::of(memory, settings, &memory.health(now)?, memory.backlog(transcripts, now)?)
    }

    /// Looks up what is not in `health`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of(memory: &Memory, settings: &Settings, health: &Health, backlog: Backlog) -> crate::memory::Result<Self> {
        let paths = memory.paths();
        Ok(Self {
            vectors: health.vectors,
            stats: health.stats.clone(),
            backlog,
            ledgers: health.ledgers.clone(),
            redactions: memory.redactions()?,
            backup: backup::newest(&paths.backups()),
            disk: injected_disk().or_else(|| crate::disk::space(paths.home()).ok()),
            index_bytes: folder_bytes(&paths.index()),
            runs: memory.runs()?,
            targets: configured(memory, &settings.sync)?,
        })
    }
}

/// What a test says of the disk: free percent and all of them.
fn injected_disk() -> Option<(u64, u64)> {
    let used = env::readings().into_iter().find(|(name, _)| name == "disk")?.1;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "percent")]
    let used = used.clamp(0.0, 100.0) as u64;
    Some((100 - used, 100))
}

/// What is known of the targets that the settings name; of one that was never asked nothing is.
fn configured(memory: &Memory, settings: &SyncSettings) -> crate::memory::Result<Vec<Copied>> {
    let named = |state: &TargetState| match state.name.as_str() {
        "postgres" => !settings.postgres.is_empty(),
        _ => !settings.qdrant.is_empty(),
    };
    let now = env::now();
    let states = memory.targets()?.into_iter().filter(named);
    states
        .map(|state| {
            let (messages, vectors, since) = memory.waiting_after(state.progress)?;
            let lag_ms = since.map_or(0, |since| (now.milliseconds() - since.milliseconds()).max(0));
            Ok(Copied { state, messages, vectors, lag_ms })
        })
        .collect()
}

/// Files that vanish while one looks count as nothing.
fn folder_bytes(folder: &std::path::Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).filter(std::fs::Metadata::is_file).map(|data| data.len()).sum()
}

impl Metrics {
    /// Counts a request. `method` and `tool` are of fixed lists; `tool` is empty when there is none.
    pub fn request(&self, method: &'static str, tool: &str, ok: bool, took: std::time::Duration) {
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

    /// Counts something else, of a fixed list.
    pub fn count(&self, name: &'static str) {
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default() += 1;
    }

    /// Adds what was counted to the store. What cannot be added now is added the next time.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn flush(&self, memory: &Memory) -> crate::memory::Result<()> {
        let waits = i64::try_from(take_busy_waits()).unwrap_or(0);
        if waits > 0 {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            *pending.entry("busy_waits".to_owned()).or_default() += waits;
        }
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

    /// Seconds that the mean speaks for from now on.
    pub fn speak_for(&self, seconds: u32) {
        self.window.lock().unwrap_or_else(PoisonError::into_inner).speak_for(seconds);
    }

    /// Whether the configuration could be read when it was asked for.
    pub fn note_config(&self, ok: bool) {
        self.config_ok.store(ok, Ordering::Relaxed);
    }

    /// See [`Metrics::note_config`].
    pub fn config_is_ok(&self) -> bool {
        self.config_ok.load(Ordering::Relaxed)
    }

    /// How the last minutes went.
    ///
    /// # Errors
    /// When the counters cannot be read.
    pub fn traffic(&self, memory: &Memory, now: Timestamp) -> crate::memory::Result<Traffic> {
        let counters = self.counters(memory)?;
        Ok(self.window.lock().unwrap_or_else(PoisonError::into_inner).look(&counters, now))
    }

    /// What all processes have added, and what this one has not added yet.
    fn counters(&self, memory: &Memory) -> crate::memory::Result<BTreeMap<String, i64>> {
        let mut counters = memory.counters()?;
        for (name, more) in self.pending.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            *counters.entry(name.clone()).or_default() += more;
        }
        Ok(counters)
    }

    /// The page in Prometheus' text format. `up_ms` is how long this process runs; `checked` when health was last looked at.
    ///
    /// # Errors
    /// When the counters cannot be read.
    pub fn page(
        &self,
        memory: &Memory,
        readings: &Readings,
        up_ms: i64,
        now: Timestamp,
    ) -> crate::memory::Result<String> {
        let counters = self.counters(memory)?;
        let mut page = Page::default();
        self.requests(&mut page, &counters, now);
        let of = |name: &str| number(counters.get(name).copied().unwrap_or(0));
        page.counter("claude_memory_search_total", "Searches.", vec![(vec![], searches(&counters))]);
        page.counter("claude_memory_health_checks_total", "Looks at the health.", vec![(vec![], of("health_checks"))]);
        page.gauge(
            "claude_memory_last_health_check_timestamp",
            "When the numbers below were looked up.",
            now_seconds(now),
        );
        let version = env!("CARGO_PKG_VERSION");
        let version = || vec![(vec![("version", version.to_owned())], 1.0)];
        page.gauges("claude_memory_service_info", "The service.", version());
        page.gauges("claude_memory_build_info", "The program.", version());
        page.gauge("claude_memory_uptime_seconds", "How long the service runs.", number(up_ms) / 1000.0);
        page.counter(
            "claude_memory_busy_waits_total",
            "Pauses while another process held the database.",
            vec![(vec![], of("busy_waits"))],
        );
        page.gauge(
            "claude_memory_config_ok",
            "Whether the configuration could be read when it was asked for.",
            f64::from(u8::from(self.config_is_ok())),
        );
        store(&mut page, readings);
        Ok(page.text())
    }

    fn requests(&self, page: &mut Page, counters: &BTreeMap<String, i64>, now: Timestamp) {
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
                    rows.push((labels.map(|(name, value)| (name, value.to_owned())).to_vec(), number(*value)));
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
                        number(*value) / 1e6;
                }
                _ => {}
            }
        }
        if rows.is_empty() {
            let nothing = [("method", "tools/call"), ("tool", "memory_search"), ("outcome", "ok")];
            rows.push((nothing.map(|(name, value)| (name, value.to_owned())).to_vec(), 0.0));
        }
        page.counter("claude_memory_requests_total", "Requests over MCP, of all sessions.", rows);
        page.counter("claude_memory_errors_total", "Requests that failed.", vec![(vec![], number(errors))]);
        let rows = histograms.into_iter().map(|(method, (counts, sum))| (labelled("method", method), counts, sum));
        page.histogram("claude_memory_request_duration_seconds", "How long requests took.", &BUCKETS, rows.collect());
        let traffic = self.window.lock().unwrap_or_else(PoisonError::into_inner).look(counters, now);
        page.gauge(
            "claude_memory_avg_response_time_seconds",
            "Mean of the last minutes; 0 when nothing was asked.",
            traffic.average_seconds,
        );
    }
}

/// Records by source and by what became of them.
fn records(ledgers: &[(String, Ledger)]) -> Vec<(Vec<(&'static str, String)>, f64)> {
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
            rows.push((labels, number(i64::try_from(count).unwrap_or(i64::MAX))));
        }
    }
    rows
}

fn searches(counters: &BTreeMap<String, i64>) -> f64 {
    let searches = counters.iter().filter(|(name, _)| name.starts_with("requests/tools/call/memory_search/"));
    number(searches.map(|(_, value)| *value).sum())
}

fn store(page: &mut Page, readings: &Readings) {
    let Readings { stats, vectors, backlog, ledgers, redactions, backup, disk, index_bytes, runs, targets } = readings;
    let whole = |value: u64| number(i64::try_from(value).unwrap_or(i64::MAX));
    let gauges = [
        ("claude_memory_messages", "Messages that are kept.", stats.messages),
        ("claude_memory_sessions", "Sessions that are kept.", stats.conversations),
        ("claude_memory_vectors", "Vectors of the model in use.", *vectors),
        ("claude_memory_pending_embeddings", "Texts that wait for a vector.", stats.pending),
        ("claude_memory_failed_embeddings", "Texts that could not get one.", stats.failed),
        ("claude_memory_quarantined_messages", "Messages that are kept out of answers.", stats.quarantined),
        ("claude_memory_db_size_bytes", "Size of the database.", stats.database_bytes),
        ("claude_memory_wal_size_bytes", "Size of its write-ahead log.", stats.log_bytes),
        ("claude_memory_index_size_bytes", "Size of the shared index files.", *index_bytes),
        ("claude_memory_transcripts_on_disk", "Transcripts of Claude Code on disk.", backlog.files),
        ("claude_memory_transcripts_read", "Those that were read to their end.", backlog.read),
    ];
    for (name, help, value) in gauges {
        page.gauge(name, help, whole(value));
    }
    page.gauges("claude_memory_import_records", "Records of the files that were read.", records(ledgers));
    page.gauge(
        "claude_memory_ingest_lag_seconds",
        "Age of the oldest change that was not read.",
        number(backlog.lag_ms) / 1000.0,
    );
    if let Some(backup) = backup {
        page.gauge(
            "claude_memory_backup_last_success_timestamp_seconds",
            "When the newest backup was made.",
            now_seconds(*backup),
        );
    }
    if let Some((free, all)) = disk {
        page.gauge("claude_memory_disk_free_bytes", "Free bytes of the disk that holds the store.", whole(*free));
        page.gauge(
            "claude_memory_disk_used_ratio",
            "Used part of that disk, 0 to 1.",
            1.0 - whole(*free) / whole(*all).max(1.0),
        );
    }
    for run in runs {
        let Some((_, ok, at, what)) = RUNS.iter().find(|(name, ..)| *name == run.name) else { continue };
        page.gauge(ok, what, f64::from(u8::from(run.ok)));
        page.gauge(at, "When that was last looked at.", now_seconds(run.at));
    }
    for target in targets {
        let name = match target.state.name.as_str() {
            "postgres" => "claude_memory_postgres_up",
            _ => "claude_memory_qdrant_up",
        };
        page.gauge(name, "Whether it answered the last time it was asked.", f64::from(u8::from(target.state.up)));
    }
    let each = |of: &dyn Fn(&Copied) -> Option<f64>| {
        targets.iter().filter_map(|target| Some((labelled("target", &target.state.name), of(target)?))).collect()
    };
    page.gauges(
        "claude_memory_sync_lag_messages",
        "Changes not sent yet.",
        each(&|target| Some(whole(target.messages))),
    );
    page.gauges("claude_memory_sync_lag_vectors", "Vectors not sent yet.", each(&|target| Some(whole(target.vectors))));
    page.gauges(
        "claude_memory_sync_lag_seconds",
        "Age of the first change that was not sent.",
        each(&|target| Some(number(target.lag_ms) / 1000.0)),
    );
    page.gauges(
        "claude_memory_sync_last_success_timestamp_seconds",
        "When everything had been sent.",
        each(&|target| target.state.succeeded_at.map(now_seconds)),
    );
    let rows = redactions.iter().map(|(rule, count)| (labelled("rule", rule), whole(*count)));
    page.counter("claude_memory_redactions_total", "Secrets that were taken out, by rule.", rows.collect());
}

fn now_seconds(at: Timestamp) -> f64 {
    number(at.milliseconds()) / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "numbers of a monitoring system are floats")]
const fn number(value: i64) -> f64 {
    value as f64
}

//! Background loops of the service: scheduled jobs (backup, verification, maintenance) and the alert watcher.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::live_settings::LiveSettings;
use super::tasks::{Ticker, Wake};
use crate::backup::deletion;
use crate::bridge::EngineHandle;
use crate::config::{Paths, ScheduledJob, env};
use crate::embed::lower_thread_priority;
use crate::memory::{self, Memory};
use crate::monitor::alert_evaluation::AlertEvaluator;
use crate::monitor::alert_inputs::AlertInputs;
use crate::monitor::alerts::{self, AlertLine, AlertLog};
use crate::monitor::metrics::{Metrics, Readings};
use crate::monitor::notifications;
use crate::system::schedule::{self, JobContext};

/// Pause before the first check for due jobs.
const FIRST_CHECK: Duration = Duration::from_secs(5);
/// Pause between two checks for due jobs.
const CHECK_INTERVAL: Duration = Duration::from_mins(1);
/// Pause before a failed job is tried again.
const RETRY_AFTER: Duration = Duration::from_hours(1);
/// Pause between two attempts to remove deleted messages from copies.
const COPIES_INTERVAL: Duration = Duration::from_hours(1);

/// Runs due jobs until the service ends.
pub(super) fn run_schedule(
    rest: &Ticker,
    desk: &EngineHandle<Memory, memory::Error>,
    live: &LiveSettings,
    (paths, transcripts): (&Paths, Option<&Path>),
) {
    lower_thread_priority();
    let mut failed: HashMap<ScheduledJob, Instant> = HashMap::new();
    let mut pause = FIRST_CHECK;
    let mut cleaned: Option<Instant> = None;
    while rest.sleep_for(pause) != Wake::End {
        pause = CHECK_INTERVAL;
        let settings = live.get();
        let Some(memory) = desk.get_or_open().ok().filter(|_| settings.schedule.enabled) else { continue };
        failed.retain(|_, at| at.elapsed() < RETRY_AFTER);
        for job in &ScheduledJob::ALL {
            let due = schedule::is_due(*job, &memory, paths, &settings.schedule, env::current_time());
            if failed.contains_key(job) || !due.unwrap_or(false) {
                continue;
            }
            let ground = JobContext { memory: &memory, paths, settings: &settings.schedule, transcripts };
            match schedule::run_job(*job, ground, env::current_time(), rest.stop_flag()) {
                Ok(Some(finding)) => tracing::info!(job = job.name(), finding, "scheduled job finished"),
                Ok(None) => tracing::info!(job = job.name(), "scheduled job interrupted"),
                Err(error) => {
                    tracing::error!(job = job.name(), %error, "scheduled job failed");
                    failed.insert(*job, Instant::now());
                }
            }
        }
        if cleaned.is_none_or(|at| at.elapsed() >= COPIES_INTERVAL) {
            cleaned = Some(Instant::now());
            match deletion::clean_pending_copies(&memory, env::current_time()) {
                Ok(0) => {}
                Ok(copies) => tracing::info!(copies, "deleted messages removed from copies"),
                Err(error) => tracing::error!(%error, "failed to remove deleted messages from copies"),
            }
        }
    }
}

/// Log and settings that alert notifications need.
#[derive(Debug, Clone)]
pub(super) struct AlertNotifier {
    pub(super) log: Arc<AlertLog>,
    pub(super) live: LiveSettings,
}

impl AlertNotifier {
    /// Shows new alerts on the desktop and runs the programs configured for them.
    pub(super) fn notify_alerts(&self, lines: &[AlertLine]) {
        let settings = self.live.get();
        lines.iter().for_each(|line| notifications::notify_alert(line, &settings.alerts));
    }
}

/// Inputs and outputs of the alert watcher.
#[derive(Debug)]
pub(super) struct AlertWatcher {
    pub(super) desk: EngineHandle<Memory, memory::Error>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) paths: Paths,
    pub(super) transcripts: Option<std::path::PathBuf>,
    pub(super) teller: AlertNotifier,
}

/// Evaluates the alert rules at intervals until the service ends.
pub(super) fn watch_alerts(rest: &Ticker, lookout: &AlertWatcher) {
    let known = alerts::read_log(&lookout.paths.alerts_log()).unwrap_or_default();
    let mut watcher = AlertEvaluator::from_open_alerts(&alerts::open_alerts(&known));
    loop {
        let seconds = lookout.teller.live.get().serve.watch_seconds.max(1);
        if rest.sleep_for(Duration::from_secs(seconds.into())) == Wake::End {
            return;
        }
        let settings = lookout.teller.live.get();
        if !settings.alerts.watch {
            continue;
        }
        if let Err(error) = evaluate_rules(&mut watcher, lookout, &settings) {
            tracing::warn!(%error, "failed to evaluate alert rules");
        }
    }
}

/// Evaluates the rules once, then logs and notifies what changed.
fn evaluate_rules(
    watcher: &mut AlertEvaluator,
    lookout: &AlertWatcher,
    settings: &crate::config::Settings,
) -> memory::Result<()> {
    let (memory, now) = (lookout.desk.get_or_open()?, env::current_time());
    let readings = Readings::read_all(&memory, settings, lookout.transcripts.as_deref(), now)?;
    let traffic = lookout.metrics.recent_traffic(&memory, now)?;
    let config_ok = lookout.metrics.config_is_ok();
    let schedule = &settings.schedule;
    let lines = watcher.evaluate_alerts(&AlertInputs { readings: &readings, traffic, config_ok, schedule, now });
    if lines.is_empty() {
        return Ok(());
    }
    // Alerts that Prometheus has already raised are not notified twice.
    let known = alerts::read_log(&lookout.paths.alerts_log()).unwrap_or_default();
    let open = alerts::open_alerts(&known);
    let told = |line: &AlertLine| {
        open.iter().any(|other| other.alertname == line.alertname && other.fingerprint != line.fingerprint)
    };
    let lines = lines.into_iter().filter(|line| line.status != "firing" || !told(line)).collect();
    match lookout.teller.log.append_lines(lines) {
        Ok(new) => {
            for line in &new {
                tracing::warn!(alert = line.alertname, status = line.status, "local alert changed");
            }
            lookout.teller.notify_alerts(&new);
        }
        Err(error) => tracing::error!(%error, "failed to write the alert log"),
    }
    Ok(())
}

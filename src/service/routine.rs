//! The service's own rounds: work that is due (backups, comparing, maintenance), and what alerts are about.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::live::Live;
use super::tasks::{Rest, Woken};
use crate::bridge::Desk;
use crate::config::{Paths, env};
use crate::embed::give_way;
use crate::memory::{self, Memory};
use crate::ops::alerts::{self, Line, Log};
use crate::ops::metrics::{Metrics, Readings};
use crate::ops::schedule::{self, Ground, Job};
use crate::ops::tell;
use crate::ops::watch::{Sight, Watcher};

/// After the start, and between two looks at what is due.
const FIRST: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_mins(1);
/// What failed is tried again after this time.
const AGAIN: Duration = Duration::from_hours(1);

/// Does what is due until the service ends.
pub(super) fn schedule(
    rest: &Rest,
    desk: &Desk<Memory, memory::Error>,
    live: &Live,
    (paths, transcripts): (&Paths, Option<&Path>),
) {
    give_way();
    let mut failed: HashMap<Job, Instant> = HashMap::new();
    let mut pause = FIRST;
    while rest.wait(pause) != Woken::End {
        pause = LOOK;
        let settings = live.get();
        let Some(memory) = desk.opened().ok().filter(|_| settings.schedule.enabled) else { continue };
        failed.retain(|_, at| at.elapsed() < AGAIN);
        for job in Job::ALL {
            let due = schedule::is_due(*job, &memory, paths, &settings.schedule, env::now());
            if failed.contains_key(job) || !due.unwrap_or(false) {
                continue;
            }
            let ground = Ground { memory: &memory, paths, settings: &settings.schedule, transcripts };
            match schedule::run(*job, ground, env::now(), rest.stop()) {
                Ok(Some(finding)) => tracing::info!(job = job.name(), finding, "done"),
                Ok(None) => tracing::info!(job = job.name(), "stopped before its end"),
                Err(error) => {
                    tracing::error!(job = job.name(), %error, "it failed");
                    failed.insert(*job, Instant::now());
                }
            }
        }
    }
}

/// What alerts are told with.
#[derive(Debug, Clone)]
pub(super) struct Teller {
    pub(super) log: Arc<Log>,
    pub(super) live: Live,
}

impl Teller {
    /// Shows new alerts on the desktop and runs the programs that are set for them.
    pub(super) fn tell(&self, lines: &[Line]) {
        let settings = self.live.get();
        lines.iter().for_each(|line| tell::tell(line, &settings.alerts));
    }
}

/// Where the conditions of alerts are looked up.
#[derive(Debug)]
pub(super) struct Lookout {
    pub(super) desk: Desk<Memory, memory::Error>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) paths: Paths,
    pub(super) transcripts: Option<std::path::PathBuf>,
    pub(super) teller: Teller,
}

/// Watches what the alert rules are about until the service ends.
pub(super) fn watch(rest: &Rest, lookout: &Lookout) {
    let known = alerts::lines(&lookout.paths.alerts_log()).unwrap_or_default();
    let mut watcher = Watcher::resume(&alerts::open(&known));
    loop {
        let seconds = lookout.teller.live.get().serve.watch_seconds.max(1);
        if rest.wait(Duration::from_secs(seconds.into())) == Woken::End {
            return;
        }
        let settings = lookout.teller.live.get();
        if !settings.alerts.watch {
            continue;
        }
        if let Err(error) = look(&mut watcher, lookout, &settings) {
            tracing::warn!(%error, "what alerts are about was not looked at");
        }
    }
}

fn look(watcher: &mut Watcher, lookout: &Lookout, settings: &crate::config::Settings) -> memory::Result<()> {
    let (memory, now) = (lookout.desk.opened()?, env::now());
    let readings = Readings::read(&memory, settings, lookout.transcripts.as_deref(), now)?;
    let traffic = lookout.metrics.traffic(&memory, now)?;
    let config_ok = lookout.metrics.config_is_ok();
    let schedule = &settings.schedule;
    let lines = watcher.look(&Sight { readings: &readings, traffic, config_ok, schedule, now });
    if lines.is_empty() {
        return Ok(());
    }
    // Who has Prometheus is told by it.
    let known = alerts::lines(&lookout.paths.alerts_log()).unwrap_or_default();
    let open = alerts::open(&known);
    let told = |line: &Line| {
        open.iter().any(|other| other.alertname == line.alertname && other.fingerprint != line.fingerprint)
    };
    let lines = lines.into_iter().filter(|line| line.status != "firing" || !told(line)).collect();
    match lookout.teller.log.write_lines(lines) {
        Ok(new) => {
            for line in &new {
                tracing::warn!(alert = line.alertname, status = line.status, "an alert of our own");
            }
            lookout.teller.tell(&new);
        }
        Err(error) => tracing::error!(%error, "an alert could not be written down"),
    }
    Ok(())
}

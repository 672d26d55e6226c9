//! The alert rules without Prometheus: whether what each is about holds now, and since when. Owns no rule (see `monitoring`) and no
//! log (see `alerts`).

use std::collections::BTreeMap;

use super::alerts::Line;
use super::metrics::{Readings, Traffic};
use super::monitoring::{RULES, Rule};
use super::schedule::Job;
use crate::config::ScheduleSettings;
use crate::domain::Timestamp;
use crate::memory::{Backlog, Check, Health, Memory};

/// What the conditions are looked up in.
#[derive(Debug)]
pub struct Sight<'a> {
    /// The store and what is beside it.
    pub readings: &'a Readings,
    /// The requests of the last minutes; nothing where nobody counts.
    pub traffic: Traffic,
    /// Whether the configuration could be read when it was asked for.
    pub config_ok: bool,
    /// How often work is to be done.
    pub schedule: &'a ScheduleSettings,
    /// The moment.
    pub now: Timestamp,
}

impl Sight<'_> {
    /// Whether a target that is configured did not answer.
    pub fn is_down(&self, target: &str) -> bool {
        self.readings.targets.iter().any(|copied| copied.state.name == target && !copied.state.up)
    }

    /// Whether some work ended badly the last time.
    pub fn failed(&self, run: &str) -> bool {
        self.readings.runs.iter().any(|last| last.name == run && !last.ok)
    }

    /// Whether work that was done last at a time should have been done again `grace_ms` ago, by the settings. What is switched off
    /// never is, nor what was never done: that is new.
    pub fn overdue(&self, job: Job, last: Option<Timestamp>, grace_ms: i64) -> bool {
        job.every_ms(self.schedule).zip(last).is_some_and(|(every, last)| last < self.now.minus(every + grace_ms))
    }

    /// When some work was done last.
    pub fn last(&self, job: Job) -> Option<Timestamp> {
        self.readings.runs.iter().find(|run| run.name == job.name()).map(|run| run.at)
    }

    /// The used part of the disk, 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a part of a whole")]
    pub fn disk_used(&self) -> f64 {
        self.readings.disk.map_or(0.0, |(free, all)| 1.0 - free as f64 / all.max(1) as f64)
    }

    /// The rules whose condition holds at this moment.
    pub fn holding(&self) -> impl Iterator<Item = &'static Rule> {
        RULES.iter().filter(|rule| rule.holds.is_some_and(|holds| holds(self)))
    }
}

/// Conditions that hold, and since when.
#[derive(Debug, Default)]
pub struct Watcher {
    holding: BTreeMap<&'static str, Held>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    since: Timestamp,
    told: bool,
}

impl Watcher {
    /// Takes up what the log says is open, so that a service that was started again resolves it.
    pub fn resume(open: &[&Line]) -> Self {
        let ours = open.iter().filter(|line| line.fingerprint == fingerprint(&line.alertname));
        let holding = ours.filter_map(|line| {
            let rule = RULES.iter().find(|rule| rule.name == line.alertname)?;
            Some((rule.name, Held { since: Timestamp::parse(&line.starts_at)?, told: true }))
        });
        Self { holding: holding.collect() }
    }

    /// Lines for the log: of what has held for as long as its rule says, and of what holds no more.
    pub fn look(&mut self, sight: &Sight<'_>) -> Vec<Line> {
        let holding: Vec<&Rule> = sight.holding().collect();
        let mut lines = Vec::new();
        for rule in &holding {
            let held = self.holding.entry(rule.name).or_insert(Held { since: sight.now, told: false });
            let enough = held.since <= sight.now.minus(i64::try_from(rule.hold * 1000).unwrap_or(i64::MAX));
            if enough && !held.told {
                held.told = true;
                lines.push(line(rule, "firing", held.since, sight.now));
            }
        }
        for rule in RULES.iter().filter(|rule| holding.iter().all(|other| other.name != rule.name)) {
            if let Some(held) = self.holding.remove(rule.name).filter(|held| held.told) {
                lines.push(line(rule, "resolved", held.since, sight.now));
            }
        }
        lines
    }
}

fn fingerprint(name: &str) -> String {
    format!("local-{name}")
}

fn line(rule: &Rule, status: &str, at: Timestamp, now: Timestamp) -> Line {
    Line {
        received_at: now.to_string(),
        status: status.to_owned(),
        severity: rule.severity.to_owned(),
        alertname: rule.name.to_owned(),
        summary: rule.summary[0].to_owned(),
        description: rule.description[0].to_owned(),
        starts_at: at.to_string(),
        ends_at: (status == "resolved").then(|| now.to_string()),
        fingerprint: fingerprint(rule.name),
        runbook_url: Some(format!("docs/runbook/README.md#{}", rule.name.to_lowercase())),
    }
}

/// What holds at this moment, as a check: for who asks without a service that watches.
///
/// # Errors
/// When the store cannot be read.
pub fn check(memory: &Memory, health: &Health, backlog: Backlog, now: Timestamp) -> crate::memory::Result<Check> {
    let paths = memory.paths();
    let readings = Readings::of(memory, memory.settings(), health, backlog)?;
    let schedule = &memory.settings().schedule;
    let sight = Sight { readings: &readings, traffic: Traffic::default(), config_ok: true, schedule, now };
    let holding: Vec<&Rule> = sight.holding().collect();
    let lines = super::alerts::lines(&paths.alerts_log()).unwrap_or_default();
    let open = super::alerts::open(&lines);
    let told = open.iter().map(|line| (line.alertname.as_str(), line.summary.as_str()));
    let seen = holding.iter().map(|rule| (rule.name, rule.summary[0]));
    let all: BTreeMap<&str, &str> = told.chain(seen).collect();
    let finding = match all.first_key_value() {
        None => "none is open".to_owned(),
        Some((name, summary)) if all.len() == 1 => format!("{name}: {summary}"),
        Some((name, summary)) => format!("{} are open, for example {name}: {summary}", all.len()),
    };
    let advice = holding.first().map(|rule| rule.description[0].to_owned());
    let fix = (!all.is_empty()).then(|| advice.unwrap_or_else(|| "run `claude-memory alerts list`".to_owned()));
    Ok(Check { name: "alerts", ok: all.is_empty(), finding, fix })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::HOUR_MS;
    use crate::store::{Run, Stats};

    fn readings(used_percent: u64) -> Readings {
        Readings {
            ledgers: Vec::new(),
            stats: Stats::default(),
            vectors: 0,
            backlog: Backlog::default(),
            redactions: Vec::new(),
            backup: None,
            disk: Some((100 - used_percent, 100)),
            index_bytes: 0,
            runs: Vec::new(),
            targets: Vec::new(),
        }
    }

    fn schedule(backup_hours: u32) -> ScheduleSettings {
        ScheduleSettings { enabled: true, backup_hours, integrity_days: 7, maintain_days: 30, cleanup_days: 0 }
    }

    #[test]
    fn what_is_overdue_goes_by_the_settings() {
        let now = Timestamp::from_milliseconds(1_790_000_000_000);
        let holding = |backup_hours: u32, age_hours: Option<i64>, ok: bool| -> Vec<&str> {
            let backup = age_hours.map(|hours| now.minus(hours * HOUR_MS));
            let run = |at| Run { name: "backup".to_owned(), at, ok, finding: String::new() };
            let readings = Readings { backup, runs: backup.map(run).into_iter().collect(), ..readings(10) };
            let (traffic, schedule) = (Traffic::default(), schedule(backup_hours));
            let sight = Sight { readings: &readings, traffic, config_ok: true, schedule: &schedule, now };
            sight.holding().map(|rule| rule.name).collect()
        };
        let (old, failed) = ("ClaudeMemoryBackupTooOld", "ClaudeMemoryBackupFailed");
        for (every, age, ok, wanted) in [
            (24, Some(25), true, vec![]),
            (24, Some(27), true, vec![old]),
            (48, Some(27), true, vec![]),
            (0, Some(1000), true, vec![]),
            (24, None, true, vec![]),
            (24, Some(1), false, vec![failed]),
        ] {
            assert_eq!(holding(every, age, ok), wanted, "every {every} hours, {age:?}");
        }
    }

    #[test]
    fn it_tells_once_when_it_has_held_and_once_when_it_is_over() {
        let at = |seconds: i64| Timestamp::from_milliseconds(seconds * 1000);
        let mut watcher = Watcher::default();
        let schedule = schedule(24);
        let look = |watcher: &mut Watcher, used, seconds| {
            let readings = readings(used);
            let (traffic, now) = (Traffic::default(), at(seconds));
            let sight = Sight { readings: &readings, traffic, config_ok: true, schedule: &schedule, now };
            let told = watcher.look(&sight);
            told.into_iter().map(|line| format!("{} {}", line.alertname, line.status)).collect::<Vec<_>>()
        };
        assert!(look(&mut watcher, 85, 0).is_empty(), "it may pass");
        assert!(look(&mut watcher, 85, 299).is_empty());
        assert_eq!(look(&mut watcher, 85, 300), ["ClaudeMemoryDiskFilling firing"]);
        assert!(look(&mut watcher, 85, 600).is_empty(), "told already");
        assert!(look(&mut watcher, 95, 601).is_empty());
        assert_eq!(look(&mut watcher, 95, 661), ["ClaudeMemoryDiskFull firing"]);
        assert_eq!(look(&mut watcher, 10, 700), ["ClaudeMemoryDiskFilling resolved", "ClaudeMemoryDiskFull resolved"]);
        assert!(look(&mut watcher, 10, 701).is_empty());
        // What was told before a restart is resolved after it.
        let old = line(RULES.iter().find(|rule| rule.name == "ClaudeMemoryDiskFull").unwrap(), "firing", at(1), at(1));
        let mut watcher = Watcher::resume(&[&old]);
        assert_eq!(look(&mut watcher, 10, 800), ["ClaudeMemoryDiskFull resolved"]);
    }
}

//! Evaluates the alert rules without Prometheus: which conditions hold, and since when. Owns neither the rules (see
//! `monitoring`) nor the log (see `alerts`).

use std::collections::BTreeMap;

use super::alert_inputs::AlertInputs;
use super::alerts::AlertLine;
use super::metrics::{Readings, Traffic};
use crate::domain::Timestamp;
use crate::memory::{Backlog, CheckResult, Memory, MemoryHealth};
use crate::monitor::{AlertRule, RULES};

/// Returns the rules whose condition holds.
pub fn holding_rules(inputs: &AlertInputs<'_>) -> impl Iterator<Item = &'static AlertRule> {
    RULES.iter().filter(|rule| rule.holds.is_some_and(|holds| holds(inputs)))
}

/// Rules whose condition holds, and since when.
#[derive(Debug, Default)]
pub struct AlertEvaluator {
    holding: BTreeMap<&'static str, FiringState>,
}

#[derive(Debug, Clone, Copy)]
struct FiringState {
    since: Timestamp,
    told: bool,
}

impl AlertEvaluator {
    /// Restores the firing rules from the log, so that a restarted service resolves them.
    pub fn from_open_alerts(open: &[&AlertLine]) -> Self {
        let ours = open.iter().filter(|line| line.fingerprint == local_fingerprint(&line.alertname));
        let holding = ours.filter_map(|line| {
            let rule = RULES.iter().find(|rule| rule.name == line.alertname)?;
            Some((rule.name, FiringState { since: Timestamp::parse_rfc3339(&line.starts_at)?, told: true }))
        });
        Self { holding: holding.collect() }
    }

    /// Evaluates the rules. Returns log lines for those that have held long enough and for those that hold no more.
    pub fn evaluate_alerts(&mut self, sight: &AlertInputs<'_>) -> Vec<AlertLine> {
        let holding: Vec<&AlertRule> = holding_rules(sight).collect();
        let mut lines = Vec::new();
        for rule in &holding {
            let held = self.holding.entry(rule.name).or_insert(FiringState { since: sight.now, told: false });
            let enough =
                held.since <= sight.now.minus_milliseconds(i64::try_from(rule.hold * 1000).unwrap_or(i64::MAX));
            if enough && !held.told {
                held.told = true;
                lines.push(build_line(rule, "firing", held.since, sight.now));
            }
        }
        for rule in RULES.iter().filter(|rule| holding.iter().all(|other| other.name != rule.name)) {
            if let Some(held) = self.holding.remove(rule.name).filter(|held| held.told) {
                lines.push(build_line(rule, "resolved", held.since, sight.now));
            }
        }
        lines
    }
}

fn local_fingerprint(name: &str) -> String {
    format!("local-{name}")
}

fn build_line(rule: &AlertRule, status: &str, at: Timestamp, now: Timestamp) -> AlertLine {
    AlertLine {
        received_at: now.to_string(),
        status: status.to_owned(),
        severity: rule.severity.to_owned(),
        alertname: rule.name.to_owned(),
        summary: rule.summary[0].to_owned(),
        description: rule.description[0].to_owned(),
        starts_at: at.to_string(),
        ends_at: (status == "resolved").then(|| now.to_string()),
        fingerprint: local_fingerprint(rule.name),
        runbook_url: Some(format!("docs/runbook/README.md#{}", rule.name.to_lowercase())),
    }
}

/// Reports firing alerts as a health check, for commands that run without the service.
pub fn check_alerts(
    memory: &Memory,
    health: &MemoryHealth,
    backlog: Backlog,
    now: Timestamp,
) -> crate::memory::Result<CheckResult> {
    let paths = memory.paths();
    let readings = Readings::from_health(memory, memory.settings(), health, backlog)?;
    let schedule = &memory.settings().schedule;
    let sight = AlertInputs { readings: &readings, traffic: Traffic::default(), config_ok: true, schedule, now };
    let holding: Vec<&AlertRule> = holding_rules(&sight).collect();
    let lines = super::alerts::read_log(&paths.alerts_log()).unwrap_or_default();
    let open = super::alerts::open_alerts(&lines);
    let told = open.iter().map(|line| (line.alertname.as_str(), line.summary.as_str()));
    let seen = holding.iter().map(|rule| (rule.name, rule.summary[0]));
    let all: BTreeMap<&str, &str> = told.chain(seen).collect();
    let finding = match all.first_key_value() {
        None => "none is open".to_owned(),
        Some((name, summary)) if all.len() == 1 => format!("{name}: {summary}"),
        Some((name, summary)) => format!("{} alerts are firing, for example {name}: {summary}", all.len()),
    };
    let advice = holding.first().map(|rule| rule.description[0].to_owned());
    let fix = (!all.is_empty()).then(|| advice.unwrap_or_else(|| "run `claude-memory alerts list`".to_owned()));
    Ok(CheckResult { name: "alerts", ok: all.is_empty(), finding, fix })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ScheduleSettings;
    use crate::domain::time::HOUR_MS;
    use crate::store::{JobRun, StoreStats};

    fn readings(used_percent: u64) -> Readings {
        Readings {
            ledgers: Vec::new(),
            stats: StoreStats::default(),
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
            let backup = age_hours.map(|hours| now.minus_milliseconds(hours * HOUR_MS));
            let run = |at| JobRun { name: "backup".to_owned(), at, ok, finding: String::new() };
            let readings = Readings { backup, runs: backup.map(run).into_iter().collect(), ..readings(10) };
            let (traffic, schedule) = (Traffic::default(), schedule(backup_hours));
            let sight = AlertInputs { readings: &readings, traffic, config_ok: true, schedule: &schedule, now };
            holding_rules(&sight).map(|rule| rule.name).collect()
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
        let mut watcher = AlertEvaluator::default();
        let schedule = schedule(24);
        let look = |watcher: &mut AlertEvaluator, used, seconds| {
            let readings = readings(used);
            let (traffic, now) = (Traffic::default(), at(seconds));
            let sight = AlertInputs { readings: &readings, traffic, config_ok: true, schedule: &schedule, now };
            let told = watcher.evaluate_alerts(&sight);
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
        let old =
            build_line(RULES.iter().find(|rule| rule.name == "ClaudeMemoryDiskFull").unwrap(), "firing", at(1), at(1));
        let mut watcher = AlertEvaluator::from_open_alerts(&[&old]);
        assert_eq!(look(&mut watcher, 10, 800), ["ClaudeMemoryDiskFull resolved"]);
    }
}

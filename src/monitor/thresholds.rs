//! The runbook's thresholds for disk, memory, CPU, response time and database size. Owns measuring and grading; the
//! numbers are settings.

use serde::Serialize;

use std::time::Duration;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::config::{Paths, ThresholdBounds, ThresholdSettings};
use crate::disk;
use crate::domain::names::names;
use crate::memory::Memory;

/// Interval of the CPU measurement; a shorter one gives no usable value.
const CPU_INTERVAL: Duration = sysinfo::MINIMUM_CPU_UPDATE_INTERVAL;

/// Grade of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ThresholdLevel {
    /// In the normal range.
    Normal,
    /// Above the normal range, but no reason to act.
    Elevated,
    /// Needs action soon.
    Warning,
    /// Needs action now.
    Critical,
}

names!(ThresholdLevel { Normal: "normal"; Elevated: "elevated"; Warning: "warning"; Critical: "critical"; });

impl ThresholdLevel {
    /// Returns the exit code of `status`.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Normal | Self::Elevated => 0,
            Self::Warning => 1,
            Self::Critical => 2,
        }
    }
}

/// One measured value with its grade.
#[derive(Debug, Clone, PartialEq)]
pub struct ThresholdReading {
    /// `disk`, `memory`, `cpu`, `response` or `database`.
    pub name: &'static str,
    /// Measured value; `None` if this system does not provide it.
    pub value: Option<f64>,
    /// Unit: `%`, `s` or `MB`.
    pub unit: &'static str,
    /// Thresholds it is compared with.
    pub bounds: ThresholdBounds,
    pub level: ThresholdLevel,
}

/// A reading as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct ThresholdRow {
    /// `disk`, `memory`, `cpu`, `response` or `database`.
    pub name: &'static str,
    /// Measured value, rounded to hundredths.
    pub value: Option<f64>,
    /// Unit: `%`, `s` or `MB`.
    pub unit: &'static str,
    /// Upper end of the normal range.
    pub normal: u32,
    /// Start of the warning range.
    pub warning: u32,
    /// Start of the critical range.
    pub critical: u32,
    /// `normal`, `elevated`, `warning` or `critical`.
    pub level: &'static str,
}

impl From<&ThresholdReading> for ThresholdRow {
    fn from(reading: &ThresholdReading) -> Self {
        let [normal, warning, critical] = reading.bounds.to_array();
        let value = reading.value.map(|value| (value * 100.0).round() / 100.0);
        Self { name: reading.name, value, unit: reading.unit, normal, warning, critical, level: reading.level.name() }
    }
}

/// Measures everything. `injected` replaces measured values by name, for tests.
pub fn measure_all(
    memory: &Memory,
    paths: &Paths,
    settings: &ThresholdSettings,
    injected: &[(String, f64)],
) -> crate::memory::Result<Vec<ThresholdReading>> {
    let stats = memory.snapshot()?.collect_stats()?;
    let instead = |name: &str| injected.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
    let system = if instead("cpu").is_some() && instead("memory").is_some() { None } else { Some(measure_system()) };
    let used_memory = system
        .as_ref()
        .map(|system| to_percent(system.total_memory() - system.available_memory(), system.total_memory()));
    let cpu = system.as_ref().map(|system| f64::from(system.global_cpu_usage()));
    let used_disk = disk::disk_space(paths.home()).ok().map(|(free, all)| to_percent(all - free, all));
    let rows = [
        ("disk", used_disk, "%", settings.disk),
        ("memory", used_memory, "%", settings.memory),
        ("cpu", cpu, "%", settings.cpu),
        ("response", Some(mean_seconds(memory)?), "s", settings.response),
        ("database", Some(to_float(stats.database_bytes + stats.log_bytes) / 1e6), "MB", settings.database),
    ];
    Ok(rows
        .into_iter()
        .map(|(name, measured, unit, bounds)| {
            let value = instead(name).or(measured);
            ThresholdReading { name, value, unit, bounds, level: grade_value(value, bounds) }
        })
        .collect())
}

/// Returns the highest level.
pub fn worst_level(readings: &[ThresholdReading]) -> ThresholdLevel {
    readings.iter().map(|reading| reading.level).max().unwrap_or(ThresholdLevel::Normal)
}

fn grade_value(value: Option<f64>, bounds: ThresholdBounds) -> ThresholdLevel {
    let [normal, warning, critical] = bounds.to_array().map(f64::from);
    match value {
        Some(value) if value >= critical => ThresholdLevel::Critical,
        Some(value) if value >= warning => ThresholdLevel::Warning,
        Some(value) if value >= normal => ThresholdLevel::Elevated,
        _ => ThresholdLevel::Normal,
    }
}

#[expect(clippy::disallowed_methods, reason = "how busy the cores are is only known over a while")]
fn measure_system() -> System {
    let what = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing().with_cpu_usage())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let mut system = System::new_with_specifics(what);
    std::thread::sleep(CPU_INTERVAL);
    system.refresh_cpu_usage();
    system
}

/// Computes the mean duration of all counted requests.
fn mean_seconds(memory: &Memory) -> crate::memory::Result<f64> {
    let counters = memory.snapshot()?.read_counters()?;
    let sum =
        |head: &str| counters.iter().filter(|(name, _)| name.starts_with(head)).map(|(_, value)| *value).sum::<i64>();
    let (requests, micros) = (sum("requests/"), sum("micros/"));
    let number = |value: i64| to_float(u64::try_from(value).unwrap_or(0));
    Ok(if requests > 0 { number(micros) / 1e6 / number(requests) } else { 0.0 })
}

fn to_percent(part: u64, whole: u64) -> f64 {
    to_float(part) * 100.0 / to_float(whole.max(1))
}

#[expect(clippy::cast_precision_loss, reason = "a size, for people")]
const fn to_float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_begins_at_its_bound() {
        let bounds = ThresholdBounds::try_from([70, 80, 90]).unwrap();
        let levels = [69.9, 70.0, 79.9, 80.0, 89.9, 90.0, 1000.0].map(|value| grade_value(Some(value), bounds).name());
        assert_eq!(levels, ["normal", "elevated", "elevated", "warning", "warning", "critical", "critical"]);
        assert_eq!(grade_value(None, bounds), ThresholdLevel::Normal);
        assert!(ThresholdBounds::try_from([80, 70, 90]).is_err());
    }
}

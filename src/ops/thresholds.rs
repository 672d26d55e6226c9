//! The runbook's thresholds: how full, how busy, how slow, how large, and from when on that is a reason to do something. Owns the
//! measuring and the judgement; the numbers are settings.

use serde::Serialize;

use std::time::Duration;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::config::{Bounds, Paths, ThresholdSettings};
use crate::disk;
use crate::memory::Memory;

/// Between two looks at how busy the cores are; shorter tells nothing.
const CPU_LOOK: Duration = sysinfo::MINIMUM_CPU_UPDATE_INTERVAL;

/// How a reading is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// In the normal range.
    Normal,
    /// Above it, and no reason to do anything.
    Elevated,
    /// Something should be done soon.
    Warning,
    /// Something has to be done now.
    Critical,
}

impl Level {
    /// The name used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Elevated => "elevated",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The exit code of `status`.
    pub const fn exit(self) -> u8 {
        match self {
            Self::Normal | Self::Elevated => 0,
            Self::Warning => 1,
            Self::Critical => 2,
        }
    }
}

/// One reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// disk, memory, cpu, response or database.
    pub name: &'static str,
    /// What was measured; `None` when this system does not tell.
    pub value: Option<f64>,
    /// %, s or MB.
    pub unit: &'static str,
    /// What it is compared with.
    pub bounds: Bounds,
    /// The judgement.
    pub level: Level,
}

/// A reading as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// disk, memory, cpu, response or database.
    pub name: &'static str,
    /// Rounded to hundredths.
    pub value: Option<f64>,
    /// %, s or MB.
    pub unit: &'static str,
    /// Below this it is well.
    pub normal: u32,
    /// From here on it is worth a warning.
    pub warning: u32,
    /// From here on it is critical.
    pub critical: u32,
    /// normal, elevated, warning or critical.
    pub level: &'static str,
}

impl From<&Reading> for Row {
    fn from(reading: &Reading) -> Self {
        let [normal, warning, critical] = reading.bounds.numbers();
        let value = reading.value.map(|value| (value * 100.0).round() / 100.0);
        Self { name: reading.name, value, unit: reading.unit, normal, warning, critical, level: reading.level.name() }
    }
}

/// Measures everything. `injected` are readings by name that stand for what would be measured; for tests.
///
/// # Errors
/// When the store cannot be read.
pub fn read(
    memory: &Memory,
    paths: &Paths,
    settings: &ThresholdSettings,
    injected: &[(String, f64)],
) -> crate::memory::Result<Vec<Reading>> {
    let stats = memory.stats()?;
    let instead = |name: &str| injected.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
    let system = if instead("cpu").is_some() && instead("memory").is_some() { None } else { Some(look()) };
    let used_memory =
        system.as_ref().map(|system| percent(system.total_memory() - system.available_memory(), system.total_memory()));
    let cpu = system.as_ref().map(|system| f64::from(system.global_cpu_usage()));
    let used_disk = disk::space(paths.home()).ok().map(|(free, all)| percent(all - free, all));
    let rows = [
        ("disk", used_disk, "%", settings.disk),
        ("memory", used_memory, "%", settings.memory),
        ("cpu", cpu, "%", settings.cpu),
        ("response", Some(mean_seconds(memory)?), "s", settings.response),
        ("database", Some(number(stats.database_bytes + stats.log_bytes) / 1e6), "MB", settings.database),
    ];
    Ok(rows
        .into_iter()
        .map(|(name, measured, unit, bounds)| {
            let value = instead(name).or(measured);
            Reading { name, value, unit, bounds, level: judge(value, bounds) }
        })
        .collect())
}

/// The worst of them.
pub fn worst(readings: &[Reading]) -> Level {
    readings.iter().map(|reading| reading.level).max().unwrap_or(Level::Normal)
}

fn judge(value: Option<f64>, bounds: Bounds) -> Level {
    let [normal, warning, critical] = bounds.numbers().map(f64::from);
    match value {
        Some(value) if value >= critical => Level::Critical,
        Some(value) if value >= warning => Level::Warning,
        Some(value) if value >= normal => Level::Elevated,
        _ => Level::Normal,
    }
}

#[expect(clippy::disallowed_methods, reason = "how busy the cores are is only known over a while")]
fn look() -> System {
    let what = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing().with_cpu_usage())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let mut system = System::new_with_specifics(what);
    std::thread::sleep(CPU_LOOK);
    system.refresh_cpu_usage();
    system
}

/// The mean of all requests that were counted.
fn mean_seconds(memory: &Memory) -> crate::memory::Result<f64> {
    let counters = memory.counters()?;
    let sum =
        |head: &str| counters.iter().filter(|(name, _)| name.starts_with(head)).map(|(_, value)| *value).sum::<i64>();
    let (requests, micros) = (sum("requests/"), sum("micros/"));
    let number = |value: i64| number(u64::try_from(value).unwrap_or(0));
    Ok(if requests > 0 { number(micros) / 1e6 / number(requests) } else { 0.0 })
}

fn percent(part: u64, whole: u64) -> f64 {
    number(part) * 100.0 / number(whole.max(1))
}

#[expect(clippy::cast_precision_loss, reason = "a size, for people")]
const fn number(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_begins_at_its_bound() {
        let bounds = Bounds::try_from([70, 80, 90]).unwrap();
        let levels = [69.9, 70.0, 79.9, 80.0, 89.9, 90.0, 1000.0].map(|value| judge(Some(value), bounds).name());
        assert_eq!(levels, ["normal", "elevated", "elevated", "warning", "warning", "critical", "critical"]);
        assert_eq!(judge(None, bounds), Level::Normal);
        assert!(Bounds::try_from([80, 70, 90]).is_err());
    }
}

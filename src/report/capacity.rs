//! Capacity report: sizes, growth, and when they reach a threshold.

use std::fmt::Write as _;

use serde::Serialize;

use super::{ChartSeries, SavedReport, day_of, format_date, signed_to_float, to_megabytes, unsigned_to_float};
use crate::backup;
use crate::config::Paths;
use crate::domain::time::DAY_MS;
use crate::domain::{Failure, Timestamp};
use crate::memory::Memory;
use crate::monitor::metrics::{INGEST_LAG, Readings, SYNC_LAG};
use crate::store::{DailySample, DayActivity};

/// Days over which growth is measured.
const DAYS: i64 = 30;

/// Capacity report, as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct CapacityReport {
    /// Time of the report, RFC 3339.
    pub made_at: String,
    /// Megabytes of database and log.
    pub database_mb: f64,
    /// Megabytes of the shared index files.
    pub index_mb: f64,
    /// Megabytes of backups.
    pub backups_mb: f64,
    /// Megabytes of all texts.
    pub text_mb: f64,
    pub messages: u64,
    pub sessions: u64,
    /// Embeddings of the current model.
    pub vectors: u64,
    /// Megabytes of the disk that are free.
    pub disk_free_mb: Option<f64>,
    /// Percentage of the disk that is used.
    pub disk_used_percent: Option<f64>,
    /// Messages per day, mean of the last thirty days.
    pub messages_per_day: f64,
    /// Database growth in megabytes per day: from daily samples, else estimated from messages and their mean size.
    pub growth_mb_per_day: f64,
    /// Days that growth was measured over; 0 if it is an estimate.
    pub growth_measured_days: i64,
    /// Thresholds, and when they are reached at this growth.
    pub forecast: Vec<Forecast>,
    /// Daily messages, sizes and lags.
    pub charts: Vec<ChartSeries>,
}

/// Time until a threshold is reached.
#[derive(Debug, Clone, Serialize)]
pub struct Forecast {
    /// Name of the threshold.
    pub threshold: String,
    /// Days from now; `None` if not within ten years at this growth.
    pub days: Option<u64>,
}

/// Builds the capacity report.
pub fn capacity_report(memory: &Memory, paths: &Paths, now: Timestamp) -> Result<CapacityReport, Failure> {
    let readings = Readings::read_all(memory, memory.settings(), None, now)?;
    let stats = &readings.stats;
    let today = day_of(now);
    let days = memory.snapshot()?.daily_activity(Timestamp::from_milliseconds((today - DAYS + 1) * DAY_MS), now)?;
    let recent: u64 = days.iter().map(|day| day.messages).sum();
    let messages_per_day = unsigned_to_float(recent) / signed_to_float(DAYS);
    let bytes = stats.database_bytes + stats.log_bytes;
    let samples = memory.snapshot()?.daily_samples(today - DAYS)?;
    let sizes = samples_named(&samples, "database_bytes");
    let measured = sizes.first().zip(sizes.last()).filter(|((first, _), (last, _))| last > first);
    let (growth, measured_days) = match measured {
        Some(((first, before), (last, after))) => {
            (signed_to_float((after - before).max(0)) / signed_to_float(last - first), last - first)
        }
        None => (unsigned_to_float(bytes) / unsigned_to_float(stats.messages.max(1)) * messages_per_day, 0),
    };
    let [_, warning, critical] = memory.settings().thresholds.database.to_array();
    let mut forecast = vec![
        Forecast {
            threshold: format!("database {warning} MB"),
            days: days_until(unsigned_to_float(bytes), f64::from(warning) * 1e6, growth),
        },
        Forecast {
            threshold: format!("database {critical} MB"),
            days: days_until(unsigned_to_float(bytes), f64::from(critical) * 1e6, growth),
        },
    ];
    if let Some((free, all)) = readings.disk {
        for percent in [80_u32, 90] {
            let most = unsigned_to_float(all) * f64::from(percent) / 100.0;
            let threshold = format!("disk {percent} % full");
            forecast.push(Forecast { threshold, days: days_until(unsigned_to_float(all - free), most, growth) });
        }
    }
    Ok(CapacityReport {
        made_at: now.to_string(),
        database_mb: to_megabytes(bytes),
        index_mb: to_megabytes(readings.index_bytes),
        backups_mb: to_megabytes(backup::total_bytes(&paths.backups_folder())?),
        text_mb: to_megabytes(stats.text_bytes),
        messages: stats.messages,
        sessions: stats.conversations,
        vectors: readings.vectors,
        disk_free_mb: readings.disk.map(|(free, _)| to_megabytes(free)),
        disk_used_percent: readings
            .disk
            .map(|(free, all)| (1000.0 * unsigned_to_float(all - free) / unsigned_to_float(all.max(1))).round() / 10.0),
        messages_per_day: (messages_per_day * 10.0).round() / 10.0,
        growth_mb_per_day: (growth / 1e4).round() / 100.0,
        growth_measured_days: measured_days,
        forecast,
        charts: build_charts(&days, &samples, today),
    })
}

/// Returns the samples of a name: days and values.
fn samples_named(samples: &[DailySample], name: &str) -> Vec<(i64, i64)> {
    samples.iter().filter(|sample| sample.name == name).map(|sample| (sample.day, sample.value)).collect()
}

/// Builds the daily charts of messages, sizes and lags; those without samples are left out.
fn build_charts(days: &[DayActivity], samples: &[DailySample], today: i64) -> Vec<ChartSeries> {
    let said = |day: i64| days.iter().find(|found| found.day == day).map_or(0, |found| found.messages);
    let said = ChartSeries {
        title: "messages by day".to_owned(),
        unit: "messages".to_owned(),
        points: (today - DAYS + 1..=today).map(|day| (format_date(day), unsigned_to_float(said(day)))).collect(),
    };
    let noted = |title: &str, unit: &str, name: &str, whole: f64| ChartSeries {
        title: title.to_owned(),
        unit: unit.to_owned(),
        points: samples_named(samples, name)
            .iter()
            .map(|(day, value)| (format_date(*day), signed_to_float(*value) / whole))
            .collect(),
    };
    let charts = [
        said,
        noted("size of the database", "MB", "database_bytes", 1e6),
        noted("size of the index", "MB", "index_bytes", 1e6),
        noted("reading behind", "seconds", INGEST_LAG, 1.0),
        noted("PostgreSQL behind", "seconds", &format!("{SYNC_LAG}postgres"), 1.0),
        noted("Qdrant behind", "seconds", &format!("{SYNC_LAG}qdrant"), 1.0),
    ];
    charts.into_iter().filter(|series| !series.points.is_empty()).collect()
}

/// Returns the days until `most` is reached; 0 if it is already.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days, bounded before")]
fn days_until(now: f64, most: f64, growth: f64) -> Option<u64> {
    if now >= most {
        return Some(0);
    }
    let days = (most - now) / growth;
    // A forecast beyond ten years means nothing.
    (days.is_finite() && days < 3650.0).then(|| days.ceil() as u64)
}

impl SavedReport for CapacityReport {
    fn report_name(&self) -> &'static str {
        "capacity"
    }

    fn made_at(&self) -> &str {
        &self.made_at
    }

    fn chart_series(&self) -> &[ChartSeries] {
        &self.charts
    }

    fn markdown_text(&self) -> String {
        let mut text = format!("# Capacity of claude-memory\n\n{}\n\n| | |\n| --- | --- |\n", self.made_at);
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "| {name} | {value} |");
        };
        row("database", format!("{} MB for {} MB of text", self.database_mb, self.text_mb));
        row("index files", format!("{} MB", self.index_mb));
        row("backups", format!("{} MB", self.backups_mb));
        row("kept", format!("{} messages in {} sessions, {} vectors", self.messages, self.sessions, self.vectors));
        if let (Some(free), Some(used)) = (self.disk_free_mb, self.disk_used_percent) {
            row("disk", format!("{used} % used, {free} MB free"));
        }
        let how = if self.growth_measured_days > 0 {
            format!("measured over {} days", self.growth_measured_days)
        } else {
            "estimated from messages and their size".to_owned()
        };
        row("growth", format!("{} messages and {} MB a day, {how}", self.messages_per_day, self.growth_mb_per_day));
        text.push_str("\n## If it goes on like this\n\n| threshold | reached |\n| --- | --- |\n");
        for forecast in &self.forecast {
            let when = match forecast.days {
                None => "not within ten years".to_owned(),
                Some(0) => "now".to_owned(),
                Some(days) => format!("in {days} days"),
            };
            let _ = writeln!(text, "| {} | {when} |", forecast.threshold);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forecasts_are_days_and_say_when_there_is_none() {
        assert_eq!(days_until(500.0, 1000.0, 100.0), Some(5));
        assert_eq!(days_until(1000.0, 1000.0, 0.0), Some(0));
        assert_eq!(days_until(500.0, 1000.0, 0.0), None);
        assert_eq!(days_until(500.0, 1e12, 0.1), None);
    }
}

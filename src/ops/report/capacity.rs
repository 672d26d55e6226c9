//! How large everything is, how fast it grows, and when that reaches a threshold.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Report, Series, date, day_of, megabytes, number, signed};
use crate::config::Paths;
use crate::domain::Timestamp;
use crate::domain::time::DAY_MS;
use crate::memory::Memory;
use crate::ops::backup;
use crate::ops::error::Result;
use crate::ops::metrics::Readings;
use crate::ops::schedule::{INGEST_LAG, SYNC_LAG};
use crate::store::{Day, Sample};

/// Growth is that of so many days.
const DAYS: i64 = 30;

/// The report.
#[derive(Debug, Clone, Serialize)]
pub struct Capacity {
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// Megabytes of database and log.
    pub database_mb: f64,
    /// Megabytes of the shared index files.
    pub index_mb: f64,
    /// Megabytes of backups.
    pub backups_mb: f64,
    /// Megabytes of all texts.
    pub text_mb: f64,
    /// Messages.
    pub messages: u64,
    /// Sessions.
    pub sessions: u64,
    /// Vectors of the model in use.
    pub vectors: u64,
    /// Megabytes of the disk that are free.
    pub disk_free_mb: Option<f64>,
    /// Used percent of the disk.
    pub disk_used_percent: Option<f64>,
    /// Messages a day, mean of the last thirty days.
    pub messages_per_day: f64,
    /// Megabytes of the database a day: from what was written down each day, else from messages and their size.
    pub growth_mb_per_day: f64,
    /// Days that growth was measured over; 0 when it is an estimate.
    pub growth_measured_days: i64,
    /// What will be reached, if it goes on like this.
    pub forecast: Vec<Forecast>,
    /// Messages by day, and the size of the database.
    pub charts: Vec<Series>,
}

/// When a threshold is reached.
#[derive(Debug, Clone, Serialize)]
pub struct Forecast {
    /// Which.
    pub threshold: String,
    /// Days from now; `None`: not with this growth.
    pub days: Option<u64>,
}

/// Makes the report.
///
/// # Errors
/// When the store cannot be read.
pub fn capacity(memory: &Memory, paths: &Paths, now: Timestamp) -> Result<Capacity> {
    let readings = Readings::read(memory, memory.settings(), None, now)?;
    let stats = &readings.stats;
    let today = day_of(now);
    let days = memory.days(Timestamp::from_milliseconds((today - DAYS + 1) * DAY_MS), now)?;
    let recent: u64 = days.iter().map(|day| day.messages).sum();
    let messages_per_day = number(recent) / signed(DAYS);
    let bytes = stats.database_bytes + stats.log_bytes;
    let samples = memory.samples(today - DAYS)?;
    let sizes = sampled(&samples, "database_bytes");
    let measured = sizes.first().zip(sizes.last()).filter(|((first, _), (last, _))| last > first);
    let (growth, measured_days) = match measured {
        Some(((first, before), (last, after))) => {
            (signed((after - before).max(0)) / signed(last - first), last - first)
        }
        None => (number(bytes) / number(stats.messages.max(1)) * messages_per_day, 0),
    };
    let [_, warning, critical] = memory.settings().thresholds.database.numbers();
    let mut forecast = vec![
        Forecast {
            threshold: format!("database {warning} MB"),
            days: until(number(bytes), f64::from(warning) * 1e6, growth),
        },
        Forecast {
            threshold: format!("database {critical} MB"),
            days: until(number(bytes), f64::from(critical) * 1e6, growth),
        },
    ];
    if let Some((free, all)) = readings.disk {
        for percent in [80_u32, 90] {
            let most = number(all) * f64::from(percent) / 100.0;
            let threshold = format!("disk {percent} % full");
            forecast.push(Forecast { threshold, days: until(number(all - free), most, growth) });
        }
    }
    Ok(Capacity {
        made_at: now.to_string(),
        database_mb: megabytes(bytes),
        index_mb: megabytes(readings.index_bytes),
        backups_mb: megabytes(backup::bytes(&paths.backups())?),
        text_mb: megabytes(stats.text_bytes),
        messages: stats.messages,
        sessions: stats.conversations,
        vectors: readings.vectors,
        disk_free_mb: readings.disk.map(|(free, _)| megabytes(free)),
        disk_used_percent: readings
            .disk
            .map(|(free, all)| (1000.0 * number(all - free) / number(all.max(1))).round() / 10.0),
        messages_per_day: (messages_per_day * 10.0).round() / 10.0,
        growth_mb_per_day: (growth / 1e4).round() / 100.0,
        growth_measured_days: measured_days,
        forecast,
        charts: charts(&days, &samples, today),
    })
}

/// What was written down under a name: days and values.
fn sampled(samples: &[Sample], name: &str) -> Vec<(i64, i64)> {
    samples.iter().filter(|sample| sample.name == name).map(|sample| (sample.day, sample.value)).collect()
}

/// What was said, how large it became and how far it was behind, by the day; without what nobody wrote down.
fn charts(days: &[Day], samples: &[Sample], today: i64) -> Vec<Series> {
    let said = |day: i64| days.iter().find(|found| found.day == day).map_or(0, |found| found.messages);
    let said = Series {
        title: "messages by day".to_owned(),
        unit: "messages".to_owned(),
        points: (today - DAYS + 1..=today).map(|day| (date(day), number(said(day)))).collect(),
    };
    let noted = |title: &str, unit: &str, name: &str, whole: f64| Series {
        title: title.to_owned(),
        unit: unit.to_owned(),
        points: sampled(samples, name).iter().map(|(day, value)| (date(*day), signed(*value) / whole)).collect(),
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

/// Days until `most` is reached; 0 when it is already.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days, bounded before")]
fn until(now: f64, most: f64, growth: f64) -> Option<u64> {
    if now >= most {
        return Some(0);
    }
    let days = (most - now) / growth;
    // Ten years from now nobody knows.
    (days.is_finite() && days < 3650.0).then(|| days.ceil() as u64)
}

impl Report for Capacity {
    fn name(&self) -> &'static str {
        "capacity"
    }

    fn made_at(&self) -> &str {
        &self.made_at
    }

    fn series(&self) -> &[Series] {
        &self.charts
    }

    fn text(&self) -> String {
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
        assert_eq!(until(500.0, 1000.0, 100.0), Some(5));
        assert_eq!(until(1000.0, 1000.0, 0.0), Some(0));
        assert_eq!(until(500.0, 1000.0, 0.0), None);
        assert_eq!(until(500.0, 1e12, 0.1), None);
    }
}
